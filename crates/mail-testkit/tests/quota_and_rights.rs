//! QUOTA, ACL and METADATA.

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_testkit::{Builder, Connection, Server};

fn alice() -> Builder {
    Server::builder().user("alice", "secret")
}

async fn login(server: &Server) -> Dialogue<Connection> {
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    dialogue
}

#[tokio::test(start_paused = true)]
async fn what_exceeds_the_quota_is_refused() {
    let server = alice()
        .messages("INBOX", ["x".repeat(1500)])
        .mailbox("Other")
        .quota(Some(3), Some(3))
        .start()
        .await
        .unwrap();
    let mut dialogue = login(&server).await;
    assert_eq!(
        dialogue.ok("GETQUOTAROOT INBOX").await[..2],
        ["* QUOTAROOT INBOX \"\"", "* QUOTA \"\" (STORAGE 2 3 MESSAGE 1 3)"]
    );
    dialogue.send("a APPEND INBOX {1600}\r\n").await;
    assert!(dialogue.line().await.starts_with("a NO [OVERQUOTA]"), "the message isn't asked for");
    dialogue.ok("SELECT INBOX").await;
    dialogue.ok("UID COPY 1 Other").await;
    assert!(dialogue.result("UID COPY 1 Other").await.starts_with("x NO [OVERQUOTA]"));
    dialogue.ok("UID MOVE 1 Other").await;
    dialogue.ok("APPEND INBOX {1+}\r\nx").await;
    assert!(dialogue.result("APPEND INBOX {1+}\r\nx").await.starts_with("x NO [OVERQUOTA]"));
    let set = dialogue.command("SETQUOTA \"\" (STORAGE 100)").await;
    assert_eq!(set, ["* QUOTA \"\" (STORAGE 3 100)", "x OK SETQUOTA completed"]);
    dialogue.ok("APPEND INBOX {1+}\r\nx").await;
    assert_eq!(dialogue.ok("GETQUOTA \"\"").await[0], "* QUOTA \"\" (STORAGE 3 100)");
    assert!(dialogue.result("GETQUOTA none").await.starts_with("x NO [NONEXISTENT]"));
    assert!(dialogue.result("SETQUOTA \"\" (FROBS 1)").await.starts_with("x BAD"));
    server.account("alice").unwrap().set_quota(None, None);
    assert_eq!(
        dialogue.command("GETQUOTAROOT INBOX").await,
        ["* QUOTAROOT INBOX", "x OK GETQUOTAROOT completed"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_isn_t_allowed_is_refused() {
    let server = alice().messages("Box", ["x"]).start().await.unwrap();
    let account = server.account("alice").unwrap();
    let mut dialogue = login(&server).await;
    assert_eq!(dialogue.ok("MYRIGHTS Box").await[0], "* MYRIGHTS Box lrswipkxtea");
    dialogue.ok("SETACL Box bob lr").await;
    dialogue.ok("SETACL Box bob +sa").await;
    dialogue.ok("SETACL Box bob -r").await;
    assert_eq!(dialogue.ok("GETACL Box").await[0], "* ACL Box alice lrswipkxtea bob lsa");
    dialogue.ok("DELETEACL Box bob").await;
    assert_eq!(dialogue.ok("GETACL Box").await[0], "* ACL Box alice lrswipkxtea");
    assert_eq!(dialogue.ok("LISTRIGHTS Box bob").await[0], "* LISTRIGHTS Box bob \"\" l r s w i p k x t e a");
    account.set_rights("Box", "lrws").unwrap();
    dialogue.ok("SELECT Box").await;
    dialogue.ok("STORE 1 +FLAGS (\\Seen \\Flagged)").await;
    for command in [
        "STORE 1 +FLAGS (\\Deleted)",
        "EXPUNGE",
        "UID MOVE 1 INBOX",
        "APPEND Box {1+}\r\nx",
        "UID COPY 1 Box",
        "DELETE Box",
        "GETACL Box",
    ] {
        assert!(dialogue.result(command).await.starts_with("x NO [NOPERM]"), "{command}");
    }
    account.set_rights("Box", "lr").unwrap();
    assert_eq!(dialogue.result("SELECT Box").await, "x OK [READ-ONLY] SELECT completed");
    account.set_rights("Box", "l").unwrap();
    assert!(dialogue.result("SELECT Box").await.starts_with("x NO [NOPERM]"));
    assert_eq!(
        dialogue.ok("LIST \"\" Box RETURN (MYRIGHTS)").await[..2],
        ["* LIST (\\HasNoChildren) \"/\" Box", "* MYRIGHTS Box l"]
    );
}

#[tokio::test(start_paused = true)]
async fn values_are_kept_with_mailboxes_and_without() {
    let server = alice().start().await.unwrap();
    let mut dialogue = login(&server).await;
    dialogue
        .ok("SETMETADATA INBOX (/private/comment \"mine\" /shared/a/b/c \"deep\" /shared/a \"top\")")
        .await;
    dialogue.ok("SETMETADATA \"\" (/shared/comment {5+}\r\na\r\nb!)").await;
    for (command, told) in [
        ("GETMETADATA INBOX /Private/Comment", "* METADATA INBOX (/private/comment mine)"),
        (
            "GETMETADATA INBOX (/private/comment /shared/none)",
            "* METADATA INBOX (/private/comment \"mine\" /shared/none NIL)",
        ),
        ("GETMETADATA (DEPTH 1) INBOX /shared/a", "* METADATA INBOX (/shared/a \"top\")"),
        (
            "GETMETADATA (DEPTH infinity) INBOX /shared",
            "* METADATA INBOX (/shared/a \"top\" /shared/a/b/c \"deep\")",
        ),
        ("GETMETADATA \"\" /shared/comment", "* METADATA \"\" (/shared/comment {5}"),
    ] {
        let line = dialogue.ok(command).await.remove(0);
        assert_eq!(line.replace('"', ""), told.replace('"', ""), "{command}");
    }
    let cut = dialogue.command("GETMETADATA (MAXSIZE 3) INBOX (/private/comment /shared/a)").await;
    assert_eq!(cut.last().unwrap(), "x OK [METADATA LONGENTRIES 4] GETMETADATA completed");
    dialogue.ok("SETMETADATA INBOX (/private/comment NIL)").await;
    assert_eq!(
        dialogue.ok("GETMETADATA INBOX /private/comment").await[0],
        "* METADATA INBOX (/private/comment NIL)"
    );
    assert!(dialogue.result("SETMETADATA INBOX (/other/x \"y\")").await.starts_with("x BAD"));
    assert!(dialogue.result("GETMETADATA none /shared/a").await.starts_with("x NO [NONEXISTENT]"));
    let listed = dialogue.ok("LIST \"\" INBOX RETURN (METADATA (/shared/a))").await;
    assert_eq!(listed[1].replace('"', ""), "* METADATA INBOX (/shared/a top)");
    let only_server =
        alice().without_capability("METADATA").with_capability("METADATA-SERVER").start().await.unwrap();
    let mut dialogue = login(&only_server).await;
    dialogue.ok("GETMETADATA \"\" /shared/a").await;
    assert!(dialogue.result("GETMETADATA INBOX /shared/a").await.starts_with("x BAD"));
}
