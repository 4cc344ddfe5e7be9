//! Reading a line of the protocols without literals: where one stands in it, and the quirks seen so far.

use bytes::Bytes;

use crate::{
    error::{ParseError, Quirk, QuirkKind},
    lines::without_end,
};

/// A line that is being read from left to right.
pub(crate) struct Reading<'a> {
    frame: &'a Bytes,
    at: usize,
    end: usize,
    strict: bool,
    quirks: Vec<Quirk>,
}

impl<'a> Reading<'a> {
    /// The line without its end. LF alone as its end is a quirk.
    pub(crate) fn new(frame: &'a Bytes, strict: bool) -> Result<Self, ParseError> {
        let end = without_end(frame).len();
        let mut reading = Self { frame, at: 0, end, strict, quirks: Vec::new() };
        if frame.len() - end == 1 {
            reading.quirk_at(end, QuirkKind::BareLineFeed, "CRLF")?;
        }
        Ok(reading)
    }

    /// What is left of the line.
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.frame[self.at..self.end]
    }

    /// What is left of the line, as a share of it.
    pub(crate) fn take_rest(&mut self) -> Bytes {
        let rest = self.frame.slice(self.at..self.end);
        self.at = self.end;
        rest
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.end
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    pub(crate) fn advance(&mut self, len: usize) {
        self.at = (self.at + len).min(self.end);
    }

    /// Takes this byte, if it comes next.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// The bytes that come next for which `is` holds.
    pub(crate) fn take_while(&mut self, is: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let len = rest.iter().take_while(|byte| is(**byte)).count();
        self.at += len;
        &rest[..len]
    }

    /// The word that comes next, up to white space.
    pub(crate) fn word(&mut self, expected: &'static str) -> Result<&'a [u8], ParseError> {
        let word = self.take_while(|byte| !matches!(byte, b' ' | b'\t'));
        if word.is_empty() { Err(self.error(expected)) } else { Ok(word) }
    }

    /// White space, of which there should be one space. Returns whether there was any.
    pub(crate) fn spaces(&mut self) -> Result<bool, ParseError> {
        let start = self.at;
        let spaces = self.take_while(|byte| matches!(byte, b' ' | b'\t'));
        if !matches!(spaces, b"" | b" ") {
            self.quirk_at(start, QuirkKind::ExtraSpace, "a single space")?;
        }
        Ok(!spaces.is_empty())
    }

    /// A number in decimal digits, up to white space or the end.
    pub(crate) fn number(&mut self, expected: &'static str) -> Result<u64, ParseError> {
        let start = self.at;
        let digits = self.word(expected)?;
        if digits.iter().all(u8::is_ascii_digit) {
            // Digits are UTF-8.
            let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
            if let Some(number) = number {
                return Ok(number);
            }
        }
        self.at = start;
        Err(self.error(expected))
    }

    /// A message number, from 1 on.
    pub(crate) fn message_number(&mut self) -> Result<u32, ParseError> {
        let start = self.at;
        match self.number("a message number")?.try_into() {
            Ok(number) if number > 0 => Ok(number),
            _ => {
                self.at = start;
                Err(self.error("a message number"))
            }
        }
    }

    /// The end of the line; what stands there instead is a quirk.
    pub(crate) fn end(&mut self) -> Result<(), ParseError> {
        if !self.is_at_end() {
            self.quirk_at(self.at, QuirkKind::TrailingBytes, "CRLF")?;
            self.at = self.end;
        }
        Ok(())
    }

    pub(crate) fn quirk(&mut self, kind: QuirkKind, expected: &'static str) -> Result<(), ParseError> {
        self.quirk_at(self.at, kind, expected)
    }

    fn quirk_at(&mut self, at: usize, kind: QuirkKind, expected: &'static str) -> Result<(), ParseError> {
        if self.strict {
            return Err(ParseError::at(self.frame, at, expected));
        }
        self.quirks.push(Quirk { kind, offset: at });
        Ok(())
    }

    pub(crate) fn error(&self, expected: &'static str) -> ParseError {
        ParseError::at(&self.frame[..self.end], self.at, expected)
    }

    pub(crate) fn into_quirks(self) -> Vec<Quirk> {
        self.quirks
    }
}
