//! What is searched for and fetched.

use std::{collections::BTreeMap, time::Duration};

use mail_client::ErrorKind;
use mail_client::imap::{
    Capability, FetchItems, Flag, NewMessage, PartialRange, SearchKey, SectionText, SequenceSet, SortBy,
    SortKey, ThreadAlgorithm,
};

use crate::place::{Kind, set};

pub(crate) async fn searches_find_the_same_whatever_is_announced(kind: Kind) {
    for &announced in kind.announcements() {
        let place = kind.filled(announced).await;
        let client = place.client();
        let inbox = client.examine("INBOX").await.unwrap();
        for (key, expected) in [
            (SearchKey::All, "1:6"),
            (SearchKey::unseen(), "1,4,6"),
            (SearchKey::from_address("kim") & SearchKey::seen(), "2"),
            (SearchKey::flagged() | SearchKey::subject("bill"), "3,5"),
            (!SearchKey::subject("lunch") & SearchKey::Uid(set("2:*")), "5"),
            (SearchKey::subject("Prüfung"), "1"),
            (SearchKey::subject("Zeugnis"), ""),
        ] {
            let found = inbox.search(key.clone()).await.unwrap();
            assert_eq!(found.uids().to_string(), expected, "{key:?}");
            let summary = inbox.search_summary(key.clone()).await.unwrap();
            let of_result = (found.count(), found.min(), found.max());
            assert_eq!((summary.count, summary.min, summary.max), of_result, "{key:?}");
        }
        for (part, expected) in [
            (PartialRange::FromFirst(2, 3), "2:3"),
            (PartialRange::FromLast(1, 2), "5:6"),
            (PartialRange::FromFirst(7, 9), ""),
        ] {
            let found = inbox.search_partial(SearchKey::All, part).await.unwrap();
            assert_eq!(found.to_string(), expected, "{announced:?} {part:?}");
        }
        client.close().await;
    }
}

pub(crate) async fn sorts_and_threads(kind: Kind) {
    let place = kind.filled(None).await;
    let client = place.client();
    let inbox = client.examine("INBOX").await.unwrap();
    if place.can(&client, Capability::Sort).await {
        let order = [SortKey::ascending(SortBy::Arrival)];
        assert_eq!(inbox.sort(order, SearchKey::All).await.unwrap(), [6, 5, 4, 3, 2, 1]);
        let order = [SortKey::ascending(SortBy::From), SortKey::descending(SortBy::Size)];
        let unlike = !SearchKey::subject("Prüfung");
        assert_eq!(inbox.sort(order, unlike).await.unwrap(), [4, 2, 5, 3, 6]);
        assert!(inbox.sort(order, SearchKey::deleted()).await.unwrap().is_empty());
    }
    if place.can(&client, Capability::Thread("REFERENCES".into())).await {
        let threads = inbox.thread(ThreadAlgorithm::References, SearchKey::All).await.unwrap();
        assert_eq!(threads.count(), 3);
        let parent_of = |uid| {
            let node = threads.nodes().iter().find(|node| node.number == Some(uid)).unwrap();
            node.parent.and_then(|parent| threads.nodes()[parent as usize].number)
        };
        let parents = [parent_of(2), parent_of(3), parent_of(4), parent_of(6)];
        assert_eq!(parents, [None, Some(2), Some(3), Some(2)]);
    }
    let error = inbox.thread(ThreadAlgorithm::new("BYMOOD"), SearchKey::All).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    client.close().await;
}

/// A message of two parts, the second in Base64.
const OF_TWO_PARTS: &str = "From: Kim <kim@example.org>\r\nTo: zoe@example.org, \"Toni, B.\" <toni@example.org>\r\n\
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Thu, 05 Feb 2026 12:00:00 +0000\r\nMessage-ID: <two@x>\r\n\
    MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n\
    --b\r\nContent-Type: application/octet-stream; name=x.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n\
    AAEC/w==\r\n--b--\r\n";

pub(crate) async fn every_item_and_section_comes(kind: Kind) {
    let place = kind.plain().await;
    let client = place.client();
    place.wire().append("INBOX", "\\Seen", "05-Feb-2026 12:34:56 +0100", OF_TWO_PARTS.as_bytes()).unwrap();
    let new = NewMessage::new(OF_TWO_PARTS).flags([Flag::Seen, Flag::new("$Mine")]);
    let uid = client.append("INBOX", new).await.unwrap().uid.unwrap_or(2);
    let inbox = client.examine("INBOX").await.unwrap();
    let mut items = FetchItems::new().flags().size().internal_date().envelope().body_structure().header();
    items = items.header_fields(["Subject", "X-None"]).text().part(&[1], SectionText::All);
    if place.can(&client, Capability::Binary).await {
        items = items.binary(&[2]);
    }
    let message = inbox.fetch(uid, items).next().await.unwrap().unwrap();
    assert!(message.has_flag(&Flag::Seen) && message.has_flag(&Flag::new("$Mine")));
    assert_eq!(message.size(), Some(OF_TWO_PARTS.len() as u64));
    assert!(message.internal_date().is_some());
    let envelope = message.envelope().unwrap();
    assert_eq!(envelope.message_id().unwrap().to_bytes()[..], *b"<two@x>");
    let to: Vec<_> = envelope.to().map(|address| address.to_email().unwrap()).collect();
    assert_eq!(to, ["zoe@example.org", "toni@example.org"]);
    assert_eq!(message.body_structure().unwrap().children().count(), 2);

    let (header, text) = OF_TWO_PARTS.split_once("\r\n\r\n").unwrap();
    let mut sections = message.into_sections();
    let mut told = BTreeMap::new();
    while let Some(section) = sections.next().await.unwrap() {
        let name = String::from_utf8(section.name.to_vec()).unwrap().to_ascii_uppercase();
        told.insert(name.replace('"', ""), section.body.bytes().await.unwrap());
    }
    assert_eq!(told["BODY[HEADER]"], format!("{header}\r\n\r\n"));
    assert_eq!(told["BODY[TEXT]"], text);
    assert_eq!(told["BODY[HEADER.FIELDS (SUBJECT X-NONE)]"], "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n");
    assert_eq!(told["BODY[1]"], "hello");
    if let Some(decoded) = told.get("BINARY[2]") {
        assert_eq!(decoded[..], [0, 1, 2, 255]);
    }

    let whole = inbox.fetch(uid, FetchItems::new().body()).next().await.unwrap().unwrap();
    let parsed = whole.into_body().parse().await.unwrap();
    assert_eq!((parsed.subject(), parsed.body_text(0).as_deref()), (Some("Grüße"), Some("hello")));
    assert_eq!(parsed.attachment(0).unwrap().contents(), [0, 1, 2, 255]);
    client.close().await;
}

/// Mail of many sizes, and with everything in it that a line may hold.
fn awkward() -> Vec<Vec<u8>> {
    let mut mail: Vec<Vec<u8>> = (0..150_usize)
        .map(|number| {
            let mut message = format!("Subject: {number}\r\n\r\n").into_bytes();
            let bytes = (1..=255_u8).filter(|byte| !matches!(byte, b'\r' | b'\n'));
            message.extend(bytes.cycle().take(number * 37 % 3000));
            message.extend_from_slice(b"\r\n* 1 EXISTS\r\n)\r\nA1 OK {3}\r\n.\r\n");
            message
        })
        .collect();
    let line: Vec<u8> = (0..76).map(|column| b'A' + column % 26).chain(*b"\r\n").collect();
    mail.push([b"Subject: large\r\n\r\n", &line.repeat(40_000)[..]].concat());
    mail
}

pub(crate) async fn all_mail_comes_as_it_is_over_one_connection_and_several(kind: Kind) {
    let place = kind.plain().await;
    let mail = awkward();
    let mut wire = place.wire();
    for message in &mail {
        wire.append("INBOX", "", "05-Feb-2026 12:00:00 +0000", message).unwrap();
    }
    wire.answers().unwrap();
    for (quota, connections, in_order) in [(1, 1, false), (10, 1, true), (4, 3, false), (4, 3, true)] {
        let client = place.builder().max_connections(quota).build().unwrap();
        let inbox = client.examine("INBOX").await.unwrap();
        let mut stream = inbox.fetch(SequenceSet::all(), FetchItems::new().body()).connections(connections);
        if in_order {
            stream = stream.in_order();
        }
        let mut seen = Vec::new();
        while let Some(message) = stream.next().await {
            let message = message.unwrap();
            let uid = message.uid();
            let body = message.into_body().bytes().await.unwrap();
            assert!(body[..] == mail[uid as usize - 1][..], "message {uid} isn't what was stored");
            seen.push(uid);
        }
        assert!(!in_order || seen.is_sorted(), "{seen:?}");
        seen.sort_unstable();
        assert!(seen.into_iter().eq(1..=mail.len() as u32));
        drop(stream);
        client.close().await;
    }
}

pub(crate) async fn p35_messages_are_marked_as_they_are_read(kind: Kind) {
    let place = kind.plain().await;
    let mail = awkward();
    let mut wire = place.wire();
    for message in &mail {
        wire.append("INBOX", "", "05-Feb-2026 12:00:00 +0000", message).unwrap();
    }
    wire.answers().unwrap();
    let client = place.builder().max_connections(1).stall_timeout(Duration::from_secs(20)).build().unwrap();
    let inbox = client.select("INBOX").await.unwrap();
    let mut stream = inbox.fetch(SequenceSet::all(), FetchItems::new().body());
    while let Some(message) = stream.next().await {
        let message = message.unwrap();
        let uid = message.uid();
        inbox.add_flags(uid, [Flag::Seen]).await.unwrap();
        let body = message.into_body().bytes().await.unwrap();
        assert!(body[..] == mail[uid as usize - 1][..], "message {uid} isn't what was stored");
    }
    drop(stream);
    assert_eq!(place.uids("INBOX", "SEEN").len(), mail.len());
    client.close().await;
}
