//! The rules of the pool, as far as SMTP has a part in them.

use std::time::Duration;

use mail_client::{
    ErrorKind,
    smtp::{Address, Assignment, Mail},
};
use tokio::time::{Instant, sleep};

use crate::{
    dialogue::{Dialogue, MAIL},
    office::{Office, THOUGHT},
};

fn to_nobody() -> Mail {
    Mail::new(MAIL).to([Address::new("nobody@y").unwrap()])
}

#[tokio::test(start_paused = true)]
async fn p01_a_message_goes_over_the_connection_that_is_named() {
    for assignment in [Assignment::MainOrDefault, Assignment::Main, Assignment::Default] {
        let office = Office::default();
        let client = office.client().assignment(assignment).max_connections(3).build().unwrap();
        let own = client.create_connection().await.unwrap();
        let named = client.via(&own);
        let (one, two) = tokio::join!(named.send(Mail::new(MAIL)), named.send(Mail::new(MAIL)));
        assert!(one.unwrap().is_complete() && two.unwrap().is_complete());
        assert_eq!(office.connections(), (1, 1), "{assignment:?}");
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p09_p22_with_one_connection_all_go_through_its_queue_and_none_is_told_busy() {
    let office = Office::default();
    let client = office.client().max_connections(1).build().unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(Mail::new(MAIL)).await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().unwrap().is_complete());
    }
    assert_eq!((office.connections(), office.messages().len()), ((1, 1), 20));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p24_messages_are_sent_in_the_background_over_connections_of_their_own() {
    let office = Office::default();
    let client = office.client().max_connections(4).build().unwrap();
    let begun = Instant::now();
    let pending: Vec<_> = (0..9).map(|_| client.begin_send(Mail::new(MAIL)).unwrap()).collect();
    for sent in pending {
        assert!(sent.await.unwrap().is_complete());
    }
    // Three extras, three rounds.
    assert!(begun.elapsed() < THOUGHT * 5, "{:?}", begun.elapsed());
    assert_eq!(office.connections().0, 3);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p19_a_released_connection_has_no_message_half_way() {
    let (builder, verdict) = Dialogue::with("PIPELINING,SIZE")
        .turn("MAIL FROM:<kim@x> SIZE=37\nRCPT TO:<nobody@y>\nDATA", "250 ok\n550 nobody\n554 nobody")
        .turn("RSET", "250 ok")
        .takes_mail()
        .builder(1 << 16);
    let client = builder.max_connections(2).build().unwrap();
    let own = client.create_connection().await.unwrap();
    assert_eq!(client.via(&own).send(to_nobody()).await.unwrap_err().kind(), ErrorKind::Refused);
    drop(own);
    sleep(Duration::from_millis(1)).await;
    assert!(verdict.has_heard("RSET"), "before anybody else uses it");
    // The next user has it as if it were new.
    let own = client.create_connection().await.unwrap();
    assert!(client.via(&own).send(Mail::new(MAIL)).await.unwrap().is_complete());
    drop(own);
    // With nothing half-way there is nothing to clear.
    drop(client.create_connection().await.unwrap());
    assert_eq!(verdict.connections(), 1);
    verdict.check(&client).await;
}

#[tokio::test(start_paused = true)]
async fn p19_after_a_long_idle_the_connection_is_asked_first() {
    let (client, verdict) = Dialogue::with("PIPELINING,SIZE")
        .takes_mail()
        .turn("NOOP", "250 ok")
        .takes_mail()
        .cut("NOOP")
        .again("PIPELINING,SIZE")
        .takes_mail()
        .begin();
    for _ in 0..3 {
        assert!(client.send(Mail::new(MAIL)).await.unwrap().is_complete());
        sleep(Duration::from_secs(20)).await;
    }
    assert_eq!(verdict.connections(), 2);
    verdict.check(&client).await;
}

#[tokio::test(start_paused = true)]
async fn p14_a_limit_told_on_a_working_connection_lowers_the_quota() {
    for refusal in [
        "432 4.3.2 STOREDRV.ClientSubmit; concurrent connection limit exceeded",
        "421 4.7.0 too many connections",
    ] {
        let (builder, verdict) = Dialogue::with("PIPELINING,SIZE")
            .takes_mail()
            .again("PIPELINING,SIZE")
            .turn("MAIL FROM:<kim@x> SIZE=37\nRCPT TO:<bob@y>\nDATA", &[refusal; 3].join("\n"))
            .builder(1 << 16);
        let client = builder.max_connections(5).build().unwrap();
        assert!(client.send(Mail::new(MAIL)).await.unwrap().is_complete());
        let own = client.create_connection().await.unwrap();
        let error =
            client.with_deadline(Duration::from_secs(1)).via(&own).send(Mail::new(MAIL)).await.unwrap_err();
        if refusal.starts_with("432") {
            assert!(error.is_limit() && error.is_retryable(), "{error}");
            assert_eq!(error.smtp_reply().unwrap().code.get(), 432);
        }
        assert!(client.pool_status().effective < 5, "{}", client.pool_status());
        assert_eq!(verdict.connections(), 2);
        drop(own);
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p41_a_server_that_wants_to_be_left_alone_is() {
    for (refusal, least, most) in [
        ("451 4.7.0 Request is throttled. Suggested Backoff Time: 5000 milliseconds", 5000, 5600),
        ("454 4.7.0 throttled", 1000, 1200),
        ("450 4.2.0 greylisted", 0, 1),
    ] {
        let refused = Dialogue::with("PIPELINING,SIZE").turn(
            "MAIL FROM:<kim@x> SIZE=37\nRCPT TO:<nobody@y>\nDATA",
            &format!("250 ok\n{refusal}\n554 no"),
        );
        let (client, verdict) = refused
            .turn("RSET\nMAIL FROM:<kim@x> SIZE=37\nRCPT TO:<bob@y>\nDATA", "250 ok\n250 ok\n250 ok\n354 go")
            .turn(crate::dialogue::MAIL_STUFFED, "250 queued")
            .begin();
        let error = client.send(to_nobody()).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert_eq!(error.retry_after().is_some(), least > 0, "{error}");
        let begun = Instant::now();
        assert!(client.send(Mail::new(MAIL)).await.unwrap().is_complete());
        let waited = begun.elapsed().as_millis();
        assert!((least..=most).contains(&waited), "{refusal}: {waited} ms");
        verdict.check(&client).await;
    }
}

#[tokio::test(start_paused = true)]
async fn p41_what_stands_in_line_on_the_connection_waits_too() {
    let refusal = "451 4.7.0 Request is throttled. Suggested Backoff Time: 5000 milliseconds";
    let (client, verdict) = Dialogue::with("PIPELINING,SIZE")
        .slow_turn(1, "VRFY bob", refusal)
        .turn("NOOP", "250 ok")
        .turn("NOOP", "250 ok")
        .begin();
    client.connect().await.unwrap();
    let begun = Instant::now();
    // All stand in line before the server says what it wishes.
    let (refused, first, second) = tokio::join!(client.verify("bob"), client.noop(), async {
        client.noop().await.map(|_| begun.elapsed().as_millis())
    });
    assert!(refused.unwrap_err().is_limit());
    first.unwrap();
    let waited = second.unwrap();
    assert!((6000..=7300).contains(&waited), "{waited} ms");
    verdict.check(&client).await;
}

#[tokio::test(start_paused = true)]
async fn p16_a_goodbye_that_is_answered_ends_at_once_though_the_server_keeps_the_socket() {
    let (builder, verdict) = Dialogue::with("").turn("QUIT", "221 bye").builder(1 << 16);
    let client = builder.max_connections(2).build().unwrap();
    let own = client.create_connection().await.unwrap();
    let begun = Instant::now();
    own.close().await;
    // A second for the server to close first.
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
    verdict.check(&client).await;
}

#[tokio::test(start_paused = true)]
async fn p21_a_client_that_is_closed_says_goodbye_and_takes_no_more() {
    let office = Office::default();
    let client = office.client().build().unwrap();
    let sending = tokio::spawn({
        let client = client.clone();
        async move { client.send(Mail::new(MAIL)).await }
    });
    client.connect().await.unwrap();
    sleep(THOUGHT / 2).await;
    // What runs may end.
    client.close().await;
    assert!(sending.await.unwrap().unwrap().is_complete());
    assert_eq!(client.send(Mail::new(MAIL)).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(office.messages().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn p16_p21_a_goodbye_that_is_not_answered_ends_in_time() {
    let (builder, verdict) = Dialogue::with("").turn("QUIT", "").builder(1 << 16);
    let client = builder.max_connections(2).build().unwrap();
    let own = client.create_connection().await.unwrap();
    let begun = Instant::now();
    own.close().await;
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
    verdict.check(&client).await;
}

#[tokio::test(start_paused = true)]
async fn p44_what_the_server_says_no_to_is_an_error_with_its_words() {
    let (client, verdict) = Dialogue::with("")
        .turn("NOOP", "500 5.5.1 what")
        .turn("VRFY bob", "252 2.5.0 try it")
        .turn("VRFY eve", "550 5.1.1 nobody")
        .begin();
    let error = client.noop().await.unwrap_err();
    assert_eq!((error.kind(), error.command()), (ErrorKind::Refused, Some("NOOP")), "{error}");
    assert!(error.to_string().contains("500 5.5.1 what"), "{error}");
    assert_eq!(client.verify("bob").await.unwrap().code.get(), 252);
    assert_eq!(client.verify("eve").await.unwrap_err().command(), Some("VRFY"));
    assert_eq!(client.verify("a\r\nQUIT").await.unwrap_err().kind(), ErrorKind::Argument);
    verdict.check(&client).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_server_can_do_is_told() {
    use mail_client::smtp::Extension;

    let (client, verdict) = Dialogue::with("SIZE 1000,8BITMIME").begin();
    let extensions = client.extensions().await.unwrap();
    assert!(extensions.has(&Extension::EightBitMime) && !extensions.has(&Extension::Dsn));
    assert_eq!(extensions.size(), Some(Some(1000)));
    verdict.check(&client).await;
    // A server from before EHLO.
    let (client, verdict) = Dialogue::default()
        .greeted("220 hi")
        .turn("EHLO [127.0.0.1]", "500 what")
        .turn("HELO [127.0.0.1]", "250 hi")
        .begin();
    assert_eq!(client.extensions().await.unwrap().iter().count(), 0);
    verdict.check(&client).await;
}
