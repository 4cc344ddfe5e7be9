//! Mail sent by the client to a server that delivers it: the same for whichever server.

use std::io::Cursor;

use mail_client::ErrorKind;
use mail_client::smtp::{Address, Mail, Notify, Outcome, Recipient, SmtpClient, SmtpClientBuilder, Transfer};

/// A server, its recipients, and what has come to them.
pub(crate) trait Post {
    /// A client for it that has nothing left to set.
    fn client(&self) -> SmtpClientBuilder;

    /// The address of somebody there; `nobody`, `full` and `later` are refused, with 550, 552 and 450.
    fn address(&self, local_part: &str) -> Address {
        Address::new(&format!("{local_part}@example.org")).unwrap()
    }

    /// All mail for this recipient once there are so many messages, in any order, with the line breaks it was sent with
    /// or LF alone, and without what servers put before it.
    fn delivered(&self, local_part: &str, count: usize) -> Vec<Vec<u8>>;
}

fn with_lf(text: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(text).replace("\r\n", "\n").into_bytes()
}

/// Whether just these messages came.
fn assert_delivered(post: &impl Post, local_part: &str, expected: &[&[u8]]) {
    let sorted = |messages: Vec<Vec<u8>>| {
        let mut messages: Vec<_> = messages.iter().map(|message| with_lf(message)).collect();
        messages.sort();
        messages
    };
    let found = sorted(post.delivered(local_part, expected.len()));
    let expected = sorted(expected.iter().map(|message| message.to_vec()).collect());
    assert_eq!(found.len(), expected.len(), "{local_part}");
    for (found, expected) in found.iter().zip(&expected) {
        let shown = |text: &[u8]| String::from_utf8_lossy(&text[..text.len().min(500)]).into_owned();
        assert!(found == expected, "{local_part} got {:?} for {:?}", shown(found), shown(expected));
    }
}

/// Sends what is awkward, by DATA and by BDAT, from memory and as it is read, and finds it delivered as it was.
pub(crate) async fn what_is_sent_is_delivered(post: &impl Post, client: &SmtpClient) {
    let head = "From: tester@example.org\r\nTo: alice@example.org\r\n";
    let lines = "x".repeat(900) + "\r\n";
    let texts = [
        format!("{head}\r\n"),
        format!("{head}Subject: dots\r\n\r\n.\r\n..\r\n.a\r\n...\r\n\r\n.\r\nend.\r\n"),
        format!("{head}Subject: 8-bit\r\n\r\nGr\u{fc}\u{df}e \u{2014} \u{1f600}\r\n"),
        format!("{head}Subject: empty lines\r\n\r\n\r\n\r\n\r\n"),
        format!("{head}Subject: a line of a dot at a border\r\n\r\n{}.\r\n", lines.repeat(145)),
        format!("{head}Subject: looks like commands\r\n\r\nRSET\r\nQUIT\r\n"),
    ];
    let mut expected: Vec<&[u8]> = Vec::new();
    for text in &texts {
        for transfer in [Transfer::Data, Transfer::Chunks] {
            for is_read in [false, true] {
                let mail = match is_read {
                    false => Mail::new(text.clone()),
                    true => Mail::from_reader(Cursor::new(text.clone()), text.len() as u64),
                };
                let sent = client.send(mail.transfer(transfer)).await.unwrap();
                assert!(sent.is_complete() && sent.reply().code.get() == 250);
                expected.push(text.as_bytes());
            }
        }
    }
    assert_delivered(post, "alice", &expected);
}

/// Sends a message of 30 MB, by DATA and by BDAT, in constant memory where it is read.
pub(crate) async fn a_message_of_30_mb_is_delivered(post: &impl Post) {
    let client = post.client().build().unwrap();
    let head = "From: tester@example.org\r\nTo: bob@example.org\r\n\r\n";
    let line = ".".to_owned() + &"0123456789".repeat(7) + "\r\n";
    let text = head.to_owned() + &line.repeat(30_000_000 / line.len());
    let sent = client.send(Mail::new(text.clone())).await.unwrap();
    assert!(sent.is_complete());
    let reader = Cursor::new(text.clone());
    let mail = Mail::from_reader(reader, text.len() as u64).transfer(Transfer::Chunks);
    assert!(client.send(mail).await.unwrap().is_complete());
    client.close().await;
    assert_delivered(post, "bob", &[text.as_bytes(); 2]);
}

/// Sends to some who are refused, and to none but such.
pub(crate) async fn refused_recipients_stop_no_others(post: &impl Post, client: &SmtpClient) {
    let text = "From: tester@example.org\r\nTo: all\r\n\r\nHello!\r\n";
    let to =
        |names: &[&str]| Mail::new(text).to(names.iter().map(|name| post.address(name)).collect::<Vec<_>>());
    let sent = client.send(to(&["nobody", "carol", "full", "later"])).await.unwrap();
    let codes: Vec<_> = sent.recipients().iter().map(|one| one.outcome.reply().unwrap().code.get()).collect();
    assert_eq!(codes, [550, 250, 552, 450]);
    let retryable: Vec<_> = sent.recipients().iter().map(|one| one.outcome.is_retryable()).collect();
    assert_eq!(retryable, [false, false, false, true]);
    let error = client.send(to(&["nobody", "later"])).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Refused, true), "{error}");
    assert!(matches!(error.recipients()[0].outcome, Outcome::Refused(_)));
    // The connection is of use all the same.
    assert!(client.send(to(&["carol"])).await.unwrap().is_complete());
    assert_delivered(post, "carol", &[text.as_bytes(); 2]);
}

/// Sends to an address, and with a header, that need SMTPUTF8.
pub(crate) async fn utf8_is_delivered(post: &impl Post, client: &SmtpClient) {
    let text = "From: tester@example.org\r\nTo: Zo\u{eb} <zo\u{eb}@example.org>\r\nSubject: \u{fc}\r\n\r\n\u{fc}\r\n";
    assert!(client.send(Mail::new(text)).await.unwrap().is_complete());
    assert_delivered(post, "zo\u{eb}", &[text.as_bytes()]);
}

/// Asks for reports, and takes Bcc out.
pub(crate) async fn reports_and_bcc(post: &impl Post, client: &SmtpClient) {
    let text = "From: tester@example.org\r\nBcc: alice@example.org\r\nSubject: hidden\r\n\r\nHello!\r\n";
    let never = Recipient::new(post.address("tester")).notify(Notify::default());
    let mail = Mail::new(text).to([never]).envelope_id("id+1");
    assert!(client.send(mail).await.unwrap().is_complete());
    assert_delivered(post, "tester", &[text.replace("Bcc: alice@example.org\r\n", "").as_bytes()]);
}

/// Sends a hundred messages over four connections.
pub(crate) async fn many_messages_arrive_once(post: &impl Post, local_part: &str) {
    let client = post.client().max_connections(5).build().unwrap();
    let text = |n: usize| {
        format!("From: tester@example.org\r\nTo: {local_part}@example.org\r\nSubject: {n}\r\n\r\n")
    };
    let texts: Vec<_> = (0..100).map(text).collect();
    let mails = texts.clone().into_iter().map(Mail::new);
    let mut sending = client.send_many(mails).connections(4);
    while let Some(one) = sending.next().await {
        assert!(one.outcome.unwrap().is_complete());
    }
    assert_eq!(sending.progress().sent, 100);
    client.close().await;
    let expected: Vec<_> = texts.iter().map(String::as_bytes).collect();
    assert_delivered(post, local_part, &expected);
}

/// All of it but what is long, over one connection.
pub(crate) async fn everything(post: &impl Post) {
    let client = post.client().build().unwrap();
    what_is_sent_is_delivered(post, &client).await;
    refused_recipients_stop_no_others(post, &client).await;
    utf8_is_delivered(post, &client).await;
    reports_and_bcc(post, &client).await;
    client.close().await;
}
