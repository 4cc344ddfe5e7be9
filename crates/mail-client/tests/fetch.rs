//! The main job against the embedded server: many messages, several connections, every byte.

system_tests::watch_for_secrets!();

mod common;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use common::{client, commands, in_memory, server};
use mail_client::imap::{FetchItems, FetchStream, Mailbox, SequenceSet};
use mail_testkit::{Action, Corpus, Fault, Hook, Server};
use tokio::time::Instant;

fn held(server: &Server) -> BTreeMap<u32, Bytes> {
    let messages = server.account("kim").unwrap().messages("INBOX").unwrap();
    messages.into_iter().map(|message| (message.uid, message.body)).collect()
}

async fn fetched(mailbox: &Mailbox, connections: usize) -> BTreeMap<u32, Bytes> {
    let mut bodies = BTreeMap::new();
    let mut stream =
        mailbox.fetch(1..=mailbox.uid_next().unwrap(), FetchItems::new().body()).connections(connections);
    while let Some(message) = stream.next().await {
        let message = message.unwrap();
        let uid = message.uid();
        let body = message.into_body().bytes().await.unwrap();
        assert!(bodies.insert(uid, body).is_none(), "{uid} came twice");
    }
    bodies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_comes_once_over_one_connection_and_over_several() {
    let server = server().messages("INBOX", Corpus::new(300, 1)).start().await.unwrap();
    let client = client(&server).max_connections(6).build().unwrap();
    let inbox = client.examine("INBOX").await.unwrap();
    assert_eq!(inbox.exists(), 300);
    assert!(fetched(&inbox, 1).await == held(&server));
    assert_eq!(server.report().connections.peak, 1);
    assert!(fetched(&inbox, 6).await == held(&server));
    assert_eq!(server.report().connections.peak, 6);
    client.close().await;
    // What was being dialled is cut, which the server has to notice.
    server.wait_for_connections(0).await;
}

#[tokio::test]
async fn fewer_connections_than_asked_for_do_the_same_work() {
    let server = server()
        .messages("INBOX", Corpus::new(200, 2))
        .latency(Duration::from_millis(5))
        .max_connections_per_user(3)
        .start()
        .await
        .unwrap();
    let client = client(&server).max_connections(8).build().unwrap();
    let inbox = client.examine("INBOX").await.unwrap();
    assert!(fetched(&inbox, 8).await == held(&server));
    assert!(server.report().users["kim"].peak <= 3);
    client.close().await;
}

#[tokio::test]
async fn one_lost_connection_costs_no_message() {
    let server = server()
        .messages("INBOX", (0..500).map(|n| format!("Subject: {n}\r\n\r\n{n}\r\n")))
        .fault(Fault::on_command("UID FETCH", Action::CutAfter(3000)).nth(2))
        .start()
        .await
        .unwrap();
    for connections in [1, 4] {
        let client = client(&server).max_connections(4).build().unwrap();
        let inbox = client.examine("INBOX").await.unwrap();
        server.add_fault(Fault::on_command("UID FETCH", Action::CutAfter(3000)));
        assert!(fetched(&inbox, connections).await == held(&server));
        client.close().await;
    }
}

#[tokio::test]
async fn p35_a_stream_whose_bodies_nobody_reads_ends_on_a_connection_of_its_own() {
    let server = server().messages("INBOX", [vec![b'x'; 20 << 20], b"short".to_vec()]).start().await.unwrap();
    let client = client(&server).stall_timeout(Duration::from_millis(200)).build().unwrap();
    let own = client.create_connection().await.unwrap();
    let inbox = client.via(&own).examine("INBOX").await.unwrap();
    let mut stream = inbox.fetch(1..=2, FetchItems::new().body());
    let unread = stream.next().await.unwrap().unwrap();
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    drop(unread);
    client.close().await;
}

#[tokio::test]
async fn small_messages_may_be_kept_by_the_thousand() {
    let server = server()
        .messages("INBOX", (0..200).map(|n| format!("{n}\r\n{}", "x".repeat(20_000))))
        .start()
        .await
        .unwrap();
    let client = client(&server).build().unwrap();
    let inbox = client.examine("INBOX").await.unwrap();
    let mut stream = inbox.fetch(SequenceSet::all(), FetchItems::new().body());
    let mut kept = Vec::new();
    while let Some(message) = stream.next().await {
        kept.push(message.unwrap());
    }
    assert_eq!(kept.len(), 200);
    client.close().await;
}

#[tokio::test]
async fn a_set_without_end_is_spread_over_connections_too() {
    let server = server()
        .messages("INBOX", (0..300).map(|n| format!("{n}\r\n{}", "x".repeat(5000))))
        .latency(Duration::from_millis(5))
        .start()
        .await
        .unwrap();
    let account = server.account("kim").unwrap();
    account.expunge("INBOX", 1..=200).unwrap();
    let client = client(&server).max_connections(4).build().unwrap();
    let inbox = client.examine("INBOX").await.unwrap();
    for set in [SequenceSet::all(), SequenceSet::from(1..=4_000_000_000)] {
        let mut uids = Vec::new();
        let mut stream = inbox.fetch(set, FetchItems::new().body()).connections(4);
        while let Some(message) = stream.next().await {
            uids.push(message.unwrap().uid());
        }
        uids.sort_unstable();
        assert_eq!(uids, (201..=300).collect::<Vec<u32>>());
    }
    assert_eq!(server.report().connections.peak, 4);
    client.close().await;
}

#[tokio::test]
async fn a_message_that_is_gone_is_not_an_empty_one() {
    let server = server().messages("INBOX", ["", "x"]).fault(Fault::nil_body(2)).start().await.unwrap();
    let client = client(&server).build().unwrap();
    let inbox = client.examine("INBOX").await.unwrap();
    let mut stream = inbox.fetch(1..=2, FetchItems::new().body());
    let empty = stream.next().await.unwrap().unwrap().into_body();
    assert!(empty.is_empty() && empty.bytes().await.unwrap().is_empty());
    let gone = stream.next().await.unwrap().unwrap().into_body();
    assert_eq!(gone.len(), None);
    assert_eq!(gone.bytes().await.unwrap_err().kind(), mail_client::ErrorKind::Gone);
    assert!(stream.next().await.is_none());
    client.close().await;
}

/// All UIDs of a stream over three connections, and how long it took.
async fn uids_over_three(inbox: &Mailbox, in_order: bool) -> (Vec<u32>, Duration) {
    let begun = Instant::now();
    let mut stream = inbox.fetch(1..=500, FetchItems::new().body()).connections(3);
    if in_order {
        stream = stream.in_order();
    }
    let mut uids = Vec::new();
    while let Some(message) = stream.next().await {
        let message = message.unwrap();
        uids.push(message.uid());
        assert!(!message.into_body().bytes().await.unwrap().is_empty());
    }
    if !in_order {
        uids.sort_unstable();
    }
    (uids, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn p38_a_connection_that_does_not_come_to_its_mailbox_holds_up_no_message() {
    let stalls = [
        Fault::on_greeting(Action::Stall),
        Fault::on_command("AUTHENTICATE", Action::Stall),
        Fault::on_command("EXAMINE", Action::Stall),
    ];
    for (stall, in_order) in stalls.into_iter().flat_map(|stall| [(stall.clone(), false), (stall, true)]) {
        let messages = (0..500).map(|n| format!("Subject: {n}\r\n\r\n{n}\r\n"));
        let server = server().messages("INBOX", messages).latency(Duration::from_millis(20));
        let server = Arc::new(server.fault(stall.clone().on_connection(2)).start().await.unwrap());
        let client = in_memory(&server).max_connections(4).build().unwrap();
        let inbox = client.examine("INBOX").await.unwrap();
        let (uids, took) = uids_over_three(&inbox, in_order).await;
        assert_eq!(uids, Vec::from_iter(1..=500));
        assert!(took < Duration::from_secs(2), "{stall:?}, in order: {in_order}: {took:?}");
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p38_each_connection_checks_uidvalidity_before_it_shares_the_work() {
    let messages = (0..500).map(|n| format!("Subject: {n}\r\n\r\n{n}\r\n"));
    let server = server().messages("INBOX", messages).latency(Duration::from_millis(20));
    let server = Arc::new(server.start().await.unwrap());
    server.hook(Hook::before("EXAMINE").on_connection(2), |account| {
        account.recreate("INBOX").unwrap();
    });
    let client = in_memory(&server).build().unwrap();
    let inbox = client.examine("INBOX").await.unwrap();
    let mut stream = inbox.fetch(1..=500, FetchItems::new().body()).connections(2);
    let error = loop {
        match stream.next().await.expect("it fails before its end") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), mail_client::ErrorKind::UidValidityChanged, "{error}");
    assert!(!commands(&server).iter().any(|(on, command)| *on == 2 && command.starts_with("UID FETCH")));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p38_what_a_silent_connection_was_asked_for_is_handed_to_one_with_nothing_to_do() {
    for (connection, in_order) in [(1, false), (1, true), (2, false), (2, true)] {
        let messages = (0..500).map(|n| format!("Subject: {n}\r\n\r\n{n}\r\n"));
        let server = server().messages("INBOX", messages).latency(Duration::from_millis(20));
        let stall = Fault::on_command("UID FETCH", Action::Stall).on_connection(connection);
        let server = Arc::new(server.fault(stall).start().await.unwrap());
        let client = in_memory(&server).max_connections(4).build().unwrap();
        let inbox = client.examine("INBOX").await.unwrap();
        let (uids, took) = uids_over_three(&inbox, in_order).await;
        assert_eq!(uids, Vec::from_iter(1..=500));
        let took = took.as_secs_f64();
        assert!((5.0..8.0).contains(&took), "connection {connection}, in order: {in_order}: {took}");
        // What was silent for so long is given to nobody else.
        let own = client.create_connection().await.unwrap();
        if connection == 2 {
            client.via(&own).noop().await.unwrap();
        }
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p38_a_server_that_takes_its_time_is_asked_for_a_message_twice_at_most() {
    let messages = (0..200).map(|n| format!("Subject: {n}\r\n\r\n{n}\r\n"));
    let server = server().messages("INBOX", messages).latency(Duration::from_secs(8));
    let server = Arc::new(server.start().await.unwrap());
    let client =
        in_memory(&server).max_connections(4).idle_timeout(Duration::from_secs(3600)).build().unwrap();
    let inbox = client.examine("INBOX").await.unwrap();
    let (one, two) = tokio::join!(client.create_connection(), client.create_connection());
    drop((one.unwrap(), two.unwrap()));
    let mut stream = inbox.fetch(1..=200, FetchItems::new().body()).connections(3);
    let mut uids = Vec::new();
    while let Some(message) = stream.next().await {
        uids.push(message.unwrap().uid());
    }
    uids.sort_unstable();
    assert_eq!(uids, Vec::from_iter(1..=200));
    let asked = commands(&server).into_iter().filter_map(|(_, command)| {
        command.strip_prefix("UID FETCH ")?.split(' ').next()?.parse::<SequenceSet>().ok()
    });
    let asked: Vec<_> = asked.collect();
    let most = uids.iter().map(|uid| asked.iter().filter(|set| set.contains(*uid)).count()).max();
    assert_eq!(most, Some(2), "{asked:?}");
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p38_where_nobody_can_help_a_silent_connection_is_waited_for() {
    for quota in [1, 4] {
        let messages = (0..40).map(|n| format!("Subject: {n}\r\n\r\n{n}\r\n"));
        let server = server().messages("INBOX", messages).max_connections_per_user(1);
        let server = server.fault(Fault::on_command("UID FETCH", Action::Stall));
        let server = Arc::new(server.start().await.unwrap());
        let client = in_memory(&server).max_connections(quota).build().unwrap();
        let inbox = client.examine("INBOX").await.unwrap();
        let begun = Instant::now();
        let mut stream = inbox.fetch(1..=40, FetchItems::new().body()).connections(3);
        let error = stream.next().await.unwrap().unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert_eq!(begun.elapsed().as_secs(), 60);
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p44_a_stream_ends_in_the_time_that_it_was_given_whatever_it_waits_for() {
    let limit = Duration::from_secs(7);
    let stalled = |fault: Fault| async move {
        let no_second = Fault::on_command("AUTHENTICATE", Action::Stall).on_connection(2);
        let messages = (0..200).map(|n| format!("Subject: {n}\r\n\r\n{n}\r\n"));
        let server =
            server().messages("INBOX", messages).fault(fault).fault(no_second).start().await.unwrap();
        let client = in_memory(&Arc::new(server)).max_connections(2).build().unwrap();
        let inbox = client.examine("INBOX").await.unwrap();
        (client, inbox)
    };
    let end_of = async |mut stream: FetchStream| {
        tokio::time::sleep(limit).await;
        let begun = Instant::now();
        let error = loop {
            match stream.next().await.expect("its end is an error") {
                Ok(_) => tokio::time::sleep(Duration::from_millis(900)).await,
                Err(error) => break error,
            }
        };
        assert!(stream.next().await.is_none());
        assert!(error.is_timeout() && error.is_retryable(), "{error}");
        assert_eq!(error.command(), Some("UID FETCH INBOX"));
        (begun.elapsed(), error.was_written())
    };
    // For the server.
    let (client, inbox) = stalled(Fault::on_command("UID FETCH", Action::Stall)).await;
    let stream = inbox.fetch(1..=200, FetchItems::new().body()).deadline(Some(limit));
    assert_eq!(end_of(stream).await, (limit, true));
    client.close().await;
    // For a connection, which is opened anew.
    let (client, inbox) = stalled(Fault::on_command("CREATE", Action::Cut)).await;
    client.create_mailbox("x").await.unwrap_err();
    let stream = inbox.fetch(1..=200, FetchItems::new().body()).deadline(Some(limit));
    assert_eq!(end_of(stream).await, (limit, false));
    client.close().await;
    // For whoever reads it.
    let (client, inbox) = stalled(Fault::on_command("NOOP", Action::Cut)).await;
    let stream = inbox.fetch(1..=200, FetchItems::new().body()).deadline(Some(limit));
    assert_eq!(end_of(stream).await, (Duration::from_millis(7200), true));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p44_a_stream_has_the_time_of_its_mailbox_unless_told_otherwise() {
    let messages = (0..100).map(|n| format!("Subject: {n}\r\n\r\n{n}\r\n"));
    let server = Arc::new(server().messages("INBOX", messages).start().await.unwrap());
    let client = in_memory(&server).build().unwrap().with_deadline(Duration::from_secs(5));
    let inbox = client.examine("INBOX").await.unwrap();
    for (limit, come) in [
        (None, 100),
        (Some(None), 100),
        (Some(Some(Duration::from_secs(9))), 10),
        (Some(Some(Duration::MAX)), 100),
    ] {
        let mut stream = inbox.fetch(1..=100, FetchItems::new().body());
        let pause = if limit.is_some() { Duration::from_millis(950) } else { Duration::ZERO };
        if let Some(limit) = limit {
            stream = stream.deadline(limit);
        }
        let mut messages = 0;
        while let Some(Ok(_)) = stream.next().await {
            messages += 1;
            tokio::time::sleep(pause).await;
        }
        assert_eq!(messages, come, "{limit:?}");
    }
    let mut stream = inbox.fetch(1..=100, FetchItems::new().body());
    stream.next().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(stream.next().await.unwrap().unwrap_err().is_timeout());
    client.close().await;
}
