//! A message that was fetched, and its body.

use bytes::{Bytes, BytesMut};
use mail_proto::imap::{
    DateTime, Flag,
    fetch::{Fetch, Flags},
};
use tokio::sync::mpsc;

use crate::{
    error::{Cause, Error, Result},
    imap::connection::BodyEvent,
};

/// A message, with what was asked for.
#[derive(Debug)]
pub struct Message {
    uid: u32,
    fetch: Fetch,
    /// Whether its body was asked for.
    has_body: bool,
    stream: Option<mpsc::UnboundedReceiver<BodyEvent>>,
}

impl Message {
    pub(super) fn new(
        uid: u32,
        fetch: Fetch,
        has_body: bool,
        stream: Option<mpsc::UnboundedReceiver<BodyEvent>>,
    ) -> Self {
        Self { uid, fetch, has_body, stream }
    }

    /// Its UID.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Its flags, if they were asked for.
    pub fn flags(&self) -> Option<Flags<'_>> {
        self.fetch.flags()
    }

    /// Whether it has this flag; `false` if flags weren't asked for.
    pub fn has_flag(&self, flag: &Flag) -> bool {
        self.fetch.flags().is_some_and(|flags| flags.contains(flag))
    }

    /// Its size in bytes, if it was asked for.
    pub fn size(&self) -> Option<u64> {
        self.fetch.size()
    }

    /// When it came to the server, if that was asked for and can be read.
    pub fn internal_date(&self) -> Option<DateTime> {
        self.fetch.internal_date()?.parse()
    }

    /// All that the server told of it.
    pub fn data(&self) -> &Fetch {
        &self.fetch
    }

    /// Its body. Small ones are there at once; large ones are read as they come, and hold up the messages behind them
    /// on the same connection until they are read or dropped.
    pub fn into_body(self) -> Body {
        if let (Some(chunks), Some(streamed)) = (self.stream, self.fetch.streamed()) {
            return Body::Stream(BodyReader { chunks, len: streamed.len, offset: 0 });
        }
        match self.fetch.body() {
            Some(body) => body.to_bytes().map_or(Body::Gone, Body::Bytes),
            // It was asked for and something came in its place, which doesn't say that the message is gone.
            None if self.has_body => Body::Unreadable(Error::new(Cause::Unreadable)),
            None => Body::Gone,
        }
    }
}

/// The body of a message.
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Bytes(Bytes),
    /// It comes in pieces.
    Stream(BodyReader),
    /// There is none: the message was removed after it was asked for, or no body was.
    Gone,
    /// The server told of the message, and what it sent for a body can't be read as one.
    Unreadable(Error),
}

impl Body {
    /// Its length in bytes; `None` if there is none.
    pub fn len(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Stream(reader) => Some(reader.len),
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
            Self::Gone => return Err(Error::new(Cause::Gone)),
            Self::Unreadable(error) => return Err(error),
            Self::Stream(reader) => reader,
        };
        let mut all = BytesMut::new();
        while let Some(chunk) = reader.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }
}

/// A body that comes in pieces.
#[derive(Debug)]
pub struct BodyReader {
    chunks: mpsc::UnboundedReceiver<BodyEvent>,
    len: u64,
    offset: u64,
}

impl BodyReader {
    /// Its length in bytes, as the server announced it.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes have been read so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next piece, never empty; `None` behind the last.
    ///
    /// # Errors
    /// The connection was lost before the body's end. What was read so far isn't the whole of it.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if self.offset == self.len {
            return Ok(None);
        }
        match self.chunks.recv().await {
            Some(BodyEvent::Chunk { bytes, .. }) => {
                self.offset += bytes.len() as u64;
                Ok(Some(bytes))
            }
            Some(BodyEvent::Failed(error)) => Err(error),
            None => Err(Error::cut_short(self.offset, self.len)),
        }
    }
}
