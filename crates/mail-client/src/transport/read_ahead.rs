use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use crate::transport::connector::BoxIo;
use crate::transport::error::excerpt;

/// How many of the peer's first bytes are kept, to tell what it was if it isn't TLS.
const KEPT: usize = 64;

/// How much rustls asks for at once.
const SMALL: usize = 4 * 1024;

/// How much is read from the socket at once while much is coming: a few full records, and well inside a core's cache.
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
                (this.buffer, this.taken) = (Vec::new(), 0);
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
            // Pending is no sign of quiet: a fast reader drains the socket between any two segments.
            match read {
                Poll::Ready(Ok(count)) => this.is_bulk = count > SMALL,
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncWriteExt as _, duplex};

    use super::*;

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index * 31 % 251) as u8).collect()
    }

    #[tokio::test]
    async fn every_byte_comes_once_and_in_order_whatever_the_pieces() {
        let sent = pattern(1_000_000);
        for (pipe, step) in [(100, 4096), (5_000, 4096), (300_000, 4096), (300_000, 7), (300_000, 100_000)] {
            let (ours, mut theirs) = duplex(pipe);
            let sent_there = sent.clone();
            let server = tokio::spawn(async move { theirs.write_all(&sent_there).await.unwrap() });
            let mut ahead = ReadAhead::new(Box::new(ours));
            let (mut got, mut buffer) = (Vec::new(), vec![0; step]);
            loop {
                let count = ahead.read(&mut buffer).await.unwrap();
                if count == 0 {
                    break;
                }
                got.extend_from_slice(&buffer[..count]);
            }
            server.await.unwrap();
            assert!(got == sent, "{pipe} {step}");
        }
    }

    #[tokio::test]
    async fn much_is_read_at_once_and_a_quiet_stream_holds_no_buffer() {
        // The last read brings much or little.
        for behind in [30_000, 100] {
            let (ours, mut theirs) = duplex(200_000);
            theirs.write_all(&pattern(SMALL + AHEAD + behind)).await.unwrap();
            let mut ahead = ReadAhead::new(Box::new(ours));
            let mut buffer = [0; SMALL];
            ahead.read_exact(&mut buffer).await.unwrap();
            assert_eq!(ahead.buffer.capacity(), 0);
            ahead.read_exact(&mut buffer).await.unwrap();
            assert_eq!(ahead.buffer.len(), AHEAD);
            ahead.read_exact(&mut vec![0; AHEAD + behind - SMALL]).await.unwrap();
            let is_quiet = poll_fn(|cx| Poll::Ready(pin!(ahead.read_u8()).poll(cx).is_pending())).await;
            assert!(is_quiet);
            assert_eq!(ahead.buffer.capacity(), 0);
        }
    }

    #[tokio::test]
    async fn the_first_bytes_are_kept_up_to_a_bound_and_only_during_the_handshake() {
        let (ours, mut theirs) = duplex(200_000);
        theirs.write_all(&[b'a'; 100]).await.unwrap();
        let mut ahead = ReadAhead::new(Box::new(ours));
        ahead.read_exact(&mut [0; 100]).await.unwrap();
        assert_eq!(ahead.plain_text(), Some("a".repeat(KEPT).into()));
        ahead.stop_watching();
        assert_eq!(ahead.plain_text(), None);
    }
}
