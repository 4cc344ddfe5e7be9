//! What a server answers to a message and its recipients, and what callers are told of it.

use mail_client::{
    Error, ErrorKind,
    smtp::{Address, Mail, OnRefusal, Outcome, Recipient},
};

use crate::dialogue::{Dialogue, MAIL, MAIL_STUFFED};

/// The mail, for so many recipients: `a@y`, `b@y` and so on.
fn mail_for(count: u8) -> Mail {
    let address = |n: u8| Address::new(&format!("{}@y", char::from(b'a' + n))).unwrap();
    Mail::new(MAIL).to((0..count).map(address))
}

/// What became of each recipient, in a word and the code.
fn outcomes(error: &Error) -> Vec<(&'static str, u16)> {
    let code = |outcome: &Outcome| outcome.reply().map_or(0, |reply| reply.code.get());
    let name = |outcome: &Outcome| match outcome {
        Outcome::Accepted(_) => "accepted",
        Outcome::Refused(_) => "refused",
        Outcome::Unknown => "unknown",
        Outcome::NotSent => "not sent",
        _ => "new",
    };
    error.recipients().iter().map(|one| (name(&one.outcome), code(&one.outcome))).collect()
}

#[tokio::test(start_paused = true)]
async fn refused_recipients_stop_no_others() {
    for pipelines in [true, false] {
        let dialogue = Dialogue::with(if pipelines { "PIPELINING,ENHANCEDSTATUSCODES" } else { "" });
        let steps = [
            ("MAIL FROM:<kim@x>", "250 2.1.0 ok"),
            ("RCPT TO:<a@y>", "250 2.1.5 ok"),
            ("RCPT TO:<b@y>", "550 5.1.1 nobody"),
            ("RCPT TO:<c@y>", "452 4.2.2 full"),
            ("DATA", "354 go"),
        ];
        let dialogue = if pipelines {
            let joined = |of: fn(&(&'static str, &'static str)) -> &'static str| {
                steps.iter().map(of).collect::<Vec<_>>().join("\n")
            };
            dialogue.turn(&joined(|step| step.0), &joined(|step| step.1))
        } else {
            steps.iter().fold(dialogue, |dialogue, (said, answer)| dialogue.turn(said, answer))
        };
        let (client, verdict) = dialogue.turn(MAIL_STUFFED, "250 2.0.0 queued as 7").begin();
        let sent = client.send(mail_for(3)).await.unwrap();
        assert_eq!(sent.reply().text_lossy(), "queued as 7");
        assert!(!sent.is_complete());
        let refused: Vec<_> =
            sent.refused().map(|(address, reply)| (address.as_str(), reply.to_string())).collect();
        assert_eq!(refused, [("b@y", "550 5.1.1 nobody".to_owned()), ("c@y", "452 4.2.2 full".to_owned())]);
        let retryable: Vec<_> = sent.recipients().iter().map(|one| one.outcome.is_retryable()).collect();
        assert_eq!(retryable, [false, false, true]);
        verdict.check(&client).await;
    }
}

#[tokio::test(start_paused = true)]
async fn all_refused_is_an_error_and_nothing_is_sent() {
    for (answers, retryable) in [("550 no\n550 no", false), ("550 no\n450 later", true)] {
        let group = "MAIL FROM:<kim@x>\nRCPT TO:<a@y>\nRCPT TO:<b@y>\nDATA";
        let (client, verdict) = Dialogue::with("PIPELINING")
            .turn(group, &format!("250 ok\n{answers}\n554 no valid recipients"))
            // The next message begins anew.
            .turn("RSET\nMAIL FROM:<kim@x>\nRCPT TO:<a@y>\nDATA", "250 ok\n250 ok\n250 ok\n354 go")
            .turn(MAIL_STUFFED, "250 queued")
            .begin();
        let error = client.send(mail_for(2)).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Refused, retryable), "{error}");
        assert_eq!(outcomes(&error), [("refused", 550), ("refused", if retryable { 450 } else { 550 })]);
        assert_eq!(error.smtp_reply().unwrap().code.get(), 550);
        assert!(error.to_string().contains("refused the recipients: a@y: 550 no, b@y: "), "{error}");
        assert!(!error.was_written());
        assert!(client.send(mail_for(1)).await.unwrap().is_complete());
        verdict.check(&client).await;
    }
}

#[tokio::test(start_paused = true)]
async fn all_or_nobody_if_asked_for() {
    for (answer, retryable) in [("550 no", false), ("450 later", true)] {
        let (client, verdict) = Dialogue::with("PIPELINING")
            .turn("MAIL FROM:<kim@x>\nRCPT TO:<a@y>\nRCPT TO:<b@y>", &format!("250 ok\n250 ok\n{answer}"))
            .turn("RSET\nMAIL FROM:<kim@x>\nRCPT TO:<a@y>", "250 ok\n250 ok\n250 ok")
            .turn("DATA", "354 go")
            .turn(MAIL_STUFFED, "250 queued")
            .begin();
        let error = client.send(mail_for(2).on_refusal(OnRefusal::SendToNone)).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Refused, retryable), "{error}");
        assert_eq!(outcomes(&error), [("not sent", 0), ("refused", if retryable { 450 } else { 550 })]);
        let all = client.send(mail_for(1).on_refusal(OnRefusal::SendToNone)).await.unwrap();
        assert!(all.is_complete());
        verdict.check(&client).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_sender_or_message_is_told_with_its_codes() {
    let envelope = "MAIL FROM:<kim@x>\nRCPT TO:<a@y>\nRCPT TO:<b@y>\nDATA";
    // The sender; DATA; the end of the message.
    for (answers, end, code, expected) in [
        ("550 5.7.1 not you\n503 no\n503 no\n503 no", None, 550, [("refused", 550), ("refused", 550)]),
        ("450 4.3.0 later\n503 no\n503 no\n503 no", None, 450, [("refused", 450), ("refused", 450)]),
        ("250 ok\n250 ok\n550 no\n451 later", None, 451, [("refused", 451), ("refused", 550)]),
        (
            "250 ok\n250 ok\n550 no\n354 go",
            Some("552 5.3.4 too big"),
            552,
            [("refused", 552), ("refused", 550)],
        ),
        (
            "250 ok\n250 ok\n550 no\n354 go",
            Some("451 4.7.1 greylisted"),
            451,
            [("refused", 451), ("refused", 550)],
        ),
    ] {
        let dialogue = Dialogue::with("PIPELINING").turn(envelope, answers);
        let (client, verdict) = match end {
            Some(end) => dialogue.turn(MAIL_STUFFED, end),
            None => dialogue,
        }
        .begin();
        let error = client.send(mail_for(2)).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Refused, code < 500), "{error}");
        assert_eq!(error.smtp_reply().unwrap().code.get(), code);
        assert_eq!(outcomes(&error), expected, "{answers}");
        assert!(error.to_string().contains(&code.to_string()), "{error}");
        verdict.check(&client).await;
    }
}

#[tokio::test(start_paused = true)]
async fn delivery_reports_are_asked_for_where_the_server_has_them() {
    use mail_client::smtp::{Notify, Ret};

    let notify = Notify { success: true, delay: true, ..Notify::default() };
    let mail = || {
        let bob = Recipient::new(Address::new("bob@y").unwrap()).original("rfc822", "b+o@b");
        let eve = Recipient::new(Address::new("eve@y").unwrap()).notify(Notify::default());
        Mail::new(MAIL).to([bob, eve]).ret(Ret::Headers).envelope_id("id 7").notify(notify)
    };
    let (client, verdict) = Dialogue::with("PIPELINING,DSN")
        .turn(
            "MAIL FROM:<kim@x> RET=HDRS ENVID=id+207\n\
             RCPT TO:<bob@y> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bo@b\n\
             RCPT TO:<eve@y> NOTIFY=NEVER\nDATA",
            "250 ok\n250 ok\n250 ok\n354 go",
        )
        .turn(MAIL_STUFFED, "250 queued")
        .begin();
    assert!(client.send(mail()).await.unwrap().is_complete());
    verdict.check(&client).await;
    let (client, verdict) = Dialogue::with("PIPELINING").begin();
    let error = client.send(mail()).await.unwrap_err();
    assert_eq!((error.kind(), error.missing_smtp()), (ErrorKind::Unsupported, Some("DSN")), "{error}");
    verdict.check(&client).await;
}
