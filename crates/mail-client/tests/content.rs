//! Content of any size: in parts where others share the connection, in order where that is wanted, resumed where it
//! broke off.

system_tests::watch_for_secrets!();

mod common;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use common::{builder, client, count, in_memory, server, trust};
use mail_client::{
    ErrorKind,
    imap::{Body, FetchItem, FetchItems, Flag, ImapClient, Mailbox, Section, SectionText, SequenceSet},
};
use mail_testkit::{Action, Endpoint, Fault, Server};
use tokio::{
    io::AsyncReadExt,
    time::{Instant, sleep},
};

const PART: usize = 1 << 20;

/// Text of which no two parts look alike.
fn text(len: usize) -> Vec<u8> {
    (0..len as u64 / 8 + 1)
        .flat_map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 << 63).to_be_bytes())
        .take(len)
        .collect()
}

async fn plain(server: &Server) -> ImapClient {
    let port = server.address(Endpoint::ImapPlain).port();
    builder(port).plaintext_without_encryption().max_connections(1).build().unwrap()
}

#[tokio::test]
async fn p35_content_of_every_size_comes_whole_in_parts() {
    let sizes = [0, 1, 65_536, 65_537, PART - 1, PART, PART + 1, 2 * PART, 3 * PART + 17];
    let server = server().messages("INBOX", sizes.map(text)).start().await.unwrap();
    let client = plain(&server).await;
    let inbox = client.examine("INBOX").await.unwrap();
    let mut stream = inbox.fetch(SequenceSet::all(), FetchItems::new().size().body());
    for size in sizes {
        let message = stream.next().await.unwrap().unwrap();
        assert_eq!(message.size(), Some(size as u64));
        let body = message.into_body();
        // Of so many messages less is asked for at first.
        assert_eq!(body.len(), (size < PART / 4).then_some(size as u64));
        let mut reader = body.into_reader().unwrap();
        let mut all = Vec::new();
        reader.read_to_end(&mut all).await.unwrap();
        assert!(all == text(size), "{size}");
        assert_eq!(reader.offset(), size as u64);
    }
    assert!(stream.next().await.is_none());
    client.close().await;
}

/// What rule P35 promises: whoever calls between two messages of their own stream waits for nothing but the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p35_calls_between_the_messages_of_a_stream_and_one_body_of_200_mb() {
    const LARGE: usize = 200 << 20;
    let large = text(LARGE);
    let mut messages: Vec<Bytes> =
        (0..10_000).map(|n| format!("Subject: {n}\r\n\r\n{n}\r\n").into()).collect();
    messages.insert(5_000, large.clone().into());
    let server = server().messages("INBOX", messages).start().await.unwrap();
    let client = plain(&server).await;
    let inbox = client.select("INBOX").await.unwrap();
    let mut stream = inbox.fetch(SequenceSet::all(), FetchItems::new().body());
    let (mut stores, mut read) = (0, 0);
    while let Some(message) = stream.next().await {
        let message = message.unwrap();
        let uid = message.uid();
        inbox.add_flags(uid, [Flag::Answered]).await.unwrap();
        stores += 1;
        if uid == 5_001 {
            let mut body = message.into_body().into_reader().unwrap();
            while let Some(chunk) = body.chunk().await.unwrap() {
                assert!(chunk == large[read..read + chunk.len()]);
                read += chunk.len();
                if read % (16 << 20) < chunk.len() {
                    inbox.add_flags(uid, [Flag::Flagged]).await.unwrap();
                }
            }
        }
    }
    assert_eq!((stores, read), (10_001, LARGE));
    let held = server.account("kim").unwrap().messages("INBOX").unwrap();
    assert!(held.iter().all(|message| message.flags.iter().any(|flag| flag == "\\Answered")));
    assert_eq!(server.report().connections.total, 1);
    client.close().await;
}

/// Time is no matter where nobody else wants anything.
#[tokio::test(start_paused = true)]
async fn p35_a_reader_that_pauses_alone_reads_on_later() {
    const LARGE: usize = 24 * PART;
    let server = Arc::new(server().messages("INBOX", [text(LARGE), text(9)]).start().await.unwrap());
    let client = in_memory(&server).max_connections(2).build().unwrap();
    let own = client.create_connection().await.unwrap();
    for client in [client.clone(), client.via(&own)] {
        let inbox = client.examine("INBOX").await.unwrap();
        let mut stream = inbox.fetch(1..=2, FetchItems::new().body());
        let mut body = stream.next().await.unwrap().unwrap().into_body().into_reader().unwrap();
        let mut read = 0;
        while let Some(chunk) = body.chunk().await.unwrap() {
            if (read + chunk.len()) / (4 * PART) > read / (4 * PART) {
                sleep(Duration::from_secs(100)).await;
            }
            read += chunk.len();
        }
        assert_eq!(read, LARGE);
        assert_eq!(stream.next().await.unwrap().unwrap().uid(), 2);
        assert!(stream.next().await.is_none());
    }
    assert_eq!(server.report().connections.total, 2);
    drop(own);
    client.close().await;
}

/// What lies unread on a connection of one's own is taken in for whoever else calls there, as far as there is room.
#[tokio::test(start_paused = true)]
async fn p35_a_reader_that_pauses_ends_when_others_wait_behind_it_and_there_is_no_room() {
    // What goes out at once, and what waits for its turn: for the selection of another mailbox.
    for (parts, selects, waits) in [(5, false, 0), (12, false, 30), (5, true, 0), (12, true, 30)] {
        let server = server().mailbox("work").messages("INBOX", [text(parts * PART)]);
        let server = Arc::new(server.start().await.unwrap());
        let client = in_memory(&server).max_connections(2).build().unwrap();
        let own = client.create_connection().await.unwrap();
        let via = client.via(&own);
        let inbox = via.examine("INBOX").await.unwrap();
        let mut stream = inbox.fetch(1, FetchItems::new().body());
        let body = stream.next().await.unwrap().unwrap().into_body();
        let begun = Instant::now();
        if selects {
            via.examine("work").await.unwrap();
        } else {
            via.noop().await.unwrap();
        }
        assert_eq!((begun.elapsed().as_secs(), server.report().connections.total), (waits, 1 + waits.min(1)));
        match body.bytes().await {
            Ok(bytes) => assert_eq!((bytes.len(), waits), (parts * PART, 0)),
            Err(error) => assert_eq!((error.kind(), waits), (ErrorKind::ReaderStalled, 30), "{error}"),
        }
        drop(own);
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p28_of_content_that_nobody_wants_a_mebibyte_is_read() {
    for (parts, connections) in [(1, 1), (12, 2)] {
        let server = Arc::new(server().messages("INBOX", [text(parts * PART)]).start().await.unwrap());
        let client = in_memory(&server).max_connections(2).build().unwrap();
        let own = client.create_connection().await.unwrap();
        let via = client.via(&own);
        let mut stream = via.examine("INBOX").await.unwrap().fetch(1, FetchItems::new().body());
        let message = stream.next().await.unwrap().unwrap();
        drop((stream, message));
        sleep(Duration::from_secs(1)).await;
        via.noop().await.unwrap();
        assert_eq!(server.report().connections.total, connections);
        drop(own);
        client.close().await;
    }
}

#[tokio::test]
async fn p29_content_in_parts_goes_on_where_it_broke_off() {
    let len = 5 * PART + 9;
    let server = server().messages("INBOX", [text(len)]).start().await.unwrap();
    for (cut_after, lost) in [(100_000, 2), (PART as u64 + 500, 4)] {
        let connections = server.report().users.get("kim").map_or(0, |user| user.total);
        let client = client(&server).max_connections(1).build().unwrap();
        let inbox = client.examine("INBOX").await.unwrap();
        server.add_fault(Fault::on_command("UID FETCH", Action::CutAfter(cut_after)).nth(lost));
        let mut stream = inbox.fetch(1, FetchItems::new().body());
        let body = stream.next().await.unwrap().unwrap().into_body();
        assert!(body.bytes().await.unwrap() == text(len));
        assert_eq!(server.report().users["kim"].total, connections + 2, "the cut is behind the first part");
        client.close().await;
    }
    // A server that breaks off again and again is not asked for ever.
    let client = client(&server).max_connections(1).build().unwrap();
    let inbox = client.examine("INBOX").await.unwrap();
    let mut stream = inbox.fetch(1, FetchItems::new().body());
    let mut body = stream.next().await.unwrap().unwrap().into_body().into_reader().unwrap();
    server.add_fault(Fault::on_command("UID FETCH", Action::Cut).always());
    let error = loop {
        match body.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it is not whole"),
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), error.offset()), (ErrorKind::ConnectionLost, Some(body.offset())));
    client.close().await;
}

#[tokio::test]
async fn content_that_goes_away_amid_it_is_gone_not_ended() {
    let server = server().messages("INBOX", [text(4 * PART)]).start().await.unwrap();
    let client = client(&server).max_connections(1).build().unwrap();
    let inbox = client.examine("INBOX").await.unwrap();
    let mut stream = inbox.fetch(1, FetchItems::new().body());
    let mut body = stream.next().await.unwrap().unwrap().into_body().into_reader().unwrap();
    body.chunk().await.unwrap();
    server.account("kim").unwrap().expunge("INBOX", 1..=1).unwrap();
    let error = loop {
        match body.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it is not whole"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Gone, "{error}");
    drop(stream);
    client.close().await;
}

async fn in_order(inbox: &Mailbox, connections: usize) -> Vec<(u32, Bytes)> {
    let items = FetchItems::new().body();
    let mut stream = inbox.fetch(SequenceSet::all(), items).connections(connections).in_order();
    let mut messages = Vec::new();
    while let Some(message) = stream.next().await {
        let message = message.unwrap();
        messages.push((message.uid(), message.into_body().bytes().await.unwrap()));
    }
    messages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p38_messages_come_in_order_over_several_connections() {
    let bodies = (0..400).map(|n| text(if n % 97 == 50 { 2 * PART + n } else { n * 40 }));
    let server = server().messages("INBOX", bodies).latency(Duration::from_millis(2)).start().await.unwrap();
    let held: BTreeMap<u32, Bytes> = server
        .account("kim")
        .unwrap()
        .messages("INBOX")
        .unwrap()
        .into_iter()
        .map(|message| (message.uid, message.body))
        .collect();
    let client = client(&server).max_connections(4).build().unwrap();
    let inbox = client.examine("INBOX").await.unwrap();
    let all: Vec<_> = held.into_iter().collect();
    assert!(in_order(&inbox, 4).await == all);
    assert_eq!(server.report().connections.peak, 4);
    for nth in [2, 3, 5] {
        server.add_fault(Fault::on_command("UID FETCH", Action::CutAfter(30_000)).nth(nth));
        assert!(in_order(&inbox, 4).await == all, "{nth}");
    }
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p38_a_lost_portion_whose_turn_it_is_comes_through_what_waits_for_it() {
    // At which of them a portion is lost that a connection with much of the later ones is then asked for.
    for nth in 7..=12 {
        let bodies = (0..100).map(|n| text(if n % 24 == 12 { 2 * PART + n } else { 30_000 + n * 160 }));
        let server = server().messages("INBOX", bodies).latency(Duration::from_millis(2));
        let cut = Fault::on_command("UID FETCH", Action::CutAfter(30_000)).nth(nth);
        let server = Arc::new(server.fault(cut).start().await.unwrap());
        let client = in_memory(&server).max_connections(4).build().unwrap();
        let inbox = client.examine("INBOX").await.unwrap();
        let begun = Instant::now();
        assert_eq!(in_order(&inbox, 3).await.len(), 100);
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(10), "portion {nth}: {took:?}");
        client.close().await;
    }
}

#[tokio::test]
async fn p38_a_lost_connection_is_replaced() {
    let server = server()
        .messages("INBOX", (0..3000).map(|n| format!("{n}\r\n{}", "x".repeat(2000))))
        .latency(Duration::from_millis(10))
        .start()
        .await
        .unwrap();
    let client = client(&server).max_connections(3).build().unwrap();
    let inbox = client.examine("INBOX").await.unwrap();
    let mut stream = inbox.fetch(SequenceSet::all(), FetchItems::new().body()).connections(3);
    let mut come = 0;
    while let Some(message) = stream.next().await {
        message.unwrap();
        come += 1;
        if come == 500 {
            server.add_fault(Fault::on_command("UID FETCH", Action::CutAfter(9000)).on_connection(2));
        }
    }
    assert_eq!(come, 3000);
    let report = server.report().connections;
    assert_eq!((report.peak, report.total), (3, 4));
    client.close().await;
}

#[tokio::test]
async fn sections_come_one_after_the_other_whatever_their_size() {
    let text = text(3 * PART);
    let message = [b"Subject: x\r\nFrom: a@b\r\n\r\n", &text[..]].concat();
    let server = server().messages("INBOX", [message.clone()]).start().await.unwrap();
    let port = server.address(Endpoint::ImapTls).port();
    let client = builder(port).tls(trust(&server)).max_connections(2).build().unwrap();
    let own = client.create_connection().await.unwrap();
    for client in [client.clone(), client.via(&own)] {
        let inbox = client.examine("INBOX").await.unwrap();
        let items = FetchItems::new().flags().header_fields(["Subject"]).text().header().body();
        let message = {
            let mut stream = inbox.fetch(1, items);
            let first = stream.next().await.unwrap().unwrap();
            let fields = SectionText::HeaderFields(vec!["subject".into()]);
            let section = first.section(&Section { part: Vec::new(), text: fields });
            assert_eq!(section.as_deref(), Some(&b"Subject: x\r\n\r\n"[..]));
            let mut sections = first.into_sections();
            let mut found = Vec::new();
            while let Some(section) = sections.next().await.unwrap() {
                assert_eq!(section.origin, None);
                found.push((section.name, section.body.bytes().await.unwrap()));
            }
            assert!(stream.next().await.is_none());
            found
        };
        let lens: Vec<_> = message.iter().map(|(name, content)| (&name[..], content.len())).collect();
        let whole = text.len() + 25;
        let expected = [
            (&b"BODY[HEADER.FIELDS (Subject)]"[..], 14),
            (&b"BODY[TEXT]"[..], text.len()),
            (&b"BODY[HEADER]"[..], 25),
            (&b"BODY[]"[..], whole),
        ];
        assert_eq!(lens, expected);
        assert!(message[1].1 == text && message[3].1[25..] == text);
        let part = FetchItem::Body {
            section: Section::all(),
            peek: true,
            partial: Some(mail_client::imap::Partial { offset: 10, len: 5 }),
        };
        let mut stream = inbox.fetch(1, FetchItems::new().item(part));
        let mut sections = stream.next().await.unwrap().unwrap().into_sections();
        let section = sections.next().await.unwrap().unwrap();
        assert_eq!(section.origin, Some(10));
        assert!(matches!(section.body, Body::Bytes(bytes) if bytes == "\r\nFro"));
    }
    assert_eq!(count(&server, "LOGIN"), 0);
    client.close().await;
}
