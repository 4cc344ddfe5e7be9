//! One connection, from its first octet to its last.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::debug;

use crate::channel::Channel;
use crate::endpoint::{Endpoint, Protocol};
use crate::imap;
use crate::link::PipeEnd;
use crate::pop3;
use crate::report::Seat;
use crate::shared::Shared;
use crate::smtp;
use crate::wire::{Tap, Transport, Wire};

/// How long a client may go on sending to a server that has closed, before the socket goes.
const LINGER: Duration = Duration::from_secs(2);

/// A client's end of a connection in memory. Dropping it closes the connection.
#[derive(Debug)]
pub struct Connection {
    pipe: PipeEnd,
    _leaving: Leaving,
}

/// Gives a connection's place in the counts up when it is dropped.
#[derive(Debug)]
pub(super) struct Leaving(pub(super) Arc<Seat>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Connection {
    pub(super) fn new(pipe: PipeEnd, leaving: Leaving) -> Self {
        Self { pipe, _leaving: leaving }
    }
}

/// Serves a connection until either side closes it.
pub(super) async fn serve(
    shared: Arc<Shared>,
    endpoint: Endpoint,
    transport: Transport,
    seat: Arc<Seat>,
    mut closing: watch::Receiver<()>,
) {
    let leaving = Leaving(seat.clone());
    let tap = Tap::new(shared.ledger.clone(), shared.faults.limits(&seat));
    let mut channel = Channel::new(Wire::new(transport, tap));
    closing.mark_unchanged();
    let session = async {
        match endpoint.protocol() {
            Protocol::Imap => imap::serve(&shared, endpoint, &mut channel, &seat).await,
            Protocol::Pop3 => pop3::serve(&shared, endpoint, &mut channel, &seat).await,
            Protocol::Smtp => smtp::serve(&shared, endpoint, &mut channel, &seat).await,
        }
    };
    let ended = tokio::select! {
        ended = session => ended,
        _ = closing.changed() => return,
    };
    debug!(connection = seat.number(), ended = ?ended.as_ref().map_err(ToString::to_string), "closed");
    drop(leaving);
    if let Some(Transport::Tcp(mut tcp)) = channel.into_transport() {
        // A socket closed with octets unread resets the connection, and what was said last is lost.
        let _ = tcp.shutdown().await;
        let mut scratch = vec![0; 16 * 1024];
        let drain = async { while matches!(tcp.read(&mut scratch).await, Ok(n) if n > 0) {} };
        let _ = timeout(LINGER, drain).await;
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.pipe.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}
