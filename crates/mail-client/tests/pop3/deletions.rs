//! What is deleted, and when: a transaction that its user sees (rule P36).

use std::time::Duration;

use mail_client::{ErrorKind, pop3::UniqueId};
use tokio::time::{Instant, sleep, timeout};

use super::peer::{Answer, Peer};

#[tokio::test(start_paused = true)]
async fn p36_a_commit_is_the_only_way_to_quit_with_deletions() {
    let peer = Peer::new("UIDL\r\n");
    let client = peer.client();
    let session = client.session().await.unwrap();
    session.delete(UniqueId::from("a")).await.unwrap();
    session.delete(3).await.unwrap();
    assert_eq!(session.deleted(), 2);
    session.commit().await.unwrap();
    assert_eq!(peer.open(), 0, "the maildrop is free when it returns");
    assert_eq!(peer.heard(), ["UIDL", "DELE 1", "DELE 3", "QUIT"]);
    client.stat().await.unwrap();
    assert_eq!(peer.connections(), 2);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p36_however_else_a_session_ends_its_marks_are_taken_back_first() {
    for how in 0..4 {
        let peer = Peer::new("UIDL\r\nPIPELINING\r\n");
        let client = peer.client();
        let session = client.session().await.unwrap();
        session.delete(1).await.unwrap();
        match how {
            0 => drop(session),
            1 => session.close().await,
            2 => {
                // Nobody waits for the answer.
                let given_up = timeout(Duration::ZERO, session.delete(2)).await;
                assert!(given_up.is_err());
                drop(session);
            }
            _ => {
                tokio::spawn(async move {
                    let _session = session;
                    panic!("amid it");
                })
                .await
                .unwrap_err();
            }
        }
        // Whoever comes next comes over another connection.
        client.stat().await.unwrap();
        let heard = peer.heard();
        let quit = heard.iter().position(|line| line == "QUIT").unwrap();
        assert_eq!(heard[quit - 1], "RSET", "{how}: {heard:?}");
        assert_eq!((peer.connections(), peer.peak(), heard.last().unwrap().as_str()), (2, 1, "STAT"));
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p36_a_mark_on_its_way_is_taken_back_too() {
    for (answer, undone) in [("+OK\r\n", true), ("-ERR no such message\r\n", false)] {
        let peer = Peer::scripted("UIDL\r\n", move |_, line| match line {
            "DELE 1" => Answer::Later(Duration::from_secs(2), answer.into()),
            _ => Answer::Usual,
        });
        let client = peer.client();
        let session = client.session().await.unwrap();
        // Nothing is marked when the session ends.
        timeout(Duration::from_secs(1), session.delete(1)).await.unwrap_err();
        drop(session);
        client.stat().await.unwrap();
        let expected: &[_] =
            if undone { &["DELE 1", "RSET", "QUIT", "STAT"] } else { &["DELE 1", "QUIT", "STAT"] };
        assert_eq!(
            (peer.heard(), peer.connections()),
            (expected.iter().map(|line| (*line).to_owned()).collect(), 2)
        );
        client.close().await;
    }
    // A server that doesn't say whether it is marked is left without a QUIT.
    let peer = Peer::scripted("UIDL\r\nPIPELINING\r\n", |_, line| match line {
        "DELE 1" => Answer::Silence,
        _ => Answer::Usual,
    });
    let client = peer.client();
    let session = client.session().await.unwrap();
    timeout(Duration::from_secs(1), session.delete(1)).await.unwrap_err();
    drop(session);
    let begun = Instant::now();
    client.stat().await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
    assert_eq!((peer.count("QUIT"), peer.connections(), peer.peak()), (0, 2, 1));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p36_when_a_session_has_ended_its_socket_is_closed_though_the_server_keeps_it() {
    for commits in [true, false] {
        let peer = Peer::scripted("UIDL\r\n", |_, line| match line {
            "QUIT" => "+OK bye\r\n".into(),
            _ => Answer::Usual,
        });
        let client = peer.client();
        let session = client.session().await.unwrap();
        session.delete(1).await.unwrap();
        let begun = Instant::now();
        if commits {
            session.commit().await.unwrap();
        } else {
            session.close().await;
        }
        // A second for the server to close first, and no time for it to answer what it has answered.
        assert_eq!(begun.elapsed(), Duration::from_secs(1), "{commits}");
        sleep(Duration::from_millis(1)).await;
        assert_eq!(peer.open(), 0, "{commits}");
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p36_where_the_marks_cannot_be_taken_back_the_socket_is_cut() {
    for answer in ["-ERR no\r\n", ""] {
        let peer = Peer::scripted("UIDL\r\n", move |_, line| match (line, answer) {
            ("RSET", "") => Answer::Silence,
            ("RSET", answer) => answer.into(),
            _ => Answer::Usual,
        });
        let client = peer.client();
        let session = client.session().await.unwrap();
        session.delete(1).await.unwrap();
        drop(session);
        client.stat().await.unwrap();
        assert_eq!(peer.heard(), ["DELE 1", "RSET", "STAT"], "no QUIT");
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p36_a_client_that_is_closed_deletes_nothing() {
    let peer = Peer::new("UIDL\r\n");
    let client = peer.client();
    let session = client.session().await.unwrap();
    session.delete(1).await.unwrap();
    let (closed, ()) = tokio::join!(client.close(), async { drop(session) });
    assert_eq!(closed, ());
    assert_eq!((peer.heard(), peer.open()), (["DELE 1", "RSET", "QUIT"].map(str::to_owned).to_vec(), 0));
    // A session that is held through the end is cut.
    let peer = Peer::new("UIDL\r\n");
    let client = peer.client();
    let session = client.session().await.unwrap();
    session.delete(1).await.unwrap();
    client.close().await;
    let error = session.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    assert!(error.to_string().contains("nothing was deleted"), "{error}");
    assert_eq!(peer.count("QUIT"), 0);
}

#[tokio::test(start_paused = true)]
async fn p36_the_error_says_whether_anything_may_be_deleted() {
    for (cut_at, kind) in [
        ("DELE 1", ErrorKind::ConnectionLost),
        ("RETR 1", ErrorKind::ConnectionLost),
        ("QUIT", ErrorKind::OutcomeUnknown),
    ] {
        let peer = Peer::scripted("UIDL\r\n", move |_, line| match line {
            line if line == cut_at => Answer::cut(""),
            _ => Answer::Usual,
        });
        let client = peer.client();
        let session = client.session().await.unwrap();
        let error = async {
            session.delete(1).await?;
            session.retrieve(1).await?.bytes().await?;
            session.commit().await
        };
        let error = error.await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.was_written(), kind == ErrorKind::OutcomeUnknown, "{error}");
        assert_eq!(!error.to_string().contains("nothing was deleted"), kind == ErrorKind::OutcomeUnknown);
        assert!(error.command().unwrap().starts_with(&cut_at[..4]), "{error}");
        assert_eq!(peer.connections(), 1, "nothing of it moves to another connection");
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p36_nothing_of_a_session_moves_to_another_connection() {
    let peer = Peer::scripted("UIDL\r\n", |_, line| match line {
        "NOOP" => Answer::cut(""),
        _ => Answer::Usual,
    });
    let client = peer.client();
    let session = client.session().await.unwrap();
    session.delete(1).await.unwrap();
    session.noop().await.unwrap_err();
    for error in [session.stat().await.unwrap_err(), session.delete(2).await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    }
    let error = session.commit().await.unwrap_err();
    assert!(error.to_string().contains("nothing was deleted"), "{error}");
    assert_eq!((peer.heard(), peer.connections()), (["DELE 1", "NOOP"].map(str::to_owned).to_vec(), 1));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_the_server_refuses_is_an_error_and_the_end() {
    let peer = Peer::scripted("UIDL\r\n", |_, line| match line {
        "QUIT" => Answer::cut("-ERR some deleted messages not removed\r\n"),
        _ => Answer::Usual,
    });
    let client = peer.client();
    let session = client.session().await.unwrap();
    session.delete(1).await.unwrap();
    let error = session.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(error.text().as_deref(), Some("some deleted messages not removed"));
    assert_eq!(peer.open(), 0);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_nothing_needs_no_answer() {
    let peer = Peer::scripted("UIDL\r\n", |_, line| match line {
        "QUIT" => Answer::cut(""),
        _ => Answer::Usual,
    });
    let client = peer.client();
    client.session().await.unwrap().commit().await.unwrap();
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_marked_without_anybody_knowing_is_not_committed() {
    let peer = Peer::scripted("UIDL\r\n", |_, line| match line {
        "DELE 1" => Answer::Silence,
        _ => Answer::Usual,
    });
    let client = peer.client().with_deadline(Duration::from_secs(2));
    let session = client.session().await.unwrap();
    let error = session.delete(1).await.unwrap_err();
    assert!(error.is_timeout() && error.was_written(), "{error}");
    let error = session.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
    client.close().await;
    assert_eq!(peer.count("QUIT"), 0);
    // Who takes all marks back knows again.
    let peer = Peer::new("UIDL\r\nPIPELINING\r\n");
    let client = peer.client();
    let session = client.session().await.unwrap();
    assert!(timeout(Duration::ZERO, session.delete(2)).await.is_err());
    session.undelete_all().await.unwrap();
    session.delete(1).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(peer.heard().last().unwrap(), "QUIT");
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_time_is_up_has_an_unknown_outcome() {
    let peer = Peer::scripted("UIDL\r\n", |_, line| match line {
        "QUIT" => Answer::Silence,
        _ => Answer::Usual,
    });
    let client = peer.client().with_deadline(Duration::from_secs(2));
    let session = client.session().await.unwrap();
    session.delete(1).await.unwrap();
    let error = session.commit().await.unwrap_err();
    assert!(error.kind() == ErrorKind::OutcomeUnknown && !error.is_retryable(), "{error}");
    client.close().await;
}
