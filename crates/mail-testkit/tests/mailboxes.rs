//! Mailboxes as the server lists, counts and selects them.

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_testkit::{Builder, Connection, Message, Server};

fn alice() -> Builder {
    Server::builder().user("alice", "secret")
}

async fn login(server: &Server) -> Dialogue<Connection> {
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    dialogue
}

#[tokio::test(start_paused = true)]
async fn names_are_listed_level_by_level_or_all_at_once() {
    let server = alice().mailbox("a/b/c").mailbox("Sent").start().await.unwrap();
    let mut dialogue = login(&server).await;
    let all = dialogue.ok("LIST \"\" *").await;
    assert_eq!(
        all[..3],
        [
            "* LIST (\\HasNoChildren) \"/\" INBOX",
            "* LIST (\\HasNoChildren) \"/\" Sent",
            "* LIST (\\HasNoChildren) \"/\" a/b/c",
        ]
    );
    let top = dialogue.ok("LIST \"\" %").await;
    assert_eq!(top[2], "* LIST (\\Noselect \\HasChildren) \"/\" a");
    assert_eq!(dialogue.ok("LIST a/ %").await[0], "* LIST (\\Noselect \\HasChildren) \"/\" a/b");
    assert_eq!(dialogue.ok("LIST \"\" inbox").await[0], "* LIST (\\HasNoChildren) \"/\" INBOX");
    assert_eq!(dialogue.ok("LIST \"\" \"\"").await[0], "* LIST (\\Noselect) \"/\" \"\"");
    assert_eq!(dialogue.ok("NAMESPACE").await[0], "* NAMESPACE ((\"\" \"/\")) NIL NIL");
}

#[tokio::test(start_paused = true)]
async fn hostile_names_are_held_and_served_as_they_are() {
    let names: [&[u8]; 6] =
        [b"../x", b"a \"quoted\" \\ name", b"\xff\xfe", b"&broken", b"&ZeVnLA-", "é".as_bytes()];
    let server =
        names.iter().fold(alice(), |builder, name| builder.messages(name, ["x"])).start().await.unwrap();
    let mut dialogue = login(&server).await;
    dialogue.send("l LIST \"\" *\r\n").await;
    let mut listed = Vec::new();
    loop {
        let line = dialogue.line().await;
        if line.starts_with("l ") {
            break;
        }
        let name = line.split_once("\"/\" ").unwrap().1;
        listed.push(match name.strip_prefix('{') {
            Some(len) => {
                let content = dialogue.octets(len.trim_end_matches('}').parse().unwrap()).await;
                assert_eq!(dialogue.line().await, "");
                content
            }
            None => name.as_bytes().to_vec(),
        });
    }
    for name in ["../x", "\"a \\\"quoted\\\" \\\\ name\"", "&broken", "&ZeVnLA-"] {
        assert!(listed.contains(&name.as_bytes().to_vec()), "{name} in {listed:?}");
    }
    assert!(listed.contains(&b"\xff\xfe".to_vec()) && listed.contains(&"é".as_bytes().to_vec()));
    for name in names {
        dialogue
            .send([format!("s STATUS {{{}+}}\r\n", name.len()).as_bytes(), name, b" (MESSAGES)\r\n"].concat())
            .await;
        dialogue.line().await;
        let lines = dialogue.until("s").await;
        assert_eq!(lines.last().unwrap(), "s OK STATUS completed", "{}", name.escape_ascii());
    }
}

#[tokio::test(start_paused = true)]
async fn status_counts() {
    let seen = Message::new("12345").with_flags(["\\Seen", "\\Deleted"]);
    let server = alice()
        .with_capability("QUOTA=RES-MESSAGE")
        .messages("Box", [seen, Message::new("123")])
        .start()
        .await
        .unwrap();
    let mut dialogue = login(&server).await;
    let uid_validity = server.account("alice").unwrap().uid_validity("Box").unwrap();
    let status = dialogue.ok("STATUS Box (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE)").await;
    let expected =
        format!("MESSAGES 2 RECENT 2 UIDNEXT 3 UIDVALIDITY {uid_validity} UNSEEN 1 DELETED 1 SIZE 8");
    assert_eq!(status[0], format!("* STATUS Box ({expected})"));
    assert_eq!(dialogue.ok("STATUS Box (MAILBOXID)").await[0], "* STATUS Box (MAILBOXID (F2))");
    assert!(dialogue.result("STATUS None (MESSAGES)").await.starts_with("x NO [NONEXISTENT]"));
}

#[tokio::test(start_paused = true)]
async fn select_tells_all_that_a_client_needs() {
    let flagged = Message::new("1").with_flags(["\\Seen", "$Label"]);
    let server = alice().messages("INBOX", [flagged, Message::new("2")]).start().await.unwrap();
    let mut dialogue = login(&server).await;
    let uid_validity = server.account("alice").unwrap().uid_validity("inbox").unwrap();
    let expected = [
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Label)".to_owned(),
        "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Label \\*)] flags that stay"
            .to_owned(),
        "* 2 EXISTS".to_owned(),
        "* 2 RECENT".to_owned(),
        "* OK [UNSEEN 2] the first that wasn't seen".to_owned(),
        format!("* OK [UIDVALIDITY {uid_validity}] UIDs are valid"),
        "* OK [UIDNEXT 3] the next UID".to_owned(),
        "* OK [MAILBOXID (F1)] the mailbox's id".to_owned(),
        "* OK [HIGHESTMODSEQ 3] the highest mod-sequence".to_owned(),
        "x OK [READ-WRITE] SELECT completed".to_owned(),
    ];
    assert_eq!(dialogue.ok("SELECT InBox").await, expected);
    assert!(dialogue.result("SELECT none").await.starts_with("x NO [NONEXISTENT]"));
    assert!(dialogue.result("UID FETCH 1 FLAGS").await.starts_with("x BAD"), "nothing is selected any more");
}

#[tokio::test(start_paused = true)]
async fn examine_changes_nothing() {
    let server = alice().messages("INBOX", ["Subject: x\r\n\r\nbody"]).start().await.unwrap();
    let mut dialogue = login(&server).await;
    let examined = dialogue.ok("EXAMINE INBOX").await;
    assert!(examined.contains(&"* OK [PERMANENTFLAGS ()] flags that stay".to_owned()));
    assert_eq!(examined.last().unwrap(), "x OK [READ-ONLY] EXAMINE completed");
    dialogue.ok("UID FETCH 1 BODY[]").await;
    for command in ["UID STORE 1 +FLAGS (\\Seen)", "EXPUNGE", "UID EXPUNGE 1", "UID MOVE 1 INBOX"] {
        assert!(dialogue.result(command).await.starts_with("x NO [READ-ONLY]"), "{command}");
    }
    dialogue.ok("CLOSE").await;
    let stored = server.account("alice").unwrap().messages("INBOX").unwrap();
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].flags.iter().count(), 0);
    assert!(dialogue.ok("EXAMINE INBOX").await.contains(&"* 1 RECENT".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn mailboxes_come_and_go() {
    let server = alice().start().await.unwrap();
    let account = server.account("alice").unwrap();
    let mut dialogue = login(&server).await;
    assert_eq!(dialogue.result("CREATE made/").await, "x OK [MAILBOXID (F2)] CREATE completed");
    assert!(dialogue.result("CREATE made").await.starts_with("x NO [ALREADYEXISTS]"));
    account.deliver("made", "hello").unwrap();
    let uid_validity = account.uid_validity("made").unwrap();
    dialogue.ok("RENAME made moved").await;
    assert_eq!(account.uid_validity("moved").unwrap(), uid_validity);
    assert!(dialogue.result("DELETE made").await.starts_with("x NO [NONEXISTENT]"));
    assert!(dialogue.result("DELETE INBOX").await.starts_with("x NO [CANNOT]"));
    dialogue.ok("DELETE moved").await;
    dialogue.ok("CREATE moved").await;
    assert_ne!(account.uid_validity("moved").unwrap(), uid_validity, "a mailbox anew has UIDs anew");
    account.deliver("INBOX", "stays with the name").unwrap();
    dialogue.ok("RENAME INBOX old").await;
    assert_eq!(account.messages("INBOX").unwrap().len(), 0);
    assert_eq!(account.messages("old").unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn subscriptions_are_kept() {
    let server = alice().mailbox("a").mailbox("b").start().await.unwrap();
    let mut dialogue = login(&server).await;
    dialogue.ok("UNSUBSCRIBE a").await;
    assert_eq!(dialogue.ok("LSUB \"\" *").await[..2], ["* LSUB () \"/\" INBOX", "* LSUB () \"/\" b"]);
    dialogue.ok("SUBSCRIBE a").await;
    assert_eq!(dialogue.ok("LSUB \"\" a").await[0], "* LSUB () \"/\" a");
    assert!(dialogue.result("SUBSCRIBE none").await.starts_with("x NO [NONEXISTENT]"));
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_made_anew_ends_the_sessions_that_have_it_selected() {
    let server = alice().messages("Box", ["x"]).start().await.unwrap();
    let account = server.account("alice").unwrap();
    let before = account.uid_validity("Box").unwrap();
    let mut dialogue = login(&server).await;
    dialogue.ok("SELECT Box").await;
    let after = account.recreate("Box").unwrap();
    assert_ne!(before, after);
    dialogue.send("n NOOP\r\n").await;
    assert_eq!(dialogue.rest().await, b"* BYE the selected mailbox was deleted\r\n");
    let selected = login(&server).await.ok("SELECT Box").await;
    assert!(selected.iter().any(|line| line.contains(&format!("[UIDVALIDITY {after}]"))), "{selected:#?}");
}

#[tokio::test]
async fn what_can_t_be_served_is_refused_before_the_start() {
    let error = |builder: Builder| async { builder.start().await.unwrap_err().to_string() };
    assert_eq!(error(Server::builder().mailbox("x")).await, "a mailbox needs a user: name the user first");
    assert_eq!(error(alice().mailbox("a\r\nb")).await, "\"a\\\\r\\\\nb\" can't be a mailbox name");
    assert_eq!(error(alice().user("alice", "again")).await, "user \"alice\" is named twice");
}
