//! Servers that get something wrong, message by message: what can be had is had, what can't is said.

system_tests::watch_for_secrets!();

mod support;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
};

use support::{Run, files, mailctl, run};
use tempfile::TempDir;

/// What is said of one message.
enum Said {
    /// As it should be.
    Right,
    /// These octets instead.
    Octets(&'static [u8]),
    /// Nothing of it, and NO at the end.
    No,
    /// The connection ends.
    Cut,
}

/// What was asked of one message: its flags and so on, or its body.
#[derive(Clone, Copy, PartialEq)]
enum Asked {
    Facts,
    Body,
    Uid,
}

type Say = dyn Fn(u32, Asked) -> Said + Send + Sync;

/// A server on a port of its own with messages 1 to `messages` in INBOX, of which it said `exists` when it was opened.
struct Odd {
    port: u16,
    folder: TempDir,
}

impl Odd {
    fn start(exists: u32, messages: u32, say: impl Fn(u32, Asked) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let say: Arc<Say> = Arc::new(say);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (socket, say) = (socket.unwrap(), Arc::clone(&say));
                std::thread::spawn(move || serve(&socket, exists, messages, &*say));
            }
        });
        Self { port, folder: tempfile::tempdir().unwrap() }
    }

    async fn backup(&self) -> Run {
        let mut command = mailctl(&["backup", &format!("imap://alice@127.0.0.1:{}/INBOX", self.port)]);
        command.args(["--allow-plaintext", "--timeout", "5s", "--connections", "3", "--to"]);
        command.arg(self.folder.path().join("mail"));
        run(command).await
    }

    /// The UIDs of the messages on disk, each of which must be whole.
    fn stored(&self) -> Vec<u32> {
        let mut uids: Vec<u32> = files(&self.folder.path().join("mail"))
            .into_iter()
            .map(|(name, body)| {
                let uid = name.split_once('U').unwrap().1.split_once('.').unwrap().0.parse().unwrap();
                assert_eq!(body, format!("message {uid}").into_bytes());
                uid
            })
            .collect();
        uids.sort_unstable();
        uids
    }
}

/// Speaks until the client goes.
fn serve(mut socket: &TcpStream, exists: u32, messages: u32, say: &Say) -> Option<()> {
    let mut lines = BufReader::new(socket).lines();
    socket.write_all(b"* OK [CAPABILITY IMAP4rev1] ready\r\n").ok()?;
    while let Some(Ok(line)) = lines.next() {
        let (tag, command) = line.split_once(' ')?;
        let mut out = Vec::new();
        let mut end = "OK done";
        if command.starts_with("LOGIN") {
            end = "OK [CAPABILITY IMAP4rev1] in";
        } else if command.starts_with("LIST") {
            out.extend(b"* LIST () \"/\" INBOX\r\n* LIST (\\HasNoChildren) \"/\"\r\n");
        } else if command.starts_with("CAPABILITY") {
            out.extend(b"* CAPABILITY IMAP4rev1\r\n");
        } else if command.starts_with("STATUS") {
            out.extend(format!("* STATUS INBOX (MESSAGES {messages})\r\n").bytes());
        } else if command.starts_with("EXAMINE") {
            let next = exists + 1;
            out.extend(
                format!("* {exists} EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT {next}] x\r\n").bytes(),
            );
        } else if let Some(fetch) = command.strip_prefix("UID FETCH ") {
            let (set, items) = fetch.split_once(' ')?;
            let asked = match items {
                _ if items.contains("BODY") => Asked::Body,
                _ if items.contains("FLAGS") => Asked::Facts,
                _ => Asked::Uid,
            };
            for range in set.split(',') {
                let (first, last) = range.split_once(':').unwrap_or((range, range));
                let number = |text: &str| if text == "*" { messages } else { text.parse().unwrap() };
                for uid in number(first)..=number(last).min(messages) {
                    match say(uid, asked) {
                        Said::Right => out.extend(right(uid, asked).bytes()),
                        Said::Octets(octets) => out.extend(octets),
                        Said::No => end = "NO [SERVERBUG] it is damaged",
                        Said::Cut => return None,
                    }
                }
            }
        }
        out.extend(format!("{tag} {end}\r\n").bytes());
        socket.write_all(&out).ok()?;
    }
    None
}

fn right(uid: u32, asked: Asked) -> String {
    let body = format!("message {uid}");
    let len = body.len();
    match asked {
        Asked::Facts => format!("* {uid} FETCH (UID {uid} FLAGS () RFC822.SIZE {len})\r\n"),
        Asked::Body => format!("* {uid} FETCH (UID {uid} BODY[] {{{len}}}\r\n{body})\r\n"),
        Asked::Uid => format!("* {uid} FETCH (UID {uid})\r\n"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_server_cannot_give_keeps_no_other() {
    for (what, said) in [("NO", "it is damaged"), ("cut", "closed the connection")] {
        let odd = Odd::start(700, 700, move |uid, asked| match uid {
            7 | 400 if asked == Asked::Body && what == "NO" => Said::No,
            7 | 400 if asked == Asked::Body => Said::Cut,
            _ => Said::Right,
        });
        let run = odd.backup().await;
        run.failed_with(&["2 of 700 messages could not be read", said]);
        assert!(odd.stored().into_iter().eq((1..=700).filter(|uid| !matches!(uid, 7 | 400))));
        // Nor does it the next time.
        let again = odd.backup().await;
        again.failed_with(&["2 of 2 messages could not be read"]);
        assert!(again.stdout.contains("0 new"), "{again:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_gives_nothing_is_not_asked_for_ever() {
    let odd = Odd::start(700, 700, |_, asked| if asked == Asked::Body { Said::No } else { Said::Right });
    odd.backup().await.failed_with(&["it is damaged"]);
    assert!(odd.stored().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_listed_keeps_no_other_and_is_told() {
    // Two came while the list was made: they don't make up for the one that can't be told.
    for came in [0, 2] {
        let odd = Odd::start(50, 50 + came, |uid, asked| match uid {
            5 if asked == Asked::Facts => Said::Octets(b"* 5 FETCH (FLAGS () RFC822.SIZE 9)\r\n"),
            _ => Said::Right,
        });
        odd.backup().await.failed_with(&["1 of", "could not be read"]);
        assert!(odd.stored().into_iter().eq((1..=50 + came).filter(|uid| *uid != 5)));
        let state = fs::read_to_string(odd.folder.path().join("mail/.mailctl/state")).unwrap();
        assert!(state.contains("\"done\":\"1:4,6:"), "{state}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_line_in_the_list_cannot_be_read_keeps_no_other_and_is_told() {
    let odd = Odd::start(50, 50, |uid, asked| match uid {
        5 if asked == Asked::Facts => Said::Octets(b"* 5 FETCH oops\r\n"),
        _ => Said::Right,
    });
    for new in [49, 0] {
        let run = odd.backup().await;
        run.failed_with(&["INBOX: ", if new == 49 { "1 of 50 messages" } else { "oops" }]);
        assert!(run.stdout.contains(&format!("{new} new")), "{run:?}");
        assert!(odd.stored().into_iter().eq((1..=50).filter(|uid| *uid != 5)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_cannot_be_read_in_the_list_keeps_no_other_and_is_told() {
    let odd = Odd::start(50, 50, |_, _| Said::Right);
    let url = format!("imap://alice@127.0.0.1:{}", odd.port);
    for subcommand in ["mailboxes", "backup"] {
        let mut command = mailctl(&[subcommand, &url]);
        command.arg("--allow-plaintext");
        if subcommand == "backup" {
            command.arg("--to").arg(odd.folder.path().join("mail"));
        }
        let run = run(command).await;
        run.failed_with(&["not every mailbox could be read"]);
        assert!(run.stderr.contains("can't be read: * LIST (\\HasNoChildren) \"/\""), "{run:?}");
        assert!(run.stdout.contains(if subcommand == "backup" { "50 new" } else { "INBOX" }), "{run:?}");
    }
    assert_eq!(odd.stored().len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_its_body_is_not_stored() {
    let odd = Odd::start(50, 50, |uid, asked| match uid {
        5 if asked == Asked::Body => Said::Octets(b"* 5 FETCH (UID 5)\r\n"),
        _ => Said::Right,
    });
    odd.backup().await.failed_with(&["1 of 50 messages could not be read"]);
    assert!(odd.stored().into_iter().eq((1..=50).filter(|uid| *uid != 5)));
}
