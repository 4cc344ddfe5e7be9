//! SMTP, command by command.

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_proto::smtp::{Body, Ret};
use mail_testkit::{Builder, Connection, Endpoint, Server};

fn alice() -> Builder {
    Server::builder().user("alice", "secret").user("bob@example.org", "secret")
}

async fn open(server: &Server) -> Dialogue<Connection> {
    Dialogue::submitter(server.connect_to(Endpoint::SmtpPlain).await.unwrap()).await
}

/// What lies in a user's INBOX.
fn inbox(server: &Server, user: &str) -> Vec<String> {
    let messages = server.account(user).unwrap().messages("INBOX").unwrap();
    messages.iter().map(|message| String::from_utf8(message.body.to_vec()).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_reaches_its_recipients_and_the_record() {
    let server = alice().start().await.unwrap();
    let mut dialogue = open(&server).await;
    dialogue
        .gets(&[
            ("MAIL FROM:<alice@example.org> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=a+2Bb", "250 2.1.0 "),
            ("RCPT TO:<Alice@Example.ORG>", "250 2.1.5 "),
            ("RCPT TO:<bob@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+40x", "250 2.1.5 "),
            ("RCPT TO:<alice@elsewhere.example>", "250 2.1.5 "),
            ("RCPT TO:<carol@example.com>", "250 2.1.5 "),
            ("DATA", "354 "),
        ])
        .await;
    dialogue.send("Subject: dots\r\n\r\n..\r\n...b\r\n.c\r\nd\r\n.\r\n").await;
    assert_eq!(dialogue.reply().await, "250 2.0.0 queued as 1");
    let message = "Subject: dots\r\n\r\n.\r\n..b\r\nc\r\nd\r\n";
    assert_eq!(inbox(&server, "alice"), [message]);
    assert_eq!(inbox(&server, "bob@example.org"), [message]);

    let submissions = server.submissions();
    let [submission] = &submissions[..] else { panic!("{submissions:?}") };
    assert_eq!(submission.user.as_deref(), Some("alice"));
    assert_eq!(submission.from.as_ref().unwrap().as_str(), "alice@example.org");
    assert_eq!(submission.parameters.size, Some(100));
    assert_eq!(submission.parameters.body, Some(Body::EightBitMime));
    assert_eq!(submission.parameters.ret, Some(Ret::Headers));
    assert_eq!(submission.parameters.envelope_id.as_deref(), Some(&b"a+b"[..]));
    let recipients: Vec<_> = submission.recipients.iter().map(|(address, _)| address.as_str()).collect();
    assert_eq!(
        recipients,
        ["Alice@Example.ORG", "bob@example.org", "alice@elsewhere.example", "carol@example.com"]
    );
    let notify = submission.recipients[1].1.notify.unwrap();
    assert!(notify.success && notify.delay && !notify.failure);
    assert_eq!(submission.chunks, None);
    assert_eq!(submission.message, message);

    // Nothing of it is left for the next.
    dialogue.gets(&[("DATA", "503 "), ("RCPT TO:<bob@example.org>", "503 "), ("QUIT", "221 2.0.0 ")]).await;
    assert_eq!(dialogue.rest().await, b"");
}

#[tokio::test(start_paused = true)]
async fn a_pipelined_group_is_answered_in_order() {
    let server = alice().start().await.unwrap();
    let mut dialogue = open(&server).await;
    let group = "MAIL FROM:<>\r\nRCPT TO:<alice@x>\r\nRSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n";
    dialogue.send(group).await;
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(dialogue.reply().await[..3].to_owned());
    }
    assert_eq!(codes, ["250", "250", "250", "250", "250", "354"]);
    dialogue
        .send("one\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<alice@x>\r\nBDAT 5\r\ntwo\r\nBDAT 0 LAST\r\nQUIT\r\n")
        .await;
    for code in ["250 2.0.0 queued as 1", "250 ", "250 ", "250 2.0.0 5 ", "250 2.0.0 queued as 2", "221 "] {
        let reply = dialogue.reply().await;
        assert!(reply.starts_with(code), "{reply}, not {code}");
    }
    assert_eq!(inbox(&server, "bob@example.org"), ["one\r\n"]);
    assert_eq!(inbox(&server, "alice"), ["two\r\n"]);
    let submissions = server.submissions();
    assert_eq!((submissions[0].chunks, submissions[1].chunks), (None, Some(2)));
    assert!(submissions[1].from.is_none());
}

#[tokio::test(start_paused = true)]
async fn who_does_not_wait_where_it_must_is_told_so() {
    for (without, group) in [
        ("", "MAIL FROM:<a@b>\r\nRCPT TO:<alice@x>\r\nDATA\r\nSubject: early\r\n\r\n.\r\n"),
        ("", "NOOP\r\nMAIL FROM:<a@b>\r\n"),
        ("PIPELINING", "MAIL FROM:<a@b>\r\nRCPT TO:<alice@x>\r\n"),
        ("PIPELINING", "MAIL FROM:<a@b>\r\nR"),
    ] {
        let server = alice().without_smtp_keyword(without).start().await.unwrap();
        let mut dialogue = open(&server).await;
        dialogue.send(group).await;
        let rest = String::from_utf8(dialogue.rest().await).unwrap();
        assert!(
            rest.ends_with("554 5.5.0 a command must wait for the answer to the one before it\r\n"),
            "{rest}"
        );
        assert!(server.submissions().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn commands_come_in_their_order() {
    let server = alice().start().await.unwrap();
    let mut dialogue = Dialogue::smtp(server.connect_to(Endpoint::SmtpPlain).await.unwrap()).await;
    dialogue
        .gets(&[
            ("MAIL FROM:<a@b>", "503 5.5.1 "),
            ("AUTH PLAIN", "503 5.5.1 "),
            ("NOOP whatever", "250 2.0.0 "),
            ("HELP", "214 2.0.0 "),
            ("EHLO here", "250-localhost\n"),
            ("MAIL FROM:<a@b>", "530 5.7.0 "),
            ("RCPT TO:<a@b>", "530 5.7.0 "),
            ("AUTH PLAIN AGFsaWNlAHdyb25n", "535 5.7.8 "),
            ("AUTH PLAIN !", "501 "),
            ("AUTH NTLM", "504 5.5.4 "),
            ("AUTH PLAIN", "334"),
            ("*", "501 5.0.0 "),
            ("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "235 2.7.0 "),
            ("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "503 5.5.1 "),
            ("RCPT TO:<a@b>", "503 5.5.1 "),
            ("DATA", "503 5.5.1 "),
            ("BDAT 0 LAST", "503 5.5.1 "),
            ("MAIL FROM:<a@b>", "250 2.1.0 "),
            ("MAIL FROM:<a@b>", "503 5.5.1 "),
            ("DATA", "554 5.5.1 "),
            ("RSET", "250 2.0.0 "),
            ("MAIL FROM:<a@b>", "250 2.1.0 "),
            ("EHLO again", "250-"),
            ("RCPT TO:<a@b>", "503 5.5.1 "),
            ("VRFY alice", "252 2.1.5 "),
            ("EXPN list", "500 5.5.1 "),
            ("STARTTLS", "502 5.5.1 "),
            ("MAIL FROM:a@b", "501 5.5.4 "),
            ("MAIL FROM:<a@b> SIZE=x", "501 5.5.4 "),
            ("RCPT TO:<>", "501 5.5.4 "),
            ("DATA now", "501 5.5.4 "),
            ("EHLO", "501 5.5.4 "),
            ("gibberish", "500 5.5.1 "),
            ("", "500 5.5.1 "),
        ])
        .await;
    assert_eq!(server.report().wrong_password, 1);
}

#[tokio::test(start_paused = true)]
async fn each_keyword_is_shown_and_can_be_taken_away() {
    let uses: [(&str, &str, &str); 6] = [
        ("SIZE", "MAIL FROM:<a@b> SIZE=10", "555 5.5.4 "),
        ("8BITMIME", "MAIL FROM:<a@b> BODY=8BITMIME", "555 5.5.4 "),
        ("SMTPUTF8", "MAIL FROM:<a@b> SMTPUTF8", "555 5.5.4 "),
        ("DSN", "MAIL FROM:<a@b> RET=FULL", "555 5.5.4 "),
        ("AUTH", "AUTH PLAIN", "502 5.5.1 "),
        ("ENHANCEDSTATUSCODES", "RSET", "250 forgotten"),
    ];
    for (keyword, command, refusal) in uses {
        let server = alice().start().await.unwrap();
        let mut dialogue = Dialogue::smtp(server.connect_to(Endpoint::SmtpPlain).await.unwrap()).await;
        let shown = dialogue.asks("EHLO here").await;
        assert!(shown.split(['\n', ' ', '-']).any(|word| word == keyword), "{shown}");
        assert!(!shown.contains("STARTTLS"));

        let server = alice().without_smtp_keyword(keyword).start().await.unwrap();
        let mut dialogue = Dialogue::smtp(server.connect_to(Endpoint::SmtpPlain).await.unwrap()).await;
        let shown = dialogue.asks("EHLO here").await;
        assert!(!shown.contains(keyword), "{shown}");
        if keyword != "AUTH" {
            assert!(dialogue.asks("AUTH PLAIN AGFsaWNlAHNlY3JldA==").await.starts_with("235 "));
        }
        dialogue.gets(&[(command, refusal), ("MAIL FROM:<a@b>", "250 ")]).await;
        if keyword == "DSN" {
            dialogue.gets(&[("RCPT TO:<a@b> NOTIFY=NEVER", "555 5.5.4 "), ("RCPT TO:<a@b>", "250 ")]).await;
        }
    }
    let server = alice().without_smtp_keyword("CHUNKING").start().await.unwrap();
    let mut dialogue = open(&server).await;
    let begin = [("MAIL FROM:<a@b>", "250 "), ("RCPT TO:<a@b>", "250 ")];
    dialogue.gets(&begin).await;
    // The chunk isn't taken for commands.
    dialogue.send("BDAT 6 LAST\r\nQUIT\r\n").await;
    assert!(dialogue.reply().await.starts_with("502 5.5.1 "));
    dialogue.gets(&begin).await;

    let server = alice().smtp_keywords(["SIZE 10", "X-OWN 1 2"]).start().await.unwrap();
    let mut dialogue = Dialogue::smtp(server.connect_to(Endpoint::SmtpPlain).await.unwrap()).await;
    assert_eq!(dialogue.asks("EHLO here").await, "250-localhost\n250-SIZE 10\n250 X-OWN 1 2");
    dialogue.gets(&begin).await;
    let mut helo = Dialogue::smtp(server.connect_to(Endpoint::SmtpPlain).await.unwrap()).await;
    helo.gets(&[
        ("HELO here", "250 localhost"),
        ("MAIL FROM:<a@b> SIZE=1", "555 "),
        ("MAIL FROM:<a@b>", "250 "),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn parameters_and_addresses_are_checked() {
    let server = alice().max_recipients(2).start().await.unwrap();
    let mut dialogue = open(&server).await;
    dialogue
        .gets(&[
            ("MAIL FROM:<a@b> SIZE=52428801", "552 5.3.4 "),
            ("MAIL FROM:<a@b> BODY=BINARYMIME", "555 5.5.4 "),
            ("MAIL FROM:<a@b> REQUIRETLS", "555 5.5.4 "),
            ("MAIL FROM:<a@b> X=1", "555 5.5.4 "),
            ("MAIL FROM:<\u{e9}@b>", "550 5.6.7 "),
            ("MAIL FROM:<a@b>", "250 "),
            ("RCPT TO:<\u{e9}@b>", "553 5.6.7 "),
            ("RCPT TO:<a@b> X", "555 5.5.4 "),
            ("RCPT TO:<a@b> NOTIFY=NEVER,SUCCESS", "501 5.5.4 "),
            ("RSET", "250 "),
            ("MAIL FROM:<\u{e9}@b> SMTPUTF8 AUTH=<>", "250 "),
            ("RCPT TO:<\u{e9}@b>", "250 "),
            ("RCPT TO:<a@b>", "250 "),
            ("RCPT TO:<c@b>", "452 4.5.3 "),
        ])
        .await;
}

#[tokio::test(start_paused = true)]
async fn recipients_are_refused_as_ordered_and_the_others_get_the_message() {
    let server = alice()
        .refuse_recipient("nobody@example.org", "550 5.1.1 no such user")
        .refuse_recipient("Later@example.org", "450 4.2.1 try later")
        .refuse_recipient("full@example.org", "552 5.2.2 mailbox full")
        .start()
        .await
        .unwrap();
    let mut dialogue = open(&server).await;
    dialogue
        .gets(&[
            ("MAIL FROM:<a@b>", "250 "),
            ("RCPT TO:<nobody@example.org>", "550 5.1.1 no such user"),
            ("RCPT TO:<alice@example.org>", "250 "),
            ("RCPT TO:<later@EXAMPLE.org>", "450 4.2.1 try later"),
            ("RCPT TO:<full@example.org>", "552 5.2.2 mailbox full"),
            ("DATA", "354 "),
        ])
        .await;
    dialogue.gets(&[("text\r\n.", "250 ")]).await;
    assert_eq!(inbox(&server, "alice"), ["text\r\n"]);
    assert_eq!(server.submissions()[0].recipients.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_refuses_all_or_nothing() {
    let server = Server::builder()
        .user("bob", "secret")
        .user("alice", "secret")
        .quota(Some(1), None)
        .start()
        .await
        .unwrap();
    let mut dialogue = open(&server).await;
    let begin = [("RCPT TO:<bob@x>", "250 "), ("RCPT TO:<alice@x>", "250 "), ("DATA", "354 ")];
    dialogue
        .gets(&[("MAIL FROM:<a@b> SIZE=2000", "250 "), ("RCPT TO:<alice@x>", "552 5.2.2 "), ("RSET", "250 ")])
        .await;
    dialogue.gets(&[("MAIL FROM:<a@b>", "250 ")]).await;
    dialogue.gets(&begin).await;
    let long = format!("{}\r\n.", "x".repeat(2000));
    dialogue.gets(&[(&long, "552 5.2.2 "), ("MAIL FROM:<a@b>", "250 ")]).await;
    assert!(inbox(&server, "bob").is_empty() && inbox(&server, "alice").is_empty());
    assert!(server.submissions().is_empty());
    dialogue.gets(&begin).await;
    dialogue.gets(&[("short\r\n.", "250 ")]).await;
    assert_eq!((inbox(&server, "bob").len(), inbox(&server, "alice").len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn nothing_can_be_smuggled_past_the_end_of_a_message() {
    let server = alice().start().await.unwrap();
    let smuggled = "MAIL FROM:<x@y>\r\nRCPT TO:<alice@x>\r\nDATA\r\nforged\r\n";
    for end in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\r\n\0.\r\n"] {
        let mut dialogue = open(&server).await;
        dialogue.gets(&[("MAIL FROM:<a@b>", "250 "), ("RCPT TO:<alice@x>", "250 "), ("DATA", "354 ")]).await;
        dialogue.send(format!("text{end}{smuggled}.\r\n")).await;
        let reply = dialogue.reply().await;
        if end.contains('\0') {
            assert!(reply.starts_with("250 "), "{end:?}: {reply}");
            continue;
        }
        assert!(reply.starts_with("554 5.6.0 "), "{end:?}: {reply}");
        // A line of a command can't hold one either.
        dialogue.gets(&[("NOOP\rQUIT", "501 "), ("MAIL FROM:<a@b>\nRSET", "501 "), ("RSET", "250 ")]).await;
    }
    assert_eq!(server.submissions().len(), 1);

    let mut dialogue = open(&server).await;
    dialogue.gets(&[("MAIL FROM:<a@b>", "250 "), ("RCPT TO:<alice@x>", "250 ")]).await;
    dialogue.send("BDAT 10\r\na\r\n.\r\n\nb\r\nBDAT 0 LAST\r\n").await;
    assert!(dialogue.reply().await.starts_with("250 "));
    assert!(dialogue.reply().await.starts_with("554 5.6.0 "));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_read_to_its_end_and_refused() {
    let server =
        alice().with_smtp_keyword("SIZE 1000").with_smtp_keyword("BINARYMIME").start().await.unwrap();
    let mut dialogue = open(&server).await;
    let begin = [("MAIL FROM:<a@b>", "250 "), ("RCPT TO:<alice@x>", "250 ")];
    dialogue.gets(&begin).await;
    let long = format!("{}.", "0123456789abcde\r\n".repeat(60));
    dialogue.gets(&[("DATA", "354 "), (&long, "552 5.3.4 ")]).await;
    dialogue.gets(&begin).await;
    dialogue.send(format!("BDAT 600\r\n{0}BDAT 600 LAST\r\n{0}", "\0".repeat(600))).await;
    assert!(dialogue.reply().await.starts_with("250 "));
    assert!(dialogue.reply().await.starts_with("552 5.3.4 "));
    dialogue.gets(&[("MAIL FROM:<a@b> BODY=BINARYMIME", "250 "), begin[1], ("DATA", "503 ")]).await;
    dialogue.send("BDAT 3 LAST\r\n\n\0\u{7f}").await;
    assert!(dialogue.reply().await.starts_with("250 "));
    assert_eq!(inbox(&server, "alice"), ["\n\0\u{7f}"]);
}

#[tokio::test(start_paused = true)]
async fn octets_beyond_ascii_need_8bitmime() {
    let server = alice().without_smtp_keyword("8BITMIME").start().await.unwrap();
    let begin = [("RCPT TO:<alice@x>", "250 "), ("DATA", "354 "), ("\u{e9}\r\n.", "554 5.6.3 ")];
    let mut dialogue = open(&server).await;
    dialogue.gets(&[("MAIL FROM:<a@b>", "250 ")]).await;
    dialogue.gets(&begin).await;
    let server = alice().start().await.unwrap();
    let mut dialogue = open(&server).await;
    dialogue.gets(&[("MAIL FROM:<a@b> BODY=7BIT", "250 ")]).await;
    dialogue.gets(&begin).await;
    dialogue.gets(&[("MAIL FROM:<a@b>", "250 "), begin[0], begin[1], ("\u{e9}\r\n.", "250 ")]).await;
    assert_eq!(inbox(&server, "alice"), ["\u{e9}\r\n"]);
}

#[tokio::test(start_paused = true)]
async fn a_line_without_end_and_a_chunk_without_size_end_the_connection() {
    let server = alice().start().await.unwrap();
    let mut dialogue = open(&server).await;
    dialogue.send("X".repeat(13_000)).await;
    assert!(dialogue.reply().await.starts_with("500 5.5.6 "));
    assert_eq!(dialogue.rest().await, b"");
    let mut dialogue = open(&server).await;
    dialogue.send("BDAT many LAST\r\n").await;
    assert!(dialogue.reply().await.starts_with("501 5.5.4 "));
    assert_eq!(dialogue.rest().await, b"");
}
