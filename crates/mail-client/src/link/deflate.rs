//! A compressed stream (COMPRESS=DEFLATE, RFC 4978): deflated one way, inflated the other, never without bound.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::Stream;

/// What one read gives at most.
const STEP: usize = 1 << 20;

/// What is read or deflated at a time.
const PIECE: usize = 16 * 1024;

/// What waits to be written, at most, before no more is taken.
const UNWRITTEN: usize = 64 * 1024;

/// How much may come of little.
#[derive(Clone, Copy, Debug)]
struct Bound {
    /// So many bytes of each that was read.
    ratio: u64,
    /// And so many beyond: mail may well be nothing but zeros for a while.
    slack: u64,
}

const BOUND: Bound = Bound { ratio: 1000, slack: 64 << 20 };

/// Why a compressed stream can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InflateError {
    #[error("the compressed data is broken")]
    Corrupt,
    #[error("the compressed data grows more than {0} times as it is inflated, which no mail does")]
    Bomb(u64),
}

impl From<InflateError> for io::Error {
    fn from(error: InflateError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// A stream that is compressed both ways.
pub(super) struct Deflated {
    inner: Stream,
    inflate: Decompress,
    /// Read and not inflated yet.
    read: BytesMut,
    /// The inflater may have more to give without reading more.
    more: bool,
    ended: bool,
    bound: Bound,
    /// How much may still come of what was read so far.
    allowed: u64,
    deflate: Compress,
    /// Deflated and not written yet.
    unwritten: BytesMut,
    /// What was taken since the peer could last read all of it.
    unflushed: bool,
}

impl Deflated {
    /// Compresses a stream, of which this was already read.
    pub(super) fn new(inner: Stream, read: BytesMut) -> Self {
        Self::bounded(inner, read, BOUND)
    }

    fn bounded(inner: Stream, read: BytesMut, bound: Bound) -> Self {
        Self {
            inner,
            inflate: Decompress::new(false),
            read,
            more: false,
            ended: false,
            bound,
            allowed: bound.slack,
            deflate: Compress::new(Compression::default(), false),
            unwritten: BytesMut::new(),
            unflushed: false,
        }
    }

    /// Inflates what was read into the buffer. Says how much came of it.
    fn inflate(&mut self, out: &mut ReadBuf<'_>) -> Result<usize, InflateError> {
        let room = out.remaining().min(STEP);
        let space = out.initialize_unfilled_to(room);
        let before = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(&self.read, space, FlushDecompress::None);
        let status = status.map_err(|_| InflateError::Corrupt)?;
        let taken = self.inflate.total_in() - before.0;
        let given = self.inflate.total_out() - before.1;
        // Neither is more than the buffers are long.
        self.read.advance(taken as usize);
        out.advance(given as usize);
        self.more = given as usize == room;
        self.ended = status == Status::StreamEnd;
        let earned = self.allowed.saturating_add(self.bound.ratio.saturating_mul(taken));
        let left = earned.checked_sub(given).ok_or(InflateError::Bomb(self.bound.ratio))?;
        self.allowed = left.min(self.bound.slack);
        Ok(given as usize)
    }

    /// Deflates all of this.
    fn deflate(&mut self, mut bytes: &[u8], flush: FlushCompress) -> io::Result<()> {
        let mut piece = [0; PIECE];
        loop {
            let before = (self.deflate.total_in(), self.deflate.total_out());
            self.deflate.compress(bytes, &mut piece, flush).map_err(io::Error::other)?;
            let taken = (self.deflate.total_in() - before.0) as usize;
            let given = (self.deflate.total_out() - before.1) as usize;
            bytes = &bytes[taken..];
            self.unwritten.extend_from_slice(&piece[..given]);
            if bytes.is_empty() && given < PIECE {
                return Ok(());
            }
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unwritten.is_empty() {
            let len = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.unwritten))?;
            if len == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unwritten.advance(len);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Deflated {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.ended || out.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if (this.more || !this.read.is_empty()) && this.inflate(out)? > 0 {
                return Poll::Ready(Ok(()));
            }
            this.read.reserve(PIECE);
            let mut piece = [0; PIECE];
            let mut buffer = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.read.extend_from_slice(buffer.filled());
        }
    }
}

impl AsyncWrite for Deflated {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.unwritten.len() >= UNWRITTEN {
            ready!(this.poll_drain(cx))?;
        }
        let taken = &bytes[..bytes.len().min(UNWRITTEN)];
        this.deflate(taken, FlushCompress::None)?;
        this.unflushed = true;
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if std::mem::take(&mut this.unflushed) {
            this.deflate(&[], FlushCompress::Sync)?;
        }
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        time::timeout,
    };

    use super::*;

    /// Bytes that don't get fewer.
    fn noise(len: usize) -> Vec<u8> {
        let numbers = std::iter::successors(Some(1_u64), |last| {
            Some(last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
        });
        numbers.map(|number| (number >> 56) as u8).take(len).collect()
    }

    fn pair(bound: Bound) -> (Deflated, Deflated) {
        let (ours, theirs) = duplex(1000);
        let deflated = |io| Deflated::bounded(Stream::Plain(Box::new(io)), BytesMut::new(), bound);
        (deflated(ours), deflated(theirs))
    }

    #[tokio::test]
    async fn what_goes_in_comes_out_at_once_after_a_flush() {
        let (mut ours, mut theirs) = pair(BOUND);
        let (one, two) = (b"A1 NOOP\r\n".to_vec(), b"A2 NOOP\r\n".to_vec());
        // What doesn't get less by it takes more than a piece to flush.
        for text in [one, vec![b'x'; 300_000], noise(30_000), noise(300_000), two] {
            let send = async {
                ours.write_all(&text).await.unwrap();
                ours.flush().await.unwrap();
            };
            let mut come = vec![0; text.len()];
            let (_, read) = tokio::join!(send, theirs.read_exact(&mut come));
            read.unwrap();
            assert!(come == text);
        }
    }

    #[tokio::test]
    async fn a_goodbye_takes_all_along_that_went_in() {
        let (mut ours, mut theirs) = pair(BOUND);
        let text = noise(100_000);
        let send = async {
            ours.write_all(&text).await.unwrap();
            ours.shutdown().await.unwrap();
        };
        let mut come = Vec::new();
        let (_, read) = tokio::join!(send, theirs.read_to_end(&mut come));
        read.unwrap();
        assert!(come == text);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_is_taken_than_the_peer_takes_and_a_little() {
        let (mut ours, _theirs) = pair(BOUND);
        let text = noise(1 << 20);
        let second = Duration::from_secs(1);
        let mut taken = 0;
        while let Ok(len) = timeout(second, ours.write(&text[taken..])).await {
            taken += len.unwrap();
            // Nor is more taken when some of it was to be flushed.
            assert!(timeout(second, ours.flush()).await.is_err());
        }
        assert!((UNWRITTEN..3 * UNWRITTEN).contains(&taken), "{taken} bytes");
    }

    #[tokio::test]
    async fn behind_the_end_of_the_compressed_stream_nothing_is_read() {
        let (ours, mut theirs) = duplex(1000);
        let mut ours = Deflated::new(Stream::Plain(Box::new(ours)), BytesMut::new());
        let mut all = Vec::with_capacity(1000);
        let mut deflate = Compress::new(Compression::default(), false);
        deflate.compress_vec(b"bye", &mut all, FlushCompress::Finish).unwrap();
        theirs.write_all(&all).await.unwrap();
        theirs.write_all(b"and more").await.unwrap();
        assert_eq!(ours.read(&mut []).await.unwrap(), 0, "no room is no reason to wait");
        let mut come = Vec::new();
        ours.read_to_end(&mut come).await.unwrap();
        assert_eq!(come, b"bye");
    }

    #[tokio::test]
    async fn a_bomb_ends_with_an_error_and_a_mail_of_zeros_does_not() {
        let zeros = vec![0; 4 << 20];
        for (slack, bursts) in [(1 << 10, true), (64 << 20, false)] {
            let (mut ours, mut theirs) = pair(Bound { ratio: 100, slack });
            let zeros = zeros.clone();
            let send = tokio::spawn(async move {
                let _ = ours.write_all(&zeros).await;
                let _ = ours.flush().await;
            });
            let mut come = vec![0; 4 << 20];
            let read = theirs.read_exact(&mut come).await;
            let error = read.err().and_then(|error| error.get_ref()?.downcast_ref::<InflateError>().copied());
            assert_eq!(error, bursts.then_some(InflateError::Bomb(100)));
            drop(theirs);
            send.await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_not_compressed_is_an_error() {
        let (ours, mut theirs) = duplex(1000);
        let mut ours = Deflated::new(Stream::Plain(Box::new(ours)), BytesMut::from(&b"\x07\x07\x07"[..]));
        theirs.write_all(b"\xff\xff\xff\xff").await.unwrap();
        let error = ours.read(&mut [0; 100]).await.unwrap_err();
        assert_eq!(error.get_ref().unwrap().downcast_ref(), Some(&InflateError::Corrupt));
    }
}
