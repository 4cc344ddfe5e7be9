//! Logging in, and what refuses it.

use std::time::Duration;

use mail_client::{ErrorKind, smtp::SmtpClientBuilder};

use crate::dialogue::{Dialogue, Verdict};

const PLAIN: &str = "AUTH PLAIN AGtpbQBzZWNyZXQ=";

/// A client that logs in, and what it is answered.
fn logging_in(answer: &str) -> (SmtpClientBuilder, Verdict) {
    Dialogue::with("AUTH PLAIN").turn(PLAIN, answer).builder_for("kim", 1 << 16)
}

#[tokio::test(start_paused = true)]
async fn a_login_is_made_by_what_the_server_has() {
    let (builder, verdict) = logging_in("235 2.7.0 in");
    let client = builder.password("secret").build().unwrap();
    client.connect().await.unwrap();
    verdict.check(&client).await;
    let (builder, verdict) = Dialogue::with("AUTH GSSAPI").builder_for("kim", 1 << 16);
    let client = builder.password("secret").build().unwrap();
    let error = client.connect().await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Login, false), "{error}");
    verdict.check(&client).await;
    let (builder, _) = Dialogue::default().builder_for("kim", 1 << 16);
    let named = builder.password("secret").hello_name("a\r\nMAIL FROM:<x@y>").build();
    assert_eq!(named.unwrap_err().kind(), ErrorKind::Argument);
    let (builder, _) = Dialogue::default().builder_for("kim", 1 << 16);
    assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::Argument, "nothing was said about the login");
}

#[tokio::test(start_paused = true)]
async fn p15_a_wrong_password_is_sent_once() {
    let (builder, verdict) = logging_in("535 5.7.8 no");
    let client = builder.password("secret").build().unwrap();
    for _ in 0..2 {
        let error = client.connect().await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Login, false), "{error}");
        assert_eq!(error.smtp_reply().unwrap().code.get(), 535);
    }
    assert_eq!(verdict.connections(), 1);
    verdict.check(&client).await;
}

#[tokio::test(start_paused = true)]
async fn p14_too_many_logins_are_no_wrong_password() {
    for (answer, class) in [
        ("454 4.7.0 Too many login attempts, please try again later.", mail_pool::Class::Throttled(None)),
        ("421 4.7.0 too many concurrent sessions", mail_pool::Class::Limit),
        ("432 4.3.2 concurrent connection limit exceeded", mail_pool::Class::Limit),
    ] {
        let (builder, mut verdict) = logging_in(answer);
        let client = builder.password("secret").build().unwrap();
        // It is tried again later, for as long as anybody waits.
        let connecting = tokio::spawn({
            let client = client.clone();
            async move { client.connect().await }
        });
        verdict.ended(1).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        let refusal = client.pool_status().last_refusal.unwrap();
        assert_eq!(refusal.class, class, "{answer}");
        assert!(refusal.error.is_limit() && refusal.error.is_retryable(), "{:?}", refusal.error);
        connecting.abort();
        verdict.check(&client).await;
    }
}

#[tokio::test(start_paused = true)]
async fn starttls_that_fails_ends_the_connection_rather_than_go_on_in_the_clear() {
    let (builder, verdict) =
        Dialogue::with("STARTTLS,AUTH PLAIN").turn("STARTTLS", "454 not now").builder_for("kim", 1 << 16);
    let client = builder.password("secret").starttls().build().unwrap();
    let error = client.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
    verdict.check(&client).await;
    // Whether it is announced or not.
    let (builder, verdict) = Dialogue::with("").turn("STARTTLS", "502 what").builder_for("kim", 1 << 16);
    let client = builder.password("secret").starttls().build().unwrap();
    assert_eq!(client.connect().await.unwrap_err().kind(), ErrorKind::Transport);
    verdict.check(&client).await;
}
