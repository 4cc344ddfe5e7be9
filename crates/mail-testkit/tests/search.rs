//! SEARCH and its extensions: what is found, and how it is told.

system_tests::watch_for_secrets!();

mod common;

use std::time::{Duration, SystemTime};

use common::Dialogue;
use mail_testkit::{Builder, Connection, Message, Server};

fn alice() -> Builder {
    Server::builder().user("alice", "secret")
}

/// Five messages of 1 to 5 octets, of which 2 and 4 are flagged.
async fn five() -> Server {
    let messages = (1..=5).map(|n| {
        let message = Message::new("x".repeat(n));
        if n % 2 == 0 { message.with_flags(["\\Flagged"]) } else { message }
    });
    let server = alice().messages("INBOX", messages).start().await.unwrap();
    server.account("alice").unwrap().expunge("INBOX", [1]).unwrap();
    server
}

async fn select(server: &Server) -> Dialogue<Connection> {
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    dialogue.ok("SELECT INBOX").await;
    dialogue
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_is_told_in_one_line() {
    let server = five().await;
    let mut dialogue = select(&server).await;
    for (command, told) in [
        ("SEARCH RETURN () FLAGGED", " ALL 1,3"),
        ("UID SEARCH RETURN () FLAGGED", " UID ALL 2,4"),
        ("UID SEARCH RETURN (MIN MAX COUNT ALL) ALL", " UID MIN 2 MAX 5 COUNT 4 ALL 2:5"),
        ("SEARCH RETURN (MIN MAX ALL) ANSWERED", ""),
        ("UID SEARCH RETURN (COUNT) ANSWERED", " UID COUNT 0"),
        ("UID SEARCH RETURN (PARTIAL 2:3) ALL", " UID PARTIAL (2:3 3:4)"),
        ("UID SEARCH RETURN (PARTIAL -1:-2 COUNT) ALL", " UID COUNT 4 PARTIAL (-1:-2 4:5)"),
        ("UID SEARCH RETURN (PARTIAL 9:12) ALL", " UID PARTIAL (9:12 NIL)"),
        ("UID SEARCH RETURN (ALL) MODSEQ 1", " UID ALL 2:5 MODSEQ 6"),
        ("UID SEARCH RETURN (MIN) MODSEQ 1", " UID MIN 2 MODSEQ 3"),
    ] {
        let lines = dialogue.ok(command).await;
        let line = lines.iter().find(|line| line.starts_with("* ESEARCH"));
        assert_eq!(line.unwrap(), &format!("* ESEARCH (TAG \"x\"){told}"), "{command}");
    }
    assert!(dialogue.result("SEARCH RETURN (ALL PARTIAL 1:2) ALL").await.starts_with("x BAD"));
}

#[tokio::test(start_paused = true)]
async fn a_result_is_saved_and_used() {
    let server = five().await;
    let mut dialogue = select(&server).await;
    assert_eq!(dialogue.command("UID FETCH $ UID").await, ["x OK UID FETCH completed"]);
    assert_eq!(dialogue.command("SEARCH RETURN (SAVE) FLAGGED").await, ["x OK SEARCH completed"]);
    assert_eq!(dialogue.ok("FETCH $ UID").await[..2], ["* 1 FETCH (UID 2)", "* 3 FETCH (UID 4)"]);
    assert_eq!(dialogue.ok("UID SEARCH $ LARGER 3").await[0], "* SEARCH 4");
    assert_eq!(dialogue.ok("UID SEARCH UID $").await[0], "* SEARCH 2 4");
    let both = dialogue.command("UID SEARCH RETURN (SAVE COUNT) NOT $").await;
    assert_eq!(both[0], "* ESEARCH (TAG \"x\") UID COUNT 2");
    assert_eq!(dialogue.ok("UID SEARCH $").await[0], "* SEARCH 3 5");
    dialogue.ok("UID SEARCH RETURN (SAVE MAX) ALL").await;
    dialogue.ok("UID STORE $ +FLAGS.SILENT (\\Deleted)").await;
    assert_eq!(dialogue.ok("UID SEARCH DELETED").await[0], "* SEARCH 5");
    dialogue.ok("UID EXPUNGE $").await;
    assert_eq!(dialogue.ok("UID SEARCH $").await[0], "* SEARCH", "what is gone is in no result");
    dialogue.ok("SEARCH RETURN (SAVE) ALL").await;
    dialogue.ok("SELECT INBOX").await;
    assert_eq!(dialogue.ok("UID SEARCH $").await[0], "* SEARCH", "a result goes with the selection");
}

#[tokio::test(start_paused = true)]
async fn a_fetch_may_be_of_some_of_a_set() {
    let server = five().await;
    let mut dialogue = select(&server).await;
    let last = dialogue.ok("UID FETCH 1:* UID (PARTIAL -1:-2)").await;
    assert_eq!(last[..2], ["* 3 FETCH (UID 4)", "* 4 FETCH (UID 5)"]);
    assert_eq!(dialogue.ok("UID FETCH 2,4:5 UID (PARTIAL 2:2)").await[0], "* 3 FETCH (UID 4)");
    assert!(dialogue.result("FETCH 1:* UID (PARTIAL 1:2)").await.starts_with("x BAD"));
}

#[tokio::test(start_paused = true)]
async fn age_and_ids_are_searched() {
    let hour = Duration::from_secs(3600);
    let old = Message::new("old").with_internal_date(SystemTime::now() - 10 * hour);
    let new = Message::new("new").with_internal_date(SystemTime::now() - hour);
    let server = alice().messages("INBOX", [old, new]).start().await.unwrap();
    let mut dialogue = select(&server).await;
    let today = mail_proto::imap::DateTime::from_unix_seconds(
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64,
    );
    let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        [usize::from(today.month) - 1];
    let today = format!("{}-{month}-{}", today.day, today.year);
    for (query, found) in [
        ("OLDER 20000", "1"),
        ("YOUNGER 20000", "2"),
        ("EMAILID M2", "2"),
        ("THREADID T1", "1"),
        ("SAVEDATESUPPORTED", "1 2"),
        ("SAVEDBEFORE 1-Jan-2000", ""),
        (&*format!("SAVEDSINCE {today}"), "1 2"),
    ] {
        let line = dialogue.ok(&format!("UID SEARCH {query}")).await.remove(0);
        assert_eq!(line, format!("* SEARCH {found}").trim_end(), "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn texts_are_searched_as_they_are_read() {
    let letter = "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nK=F6ln =\r\nam Rhein\r\n";
    let server = alice().messages("INBOX", [letter, "Subject: x\r\n\r\n"]).start().await.unwrap();
    let mut dialogue = select(&server).await;
    for query in [
        "SUBJECT {7+}\r\ngrüße",
        "BODY {5+}\r\nköln",
        "BODY \"ln am rhein\"",
        "TEXT {7+}\r\nGRÜSSE",
        "TEXT {5+}\r\nKÖLN",
    ] {
        let expected = if query.contains("GRÜSSE") { "* SEARCH" } else { "* SEARCH 1" };
        let line = dialogue.ok(&format!("UID SEARCH CHARSET UTF-8 {query}")).await.remove(0);
        assert_eq!(line, expected, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn charsets_are_refused_by_name() {
    let server = alice().messages("INBOX", ["x"]).search_charsets(["US-ASCII"]).start().await.unwrap();
    let mut dialogue = select(&server).await;
    for command in [
        "SEARCH CHARSET UTF-8 TEXT x",
        "UID SEARCH RETURN (COUNT) CHARSET utf-8 ALL",
        "SORT (DATE) UTF-8 ALL",
        "UID SORT RETURN (COUNT) (REVERSE DATE) UTF-8 ALL",
        "THREAD REFERENCES UTF-8 ALL",
        "SEARCH CHARSET KOI8-R ALL",
    ] {
        let answer = dialogue.result(command).await;
        assert!(answer.starts_with("x NO [BADCHARSET (US-ASCII)]"), "{command}: {answer}");
    }
    dialogue.ok("SEARCH CHARSET US-ASCII TEXT \"x CHARSET UTF-8 y\"").await;
    dialogue.ok("SORT (DATE) US-ASCII ALL").await;
}

#[tokio::test(start_paused = true)]
async fn without_the_extensions_there_is_plain_search() {
    let extensions = ["ESEARCH", "SEARCHRES", "PARTIAL", "WITHIN", "SORT", "THREAD=REFERENCES"];
    let builder = extensions.into_iter().fold(alice(), Builder::without_capability);
    let server = builder.messages("INBOX", ["x"]).start().await.unwrap();
    let mut dialogue = select(&server).await;
    for command in [
        "SEARCH RETURN (COUNT) ALL",
        "SEARCH $",
        "FETCH $ UID",
        "UID FETCH 1 UID (PARTIAL 1:2)",
        "SEARCH YOUNGER 5",
        "SORT (DATE) UTF-8 ALL",
        "THREAD REFERENCES UTF-8 ALL",
    ] {
        assert!(dialogue.result(command).await.starts_with("x BAD"), "{command}");
    }
    assert_eq!(dialogue.ok("SEARCH ALL").await[0], "* SEARCH 1");
}
