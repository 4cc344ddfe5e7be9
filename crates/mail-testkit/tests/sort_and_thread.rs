//! SORT and THREAD (RFC 5256).

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_testkit::{Connection, Message, Server};

async fn select<M: Into<Message>>(messages: impl IntoIterator<Item = M>) -> (Server, Dialogue<Connection>) {
    let server = Server::builder().user("alice", "secret").messages("INBOX", messages).start().await.unwrap();
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    dialogue.ok("SELECT INBOX").await;
    (server, dialogue)
}

#[tokio::test(start_paused = true)]
async fn messages_are_sorted_by_each_key() {
    let letters = [
        "From: Zed <a@x>\r\nTo: c@x\r\nCc: b@x\r\nSubject: Re: beta\r\nDate: Sat, 2 Jan 2021 00:00:00 +0000\r\n\r\n",
        "From: Abe <b@x>\r\nTo: b@x\r\nSubject: alpha\r\nDate: Fri, 1 Jan 2021 23:00:00 -0500\r\n\r\n",
        "From: Mia <c@x>\r\nTo: a@x\r\nCc: a@x\r\nSubject: Gamma\r\nDate: Fri, 1 Jan 2021 12:00:00 +0000\r\n\r\nlong",
    ];
    let (_server, mut dialogue) = select(letters).await;
    for (order, expected) in [
        ("ARRIVAL", "1 2 3"),
        ("REVERSE ARRIVAL", "1 2 3"),
        ("DATE", "3 1 2"),
        ("REVERSE DATE", "2 1 3"),
        ("SUBJECT", "2 1 3"),
        ("FROM", "1 2 3"),
        ("TO", "3 2 1"),
        ("CC", "2 3 1"),
        ("SIZE", "2 1 3"),
        ("DISPLAYFROM", "2 3 1"),
        ("REVERSE DISPLAYTO", "1 2 3"),
    ] {
        let line = dialogue.ok(&format!("UID SORT ({order}) UTF-8 ALL")).await.remove(0);
        assert_eq!(line, format!("* SORT {expected}"), "{order}");
    }
    assert_eq!(dialogue.ok("SORT (DATE) US-ASCII SUBJECT a NOT 2").await[0], "* SORT 3 1");
    let told = dialogue.ok("UID SORT RETURN (ALL COUNT MIN MAX) (TO) UTF-8 ALL").await.remove(0);
    assert_eq!(told, "* ESEARCH (TAG \"x\") UID MIN 3 MAX 1 COUNT 3 ALL 3,2,1");
    let told = dialogue.ok("UID SORT RETURN (PARTIAL 1:2) (TO) UTF-8 ALL").await.remove(0);
    assert_eq!(told, "* ESEARCH (TAG \"x\") UID PARTIAL (1:2 3,2)");
}

fn letter(id: &str, references: &str, subject: &str, day: u32) -> String {
    let references =
        if references.is_empty() { String::new() } else { format!("References: {references}\r\n") };
    format!(
        "Message-ID: <{id}>\r\n{references}Subject: {subject}\r\nDate: {day} Jan 2021 00:00:00 +0000\r\n\r\n"
    )
}

#[tokio::test(start_paused = true)]
async fn threads_follow_the_references() {
    let letters = [
        letter("1", "", "one", 1),
        letter("2", "<1>", "Re: one", 2),
        letter("4", "<1> <2>", "Re: one", 4),
        letter("3", "<1>", "Re: one", 3),
        // Two answers to a message that nobody has, and one to another such.
        letter("6", "<5>", "Re: five", 7),
        letter("7", "<5>", "Re: five", 6),
        letter("9", "<8>", "alone", 8),
        // A circle.
        letter("10", "<11>", "ten", 10),
        letter("11", "<10>", "eleven", 9),
    ];
    let (_server, mut dialogue) = select(letters).await;
    assert_eq!(
        dialogue.ok("UID THREAD REFERENCES UTF-8 ALL").await[0],
        "* THREAD (1 (2 3)(4))((6)(5))(7)(9 8)"
    );
    assert_eq!(dialogue.ok("THREAD REFERENCES UTF-8 UID 2:3,7").await[0], "* THREAD (2 3)(7)");
    assert_eq!(dialogue.ok("THREAD REFERENCES UTF-8 ANSWERED").await[0], "* THREAD");
}

#[tokio::test(start_paused = true)]
async fn threads_of_one_subject_are_joined() {
    let letters = [
        letter("1", "", "one", 1),
        letter("2", "", "Re: one", 2),
        letter("3", "", "two", 3),
        letter("4", "", "two", 4),
        letter("5", "", "Re: three", 5),
        letter("6", "<x>", "Re: four", 6),
        letter("7", "<x>", "Re: four", 7),
        letter("8", "", "Re: four", 8),
        letter("9", "", "", 9),
        letter("10", "", "", 10),
    ];
    let (_server, mut dialogue) = select(letters).await;
    assert_eq!(
        dialogue.ok("THREAD REFERENCES UTF-8 ALL").await[0],
        "* THREAD (1 2)((3)(4))(5)((6)(7)(8))(9)(10)"
    );
    assert_eq!(
        dialogue.ok("THREAD ORDEREDSUBJECT UTF-8 ALL").await[0],
        "* THREAD (1 2)(3 4)(5)(6 (7)(8))(9 10)"
    );
}
