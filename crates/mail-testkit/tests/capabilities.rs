//! The server does what it shows, and nothing else.

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_testkit::{Builder, Connection, Endpoint, Server};

fn alice() -> Builder {
    Server::builder().user("alice", "secret").messages("INBOX", ["one", "two"])
}

async fn login(server: &Server) -> Dialogue<Connection> {
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    dialogue
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_away_is_neither_shown_nor_known() {
    for (capability, command) in [
        ("ID", "ID NIL"),
        ("ENABLE", "ENABLE CONDSTORE"),
        ("NAMESPACE", "NAMESPACE"),
        ("UIDPLUS", "UID EXPUNGE 1"),
        ("MOVE", "UID MOVE 1 INBOX"),
        ("UNSELECT", "UNSELECT"),
        ("IDLE", "IDLE"),
        ("STATUS=SIZE", "STATUS INBOX (SIZE)"),
    ] {
        let with = alice().start().await.unwrap();
        let mut dialogue = login(&with).await;
        let shown = dialogue.ok("CAPABILITY").await.remove(0);
        assert!(shown.split(' ').any(|name| name == capability), "{capability} in {shown}");
        if capability != "IDLE" {
            dialogue.ok("SELECT INBOX").await;
            dialogue.ok(command).await;
        }
        let without = alice().without_capability(capability).start().await.unwrap();
        let mut dialogue = login(&without).await;
        let shown = dialogue.ok("CAPABILITY").await.remove(0);
        assert!(!shown.split(' ').any(|name| name == capability), "{capability} in {shown}");
        dialogue.ok("SELECT INBOX").await;
        assert!(dialogue.result(command).await.starts_with("x BAD"), "{command}");
    }
}

#[tokio::test(start_paused = true)]
async fn just_these_are_shown() {
    let server = alice().capabilities(["IMAP4rev1", "MOVE", "X-STRANGE"]).start().await.unwrap();
    let mut dialogue = login(&server).await;
    assert_eq!(dialogue.ok("CAPABILITY").await[0], "* CAPABILITY IMAP4rev1 MOVE X-STRANGE");
    dialogue.ok("SELECT INBOX").await;
    assert_eq!(dialogue.command("UID MOVE 1 INBOX").await[..2], ["* 1 EXPUNGE", "* 2 EXISTS"]);
    assert!(dialogue.result("APPEND INBOX {1+}\r\nx").await.starts_with("x BAD"));
    let connection = server.connect_to(Endpoint::ImapStartTls).await.unwrap();
    let mut dialogue = Dialogue::open(connection).await;
    assert_eq!(dialogue.ok("CAPABILITY").await[0], "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED");
}

#[tokio::test(start_paused = true)]
async fn what_is_added_takes_nothing_away() {
    let server = alice()
        .capabilities(["IMAP4rev1", "QRESYNC", "CONDSTORE", "APPENDLIMIT=1"])
        .with_capability("CONDSTORE")
        .with_capability("APPENDLIMIT=9")
        .start()
        .await
        .unwrap();
    let mut dialogue = login(&server).await;
    let shown = dialogue.ok("CAPABILITY").await.remove(0);
    assert_eq!(shown, "* CAPABILITY IMAP4rev1 QRESYNC CONDSTORE APPENDLIMIT=9");
    dialogue.ok("SELECT INBOX").await;
    assert!(dialogue.result("SORT (DATE) KOI8-R ALL").await.starts_with("x BAD"), "SORT isn't there at all");
}

#[tokio::test(start_paused = true)]
async fn small_literals_alone_need_not_wait_with_literal_minus() {
    let server = alice().with_capability("LITERAL-").start().await.unwrap();
    let mut dialogue = login(&server).await;
    let shown = dialogue.ok("CAPABILITY").await.remove(0);
    assert!(shown.contains(" LITERAL- ") || shown.ends_with(" LITERAL-"), "{shown}");
    assert!(!shown.contains("LITERAL+"), "{shown}");
    dialogue.ok(&format!("APPEND INBOX {{4096+}}\r\n{}", "x".repeat(4096))).await;
    for len in [4097, 100_000] {
        let refused = dialogue.result(&format!("APPEND INBOX {{{len}+}}\r\n{}", "x".repeat(len))).await;
        assert!(refused.starts_with("x BAD"), "{refused}");
    }
    dialogue.ok("NOOP").await;
    assert_eq!(server.account("alice").unwrap().messages("INBOX").unwrap().len(), 3);
}
