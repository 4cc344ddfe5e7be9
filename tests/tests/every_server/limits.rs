//! What a client makes of a server that allows fewer connections than it is told.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_core::future::BoxFuture;
use mail_client::Result;
use mail_client::imap::{FetchItems, Flag, ImapClient, NewMessage, SearchKey, SequenceSet};
use mail_client::transport::{BoxIo, Connector, Error, Target, TcpConnector};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::place::{Kind, Setup};

const LIMIT: u32 = 2;
const QUOTA: usize = 10;

/// Each has a mailbox of its own: Courier lets one wait for minutes that several connections open at once.
const TASKS: usize = 24;

pub(crate) async fn p14_with_a_limit_of_two_and_a_quota_of_ten_all_work_is_done(kind: Kind) {
    let place = kind.start(Setup { max_connections: Some(LIMIT), ..Setup::default() }).await;
    let boxes: Arc<[_]> = (0..TASKS).map(|task| place.name(&format!("box-{task}"))).collect();
    let mut wire = place.wire();
    for name in &*boxes {
        wire.command(format!("CREATE {name}").as_bytes()).unwrap();
        wire.append(name, "", "05-Feb-2026 12:00:00 +0000", b"Subject: first\r\n\r\nhello\r\n").unwrap();
        wire.answers().unwrap();
    }
    drop(wire);
    let sockets = Counted::default();
    let builder = place.builder().max_connections(QUOTA).connector(sockets.clone());
    let client = builder.build().unwrap();
    // Quick work may be done before a third connection was tried, and again where the server says nothing of a limit.
    let mut appended = 0;
    for round in 0..50 {
        appended += work(&client, &boxes).await;
        if round > 0 && client.pool_status().effective < QUOTA {
            break;
        }
    }
    appended += work(&client, &boxes).await;
    let status = client.pool_status();
    let refusal = status.last_refusal.as_ref().expect("a third connection was refused");
    // It isn't taken for a wrong password, whatever form it has.
    assert!(refusal.others_open > 0 && !status.login_blocked, "{status}");
    // Of logins at the same instant Dovecot lets one too many through now and then.
    let established = status.counts.idle + status.counts.in_use;
    assert!((established.max(1)..=QUOTA / 2).contains(&status.effective), "{status}");
    assert_eq!(status.max_connections, QUOTA);
    client.close().await;
    assert!(sockets.most() <= QUOTA, "{} sockets were open at a time", sockets.most());
    assert_eq!(sockets.open(), 0);
    if let Some(peak) = place.peak() {
        assert_eq!(peak, LIMIT as usize);
    }
    let client = place.client();
    let mut there = 0;
    for name in &*boxes {
        there += client.examine(&**name).await.unwrap().exists() as usize;
    }
    assert_eq!(there, TASKS + appended, "a message is missing, or is there twice");
    client.close().await;
}

/// Work of all kinds from many tasks at once, on all kinds of connections. Every one of them ends well; says how many
/// messages it stored.
async fn work(client: &ImapClient, boxes: &Arc<[String]>) -> usize {
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (client, boxes) = (client.clone(), Arc::clone(boxes));
            tokio::spawn(async move {
                let own_box = boxes[task].clone();
                match task % 4 {
                    0 => client.scope(one_of_all(&client, &own_box, task)).await,
                    1 => {
                        let own = client.create_connection().await?;
                        one_of_all(&client.via(&own), &own_box, task).await
                    }
                    2 => {
                        client
                            .begin(move |client| async move { one_of_all(&client, &own_box, task).await })?
                            .await
                    }
                    _ => {
                        let _default = client.create_default_connection().await?;
                        one_of_all(&client, &own_box, task).await
                    }
                }
            })
        })
        .collect();
    let mut appended = 0;
    for task in tasks {
        appended += task.await.unwrap().unwrap();
    }
    appended
}

async fn one_of_all(client: &ImapClient, own_box: &str, task: usize) -> Result<usize> {
    client.noop().await?;
    let mailbox = client.select(own_box).await?;
    assert!(mailbox.search(SearchKey::All).await?.uids().contains(1));
    let mut mail = mailbox.fetch(SequenceSet::all(), FetchItems::new().body());
    while let Some(message) = mail.next().await {
        assert!(message?.into_body().bytes().await?.ends_with(b"\r\n\r\nhello\r\n"));
    }
    mailbox.add_flags(1, [Flag::Seen]).await?;
    if !task.is_multiple_of(3) {
        return Ok(0);
    }
    client.append(own_box, NewMessage::new(&b"Subject: one more\r\n\r\nhello\r\n"[..])).await?;
    Ok(1)
}

/// TCP, and how many sockets are open.
#[derive(Clone, Default)]
struct Counted(Arc<Counts>);

#[derive(Default)]
struct Counts {
    open: AtomicUsize,
    most: AtomicUsize,
}

impl Counted {
    fn open(&self) -> usize {
        self.0.open.load(Ordering::SeqCst)
    }

    fn most(&self) -> usize {
        self.0.most.load(Ordering::SeqCst)
    }
}

impl Connector for Counted {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        let open = self.0.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most.fetch_max(open, Ordering::SeqCst);
        let one = One(Arc::clone(&self.0));
        Box::pin(async move {
            let io = TcpConnector::new().connect(target).await?;
            Ok(Box::new(Socket { io, _one: one }) as BoxIo)
        })
    }
}

/// A socket that is counted.
struct Socket {
    io: BoxIo,
    _one: One,
}

struct One(Arc<Counts>);

impl Drop for One {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
