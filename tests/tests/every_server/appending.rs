//! Messages put into mailboxes: whole or not at all, never twice.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use mail_client::ErrorKind;
use mail_client::imap::{DateTime, FetchItems, Flag, Mailbox, NewMessage, Removal, SearchKey, SequenceSet};
use tokio::io::{AsyncRead, ReadBuf};

use crate::place::{Kind, Setup};

/// All messages of a mailbox, in their order.
async fn held(mailbox: &Mailbox) -> Vec<Vec<u8>> {
    let mut stream = mailbox.fetch(SequenceSet::all(), FetchItems::new().body()).in_order();
    let mut held = Vec::new();
    while let Some(message) = stream.next().await {
        held.push(message.unwrap().into_body().bytes().await.unwrap().to_vec());
    }
    held
}

fn large() -> Vec<u8> {
    let line: Vec<u8> = (0..76).map(|column| b'a' + column % 26).chain(*b"\r\n").collect();
    [b"Subject: large\r\n\r\n", &line.repeat(30_000)[..]].concat()
}

pub(crate) async fn a_message_is_stored_as_it_is_whatever_is_announced(kind: Kind) {
    for &announced in kind.announcements() {
        let place = kind.start(Setup { announced, ..Setup::default() }).await;
        let client = place.client();
        let dots = b"Subject: dots\r\n\r\n.\r\n..\r\n\xff\x80\r\n".to_vec();
        let date = DateTime::from_unix_seconds(1_770_000_000);
        let new = NewMessage::new(dots.clone()).flags([Flag::Flagged]).internal_date(date);
        let first = client.append("INBOX", new).await.unwrap();
        let reader = io::Cursor::new(large());
        let second = NewMessage::from_reader(reader, large().len() as u64);
        let second = client.append("INBOX", second).await.unwrap();
        let inbox = client.examine("INBOX").await.unwrap();
        assert!(held(&inbox).await == [dots, large()]);
        // Some tell them whatever they announce.
        if announced != Some("IMAP4rev1") || first.uid.is_some() {
            assert_eq!((first.uid, second.uid), (Some(1), Some(2)));
            assert_eq!(first.uid_validity, inbox.uid_validity());
        }
        let stored = inbox.fetch(1, FetchItems::new().flags().internal_date()).next().await.unwrap().unwrap();
        assert!(stored.has_flag(&Flag::Flagged));
        assert_eq!(stored.internal_date().unwrap().unix_seconds(), date.unix_seconds());
        let error =
            client.append(place.name("Nowhere"), NewMessage::new("Subject: x\r\n\r\n")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        client.close().await;
    }
}

pub(crate) async fn many_go_in_together_in_their_order(kind: Kind) {
    for &announced in kind.announcements() {
        let place = kind.start(Setup { announced, ..Setup::default() }).await;
        let client = place.client();
        let texts: Vec<_> =
            (0..130).map(|n| format!("Subject: {n}\r\n\r\n{}\r\n", "x".repeat(n * 7))).collect();
        let outcomes = client.append_many("INBOX", texts.iter().cloned().map(NewMessage::new)).await;
        for (index, outcome) in outcomes.iter().enumerate() {
            let uid = outcome.as_ref().unwrap().uid;
            assert!(uid.is_none_or(|uid| uid as usize == index + 1), "{index}: {uid:?}");
        }
        let inbox = client.examine("INBOX").await.unwrap();
        assert!(held(&inbox).await.iter().eq(texts.iter().map(String::as_bytes)));
        client.close().await;
    }
}

pub(crate) async fn a_message_goes_into_a_mailbox_that_others_have_open_read_only(kind: Kind) {
    let place = kind.filled(None).await;
    let client = place.builder().max_connections(1).build().unwrap();
    let inbox = client.examine("INBOX").await.unwrap();
    let text = &b"Subject: new\r\n\r\n"[..];
    client.append("INBOX", NewMessage::new(text)).await.unwrap();
    assert_eq!(inbox.search(SearchKey::All).await.unwrap().count(), 7);
    client.append("INBOX", NewMessage::from_reader(text, text.len() as u64)).await.unwrap();
    assert_eq!(held(&inbox).await.iter().filter(|message| message[..] == *text).count(), 2);
    client.close().await;
}

pub(crate) async fn one_takes_anothers_place(kind: Kind) {
    for &announced in kind.announcements() {
        let place = kind.filled(announced).await;
        let client = place.client();
        let inbox = client.select("INBOX").await.unwrap();
        let replaced = inbox.replace(3, NewMessage::new("Subject: anew\r\n\r\n")).await.unwrap();
        assert!(replaced.new.uid.is_none_or(|uid| uid == 7));
        if announced == Some("IMAP4rev1") {
            assert_eq!(replaced.old, Removal::MarkedOnly);
            assert_eq!(place.uids("INBOX", "DELETED"), [3].into());
        } else {
            assert_eq!(replaced.old, Removal::Expunged);
            assert_eq!(place.uids("INBOX", "ALL"), [1, 2, 4, 5, 6, 7].into());
        }
        assert_eq!(place.uids("INBOX", "SUBJECT anew"), [7].into());
        client.close().await;
    }
}

/// Gives so many bytes, and then an error.
struct Broken(usize);

impl AsyncRead for Broken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let len = self.0.min(buf.remaining());
        if len == 0 {
            return Poll::Ready(Err(io::Error::other("the disk is gone")));
        }
        buf.put_slice(&vec![b'x'; len]);
        self.0 -= len;
        Poll::Ready(Ok(()))
    }
}

pub(crate) async fn p28_a_message_whose_source_fails_is_not_stored(kind: Kind) {
    for &announced in kind.announcements() {
        let place = kind.filled(announced).await;
        let client = place.client();
        for (gives, told) in [(0, 1), (100, 101), (300_000, 300_001)] {
            let error =
                client.append("INBOX", NewMessage::from_reader(Broken(gives), told)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
            assert!(error.to_string().contains("the disk is gone"), "{error}");
        }
        // The client goes on as if nothing had been.
        client.append("INBOX", NewMessage::new("Subject: after\r\n\r\n")).await.unwrap();
        assert_eq!(place.uids("INBOX", "ALL"), (1..=7).collect());
        client.close().await;
    }
}
