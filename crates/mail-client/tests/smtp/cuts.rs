//! Connections that are lost: a message is never sent twice, and the error says whether it may have been accepted.

use std::{future::poll_fn, io, pin::Pin, task::Poll, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use mail_client::{
    ErrorKind,
    smtp::{Address, Mail, Outcome, Transfer},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

use crate::dialogue::{Dialogue, MAIL, MAIL_STUFFED};

const ENVELOPE: [(&str, &str); 3] =
    [("MAIL FROM:<kim@x>", "250 ok"), ("RCPT TO:<bob@y>", "250 ok"), ("DATA", "354 go")];

#[tokio::test(start_paused = true)]
async fn p29_a_message_whose_end_was_not_written_is_sent_once_more() {
    // Before and after each answer up to DATA's.
    for stage in 0..=ENVELOPE.len() {
        let answered = &ENVELOPE[..stage];
        let dialogue =
            answered.iter().fold(Dialogue::with(""), |dialogue, (said, answer)| dialogue.turn(said, answer));
        let dialogue = match ENVELOPE.get(stage) {
            Some((said, _)) => dialogue.cut(said),
            None => dialogue.cut_at(b""),
        };
        let (client, verdict) = dialogue.again("PIPELINING,SIZE").takes_mail().begin();
        assert!(client.send(Mail::new(MAIL)).await.unwrap().is_complete());
        assert_eq!(verdict.connections(), 2);
        verdict.check(&client).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_had_now_can_be_later() {
    for dialogue in
        [Dialogue::default().cut_at_once(), Dialogue::default().greeted("220 hi").cut("EHLO [127.0.0.1]")]
    {
        let (client, verdict) = dialogue.again("PIPELINING,SIZE").takes_mail().begin();
        let error = client.send(Mail::new(MAIL)).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::ConnectionLost, true), "{error}");
        assert!(!error.was_written());
        assert!(client.send(Mail::new(MAIL)).await.unwrap().is_complete());
        verdict.check(&client).await;
    }
}

#[tokio::test(start_paused = true)]
async fn p29_without_an_answer_to_its_end_the_outcome_is_unknown_and_it_is_not_sent_again() {
    let text = MAIL_STUFFED.replace('\n', "\r\n") + "\r\n";
    for extensions in ["PIPELINING", ""] {
        for pipe in [1, 7, 1 << 16] {
            for len in 1..=text.len() {
                let dialogue = Dialogue::with(extensions);
                let dialogue = if extensions.is_empty() {
                    ENVELOPE.iter().fold(dialogue, |dialogue, (said, answer)| dialogue.turn(said, answer))
                } else {
                    dialogue.turn("MAIL FROM:<kim@x>\nRCPT TO:<bob@y>\nDATA", "250 ok\n250 ok\n354 go")
                };
                let (builder, verdict) = dialogue.cut_at(&text.as_bytes()[..len]).builder(pipe);
                let client = builder.max_connections(1).build().unwrap();
                let error = client.send(Mail::new(MAIL)).await.unwrap_err();
                // Text and end are one write: what is given to the socket counts as written.
                assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{len} bytes: {error}");
                assert!(error.was_written() && !error.is_retryable());
                assert_eq!(error.recipients()[0].outcome, Outcome::Unknown);
                assert_eq!(verdict.connections(), 1, "{len} bytes");
                verdict.check(&client).await;
            }
        }
    }
}

/// A message whose pieces come through a channel, with the envelope told.
fn fed(len: Option<u64>) -> (mpsc::UnboundedSender<io::Result<Bytes>>, Mail) {
    let (sender, mut pieces) = mpsc::unbounded_channel();
    let stream = stream::poll_fn(move |cx| pieces.poll_recv(cx));
    let to = [Address::new("bob@y").unwrap()];
    (sender, Mail::from_stream(stream, len).sender(Address::new("kim@x").unwrap()).to(to))
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

fn piece(text: &str) -> io::Result<Bytes> {
    Ok(Bytes::copy_from_slice(text.as_bytes()))
}

#[tokio::test(start_paused = true)]
async fn p29_a_cut_at_every_byte_before_the_end_means_not_accepted() {
    let (head, text) = ("Subject: a\r\n\r\n", "one\r\ntwo\r\n");
    for (extensions, transfer) in [("PIPELINING", Transfer::Data), ("PIPELINING,CHUNKING", Transfer::Chunks)]
    {
        let is_data = transfer == Transfer::Data;
        let before = if is_data { head.to_owned() } else { format!("BDAT 14\r\n{head}") };
        let wire = if is_data { format!("{before}{text}") } else { format!("{before}BDAT 10\r\n{text}") };
        // Once anything was read that isn't kept, it can't be sent once more.
        for len in before.len() + 1..=wire.len() {
            let (said, answer) = if is_data {
                ("MAIL FROM:<kim@x>\nRCPT TO:<bob@y>\nDATA", "250 ok\n250 ok\n354 go")
            } else {
                ("MAIL FROM:<kim@x>\nRCPT TO:<bob@y>", "250 ok\n250 ok")
            };
            let dialogue = Dialogue::with(extensions).turn(said, answer);
            let (client, mut verdict) = dialogue.cut_at(&wire.as_bytes()[..len]).begin();
            let (pieces, mail) = fed(None);
            for part in [head, text] {
                pieces.send(piece(part)).unwrap();
            }
            // The source says that there is no more only once the server has hung up.
            let sending = client.send(mail.transfer(transfer));
            let (outcome, ()) = tokio::join!(sending, async {
                verdict.ended(1).await;
                // Whether it is asked for more or not by then.
                drop(pieces);
            });
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{len} bytes: {error}");
            assert!(error.is_retryable(), "{error}");
            assert!(error.to_string().contains("not accepted"), "{error}");
            assert_eq!(error.recipients()[0].outcome, Outcome::NotSent);
            assert_eq!(verdict.connections(), 1);
            verdict.check(&client).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p28_a_source_that_ends_early_fails_or_has_too_much_is_cut_before_the_end() {
    let text = "Subject: a\r\n\r\none\r\n";
    let source = || io::Error::other("the disk is gone");
    for (len, last, expected) in [
        (Some(20), None, "has fewer"),
        (Some(18), None, "has more"),
        (None, Some(Err(source())), "the disk is gone"),
        (Some(19), Some(Err(source())), "the disk is gone"),
    ] {
        let (pieces, mail) = fed(len);
        let size = len.map_or(String::new(), |len| format!(" SIZE={len}"));
        let dialogue = Dialogue::with("PIPELINING,SIZE")
            .turn(&format!("MAIL FROM:<kim@x>{size}\nRCPT TO:<bob@y>\nDATA"), "250 ok\n250 ok\n354 go");
        let (client, verdict) = dialogue.cut_at_the_end().again("PIPELINING,SIZE").takes_mail().begin();
        pieces.send(piece(&text[..14])).unwrap();
        pieces.send(piece(&text[14..])).unwrap();
        if let Some(last) = last {
            pieces.send(last).unwrap();
        }
        drop(pieces);
        let error = client.send(mail).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(client.send(Mail::new(MAIL)).await.unwrap().is_complete());
        verdict.check(&client).await;
    }
}

#[tokio::test(start_paused = true)]
async fn p28_a_caller_that_goes_away_leaves_no_half_message() {
    // Before anything was written: nothing is sent, and the connection stays.
    let (client, verdict) = Dialogue::with("PIPELINING,SIZE").takes_mail().begin();
    client.connect().await.unwrap();
    let mut sending = Box::pin(client.send(Mail::new("From: a@x\r\nTo: b@y\r\n\r\n")));
    assert!(poll_once(sending.as_mut()).await.is_pending());
    drop(sending);
    assert!(client.send(Mail::new(MAIL)).await.unwrap().is_complete());
    verdict.check(&client).await;

    // Behind the envelope, with and without part of the text: the connection is cut.
    for begun in [false, true] {
        let (client, mut verdict) = Dialogue::with("PIPELINING,SIZE")
            .turn("MAIL FROM:<kim@x>\nRCPT TO:<bob@y>\nDATA", "250 ok\n250 ok\n354 go")
            .cut_at_the_end()
            .again("PIPELINING,SIZE")
            .takes_mail()
            .begin();
        let (pieces, mail) = fed(None);
        pieces.send(piece("Subject: a\r\n\r\n")).unwrap();
        if begun {
            pieces.send(piece("one\r\n")).unwrap();
        }
        assert!(timeout(Duration::from_secs(1), client.send(mail)).await.is_err());
        verdict.ended(1).await;
        assert!(client.send(Mail::new(MAIL)).await.unwrap().is_complete());
        verdict.check(&client).await;
    }

    // Behind its end: the answer is read, to nobody, and the connection stays of use.
    let (client, verdict) = Dialogue::with("PIPELINING,SIZE").takes_mail().takes_mail().begin();
    client.connect().await.unwrap();
    let mut sending = Box::pin(client.send(Mail::new(MAIL)));
    // A round for the envelope, and one for the text.
    while !verdict.has_heard(MAIL_STUFFED) {
        assert!(poll_once(sending.as_mut()).await.is_pending());
        tokio::task::yield_now().await;
    }
    drop(sending);
    assert!(client.send(Mail::new(MAIL)).await.unwrap().is_complete());
    verdict.check(&client).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_silent_is_given_up_as_rfc_5321_has_it() {
    let hour = Duration::from_secs(3600);
    for (extensions, said, silent, patience, kind) in [
        ("", vec![], "MAIL FROM:<kim@x>", 300, ErrorKind::TimedOut),
        ("", vec![ENVELOPE[0], ENVELOPE[1]], "DATA", 120, ErrorKind::TimedOut),
        ("", ENVELOPE.to_vec(), MAIL_STUFFED, 600, ErrorKind::OutcomeUnknown),
    ] {
        let dialogue = said
            .iter()
            .fold(Dialogue::with(extensions), |dialogue, (said, answer)| dialogue.turn(said, answer));
        let (client, verdict) = dialogue.turn(silent, "").begin();
        client.connect().await.unwrap();
        let begun = Instant::now();
        let error = timeout(hour, client.send(Mail::new(MAIL))).await.unwrap().unwrap_err();
        assert_eq!(begun.elapsed().as_secs(), patience, "{silent}");
        assert_eq!((error.kind(), error.is_timeout()), (kind, true), "{error}");
        assert_eq!(verdict.connections(), 1, "silence isn't waited for twice");
        verdict.check(&client).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_says_whether_the_message_may_have_been_accepted() {
    let limit = Duration::from_secs(7);
    for (said, silent, expected) in [
        (vec![], "MAIL FROM:<kim@x>", ErrorKind::TimedOut),
        (ENVELOPE.to_vec(), MAIL_STUFFED, ErrorKind::OutcomeUnknown),
    ] {
        let dialogue =
            said.iter().fold(Dialogue::with(""), |dialogue, (said, answer)| dialogue.turn(said, answer));
        let (client, verdict) = dialogue.turn(silent, "").begin();
        client.connect().await.unwrap();
        let begun = Instant::now();
        let error = client.with_deadline(limit).send(Mail::new(MAIL)).await.unwrap_err();
        assert_eq!(begun.elapsed(), limit);
        assert_eq!((error.kind(), error.is_timeout()), (expected, true), "{error}");
        assert_eq!(error.is_retryable(), expected == ErrorKind::TimedOut, "{error}");
        assert_eq!(error.was_written(), expected == ErrorKind::OutcomeUnknown, "{error}");
        assert_eq!(error.to_string().contains("not accepted"), expected == ErrorKind::TimedOut, "{error}");
        verdict.check(&client).await;
    }
    // What is no message has no such outcome.
    let (client, verdict) = Dialogue::with("").turn("VRFY bob", "").begin();
    client.connect().await.unwrap();
    let error = client.with_deadline(limit).verify("bob").await.unwrap_err();
    assert!(error.kind() == ErrorKind::TimedOut && error.was_written() && error.is_retryable(), "{error}");
    assert!(!error.to_string().contains("accepted"), "{error}");
    verdict.check(&client).await;
}

#[tokio::test(start_paused = true)]
async fn what_has_not_had_its_turn_when_its_time_is_up_is_taken_back_alone() {
    let (client, verdict) = Dialogue::with("PIPELINING,SIZE")
        .slow_turn(10, "VRFY bob", "252 try it")
        .slow_turn(10, "VRFY eve", "252 try it")
        .turn("NOOP", "250 ok")
        .begin();
    client.connect().await.unwrap();
    let hasty = client.with_deadline(Duration::from_secs(2));
    // Alone in the line, and with another behind it.
    for name in ["bob", "eve"] {
        let sending = async { hasty.send(Mail::new(MAIL)).await.unwrap_err() };
        let noop = async { if name == "eve" { client.noop().await.map(drop) } else { Ok(()) } };
        let (verified, error, noop) = tokio::join!(client.verify(name), sending, noop);
        assert_eq!((verified.unwrap().code.get(), noop.unwrap()), (252, ()));
        assert!(error.is_timeout() && !error.was_written() && error.is_retryable(), "{error}");
    }
    verdict.check(&client).await;
}

#[tokio::test(start_paused = true)]
async fn p28_a_message_whose_time_is_up_behind_its_end_leaves_the_connection_of_use() {
    let (client, verdict) = Dialogue::with("PIPELINING,SIZE")
        .turn("MAIL FROM:<kim@x> SIZE=37\nRCPT TO:<bob@y>\nDATA", "250 ok\n250 ok\n354 go")
        .slow_turn(4, MAIL_STUFFED, "250 queued")
        .takes_mail()
        .begin();
    client.connect().await.unwrap();
    let hasty = client.with_deadline(Duration::from_secs(2));
    let error = hasty.send(Mail::new(MAIL)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    assert!(client.send(Mail::new(MAIL)).await.unwrap().is_complete());
    assert_eq!(verdict.connections(), 1);
    verdict.check(&client).await;
}

#[tokio::test(start_paused = true)]
async fn p28_an_answer_that_nobody_wants_is_waited_for_for_5_seconds() {
    let (client, verdict) = Dialogue::with("PIPELINING,SIZE")
        .slow_turn(5, "VRFY bob", "252 try it")
        .slow_turn(60, "VRFY eve", "252 try it")
        .again("PIPELINING,SIZE")
        .takes_mail()
        .begin();
    client.connect().await.unwrap();
    for name in ["bob", "eve"] {
        assert!(timeout(Duration::from_secs(1), client.verify(name)).await.is_err());
        sleep(Duration::from_millis(5100)).await;
    }
    assert!(verdict.has_heard("VRFY eve"), "the first answer came in time");
    let begun = Instant::now();
    assert!(client.send(Mail::new(MAIL)).await.unwrap().is_complete());
    assert_eq!((begun.elapsed(), verdict.connections()), (Duration::ZERO, 2));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_amid_the_text_is_told_with_its_words() {
    let (client, verdict) = Dialogue::with("PIPELINING")
        .turn("MAIL FROM:<kim@x>\nRCPT TO:<bob@y>\nDATA", "250 ok\n250 ok\n354 go\n552 5.3.4 too much")
        .begin();
    let (_pieces, mail) = {
        let (pieces, mail) = fed(None);
        pieces.send(piece("Subject: a\r\n\r\none\r\n")).unwrap();
        (pieces, mail)
    };
    let error = client.send(mail).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::ConnectionLost, false), "{error}");
    assert_eq!(error.smtp_reply().unwrap().code.get(), 552);
    assert_eq!(verdict.connections(), 1);
    verdict.check(&client).await;
}
