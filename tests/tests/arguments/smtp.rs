//! What the SMTP client is given as text: who logs in, addresses, what goes with them, and the message.

use mail_client::smtp::{Address, Mail, Recipient, SmtpClient, SmtpClientBuilder};

use system_tests::counted::counted;

use crate::lines::{Heard, Kind, Lines};
use crate::texts;

const KEYWORDS: [&[&str]; 2] = [&["PIPELINING", "8BITMIME", "SMTPUTF8", "DSN"], &[]];

fn builder(lines: &Lines) -> SmtpClientBuilder {
    let builder = SmtpClient::builder("mail.example.org", "kim").password("secret");
    builder.plaintext_without_encryption().connector(lines.clone())
}

fn check(what: &str, text: &[u8], heard: &Heard) {
    assert!(heard.wrong.is_empty(), "{what} of {}: {heard:?}", text[..text.len().min(60)].escape_ascii());
    // One message, or none.
    assert!(heard.messages.len() <= 1, "{what} of {}: {heard:?}", text[..text.len().min(60)].escape_ascii());
}

fn mail(text: impl Into<bytes::Bytes>) -> Mail {
    let kim = Address::new("kim@example.org").unwrap();
    Mail::new(text).sender(kim.clone()).to([kim])
}

#[tokio::test(start_paused = true)]
async fn each_text_is_one_argument_or_none() {
    let mut tried = 0;
    for keywords in KEYWORDS {
        let lines = Lines::new(Kind::Smtp(keywords));
        let client = builder(&lines).build().unwrap();
        for text in texts::octets() {
            let kim = || Address::new("kim@example.org").unwrap();
            let mut mails = vec![
                ("message", mail(text.clone())),
                ("text", mail([b"Subject: x\r\n\r\n", &text[..], b"\r\n"].concat())),
                ("header", mail([b"Subject: ", &text[..], b"\r\n\r\nx\r\n"].concat())),
                (
                    "header address",
                    Mail::new(
                        [b"From: ", &text[..], b" <kim@example.org>\r\nTo: ", &text[..], b"\r\n\r\nx"]
                            .concat(),
                    ),
                ),
                ("envelope_id", mail("x").envelope_id(text.clone())),
                ("original", mail("x").to([Recipient::new(kim()).original("rfc822", text.clone())])),
                ("original kind", mail("x").to([Recipient::new(kim()).original(text.clone(), "x")])),
            ];
            // One that can't be is refused when it is made.
            if let Some(address) = std::str::from_utf8(&text).ok().and_then(|text| Address::new(text).ok()) {
                mails.push(("sender", mail("x").sender(address.clone())));
                mails.push(("recipient", mail("x").to([address])));
            }
            for local in [text.clone(), [b"\"", &text[..], b"\""].concat()] {
                let whole = [&local[..], b"@example.org"].concat();
                if let Some(address) =
                    std::str::from_utf8(&whole).ok().and_then(|text| Address::new(text).ok())
                {
                    mails.push(("local part", mail("x").to([address])));
                }
            }
            for (what, mail) in mails {
                lines.take();
                let outcome = client.send(mail).await;
                let heard = lines.take();
                check(what, &text, &heard);
                assert!(outcome.is_err() || heard.messages.len() == 1, "{what}: {heard:?}");
                tried += 1;
            }
            if let Ok(user) = std::str::from_utf8(&text) {
                lines.take();
                let _ = client.verify(user).await;
                check("verify", &text, &lines.take());
                tried += 1;
            }
        }
        client.close().await;
    }
    counted("arguments tried", tried);
}

#[tokio::test(start_paused = true)]
async fn what_logs_in_too() {
    type Set = fn(SmtpClientBuilder, String) -> SmtpClientBuilder;
    let sets: [(&str, Set); 3] = [
        ("password", |builder, text| builder.password(text)),
        ("act_as", |builder, text| builder.act_as(text)),
        ("hello_name", |builder, text| builder.hello_name(text)),
    ];
    for text in texts::all() {
        for (what, set) in &sets {
            let lines = Lines::new(Kind::Smtp(&[]));
            let Ok(client) = set(builder(&lines), text.clone()).build() else { continue };
            let _ = client.noop().await;
            client.close().await;
            check(what, text.as_bytes(), &lines.take());
        }
    }
}
