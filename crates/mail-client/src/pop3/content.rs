//! A message as it comes.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use mail_pool::Conn;
use tokio::{
    io::{AsyncRead, ReadBuf},
    sync::mpsc,
};

use super::{
    connection::{CancelOnDrop, Content, Use},
    manager::Pop3Manager,
};
use crate::{
    error::{Cause, Error, Result},
    link::{Credit, Starved},
};

/// A message, or the beginning of one: with [`chunk`](Self::chunk), as an [`AsyncRead`], or [whole](Self::bytes).
///
/// It comes over its connection no faster than it is read, whatever its size, and what others ask of the same connection
/// waits behind it. If it isn't read for the [stall timeout](super::Pop3ClientBuilder::stall_timeout) while somebody
/// waits, or isn't touched for 5 minutes, it ends in an error of the kind [`ReaderStalled`](crate::ErrorKind::ReaderStalled), so that
/// the maildrop isn't locked for ever. Dropping it early throws away the rest of it.
///
/// The dots that POP3 puts in are taken out.
pub struct MessageReader {
    content: mpsc::UnboundedReceiver<Content>,
    /// What has come, and wasn't read.
    rest: Bytes,
    /// It counts for as long as it isn't.
    credit: Option<Credit>,
    offset: u64,
    state: State,
    /// Gone at its end.
    source: Option<Source>,
}

enum State {
    Coming,
    Ended,
    Failed(Error),
}

/// What a message that is still to come needs.
struct Source {
    guard: CancelOnDrop,
    connection: Conn<Pop3Manager>,
    _using: Use,
}

impl MessageReader {
    pub(super) fn new(
        content: mpsc::UnboundedReceiver<Content>,
        guard: CancelOnDrop,
        connection: Conn<Pop3Manager>,
        using: Use,
    ) -> Self {
        let source = Some(Source { guard, connection, _using: using });
        Self { content, rest: Bytes::new(), credit: None, offset: 0, state: State::Coming, source }
    }

    /// How many bytes have been read so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next piece, never empty; `None` behind the last.
    ///
    /// # Errors
    /// The connection was lost before the message's end. What was read so far isn't the whole of it.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// The whole of what is left of it, in memory.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    pub async fn bytes(mut self) -> Result<Bytes> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut all = BytesMut::from(&first[..]);
        all.extend_from_slice(&second);
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// Waits until the server has sent a piece of it, or all, or has refused.
    pub(super) async fn begun(&mut self) -> Result<()> {
        std::future::poll_fn(|cx| self.poll_begun(cx)).await
    }

    pub(super) fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.rest.is_empty()
            && self.offset == 0
            && let Some((bytes, credit)) = ready!(self.poll_on(cx))?
        {
            (self.rest, self.credit) = (bytes, Some(credit));
        }
        Poll::Ready(Ok(()))
    }

    /// Says that somebody waits for what stands behind it.
    pub(super) fn starve(&self) -> Option<Starved> {
        Some(self.source.as_ref()?.connection.flow().starve())
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        let next = if self.rest.is_empty() {
            ready!(self.poll_on(cx))?.map(|(bytes, _)| bytes)
        } else {
            self.credit = None;
            Some(std::mem::take(&mut self.rest))
        };
        self.offset += next.as_ref().map_or(0, |bytes| bytes.len() as u64);
        Poll::Ready(Ok(next))
    }

    fn poll_on(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<(Bytes, Credit)>>> {
        match &self.state {
            State::Coming => {}
            State::Ended => return Poll::Ready(Ok(None)),
            State::Failed(error) => return Poll::Ready(Err(error.clone())),
        }
        let ended = match ready!(self.content.poll_recv(cx)) {
            Some(Content::Chunk { bytes, credit }) => return Poll::Ready(Ok(Some((bytes, credit)))),
            Some(Content::End(ended)) => ended,
            None => Err(Error::new(Cause::HungUp)),
        };
        if let Some(mut source) = self.source.take() {
            source.guard.forget();
        }
        Poll::Ready(match ended {
            Ok(()) => {
                self.state = State::Ended;
                Ok(None)
            }
            Err(error) => {
                let error = if self.offset > 0 { error.with_offset(self.offset) } else { error };
                self.state = State::Failed(error.clone());
                Err(error)
            }
        })
    }
}

impl fmt::Debug for MessageReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageReader").field("offset", &self.offset).finish_non_exhaustive()
    }
}

impl AsyncRead for MessageReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if self.rest.is_empty() {
            match ready!(self.poll_on(cx)).map_err(io::Error::other)? {
                Some((bytes, credit)) => (self.rest, self.credit) = (bytes, Some(credit)),
                None => return Poll::Ready(Ok(())),
            }
        }
        let len = self.rest.len().min(buf.remaining());
        buf.put_slice(&self.rest.split_to(len));
        if self.rest.is_empty() {
            self.credit = None;
        }
        self.offset += len as u64;
        Poll::Ready(Ok(()))
    }
}
