//! CONDSTORE: mod-sequences, and changes on condition (RFC 7162 section 3.1).

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_testkit::{Builder, Connection, Hook, Server};

fn alice() -> Builder {
    Server::builder().user("alice", "secret").messages("INBOX", ["one", "two", "three"])
}

async fn login(server: &Server) -> Dialogue<Connection> {
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    dialogue
}

#[tokio::test(start_paused = true)]
async fn select_and_status_tell_the_highest() {
    let server = alice().start().await.unwrap();
    let mut dialogue = login(&server).await;
    let highest = server.account("alice").unwrap().highest_mod_sequence("INBOX").unwrap();
    let line = format!("* OK [HIGHESTMODSEQ {highest}] the highest mod-sequence");
    assert!(dialogue.ok("SELECT INBOX (CONDSTORE)").await.contains(&line));
    assert_eq!(
        dialogue.ok("STATUS INBOX (HIGHESTMODSEQ)").await[0],
        format!("* STATUS INBOX (HIGHESTMODSEQ {highest})")
    );
}

#[tokio::test(start_paused = true)]
async fn changes_carry_mod_sequences_once_they_were_asked_for() {
    let server = alice().start().await.unwrap();
    let account = server.account("alice").unwrap();
    let mut dialogue = login(&server).await;
    dialogue.ok("SELECT INBOX").await;
    assert_eq!(
        dialogue.ok("UID STORE 1 +FLAGS (\\Seen)").await[0],
        "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))"
    );
    let highest = account.highest_mod_sequence("INBOX").unwrap();
    let fetched = dialogue.ok("UID FETCH 2 MODSEQ").await;
    assert_eq!(
        fetched[..2],
        [
            format!("* OK [HIGHESTMODSEQ {highest}] mod-sequences are told"),
            "* 2 FETCH (UID 2 MODSEQ (3))".to_owned()
        ]
    );
    assert_eq!(
        dialogue.ok("UID STORE 2 +FLAGS (\\Seen)").await[0],
        format!("* 2 FETCH (UID 2 FLAGS (\\Seen \\Recent) MODSEQ ({}))", highest + 1)
    );
    assert_eq!(
        dialogue.ok("STORE 2 +FLAGS.SILENT (\\Flagged)").await[0],
        format!("* 2 FETCH (MODSEQ ({}))", highest + 2)
    );
    account.set_flags("INBOX", 3, ["\\Draft"]).unwrap();
    assert_eq!(
        dialogue.ok("NOOP").await[0],
        format!("* 3 FETCH (UID 3 FLAGS (\\Draft \\Recent) MODSEQ ({}))", highest + 3)
    );
    let read = dialogue.ok("UID FETCH 3 BODY[]").await;
    assert_eq!(read[1], format!("three FLAGS (\\Seen \\Draft \\Recent) MODSEQ ({}))", highest + 4));
}

#[tokio::test(start_paused = true)]
async fn a_change_on_condition_leaves_alone_what_others_changed() {
    let server = alice().start().await.unwrap();
    let account = server.account("alice").unwrap();
    let mut dialogue = login(&server).await;
    dialogue.ok("SELECT INBOX (CONDSTORE)").await;
    let known = account.highest_mod_sequence("INBOX").unwrap();
    server.hook(Hook::before("UID STORE"), |account| account.set_flags("INBOX", 2, ["\\Answered"]).unwrap());
    let answer = dialogue.command(&format!("UID STORE 1:3 (UNCHANGEDSINCE {known}) +FLAGS (\\Seen)")).await;
    let expected = [
        format!("* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent) MODSEQ ({}))", known + 2),
        format!("* 3 FETCH (UID 3 FLAGS (\\Seen \\Recent) MODSEQ ({}))", known + 3),
        format!("* 2 FETCH (UID 2 FLAGS (\\Answered \\Recent) MODSEQ ({}))", known + 1),
        "x OK [MODIFIED 2] some of the messages were changed by others".to_owned(),
    ];
    assert_eq!(answer, expected);
    let answer =
        dialogue.result(&format!("STORE 1:3 (UNCHANGEDSINCE {known}) +FLAGS.SILENT (\\Draft)")).await;
    assert!(answer.starts_with("x OK [MODIFIED 1:3]"), "{answer}");
    assert!(!account.messages("INBOX").unwrap()[1].flags.contains("\\Seen"));
}

#[tokio::test(start_paused = true)]
async fn changes_since_are_fetched_and_searched() {
    let server = alice().start().await.unwrap();
    let account = server.account("alice").unwrap();
    let mut dialogue = login(&server).await;
    dialogue.ok("SELECT INBOX").await;
    let known = account.highest_mod_sequence("INBOX").unwrap();
    account.set_flags("INBOX", 2, ["\\Seen"]).unwrap();
    dialogue.ok("NOOP").await;
    let fetched = dialogue.command(&format!("FETCH 1:* FLAGS (CHANGEDSINCE {known})")).await;
    assert_eq!(fetched[1], format!("* 2 FETCH (FLAGS (\\Seen \\Recent) MODSEQ ({}))", known + 1));
    assert_eq!(fetched.len(), 3);
    assert_eq!(
        dialogue.ok(&format!("UID SEARCH MODSEQ {}", known + 1)).await[0],
        format!("* SEARCH 2 (MODSEQ {})", known + 1)
    );
    assert_eq!(dialogue.ok("UID SEARCH MODSEQ \"/flags/\\\\Seen\" all 999").await[0], "* SEARCH");
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_without_mod_sequences_says_so() {
    let server = alice().start().await.unwrap();
    server.account("alice").unwrap().set_mod_sequences("INBOX", false).unwrap();
    let mut dialogue = login(&server).await;
    dialogue.ok("ENABLE CONDSTORE").await;
    assert!(
        dialogue.ok("SELECT INBOX").await.contains(&"* OK [NOMODSEQ] no mod-sequences are kept".to_owned())
    );
    for command in [
        "FETCH 1 MODSEQ",
        "FETCH 1 FLAGS (CHANGEDSINCE 1)",
        "STORE 1 (UNCHANGEDSINCE 1) FLAGS ()",
        "SEARCH MODSEQ 1",
    ] {
        assert!(dialogue.result(command).await.starts_with("x BAD"), "{command}");
    }
    assert_eq!(dialogue.ok("STORE 1 FLAGS (\\Seen)").await[0], "* 1 FETCH (FLAGS (\\Seen \\Recent))");
    assert_eq!(dialogue.ok("STATUS INBOX (HIGHESTMODSEQ)").await[0], "* STATUS INBOX (HIGHESTMODSEQ 0)");
}

#[tokio::test(start_paused = true)]
async fn without_condstore_nothing_of_it_is_known() {
    let server = alice().without_capability("CONDSTORE").start().await.unwrap();
    let mut dialogue = login(&server).await;
    assert!(!dialogue.ok("CAPABILITY").await[0].contains("QRESYNC"));
    assert_eq!(dialogue.ok("ENABLE CONDSTORE QRESYNC").await[0], "* ENABLED");
    assert!(!dialogue.ok("SELECT INBOX").await.iter().any(|line| line.contains("MODSEQ")));
    for command in [
        "SELECT INBOX (CONDSTORE)",
        "FETCH 1 MODSEQ",
        "FETCH 1 FLAGS (CHANGEDSINCE 1)",
        "STORE 1 (UNCHANGEDSINCE 1) FLAGS ()",
        "SEARCH MODSEQ 1",
        "STATUS INBOX (HIGHESTMODSEQ)",
    ] {
        assert!(dialogue.result(command).await.starts_with("x BAD"), "{command}");
    }
}
