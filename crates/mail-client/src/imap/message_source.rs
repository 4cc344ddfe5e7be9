//! Messages to be put into a mailbox: what is said of them, and where their bytes come from.

use std::{
    fmt,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
};

use bytes::{Bytes, BytesMut};
use mail_proto::imap::{AppendForm, AppendMessage, DateTime, Flag, client::WholeMessage};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::error::{Cause, Error, Result};
use crate::link::{Feed, Piece};

/// A message that is to be put into a mailbox.
///
/// ```
/// use mail_client::imap::{Flag, NewMessage};
///
/// let draft = NewMessage::new("Subject: later\r\n\r\nMore to come.\r\n").flags([Flag::Draft, Flag::Seen]);
/// ```
pub struct NewMessage {
    pub(super) about: AppendMessage,
    pub(super) content: Content,
}

/// Where a message's bytes come from.
pub(super) enum Content {
    Whole(WholeMessage),
    Reader(Pin<Box<dyn AsyncRead + Send>>),
}

/// How much is read of a message at a time, in bytes.
const CHUNK: usize = 64 << 10;

impl NewMessage {
    /// A message that is all there. Its lines have to end in CRLF (RFC 5322 section 2.1); nothing is changed in it.
    pub fn new(message: impl Into<Bytes>) -> Self {
        let message = WholeMessage::new(message);
        let about = AppendMessage::new(message.len() as u64);
        // Only a binary literal can hold NUL (RFC 3516 section 4.4).
        let form = if message.has_nul() { AppendForm::Binary } else { AppendForm::Text };
        Self { about: about.with_form(form), content: Content::Whole(message) }
    }

    /// A message that is read as it is sent, of just this many bytes. If there turn out to be more or fewer, the
    /// connection is cut, so that no server keeps half a message.
    pub fn from_reader(reader: impl AsyncRead + Send + 'static, len: u64) -> Self {
        Self { about: AppendMessage::new(len), content: Content::Reader(Box::pin(reader)) }
    }

    /// The flags it is to have; none unless told.
    #[must_use]
    pub fn flags(mut self, flags: impl IntoIterator<Item = Flag>) -> Self {
        self.about.flags = flags.into_iter().collect();
        self
    }

    /// The date at which it is to have come to the server; when it comes there unless told.
    #[must_use]
    pub fn internal_date(mut self, date: DateTime) -> Self {
        self.about.date = Some(date);
        self
    }

    /// How its bytes are announced: as text unless told, or as binary if it is there and holds NUL. Binary needs a server
    /// with BINARY (RFC 3516), and UTF-8 one where UTF8=ACCEPT is switched on (RFC 6855 section 4).
    #[must_use]
    pub fn form(mut self, form: AppendForm) -> Self {
        self.about.form = form;
        self
    }

    /// How many bytes it has.
    pub fn len(&self) -> u64 {
        self.about.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.about.len == 0
    }
}

/// Where messages are read from.
pub(super) type Readers = Vec<Pin<Box<dyn AsyncRead + Send>>>;

/// Reads messages into a connection, one after the other, once the first is wanted. From then on the readers are gone:
/// they give nothing a second time. Sets `differs` if one gives less than was announced, or more.
pub(super) async fn pour(
    readers: &mut Option<Readers>,
    lens: &[u64],
    feed: Feed,
    differs: &AtomicBool,
) -> Result<()> {
    let Feed { pieces, wanted } = feed;
    if wanted.await.is_err() {
        // The command has ended before any was wanted.
        return std::future::pending().await;
    }
    let mut readers = readers.take().unwrap_or_default();
    for (reader, len) in readers.iter_mut().zip(lens) {
        // One byte more than was announced is asked for, to see that there is none.
        let mut left = len + 1;
        while left > 0 {
            let mut chunk = BytesMut::with_capacity(CHUNK.min(usize::try_from(left).unwrap_or(CHUNK)));
            let read = reader.read_buf(&mut chunk).await;
            let read = read.map_err(|error| Error::new(Cause::Source(std::sync::Arc::new(error))))?;
            if read == 0 {
                break;
            }
            left = left.saturating_sub(read as u64);
            if left == 0 {
                differs.store(true, Ordering::Relaxed);
            }
            if pieces.send(Piece::Bytes(chunk.freeze())).await.is_err() {
                return std::future::pending().await;
            }
        }
        if left > 1 {
            differs.store(true, Ordering::Relaxed);
        }
        if pieces.send(Piece::End).await.is_err() {
            return std::future::pending().await;
        }
    }
    // What became of it is the command's to tell.
    std::future::pending().await
}

impl fmt::Debug for NewMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMessage").field("about", &self.about).finish_non_exhaustive()
    }
}
