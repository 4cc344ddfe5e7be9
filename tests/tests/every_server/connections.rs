//! What many tasks do over few connections, and what becomes of it when those are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_core::future::BoxFuture;
use mail_client::ErrorKind;
use mail_client::imap::{Capability, FetchItems, Flag, Removal, SearchKey, SequenceSet};
use mail_client::transport::{BoxIo, Connector, Error, Target, TcpConnector};

use crate::place::Kind;

pub(crate) async fn p22_two_mailboxes_over_main_never_get_each_others_answers(kind: Kind) {
    let place = kind.filled(None).await;
    let archive = place.name("Archive");
    let mut wire = place.wire();
    for _ in 0..3 {
        wire.append(&archive, "", "05-Feb-2026 12:00:00 +0000", b"Subject: old\r\n\r\n").unwrap();
    }
    wire.answers().unwrap();
    let client = place.builder().max_connections(1).build().unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let (client, archive) = (client.clone(), archive.clone());
            tokio::spawn(async move {
                let (name, all) = if task % 2 == 0 { ("INBOX", "1:6") } else { ("Archive", "1:3") };
                let mailbox = client.select(if name == "INBOX" { name } else { &archive }).await.unwrap();
                for turn in 0..40 {
                    match (task + turn) % 3 {
                        0 => {
                            let found = mailbox.search(SearchKey::All).await.unwrap();
                            assert_eq!(found.uids().to_string(), all, "{name}");
                        }
                        1 => {
                            let mut found = mailbox.fetch(SequenceSet::all(), FetchItems::new().header());
                            while let Some(message) = found.next().await {
                                let header = message.unwrap().into_sections().next().await.unwrap().unwrap();
                                let header = header.body.bytes().await.unwrap();
                                let is_old = header.starts_with(b"Subject: old");
                                assert_eq!(is_old, name == "Archive");
                            }
                        }
                        _ => mailbox.add_flags(2, [Flag::new(format!("$In{name}"))]).await.unwrap(),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    client.close().await;
    for name in ["INBOX", "Archive"] {
        assert_eq!(place.uids(name, &format!("KEYWORD $In{name}")), [2].into());
        let strange = if name == "INBOX" { "Archive" } else { "INBOX" };
        assert!(place.uids(name, &format!("KEYWORD $In{strange}")).is_empty());
    }
}

pub(crate) async fn p26_a_mailbox_made_anew_by_another_client_is_not_changed(kind: Kind) {
    let place = kind.plain().await;
    let name = place.name("work");
    let mut other = place.wire();
    other.command(format!("CREATE {name}").as_bytes()).unwrap();
    other.append(&name, "", "05-Feb-2026 12:00:00 +0000", b"Subject: x\r\n\r\n").unwrap();
    other.answers().unwrap();
    let client = place.client();
    let work = client.select(&*name).await.unwrap();
    assert_eq!(work.exists(), 1);
    // Between its selection and the change another takes its place, with a message of the same UID.
    client.examine("INBOX").await.unwrap();
    other.command(format!("DELETE {name}").as_bytes()).unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    other.command(format!("CREATE {name}").as_bytes()).unwrap();
    other.append(&name, "", "05-Feb-2026 12:00:00 +0000", b"Subject: y\r\n\r\n").unwrap();
    other.answers().unwrap();
    for error in [
        work.add_flags(1, [Flag::Flagged]).await.unwrap_err(),
        work.delete(1).await.unwrap_err(),
        work.move_to(1, "INBOX").await.unwrap_err(),
        work.search(SearchKey::All).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::UidValidityChanged, "{error}");
    }
    assert_eq!(place.uids("work", "UNFLAGGED UNDELETED"), [1].into(), "the wrong message was changed");
    client.close().await;
}

pub(crate) async fn p29_reads_go_on_when_connections_are_lost(kind: Kind) {
    let place = kind.filled(None).await;
    let severed = Severed::default();
    let client = place.builder().connector(severed.clone()).build().unwrap();
    let inbox = client.examine("INBOX").await.unwrap();
    for round in 0..20 {
        severed.cut();
        severed.mend();
        assert_eq!(inbox.search(SearchKey::All).await.unwrap().count(), 6, "{round}");
        let mut found = inbox.fetch(SequenceSet::all(), FetchItems::new().flags());
        let mut count = 0;
        while let Some(message) = found.next().await {
            message.unwrap();
            count += 1;
            if count == 3 {
                severed.cut();
                severed.mend();
            }
        }
        assert_eq!(count, 6, "{round}");
    }
    client.close().await;
}

pub(crate) async fn compressed_and_enabled_connections_do_the_same(kind: Kind) {
    let place = kind.filled(None).await;
    let enable = [Capability::CondStore, Capability::QResync];
    let client = place.builder().compress(true).enable(enable).build().unwrap();
    let inbox = client.select("INBOX").await.unwrap();
    inbox.add_flags(1, [Flag::Flagged]).await.unwrap();
    assert_eq!(inbox.delete(vec![2, 3]).await.unwrap(), Removal::Expunged);
    assert_eq!(inbox.search(SearchKey::All).await.unwrap().uids().to_string(), "1,4:6");
    let mut bodies = inbox.fetch(SequenceSet::all(), FetchItems::new().body()).in_order();
    let mut sizes = Vec::new();
    while let Some(message) = bodies.next().await {
        let message = message.unwrap();
        let uid = message.uid() as usize;
        let body = message.into_body().bytes().await.unwrap();
        let text = body.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        sizes.push((uid, body.len() - text));
    }
    assert_eq!(sizes, [1, 4, 5, 6].map(|uid| (uid, (uid - 1) * 100 + 2)));
    client.close().await;
}

/// The way to a server, which can be cut: every connection ends, and none is opened until it is mended.
#[derive(Clone, Default)]
pub(crate) struct Severed(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// How often it was cut.
    cuts: AtomicU64,
    woken: tokio::sync::Notify,
    closed: std::sync::atomic::AtomicBool,
}

impl Severed {
    pub(crate) fn cut(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
        self.0.cuts.fetch_add(1, Ordering::SeqCst);
        self.0.woken.notify_waiters();
    }

    pub(crate) fn mend(&self) {
        self.0.closed.store(false, Ordering::SeqCst);
        self.0.woken.notify_waiters();
    }
}

impl Connector for Severed {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        Box::pin(async move {
            loop {
                let mended = self.0.woken.notified();
                if !self.0.closed.load(Ordering::SeqCst) {
                    break;
                }
                mended.await;
            }
            let cuts = self.0.cuts.load(Ordering::SeqCst);
            let mut outer = TcpConnector::new().connect(target).await?;
            let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
            let shared = Arc::clone(&self.0);
            tokio::spawn(async move {
                let was_cut = async {
                    loop {
                        let woken = shared.woken.notified();
                        if shared.cuts.load(Ordering::SeqCst) != cuts {
                            break;
                        }
                        woken.await;
                    }
                };
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut outer, &mut theirs) => {}
                    () = was_cut => {}
                }
            });
            Ok(Box::new(ours) as BoxIo)
        })
    }
}
