//! Cutting the byte stream: status lines, lines of listings, and messages as chunks.

use bytes::{Bytes, BytesMut};

use super::AnswerForm;
use crate::{
    dots::{LineEnd, Unstuffed, Unstuffer},
    frame::FrameError,
    lines::{Lines, without_end},
};

/// The bounds of an answer. What exceeds one ends the stream with a [`FrameError`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one line, its end included.
    pub line: usize,
    /// Bytes of one message or listing.
    pub answer: u64,
}

impl Default for Limits {
    /// Lines up to 64 KiB, messages up to 4 GiB − 1.
    fn default() -> Self {
        Self { line: 64 << 10, answer: u32::MAX.into() }
    }
}

/// A piece of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A status line, with its end.
    Status(Bytes),
    /// A line of a listing, with its end, without the dot that was stuffed in.
    Line(Bytes),
    /// Bytes of a message, without the dots that were stuffed in, never empty.
    Chunk(Bytes),
    /// The end of a listing or message.
    End,
}

/// Cuts a byte stream into answers.
///
/// It is fed bytes in pieces of any size and gives [`Event`]s, the same however the input was split once
/// adjacent chunks are joined. Whether anything follows a status line, and what, depends on the command, so the reader
/// says so with [`expect`](Self::expect) before it reads on.
///
/// - A line ends in CRLF. LF alone ends one only on a connection whose first line ended so; elsewhere it is a byte.
/// - A listing or message ends with a line of a single dot whose line ends are those of the first line: `CRLF . CRLF`.
/// - A leading dot is taken off where another dot follows it. Text behind a single one means that the server doesn't
///   stuff, and is kept.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    lines: Lines,
    state: State,
    /// Bytes of the current listing or message.
    read: u64,
    failed: Option<FrameError>,
}

#[derive(Debug)]
enum State {
    Status,
    Lines,
    Message(Unstuffer),
}

impl Framer {
    /// A framer at the beginning of a connection.
    pub fn new(limits: Limits) -> Self {
        Self { lines: Lines::new(limits.line), limits, state: State::Status, read: 0, failed: None }
    }

    /// The buffer to append what was read to. Only append: what it holds is still being worked on.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.lines.buffer
    }

    /// Bytes that were read and not yet given out as an event.
    pub fn buffered(&self) -> usize {
        self.lines.buffer.len()
    }

    /// Whether the stream stands between two answers, with nothing read of the next: where it may end.
    pub fn is_at_status(&self) -> bool {
        matches!(self.state, State::Status) && self.lines.buffer.is_empty()
    }

    /// Says what follows the status line that was read last.
    pub fn expect(&mut self, form: AnswerForm) {
        let line_end = if self.lines.has_bare_line_feeds() { LineEnd::Lf } else { LineEnd::CrLf };
        self.read = 0;
        self.state = match form {
            AnswerForm::Nothing => State::Status,
            AnswerForm::Lines => State::Lines,
            AnswerForm::Message => State::Message(Unstuffer::tolerant(line_end)),
        };
    }

    /// Forgets what is buffered and starts anew, as after a switch to TLS.
    pub fn reset(&mut self) {
        *self = Self::new(self.limits.clone());
    }

    /// The next event, or `None` until more has been read.
    ///
    /// # Errors
    /// A limit was exceeded. The stream can't be read on; each further call fails the same way.
    pub fn next_event(&mut self) -> Result<Option<Event>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.step().inspect_err(|error| self.failed = Some(error.clone()))
    }

    fn step(&mut self) -> Result<Option<Event>, FrameError> {
        match &mut self.state {
            State::Status => Ok(self.lines.next_line()?.map(Event::Status)),
            State::Lines => {
                let Some(line) = self.lines.next_line()? else { return Ok(None) };
                if without_end(&line) == b"." {
                    self.state = State::Status;
                    return Ok(Some(Event::End));
                }
                let line = if line.starts_with(b"..") { line.slice(1..) } else { line };
                self.count(line.len())?;
                Ok(Some(Event::Line(line)))
            }
            State::Message(unstuffer) => match unstuffer.next(&mut self.lines.buffer) {
                Unstuffed::Text(bytes) => {
                    self.count(bytes.len())?;
                    Ok(Some(Event::Chunk(bytes)))
                }
                Unstuffed::End => {
                    self.state = State::Status;
                    Ok(Some(Event::End))
                }
                Unstuffed::Wait => Ok(None),
            },
        }
    }

    fn count(&mut self, len: usize) -> Result<(), FrameError> {
        self.read += len as u64;
        if self.read > self.limits.answer {
            let limit = usize::try_from(self.limits.answer).unwrap_or(usize::MAX);
            return Err(FrameError::FrameTooLong { limit });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(framer: &mut Framer, input: &[u8]) -> Result<Vec<Event>, FrameError> {
        framer.buffer().extend_from_slice(input);
        std::iter::from_fn(|| framer.next_event().transpose()).collect()
    }

    #[test]
    fn the_stream_may_end_between_two_answers_only() {
        let mut framer = Framer::new(Limits::default());
        assert!(framer.is_at_status());
        feed(&mut framer, b"+OK").unwrap();
        assert!(!framer.is_at_status(), "amid a line");
        feed(&mut framer, b"\r\n").unwrap();
        assert!(framer.is_at_status());
        framer.expect(AnswerForm::Lines);
        assert!(!framer.is_at_status(), "amid a listing");
        feed(&mut framer, b".\r\n").unwrap();
        assert!(framer.is_at_status());
    }

    #[test]
    fn after_a_reset_nothing_is_left_of_what_came_before() {
        let mut framer = Framer::new(Limits::default());
        feed(&mut framer, b"+OK\n").unwrap();
        framer.expect(AnswerForm::Lines);
        feed(&mut framer, b"half").unwrap();
        framer.reset();
        assert!(framer.is_at_status());
        // Nor of how its lines ended.
        let read = feed(&mut framer, b"+OK\r\n+OK a\nb\r\n").unwrap();
        let lines = [&b"+OK\r\n"[..], b"+OK a\nb\r\n"];
        assert_eq!(read, lines.map(|line| Event::Status(Bytes::from_static(line))));
    }

    #[test]
    fn an_answer_may_be_as_long_as_the_limit() {
        for (form, answer) in
            [(AnswerForm::Lines, &b"abc\r\n.\r\n"[..]), (AnswerForm::Message, b"abc\r\n.\r\n")]
        {
            for (limit, fits) in [(5, true), (4, false), (6, true)] {
                let mut framer = Framer::new(Limits { answer: limit, ..Limits::default() });
                feed(&mut framer, b"+OK\r\n").unwrap();
                framer.expect(form);
                assert_eq!(feed(&mut framer, answer).is_ok(), fits, "{form:?}, {limit}");
            }
        }
    }
}
