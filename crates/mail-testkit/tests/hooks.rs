//! Other clients' doings at chosen moments.

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_testkit::{Hook, Server};

#[tokio::test(start_paused = true)]
async fn a_hook_strikes_at_its_moment_and_no_other() {
    let server = Server::builder().user("alice", "secret").messages("INBOX", ["one"]).start().await.unwrap();
    server.hook(Hook::before("NOOP").nth(2), |account| {
        account.deliver("INBOX", "two").unwrap();
    });
    server.hook(Hook::within("UID FETCH"), |account| {
        account.deliver("INBOX", "three").unwrap();
    });
    server.hook(Hook::after("CHECK").on_connection(1), |account| {
        account.expunge("INBOX", [1]).unwrap();
    });
    server.hook(Hook::after("CHECK").on_connection(2), |_| panic!("there is one connection"));
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    dialogue.ok("SELECT INBOX").await;
    assert_eq!(dialogue.command("NOOP").await, ["x OK NOOP completed"]);
    assert_eq!(dialogue.command("NOOP").await, ["* 2 EXISTS", "x OK NOOP completed"]);
    let fetched = dialogue.command("UID FETCH 1:* UID").await;
    let expected = ["* 1 FETCH (UID 1)", "* 2 FETCH (UID 2)", "* 3 EXISTS", "x OK UID FETCH completed"];
    assert_eq!(fetched, expected);
    assert_eq!(dialogue.command("CHECK").await, ["x OK CHECK completed"]);
    assert_eq!(dialogue.command("NOOP").await, ["* 1 EXPUNGE", "x OK NOOP completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_is_made_anew_between_two_commands_of_one_flight() {
    let server = Server::builder().user("alice", "secret").messages("INBOX", ["one"]).start().await.unwrap();
    server.hook(Hook::before("UID STORE"), |account| {
        account.recreate("INBOX").unwrap();
    });
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    dialogue.send("a SELECT INBOX\r\nb UID STORE 1 +FLAGS (\\Deleted)\r\n").await;
    let rest = String::from_utf8(dialogue.rest().await).unwrap();
    assert!(rest.contains("\r\na OK [READ-WRITE]") && rest.contains("\r\n* BYE "), "{rest}");
}
