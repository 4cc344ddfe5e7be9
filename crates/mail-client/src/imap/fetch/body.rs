//! Content of a message: small at once, large in pieces.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, ReadBuf},
    sync::mpsc,
};

use super::parts::{Parts, Piece};
use crate::{
    error::{Cause, Error, Result},
    imap::connection::BodyEvent,
};

/// The body of a message, or a section of it. [`Debug`](fmt::Debug) shows its length, never what is in it.
#[non_exhaustive]
pub enum Body {
    /// All of it.
    Bytes(Bytes),
    /// It comes in pieces.
    Stream(BodyReader),
    /// There is none: the message was removed after it was asked for, or no such content was asked for.
    Gone,
    /// The server told of the message, and what it sent in this place can't be read.
    Unreadable(Error),
}

impl Body {
    /// Its length in bytes; `None` if there is none, or if it isn't known before the end (see [`BodyReader::len`]).
    pub fn len(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Stream(reader) => reader.len(),
            Self::Gone | Self::Unreadable(_) => None,
        }
    }

    /// Whether it is there and empty.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// The whole of it in memory.
    ///
    /// # Errors
    /// There is none ([`ErrorKind::Gone`](crate::ErrorKind::Gone)), it can't be read, or the connection was lost before its end.
    pub async fn bytes(self) -> Result<Bytes> {
        let mut reader = match self {
            Self::Bytes(bytes) => return Ok(bytes),
            other => other.into_reader()?,
        };
        let mut all = BytesMut::new();
        while let Some(chunk) = reader.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// A reader of it, whatever its size.
    ///
    /// # Errors
    /// There is none ([`ErrorKind::Gone`](crate::ErrorKind::Gone)), or it can't be read.
    pub fn into_reader(self) -> Result<BodyReader> {
        match self {
            Self::Bytes(bytes) => Ok(BodyReader::of(bytes)),
            Self::Stream(reader) => Ok(reader),
            Self::Gone => Err(Error::new(Cause::Gone)),
            Self::Unreadable(error) => Err(error),
        }
    }

    /// The whole of it, read as a message with its MIME parts.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes); or what came isn't a message ([`ErrorKind::Protocol`](crate::ErrorKind::Protocol)).
    #[cfg(feature = "mail-parser")]
    pub async fn parse(self) -> Result<mail_parser::Message<'static>> {
        let bytes = self.bytes().await?;
        let parsed = mail_parser::MessageParser::default().parse(&bytes[..]);
        parsed.map(mail_parser::Message::into_owned).ok_or_else(|| Error::new(Cause::Unreadable))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Stream(reader) => f.debug_tuple("Stream").field(reader).finish(),
            Self::Gone => f.write_str("Gone"),
            Self::Unreadable(error) => f.debug_tuple("Unreadable").field(error).finish(),
        }
    }
}

/// Content that comes in pieces: with [`chunk`](Self::chunk), or as an [`AsyncRead`].
///
/// On a connection that others share, content is asked for in parts of 1 MiB while it is read, so that the commands of
/// others run in between. On a connection of one's own it comes as a whole.
pub struct BodyReader {
    piece: Incoming,
    /// Where the piece ends that is being read.
    piece_end: u64,
    offset: u64,
    /// What comes behind it, where it was asked for in parts.
    parts: Option<Box<Parts>>,
    /// Whether nothing comes behind the piece.
    is_last: bool,
    /// What was taken from the piece for [`AsyncRead`], and not read yet.
    rest: Bytes,
    /// Why there is no more of it.
    failed: Option<Error>,
}

/// A piece that is there, or is coming.
pub(super) enum Incoming {
    Ready(Bytes),
    Chunks(mpsc::UnboundedReceiver<BodyEvent>),
}

impl BodyReader {
    fn of(bytes: Bytes) -> Self {
        let piece_end = bytes.len() as u64;
        Self::new(Incoming::Ready(bytes), piece_end, None)
    }

    /// What is there, or is coming, and behind it `parts`.
    pub(super) fn new(piece: Incoming, len: u64, parts: Option<Parts>) -> Self {
        let parts = parts.map(Box::new);
        Self {
            piece,
            piece_end: len,
            offset: 0,
            is_last: parts.is_none(),
            parts,
            rest: Bytes::new(),
            failed: None,
        }
    }

    /// Its length in bytes, as the server announced it; `None` if it comes in parts and the last isn't known yet.
    pub fn len(&self) -> Option<u64> {
        (self.is_last && self.failed.is_none()).then_some(self.piece_end)
    }

    /// Whether it is known to have no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// How many bytes have been read so far.
    pub fn offset(&self) -> u64 {
        self.offset - self.rest.len() as u64
    }

    /// The next piece, never empty; `None` behind the last.
    ///
    /// # Errors
    /// The connection was lost before the content's end, or the message was removed amid it
    /// ([`ErrorKind::Gone`](crate::ErrorKind::Gone)). What was read so far isn't the whole of it.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Ok(Some(std::mem::take(&mut self.rest))));
        }
        if let Some(error) = &self.failed {
            return Poll::Ready(Err(error.clone()));
        }
        let next = self.poll_on(cx);
        if let Some(parts) = &mut self.parts {
            parts.thirst(next.is_pending());
        }
        if let Poll::Ready(Err(error)) = &next {
            self.failed = Some(error.clone());
            // What is left of it needs no connection any more.
            self.parts = None;
        }
        next
    }

    fn poll_on(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            if self.offset < self.piece_end {
                if let (Some(parts), false) = (&mut self.parts, self.is_last) {
                    // While one part is read, the next is under way.
                    parts.ask(self.piece_end)?;
                }
                let lost = match self.poll_piece(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(bytes)) if bytes.is_empty() => continue,
                    Poll::Ready(Ok(bytes)) => {
                        self.offset += bytes.len() as u64;
                        return Poll::Ready(Ok(Some(bytes)));
                    }
                    Poll::Ready(Err(error)) => error,
                };
                match &mut self.parts {
                    // What was read so far is whole, and the rest can be asked for again.
                    Some(parts) => {
                        parts.lost(lost, self.offset)?;
                        (self.piece_end, self.is_last) = (self.offset, false);
                    }
                    None => return Poll::Ready(Err(lost.with_offset(self.offset))),
                }
            }
            let parts = self.parts.as_mut().filter(|_| !self.is_last);
            let Some(parts) = parts else {
                self.parts = None;
                return Poll::Ready(Ok(None));
            };
            let Piece { content, len, is_last } = ready!(parts.poll_next(cx, self.offset))?;
            self.piece = content.map_or_else(Incoming::Chunks, Incoming::Ready);
            (self.piece_end, self.is_last) = (self.offset + len, is_last);
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes>> {
        let chunks = match &mut self.piece {
            Incoming::Ready(bytes) => return Poll::Ready(Ok(std::mem::take(bytes))),
            Incoming::Chunks(chunks) => chunks,
        };
        Poll::Ready(match ready!(chunks.poll_recv(cx)) {
            Some(BodyEvent::Chunk { bytes, .. }) => Ok(bytes),
            Some(BodyEvent::Failed(error)) => Err(error),
            None => Err(Error::cut_short(self.offset, self.piece_end)),
        })
    }
}

impl fmt::Debug for BodyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyReader")
            .field("offset", &self.offset())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl AsyncRead for BodyReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let Some(mut bytes) = ready!(self.poll_chunk(cx)).map_err(io::Error::other)? else {
            return Poll::Ready(Ok(()));
        };
        buf.put_slice(&bytes.split_to(bytes.len().min(buf.remaining())));
        self.rest = bytes;
        Poll::Ready(Ok(()))
    }
}
