//! Many messages over several connections.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use mail_client::{
    ErrorKind,
    smtp::{Address, Mail, OnRefusal},
};
use tokio::time::Instant;

use crate::office::{Office, THOUGHT};

fn mail(n: usize) -> Mail {
    Mail::new(format!("From: kim@x\r\nTo: bob@y\r\nSubject: {n}\r\n\r\n"))
}

/// The numbers of the messages that came, however often.
fn numbers(office: &Office) -> Vec<usize> {
    let number = |text: &String| text.split("Subject: ").nth(1).unwrap().trim().parse().unwrap();
    let mut numbers: Vec<_> = office.messages().iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test(start_paused = true)]
async fn p38_messages_are_spread_over_connections() {
    let office = Office::default();
    let client = office.client().build().unwrap();
    let begun = Instant::now();
    let mut sending = client.send_many((0..40).map(mail)).connections(4);
    let mut told = HashSet::new();
    while let Some(one) = sending.next().await {
        assert!(one.outcome.unwrap().is_complete());
        assert!(told.insert(one.index));
        let progress = sending.progress();
        assert_eq!((progress.sent, progress.failed, progress.total), (told.len(), 0, Some(40)));
        assert!(progress.connections <= 4 && progress.begun >= progress.sent);
    }
    assert_eq!(numbers(&office), (0..40).collect::<Vec<_>>());
    assert_eq!(office.connections(), (4, 4));
    assert!(begun.elapsed() < THOUGHT * 12, "{:?}", begun.elapsed());
    assert!(sending.next().await.is_none());
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p38_they_are_told_of_in_order_if_asked_for_and_none_is_begun_long_before() {
    let office = Office::default();
    let client = office.client().build().unwrap();
    let (mut taken, count) = (0, Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    let mails = (0..200).map(move |n| {
        counted.fetch_add(1, Ordering::Relaxed);
        mail(n)
    });
    let mut sending = client.send_many(mails).connections(3).in_order();
    while let Some(one) = sending.next().await {
        assert_eq!(one.index, taken);
        taken += 1;
        let ahead = count.load(Ordering::Relaxed) - taken;
        assert!(ahead <= 14, "{ahead} were taken ahead");
    }
    assert_eq!(taken, 200);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p38_one_message_that_fails_stops_no_other() {
    let office = Office::default();
    let client = office.client().build().unwrap();
    let mails = (0..10).map(|n| match n {
        3 => Mail::new("no header at all"),
        5 => mail(n).to([Address::new("nobody@y").unwrap()]),
        7 => mail(n)
            .to([Address::new("a@y").unwrap(), Address::new("nobody@y").unwrap()])
            .on_refusal(OnRefusal::SendToNone),
        _ => mail(n),
    });
    let mut sending = client.send_many(mails).connections(2).in_order();
    let mut failed = Vec::new();
    while let Some(one) = sending.next().await {
        if let Err(error) = one.outcome {
            failed.push((one.index, error.kind()));
        }
    }
    assert_eq!(failed, [(3, ErrorKind::Argument), (5, ErrorKind::Refused), (7, ErrorKind::Refused)]);
    assert_eq!((sending.progress().sent, sending.progress().failed), (7, 3));
    assert_eq!(numbers(&office), [0, 1, 2, 4, 6, 8, 9]);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p14_a_server_that_takes_fewer_connections_gets_fewer_and_every_message() {
    let office = Office::default().with_limit(2);
    let client = office.client().build().unwrap();
    let mut sending = client.send_many((0..30).map(mail)).connections(8);
    while let Some(one) = sending.next().await {
        assert!(one.outcome.unwrap().is_complete());
    }
    assert_eq!(numbers(&office), (0..30).collect::<Vec<_>>());
    assert_eq!(client.pool_status().effective, 2);
    assert_eq!(office.connections().0, 2);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p29_a_connection_that_is_lost_costs_no_message_and_doubles_none() {
    let office = Office::default().hanging_up_at(5);
    let client = office.client().build().unwrap();
    let mut sending = client.send_many((0..40).map(mail)).connections(4);
    while let Some(one) = sending.next().await {
        assert!(one.outcome.unwrap().is_complete(), "{}", one.index);
    }
    assert_eq!(numbers(&office), (0..40).collect::<Vec<_>>());
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_sends_no_more() {
    let office = Office::default();
    let client = office.client().build().unwrap();
    let mut sending = client.send_many((0..40).map(mail)).connections(2);
    for _ in 0..3 {
        assert!(sending.next().await.unwrap().outcome.is_ok());
    }
    let begun = sending.progress().begun;
    drop(sending);
    assert!(client.send(mail(100)).await.unwrap().is_complete());
    client.close().await;
    let came = numbers(&office);
    assert!(came.len() <= begun + 1 && came.contains(&100), "{came:?} of {begun}");
}

#[tokio::test(start_paused = true)]
async fn nothing_to_send_opens_nothing() {
    let office = Office::default();
    let client = office.client().build().unwrap();
    assert!(client.send_many(Vec::new()).connections(4).next().await.is_none());
    assert_eq!(office.connections().1, 0);
    client.close().await;
}
