//! LIST with its extensions, subscriptions and special uses.

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_testkit::{Builder, Connection, Server};

fn alice() -> Builder {
    Server::builder()
        .user("alice", "secret")
        .special_use("Sent", "\\Sent")
        .mailbox("Fruit/Apple")
        .mailbox("Fruit/Banana")
        .mailbox("Tofu")
}

async fn login(server: &Server) -> Dialogue<Connection> {
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    dialogue
}

/// The untagged lines of a command that must be carried out.
async fn told(dialogue: &mut Dialogue<Connection>, command: &str) -> Vec<String> {
    let mut lines = dialogue.ok(command).await;
    lines.pop();
    lines
}

#[tokio::test(start_paused = true)]
async fn special_uses_are_told_and_chosen_by() {
    let server = alice().start().await.unwrap();
    let mut dialogue = login(&server).await;
    assert_eq!(told(&mut dialogue, "LIST \"\" Sent").await, ["* LIST (\\HasNoChildren \\Sent) \"/\" Sent"]);
    let chosen = told(&mut dialogue, "LIST (SPECIAL-USE) \"\" *").await;
    assert_eq!(chosen, ["* LIST (\\HasNoChildren \\Sent) \"/\" Sent"]);
    let with = told(&mut dialogue, "LIST \"\" (Sent Tofu) RETURN (SPECIAL-USE)").await;
    assert_eq!(with, ["* LIST (\\HasNoChildren \\Sent) \"/\" Sent", "* LIST (\\HasNoChildren) \"/\" Tofu"]);
    dialogue.ok("CREATE Old (USE (\\Archive \\Junk))").await;
    assert_eq!(
        told(&mut dialogue, "LIST \"\" Old").await,
        ["* LIST (\\HasNoChildren \\Archive \\Junk) \"/\" Old"]
    );
    assert!(dialogue.result("CREATE All (USE (\\All))").await.starts_with("x NO [USEATTR]"));
    assert!(dialogue.result("SELECT All").await.starts_with("x NO [NONEXISTENT]"));
    let without = alice().without_capability("SPECIAL-USE").start().await.unwrap();
    let mut dialogue = login(&without).await;
    assert_eq!(told(&mut dialogue, "LIST \"\" Sent").await, ["* LIST (\\HasNoChildren) \"/\" Sent"]);
    for command in
        ["LIST (SPECIAL-USE) \"\" *", "LIST \"\" * RETURN (SPECIAL-USE)", "CREATE x (USE (\\Sent))"]
    {
        assert!(dialogue.result(command).await.starts_with("x BAD"), "{command}");
    }
}

#[tokio::test(start_paused = true)]
async fn subscriptions_are_listed_existing_or_not() {
    let server = alice().start().await.unwrap();
    let mut dialogue = login(&server).await;
    for name in ["Sent", "Tofu", "INBOX"] {
        dialogue.ok(&format!("UNSUBSCRIBE {name}")).await;
    }
    dialogue.ok("DELETE Fruit/Banana").await;
    assert_eq!(
        told(&mut dialogue, "LIST (SUBSCRIBED) \"\" *").await,
        [
            "* LIST (\\Subscribed \\HasNoChildren) \"/\" Fruit/Apple",
            "* LIST (\\NonExistent \\Subscribed \\HasNoChildren) \"/\" Fruit/Banana",
        ]
    );
    assert_eq!(
        told(&mut dialogue, "LIST \"\" (Tofu Fruit/%) RETURN (SUBSCRIBED)").await,
        ["* LIST (\\Subscribed \\HasNoChildren) \"/\" Fruit/Apple", "* LIST (\\HasNoChildren) \"/\" Tofu"]
    );
    assert_eq!(
        told(&mut dialogue, "LIST (RECURSIVEMATCH SUBSCRIBED) \"\" %").await,
        ["* LIST (\\NonExistent \\HasChildren) \"/\" Fruit (\"CHILDINFO\" (\"SUBSCRIBED\"))"]
    );
    assert!(dialogue.result("LIST (RECURSIVEMATCH) \"\" %").await.starts_with("x BAD"));
    assert_eq!(told(&mut dialogue, "LSUB \"\" %").await, ["* LSUB (\\Noselect) \"/\" Fruit"]);
    dialogue.ok("CREATE Made").await;
    assert!(!told(&mut dialogue, "LSUB \"\" *").await.iter().any(|line| line.contains("Made")));
    assert_eq!(
        server.account("alice").unwrap().subscriptions(),
        [b"Fruit/Apple".to_vec(), b"Fruit/Banana".to_vec()]
    );
}

#[tokio::test(start_paused = true)]
async fn numbers_come_with_the_list() {
    let server = alice().messages("Tofu", ["12345", "6"]).start().await.unwrap();
    let mut dialogue = login(&server).await;
    assert_eq!(
        told(&mut dialogue, "LIST \"\" (% Fruit/Apple) RETURN (STATUS (MESSAGES SIZE))").await,
        [
            "* LIST (\\NonExistent \\HasChildren) \"/\" Fruit",
            "* LIST (\\HasNoChildren) \"/\" Fruit/Apple",
            "* STATUS Fruit/Apple (MESSAGES 0 SIZE 0)",
            "* LIST (\\HasNoChildren) \"/\" INBOX",
            "* STATUS INBOX (MESSAGES 0 SIZE 0)",
            "* LIST (\\HasNoChildren) \"/\" Sent",
            "* STATUS Sent (MESSAGES 0 SIZE 0)",
            "* LIST (\\HasNoChildren) \"/\" Tofu",
            "* STATUS Tofu (MESSAGES 2 SIZE 6)",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn without_the_extensions_there_is_plain_list() {
    let builder =
        ["LIST-EXTENDED", "CHILDREN", "SPECIAL-USE"].into_iter().fold(alice(), Builder::without_capability);
    let server = builder.start().await.unwrap();
    let mut dialogue = login(&server).await;
    assert!(!dialogue.ok("CAPABILITY").await[0].contains("LIST-STATUS"));
    assert_eq!(
        told(&mut dialogue, "LIST \"\" %").await,
        [
            "* LIST (\\Noselect) \"/\" Fruit",
            "* LIST () \"/\" INBOX",
            "* LIST () \"/\" Sent",
            "* LIST () \"/\" Tofu"
        ]
    );
    for command in [
        "LIST (SUBSCRIBED) \"\" *",
        "LIST \"\" (a b)",
        "LIST \"\" * RETURN (CHILDREN)",
        "LIST \"\" * RETURN (STATUS (MESSAGES))",
    ] {
        assert!(dialogue.result(command).await.starts_with("x BAD"), "{command}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_lies_below_is_renamed_with_a_mailbox() {
    let server = alice().messages("Fruit/Apple", ["core"]).start().await.unwrap();
    let account = server.account("alice").unwrap();
    let mut dialogue = login(&server).await;
    dialogue.ok("RENAME Fruit Obst").await;
    assert_eq!(account.messages("Obst/Apple").unwrap().len(), 1);
    assert!(account.messages("Fruit/Banana").is_err());
    dialogue.ok("CREATE Obst").await;
    dialogue.ok("CREATE x/Apple").await;
    assert!(dialogue.result("RENAME Obst x").await.starts_with("x NO [ALREADYEXISTS]"));
    dialogue.ok("RENAME Obst y").await;
    let names = account.mailboxes();
    assert!(names.contains(&b"y".to_vec()) && names.contains(&b"y/Apple".to_vec()));
    assert!(!names.iter().any(|name| name.starts_with(b"Obst")));
    assert!(dialogue.result("RENAME Obst z").await.starts_with("x NO [NONEXISTENT]"));
}
