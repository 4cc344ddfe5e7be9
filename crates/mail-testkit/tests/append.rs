//! APPEND in all its forms, and REPLACE.

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_testkit::{Builder, Connection, Server};

fn alice() -> Builder {
    Server::builder().user("alice", "secret")
}

async fn select(server: &Server) -> Dialogue<Connection> {
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    dialogue.ok("SELECT INBOX").await;
    dialogue
}

fn bodies(server: &Server) -> Vec<Vec<u8>> {
    let stored = server.account("alice").unwrap().messages("INBOX").unwrap();
    stored.into_iter().map(|stored| stored.body.to_vec()).collect()
}

#[tokio::test(start_paused = true)]
async fn several_messages_come_at_once_whatever_their_size() {
    for lens in [[1, 2, 3], [20_000, 1, 30_000], [1, 20_000, 1], [0, 16 * 1024, 16 * 1024 + 1]] {
        let server = alice().start().await.unwrap();
        let uid_validity = server.account("alice").unwrap().uid_validity("INBOX").unwrap();
        let mut dialogue = select(&server).await;
        let contents = lens.map(|len| "z".repeat(len));
        let [one, two, three] = &contents;
        let answer = dialogue
            .command(&format!(
                "APPEND INBOX (\\Seen) {{{}+}}\r\n{one} {{{}+}}\r\n{two} ($Label) \"17-Jul-1996 02:44:25 -0700\" {{{}+}}\r\n{three}",
                one.len(),
                two.len(),
                three.len()
            ))
            .await;
        assert_eq!(
            answer,
            ["* 3 EXISTS".to_owned(), format!("x OK [APPENDUID {uid_validity} 1:3] APPEND completed")]
        );
        assert!(bodies(&server).iter().zip(&contents).all(|(stored, sent)| stored == sent.as_bytes()));
        let stored = server.account("alice").unwrap().messages("INBOX").unwrap();
        assert!(stored[0].flags.contains("\\Seen") && !stored[1].flags.contains("\\Seen"));
        assert!(stored[2].flags.contains("$Label"));
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_messages_all_or_none_are_stored() {
    let server = alice().with_capability("APPENDLIMIT=20000").start().await.unwrap();
    let mut dialogue = select(&server).await;
    let large = "z".repeat(20_001);
    for wrong in [format!("{{20001+}}\r\n{large}"), "nonsense".to_owned()] {
        for len in [1, 19_000] {
            let content = "y".repeat(len);
            let answer = dialogue.result(&format!("APPEND INBOX {{{len}+}}\r\n{content} {wrong}")).await;
            assert!(answer.starts_with("x NO [TOOBIG]") || answer.starts_with("x BAD"), "{answer}");
            assert_eq!(dialogue.command("NOOP").await, ["x OK NOOP completed"]);
        }
    }
    dialogue.send("a APPEND INBOX {19000+}\r\n").await;
    dialogue.send("y".repeat(19_000)).await;
    dialogue.send(" {20001}\r\n").await;
    assert!(dialogue.line().await.starts_with("a NO [TOOBIG]"), "the second message isn't asked for");
    assert_eq!(dialogue.command("NOOP").await, ["x OK NOOP completed"]);
    assert_eq!(bodies(&server).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_multiappend_one_message_comes_at_a_time() {
    let server = alice().without_capability("MULTIAPPEND").start().await.unwrap();
    let mut dialogue = select(&server).await;
    for len in [1, 20_000] {
        let content = "y".repeat(len);
        let several = format!("APPEND INBOX {{{len}+}}\r\n{content} {{{len}+}}\r\n{content}");
        assert!(dialogue.result(&several).await.starts_with("x BAD"));
        dialogue.ok("NOOP").await;
    }
    assert_eq!(bodies(&server).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn binary_messages_are_taken_where_binary_is() {
    let server = alice().start().await.unwrap();
    let mut dialogue = select(&server).await;
    dialogue.ok("APPEND INBOX ~{3+}\r\na\0b").await;
    assert_eq!(bodies(&server), [b"a\0b"]);
    let without = alice().without_capability("BINARY").start().await.unwrap();
    let mut dialogue = select(&without).await;
    assert!(dialogue.result("APPEND INBOX ~{3+}\r\na\0b").await.starts_with("x BAD"));
    dialogue.ok("NOOP").await;
}

#[tokio::test(start_paused = true)]
async fn the_largest_message_is_told_and_kept_to() {
    let server = alice().with_capability("APPENDLIMIT=10").start().await.unwrap();
    let mut dialogue = select(&server).await;
    assert!(dialogue.ok("CAPABILITY").await[0].contains(" APPENDLIMIT=10"));
    dialogue.ok("APPEND INBOX {10+}\r\n0123456789").await;
    dialogue.send("a APPEND INBOX {11}\r\n").await;
    assert!(dialogue.line().await.starts_with("a NO [TOOBIG]"));
    dialogue.ok("NOOP").await;
}

#[tokio::test(start_paused = true)]
async fn replace_puts_one_message_in_and_another_out() {
    let server = alice().messages("INBOX", ["one", "two"]).mailbox("Sent").start().await.unwrap();
    let account = server.account("alice").unwrap();
    let mut dialogue = select(&server).await;
    let answer = dialogue.command("UID REPLACE 1 INBOX (\\Seen) {3+}\r\nnew").await;
    let uid_validity = account.uid_validity("INBOX").unwrap();
    let expected = [
        format!("* OK [APPENDUID {uid_validity} 3] replaced"),
        "* 1 EXPUNGE".to_owned(),
        "* 2 EXISTS".to_owned(),
        "x OK UID REPLACE completed".to_owned(),
    ];
    assert_eq!(answer, expected);
    let long = "n".repeat(20_000);
    dialogue.ok(&format!("REPLACE 1 Sent {{20000+}}\r\n{long}")).await;
    assert_eq!(bodies(&server), [b"new"]);
    assert_eq!(account.messages("Sent").unwrap().len(), 1);
    assert!(dialogue.result("UID REPLACE 99 INBOX {1+}\r\nx").await.starts_with("x NO"));
    assert!(dialogue.result("REPLACE 99 INBOX {1+}\r\nx").await.starts_with("x BAD"));
    dialogue.ok("EXAMINE INBOX").await;
    assert!(dialogue.result("UID REPLACE 3 INBOX {1+}\r\nx").await.starts_with("x NO [READ-ONLY]"));
    assert_eq!(bodies(&server), [b"new"]);
    let shown = server.report().commands.iter().any(|command| command.text.contains("nnn"));
    assert!(!shown, "a message is among the commands");
}
