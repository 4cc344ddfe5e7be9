//! Getting connected: protection that holds, and failures that say which.

system_tests::watch_for_secrets!();

mod common;

use std::{sync::Arc, time::Duration};

use common::{builder, client, commands, count, in_memory, server, trust};
use mail_client::{ErrorKind, imap::ImapClient, transport::Tls};
use mail_testkit::{Action, Endpoint, Fault};
use tokio::net::TcpListener;

#[tokio::test]
async fn starttls_protects_everything_but_itself() {
    let server = server().start().await.unwrap();
    let port = server.address(Endpoint::ImapStartTls).port();
    let client = builder(port).starttls().tls(trust(&server)).build().unwrap();
    client.noop().await.unwrap();
    let commands = commands(&server);
    assert_eq!(commands[0].1, "STARTTLS");
    assert_eq!(commands.last().unwrap().1, "NOOP");
    client.close().await;
}

#[tokio::test]
async fn plaintext_only_by_its_name() {
    let server = server().start().await.unwrap();
    let port = server.address(Endpoint::ImapPlain).port();
    let client = builder(port).plaintext_without_encryption().build().unwrap();
    client.noop().await.unwrap();
    // The plain port speaks no TLS, and nobody falls back.
    let client = builder(port).starttls().tls(trust(&server)).build().unwrap();
    let error = client.noop().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
    let client = builder(port).tls(trust(&server)).build().unwrap();
    let error = client.noop().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Transport && !error.is_retryable(), "{error}");
    assert_eq!(count(&server, "AUTHENTICATE") + count(&server, "LOGIN"), 1, "the password went out once");
}

#[tokio::test]
async fn a_wrong_password_is_sent_once_and_told_as_such() {
    let server = server().start().await.unwrap();
    let client = client(&server).password("wrong secret").build().unwrap();
    let (one, two) = tokio::join!(client.noop(), client.noop());
    for error in [one.unwrap_err(), two.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Login, "{error}");
        assert!(!error.is_retryable() && !error.is_limit() && !error.is_timeout());
        assert!(error.text().is_some() && !error.to_string().contains("wrong"), "{error}");
    }
    assert_eq!(server.report().wrong_password, 1);
}

#[tokio::test]
async fn an_untrusted_certificate_ends_it_before_the_login() {
    let server = server().start().await.unwrap();
    let other = self::server().start().await.unwrap();
    for (endpoint, starttls) in [(Endpoint::ImapTls, false), (Endpoint::ImapStartTls, true)] {
        let client = builder(server.address(endpoint).port()).tls(trust(&other));
        let client = if starttls { client.starttls() } else { client }.build().unwrap();
        let error = client.noop().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport);
        assert!(error.to_string().contains("certificate") && !error.is_retryable(), "{error}");
    }
    assert_eq!(server.report().wrong_password, 0);
    assert!(server.report().users.is_empty(), "nobody logged in");
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let client = builder(port).plaintext_without_encryption().build().unwrap();
    let error = client.noop().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(error.to_string().contains("refused") && error.is_retryable(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn each_phase_has_its_deadline() {
    for fault in [
        Fault::on_greeting(Action::Stall),
        Fault::on_command("LOGIN", Action::Stall),
        Fault::on_command("AUTHENTICATE", Action::Stall),
    ] {
        let server = Arc::new(server().fault(fault.always()).start().await.unwrap());
        let client = in_memory(&server).connect_timeouts(Duration::from_secs(7)).build().unwrap();
        let begun = tokio::time::Instant::now();
        match client.noop().await {
            Ok(()) => {} // Only one of the two ways to log in is taken.
            Err(error) => {
                assert!(error.is_timeout() && error.is_retryable(), "{error}");
                // Three attempts, with pauses between them.
                assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_greet_has_no_more_time_than_for_that() {
    let server = Arc::new(server().fault(Fault::on_greeting(Action::Stall)).start().await.unwrap());
    let client = in_memory(&server).greeting_timeout(Duration::from_secs(3)).build().unwrap();
    let begun = tokio::time::Instant::now();
    let error = client.noop().await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("its greeting"), "{error}");
    assert_eq!(begun.elapsed().as_secs(), 3);
    client.noop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_is_given_up() {
    let server = Arc::new(server().fault(Fault::on_command("NOOP", Action::Stall)).start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    let begun = tokio::time::Instant::now();
    let error = client.noop().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert!(error.was_written() && error.command() == Some("NOOP"));
    assert!((60..62).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    client.noop().await.unwrap();
}

#[test]
fn what_cannot_work_is_refused_when_it_is_built() {
    assert!(ImapClient::builder("localhost", "kim").build().is_err(), "no password");
    let bad = ImapClient::builder("a host", "kim").password("secret").plaintext_without_encryption();
    assert_eq!(bad.build().unwrap_err().kind(), ErrorKind::Transport);
    let none = builder(1).plaintext_without_encryption().max_connections(0);
    assert_eq!(none.build().unwrap_err().kind(), ErrorKind::Argument);
    assert!(Tls::builder().root_pem(b"nonsense").is_err());
}
