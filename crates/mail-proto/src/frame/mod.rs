//! Cutting the byte stream into frames: a line with its literals.
//!
//! A [`Framer`] is fed bytes in pieces of any size and gives [`Event`]s. It looks at each byte of text once, at the
//! bytes of a literal never, and keeps its place between calls, so that the work is linear however the input is
//! split, and the events are the same once adjacent chunks are joined.
//!
//! - A frame whose literals are all small is one [`Segment`]: its text with the literals in it, as on the wire.
//! - A literal above [`Limits::kept_literal`] isn't gathered. The segment ends behind its `{n}` line, the bytes follow
//!   as [`Event::Chunk`]s, and a further segment goes on behind it. Whether that happens depends on the announced
//!   length alone.
//! - Status text has no literals: in `* OK quota {3}` the braces are text.
//! - A line ends in CRLF. LF alone ends one only on a connection whose first line ended so; elsewhere it is a byte.
//!
//! [`Framer::lend`] gives the same events with text that still lies in the read buffer: most responses are short, and
//! memory for each would cost more than reading it.
//!
//! Nothing is allocated because a peer announced it. A limit that is exceeded ends the stream with a [`FrameError`].

mod lent;
mod limits;

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

pub use lent::{Lent, LentSegment};
pub use limits::{FrameError, Limits};

/// Which side's lines are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// A client reads responses: only untagged data has literals.
    Client,
    /// A server reads commands: any line may have literals, and some wait to be asked for.
    Server,
}

/// A piece of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Text of a frame, with its small literals.
    Segment(Segment),
    /// Bytes of the streamed literal that the last segment announced, never empty.
    Chunk(Bytes),
    /// At a server: the client waits with a literal until it is asked to go on. Send a continuation request and read
    /// on, or call [`Framer::refuse_literal`] and answer the command with NO or BAD.
    /// What was read of the command is in [`Framer::partial`], or in the segment before if the literal is streamed.
    LiteralWaits {
        /// The announced length in bytes.
        len: u64,
    },
}

/// Text of a frame up to its end or up to a streamed literal, line ends and small literals included.
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    /// The bytes as on the wire.
    pub bytes: Bytes,
    /// Whether this goes on behind a streamed literal instead of beginning a frame.
    pub continues: bool,
    /// The length of the streamed literal that follows; `None` at the end of the frame.
    pub streamed: Option<u64>,
}

/// Cuts a byte stream into frames. See the [module](self).
pub struct Framer {
    side: Side,
    limits: Limits,
    buffer: BytesMut,
    /// Where the current line begins in the buffer: 0, or behind a kept literal.
    line: usize,
    /// Up to where the buffer was searched for a line end; beyond its end while a kept literal is still coming.
    scanned: usize,
    /// Bytes of kept literals in the current segment.
    kept: usize,
    /// Bytes of the current frame's segments before this one.
    before: usize,
    /// Literals of the current frame.
    literals: usize,
    /// Where the last announcement of a kept literal that waits ends.
    announced_at: usize,
    /// Bytes of a streamed literal that are still to come.
    streaming: u64,
    /// A streamed literal that waits to be asked for, of which nobody was told yet.
    waits: bool,
    continues: bool,
    /// How the first line ended, once there was one.
    bare_line_feeds: Option<bool>,
    failed: Option<FrameError>,
}

/// Segments from this size on share the read buffer; smaller ones get memory of their own, so that a kept response
/// doesn't keep a whole read buffer.
const SHARE_FROM: usize = 32 * 1024;

impl Framer {
    /// A framer for the responses that a client reads.
    pub fn responses(limits: Limits) -> Self {
        Self::new(Side::Client, limits)
    }

    /// A framer for the commands that a server reads.
    pub fn commands(limits: Limits) -> Self {
        Self::new(Side::Server, limits)
    }

    fn new(side: Side, limits: Limits) -> Self {
        Self {
            side,
            limits: limits.within_bounds(),
            buffer: BytesMut::new(),
            line: 0,
            scanned: 0,
            kept: 0,
            before: 0,
            literals: 0,
            announced_at: 0,
            streaming: 0,
            waits: false,
            continues: false,
            bare_line_feeds: None,
            failed: None,
        }
    }

    /// The buffer to append what was read to. Only append: what it holds is still being worked on.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Bytes that were read and not yet given out as an event.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// How many bytes of a streamed literal are still to come.
    pub fn streaming(&self) -> u64 {
        self.streaming
    }

    /// Whether the stream stands between two frames, with nothing read of the next.
    pub fn is_at_frame_start(&self) -> bool {
        self.buffer.is_empty() && !self.continues && self.streaming == 0
    }

    /// Forgets what is buffered and starts anew, as after a switch to TLS.
    pub fn reset(&mut self) {
        *self = Self::new(self.side, self.limits.clone());
    }

    /// The next event, or `None` until more has been read.
    ///
    /// # Errors
    /// A limit was exceeded. The stream can't be read on; each further call fails the same way.
    pub fn next_event(&mut self) -> Result<Option<Event>, FrameError> {
        Ok(self.lend()?.map(|lent| match lent {
            Lent::Segment(segment) => Event::Segment(segment.take()),
            Lent::Chunk(bytes) => Event::Chunk(bytes),
            Lent::LiteralWaits { len } => Event::LiteralWaits { len },
        }))
    }

    /// The next event, its text still in the read buffer, or `None` until more has been read.
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    #[inline]
    pub fn lend(&mut self) -> Result<Option<Lent<'_>>, FrameError> {
        match self.plain_line() {
            Some(end) => Ok(Some(Lent::Segment(LentSegment { framer: self, end, continues: false }))),
            None => self.lend_any(),
        }
    }

    /// Where the frame ends that comes next, if nothing of it was looked at yet and it is a line without literals, as
    /// most are.
    #[inline]
    fn plain_line(&self) -> Option<usize> {
        let is_between = self.scanned == 0 && !self.continues && self.streaming == 0 && self.failed.is_none();
        if !is_between || self.bare_line_feeds != Some(false) {
            return None;
        }
        let end = memchr(b'\n', &self.buffer)? + 1;
        let line = self.buffer.get(..end)?;
        let plain = matches!(line, [.., before, b'\r', b'\n'] if *before != b'}');
        (plain && end <= self.limits.text && end <= self.limits.frame).then_some(end)
    }

    fn lend_any(&mut self) -> Result<Option<Lent<'_>>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.step() {
            Ok(Some(Step::Segment { end, continues })) => {
                Ok(Some(Lent::Segment(LentSegment { framer: self, end, continues })))
            }
            Ok(Some(Step::Chunk(bytes))) => Ok(Some(Lent::Chunk(bytes))),
            Ok(Some(Step::LiteralWaits { len })) => Ok(Some(Lent::LiteralWaits { len })),
            Ok(None) => Ok(None),
            Err(error) => Err(self.failed.insert(error).clone()),
        }
    }

    /// At a server, after [`Event::LiteralWaits`]: the literal won't be asked for, so the command is over.
    pub fn refuse_literal(&mut self) {
        // The client sends nothing of a refused literal: what is behind the announcement is the next command.
        let announced = self.partial().len();
        self.buffer.advance(announced);
        self.streaming = 0;
        self.end_of_frame();
    }

    /// At a server, after [`Event::LiteralWaits`]: the command so far, up to and including the announcement.
    pub fn partial(&self) -> &[u8] {
        &self.buffer[..self.announced_at]
    }

    fn step(&mut self) -> Result<Option<Step>, FrameError> {
        if self.streaming > 0 {
            if std::mem::take(&mut self.waits) {
                return Ok(Some(Step::LiteralWaits { len: self.streaming }));
            }
            return Ok(self.chunk());
        }
        loop {
            let Some(end) = self.line_end()? else { return Ok(None) };
            let Some(literal) = self.announced(end)? else {
                let segment = Step::Segment { end, continues: self.continues };
                self.end_of_frame();
                return Ok(Some(segment));
            };
            self.literals += 1;
            if self.literals > self.limits.literals {
                return Err(FrameError::TooManyLiterals { limit: self.limits.literals });
            }
            if literal.len > self.limits.kept_literal as u64 {
                self.before += end;
                let segment = Step::Segment { end, continues: self.continues };
                self.continues = true;
                self.streaming = literal.len;
                self.waits = literal.waits;
                (self.line, self.scanned, self.kept, self.announced_at) = (0, 0, 0, 0);
                return Ok(Some(segment));
            }
            // At most `kept_literal`, which is a usize.
            let len = literal.len as usize;
            self.kept += len;
            self.line = end + len;
            self.scanned = self.line;
            if self.before + self.line > self.limits.frame {
                return Err(FrameError::FrameTooLong { limit: self.limits.frame });
            }
            if literal.waits {
                self.announced_at = end;
                return Ok(Some(Step::LiteralWaits { len: literal.len }));
            }
        }
    }

    fn chunk(&mut self) -> Option<Step> {
        let len = usize::try_from(self.streaming).unwrap_or(usize::MAX).min(self.buffer.len());
        if len == 0 {
            return None;
        }
        self.streaming -= len as u64;
        Some(Step::Chunk(self.buffer.split_to(len).freeze()))
    }

    /// The end of the current line (behind its line feed), once it is there.
    fn line_end(&mut self) -> Result<Option<usize>, FrameError> {
        // Nothing is there yet to be searched while a kept literal is still coming.
        while let Some(found) = self.buffer.get(self.scanned..).and_then(|rest| memchr(b'\n', rest)) {
            let at = self.scanned + found;
            self.scanned = at + 1;
            let bare = at == self.line || self.buffer[at - 1] != b'\r';
            if !bare || *self.bare_line_feeds.get_or_insert(bare) {
                self.bare_line_feeds.get_or_insert(false);
                self.check_text(at + 1)?;
                return Ok(Some(at + 1));
            }
        }
        self.scanned = self.scanned.max(self.buffer.len());
        self.check_text(self.buffer.len())?;
        Ok(None)
    }

    fn check_text(&self, end: usize) -> Result<(), FrameError> {
        if end.saturating_sub(self.kept) > self.limits.text {
            return Err(FrameError::TextTooLong { limit: self.limits.text });
        }
        if self.before + end > self.limits.frame {
            return Err(FrameError::FrameTooLong { limit: self.limits.frame });
        }
        Ok(())
    }

    /// The literal that the line ending at `end` announces, if it does.
    fn announced(&self, end: usize) -> Result<Option<Announced>, FrameError> {
        let line = &self.buffer[self.line..end];
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(inner) = line.strip_suffix(b"}") else { return Ok(None) };
        let (inner, plus) = match inner.strip_suffix(b"+") {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        let digits = inner.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let (head, digits) = inner.split_at(inner.len() - digits);
        if digits.is_empty() || !head.ends_with(b"{") {
            return Ok(None);
        }
        if self.side == Side::Client && !self.continues && !may_have_literals(&self.buffer) {
            return Ok(None);
        }
        // A length that doesn't fit in 64 bits is beyond every limit.
        let len = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).unwrap_or(u64::MAX);
        if len > self.limits.literal {
            return Err(FrameError::LiteralTooLong { announced: len, limit: self.limits.literal });
        }
        Ok(Some(Announced { len, waits: self.side == Side::Server && !plus }))
    }

    /// Takes the segment that ends at `end` out of the buffer.
    fn cut(&mut self, end: usize) -> Bytes {
        if end < SHARE_FROM {
            let bytes = Bytes::copy_from_slice(&self.buffer[..end]);
            self.buffer.advance(end);
            bytes
        } else {
            self.buffer.split_to(end).freeze()
        }
    }

    #[inline]
    fn skip(&mut self, len: usize) {
        self.buffer.advance(len.min(self.buffer.len()));
    }

    fn end_of_frame(&mut self) {
        (self.line, self.scanned, self.kept) = (0, 0, 0);
        (self.before, self.literals, self.announced_at) = (0, 0, 0);
        self.continues = false;
    }
}

/// Shows how many bytes there are, never which: at a server they may be a password.
impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("bytes", &self.bytes.len())
            .field("continues", &self.continues)
            .field("streamed", &self.streamed)
            .finish()
    }
}

/// Shows how much is buffered, never what: it is somebody's mail, or at a server somebody's password.
impl fmt::Debug for Framer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Framer")
            .field("side", &self.side)
            .field("buffered", &self.buffer.len())
            .field("streaming", &self.streaming)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// An [`Event`] whose text is told by where it ends in the buffer.
enum Step {
    Segment { end: usize, continues: bool },
    Chunk(Bytes),
    LiteralWaits { len: u64 },
}

struct Announced {
    len: u64,
    waits: bool,
}

/// Whether a response that begins so may have literals: it is untagged data, not a status response.
fn may_have_literals(response: &[u8]) -> bool {
    let Some(rest) = response.strip_prefix(b"*") else { return false };
    let rest = rest.trim_ascii_start();
    let word = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let is_status = [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"]
        .iter()
        .any(|status| status.eq_ignore_ascii_case(&rest[..word]));
    !is_status
}

#[cfg(test)]
mod tests;
