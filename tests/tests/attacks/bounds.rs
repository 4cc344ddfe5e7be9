//! A server that says more than anybody can hold: it ends in a typed error or in the truth, and in little memory.

use std::io::Write as _;
use std::time::Duration;

use flate2::{Compression, write::DeflateEncoder};
use mail_client::imap::{FetchItems, ImapClient, SearchKey, SequenceSet};
use mail_client::{Error, ErrorKind};
use system_tests::counted::counted;
use tokio::time::timeout;

use crate::memory::peak_of;
use crate::peer::{HOST, PASSWORD, Says, Script, USER};
use crate::protocol::Protocol;

const MIB: usize = 1 << 20;

/// A client of a server that says all this once it is logged in.
fn client(script: Script, compress: bool) -> ImapClient {
    let peer = script.implicit().start();
    let builder = ImapClient::builder(HOST, USER).password(PASSWORD).connector(peer.clone());
    builder.tls(peer.tls()).compress(compress).max_connections(1).build().unwrap()
}

fn instead(of: &'static str, says: impl Into<Says>) -> Script {
    Script::new(Protocol::Imap).instead(of, says)
}

/// Reads all bodies, and gives how many bytes there were in all.
async fn read_all(client: &ImapClient) -> Result<u64, Error> {
    let inbox = client.examine("INBOX").await?;
    let mut stream = inbox.fetch(SequenceSet::all(), FetchItems::new().flags().body());
    let mut read = 0;
    while let Some(message) = stream.next().await {
        let mut body = message?.into_body().into_reader()?;
        while let Some(chunk) = body.chunk().await? {
            read += chunk.len() as u64;
        }
    }
    Ok(read)
}

#[tokio::test(start_paused = true)]
async fn what_is_announced_is_not_allocated() {
    for announced in [
        "* 1 FETCH (UID 1 FLAGS () BODY[] {4294967295}\r\nabc",
        "* LIST () \"/\" {2000000000}\r\nabc",
        "* 1 FETCH (UID 1 ENVELOPE ({3000000000}\r\nabc",
        "* OK [UIDNEXT 4294967295] .\r\n* 4294967295 EXISTS\r\n{tag} OK .\r\n",
    ] {
        let client = client(instead("UID FETCH", announced).instead("LIST", announced), false);
        client.noop().await.unwrap();
        let (outcome, peak) = peak_of(timeout(Duration::from_secs(600), async {
            let _ = client.list("", "*").await;
            read_all(&client).await
        }))
        .await;
        let outcome = outcome.expect("it has its deadlines");
        assert!(outcome.is_err() || announced.starts_with("* OK"), "{announced}: {outcome:?}");
        assert!(peak < 4 * MIB, "{announced}: {peak} bytes");
        counted("attacks stood", 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_without_end_ends_the_connection() {
    for (head, piece) in
        [("* OK ", "a"), ("* FLAGS (", "x "), ("", "a"), ("* 1 FETCH (", "("), ("* LIST (", "\\x ")]
    {
        let says = Says::default().times(head, 1).times(piece.repeat(MIB / piece.len()), 40);
        let client = client(instead("NOOP", says), false);
        let (outcome, peak) = peak_of(client.noop()).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{head}: {error}");
        assert!(!error.is_retryable(), "{head}: {error}");
        // The line's own limit is 32 MiB, and a buffer that grows is there twice while it does.
        assert!(peak < 100 * MIB, "{head}: {peak} bytes");
        counted("attacks stood", 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_million_small_things_are_no_burden() {
    for piece in ["{0}\r\n ", "(", "{3}\r\nabc ", "\"\" ", "NIL "] {
        let says = Says::default().times("* 1 FETCH (UID 1 X-NEW (", 1).times(piece.repeat(1000), 1000);
        let says = says.times(")))\r\n{tag} OK .\r\n", 1);
        let client = client(instead("UID FETCH", says), false);
        client.noop().await.unwrap();
        let (outcome, peak) = peak_of(timeout(Duration::from_secs(600), read_all(&client))).await;
        // Which of its parts make sense is not the point.
        let _ = outcome.expect("it has its deadlines");
        assert!(peak < 110 * MIB, "{piece:?}: {peak} bytes");
        counted("attacks stood", 1);
    }
}

#[tokio::test(start_paused = true)]
async fn sets_are_never_expanded() {
    let script = instead("UID SEARCH", "* ESEARCH (TAG \"{tag}\") UID ALL 1:4294967295\r\n{tag} OK .\r\n")
        .instead(
            "CAPABILITY",
            "* CAPABILITY IMAP4rev1 ESEARCH QRESYNC ENABLE UIDPLUS AUTH=PLAIN SASL-IR\r\n{tag} OK .\r\n",
        )
        .instead("UID COPY", "{tag} OK [COPYUID 7 1:4294967295 1:4294967295] .\r\n")
        .instead("NOOP", "* VANISHED 1:4294967295\r\n{tag} OK .\r\n");
    let client = client(script, false);
    let ((), peak) = peak_of(async {
        let inbox = client.select("INBOX").await.unwrap();
        let found = inbox.search(SearchKey::All).await.unwrap();
        assert_eq!(found.count(), u32::MAX);
        let copied = inbox.copy(1, "Archive").await;
        drop(copied);
        client.noop().await.unwrap();
    })
    .await;
    assert!(peak < 2 * MIB, "{peak} bytes");
    counted("attacks stood", 1);
}

#[tokio::test(start_paused = true)]
async fn a_compression_bomb_does_not_go_off() {
    // 200 MB of nothing make 200 KB.
    let mut bomb = DeflateEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(b"* OK ").unwrap();
    for _ in 0..200 {
        bomb.write_all(&vec![b'a'; 1_000_000]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 300_000);
    let script = Script::new(Protocol::Imap)
        .instead("CAPABILITY", "* CAPABILITY IMAP4rev1 COMPRESS=DEFLATE AUTH=PLAIN SASL-IR\r\n{tag} OK .\r\n")
        .instead("COMPRESS", Says::default().times("{tag} OK .\r\n", 1).times(bomb, 1));
    let client = client(script, true);
    let (outcome, peak) = peak_of(timeout(Duration::from_secs(600), client.noop())).await;
    let error = outcome.expect("it has its deadlines").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(peak < 100 * MIB, "{peak} bytes");
    counted("attacks stood", 1);
}
