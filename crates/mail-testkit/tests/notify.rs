//! NOTIFY (RFC 5465), and a search of several mailboxes (RFC 7377).

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_testkit::{Account, Builder, Connection, Server};

fn alice() -> Builder {
    Server::builder()
        .user("alice", "secret")
        .messages("INBOX", ["one", "two"])
        .mailbox("Work/Done")
        .mailbox("Spam")
}

async fn login(server: &Server) -> (Dialogue<Connection>, Account) {
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    (dialogue, server.account("alice").unwrap())
}

const MESSAGES: &str = "(MessageNew MessageExpunge FlagChange)";

#[tokio::test(start_paused = true)]
async fn the_selected_mailbox_is_told_of_at_once() {
    let server = alice().start().await.unwrap();
    let (mut dialogue, account) = login(&server).await;
    dialogue.ok("SELECT INBOX").await;
    dialogue
        .ok("NOTIFY SET (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange))")
        .await;
    account.deliver("INBOX", "Subject: x\r\n\r\n").unwrap();
    assert_eq!(dialogue.line().await, "* 3 EXISTS");
    assert_eq!(dialogue.line().await, "* 3 FETCH (UID 3 BODY[HEADER.FIELDS (SUBJECT)] {14}");
    assert_eq!(dialogue.octets(17).await, b"Subject: x\r\n\r\n)\r\n");
    account.set_flags("INBOX", 1, ["\\Seen"]).unwrap();
    assert_eq!(dialogue.line().await, "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))");
    account.expunge("INBOX", [1, 2]).unwrap();
    assert_eq!(dialogue.line().await, "* 1 EXPUNGE");
    assert_eq!(dialogue.line().await, "* 1 EXPUNGE");
    account.deliver("INBOX", "Subject: y\r\n\r\n").unwrap();
    assert_eq!(dialogue.line().await, "* 2 EXISTS");
    assert_eq!(dialogue.line().await, "* 2 FETCH (UID 4 BODY[HEADER.FIELDS (SUBJECT)] {14}");
    dialogue.octets(17).await;
    assert_eq!(dialogue.command("NOOP").await, ["x OK NOOP completed"]);
}

#[tokio::test(start_paused = true)]
async fn delayed_expunges_wait_for_a_command_that_allows_them() {
    let server = alice().start().await.unwrap();
    let (mut dialogue, account) = login(&server).await;
    dialogue.ok("SELECT INBOX").await;
    dialogue.ok(&format!("NOTIFY SET (selected-delayed {MESSAGES})")).await;
    account.expunge("INBOX", [1]).unwrap();
    account.deliver("INBOX", "three").unwrap();
    assert_eq!(dialogue.line().await, "* 3 EXISTS");
    assert_eq!(dialogue.command("NOOP").await, ["* 1 EXPUNGE", "x OK NOOP completed"]);
}

#[tokio::test(start_paused = true)]
async fn other_mailboxes_are_told_of_by_their_numbers() {
    let server = alice().start().await.unwrap();
    let (mut dialogue, account) = login(&server).await;
    let uid_validity = |name| account.uid_validity(name).unwrap();
    let (inbox, done) = (uid_validity("INBOX"), uid_validity("Work/Done"));
    let told = dialogue
        .command(&format!(
            "NOTIFY SET STATUS (subtree Work {MESSAGES}) (inboxes (MessageNew MessageExpunge))"
        ))
        .await;
    let numbers = |name: &str, messages, next, validity, unseen| {
        format!("* STATUS {name} (MESSAGES {messages} UIDNEXT {next} UIDVALIDITY {validity} UNSEEN {unseen})")
    };
    assert_eq!(told[..2], [numbers("INBOX", 2, 3, inbox, 2), numbers("Work/Done", 0, 1, done, 0)]);
    account.deliver("Spam", "of no interest").unwrap();
    account.deliver("Work/Done", "x").unwrap();
    assert_eq!(dialogue.line().await, numbers("Work/Done", 1, 2, done, 1));
    account.set_flags("INBOX", 1, ["\\Seen"]).unwrap();
    account.set_flags("Work/Done", 1, ["\\Seen"]).unwrap();
    assert_eq!(dialogue.line().await, numbers("Work/Done", 1, 2, done, 0));
    account.expunge("INBOX", [1]).unwrap();
    assert_eq!(dialogue.line().await, numbers("INBOX", 1, 3, inbox, 1));
    dialogue.ok("NOTIFY NONE").await;
    account.deliver("Work/Done", "y").unwrap();
    assert_eq!(dialogue.command("NOOP").await, ["x OK NOOP completed"]);
}

#[tokio::test(start_paused = true)]
async fn names_that_come_and_go_are_told() {
    let server = alice().start().await.unwrap();
    let (mut dialogue, account) = login(&server).await;
    dialogue.ok("NOTIFY SET (personal (MailboxName SubscriptionChange))").await;
    account.create("New").unwrap();
    assert_eq!(dialogue.line().await, "* LIST () \"/\" New");
    account.rename("New", "Newer").unwrap();
    let renamed = dialogue.line().await;
    assert_eq!(renamed, "* LIST () \"/\" Newer (\"OLDNAME\" (\"New\"))");
    account.delete("Newer").unwrap();
    assert!(dialogue.line().await.starts_with("* LIST (\\NonExistent) \"/\" Newer"));
    assert_eq!(dialogue.command("UNSUBSCRIBE Spam").await[0], "* LIST () \"/\" Spam");
}

#[tokio::test(start_paused = true)]
async fn events_that_aren_t_known_are_refused() {
    let server = alice().start().await.unwrap();
    let (mut dialogue, _) = login(&server).await;
    let refused = dialogue.result("NOTIFY SET (personal (AnnotationChange))").await;
    assert!(refused.starts_with("x NO [BADEVENT (MessageNew MessageExpunge "), "{refused}");
    assert!(dialogue.result("NOTIFY SET (selected (MessageNew))").await.starts_with("x BAD"));
    assert!(dialogue.result("NOTIFY SET (selected (FlagChange))").await.starts_with("x BAD"));
    let without = alice().without_capability("NOTIFY").start().await.unwrap();
    assert!(login(&without).await.0.result("NOTIFY NONE").await.starts_with("x BAD"));
}

#[tokio::test(start_paused = true)]
async fn several_mailboxes_are_searched_at_once() {
    let server = alice().messages("Work/Done", ["long enough"]).start().await.unwrap();
    let (mut dialogue, account) = login(&server).await;
    let uid_validity = |name| account.uid_validity(name).unwrap();
    let told = dialogue.ok("ESEARCH IN (personal) RETURN (COUNT ALL) ALL").await;
    let expected = [
        format!(
            "* ESEARCH (TAG \"x\" MAILBOX INBOX UIDVALIDITY {}) UID COUNT 2 ALL 1:2",
            uid_validity("INBOX")
        ),
        format!(
            "* ESEARCH (TAG \"x\" MAILBOX Work/Done UIDVALIDITY {}) UID COUNT 1 ALL 1",
            uid_validity("Work/Done")
        ),
    ];
    assert_eq!(told[..2], expected);
    assert_eq!(dialogue.ok("ESEARCH IN (subtree-one Work inboxes) LARGER 5").await.len(), 2);
    assert!(dialogue.result("ESEARCH IN (selected) ALL").await.starts_with("x BAD"));
    dialogue.ok("EXAMINE INBOX").await;
    assert!(dialogue.ok("ESEARCH RETURN (MIN) ALL").await[0].contains("MAILBOX INBOX"));
}
