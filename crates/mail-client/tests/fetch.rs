//! The main job against the embedded server: many messages, several connections, every byte.

system_tests::watch_for_secrets!();

mod common;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use common::{client, server};
use mail_client::imap::{FetchItems, Mailbox, SequenceSet};
use mail_testkit::{Action, Corpus, Fault, Server};

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
    assert_eq!(server.report().connections.current, 0);
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
