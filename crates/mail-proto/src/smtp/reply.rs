//! Replies: three digits and text, on one line or several (RFC 5321 section 4.2), with enhanced codes (RFC 2034,
//! RFC 3463).
//!
//! ```text
//! Reply-line  = *(Reply-code "-" [textstring] CRLF) Reply-code [SP textstring] CRLF
//! Reply-code  = %x32-35 %x30-35 %x30-39
//! status-code = class "." subject "." detail        ; in front of the text of each line
//! ```

use std::fmt;

use bytes::{Bytes, BytesMut};

use super::{ParseOptions, Parsed};
use crate::{
    argument::{self, ArgumentError},
    error::{ParseError, Quirk, QuirkKind},
    frame::FrameError,
    lines::Lines,
    reading::Reading,
};

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The three digits.
    pub code: ReplyCode,
    /// The enhanced code, if the first line has one.
    pub enhanced: Option<EnhancedCode>,
    /// The text of each line, without the codes; at least one.
    pub lines: Vec<Bytes>,
}

/// A reply's three digits, 200 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyCode(u16);

impl ReplyCode {
    /// `None` if it isn't between 200 and 599.
    pub const fn new(code: u16) -> Option<Self> {
        if code >= 200 && code <= 599 { Some(Self(code)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// 2xx: it went well.
    pub const fn is_positive(self) -> bool {
        self.0 / 100 == 2
    }

    /// 3xx: the server waits for more.
    pub const fn is_intermediate(self) -> bool {
        self.0 / 100 == 3
    }

    /// 4xx: it failed, and may not later.
    pub const fn is_transient(self) -> bool {
        self.0 / 100 == 4
    }

    /// 5xx: it failed, and will again.
    pub const fn is_permanent(self) -> bool {
        self.0 / 100 == 5
    }
}

impl fmt::Display for ReplyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// An enhanced status code, such as 5.1.1 (RFC 3463).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnhancedCode {
    /// 2, 4 or 5.
    pub class: u8,
    /// What it is about: 1 the address, 2 the mailbox, 3 the system, 4 the network, 5 the protocol, 6 the content,
    /// 7 security or policy; 0 to 999.
    pub subject: u16,
    /// What about it, 0 to 999.
    pub detail: u16,
}

impl EnhancedCode {
    /// The code that the text begins with, and what is behind it.
    fn parse(text: &[u8], class: u8) -> Option<(Self, &[u8])> {
        let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
        let mut parts = text[..end].split(|byte| *byte == b'.');
        let mut number = || {
            let digits = parts.next()?;
            let is_number = (1..=3).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
            // Digits are UTF-8.
            is_number.then(|| std::str::from_utf8(digits).ok()?.parse::<u16>().ok())?
        };
        let code = Self { class: u8::try_from(number()?).ok()?, subject: number()?, detail: number()? };
        // Of another class than the reply it would contradict it: then it is text, a version number perhaps.
        (parts.next().is_none() && code.class == class)
            .then(|| (code, text[end..].strip_prefix(b" ").unwrap_or_default()))
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl Reply {
    /// A reply of one line.
    pub fn new(code: ReplyCode, text: impl Into<Bytes>) -> Self {
        Self { code, enhanced: None, lines: vec![text.into()] }
    }

    /// With an enhanced code.
    #[must_use]
    pub fn with_enhanced(mut self, enhanced: EnhancedCode) -> Self {
        self.enhanced = Some(enhanced);
        self
    }

    /// Whether it went well.
    pub fn is_positive(&self) -> bool {
        self.code.is_positive()
    }

    /// The text of all lines, with anything that isn't UTF-8 replaced.
    pub fn text_lossy(&self) -> String {
        self.lines.iter().map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join("\n")
    }

    /// Writes it, an enhanced code on each line.
    ///
    /// # Errors
    /// The text holds CR, LF or NUL, or there is no line.
    pub fn encode(&self) -> Result<Bytes, ArgumentError> {
        let mut out = Vec::new();
        for (at, text) in self.lines.iter().enumerate() {
            let separator = if at + 1 == self.lines.len() { ' ' } else { '-' };
            out.extend_from_slice(format!("{}{separator}", self.code).as_bytes());
            if let Some(enhanced) = self.enhanced {
                out.extend_from_slice(format!("{enhanced} ").as_bytes());
            }
            out.extend_from_slice(argument::text(text, "text")?);
            out.extend_from_slice(b"\r\n");
        }
        if out.is_empty() { Err(ArgumentError::Empty { what: "reply" }) } else { Ok(out.into()) }
    }
}

impl fmt::Display for Reply {
    /// The codes and the text in one line, escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        for line in &self.lines {
            write!(f, " {}", String::from_utf8_lossy(line).escape_debug())?;
        }
        Ok(())
    }
}

/// The bounds of a reply. What exceeds one ends the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one line, its end included.
    pub line: usize,
    /// Lines of one reply.
    pub lines: usize,
}

impl Default for Limits {
    /// Lines up to 16 KiB, 1,000 of them. RFC 5321 has 512 bytes, RFC 4954 has 12,288 for challenges.
    fn default() -> Self {
        Self { line: 16 << 10, lines: 1000 }
    }
}

/// Why replies can't be read on: they are told apart by their order alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// A limit was exceeded.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A line isn't one of a reply, or has another code than the lines before. Offsets count from the reply's first
    /// byte. Who only looks at a recorded stream may read on behind this reply.
    #[error("the server's line is no reply: {0}")]
    Parse(#[from] ParseError),
}

/// Cuts a byte stream into replies.
///
/// A line ends in CRLF. LF alone ends one only on a connection whose first line ended so.
pub struct ReplyReader {
    limits: Limits,
    options: ParseOptions,
    lines: Lines,
    /// The lines of a reply so far.
    open: Option<Parsed<Reply>>,
    /// Their bytes.
    open_len: usize,
}

/// Shows how much is there, never what: some servers repeat the password that they were told.
impl fmt::Debug for ReplyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyReader")
            .field("lines", &self.lines)
            .field("open_len", &self.open_len)
            .finish_non_exhaustive()
    }
}

impl ReplyReader {
    /// A reader at the beginning of a connection.
    pub fn new(limits: Limits, options: ParseOptions) -> Self {
        Self { lines: Lines::new(limits.line), limits, options, open: None, open_len: 0 }
    }

    /// The buffer to append what was read to. Only append.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.lines.buffer
    }

    /// Whether the stream stands between two replies, with nothing read of the next.
    pub fn is_at_reply(&self) -> bool {
        self.lines.buffer.is_empty() && self.open.is_none()
    }

    /// Forgets what is buffered and starts anew, as after a switch to TLS.
    pub fn reset(&mut self) {
        *self = Self::new(self.limits.clone(), self.options);
    }

    /// The next reply, or `None` until more has been read.
    ///
    /// # Errors
    /// The stream can't be read on.
    pub fn next_reply(&mut self) -> Result<Option<Parsed<Reply>>, ReadError> {
        while let Some(line) = self.lines.next_line()? {
            let last = self.line(&line).inspect_err(|_| self.forget())?;
            self.open_len += line.len();
            if last {
                let reply = self.open.take();
                self.forget();
                return Ok(reply);
            }
        }
        Ok(None)
    }

    fn forget(&mut self) {
        (self.open, self.open_len) = (None, 0);
    }

    /// Adds a line. Returns whether it is the last of its reply.
    fn line(&mut self, line: &Bytes) -> Result<bool, ReadError> {
        self.add(line).map_err(|error| match error {
            ReadError::Parse(error) => {
                ReadError::Parse(ParseError { offset: self.open_len + error.offset, ..error })
            }
            other => other,
        })
    }

    fn add(&mut self, line: &Bytes) -> Result<bool, ReadError> {
        let mut reading = Reading::new(line, self.options.strict)?;
        let error = reading.error("a reply code");
        let digits = reading.rest().get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit));
        let number = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let code = number.and_then(ReplyCode::new).ok_or(error)?;
        if self.open.as_ref().is_some_and(|open| open.value.code != code) {
            return Err(reading.error("the code of the line before").into());
        }
        reading.advance(3);
        let last = match reading.peek() {
            None => {
                // The space before no text is the grammar's, and left out by many.
                reading.quirk(QuirkKind::MissingText, "a space")?;
                true
            }
            Some(b'-') => false,
            Some(b' ') => true,
            Some(_) => return Err(reading.error("a space or \"-\"").into()),
        };
        reading.advance(1);
        let mut text = reading.take_rest();
        // The first digit is between 2 and 5.
        let class = (code.get() / 100) as u8;
        let enhanced =
            EnhancedCode::parse(&text, class).map(|(enhanced, rest)| (enhanced, text.slice_ref(rest)));
        let open = self.open.get_or_insert_with(|| {
            let reply = Reply { code, enhanced: enhanced.as_ref().map(|(code, _)| *code), lines: Vec::new() };
            Parsed { value: reply, quirks: Vec::new() }
        });
        if let Some((found, rest)) = enhanced
            && open.value.enhanced == Some(found)
        {
            text = rest;
        }
        if open.value.lines.len() == self.limits.lines {
            return Err(FrameError::FrameTooLong { limit: self.limits.lines * self.limits.line }.into());
        }
        open.value.lines.push(text);
        let before = self.open_len;
        open.quirks.extend(
            reading.into_quirks().into_iter().map(|quirk| Quirk { offset: before + quirk.offset, ..quirk }),
        );
        Ok(last)
    }
}
