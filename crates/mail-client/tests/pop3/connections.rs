//! Which connection serves a call, for how long it is open, and who waits for whom.

use std::time::Duration;

use mail_client::{
    ErrorKind,
    pop3::{Assignment, UniqueId},
};
use tokio::time::{Instant, sleep};

use super::peer::{A, Answer, Peer};

#[tokio::test(start_paused = true)]
async fn p36_the_maildrop_is_unlocked_when_nobody_uses_it_also_by_main() {
    for (idle, closes) in [(None, 30), (Some(5), 5), (Some(0), 0)] {
        let peer = Peer::new("UIDL\r\n");
        let mut builder = peer.builder();
        if let Some(idle) = idle {
            builder = builder.idle_timeout(Duration::from_secs(idle));
        }
        let client = builder.build().unwrap();
        // Two commands of one call aren't torn apart.
        client.retrieve("a").await.unwrap().bytes().await.unwrap();
        assert_eq!(
            (peer.heard()[..2].to_vec(), peer.connections()),
            (vec!["UIDL".into(), "RETR 1".into()], 1)
        );
        if closes > 0 {
            sleep(Duration::from_secs(closes - 1)).await;
            assert_eq!(peer.open(), 1);
        }
        sleep(Duration::from_secs(2)).await;
        assert_eq!((peer.open(), peer.heard().last().unwrap().as_str()), (0, "QUIT"));
        client.stat().await.unwrap();
        assert_eq!(peer.connections(), 2);
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p36_what_takes_more_than_one_command_keeps_the_maildrop_until_it_is_let_go() {
    let peer = Peer::new("UIDL\r\n");
    let client = peer.client();
    let mut stream = client.retrieve_all([UniqueId::from("a")]);
    stream.next().await.unwrap().unwrap().content.bytes().await.unwrap();
    assert!(stream.next().await.is_none());
    sleep(Duration::from_secs(100)).await;
    assert_eq!(peer.open(), 1);
    drop(stream);
    sleep(Duration::from_secs(29)).await;
    assert_eq!(peer.open(), 1);
    sleep(Duration::from_secs(2)).await;
    assert_eq!((peer.open(), peer.connections()), (0, 1));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p19_after_a_long_idle_the_connection_is_asked_first() {
    for breaks in [false, true] {
        let peer = Peer::scripted("UIDL\r\n", move |_, line| match line {
            "NOOP" if breaks => Answer::cut(""),
            _ => Answer::Usual,
        });
        let client = peer.client();
        for _ in 0..2 {
            client.stat().await.unwrap();
            sleep(Duration::from_secs(20)).await;
        }
        assert_eq!(
            (peer.heard(), peer.connections()),
            (["STAT", "NOOP", "STAT"].map(str::to_owned).to_vec(), 1 + usize::from(breaks))
        );
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p36_a_session_keeps_the_maildrop_for_as_long_as_it_is_held() {
    let peer = Peer::new("UIDL\r\n");
    let client = peer.client();
    let session = client.session().await.unwrap();
    sleep(Duration::from_secs(500)).await;
    session.delete(1).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(peer.connections(), 1);
    // One that marked nothing leaves the connection to others.
    let session = client.session().await.unwrap();
    session.stat().await.unwrap();
    drop(session);
    client.stat().await.unwrap();
    assert_eq!((peer.connections(), peer.count("RSET")), (2, 0));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_is_one_callers_alone() {
    let peer = Peer::new("UIDL\r\nPIPELINING\r\n");
    let client = peer.client();
    let session = client.session().await.unwrap();
    let other = client.clone();
    let waits = tokio::spawn(async move {
        let begun = Instant::now();
        other.stat().await.unwrap();
        begun.elapsed()
    });
    let other = client.clone();
    let waits_too = tokio::spawn(async move { other.session().await.unwrap().commit().await });
    sleep(Duration::from_secs(20)).await;
    session.noop().await.unwrap();
    assert_eq!(peer.heard(), ["NOOP"]);
    drop(session);
    assert_eq!(waits.await.unwrap(), Duration::from_secs(20));
    waits_too.await.unwrap().unwrap();
    assert_eq!(peer.heard(), ["NOOP", "STAT", "QUIT"]);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p37_whoever_has_a_session_does_not_wait_for_itself() {
    let peer = Peer::new("UIDL\r\n");
    let client = peer.client();
    let session = client.session().await.unwrap();
    for error in [client.stat().await.unwrap_err(), client.session().await.unwrap_err()] {
        assert!(matches!(error.pool(), Some(mail_pool::Error::WouldDeadlock)), "{error}");
    }
    session.stat().await.unwrap();
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p10_nobody_waits_for_a_session_for_ever() {
    let peer = Peer::new("UIDL\r\n");
    let client = peer.builder().acquire_timeout(Some(Duration::from_secs(7))).build().unwrap();
    let session = client.session().await.unwrap();
    let other = client.clone();
    let error = tokio::spawn(async move { other.stat().await.unwrap_err() }).await.unwrap();
    assert!(error.kind() == ErrorKind::Pool && error.is_timeout() && error.is_retryable(), "{error}");
    let other = client.clone();
    let error = tokio::spawn(async move { other.session().await.unwrap_err() }).await.unwrap();
    assert!(error.kind() == ErrorKind::Pool && error.is_timeout() && error.is_retryable(), "{error}");
    session.stat().await.unwrap();
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p08_p24_with_a_quota_of_one_all_runs_on_main() {
    let peer = Peer::new("UIDL\r\n");
    let client = peer.client();
    let reserved = client.create_connection().await.unwrap_err();
    assert!(matches!(reserved.pool(), Some(mail_pool::Error::QuotaReservedForMain)), "{reserved}");
    let pending: Vec<_> = (0..5)
        .map(|_| client.begin(|client| async move { Ok(client.stat().await?.count) }).unwrap())
        .collect();
    for pending in pending {
        assert_eq!(pending.await.unwrap(), 3);
    }
    let within = client.begin_within(Duration::from_secs(1), |client| async move { client.noop().await });
    within.unwrap().await.unwrap();
    assert_eq!((peer.connections(), client.pool_status().max_connections), (1, 1));
    client.close().await;
    assert_eq!(client.noop().await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn p01_p04_named_and_default_connections_serve_their_callers() {
    let peer = Peer::new("UIDL\r\n");
    let client = peer.builder().max_connections(3).build().unwrap();
    client.noop().await.unwrap();
    let own = client.create_connection().await.unwrap();
    let session = client.via(&own).session().await.unwrap();
    // Others go their own ways.
    client.stat().await.unwrap();
    let default = client.create_default_connection().await.unwrap();
    client.stat().await.unwrap();
    assert_eq!((peer.connections(), peer.open()), (3, 3));
    session.delete(2).await.unwrap();
    session.commit().await.unwrap();
    // A handle keeps its place.
    client.via(&own).noop().await.unwrap();
    assert_eq!((peer.connections(), peer.peak()), (4, 3));
    assert!(own.id().await.is_some() && default.id().is_some());
    own.close().await;
    default.close().await;
    client.close().await;
    let automatic = peer.builder().assignment(Assignment::Default).build().unwrap();
    automatic.scope(async { automatic.stat().await.unwrap() }).await;
    automatic.close().await;
}

#[tokio::test(start_paused = true)]
async fn p29_what_reads_is_repeated_once_and_what_marks_never() {
    let peer = Peer::scripted("UIDL\r\n", |connection, line| match (connection, line) {
        (1, "STAT") | (3.., "NOOP") => Answer::cut(""),
        _ => Answer::Usual,
    });
    let client = peer.client();
    client.stat().await.unwrap();
    assert_eq!((peer.count("STAT"), peer.connections()), (2, 2));
    client.session().await.unwrap().commit().await.unwrap();
    let error = client.noop().await.unwrap_err();
    assert!(error.kind() == ErrorKind::ConnectionLost && error.was_written(), "{error}");
    assert_eq!((peer.count("NOOP"), peer.connections()), (2, 4));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p29_what_waits_for_a_session_goes_on_when_its_connection_is_lost() {
    let peer = Peer::scripted("UIDL\r\n", |_, line| match line {
        "NOOP" => Answer::cut(""),
        _ => Answer::Usual,
    });
    let client = peer.client();
    client.uidl().await.unwrap();
    let session = client.session().await.unwrap();
    let other = client.clone();
    let waits = tokio::spawn(async move { other.retrieve("a").await?.bytes().await });
    sleep(Duration::from_secs(1)).await;
    session.noop().await.unwrap_err();
    assert_eq!(waits.await.unwrap().unwrap(), format!("{A}\r\n"));
    assert_eq!((peer.count("RETR 1"), peer.connections()), (1, 2));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p44_a_call_of_a_session_whose_time_is_up_says_which_it_was() {
    let peer = Peer::scripted("UIDL\r\nPIPELINING\r\n", |_, line| match line {
        "STAT" => Answer::Silence,
        _ => Answer::Usual,
    });
    let client = peer.client().with_deadline(Duration::from_secs(2));
    let session = client.session().await.unwrap();
    let error = session.stat().await.unwrap_err();
    assert_eq!(
        (error.command(), error.is_timeout(), error.was_written()),
        (Some("STAT"), true, true),
        "{error}"
    );
    assert!(error.is_retryable(), "asking does no harm: {error}");
    let error = session.undelete_all().await.unwrap_err();
    assert_eq!(
        (error.command(), error.is_timeout(), error.was_written()),
        (Some("RSET"), true, true),
        "{error}"
    );
    assert!(!error.is_retryable(), "what was marked meanwhile would be forgotten: {error}");
    drop(session);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p44_a_server_that_keeps_silent_is_given_up() {
    let peer = Peer::scripted("UIDL\r\n", |_, line| match line {
        "STAT" => Answer::Silence,
        _ => Answer::Usual,
    });
    let client = peer.client();
    let begun = Instant::now();
    let error = client.stat().await.unwrap_err();
    assert!(error.kind() == ErrorKind::TimedOut && error.is_timeout(), "{error}");
    assert_eq!(begun.elapsed().as_secs(), 60);
    // A call may have less time than that; the connection stays.
    let hasty = client.with_deadline(Duration::from_secs(3));
    hasty.noop().await.unwrap();
    let error = hasty.stat().await.unwrap_err();
    assert!(error.is_timeout() && error.was_written(), "{error}");
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn credentials_are_checked_by_a_login_of_its_own() {
    let peer = Peer::scripted("UIDL\r\n", |connection, line| match (connection, line) {
        (2, "PASS secret") => "-ERR [AUTH] wrong\r\n".into(),
        _ => Answer::Usual,
    });
    let client = peer.client();
    client.check_credentials().await.unwrap();
    assert_eq!(peer.connections(), 1);
    let error = client.check_credentials().await.unwrap_err();
    assert_eq!((error.kind(), peer.connections()), (ErrorKind::Login, 2), "{error}");
    client.set_password("another secret").unwrap();
    client.noop().await.unwrap();
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_session_outlive_the_commits_of_those_before_them() {
    let peer = Peer::new("UIDL\r\n");
    let client = peer.client();
    let sessions = (0..10).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            let session = client.session().await?;
            session.delete(1).await?;
            // Another reads what it can, behind all who were there before it.
            let stat = tokio::spawn(async move { client.stat().await });
            tokio::task::yield_now().await;
            session.commit().await?;
            stat.await.unwrap().map(drop)
        })
    });
    for session in sessions.collect::<Vec<_>>() {
        session.await.unwrap().unwrap();
    }
    assert_eq!((peer.count("QUIT"), peer.peak()), (10, 1));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_session_outlive_goodbyes_that_are_not_answered() {
    let peer = Peer::scripted("UIDL\r\n", |_, line| match line {
        "RSET" => Answer::Silence,
        _ => Answer::Usual,
    });
    let client = peer.client();
    let sessions = (0..6).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            let session = client.session().await?;
            session.delete(1).await
        })
    });
    for session in sessions.collect::<Vec<_>>() {
        session.await.unwrap().unwrap();
    }
    client.close().await;
    assert_eq!((peer.connections(), peer.peak(), peer.count("QUIT")), (6, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn p10_whoever_waits_for_a_session_waits_no_longer_for_many_connections() {
    let peer = Peer::new("UIDL\r\n");
    let client = peer.builder().acquire_timeout(Some(Duration::from_secs(7))).build().unwrap();
    let begun = Instant::now();
    let sessions = (0..6).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            let session = client.session().await.map_err(|error| (begun.elapsed(), error))?;
            session.delete(1).await.unwrap();
            sleep(Duration::from_secs(3)).await;
            session.commit().await.unwrap();
            Ok(())
        })
    });
    let mut refused = 0;
    for session in sessions.collect::<Vec<_>>() {
        let Err((after, error)) = session.await.unwrap() else { continue };
        refused += 1;
        assert!(error.kind() == ErrorKind::Pool && error.is_timeout() && error.is_retryable(), "{error}");
        assert!((7..9).contains(&after.as_secs()), "{after:?}");
    }
    assert_eq!(refused, 3);
    client.close().await;
}
