//! A connection's octets as the server sees them, counted, and broken off where a fault says so.

use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::fault::{Break, Limits};
use crate::link::PipeEnd;
use crate::report::Ledger;

/// What carries the octets: a socket, or the server's end of a pipe.
#[derive(Debug)]
pub(crate) enum Transport {
    Tcp(TcpStream),
    Pipe(PipeEnd),
}

/// A transport with a [`Tap`] on it.
#[derive(Debug)]
pub(crate) struct Wire {
    transport: Transport,
    tap: Arc<Tap>,
}

/// Counts what passes and knows where it shall stop.
#[derive(Debug)]
pub(crate) struct Tap {
    ledger: Arc<Ledger>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    sent: u64,
    received: u64,
    limits: Limits,
    broken: Option<Break>,
}

impl Tap {
    pub(crate) fn new(ledger: Arc<Ledger>, limits: Limits) -> Arc<Self> {
        let state = State { sent: 0, received: 0, limits, broken: None };
        Arc::new(Self { ledger, state: Mutex::new(state) })
    }

    /// Breaks the connection after so many octets more.
    pub(crate) fn break_after(&self, octets: u64, how: Break) {
        let mut state = self.lock();
        let at = state.sent.saturating_add(octets);
        state.limits.sent = Some((at, how));
    }

    /// How many of `len` octets may be sent now, or how the connection is broken.
    fn may_send(&self, len: usize) -> Result<usize, Break> {
        let mut state = self.lock();
        if let Some(how) = state.broken {
            return Err(how);
        }
        let Some((limit, how)) = state.limits.sent else { return Ok(len) };
        let left = limit.saturating_sub(state.sent);
        if left == 0 {
            state.broken = Some(how);
            return Err(how);
        }
        Ok(len.min(usize::try_from(left).unwrap_or(usize::MAX)))
    }

    fn may_receive(&self) -> Result<usize, Break> {
        let mut state = self.lock();
        if let Some(how) = state.broken {
            return Err(how);
        }
        let Some((limit, how)) = state.limits.received else { return Ok(usize::MAX) };
        let left = limit.saturating_sub(state.received);
        if left == 0 {
            state.broken = Some(how);
            return Err(how);
        }
        Ok(usize::try_from(left).unwrap_or(usize::MAX))
    }

    fn sent(&self, octets: usize) {
        let mut state = self.lock();
        state.sent += octets as u64;
        // Closing follows the last octet at once, not the attempt to send one more.
        if let Some((limit, how)) = state.limits.sent
            && state.sent >= limit
        {
            state.broken = Some(how);
        }
        self.ledger.sent.fetch_add(octets as u64, Ordering::Relaxed);
    }

    fn received(&self, octets: usize) {
        let mut state = self.lock();
        state.received += octets as u64;
        if let Some((limit, how)) = state.limits.received
            && state.received >= limit
        {
            state.broken = Some(how);
        }
        self.ledger.received.fetch_add(octets as u64, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wire {
    pub(crate) fn new(transport: Transport, tap: Arc<Tap>) -> Self {
        Self { transport, tap }
    }

    pub(crate) fn tap(&self) -> &Arc<Tap> {
        &self.tap
    }

    pub(crate) fn into_transport(self) -> Transport {
        self.transport
    }

    /// A broken connection that is cut fails; one that stalls swallows what comes until the client leaves.
    fn poll_broken<T>(&mut self, cx: &mut Context<'_>, how: Break) -> Poll<io::Result<T>> {
        if how == Break::Stall {
            let mut scratch = [0; 4096];
            loop {
                let mut buf = ReadBuf::new(&mut scratch);
                match ready!(self.transport.poll_read(cx, &mut buf)) {
                    Ok(()) if !buf.filled().is_empty() => {}
                    Ok(()) | Err(_) => break,
                }
            }
        }
        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
    }
}

impl Transport {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Pipe(pipe) => Pin::new(pipe).poll_read(cx, buf),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Pipe(pipe) => Pin::new(pipe).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Self::Pipe(pipe) => Pin::new(pipe).poll_write_vectored(cx, bufs),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = match self.tap.may_receive() {
            Ok(most) => most,
            Err(how) => return self.poll_broken(cx, how),
        };
        let before = buf.filled().len();
        if most >= buf.remaining() {
            ready!(self.transport.poll_read(cx, buf))?;
        } else {
            let mut part = ReadBuf::new(buf.initialize_unfilled_to(most));
            ready!(self.transport.poll_read(cx, &mut part))?;
            let octets = part.filled().len();
            buf.advance(octets);
        }
        self.tap.received(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let most = match self.tap.may_send(buf.len()) {
            Ok(most) => most,
            Err(how) => return self.poll_broken(cx, how),
        };
        let written = ready!(self.transport.poll_write(cx, &buf[..most]))?;
        self.tap.sent(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = bufs.iter().map(|buf| buf.len()).sum();
        match self.tap.may_send(len) {
            Ok(most) if most == len => {
                let written = ready!(self.transport.poll_write_vectored(cx, bufs))?;
                self.tap.sent(written);
                Poll::Ready(Ok(written))
            }
            _ => {
                let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| &**buf);
                self.poll_write(cx, first)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Neither sockets nor pipes hold anything back.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Transport::Pipe(pipe) => Pin::new(pipe).poll_shutdown(cx),
        }
    }
}
