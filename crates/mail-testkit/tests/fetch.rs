//! FETCH: everything that can be asked of a message.

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_testkit::{Builder, Connection, Message, Server};

const LETTER: &str = "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n\
    From: Terry Gray <gray@cac.washington.edu>\r\n\
    Subject: IMAP4rev1 WG mtg summary\r\n\
    To: imap@cac.washington.edu\r\n\
    cc: minutes@CNRI.Reston.VA.US, \"John \\\"K\\\" Klensin\" <KLENSIN@MIT.EDU>\r\n\
    Message-Id: <B27397-0100000@cac.washington.edu>\r\n\
    In-Reply-To: <A@b>\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=\"b\"\r\n\
    \r\n\
    --b\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Transfer-Encoding: base64\r\n\
    \r\n\
    aMOpbGxv\r\n\
    --b\r\n\
    Content-Type: application/x-zero\r\n\
    Content-Transfer-Encoding: base64\r\n\
    Content-Disposition: attachment; filename=\"zero.bin\"\r\n\
    \r\n\
    AAEC\r\n\
    --b\r\n\
    Content-Type: text/plain\r\n\
    Content-Transfer-Encoding: x-own\r\n\
    \r\n\
    own\r\n\
    --b--\r\n";

fn alice() -> Builder {
    Server::builder().user("alice", "secret")
}

async fn select(server: &Server) -> Dialogue<Connection> {
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    dialogue.ok("SELECT INBOX").await;
    dialogue
}

#[tokio::test(start_paused = true)]
async fn the_envelope_is_that_of_the_message() {
    let server = alice().messages("INBOX", [LETTER]).start().await.unwrap();
    let mut dialogue = select(&server).await;
    let from = "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\"))";
    assert_eq!(
        dialogue.ok("FETCH 1 ENVELOPE").await[0],
        format!(
            "* 1 FETCH (ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary\" {from} {from} {from} \
            ((NIL NIL \"imap\" \"cac.washington.edu\")) ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")\
            (\"John \\\"K\\\" Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL \"<A@b>\" \"<B27397-0100000@cac.washington.edu>\"))"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn the_structure_is_that_of_the_message() {
    let server = alice().messages("INBOX", [LETTER]).start().await.unwrap();
    let mut dialogue = select(&server).await;
    assert_eq!(
        dialogue.ok("UID FETCH 1 BODYSTRUCTURE").await[0],
        "* 1 FETCH (UID 1 BODYSTRUCTURE ((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"base64\" 8 1 NIL NIL NIL NIL)\
        (\"application\" \"x-zero\" NIL NIL NIL \"base64\" 4 NIL (\"attachment\" (\"filename\" \"zero.bin\")) NIL NIL)\
        (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"x-own\" 3 1 NIL NIL NIL NIL) \
        \"mixed\" (\"boundary\" \"b\") NIL NIL NIL))"
    );
    assert_eq!(
        dialogue.ok("FETCH 1 BODY").await[0],
        "* 1 FETCH (BODY ((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"base64\" 8 1)\
        (\"application\" \"x-zero\" NIL NIL NIL \"base64\" 4)\
        (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"x-own\" 3 1) \"mixed\"))"
    );
    assert!(dialogue.ok("FETCH 1 FULL").await[0].contains("ENVELOPE (\"Wed"), "a macro");
}

#[tokio::test(start_paused = true)]
async fn binary_has_no_transfer_encoding() {
    let server = alice().messages("INBOX", [LETTER]).start().await.unwrap();
    let mut dialogue = select(&server).await;
    dialogue.send("b FETCH 1 (BINARY.PEEK[1] BINARY.PEEK[2] BINARY.PEEK[2]<1.9> BINARY.SIZE[2])\r\n").await;
    let expected = b"* 1 FETCH (BINARY[1] {6}\r\nh\xc3\xa9llo BINARY[2] ~{3}\r\n\0\x01\x02 BINARY[2]<1> {2}\r\n\x01\x02 \
        BINARY.SIZE[2] 3)\r\n";
    assert_eq!(
        dialogue.octets(expected.len()).await.escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
    dialogue.until("b").await;
    assert!(dialogue.result("FETCH 1 BINARY[3]").await.starts_with("x NO [UNKNOWN-CTE]"));
    assert!(dialogue.result("FETCH 1 BINARY.SIZE[3]").await.starts_with("x NO [UNKNOWN-CTE]"));
    assert_eq!(dialogue.ok("FETCH 1 BINARY[7]").await[0], "* 1 FETCH (BINARY[7] NIL)");
    let without = alice().messages("INBOX", [LETTER]).without_capability("BINARY").start().await.unwrap();
    assert!(select(&without).await.result("FETCH 1 BINARY[1]").await.starts_with("x BAD"));
}

#[tokio::test(start_paused = true)]
async fn old_names_are_answered_by_their_name() {
    let server = alice().messages("INBOX", ["Subject: x\r\n\r\nbody\r\n"]).start().await.unwrap();
    let mut dialogue = select(&server).await;
    let header = dialogue.ok("FETCH 1 (RFC822.HEADER)").await;
    assert_eq!(header[..4], ["* 1 FETCH (RFC822.HEADER {14}", "Subject: x", "", ")"], "and nothing is seen");
    let text = dialogue.ok("FETCH 1 RFC822.TEXT").await;
    assert_eq!(text[..3], ["* 1 FETCH (RFC822.TEXT {6}", "body", " FLAGS (\\Seen \\Recent))"]);
    let all = dialogue.ok("FETCH 1 (RFC822 RFC822.SIZE)").await;
    assert_eq!((&*all[0], &*all[4]), ("* 1 FETCH (RFC822 {20}", " RFC822.SIZE 20)"));
}

#[tokio::test(start_paused = true)]
async fn previews_and_dates_of_saving_are_told() {
    let before = std::time::SystemTime::now();
    let server =
        alice().messages("INBOX", [LETTER, "Content-Type: image/png\r\n\r\nx"]).start().await.unwrap();
    let mut dialogue = select(&server).await;
    let preview = dialogue.ok("FETCH 1 PREVIEW").await;
    assert_eq!(preview[..2], ["* 1 FETCH (PREVIEW {6}", "héllo)"]);
    assert_eq!(dialogue.ok("FETCH 2 PREVIEW (LAZY)").await[0], "* 2 FETCH (PREVIEW \"\")");
    let saved = dialogue.ok("FETCH 1 SAVEDATE").await.remove(0);
    let text = saved.trim_start_matches("* 1 FETCH (SAVEDATE \"").trim_end_matches("\")");
    let seconds = mail_proto::imap::DateTime::parse(text.as_bytes()).expect(&saved).unix_seconds();
    let earliest = before.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    assert!((earliest..earliest + 60).contains(&seconds), "{saved}");
}

#[tokio::test(start_paused = true)]
async fn ids_stay_with_a_message_and_its_thread() {
    let letters = [
        "Message-ID: <1@x>\r\n\r\n",
        "Message-ID: <2@x>\r\n\r\n",
        "Message-ID: <3@x>\r\nReferences: <0@x> <1@x>\r\n\r\n",
    ];
    let server = alice().messages("INBOX", letters).mailbox("Other").start().await.unwrap();
    let mut dialogue = select(&server).await;
    let ids = dialogue.ok("UID FETCH 1:3 (EMAILID THREADID)").await;
    assert_eq!(
        ids[..3],
        [
            "* 1 FETCH (UID 1 EMAILID (M1) THREADID (T1))",
            "* 2 FETCH (UID 2 EMAILID (M2) THREADID (T2))",
            "* 3 FETCH (UID 3 EMAILID (M3) THREADID (T1))",
        ]
    );
    dialogue.ok("UID COPY 3 Other").await;
    dialogue.ok("SELECT Other").await;
    assert_eq!(dialogue.ok("FETCH 1 (EMAILID THREADID)").await[0], "* 1 FETCH (EMAILID (M3) THREADID (T1))");
}

#[tokio::test(start_paused = true)]
async fn gmail_s_items_are_there_on_order() {
    let labelled = Message::new("x").with_labels(["\\Inbox", "a b"]);
    let server = alice().messages("INBOX", [labelled]).with_capability("X-GM-EXT-1").start().await.unwrap();
    let mut dialogue = select(&server).await;
    assert_eq!(
        dialogue.ok("FETCH 1 (X-GM-MSGID X-GM-THRID X-GM-LABELS)").await[0],
        "* 1 FETCH (X-GM-MSGID 1152921504606846977 X-GM-THRID 1152921504606846977 X-GM-LABELS (\"\\\\Inbox\" \"a b\"))"
    );
    let without = alice().messages("INBOX", ["x"]).start().await.unwrap();
    assert!(select(&without).await.result("FETCH 1 X-GM-LABELS").await.starts_with("x BAD"));
}
