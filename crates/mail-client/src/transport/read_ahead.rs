use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use crate::transport::connector::BoxIo;
use crate::transport::error::excerpt;

/// How many of the peer's first bytes are kept, to tell what it was if it isn't TLS.
const KEPT: usize = 64;

/// How much is read from the socket at once while much is coming.
const AHEAD: usize = 64 * 1024;

/// What TLS reads from. rustls asks for 4 KiB at a time, five system calls a record: as soon as one such read came back
/// full, the next is a large one, and the small ones are served from it. A quiet connection holds no buffer.
///
/// During the handshake it also remembers how the peer began.
pub(crate) struct ReadAhead {
    io: BoxIo,
    buffer: Vec<u8>,
    taken: usize,
    is_bulk: bool,
    first: Option<Vec<u8>>,
}

impl ReadAhead {
    pub(crate) fn new(io: BoxIo) -> Self {
        Self { io, buffer: Vec::new(), taken: 0, is_bulk: false, first: Some(Vec::new()) }
    }

    /// The handshake is done: how the peer began is of no interest any more.
    pub(crate) fn stop_watching(&mut self) {
        self.first = None;
    }

    /// How the peer's answer began, escaped, if no TLS peer begins so: not with a record of TLS 1.x (RFC 8446
    /// section 5.1).
    pub(crate) fn plain_text(&self) -> Option<Box<str>> {
        let first = self.first.as_deref()?;
        let is_tls = match first {
            [] => true,
            [kind] => (20..=24).contains(kind),
            [kind, version, ..] => (20..=24).contains(kind) && *version == 3,
        };
        (!is_tls).then(|| excerpt(first))
    }

    /// Whether nothing is left of what was read from the socket.
    pub(crate) fn is_empty(&self) -> bool {
        self.taken == self.buffer.len()
    }

    fn watch(&mut self, bytes: &[u8]) {
        if let Some(first) = &mut self.first {
            first.extend_from_slice(&bytes[..bytes.len().min(KEPT - first.len())]);
        }
    }
}

impl AsyncRead for ReadAhead {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_empty() {
            if !this.is_bulk {
                let before = buf.filled().len();
                ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
                this.watch(&buf.filled()[before..]);
                this.is_bulk = buf.remaining() == 0;
                return Poll::Ready(Ok(()));
            }
            this.taken = 0;
            this.buffer.clear();
            this.buffer.reserve_exact(AHEAD);
            // `read_buf` keeps nothing between two polls.
            let read = pin!(this.io.read_buf(&mut this.buffer)).poll(cx);
            match read {
                Poll::Ready(Ok(count)) => this.is_bulk = count > buf.remaining(),
                Poll::Ready(Err(_)) | Poll::Pending => this.buffer = Vec::new(),
            }
            ready!(read)?;
        }
        let count = buf.remaining().min(this.buffer.len() - this.taken);
        let bytes = &this.buffer[this.taken..this.taken + count];
        buf.put_slice(bytes);
        this.taken += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ReadAhead {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
