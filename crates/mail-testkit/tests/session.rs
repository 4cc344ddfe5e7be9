//! What changes a connection as a whole: compression, UTF-8, IMAP4rev2, and a login undone.

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use mail_testkit::{Builder, Connection, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn alice() -> Builder {
    Server::builder().user("alice", "secret")
}

async fn login(server: &Server) -> Dialogue<Connection> {
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    dialogue
}

#[tokio::test(start_paused = true)]
async fn a_compressed_connection_says_the_same_in_fewer_octets() {
    let body = "the same again and again\r\n".repeat(20_000);
    let server = alice().messages("INBOX", [body.clone()]).start().await.unwrap();
    let mut dialogue = login(&server).await;
    dialogue.ok("SELECT INBOX").await;
    dialogue.ok("COMPRESS DEFLATE").await;
    let before = server.report().sent;
    let mut stream = dialogue.into_inner();
    let (mut deflate, mut inflate) = (Compress::new(Compression::fast(), false), Decompress::new(false));
    let mut exchange = async |commands: &str, end: &str| {
        let mut wire = Vec::with_capacity(commands.len() + 1000);
        deflate.compress_vec(commands.as_bytes(), &mut wire, FlushCompress::Sync).unwrap();
        stream.write_all(&wire).await.unwrap();
        let mut said = Vec::new();
        while !said.ends_with(end.as_bytes()) {
            let mut piece = vec![0; 1000];
            let count = stream.read(&mut piece).await.unwrap();
            assert!(count > 0, "the server closed");
            let mut input = &piece[..count];
            loop {
                let read = inflate.total_in();
                said.reserve(10_000);
                let before = said.len();
                inflate.decompress_vec(input, &mut said, FlushDecompress::Sync).unwrap();
                input = &input[(inflate.total_in() - read) as usize..];
                if input.is_empty() && said.len() == before {
                    break;
                }
            }
        }
        String::from_utf8(said).unwrap()
    };
    let said = exchange("a UID FETCH 1 BODY.PEEK[]\r\nb COMPRESS DEFLATE\r\n", "already\r\n").await;
    assert!(said.contains(&body));
    assert!(said.ends_with("b NO [COMPRESSIONACTIVE] compression is on already\r\n"));
    assert!(server.report().sent - before < 10_000, "{} octets", server.report().sent - before);
    let large = "x".repeat(100_000);
    let said = exchange(&format!("c APPEND INBOX {{100000+}}\r\n{large}\r\n"), "APPEND completed\r\n").await;
    assert!(said.starts_with("* 2 EXISTS\r\nc OK "), "{said}");
}

#[tokio::test(start_paused = true)]
async fn names_are_in_utf_8_once_it_is_accepted() {
    let server = alice().mailbox("Entw&APw-rfe").mailbox("a&-b").start().await.unwrap();
    let account = server.account("alice").unwrap();
    let mut dialogue = login(&server).await;
    assert!(dialogue.result("APPEND INBOX UTF8 (~{2+}\r\nhi)").await.starts_with("x BAD"));
    assert_eq!(dialogue.ok("ENABLE UTF8=ACCEPT").await[0], "* ENABLED UTF8=ACCEPT");
    let listed = dialogue.ok("LIST \"\" \"Entw\u{fc}*\"").await;
    assert_eq!(listed[..2], ["* LIST (\\HasNoChildren) \"/\" {9}", "Entwürfe"]);
    assert_eq!(dialogue.ok("LIST \"\" a*").await[0], "* LIST (\\HasNoChildren) \"/\" a&b");
    dialogue.ok("SELECT \"Entw\u{fc}rfe\"").await;
    dialogue.ok("CREATE \"\u{65e5}\u{672c}\"").await;
    dialogue.ok("APPEND \"\u{65e5}\u{672c}\" {2+}\r\nhi").await;
    assert_eq!(account.messages("&ZeVnLA-").unwrap().len(), 1);
    for len in [2, 20_000] {
        let content = "\u{fc}".repeat(len / 2);
        dialogue.ok(&format!("APPEND INBOX UTF8 (~{{{len}+}}\r\n{content})")).await;
    }
    assert_eq!(account.messages("INBOX").unwrap().len(), 2);
    assert!(dialogue.result("SEARCH CHARSET UTF-8 ALL").await.starts_with("x BAD"));
}

#[tokio::test(start_paused = true)]
async fn revision_2_knows_neither_recent_nor_plain_search() {
    let server =
        alice().messages("INBOX", ["one", "two"]).with_capability("IMAP4rev2").start().await.unwrap();
    let mut dialogue = login(&server).await;
    assert!(dialogue.ok("CAPABILITY").await[0].contains(" IMAP4rev2"));
    assert_eq!(dialogue.ok("ENABLE IMAP4rev2").await[0], "* ENABLED IMAP4rev2");
    let selected = dialogue.ok("SELECT INBOX").await;
    assert!(selected.contains(&"* LIST () \"/\" INBOX".to_owned()), "{selected:#?}");
    assert!(!selected.iter().any(|line| line.contains("RECENT") || line.contains("UNSEEN")), "{selected:#?}");
    assert_eq!(dialogue.ok("FETCH 1 FLAGS").await[0], "* 1 FETCH (FLAGS ())");
    assert_eq!(dialogue.ok("SEARCH ALL").await[0], "* ESEARCH (TAG \"x\") ALL 1:2");
    let selected = dialogue.ok("SELECT INBOX").await;
    assert_eq!(selected[0], "* OK [CLOSED] the mailbox selected before isn't any more");
}

#[tokio::test(start_paused = true)]
async fn what_a_revision_implies_is_there_unsaid() {
    let server = alice().messages("INBOX", ["one"]).capabilities(["IMAP4rev2"]).start().await.unwrap();
    let mut dialogue = login(&server).await;
    assert_eq!(dialogue.ok("CAPABILITY").await[0], "* CAPABILITY IMAP4rev2");
    dialogue.ok("ENABLE IMAP4rev2").await;
    dialogue.ok("SELECT INBOX").await;
    dialogue.ok("UID SEARCH RETURN (SAVE) ALL").await;
    dialogue.ok("UID MOVE $ INBOX").await;
    dialogue.ok("UNSELECT").await;
    assert!(dialogue.result("SELECT INBOX (CONDSTORE)").await.starts_with("x BAD"));
}

#[tokio::test(start_paused = true)]
async fn a_login_is_undone_with_all_that_was_switched_on() {
    let server = alice().user("bob", "hidden").max_connections_per_user(1).start().await.unwrap();
    let mut dialogue = login(&server).await;
    dialogue.ok("ENABLE QRESYNC UTF8=ACCEPT").await;
    dialogue.ok("SELECT INBOX").await;
    dialogue.ok("UNAUTHENTICATE").await;
    assert!(dialogue.result("NAMESPACE").await.starts_with("x BAD"));
    login(&server).await;
    dialogue.ok("LOGIN bob hidden").await;
    assert!(dialogue.result("SELECT INBOX (QRESYNC (1 1))").await.starts_with("x BAD"));
    assert_eq!(server.report().users["alice"].total, 2);
}
