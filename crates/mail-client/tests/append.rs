//! Messages put into mailboxes: whole or not at all, never twice, from memory and from readers.

system_tests::watch_for_secrets!();

mod common;

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use common::{client, count, dialogue::Dialogue, server};
use mail_client::{
    ErrorKind,
    imap::{Flag, ImapClient, NewMessage, Removal, SearchKey},
    transport::{self, BoxIo, Connector, Target},
};
use mail_testkit::{Action, Connection, Fault, Server};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

fn held(server: &Server, mailbox: &str) -> Vec<Bytes> {
    let messages = server.account("kim").unwrap().messages(mailbox).unwrap();
    messages.into_iter().map(|message| message.body).collect()
}

/// Gives so many bytes, and then an error.
struct Broken(usize);

impl AsyncRead for Broken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let len = self.0.min(buf.remaining());
        if len == 0 {
            return Poll::Ready(Err(io::Error::other("the disk is gone")));
        }
        buf.put_slice(&vec![b'x'; len]);
        self.0 -= len;
        Poll::Ready(Ok(()))
    }
}

/// Gives bytes without end, and counts them.
struct Counted(Arc<AtomicUsize>);

impl AsyncRead for Counted {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.fetch_add(buf.remaining(), SeqCst);
        buf.put_slice(&vec![b'x'; buf.remaining()]);
        Poll::Ready(Ok(()))
    }
}

/// Leads to a server that greets, and reads nothing.
struct Deaf;

impl Connector for Deaf {
    fn connect<'a>(&'a self, _: &'a Target) -> BoxFuture<'a, Result<BoxIo, transport::Error>> {
        Box::pin(async {
            let (ours, mut theirs) = tokio::io::duplex(1 << 16);
            tokio::spawn(async move {
                theirs.write_all(b"* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n").await.unwrap();
                std::future::pending::<()>().await;
            });
            Ok(Box::new(ours) as BoxIo)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_message_no_more_is_read_than_the_server_takes_and_a_little() {
    let client = common::builder(143).plaintext_without_encryption().connector(Deaf).build().unwrap();
    let read = Arc::new(AtomicUsize::new(0));
    let message = NewMessage::from_reader(Counted(Arc::clone(&read)), 1 << 30);
    assert!(tokio::time::timeout(Duration::from_secs(9), client.append("INBOX", message)).await.is_err());
    let read = read.load(SeqCst);
    assert!(((1 << 16)..(2 << 20)).contains(&read), "{read} bytes");
}

#[tokio::test]
async fn a_message_is_stored_as_it_is_and_found_again() {
    for without in [&[][..], &["LITERAL+"], &["LITERAL+", "UIDPLUS"]] {
        let server = without
            .iter()
            .fold(server(), |server, name| server.without_capability(*name))
            .start()
            .await
            .unwrap();
        let client = client(&server).build().unwrap();
        let large: Bytes = (0..3_000_000_u32).map(|n| b'a' + (n % 26) as u8).collect();
        let messages = [Bytes::from("Subject: x\r\n\r\n.\r\n"), Bytes::new(), large.clone()];
        for (index, message) in messages.iter().enumerate() {
            let new = NewMessage::new(message.clone()).flags([Flag::Seen]);
            let appended = client.append("INBOX", new).await.unwrap();
            let uid = (!without.contains(&"UIDPLUS")).then_some(index as u32 + 1);
            assert_eq!(appended.uid, uid);
            assert_eq!(appended.uid_validity.is_some(), uid.is_some());
        }
        let reader = io::Cursor::new(large.clone());
        client.append("INBOX", NewMessage::from_reader(reader, large.len() as u64)).await.unwrap();
        assert!(held(&server, "INBOX") == [&messages[..], &[large]].concat());
        assert_eq!(server.report().connections.total, 1);
        client.close().await;
    }
}

#[tokio::test]
async fn p28_a_message_whose_source_ends_early_fails_or_goes_on_is_not_stored() {
    let server = server().start().await.unwrap();
    let client = client(&server).build().unwrap();
    let error = client.append("INBOX", NewMessage::from_reader(Broken(400_000), 500_000)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
    assert!(error.to_string().contains("the disk is gone"), "{error}");
    for (has, told) in [(1000, 1001), (300_000, 300_001), (1001, 1000), (300_001, 300_000), (0, 1), (1, 0)] {
        let reader = io::Cursor::new(vec![b'y'; has]);
        let error = client.append("INBOX", NewMessage::from_reader(reader, told)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{has} for {told}: {error}");
    }
    assert!(held(&server, "INBOX").is_empty());
    // The client goes on as if nothing had been.
    client.append("INBOX", NewMessage::new("z")).await.unwrap();
    assert_eq!(held(&server, "INBOX"), ["z"]);
    client.close().await;
}

#[tokio::test]
async fn p28_an_upload_whose_caller_goes_away_leaves_nothing_behind() {
    let server = server().start().await.unwrap();
    let client = client(&server).build().unwrap();
    let (ours, theirs) = tokio::io::duplex(10);
    let appending = client.clone();
    let task = tokio::spawn(async move {
        appending.append("INBOX", NewMessage::from_reader(theirs, 1000)).await.map(drop)
    });
    let mut ours = ours;
    AsyncWriteExt::write_all(&mut ours, &[b'x'; 500]).await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    client.append("INBOX", NewMessage::new("after")).await.unwrap();
    assert_eq!(held(&server, "INBOX"), ["after"]);
    client.close().await;
}

/// The way to a server. It may take nothing, and end when a message was read; or bring nothing.
#[derive(Default)]
struct Blocked {
    takes_nothing: AtomicBool,
    was_read: AtomicBool,
    brings_nothing: AtomicBool,
    reader: Mutex<Option<Waker>>,
}

struct OverBlocked(Arc<Server>, Arc<Blocked>);

impl Connector for OverBlocked {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, transport::Error>> {
        Box::pin(async move {
            let io = self.0.connect().await.map_err(|error| transport::Error::connector(target, error))?;
            // The next one is well.
            let was_blocked = self.1.takes_nothing.load(SeqCst) || self.1.brings_nothing.load(SeqCst);
            let way = if was_blocked { Arc::default() } else { Arc::clone(&self.1) };
            Ok(Box::new(BlockedIo(io, way)) as BoxIo)
        })
    }
}

struct BlockedIo(Connection, Arc<Blocked>);

impl AsyncRead for BlockedIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        *self.1.reader.lock().unwrap() = Some(cx.waker().clone());
        if self.1.was_read.load(SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if self.1.brings_nothing.load(SeqCst) {
            return Poll::Pending;
        }
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for BlockedIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.1.takes_nothing.load(SeqCst) {
            return Poll::Pending;
        }
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// A message whose connection ends when it has been read.
struct EndsWhenRead(&'static [u8], Arc<Blocked>);

impl AsyncRead for EndsWhenRead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.1.was_read.store(true, SeqCst);
        self.1.reader.lock().unwrap().take().into_iter().for_each(Waker::wake);
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

async fn over_blocked(way: &Arc<Blocked>) -> (Arc<Server>, ImapClient) {
    let server = Arc::new(server().start().await.unwrap());
    let client = ImapClient::builder("localhost", "kim").password("secret").plaintext_without_encryption();
    let client = client.connector(OverBlocked(Arc::clone(&server), Arc::clone(way))).build().unwrap();
    client.noop().await.unwrap();
    (server, client)
}

#[tokio::test]
async fn p29_a_message_that_was_read_and_not_written_is_not_taken_for_a_shorter_one() {
    let way = Arc::new(Blocked::default());
    let (server, client) = over_blocked(&way).await;
    way.takes_nothing.store(true, SeqCst);
    // The message is asked for while its command stands behind another that doesn't get on.
    let before = client.append("INBOX", NewMessage::new(vec![b'y'; 1_000_000]));
    let message = EndsWhenRead(b"Subject: x\r\n\r\n", Arc::clone(&way));
    let append = client.append("INBOX", NewMessage::from_reader(message, 14));
    let (before, appended) = tokio::join!(before, append);
    assert!(before.unwrap_err().was_written());
    let error = appended.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    assert!(!error.was_written() && error.is_retryable(), "{error}");
    assert!(held(&server, "INBOX").is_empty());
    client.close().await;
}

#[tokio::test]
async fn p29_nobody_is_told_that_his_message_was_too_short_if_it_was_anothers() {
    let way = Arc::new(Blocked::default());
    let (server, client) = over_blocked(&way).await;
    way.brings_nothing.store(true, SeqCst);
    let whole = client.append("INBOX", NewMessage::from_reader(&b"whole"[..], 5));
    let short = client.append("INBOX", NewMessage::from_reader(&b"short"[..], 6));
    let (whole, short) = tokio::join!(whole, short);
    let (whole, short) = (whole.unwrap_err(), short.unwrap_err());
    assert_eq!(short.kind(), ErrorKind::Argument, "{short}");
    // It is there, and whoever is told otherwise puts it there again.
    assert!(whole.was_written() && whole.kind() == ErrorKind::ConnectionLost, "{whole}");
    client.close().await;
    drop(server);
}

#[tokio::test]
async fn p29_an_append_that_may_have_been_stored_is_not_sent_again() {
    let server = server().start().await.unwrap();
    let client = client(&server).build().unwrap();
    client.noop().await.unwrap();
    server.add_fault(Fault::on_command("APPEND", Action::Cut));
    let error = client.append("INBOX", NewMessage::new("once")).await.unwrap_err();
    assert!(error.was_written() && error.kind() == ErrorKind::ConnectionLost, "{error}");
    assert_eq!(count(&server, "APPEND"), 1);
    client.close().await;
}

#[tokio::test]
async fn many_messages_go_in_together_and_a_bad_one_stops_no_other() {
    for capability in [Some("MULTIAPPEND"), None] {
        let server = server().with_capability("APPENDLIMIT=2000");
        let server = match capability {
            Some(_) => server,
            None => server.without_capability("MULTIAPPEND"),
        };
        let server = server.start().await.unwrap();
        let client = client(&server).build().unwrap();
        let texts: Vec<String> =
            (0..250).map(|n| format!("{n}\r\n{}", "x".repeat(if n == 7 { 3000 } else { 10 }))).collect();
        let outcomes = client.append_many("INBOX", texts.iter().cloned().map(NewMessage::new)).await;
        let good: Vec<_> = texts.iter().filter(|text| text.len() < 2000).cloned().map(Bytes::from).collect();
        assert!(held(&server, "INBOX") == good);
        for (n, outcome) in outcomes.iter().enumerate() {
            match outcome {
                Ok(appended) => {
                    let uid = appended.uid.unwrap();
                    let account = server.account("kim").unwrap();
                    let found = account.messages("INBOX").unwrap().into_iter().find(|found| found.uid == uid);
                    assert_eq!(found.unwrap().body, texts[n].as_bytes());
                }
                Err(error) => assert_eq!((n, error.kind()), (7, ErrorKind::TooMuch), "{error}"),
            }
        }
        assert_eq!(outcomes.len(), 250);
        let missing = client.append_many("nowhere", ["a", "b"].map(NewMessage::new)).await;
        assert!(missing.iter().all(|outcome| outcome.as_ref().is_err_and(|error| error.text().is_some())));
        client.close().await;
    }
}

#[tokio::test]
async fn a_message_takes_anothers_place() {
    for (without, old) in [
        (None, Removal::Expunged),
        (Some("REPLACE"), Removal::Expunged),
        (Some("UIDPLUS"), Removal::MarkedOnly),
    ] {
        let mut server = server().messages("INBOX", ["first", "draft"]);
        if let Some(without) = without {
            server = server.without_capability(without).without_capability("REPLACE");
        }
        let server = server.start().await.unwrap();
        let client = client(&server).build().unwrap();
        let inbox = client.select("INBOX").await.unwrap();
        let replaced = inbox.replace(2, NewMessage::new("draft, gone on with")).await.unwrap();
        assert_eq!(replaced.old, old);
        let expected = match old {
            Removal::Expunged => vec!["first", "draft, gone on with"],
            Removal::MarkedOnly => vec!["first", "draft", "draft, gone on with"],
        };
        assert_eq!(held(&server, "INBOX"), expected);
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_into_a_mailbox_that_the_server_keeps_read_only_for_others() {
    const TEXT: &[u8] = b"Subject: x\r\n";
    // As Courier speaks, which refuses before it asks for the message.
    let told = "NO Current box is selected READ-ONLY.";
    let opened = |tag: &str, how: &str| format!("* 9 EXISTS\n* OK [UIDVALIDITY 7] .\n{tag} OK [{how}] .");
    for message in [NewMessage::new(TEXT), NewMessage::from_reader(TEXT, TEXT.len() as u64)] {
        let (client, verdict) = Dialogue::with("UIDPLUS")
            .turn("A1 EXAMINE INBOX", &opened("A1", "READ-ONLY"))
            .turn("A2 APPEND INBOX {12}", &format!("A2 {told}"))
            .turn("A3 SELECT INBOX", &opened("A3", "READ-WRITE"))
            .turn("A4 APPEND INBOX {12}", "+ go on")
            .turn("Subject: x\n\n", "* 10 EXISTS\nA4 OK [APPENDUID 7 100] stored")
            // Others go on with it as they have it.
            .turn("A5 EXAMINE INBOX", &opened("A5", "READ-ONLY"))
            .turn("A6 UID SEARCH ALL", "* SEARCH 1\nA6 OK done")
            .begin();
        let inbox = client.examine("INBOX").await.unwrap();
        assert_eq!(client.append("INBOX", message).await.unwrap().uid, Some(100));
        inbox.search(SearchKey::All).await.unwrap();
        verdict.check().await;
    }
    // What is refused for good is told as it was.
    for may_select in [false, true] {
        let mut dialogue = Dialogue::with("UIDPLUS")
            .turn("A1 EXAMINE INBOX", &opened("A1", "READ-ONLY"))
            .turn("A2 APPEND INBOX {12}", &format!("A2 {told}"));
        dialogue = if may_select {
            let dialogue = dialogue.turn("A3 SELECT INBOX", &opened("A3", "READ-ONLY"));
            dialogue.turn("A4 APPEND INBOX {12}", &format!("A4 {told}"))
        } else {
            dialogue.turn("A3 SELECT INBOX", "A3 NO it isn't yours")
        };
        let (client, verdict) = dialogue.begin();
        client.examine("INBOX").await.unwrap();
        let error = client.append("INBOX", NewMessage::new(TEXT)).await.unwrap_err();
        assert_eq!((error.kind(), error.text().as_deref()), (ErrorKind::Refused, Some(&told[3..])));
        verdict.check().await;
    }
}
