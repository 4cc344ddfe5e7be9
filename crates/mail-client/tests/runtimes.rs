//! A runtime that ends takes its connections with it, and what was on its way over them: calls that wait on other runtimes
//! learn of it, none is repeated that may have been done, and the client goes on where it is called next.

system_tests::watch_for_secrets!();

mod common;

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use common::script::parts;
use mail_client::{
    ErrorKind,
    imap::{FetchItems, ImapClient, NewMessage},
    pop3::Pop3Client,
    smtp::{Mail, SmtpClient},
};
use tokio::{runtime::Runtime, time::timeout};

type Script = dyn Fn(usize, &str) -> String + Send + Sync;

/// A server on a port of this machine, on no runtime: answers each line with what `script` gives for it and the number of
/// its connection, and tells of each.
struct Peer {
    port: u16,
    heard: Receiver<(usize, String)>,
}

impl Peer {
    fn new(greeting: &'static str, script: impl Fn(usize, &str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, heard) = channel();
        let script: Arc<Script> = Arc::new(script);
        std::thread::spawn(move || {
            for (number, socket) in listener.incoming().enumerate() {
                let (script, sender) = (Arc::clone(&script), sender.clone());
                std::thread::spawn(move || talk(socket?, number + 1, greeting, &*script, &sender));
            }
        });
        Self { port, heard }
    }

    /// Waits until the client has said so over its first connection.
    fn hears(&self, expected: &str) {
        let patience = Duration::from_secs(20);
        while self.heard.recv_timeout(patience).expect("it is said") != (1, expected.to_owned()) {}
    }

    /// How often the client has begun a line so since.
    fn count(&self, start: &str) -> usize {
        self.heard.try_iter().filter(|(_, line)| line.starts_with(start)).count()
    }
}

fn talk(
    socket: TcpStream,
    number: usize,
    greeting: &str,
    script: &Script,
    heard: &Sender<(usize, String)>,
) -> std::io::Result<()> {
    let mut write = socket.try_clone()?;
    write.write_all(greeting.as_bytes())?;
    for line in BufReader::new(socket).lines() {
        let line = line?;
        write.write_all(script(number, &line).as_bytes())?;
        let _ = heard.send((number, line));
    }
    Ok(())
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// What comes of a call on a runtime of its own, within a time.
fn end<T>(caller: &Runtime, call: impl Future<Output = T>) -> T {
    caller.block_on(async { timeout(Duration::from_secs(20), call).await.expect("it ends") })
}

#[test]
fn p29_a_message_that_was_written_whole_is_not_sent_again() {
    let peer = Peer::new("220 hi\r\n", |connection, line| match (connection, line) {
        (_, "DATA") => "354 go\r\n".into(),
        (1, ".") => String::new(),
        (_, line) if line.starts_with(char::is_uppercase) || line == "." => "250 ok\r\n".into(),
        _ => String::new(),
    });
    let client = SmtpClient::builder("127.0.0.1", "").without_login().plaintext_without_encryption();
    let client = client.port(peer.port).build().unwrap();
    let (home, caller) = (runtime(), runtime());
    home.block_on(client.connect()).unwrap();
    let mail = || Mail::new("from: kim@x\r\nto: bob@y\r\n\r\nhello!\r\n");
    let sending = caller.spawn({
        let client = client.clone();
        async move { client.send(mail()).await }
    });
    peer.hears(".");
    drop(home);
    let error = end(&caller, sending).unwrap().unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::OutcomeUnknown, false), "{error}");
    assert_eq!(peer.count("DATA"), 0);
    assert!(end(&caller, client.send(mail())).unwrap().is_complete());
    end(&caller, client.close());
}

#[test]
fn p29_an_upload_that_was_written_is_not_made_again_and_a_stream_goes_on() {
    let greeting = "* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n";
    let peer = Peer::new(greeting, |connection, line| {
        let (tag, command) = parts(line);
        match command.split_once(' ').map_or(command, |(name, _)| name) {
            "EXAMINE" => format!("* 2 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n{tag} OK [READ-ONLY] done\r\n"),
            "UID" if connection == 1 => "* 1 FETCH (UID 1 FLAGS ())\r\n".into(),
            "UID" => format!("* 2 FETCH (UID 2 FLAGS ())\r\n{tag} OK done\r\n"),
            "APPEND" | "" => String::new(),
            _ => format!("{tag} OK done\r\n"),
        }
    });
    let client = ImapClient::builder("127.0.0.1", "kim").password("secret").port(peer.port);
    let client = client.plaintext_without_encryption().max_connections(1).build().unwrap();
    let (home, caller) = (runtime(), runtime());
    home.block_on(client.connect()).unwrap();
    let mut stream = end(&caller, async {
        let mailbox = client.examine("INBOX").await.unwrap();
        mailbox.fetch(1..=2, FetchItems::new().flags())
    });
    assert_eq!(end(&caller, stream.next()).unwrap().unwrap().uid(), 1);
    let uploading = caller.spawn({
        let client = client.clone();
        async move { client.append("INBOX", NewMessage::new("hello")).await }
    });
    peer.hears("hello");
    drop(home);
    let error = end(&caller, uploading).unwrap().unwrap_err();
    assert_eq!((error.kind(), error.was_written()), (ErrorKind::ConnectionLost, true), "{error}");
    assert_eq!(end(&caller, stream.next()).unwrap().unwrap().uid(), 2);
    assert!(end(&caller, stream.next()).is_none());
    assert_eq!(peer.count("hello"), 0);
    end(&caller, client.close());
}

#[test]
fn p36_a_commit_that_was_written_has_an_unknown_outcome() {
    let peer = Peer::new("+OK hi\r\n", |connection, line| match (connection, line) {
        (1, "QUIT") => String::new(),
        (_, "CAPA") => "+OK\r\nUIDL\r\n.\r\n".into(),
        (_, "STAT") => "+OK 0 0\r\n".into(),
        _ => "+OK\r\n".into(),
    });
    let client = Pop3Client::builder("127.0.0.1", "kim").password("secret").port(peer.port);
    let client = client.plaintext_without_encryption().build().unwrap();
    let (home, caller) = (runtime(), runtime());
    home.block_on(client.connect()).unwrap();
    let committing = caller.spawn({
        let client = client.clone();
        async move {
            let session = client.session().await?;
            session.delete(1).await?;
            session.commit().await
        }
    });
    peer.hears("QUIT");
    drop(home);
    let error = end(&caller, committing).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    end(&caller, client.stat()).unwrap();
    end(&caller, client.close());
}
