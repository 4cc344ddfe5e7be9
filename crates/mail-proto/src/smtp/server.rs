//! What a server reads besides commands: messages, by DATA or by BDAT.

use std::fmt;

use bytes::{Bytes, BytesMut};

use crate::{
    dots::{LineEnd, Unstuffed, Unstuffer, lone_line_break},
    frame::FrameError,
    lines::Lines,
};

/// A piece of what a client writes.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A line with its end: a command, or a response of a SASL exchange.
    Line(Bytes),
    /// Bytes of a message, without the dots that were stuffed in, never empty.
    Chunk(Bytes),
    /// The end of a message, or of a chunk of BDAT.
    End {
        /// Whether a CR or LF stood alone in what came by DATA. Such a message must be refused: the next server may
        /// take it for a line end, and what follows a lone dot for commands.
        lone_line_break: bool,
    },
}

/// Shows how many bytes there are, never which: they may be a password, or somebody's mail.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "Line({})", line.len()),
            Self::Chunk(bytes) => write!(f, "Chunk({})", bytes.len()),
            Self::End { lone_line_break } => write!(f, "End {{ lone_line_break: {lone_line_break} }}"),
        }
    }
}

/// Cuts what a client writes into commands and messages. The events are the same however the input is split, once
/// adjacent chunks are joined.
///
/// Only CRLF ends a line, and only `CRLF . CRLF` a message: nothing that another server might take for the end of one
/// is taken for it here, and nothing is passed on as if it weren't there.
#[derive(Debug)]
pub struct Reader {
    lines: Lines,
    state: State,
    /// The largest message in bytes.
    limit: u64,
    read: u64,
}

#[derive(Debug)]
enum State {
    Lines,
    Data { unstuffer: Unstuffer, last: Option<u8>, lone_line_break: bool },
    Chunk { left: u64 },
}

impl Reader {
    /// A reader of lines up to `line` bytes, line end included, and messages up to `message` bytes, or what is left of
    /// them behind what was taken by BDAT.
    pub fn new(line: usize, message: u64) -> Self {
        Self { lines: Lines::with_crlf_only(line), state: State::Lines, limit: message, read: 0 }
    }

    /// A reader that also takes lines which end in LF alone, and then messages of such lines, if the first line ends so.
    ///
    /// This is for looking at recorded streams. A server that takes such line ends lets messages be smuggled in.
    pub fn of_recorded(line: usize, message: u64) -> Self {
        Self { lines: Lines::new(line), ..Self::new(line, message) }
    }

    /// The buffer to append what was read to. Only append.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.lines.buffer
    }

    /// Bytes that were read and not yet given out as an event. Behind STARTTLS there must be none.
    pub fn buffered(&self) -> usize {
        self.lines.buffer.len()
    }

    /// DATA was answered with 354: a message follows.
    pub fn expect_data(&mut self) {
        self.read = 0;
        let unstuffer = match self.lines.has_bare_line_feeds() {
            true => Unstuffer::tolerant(LineEnd::Lf),
            false => Unstuffer::exact(),
        };
        self.state = State::Data { unstuffer, last: None, lone_line_break: false };
    }

    /// BDAT was read: so many bytes follow, before any answer.
    pub fn expect_chunk(&mut self, size: u64) {
        self.state = State::Chunk { left: size };
    }

    /// The next message's size counts from zero.
    pub fn reset_size(&mut self) {
        self.read = 0;
    }

    /// The next event, or `None` until more has been read.
    ///
    /// # Errors
    /// A line or a message is too long. The stream can't be read on.
    pub fn next_event(&mut self) -> Result<Option<Event>, FrameError> {
        match &mut self.state {
            State::Lines => Ok(self.lines.next_line()?.map(Event::Line)),
            State::Data { unstuffer, last, lone_line_break: lone } => {
                match unstuffer.next(&mut self.lines.buffer) {
                    Unstuffed::Text(bytes) => {
                        *lone |=
                            !self.lines.has_bare_line_feeds() && lone_line_break(&bytes, *last).is_some();
                        *last = bytes.last().copied();
                        self.count(bytes.len())?;
                        Ok(Some(Event::Chunk(bytes)))
                    }
                    Unstuffed::End => {
                        let lone_line_break = *lone;
                        self.state = State::Lines;
                        Ok(Some(Event::End { lone_line_break }))
                    }
                    Unstuffed::Wait => Ok(None),
                }
            }
            State::Chunk { left: 0 } => {
                self.state = State::Lines;
                Ok(Some(Event::End { lone_line_break: false }))
            }
            State::Chunk { left } => {
                let len = usize::try_from(*left).unwrap_or(usize::MAX).min(self.lines.buffer.len());
                if len == 0 {
                    return Ok(None);
                }
                *left -= len as u64;
                let bytes = self.lines.buffer.split_to(len).freeze();
                self.count(len)?;
                Ok(Some(Event::Chunk(bytes)))
            }
        }
    }

    fn count(&mut self, len: usize) -> Result<(), FrameError> {
        self.read += len as u64;
        if self.read > self.limit {
            return Err(FrameError::FrameTooLong {
                limit: usize::try_from(self.limit).unwrap_or(usize::MAX),
            });
        }
        Ok(())
    }
}
