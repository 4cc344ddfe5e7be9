//! What a server needs besides the grammar: lines of commands, and bodies with their dots.

use bytes::{Bytes, BytesMut};

use crate::{
    dots::{LoneLineBreak, LoneLineBreaks, Stuffer},
    frame::FrameError,
    lines::Lines,
    secret::Secret,
};

/// Cuts what a client writes into lines: commands, and the responses of a SASL exchange.
#[derive(Debug)]
pub struct CommandReader {
    lines: Lines,
}

impl CommandReader {
    /// A reader of lines up to `limit` bytes, line end included.
    pub fn new(limit: usize) -> Self {
        Self { lines: Lines::new(limit) }
    }

    /// The buffer to append what was read to. Only append.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.lines.buffer
    }

    /// The next line with its end, or `None` until more has been read.
    ///
    /// # Errors
    /// The line is too long. The stream can't be read on.
    pub fn next_line(&mut self) -> Result<Option<Bytes>, FrameError> {
        self.lines.next_line()
    }
}

/// The pieces of a message as it goes behind a `+OK`: dots stuffed, line breaks made CRLF, the terminator at the end.
pub fn multi_line(message: Bytes) -> Vec<Bytes> {
    let mut stuffer = Stuffer::new(LoneLineBreaks::Normalise);
    let mut out = Vec::new();
    // Line breaks that stand alone are made what they were meant to be, so there is nothing to refuse.
    let done: Result<(), LoneLineBreak> =
        stuffer.push(message, &mut out).and_then(|()| stuffer.finish(&mut out));
    debug_assert!(done.is_ok());
    out
}

/// Whether APOP's digest is that of this password with the timestamp of the greeting, brackets included.
/// Without the feature `sasl` it never is.
pub fn apop_digest_matches(timestamp: &[u8], password: &Secret, digest: &[u8]) -> bool {
    super::apop::digest(timestamp, password)
        .is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(digest))
}
