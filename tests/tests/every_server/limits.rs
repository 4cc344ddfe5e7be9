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

pub(crate) async fn p14_with_a_limit_of_two_and_a_quota_of_ten_all_work_is_done(kind: Kind) {
    let place = kind.start(Setup { max_connections: Some(LIMIT), ..Setup::default() }).await;
    place.fill();
    let sockets = Counted::default();
    let builder = place.builder().max_connections(QUOTA).connector(sockets.clone());
    let client = builder.build().unwrap();
    // Quick work may be done before a third connection was tried.
    let mut appended = 0;
    for round in 0..50 {
        appended += work(&client).await;
        if round > 0 && client.pool_status().last_refusal.is_some() {
            break;
        }
    }
    appended += work(&client).await;
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
    let (client, mut there) = (place.client(), 0);
    let mut mail =
        client.examine("INBOX").await.unwrap().fetch(SequenceSet::all(), FetchItems::new().flags());
    while let Some(message) = mail.next().await {
        message.unwrap();
        there += 1;
    }
    assert_eq!(there, 6 + appended, "a message is missing, or is there twice");
    client.close().await;
}

/// Work of all kinds from many tasks at once, on all kinds of connections. Every one of them ends well; says how many
/// messages it stored.
async fn work(client: &ImapClient) -> usize {
    let tasks: Vec<_> = (0..24)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                match task % 4 {
                    0 => client.scope(one_of_all(&client, task)).await,
                    1 => {
                        let own = client.create_connection().await?;
                        one_of_all(&client.via(&own), task).await
                    }
                    2 => client.begin(move |client| async move { one_of_all(&client, task).await })?.await,
                    _ => {
                        let _default = client.create_default_connection().await?;
                        one_of_all(&client, task).await
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

async fn one_of_all(client: &ImapClient, task: usize) -> Result<usize> {
    client.noop().await?;
    let inbox = client.select("INBOX").await?;
    assert!(inbox.search(SearchKey::All).await?.uids().contains(1));
    let mut mail = inbox.fetch(SequenceSet::from(1..=6), FetchItems::new().body());
    let mut read = 0;
    while let Some(message) = mail.next().await {
        message?.into_body().bytes().await?;
        read += 1;
    }
    assert_eq!(read, 6);
    inbox.add_flags(1 + task as u32 % 6, [Flag::Seen]).await?;
    if !task.is_multiple_of(3) {
        return Ok(0);
    }
    client.append("INBOX", NewMessage::new(&b"Subject: one more\r\n\r\nhello\r\n"[..])).await?;
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
