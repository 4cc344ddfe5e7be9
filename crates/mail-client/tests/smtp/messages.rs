//! What goes over the wire of a message: its envelope, its header without Bcc, its text.

use std::io::Cursor;

use bytes::Bytes;
use mail_client::{
    ErrorKind,
    smtp::{Address, Body, LoneLineBreaks, Mail, Transfer},
};

use crate::dialogue::{Dialogue, Verdict};

type Client = mail_client::smtp::SmtpClient;

/// A client, and a server that takes one message said so.
fn taking(extensions: &str, envelope: &str, text: &str) -> (Client, Verdict) {
    let answers: Vec<_> =
        envelope.lines().map(|line| if line == "DATA" { "354 go" } else { "250 ok" }).collect();
    Dialogue::with(extensions).turn(envelope, &answers.join("\n")).turn(text, "250 queued").begin()
}

#[tokio::test(start_paused = true)]
async fn the_envelope_is_the_headers_and_bcc_is_taken_out() {
    let text = "From: Kim <kim@x>\r\nTo: A <a@y>, \"c d\"@y\r\nbcc: e@y,\r\n\tf@y\r\nCc: G: a@y, g@y;\r\n\
        Subject: Bcc: no\r\n Bcc: h@y\r\n\r\nBcc: i@y\r\n";
    let said = "From: Kim <kim@x>\nTo: A <a@y>, \"c d\"@y\nCc: G: a@y, g@y;\n\
        Subject: Bcc: no\n Bcc: h@y\n\nBcc: i@y\n.";
    let size = said.len() - 1 + said.matches('\n').count();
    let envelope = format!(
        "MAIL FROM:<kim@x> SIZE={size}\nRCPT TO:<a@y>\nRCPT TO:<\"c d\"@y>\nRCPT TO:<e@y>\nRCPT TO:<f@y>\n\
         RCPT TO:<g@y>\nDATA"
    );
    let len = text.len() as u64;
    let small = |size: usize| {
        let pieces: Vec<_> =
            text.as_bytes().chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Mail::from_stream(futures_util::stream::iter(pieces), len)
    };
    for mail in [Mail::new(text), Mail::from_reader(Cursor::new(text), len), small(1), small(7)] {
        let (client, verdict) = taking("PIPELINING,SIZE", &envelope, said);
        assert!(client.send(mail).await.unwrap().is_complete());
        verdict.check(&client).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_envelope_that_is_told_counts_instead() {
    let text = "From: nobody\r\nTo: friends\r\nBcc: e@y\r\n\r\nHi\r\n";
    let (client, verdict) =
        taking("PIPELINING", "MAIL FROM:<>\nRCPT TO:<a@y>\nDATA", "From: nobody\nTo: friends\n\nHi\n.");
    let mail = Mail::new(text).sender(None).to([Address::new("a@y").unwrap()]);
    assert!(client.send(mail).await.unwrap().is_complete());
    verdict.check(&client).await;
    // Only where it is needed has the header to be readable.
    let (client, verdict) = Dialogue::default().begin();
    let error = client.send(Mail::new(text).sender(None)).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Argument, false), "{error}");
    assert!(error.to_string().contains("To has what is no address: friends"), "{error}");
    let error = client.send(Mail::new(text).to([Address::new("a@y").unwrap()])).await.unwrap_err();
    assert!(error.to_string().contains("From has what is no address: nobody"), "{error}");
    let none: [Address; 0] = [];
    let error = client.send(Mail::new(text).sender(None).to(none)).await.unwrap_err();
    assert!(error.to_string().contains("no recipient"), "{error}");
    assert_eq!(verdict.connections(), 0, "nothing was dialled for it");
    verdict.check(&client).await;
}

#[tokio::test(start_paused = true)]
async fn line_breaks_that_stand_alone_never_go_out() {
    let text = "From: a@x\nTo: b@y\n\nHi\n.\nMAIL FROM:<c@x>\r.\r";
    let said = "From: a@x\nTo: b@y\n\nHi\n..\nMAIL FROM:<c@x>\n..\n.";
    let len = text.len() as u64;
    for transfer in [Transfer::Data, Transfer::Chunks] {
        for mail in [Mail::new(text), Mail::from_reader(Cursor::new(text), len)] {
            let (client, verdict) = if transfer == Transfer::Data {
                taking("PIPELINING", "MAIL FROM:<a@x>\nRCPT TO:<b@y>\nDATA", said)
            } else {
                let (header, rest) = ("From: a@x\r\nTo: b@y\r\n\r\n", "Hi\r\n.\r\nMAIL FROM:<c@x>\r\n.");
                // The last line's end comes when it is certain that it is one.
                let said = format!("BDAT 22\r\n{header}BDAT 25\r\n{rest}BDAT 2\r\n\r\nBDAT 0 LAST\r\n");
                Dialogue::with("PIPELINING,CHUNKING")
                    .turn("MAIL FROM:<a@x>\nRCPT TO:<b@y>", "250 ok\n250 ok")
                    .hears(said.as_bytes(), "250 1\n250 2\n250 3\n250 queued")
                    .begin()
            };
            let outcome = client.send(mail.transfer(transfer)).await;
            assert!(outcome.unwrap().is_complete());
            verdict.check(&client).await;
        }
    }
    // Refused, if that is wanted: before anything is sent, or before its end.
    let (builder, verdict) = Dialogue::with("PIPELINING")
        .turn("MAIL FROM:<a@x>\nRCPT TO:<b@y>\nDATA", "250 ok\n250 ok\n354 go")
        .cut_at_the_end()
        .builder(1 << 16);
    let client = builder.lone_line_breaks(LoneLineBreaks::Refuse).build().unwrap();
    let error = client.send(Mail::new(text)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert!(error.to_string().contains("stands alone at offset 9"), "{error}");
    assert_eq!(verdict.connections(), 0);
    let pieces = ["From: a@x\r\nTo: b@y\r\n\r\n", "Hi\n.\n"].map(|piece| Ok(Bytes::from(piece)));
    let error = client.send(Mail::from_stream(futures_util::stream::iter(pieces), None)).await.unwrap_err();
    assert!(error.to_string().contains("stands alone at offset 24"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Argument);
    verdict.check(&client).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_not_begun() {
    let text = "From: a@x\r\nTo: b@y\r\nBcc: c@y\r\n\r\nHi\r\n";
    let sent = text.len() as u64 - 10;
    for (limit, fits) in [(sent, true), (sent - 1, false)] {
        for mail in [Mail::new(text), Mail::from_reader(Cursor::new(text), text.len() as u64)] {
            let dialogue = Dialogue::with(&format!("PIPELINING,SIZE {limit}"));
            let dialogue = if fits {
                dialogue
                    .turn(
                        &format!("MAIL FROM:<a@x> SIZE={sent}\nRCPT TO:<b@y>\nRCPT TO:<c@y>\nDATA"),
                        "250 ok\n250 ok\n250 ok\n354 go",
                    )
                    .turn("From: a@x\nTo: b@y\n\nHi\n.", "250 queued")
            } else {
                dialogue
            };
            let (client, verdict) = dialogue.begin();
            match client.send(mail).await {
                Ok(_) => assert!(fits),
                Err(error) => {
                    assert!(!fits && error.kind() == ErrorKind::TooMuch && !error.is_retryable(), "{error}");
                    assert!(error.to_string().contains(&format!("{sent} bytes")), "{error}");
                }
            }
            verdict.check(&client).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn eight_bit_text_goes_only_where_it_may() {
    let text = "From: a@x\r\nTo: b@y\r\n\r\nH\u{fc}\r\n";
    let said = "From: a@x\nTo: b@y\n\nH\u{fc}\n.";
    let pieces = || {
        let pieces = [&text[..20], &text[20..22], &text[22..]]
            .map(|piece| Ok(Bytes::copy_from_slice(piece.as_bytes())));
        Mail::from_stream(futures_util::stream::iter(pieces), None)
    };
    for mail in [Mail::new(text), pieces(), Mail::new(text).body(Body::EightBitMime)] {
        let envelope = "MAIL FROM:<a@x> BODY=8BITMIME\nRCPT TO:<b@y>\nDATA";
        let (client, verdict) = taking("PIPELINING,8BITMIME", envelope, said);
        assert!(client.send(mail).await.unwrap().is_complete());
        verdict.check(&client).await;
    }
    // What is there, or said, is known before anything is sent.
    for mail in [Mail::new(text), pieces().body(Body::EightBitMime)] {
        let (client, verdict) = Dialogue::with("PIPELINING").begin();
        let error = client.send(mail).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.missing_smtp()),
            (ErrorKind::Unsupported, Some("8BITMIME")),
            "{error}"
        );
        verdict.check(&client).await;
    }
    // And what comes as it is read ends the connection before the message ends.
    for (mail, extensions, body) in
        [(pieces(), "PIPELINING", ""), (pieces().body(Body::SevenBit), "PIPELINING,8BITMIME", " BODY=7BIT")]
    {
        let envelope = format!("MAIL FROM:<a@x>{body}\nRCPT TO:<b@y>\nDATA");
        let dialogue = Dialogue::with(extensions).turn(&envelope, "250 ok\n250 ok\n354 go");
        let (client, verdict) = dialogue.cut_at_the_end().begin();
        let error = client.send(mail).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
        assert!(error.to_string().contains("8-bit"), "{error}");
        verdict.check(&client).await;
    }
    let (client, verdict) = Dialogue::default().begin();
    let error = client.send(Mail::new(text).body(Body::SevenBit)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
    verdict.check(&client).await;
}

#[tokio::test(start_paused = true)]
async fn utf8_in_addresses_and_headers_needs_a_server_that_knows_it() {
    let plain = "From: a@x\r\nTo: b@y\r\n\r\nHi\r\n";
    let address = || [Address::new("b\u{fc}@y").unwrap()];
    let header = "From: a@x\r\nTo: b@y\r\nSubject: \u{fc}\r\n\r\nHi\r\n";
    let recipient = "From: a@x\r\nTo: b\u{fc}@y\r\n\r\nHi\r\n";
    for (mail, envelope, said) in [
        (
            Mail::new(plain).to(address()),
            "MAIL FROM:<a@x> SMTPUTF8\nRCPT TO:<b\u{fc}@y>\nDATA",
            "From: a@x\nTo: b@y\n\nHi\n.",
        ),
        (
            Mail::new(header),
            "MAIL FROM:<a@x> BODY=8BITMIME SMTPUTF8\nRCPT TO:<b@y>\nDATA",
            "From: a@x\nTo: b@y\nSubject: \u{fc}\n\nHi\n.",
        ),
        (
            Mail::new(recipient),
            "MAIL FROM:<a@x> BODY=8BITMIME SMTPUTF8\nRCPT TO:<b\u{fc}@y>\nDATA",
            "From: a@x\nTo: b\u{fc}@y\n\nHi\n.",
        ),
        (
            Mail::new(plain).smtp_utf8(),
            "MAIL FROM:<a@x> SMTPUTF8\nRCPT TO:<b@y>\nDATA",
            "From: a@x\nTo: b@y\n\nHi\n.",
        ),
    ] {
        let (client, verdict) = taking("PIPELINING,SMTPUTF8,8BITMIME", envelope, said);
        assert!(client.send(mail).await.unwrap().is_complete());
        verdict.check(&client).await;
    }
    for mail in [Mail::new(plain).to(address()), Mail::new(header), Mail::new(plain).smtp_utf8()] {
        let (client, verdict) = Dialogue::with("PIPELINING,8BITMIME").begin();
        let error = client.send(mail).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.missing_smtp()),
            (ErrorKind::Unsupported, Some("SMTPUTF8")),
            "{error}"
        );
        verdict.check(&client).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_binary_message_goes_as_it_is_by_bdat() {
    let text = b"From: a@x\r\nTo: b@y\r\nBcc: c@y\r\n\r\n\n.\n\0";
    let (client, verdict) = Dialogue::with("PIPELINING,CHUNKING,BINARYMIME")
        .turn("MAIL FROM:<a@x> BODY=BINARYMIME\nRCPT TO:<b@y>\nRCPT TO:<c@y>", "250 ok\n250 ok\n250 ok")
        .hears(
            b"BDAT 20\r\nFrom: a@x\r\nTo: b@y\r\nBDAT 2\r\n\r\nBDAT 4\r\n\n.\n\0BDAT 0 LAST\r\n",
            "250 1\n250 2\n250 3\n250 queued",
        )
        .begin();
    let mail = Mail::new(&text[..]).body(Body::BinaryMime);
    assert!(client.send(mail).await.unwrap().is_complete());
    verdict.check(&client).await;
    let (client, verdict) = Dialogue::with("PIPELINING,BINARYMIME").begin();
    let error = client.send(Mail::new(&text[..]).body(Body::BinaryMime)).await.unwrap_err();
    assert_eq!((error.kind(), error.missing_smtp()), (ErrorKind::Unsupported, Some("CHUNKING")), "{error}");
    verdict.check(&client).await;
}

#[cfg(feature = "mail-builder")]
#[tokio::test]
async fn what_mail_builder_makes_is_sent() {
    let built = mail_builder::MessageBuilder::new()
        .from(("Kim", "kim@x"))
        .to("a@y")
        .bcc(vec!["b@y", "c@y"])
        .subject("hi")
        .text_body("Hello!");
    let mail = Mail::try_from(built).unwrap();
    let (client, verdict) = Dialogue::with("PIPELINING")
        .turn(
            "MAIL FROM:<kim@x>\nRCPT TO:<a@y>\nRCPT TO:<b@y>\nRCPT TO:<c@y>\nDATA",
            "250 ok\n550 no\n550 no\n550 no\n554 no",
        )
        .begin();
    let error = client.send(mail).await.unwrap_err();
    // Its text has a date and an id that differ each time: what was asked for is enough.
    assert_eq!(error.recipients().len(), 3, "{error}");
    verdict.check(&client).await;
}
