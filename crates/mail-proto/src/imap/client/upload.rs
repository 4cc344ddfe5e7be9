//! Messages that are uploaded piece by piece (APPEND, REPLACE).
//!
//! What was announced has to be given, byte for byte, or the connection is cut: a server that is given less stores
//! nothing, and padding would make a message that nobody wrote. The last byte of a message is written only once its
//! source has said that it is the last, so that one that turns out longer isn't stored cut short.

use std::fmt;

use bytes::Bytes;

use super::{CommandId, Event, Session};
use crate::imap::{
    append::{AppendForm, AppendMessage},
    catenate::CatenatePart,
    command::Command,
};

/// Where a message's bytes come from.
#[derive(Clone)]
pub(super) enum Source {
    /// They are all there.
    Whole(WholeMessage),
    /// They come piece by piece.
    Streamed,
}

/// Shows how much there is, never what: it is somebody's mail.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(message) => write!(f, "Whole({})", message.len()),
            Self::Streamed => f.write_str("Streamed"),
        }
    }
}

/// A message to upload that is all there. [`Debug`](fmt::Debug) shows its length, never what is in it.
///
/// Whether it holds NUL decides how it can be announced. That is looked for once, since it may be hundreds of
/// megabytes.
#[derive(Clone)]
pub struct WholeMessage {
    bytes: Bytes,
    has_nul: bool,
}

impl WholeMessage {
    /// This message.
    pub fn new(message: impl Into<Bytes>) -> Self {
        let bytes = message.into();
        let has_nul = memchr::memchr(0, &bytes).is_some();
        Self { bytes, has_nul }
    }

    /// Whether it holds NUL, which only [`AppendForm::Binary`] and [`AppendForm::Utf8`] can carry.
    pub fn has_nul(&self) -> bool {
        self.has_nul
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

impl fmt::Debug for WholeMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WholeMessage({})", self.len())
    }
}

/// Why a message can't be uploaded to its end, so that the connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// It was broken off.
    #[error("a message was broken off")]
    BrokenOff,
    /// It has another length than the command says.
    #[error("a message of {announced} bytes was announced, and at least {given} were given")]
    TooLong {
        /// The length in the command, in bytes.
        announced: u64,
        /// How many bytes there are, at least.
        given: u64,
    },
    /// It ends before the length that the command says.
    #[error("a message of {announced} bytes was announced, and {given} were given")]
    TooShort {
        /// The length in the command, in bytes.
        announced: u64,
        /// How many bytes there are.
        given: u64,
    },
    /// It holds NUL, which only [`AppendForm::Binary`] and [`AppendForm::Utf8`] can carry.
    #[error("a message holds NUL at {offset}")]
    Nul {
        /// Where, in bytes from the message's beginning.
        offset: u64,
    },
}

/// A message that comes piece by piece, as far as it has come.
#[derive(Debug)]
pub(super) struct Upload {
    /// Which of its command's uploads it is.
    index: usize,
    form: AppendForm,
    len: u64,
    given: u64,
    /// The last byte, once it came.
    last: Option<Last>,
    /// Whether it was asked for.
    asked: bool,
}

struct Last(Bytes);

impl fmt::Debug for Last {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Last")
    }
}

impl Upload {
    pub(super) fn new(index: usize, announced: Announced) -> Self {
        Self { index, form: announced.form, len: announced.len, given: 0, last: None, asked: false }
    }

    /// Which message to ask for, if that wasn't done yet.
    pub(super) fn ask(&mut self) -> Option<usize> {
        (!std::mem::replace(&mut self.asked, true)).then_some(self.index)
    }

    /// Takes in a piece. Returns what may be written of it.
    pub(super) fn push(&mut self, mut bytes: Bytes) -> Result<Bytes, UploadError> {
        if forbids_nul(self.form)
            && let Some(at) = memchr::memchr(0, &bytes)
        {
            return Err(UploadError::Nul { offset: self.given + at as u64 });
        }
        self.given += bytes.len() as u64;
        if self.given > self.len {
            return Err(UploadError::TooLong { announced: self.len, given: self.given });
        }
        if self.given == self.len && !bytes.is_empty() {
            self.last = Some(Last(bytes.split_off(bytes.len() - 1)));
        }
        Ok(bytes)
    }

    /// The message is complete. Returns what of it was kept back.
    pub(super) fn finish(&mut self) -> Result<Bytes, UploadError> {
        if self.given < self.len {
            return Err(UploadError::TooShort { announced: self.len, given: self.given });
        }
        Ok(self.last.take().map(|last| last.0).unwrap_or_default())
    }
}

/// Whether a message of this form may hold no NUL.
pub(super) fn forbids_nul(form: AppendForm) -> bool {
    match form {
        AppendForm::Text | AppendForm::Catenate => true,
        AppendForm::Binary | AppendForm::Utf8 => false,
    }
}

/// What a command says of an upload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Announced {
    pub(super) form: AppendForm,
    len: u64,
}

/// The uploads that a command carries: its messages, or the texts of one that is put together by the server.
pub(super) fn announced(command: &Command) -> Vec<Announced> {
    let messages = match command {
        Command::Append { messages, .. } => messages.as_slice(),
        Command::Replace { message, .. } => std::slice::from_ref(message),
        _ => &[],
    };
    let mut uploads = Vec::new();
    for AppendMessage { form, len, parts, .. } in messages {
        match form {
            AppendForm::Catenate => uploads.extend(parts.iter().filter_map(|part| match part {
                CatenatePart::Text { len } => Some(Announced { form: AppendForm::Text, len: *len }),
                CatenatePart::Url(_) => None,
            })),
            form => uploads.push(Announced { form: *form, len: *len }),
        }
    }
    uploads
}

impl Session {
    /// How many bytes of the message that [`Event::SendUpload`] asked for may be given now, so that no more than
    /// 256 KiB of it lie unwritten. 0 while no message of this command is wanted.
    pub fn upload_room(&self, id: CommandId) -> usize {
        self.queue.upload_room(id)
    }

    /// More of the message that [`Event::SendUpload`] asked for. Nothing happens if none of this command is wanted.
    ///
    /// All that is given is kept until it is written; [`upload_room`](Self::upload_room) says how much that should be
    /// at most. What can't be part of the message ends the connection with an [`UploadError`].
    pub fn write_upload(&mut self, id: CommandId, bytes: Bytes) {
        if !self.course.has_ended()
            && let Err(error) = self.queue.write_upload(id, bytes)
        {
            self.course.end(error.into());
        }
    }

    /// The message that [`Event::SendUpload`] asked for is complete. If it has fewer bytes than announced, the
    /// connection ends.
    pub fn finish_upload(&mut self, id: CommandId) {
        if !self.course.has_ended()
            && let Err(error) = self.queue.finish_upload(id)
        {
            self.course.end(error.into());
        }
    }

    /// Asks for a message, if there is a new one to ask for.
    pub(super) fn ask_for_upload(&mut self) -> Option<Event> {
        self.queue.wanted_upload().map(|(id, index)| Event::SendUpload { id, index })
    }
}
