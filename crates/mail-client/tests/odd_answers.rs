//! Answers that a server may give, and few do: each message still comes as what it is, or not at all.

system_tests::watch_for_secrets!();

mod common;

use std::collections::BTreeMap;

use bytes::Bytes;
use common::builder;
use mail_client::{
    ErrorKind,
    imap::{Body, FetchItems, ImapClient},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

/// A client of a server with so many messages, which answers a FETCH of each with `answer`.
async fn client(messages: u32, answer: fn(u32) -> Vec<u8>) -> ImapClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (read, mut write) = socket.into_split();
                let mut lines = BufReader::new(read).lines();
                write.write_all(b"* OK [CAPABILITY IMAP4rev1] ready\r\n").await.unwrap();
                while let Ok(Some(line)) = lines.next_line().await {
                    let (tag, command) = line.split_once(' ').unwrap();
                    let mut out = Vec::new();
                    if command.starts_with("LOGIN") {
                        out.extend_from_slice(b"* CAPABILITY IMAP4rev1\r\n");
                    } else if command.starts_with("EXAMINE") {
                        out.extend(format!("* {messages} EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n").into_bytes());
                    } else if let Some(fetch) = command.strip_prefix("UID FETCH ") {
                        let set = fetch.split(' ').next().unwrap();
                        let (first, last) = set.split_once(':').unwrap_or((set, set));
                        for uid in first.parse().unwrap()..=messages.min(last.parse().unwrap()) {
                            out.extend(answer(uid));
                        }
                    }
                    out.extend(format!("{tag} OK done\r\n").into_bytes());
                    if write.write_all(&out).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    builder(port).plaintext_without_encryption().build().unwrap()
}

/// All bodies; `None` for a message that has none.
async fn bodies(client: &ImapClient, messages: u32) -> BTreeMap<u32, Option<Bytes>> {
    let inbox = client.examine("INBOX").await.unwrap();
    let mut stream = inbox.fetch(1..=messages, FetchItems::new().body());
    let mut bodies = BTreeMap::new();
    while let Some(message) = stream.next().await {
        let message = message.unwrap();
        let (uid, body) = (message.uid(), message.into_body());
        let body = match body {
            Body::Gone | Body::Unreadable(_) => None,
            body => Some(body.bytes().await.unwrap()),
        };
        assert!(bodies.insert(uid, body).is_none(), "{uid} came twice");
    }
    client.close().await;
    bodies
}

/// Every third one is too large to lie in its response.
fn body(uid: u32) -> Vec<u8> {
    vec![b'a' + (uid % 26) as u8; if uid.is_multiple_of(3) { 300_000 } else { 10 }]
}

#[tokio::test]
async fn a_uid_may_stand_behind_the_body() {
    fn answer(uid: u32) -> Vec<u8> {
        let body = body(uid);
        let mut out = format!("* {uid} FETCH (BODY[] {{{}}}\r\n", body.len()).into_bytes();
        out.extend(body);
        out.extend(format!(" UID {uid} FLAGS (\\Seen))\r\n").into_bytes());
        out
    }
    let client = client(100, answer).await;
    let bodies = bodies(&client, 100).await;
    assert_eq!(bodies.len(), 100);
    assert!(bodies.iter().all(|(uid, found)| *found == Some(body(*uid).into())));
}

#[tokio::test]
async fn nothing_else_that_is_large_is_taken_for_the_body() {
    fn answer(uid: u32) -> Vec<u8> {
        let mut out = format!("* {uid} FETCH (UID {uid} X-PREVIEW {{100000}}\r\n").into_bytes();
        out.extend(vec![b'x'; 100_000]);
        out.extend(b" BODY[] {4}\r\nbody)\r\n");
        out
    }
    let client = client(3, answer).await;
    for found in bodies(&client, 3).await.into_values() {
        assert!(found.is_none_or(|found| found == "body"));
    }
}

#[tokio::test]
async fn one_message_needs_no_uid() {
    fn answer(uid: u32) -> Vec<u8> {
        let body = body(3);
        let mut out = format!("* {uid} FETCH (BODY[] {{{}}}\r\n", body.len()).into_bytes();
        out.extend(body);
        out.extend(b")\r\n");
        out
    }
    let client = client(1, answer).await;
    assert_eq!(bodies(&client, 1).await[&1].as_deref(), Some(&body(3)[..]));
}

#[tokio::test]
async fn a_search_that_is_not_answered_is_not_taken_for_an_empty_mailbox() {
    fn answer(uid: u32) -> Vec<u8> {
        format!("* {uid} FETCH (UID {uid} BODY[] {{4}}\r\nbody)\r\n").into_bytes()
    }
    // So many more numbers than messages that the server is searched first.
    let client = client(3, answer).await;
    assert_eq!(bodies(&client, 4000).await.len(), 3);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_not_a_message_that_is_gone() {
    fn answer(uid: u32) -> Vec<u8> {
        let body = match uid {
            1 => " BODY[] NIL",
            2 => " BODY[] (what is this)",
            3 => "",
            _ => " BODY[] \"mail\"",
        };
        format!("* {uid} FETCH (UID {uid} INTERNALDATE \"x\"{body})\r\n").into_bytes()
    }
    let client = client(4, answer).await;
    let inbox = client.examine("INBOX").await.unwrap();
    let mut stream = inbox.fetch(1..=4, FetchItems::new().body());
    let mut kinds = Vec::new();
    while let Some(message) = stream.next().await {
        kinds.push(message.unwrap().into_body().bytes().await.map_err(|error| error.kind()));
    }
    let unreadable = || Err(ErrorKind::Protocol);
    assert_eq!(kinds, [Err(ErrorKind::Gone), unreadable(), unreadable(), Ok(Bytes::from("mail"))]);
    client.close().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_missed_at_the_end_and_no_other_is() {
    let client = client(20, |uid| match uid {
        7 => b"* 7 FETCH UID 7 BODY[] {3}\r\nxyz\r\n".to_vec(),
        _ => format!("* {uid} FETCH (UID {uid} BODY[] \"x\")\r\n").into_bytes(),
    })
    .await;
    let inbox = client.examine("INBOX").await.unwrap();
    let mut stream = inbox.fetch(1..=20, FetchItems::new().body());
    let (mut come, mut error) = (Vec::new(), None);
    while let Some(message) = stream.next().await {
        match message {
            Ok(message) => come.push(message.uid()),
            Err(missed) => assert!(error.replace(missed).is_none()),
        }
    }
    assert_eq!(come, (1..=20).filter(|uid| *uid != 7).collect::<Vec<_>>());
    assert_eq!(error.expect("one is missing").kind(), ErrorKind::Protocol);
    client.close().await;
}
