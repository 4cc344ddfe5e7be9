//! Numbers, sizes and names of messages: STAT, LIST and UIDL (RFC 1939 sections 5 and 7).
//!
//! ```text
//! drop-listing    = number SP octets            ; STAT, in the status line
//! scan-listing    = msg-number SP octets        ; LIST
//! unique-id-line  = msg-number SP unique-id     ; UIDL; 1 to 70 characters of %x21-7E
//! ```

use bytes::Bytes;

use super::{ParseOptions, Parsed, Reply};
use crate::{
    argument::{self, ArgumentError},
    error::{ParseError, QuirkKind},
    reading::Reading,
};

/// The maildrop as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DropListing {
    /// Messages that aren't marked as deleted.
    pub count: u64,
    /// Their size in bytes, as far as the server knows.
    pub octets: u64,
}

impl DropListing {
    /// Reads the text of STAT's reply.
    ///
    /// # Errors
    /// Two numbers aren't there. Offsets count from the text's first byte.
    pub fn parse(reply: &Reply, options: ParseOptions) -> Result<Parsed<Self>, ParseError> {
        let mut reading = Reading::new(&reply.text, options.strict)?;
        reading.spaces_before()?;
        let count = reading.number("the number of messages")?;
        reading.spaces()?;
        let octets = reading.number("the size in octets")?;
        reading.end()?;
        Ok(Parsed { value: Self { count, octets }, quirks: reading.into_quirks() })
    }

    /// As the text of a reply.
    pub fn encode(&self) -> String {
        format!("{} {}", self.count, self.octets)
    }
}

/// The size of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanListing {
    /// The message's number in this session, from 1 on.
    pub number: u32,
    /// Its size in bytes, as far as the server knows.
    pub octets: u64,
}

impl ScanListing {
    /// Reads a line of LIST's answer, or the text of the reply to a LIST of one message.
    ///
    /// # Errors
    /// Two numbers aren't there.
    pub fn parse(line: impl Into<Bytes>, options: ParseOptions) -> Result<Parsed<Self>, ParseError> {
        let line = line.into();
        let mut reading = Reading::new(&line, options.strict)?;
        reading.spaces_before()?;
        let number = reading.message_number()?;
        reading.spaces()?;
        let octets = reading.number("the size in octets")?;
        // More may follow: "the standard does not say what" (RFC 1939 section 5).
        Ok(Parsed { value: Self { number, octets }, quirks: reading.into_quirks() })
    }

    /// As a line without its end.
    pub fn encode(&self) -> String {
        format!("{} {}", self.number, self.octets)
    }
}

/// The name of a message that lasts from session to session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueId {
    /// The message's number in this session, from 1 on.
    pub number: u32,
    /// Its name, all of it: servers send longer ones than they should, with spaces, and even empty ones.
    pub uid: Bytes,
}

impl UniqueId {
    /// Reads a line of UIDL's answer, or the text of the reply to a UIDL of one message.
    ///
    /// # Errors
    /// There is no message number. What it stands for can't be told then.
    pub fn parse(line: impl Into<Bytes>, options: ParseOptions) -> Result<Parsed<Self>, ParseError> {
        let line = line.into();
        let mut reading = Reading::new(&line, options.strict)?;
        reading.spaces_before()?;
        let number = reading.message_number()?;
        reading.spaces()?;
        let rest = reading.rest();
        let uid = rest.trim_ascii_end();
        if uid.is_empty() {
            reading.quirk(QuirkKind::MissingText, "a unique-id")?;
        } else if uid.len() > 70 || !uid.iter().all(u8::is_ascii_graphic) {
            reading.quirk(QuirkKind::ForbiddenByte, "1 to 70 printable characters")?;
        }
        let uid = line.slice_ref(uid);
        reading.advance(uid.len());
        if !reading.is_at_end() {
            reading.quirk(QuirkKind::ExtraSpace, "CRLF")?;
        }
        Ok(Parsed { value: Self { number, uid }, quirks: reading.into_quirks() })
    }

    /// As a line without its end.
    ///
    /// # Errors
    /// The name isn't what RFC 1939 allows.
    pub fn encode(&self) -> Result<Vec<u8>, ArgumentError> {
        let what = "unique-id";
        let uid = argument::word(&self.uid, what)?;
        if uid.len() > 70 {
            return Err(ArgumentError::TooLong { what, limit: 70 });
        }
        if !uid.is_ascii() {
            return Err(ArgumentError::NotAscii { what });
        }
        Ok([self.number.to_string().as_bytes(), b" ", uid].concat())
    }
}

impl Reading<'_> {
    /// White space where none belongs.
    fn spaces_before(&mut self) -> Result<(), ParseError> {
        if matches!(self.peek(), Some(b' ' | b'\t')) {
            self.quirk(QuirkKind::ExtraSpace, "a number")?;
            self.take_while(|byte| matches!(byte, b' ' | b'\t'));
        }
        Ok(())
    }
}
