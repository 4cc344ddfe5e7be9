//! QRESYNC: what a client missed is told with SELECT (RFC 7162 section 3.2).

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_testkit::{Account, Builder, Connection, Server};

fn alice() -> Builder {
    Server::builder().user("alice", "secret").messages("INBOX", ["1", "2", "3", "4", "5", "6"])
}

async fn enabled(server: &Server) -> Dialogue<Connection> {
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    assert_eq!(dialogue.ok("ENABLE QRESYNC").await[0], "* ENABLED QRESYNC");
    dialogue
}

/// A server, its mail, and the UIDVALIDITY and mod-sequence that a client knows.
async fn known() -> (Server, Account, u32, u64) {
    let server = alice().start().await.unwrap();
    let account = server.account("alice").unwrap();
    let (uid_validity, modseq) =
        (account.uid_validity("INBOX").unwrap(), account.highest_mod_sequence("INBOX").unwrap());
    (server, account, uid_validity, modseq)
}

/// What SELECT tells besides what each SELECT tells.
fn missed(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().filter(|line| line.contains("VANISHED") || line.contains("FETCH")).collect()
}

#[tokio::test(start_paused = true)]
async fn select_tells_what_changed_and_what_vanished() {
    let (server, account, uid_validity, modseq) = known().await;
    account.expunge("INBOX", [2, 3]).unwrap();
    account.set_flags("INBOX", 5, ["\\Seen"]).unwrap();
    account.expunge("INBOX", [6]).unwrap();
    account.deliver("INBOX", "7").unwrap();
    let mut dialogue = enabled(&server).await;
    let all = dialogue.ok(&format!("SELECT INBOX (QRESYNC ({uid_validity} {modseq}))")).await;
    assert_eq!(
        missed(all),
        [
            "* VANISHED (EARLIER) 2:3,6".to_owned(),
            format!("* 3 FETCH (UID 5 FLAGS (\\Seen \\Recent) MODSEQ ({}))", modseq + 2),
            format!("* 4 FETCH (UID 7 FLAGS (\\Recent) MODSEQ ({}))", modseq + 4),
        ]
    );
    let some = dialogue.ok(&format!("SELECT INBOX (QRESYNC ({uid_validity} {modseq} 1:5))")).await;
    assert_eq!(some[0], "* OK [CLOSED] the mailbox selected before isn't any more");
    assert_eq!(
        missed(some),
        [
            "* VANISHED (EARLIER) 2:3".to_owned(),
            format!("* 3 FETCH (UID 5 FLAGS (\\Seen) MODSEQ ({}))", modseq + 2)
        ]
    );
    let nothing = dialogue.ok(&format!("SELECT INBOX (QRESYNC ({uid_validity} {}))", modseq + 4)).await;
    assert_eq!(missed(nothing), [""; 0]);
    let other = dialogue.ok(&format!("SELECT INBOX (QRESYNC ({} {modseq}))", uid_validity + 1)).await;
    assert_eq!(missed(other), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_forgot_tells_all_that_isn_t_there() {
    let (server, account, uid_validity, modseq) = known().await;
    account.expunge("INBOX", [2, 4]).unwrap();
    account.forget_expunged("INBOX").unwrap();
    let later = account.highest_mod_sequence("INBOX").unwrap();
    account.expunge("INBOX", [6]).unwrap();
    let mut dialogue = enabled(&server).await;
    let select = |known: &str| format!("SELECT INBOX (QRESYNC ({uid_validity} {known}))");
    assert_eq!(missed(dialogue.ok(&select(&modseq.to_string())).await), ["* VANISHED (EARLIER) 2,4,6"]);
    assert_eq!(missed(dialogue.ok(&select(&format!("{modseq} 3:9"))).await), ["* VANISHED (EARLIER) 4,6"]);
    let pairs = format!("{modseq} 1:6 (1,2 1,3)");
    assert_eq!(missed(dialogue.ok(&select(&pairs)).await), ["* VANISHED (EARLIER) 4,6"]);
    assert_eq!(missed(dialogue.ok(&select(&later.to_string())).await), ["* VANISHED (EARLIER) 6"]);
}

#[tokio::test(start_paused = true)]
async fn expunges_are_told_by_uid() {
    let (server, account, _, modseq) = known().await;
    let mut dialogue = enabled(&server).await;
    dialogue.ok("SELECT INBOX").await;
    account.expunge("INBOX", [1, 3]).unwrap();
    account.deliver("INBOX", "7").unwrap();
    assert_eq!(dialogue.ok("NOOP").await[..2], ["* VANISHED 1,3".to_owned(), "* 5 EXISTS".to_owned()]);
    assert_eq!(
        dialogue.ok("STORE 1 +FLAGS (\\Deleted)").await[0],
        format!("* 1 FETCH (UID 2 FLAGS (\\Deleted \\Recent) MODSEQ ({}))", modseq + 3)
    );
    assert_eq!(
        dialogue.command("EXPUNGE").await,
        ["* VANISHED 2".to_owned(), format!("x OK [HIGHESTMODSEQ {}] EXPUNGE completed", modseq + 4)]
    );
    assert_eq!(dialogue.command("EXPUNGE").await, ["x OK EXPUNGE completed"]);
    account.create("Other").unwrap();
    let moved = dialogue.command("UID MOVE 4 Other").await;
    assert_eq!(
        moved[1..],
        ["* VANISHED 4".to_owned(), format!("x OK [HIGHESTMODSEQ {}] UID MOVE completed", modseq + 5)]
    );
    dialogue.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    let closed = dialogue.command("CLOSE").await;
    assert_eq!(closed, [format!("x OK [HIGHESTMODSEQ {}] CLOSE completed", modseq + 7)]);
}

#[tokio::test(start_paused = true)]
async fn fetch_tells_what_vanished_since() {
    let (server, account, _, modseq) = known().await;
    account.expunge("INBOX", [2, 5]).unwrap();
    let mut dialogue = enabled(&server).await;
    dialogue.ok("SELECT INBOX").await;
    let fetched = dialogue.command(&format!("UID FETCH 1:4 FLAGS (CHANGEDSINCE {modseq} VANISHED)")).await;
    assert_eq!(fetched, ["* VANISHED (EARLIER) 2", "x OK UID FETCH completed"]);
    account.expunge("INBOX", [3]).unwrap();
    let fetched = dialogue.command(&format!("UID FETCH 1:4 FLAGS (CHANGEDSINCE {modseq} VANISHED)")).await;
    assert_eq!(fetched[..2], ["* VANISHED (EARLIER) 2", "* VANISHED 3"], "each is told once");
    assert!(dialogue.result("FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)").await.starts_with("x BAD"));
    assert!(dialogue.result("UID FETCH 1 FLAGS (VANISHED)").await.starts_with("x BAD"));
    assert_eq!(dialogue.ok("FETCH 1 FLAGS").await[0], "* 1 FETCH (UID 1 FLAGS (\\Recent))");
}

#[tokio::test(start_paused = true)]
async fn what_isn_t_enabled_is_refused() {
    let (server, _, uid_validity, modseq) = known().await;
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    let select = format!("SELECT INBOX (QRESYNC ({uid_validity} {modseq}))");
    assert!(dialogue.result(&select).await.starts_with("x BAD"));
    dialogue.ok("SELECT INBOX").await;
    assert!(dialogue.result("UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)").await.starts_with("x BAD"));
    let without = alice().without_capability("QRESYNC").start().await.unwrap();
    let mut dialogue = Dialogue::open(without.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    assert_eq!(dialogue.ok("ENABLE QRESYNC CONDSTORE").await[0], "* ENABLED CONDSTORE");
    assert!(dialogue.result(&select).await.starts_with("x BAD"));
}
