//! Messages as they come: whole, in pieces, many at once, and not at all.

use std::time::Duration;

use mail_client::{ErrorKind, pop3::UniqueId};
use tokio::{
    io::AsyncReadExt,
    time::{Instant, sleep, timeout},
};

use super::peer::{A, Answer, Peer, c};

const ALL: &str = "UIDL\r\nTOP\r\nPIPELINING\r\n";

fn uids(names: &[&str]) -> Vec<UniqueId> {
    names.iter().map(|name| UniqueId::from(*name)).collect()
}

#[tokio::test(start_paused = true)]
async fn messages_come_without_dots_whole_and_in_pieces() {
    for capabilities in [ALL, "UIDL\r\n"] {
        let peer = Peer::new(capabilities);
        let client = peer.client();
        let listed = client.list().await.unwrap();
        let sizes: Vec<_> = listed.iter().map(|message| (message.uid.as_bytes(), message.octets)).collect();
        assert_eq!(sizes, [(&b"a"[..], 16), (b"b", 0), (b"c", 2_097_152)]);
        assert_eq!(client.retrieve("a").await.unwrap().bytes().await.unwrap(), format!("{A}\r\n"));
        assert!(client.retrieve("b").await.unwrap().bytes().await.unwrap().is_empty());
        let mut read = String::new();
        client.retrieve("c").await.unwrap().read_to_string(&mut read).await.unwrap();
        assert!(read == c());
        let mut reader = client.retrieve("c").await.unwrap();
        let mut len = 0;
        while let Some(chunk) = reader.chunk().await.unwrap() {
            len += chunk.len() as u64;
            assert_eq!(reader.offset(), len);
        }
        assert_eq!(len, 2_097_152);
        assert_eq!(client.top("a", 0).await.unwrap().bytes().await.unwrap(), "Subject: hi\r\n\r\n");
        assert_eq!(peer.count("UIDL"), 1, "names are asked for once a connection");
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn commands_share_the_wire_where_the_server_says_so_and_only_there() {
    for (capabilities, shares) in [(ALL, true), ("UIDL\r\n", false), ("", false)] {
        let peer = Peer::new(capabilities);
        let client = peer.client();
        let wanted = uids(&["a", "b"]).into_iter().cycle().take(200);
        let mut stream = client.retrieve_all(wanted);
        let mut count = 0;
        while let Some(message) = stream.next().await {
            let message = message.unwrap();
            let expected = if count % 2 == 0 { 18 } else { 0 };
            assert_eq!(message.content.bytes().await.unwrap().len(), expected);
            count += 1;
        }
        assert_eq!(count, 200);
        let calls = (0..64).map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.noop().await })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap().unwrap();
        }
        assert_eq!(peer.batch() > 32, shares, "{} at once", peer.batch());
        assert_eq!((peer.batch() == 1, peer.count("UIDL")), (!shares, 1));
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn messages_are_asked_for_many_at_a_time_while_others_are_read() {
    let peer = Peer::new(ALL);
    let client = peer.client();
    client.uidl().await.unwrap();
    let before = peer.batches();
    let mut stream = client.retrieve_all(uids(&["a", "b"]).into_iter().cycle().take(640));
    while let Some(message) = stream.next().await {
        message.unwrap().content.bytes().await.unwrap();
        // So that whatever could be asked for by now is.
        sleep(Duration::from_millis(1)).await;
    }
    let batches = peer.batches() - before;
    assert!(batches <= 640 / 32, "{batches} times");
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn one_message_that_cannot_be_had_leaves_the_others() {
    let peer = Peer::scripted(ALL, |_, line| match line {
        "RETR 2" => "-ERR [SYS/TEMP] not now\r\n".into(),
        _ => Answer::Usual,
    });
    let client = peer.client();
    let mut stream = client.retrieve_all(uids(&["a", "nobody", "b", "a"]));
    assert_eq!(stream.next().await.unwrap().unwrap().which, uids(&["a"])[0].clone().into());
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.command()), (ErrorKind::Gone, Some("RETR nobody")));
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.command()), (ErrorKind::Refused, Some("RETR b")));
    assert!(error.is_retryable(), "{error}");
    assert!(stream.next().await.unwrap().is_ok() && stream.next().await.is_none());
    assert_eq!(peer.connections(), 1);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p29_a_message_is_asked_for_again_unless_some_of_it_was_read() {
    let peer = Peer::scripted(ALL, |connection, line| match (connection, line) {
        (1, "RETR 1") => Answer::cut(""),
        (2, "RETR 3") => Answer::cut("+OK\r\nonly so much"),
        _ => Answer::Usual,
    });
    let client = peer.client();
    let message = client.retrieve("a").await.unwrap().bytes().await.unwrap();
    assert_eq!((message, peer.connections()), (format!("{A}\r\n").into(), 2));
    let mut reader = client.retrieve("c").await.unwrap();
    assert_eq!(reader.chunk().await.unwrap().unwrap(), "only so much");
    let error = reader.chunk().await.unwrap_err();
    assert_eq!((error.kind(), error.offset()), (ErrorKind::ConnectionLost, Some(12)), "{error}");
    assert_eq!(reader.chunk().await.unwrap_err().offset(), Some(12), "it stays so");
    // A number counts on one connection only: names are asked for again.
    client.retrieve("a").await.unwrap().bytes().await.unwrap();
    assert_eq!((peer.connections(), peer.count("UIDL")), (3, 3));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p29_a_stream_goes_on_over_another_connection() {
    let peer = Peer::scripted(ALL, |connection, line| match (connection, line) {
        (1, "RETR 2") => Answer::cut(""),
        (2, "RETR 3") => Answer::cut("+OK\r\npart"),
        _ => Answer::Usual,
    });
    let client = peer.client();
    let mut stream = client.retrieve_all(uids(&["a", "b", "c", "a", "b"]));
    let mut outcomes = Vec::new();
    while let Some(message) = stream.next().await {
        let message = message.unwrap();
        let content = message.content.bytes().await;
        outcomes.push((
            message.which.to_string(),
            content.map(|bytes| bytes.len()).map_err(|error| error.kind()),
        ));
    }
    let expected =
        [("a", Ok(18)), ("b", Ok(0)), ("c", Err(ErrorKind::ConnectionLost)), ("a", Ok(18)), ("b", Ok(0))];
    assert_eq!(outcomes, expected.map(|(uid, outcome)| (uid.to_owned(), outcome)));
    assert_eq!((peer.connections(), peer.count("RETR 3")), (3, 2));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_always_breaks_off_is_not_asked_for_ever() {
    let peer = Peer::scripted(ALL, |_, line| match line {
        "RETR 1" => Answer::cut(""),
        _ => Answer::Usual,
    });
    let client = peer.client();
    let mut stream = client.retrieve_all(uids(&["a", "b"]));
    assert_eq!(stream.next().await.unwrap().unwrap_err().kind(), ErrorKind::ConnectionLost);
    assert_eq!(peer.connections(), 3);
    assert_eq!(stream.next().await.unwrap().unwrap().which.to_string(), "b");
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p35_a_reader_that_stops_ends_when_somebody_waits_behind_it() {
    let peer = Peer::new(ALL);
    let client = peer.client();
    let mut reader = client.retrieve("c").await.unwrap();
    let begun = Instant::now();
    client.noop().await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO, "2 MB find room while somebody waits");
    while reader.chunk().await.unwrap().is_some() {}
    let huge = Peer::scripted(ALL, |_, line| match line {
        "RETR 3" => Answer::Say(format!("+OK\r\n{}.\r\n", c().repeat(8)).into_bytes()),
        _ => Answer::Usual,
    });
    let client = huge.client();
    let mut reader = client.retrieve("c").await.unwrap();
    let begun = Instant::now();
    client.noop().await.unwrap();
    assert_eq!((begun.elapsed().as_secs(), huge.connections()), (30, 2));
    let error = loop {
        match reader.chunk().await {
            Ok(chunk) => assert!(chunk.is_some(), "it is not whole"),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("was not read for 30s"), "{error}");
    assert!(error.is_timeout() && error.offset().is_some(), "{error}");
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p35_a_stream_that_waits_behind_a_message_of_its_own_ends_that() {
    let peer = Peer::scripted(ALL, |_, line| match line {
        "RETR 3" => Answer::Say(format!("+OK\r\n{}.\r\n", c().repeat(8)).into_bytes()),
        _ => Answer::Usual,
    });
    let client = peer.client();
    let mut stream = client.retrieve_all(uids(&["c", "a", "b"]));
    let unread = stream.next().await.unwrap().unwrap();
    let begun = Instant::now();
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!((begun.elapsed().as_secs(), error.kind()), (30, ErrorKind::ReaderStalled), "{error}");
    let error = unread.content.bytes().await.unwrap_err();
    assert!(error.to_string().contains("was not read for 30s"), "{error}");
    let next = stream.next().await.unwrap().unwrap();
    assert_eq!((next.which.to_string(), peer.connections()), ("b".to_owned(), 2));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p35_whoever_waits_for_a_message_behind_an_unread_one_waits_no_longer_than_others() {
    for (times, waits, connections) in [(1, 0, 1), (8, 30, 2)] {
        let peer = Peer::scripted(ALL, move |_, line| match line {
            "RETR 3" => Answer::Say(format!("+OK\r\n{}.\r\n", c().repeat(times)).into_bytes()),
            _ => Answer::Usual,
        });
        let client = peer.client();
        let unread = client.retrieve("c").await.unwrap();
        let begun = Instant::now();
        assert_eq!(client.retrieve("a").await.unwrap().bytes().await.unwrap(), format!("{A}\r\n"));
        assert_eq!((begun.elapsed().as_secs(), peer.connections()), (waits, connections));
        assert_eq!(unread.bytes().await.is_ok(), waits == 0);
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p35_a_session_that_waits_behind_an_unread_message_has_its_turn() {
    let peer = Peer::scripted(ALL, |_, line| match line {
        "RETR 3" => Answer::Say(format!("+OK\r\n{}.\r\n", c().repeat(8)).into_bytes()),
        _ => Answer::Usual,
    });
    let client = peer.client();
    let _unread = client.retrieve("c").await.unwrap();
    let begun = Instant::now();
    let session = client.session().await.unwrap();
    assert_eq!((begun.elapsed().as_secs(), peer.connections()), (30, 2));
    // As has whoever waits behind a session that doesn't read.
    let _unread = session.retrieve(3).await.unwrap();
    let other = client.clone();
    tokio::spawn(async move { other.noop().await }).await.unwrap().unwrap();
    assert_eq!((begun.elapsed().as_secs(), peer.connections()), (60, 3));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p36_a_reader_that_stops_does_not_lock_the_maildrop_for_ever() {
    let peer = Peer::scripted(ALL, |_, line| match line {
        "RETR 3" => Answer::Say(format!("+OK\r\n{}.\r\n", c().repeat(8)).into_bytes()),
        _ => Answer::Usual,
    });
    let client = peer.client();
    let mut reader = client.retrieve("c").await.unwrap();
    // Who reads slowly, and reads, is let read.
    for _ in 0..3 {
        sleep(Duration::from_secs(290)).await;
        reader.chunk().await.unwrap().unwrap();
        assert_eq!(peer.open(), 1);
    }
    sleep(Duration::from_secs(302)).await;
    assert_eq!(peer.open(), 0);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p28_what_nobody_waits_for_is_skipped_or_thrown_away() {
    let peer = Peer::scripted("UIDL\r\n", |_, line| match line {
        "RETR 3" => Answer::Say(format!("+OK\r\n{}.\r\n", c().repeat(8)).into_bytes()),
        "LANG" => Answer::Later(Duration::from_secs(2), "+OK\r\n.\r\n".into()),
        _ => Answer::Usual,
    });
    let client = peer.client();
    let first = client.retrieve("a").await.unwrap();
    drop(first);
    // Not written yet, it never is.
    let (_, given_up) = tokio::join!(client.noop(), timeout(Duration::ZERO, client.stat()));
    assert!(given_up.is_err());
    client.noop().await.unwrap();
    assert_eq!((peer.count("STAT"), peer.connections()), (0, 1));
    // Nor behind another, where each waits for the one before.
    let (listed, given_up) = tokio::join!(client.languages(), timeout(Duration::from_secs(1), client.stat()));
    assert!(listed.is_ok() && given_up.is_err());
    client.noop().await.unwrap();
    assert_eq!((peer.count("STAT"), peer.connections()), (0, 1));
    // Past a bound the connection is closed, unless others have something on it.
    drop(client.retrieve("c").await.unwrap());
    sleep(Duration::from_secs(6)).await;
    assert_eq!(peer.open(), 0);
    let abandoned = client.retrieve("c").await.unwrap();
    let (noop, ()) = tokio::join!(client.noop(), async { drop(abandoned) });
    noop.unwrap();
    assert_eq!(peer.connections(), 2);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p28_an_answer_that_nobody_wants_is_waited_for_for_5_seconds() {
    for (answered, connections) in [(Duration::from_millis(5900), 1), (Duration::from_secs(50), 2)] {
        let peer = Peer::scripted("UIDL\r\n", move |_, line| match line {
            "STAT" => Answer::Later(answered, "+OK 0 0\r\n".into()),
            _ => Answer::Usual,
        });
        let client = peer.client();
        client.noop().await.unwrap();
        timeout(Duration::from_secs(1), client.stat()).await.unwrap_err();
        sleep(Duration::from_millis(4800)).await;
        assert_eq!(peer.open(), 1);
        sleep(Duration::from_millis(400)).await;
        let begun = Instant::now();
        client.noop().await.unwrap();
        assert_eq!((begun.elapsed(), peer.connections()), (Duration::ZERO, connections));
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p28_a_mebibyte_of_an_answer_that_nobody_wants_is_read_and_more_only_for_others() {
    // Each line counts for 32 bytes.
    let full = 1 << 15;
    for (lines, others, stays) in [
        (full, "", true),
        (full + 1, "", false),
        (full + 100, "", false),
        (full + 100, "a command", true),
        (full + 100, "a session", true),
    ] {
        let peer = Peer::scripted("UIDL\r\nLANG\r\n", move |_, line| match line {
            "LANG" => {
                let answer = format!("+OK\r\n{}.\r\n", "en English\r\n".repeat(lines));
                Answer::Later(Duration::from_secs(2), answer)
            }
            _ => Answer::Usual,
        });
        let client = peer.client();
        timeout(Duration::from_secs(1), client.languages()).await.unwrap_err();
        match others {
            "a command" => client.noop().await.unwrap(),
            "a session" => drop(client.session().await.unwrap()),
            _ => sleep(Duration::from_secs(2)).await,
        }
        assert_eq!((peer.open() == 1, peer.connections()), (stays, 1), "{lines} {others}");
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p28_a_session_outlives_a_message_that_is_not_read_to_its_end() {
    let peer = Peer::scripted(ALL, |_, line| match line {
        "RETR 3" => Answer::Say(format!("+OK\r\n{}.\r\n", c().repeat(8)).into_bytes()),
        _ => Answer::Usual,
    });
    let client = peer.client();
    let session = client.session().await.unwrap();
    session.delete(1).await.unwrap();
    drop(session.retrieve(3).await.unwrap());
    sleep(Duration::from_secs(60)).await;
    session.commit().await.unwrap();
    assert_eq!(peer.connections(), 1);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn names_that_are_not_unique_name_nothing_and_numbers_do_within_a_session() {
    let peer = Peer::scripted(ALL, |_, line| match line {
        "UIDL" => "+OK\r\n1 a\r\n2 a\r\n3 \r\n.\r\n".into(),
        _ => Answer::Usual,
    });
    let client = peer.client();
    for error in [client.retrieve("a").await.unwrap_err(), client.top("a", 1).await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    }
    let session = client.session().await.unwrap();
    let listed = session.list().await.unwrap();
    let names: Vec<_> = listed.iter().map(|message| message.uid.as_ref().map(ToString::to_string)).collect();
    assert_eq!(names, [Some("a".to_owned()), Some("a".to_owned()), None]);
    assert_eq!(session.delete(&UniqueId::from("a")).await.unwrap_err().kind(), ErrorKind::Ambiguous);
    session.delete(2).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(peer.heard().iter().filter(|line| line.starts_with("DELE")).count(), 1);
    client.close().await;
}
