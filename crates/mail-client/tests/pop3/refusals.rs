//! What a server refuses, and for how long.

use std::time::Duration;

use mail_client::{ErrorKind, pop3::Code};
use tokio::time::Instant;

use super::peer::{Answer, Peer};

/// A server that refuses the logins over these connections so.
fn refusing(capabilities: &'static str, which: std::ops::RangeInclusive<usize>, how: &'static str) -> Peer {
    Peer::scripted(capabilities, move |connection, line| match line {
        "PASS secret" if which.contains(&connection) => Answer::cut(how),
        _ => Answer::Usual,
    })
}

#[tokio::test(start_paused = true)]
async fn p14_a_maildrop_that_lets_in_one_is_used_by_one() {
    let peer = refusing("UIDL\r\n", 2..=99, "-ERR [IN-USE] Maildrop already locked\r\n");
    let client = peer.builder().max_connections(4).build().unwrap();
    client.noop().await.unwrap();
    let pending: Vec<_> = (0..6)
        .map(|_| client.begin(|client| async move { Ok(client.stat().await?.count) }).unwrap())
        .collect();
    for pending in pending {
        assert_eq!(pending.await.unwrap(), 3);
    }
    let status = client.pool_status();
    assert_eq!((status.max_connections, status.effective), (4, 1), "{status}");
    assert!(status.last_refusal.unwrap().error.is_limit());
    assert!(peer.connections() < 6, "{} dials", peer.connections());
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p14_a_maildrop_that_another_program_has_locked_is_waited_for() {
    let peer = refusing("UIDL\r\n", 1..=2, "-ERR [IN-USE] locked\r\n");
    let client = peer.client();
    client.stat().await.unwrap();
    assert_eq!(peer.connections(), 3);
    client.close().await;
    let peer = refusing("UIDL\r\n", 1..=999, "-ERR [IN-USE] locked\r\n");
    let client = peer.client();
    let error = client.with_deadline(Duration::from_secs(40)).stat().await.unwrap_err();
    assert!(error.is_timeout() && !error.was_written(), "{error}");
    let refusal = client.pool_status().last_refusal.unwrap().error;
    assert!(refusal.is_limit() && refusal.is_retryable() && refusal.pop3_code() == Some(&Code::InUse));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p41_a_login_that_comes_too_soon_waits_as_long_as_the_server_says() {
    for (capabilities, wait) in [("LOGIN-DELAY 90\r\n", 90), ("", 60)] {
        let peer = refusing(capabilities, 1..=1, "-ERR [LOGIN-DELAY] too soon\r\n");
        let patience = Some(Duration::from_secs(10));
        let client = peer.builder().acquire_timeout(patience).build().unwrap();
        let begun = Instant::now();
        let error = client.stat().await.unwrap_err();
        assert!(error.is_limit() && error.is_retryable(), "{error}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(wait)), "{error:?}");
        assert_eq!(error.pop3_code(), Some(&Code::LoginDelay));
        // It isn't asked again before.
        while client.stat().await.is_err() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let took = begun.elapsed().as_secs();
        assert!((wait..=wait * 5 / 4).contains(&took), "{took} s instead of {wait}");
        assert_eq!(peer.connections(), 2);
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p14_an_outage_may_pass_and_a_wrong_password_does_not() {
    let peer = refusing("", 1..=1, "-ERR [SYS/TEMP] later\r\n");
    let client = peer.client();
    let error = client.stat().await.unwrap_err();
    assert!(error.is_retryable() && error.pop3_code() == Some(&Code::SysTemp), "{error}");
    client.stat().await.unwrap();
    assert_eq!(peer.connections(), 2);
    client.close().await;
    for (how, kind) in
        [("-ERR [AUTH] wrong\r\n", ErrorKind::Login), ("-ERR [SYS/PERM] call us\r\n", ErrorKind::Login)]
    {
        let peer = refusing("", 1..=99, how);
        let client = peer.client();
        let error = client.stat().await.unwrap_err();
        assert!(error.kind() == kind && !error.is_retryable() && !error.is_limit(), "{error}");
        assert_eq!(peer.connections(), 1);
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p41_a_wish_in_an_answer_is_heard() {
    let peer = Peer::scripted("UIDL\r\n", |_, line| match line {
        "STAT" => "-ERR Request is throttled. Suggested Backoff Time: 7000 milliseconds\r\n".into(),
        _ => Answer::Usual,
    });
    let client = peer.client();
    let error = client.stat().await.unwrap_err();
    assert!(error.is_limit() && error.retry_after().unwrap() >= Duration::from_secs(7), "{error}");
    let begun = Instant::now();
    client.noop().await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(6999));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p41_a_session_waits_too_and_for_longer_than_others_wait_for_it() {
    let peer = Peer::scripted("UIDL\r\n", |_, line| match line {
        "STAT" => "-ERR Request is throttled. Suggested Backoff Time: 90000 milliseconds\r\n".into(),
        _ => Answer::Usual,
    });
    let client = peer.client();
    let session = client.session().await.unwrap();
    assert!(session.stat().await.unwrap_err().is_limit());
    let begun = Instant::now();
    session.noop().await.unwrap();
    let waited = begun.elapsed().as_secs();
    assert!((89..=113).contains(&waited), "{waited} s");
    assert_eq!((peer.heard(), peer.connections()), (["STAT", "NOOP"].map(str::to_owned).to_vec(), 1));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_a_command_is_an_error_with_the_servers_words() {
    let peer = Peer::scripted("UIDL\r\n", |_, line| match line {
        "NOOP" => "-ERR [X-CODE] no \u{1b}[2J\r\n".into(),
        _ => Answer::Usual,
    });
    let client = peer.client();
    let error = client.noop().await.unwrap_err();
    assert_eq!((error.kind(), error.command()), (ErrorKind::Refused, Some("NOOP")));
    assert_eq!(error.pop3_code().map(Code::name), Some("X-CODE"));
    assert!(!error.is_retryable() && !error.to_string().contains('\u{1b}'), "{error}");
    assert!(error.connection().is_some() && error.server().is_some());
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_gives_up_unasked_is_heard() {
    let peer = Peer::scripted("UIDL\r\n", |connection, line| match (connection, line) {
        (1, "") => Answer::cut("-ERR [SYS/TEMP] closing\r\n"),
        (2, "STAT") => Answer::cut("nonsense\r\n"),
        _ => Answer::Usual,
    });
    let client = peer.client();
    let error = client.noop().await.unwrap_err();
    assert!(error.is_retryable() && error.text().as_deref() == Some("closing"), "{error}");
    let error = client.session().await.unwrap().stat().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    client.close().await;
}
