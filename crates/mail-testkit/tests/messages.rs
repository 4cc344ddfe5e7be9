//! Messages: fetched, searched, changed, added and removed, and what other sessions hear of it.

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_testkit::{Builder, Connection, Message, Server};

fn alice() -> Builder {
    Server::builder().user("alice", "secret")
}

/// Three messages of five octets each.
async fn three() -> Server {
    alice().messages("INBOX", ["one\r\n", "two\r\n", "3\r\n\r\n"]).start().await.unwrap()
}

async fn login(server: &Server) -> Dialogue<Connection> {
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    dialogue
}

async fn select(server: &Server) -> Dialogue<Connection> {
    let mut dialogue = login(server).await;
    dialogue.ok("SELECT INBOX").await;
    dialogue
}

#[tokio::test(start_paused = true)]
async fn fetch_gives_what_was_asked_for() {
    let date = std::time::UNIX_EPOCH + std::time::Duration::from_secs(951_805_800);
    let body = "Subject: x\r\nFrom: y\r\n\r\nbody\r\n";
    let message = Message::new(body).with_flags(["\\Seen", "$Label"]).with_internal_date(date);
    let server = alice().messages("INBOX", [message]).start().await.unwrap();
    let mut dialogue = login(&server).await;
    dialogue.ok("EXAMINE INBOX").await;
    let all = dialogue.ok("FETCH 1 (UID FLAGS RFC822.SIZE INTERNALDATE)").await;
    assert_eq!(
        all[0],
        "* 1 FETCH (UID 1 FLAGS (\\Seen $Label \\Recent) RFC822.SIZE 29 INTERNALDATE \"29-Feb-2000 06:30:00 +0000\")"
    );
    assert_eq!(dialogue.ok("UID FETCH 1 RFC822.SIZE").await[0], "* 1 FETCH (UID 1 RFC822.SIZE 29)");
    assert_eq!(dialogue.ok("UID FETCH 1:* BODY.PEEK[]").await[0], "* 1 FETCH (UID 1 BODY[] {29}");
    let part = dialogue.ok("FETCH 1 (BODY.PEEK[HEADER]<3.4> BODY.PEEK[TEXT] BODY.PEEK[3])").await;
    assert_eq!(part[..3], ["* 1 FETCH (BODY[HEADER]<3> {4}", "ject BODY[TEXT] {6}", "body"]);
    assert_eq!(part[3], " BODY[3] NIL)");
    assert_eq!(dialogue.command("UID FETCH 7 FLAGS").await, ["x OK UID FETCH completed"]);
    assert_eq!(dialogue.result("FETCH 7 FLAGS").await, "x BAD there is no such message");
}

#[tokio::test(start_paused = true)]
async fn reading_without_peek_marks_as_seen_once() {
    let server = three().await;
    let mut dialogue = select(&server).await;
    let first = dialogue.ok("UID FETCH 1 BODY[]").await;
    assert_eq!(first[1..3], ["one", " FLAGS (\\Seen \\Recent))"]);
    let again = dialogue.ok("UID FETCH 1 BODY[]").await;
    assert_eq!(again[1..3], ["one", ")"]);
    assert_eq!(dialogue.command("NOOP").await, ["x OK NOOP completed"], "nobody is told of their own doing");
}

#[tokio::test(start_paused = true)]
async fn search_knows_the_common_keys() {
    let server = alice()
        .messages(
            "INBOX",
            [
                Message::new(
                    "Subject: Hello World\r\nDate: Fri, 1 Feb 2002 23:59:59 -0500\r\nFrom: a@x\r\n\r\nfirst",
                )
                .with_flags(["\\Seen"])
                .with_internal_date(std::time::UNIX_EPOCH),
                Message::new("Subject: other\r\nFrom: b@x\r\nTo: hello\r\n\r\nWorld second")
                    .with_flags(["$Label"]),
                Message::new("Subject:\r\n folded\r\n line\r\n\r\n").with_flags(["\\Deleted", "\\Seen"]),
            ],
        )
        .start()
        .await
        .unwrap();
    server.account("alice").unwrap().expunge("INBOX", []).unwrap();
    let mut dialogue = select(&server).await;
    for (query, found) in [
        ("ALL", "1 2 3"),
        ("UNSEEN", "2"),
        ("SEEN UNDELETED", "1"),
        ("KEYWORD $label", "2"),
        ("UNKEYWORD $Label DELETED", "3"),
        ("SUBJECT world", "1"),
        ("TEXT world", "1 2"),
        ("BODY world", "2"),
        ("FROM \"@X\"", "1 2"),
        ("HEADER Subject \"folded line\"", "3"),
        ("HEADER To \"\"", "2"),
        ("OR SUBJECT other UID 3", "2 3"),
        ("NOT 2:*", "1"),
        ("LARGER 60 SMALLER 100", "1"),
        ("BEFORE 2-Jan-1970", "1"),
        ("ON 14-Nov-2023", "2 3"),
        ("SINCE 14-Nov-2023 BEFORE 15-Nov-2023", "2 3"),
        ("SENTON \"1-Feb-2002\"", "1"),
        ("SENTSINCE 2-Feb-2002", ""),
        ("SENTBEFORE 2-Feb-2002", "1"),
        ("UID 3:1", "1 2 3"),
        ("UID 9:*", "3"),
        ("(OR SEEN 2) NOT DELETED", "1 2"),
    ] {
        assert_eq!(
            dialogue.ok(&format!("UID SEARCH {query}")).await[0],
            format!("* SEARCH {found}").trim_end(),
            "{query}"
        );
    }
    assert_eq!(dialogue.ok("SEARCH ANSWERED").await[0], "* SEARCH");
    assert!(dialogue.result("SEARCH CHARSET KOI8-R TEXT x").await.starts_with("x NO [BADCHARSET"));
}

#[tokio::test(start_paused = true)]
async fn store_adds_removes_and_replaces_and_others_hear_of_it() {
    let server = three().await;
    let mut dialogue = select(&server).await;
    let mut other = select(&server).await;
    assert_eq!(
        dialogue.ok("UID STORE 2 +FLAGS (\\Flagged $New)").await[0],
        "* 2 FETCH (UID 2 FLAGS (\\Flagged $New \\Recent))"
    );
    assert_eq!(dialogue.command("STORE 2:3 +FLAGS.SILENT \\Seen").await, ["x OK STORE completed"]);
    assert_eq!(
        dialogue.ok("STORE 2 -FLAGS ($new)").await[0],
        "* 2 FETCH (FLAGS (\\Flagged \\Seen \\Recent))"
    );
    assert_eq!(
        other.ok("NOOP").await[..2],
        ["* 2 FETCH (UID 2 FLAGS (\\Flagged \\Seen))", "* 3 FETCH (UID 3 FLAGS (\\Seen))"]
    );
    assert_eq!(other.ok("UID STORE 2 FLAGS ()").await[0], "* 2 FETCH (UID 2 FLAGS ())");
    assert_eq!(dialogue.ok("NOOP").await[0], "* 2 FETCH (UID 2 FLAGS (\\Recent))");
}

#[tokio::test(start_paused = true)]
async fn expunge_removes_what_is_deleted_and_numbers_close_up() {
    let server = three().await;
    let mut dialogue = select(&server).await;
    let mut other = select(&server).await;
    dialogue.ok("UID STORE 1,3 +FLAGS.SILENT (\\Deleted)").await;
    assert_eq!(dialogue.ok("UID EXPUNGE 2:3").await[..], ["* 3 EXPUNGE", "x OK UID EXPUNGE completed"]);
    assert_eq!(dialogue.ok("EXPUNGE").await[..], ["* 1 EXPUNGE", "x OK EXPUNGE completed"]);
    // Numbers may not change under a command that uses them.
    assert!(other.result("FETCH 3 BODY.PEEK[]").await.starts_with("x NO [EXPUNGEISSUED]"));
    assert_eq!(other.command("NOOP").await, ["* 1 EXPUNGE", "* 2 EXPUNGE", "x OK NOOP completed"]);
    assert_eq!(other.ok("FETCH 1 UID").await[0], "* 1 FETCH (UID 2)");
}

#[tokio::test(start_paused = true)]
async fn close_removes_what_is_deleted_and_unselect_does_not() {
    let server = three().await;
    let account = server.account("alice").unwrap();
    account.set_flags("INBOX", 1, ["\\Deleted"]).unwrap();
    let mut dialogue = select(&server).await;
    assert_eq!(dialogue.command("UNSELECT").await, ["x OK UNSELECT completed"]);
    assert_eq!(account.messages("INBOX").unwrap().len(), 3);
    dialogue.ok("SELECT INBOX").await;
    assert_eq!(dialogue.command("CLOSE").await, ["x OK CLOSE completed"]);
    assert_eq!(account.messages("INBOX").unwrap().len(), 2);
    assert!(dialogue.result("CLOSE").await.starts_with("x BAD"));
}

#[tokio::test(start_paused = true)]
async fn append_takes_literals_of_both_kinds_and_every_octet() {
    let server = alice().start().await.unwrap();
    let account = server.account("alice").unwrap();
    let uid_validity = account.uid_validity("INBOX").unwrap();
    let mut dialogue = select(&server).await;
    for (uid, len) in [(1, 0), (2, 1), (3, 16 * 1024), (4, 16 * 1024 + 1), (5, 3_000_000)] {
        let content: Vec<u8> = (0..len).map(|n| (n * 7 % 256) as u8).collect();
        let date = "\"17-Jul-1996 02:44:25 -0700\"";
        let synchronising = uid % 2 == 0;
        let plus = if synchronising { "" } else { "+" };
        dialogue.send(format!("a APPEND INBOX (\\Seen $Label) {date} {{{len}{plus}}}\r\n")).await;
        if synchronising {
            assert!(dialogue.line().await.starts_with("+ "));
        }
        dialogue.send(&content).await;
        dialogue.send("\r\n").await;
        let answer = dialogue.until("a").await;
        assert_eq!(answer[0], format!("* {uid} EXISTS"));
        assert_eq!(answer[1], format!("a OK [APPENDUID {uid_validity} {uid}] APPEND completed"));
        let stored = account.messages("INBOX").unwrap().pop().unwrap();
        assert!(stored.body == content, "{len} octets");
        assert!(stored.flags.contains("\\seen") && stored.flags.contains("$label"));
        let moment = stored.internal_date.duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(moment.as_secs(), 837_596_665);
    }
}

#[tokio::test(start_paused = true)]
async fn an_append_that_is_refused_leaves_the_connection_in_step() {
    let server = alice().start().await.unwrap();
    let mut dialogue = login(&server).await;
    for len in [10, 100_000] {
        let content = "y".repeat(len);
        let refused = dialogue.result(&format!("APPEND none {{{len}+}}\r\n{content}")).await;
        assert!(refused.starts_with("x NO [TRYCREATE]"), "{refused}");
        assert_eq!(dialogue.command("NOOP").await, ["x OK NOOP completed"]);
        let broken = format!("APPEND INBOX {{{len}+}}\r\n{content} and more");
        assert!(dialogue.result(&broken).await.starts_with("x BAD"));
        assert_eq!(dialogue.command("NOOP").await, ["x OK NOOP completed"]);
    }
    dialogue.send("a APPEND none {100000}\r\n").await;
    assert!(dialogue.line().await.starts_with("a NO [TRYCREATE]"), "the message isn't asked for");
    assert_eq!(dialogue.command("NOOP").await, ["x OK NOOP completed"]);
    assert_eq!(server.account("alice").unwrap().messages("INBOX").unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_literal_plus_a_literal_has_to_wait() {
    let server = alice().without_capability("LITERAL+").start().await.unwrap();
    let mut dialogue = login(&server).await;
    assert!(!dialogue.ok("CAPABILITY").await[0].contains("LITERAL+"));
    assert!(dialogue.result("APPEND INBOX {2+}\r\nhi").await.starts_with("x BAD"));
    let long = format!("APPEND INBOX {{50000+}}\r\n{}", "z".repeat(50_000));
    assert!(dialogue.result(&long).await.starts_with("x BAD"));
    dialogue.ok("NOOP").await;
    assert_eq!(server.account("alice").unwrap().messages("INBOX").unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn copies_and_moves_tell_the_new_uids() {
    let server = three().await;
    let account = server.account("alice").unwrap();
    account.create("Other").unwrap();
    account.deliver("Other", "first").unwrap();
    account.set_flags("INBOX", 3, ["\\Flagged"]).unwrap();
    let target = account.uid_validity("Other").unwrap();
    let mut dialogue = select(&server).await;
    let copied = dialogue.result("UID COPY 1,3 Other").await;
    assert_eq!(copied, format!("x OK [COPYUID {target} 1,3 2:3] UID COPY completed"));
    let moved = dialogue.command("UID MOVE 2:9 Other").await;
    let expected = [
        format!("* OK [COPYUID {target} 2:3 4:5] moved"),
        "* 2 EXPUNGE".to_owned(),
        "* 2 EXPUNGE".to_owned(),
        "x OK UID MOVE completed".to_owned(),
    ];
    assert_eq!(moved, expected);
    let there = account.messages("Other").unwrap();
    let bodies: Vec<&[u8]> = there.iter().map(|stored| &stored.body[..]).collect();
    assert_eq!(bodies, [&b"first"[..], b"one\r\n", b"3\r\n\r\n", b"two\r\n", b"3\r\n\r\n"]);
    assert!(there[4].flags.contains("\\Flagged"));
    assert!(dialogue.result("UID COPY 1 none").await.starts_with("x NO [TRYCREATE]"));
    assert_eq!(dialogue.command("UID COPY 99 Other").await, ["x OK UID COPY completed"]);
}

#[tokio::test(start_paused = true)]
async fn idle_tells_news_as_it_comes() {
    let server = three().await;
    let account = server.account("alice").unwrap();
    let mut dialogue = select(&server).await;
    dialogue.send("i IDLE\r\n").await;
    assert_eq!(dialogue.line().await, "+ idling");
    account.deliver("INBOX", "four").unwrap();
    assert_eq!(dialogue.line().await, "* 4 EXISTS");
    account.set_flags("INBOX", 4, ["\\Seen"]).unwrap();
    assert_eq!(dialogue.line().await, "* 4 FETCH (UID 4 FLAGS (\\Seen))");
    account.expunge("INBOX", [1, 4]).unwrap();
    assert_eq!(dialogue.line().await, "* 1 EXPUNGE");
    assert_eq!(dialogue.line().await, "* 3 EXPUNGE");
    dialogue.send("DONE\r\n").await;
    assert_eq!(dialogue.line().await, "i OK IDLE completed");
    dialogue.ok("NOOP").await;
}

#[tokio::test(start_paused = true)]
async fn what_can_t_be_read_is_bad_and_the_connection_goes_on() {
    let server = three().await;
    let mut dialogue = select(&server).await;
    for command in
        ["FROB", "UID", "FETCH 0 FLAGS", "FETCH 1 NONSENSE", "SELECT", "LOGIN a b", "STARTTLS", "NOOP now"]
    {
        assert!(dialogue.result(command).await.starts_with("x BAD"), "{command}");
    }
    dialogue.send("\r\n").await;
    assert!(dialogue.line().await.starts_with("* BAD"));
    dialogue.ok("NOOP").await;
}

#[tokio::test(start_paused = true)]
async fn commands_in_one_flight_are_answered_in_order() {
    let server = three().await;
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue
        .send("a LOGIN alice secret\r\nb SELECT INBOX\r\nc UID FETCH 1:* UID\r\nd LOGOUT\r\ne NOOP\r\n")
        .await;
    let rest = String::from_utf8(dialogue.rest().await).unwrap();
    let tags: Vec<&str> = rest.lines().filter(|line| !line.starts_with('*')).map(|line| &line[..4]).collect();
    assert_eq!(tags, ["a OK", "b OK", "c OK", "d OK"]);
}
