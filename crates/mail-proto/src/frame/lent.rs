//! Text that is read where it lies.

use super::{Framer, Segment};

/// The next event, with text lent by the read buffer. See [`Event`](super::Event).
#[derive(Debug)]
#[non_exhaustive]
pub enum Lent<'a> {
    /// Text of a frame, with its small literals.
    Segment(LentSegment<'a>),
    /// Bytes of the streamed literal that the last segment announced, never empty.
    Chunk(bytes::Bytes),
    /// At a server: the client waits with a literal until it is asked to go on.
    LiteralWaits {
        /// The announced length in bytes.
        len: u64,
    },
}

/// A [`Segment`] that still lies in the read buffer. It leaves the buffer when it is dropped.
///
/// Most responses leave little behind: a number, a short text. Reading them here spares the memory that a segment of
/// its own takes.
#[derive(Debug)]
pub struct LentSegment<'a> {
    pub(super) framer: &'a mut Framer,
    pub(super) end: usize,
    pub(super) continues: bool,
}

impl LentSegment<'_> {
    /// The bytes as on the wire.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.framer.buffer.get(..self.end).unwrap_or_default()
    }

    /// Whether this goes on behind a streamed literal instead of beginning a frame.
    #[inline]
    pub fn continues(&self) -> bool {
        self.continues
    }

    /// The length of the streamed literal that follows; `None` at the end of the frame.
    #[inline]
    pub fn streamed(&self) -> Option<u64> {
        // One that is announced has a length above zero, and nothing of it was given out yet.
        (self.framer.streaming > 0).then_some(self.framer.streaming)
    }

    /// The segment with memory of its own.
    #[inline]
    pub fn take(mut self) -> Segment {
        let end = std::mem::take(&mut self.end);
        Segment { bytes: self.framer.cut(end), continues: self.continues, streamed: self.streamed() }
    }
}

impl Drop for LentSegment<'_> {
    #[inline]
    fn drop(&mut self) {
        self.framer.skip(self.end);
    }
}
