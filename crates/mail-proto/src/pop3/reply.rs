//! Status lines: how a command went (RFC 1939 section 3), with codes (RFC 2449 section 8).
//!
//! ```text
//! single-line  = status [SP text] CRLF
//! status       = "+OK" / "-ERR"
//! text         = ["[" resp-code "]" SP] *CHAR
//! resp-code    = resp-level *("/" resp-level)
//! continue-req = "+" SP [base64] CRLF          ; RFC 5034
//! ```

use std::fmt;

use bytes::Bytes;

use super::{ParseOptions, Parsed};
use crate::{
    argument::{self, ArgumentError},
    error::{ParseError, QuirkKind},
    reading::Reading,
};

/// How something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplyKind {
    /// `+OK`
    Ok,
    /// `-ERR`
    Err,
    /// `+`: a challenge, whose base64 is the text.
    Continue,
}

/// A status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// How it went.
    pub kind: ReplyKind,
    /// What a program may act on.
    pub code: Option<Code>,
    /// What stands behind the code; empty if the server sent none.
    pub text: Bytes,
}

/// Why, for a program (the registry of RFC 2449 section 6.3 and 8).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// `IN-USE`: another session has the maildrop locked (RFC 2449).
    InUse,
    /// `LOGIN-DELAY`: too soon after the login before (RFC 2449).
    LoginDelay,
    /// `AUTH`: the user's credentials are wrong (RFC 3206).
    Auth,
    /// `SYS/TEMP`: the system fails, and may not later (RFC 3206).
    SysTemp,
    /// `SYS/PERM`: the system fails, until somebody does something (RFC 3206).
    SysPerm,
    /// `UTF8`: the message can only be had after UTF8 (RFC 6856).
    Utf8,
    /// One that isn't known here, in capitals.
    Other(Box<str>),
}

impl Code {
    const KNOWN: [(&str, Self); 6] = [
        ("IN-USE", Self::InUse),
        ("LOGIN-DELAY", Self::LoginDelay),
        ("AUTH", Self::Auth),
        ("SYS/TEMP", Self::SysTemp),
        ("SYS/PERM", Self::SysPerm),
        ("UTF8", Self::Utf8),
    ];

    /// The code of this name, found without regard to case. `None` if it isn't one by its form.
    pub fn new(name: &[u8]) -> Option<Self> {
        let is_code = |byte: &u8| byte.is_ascii_graphic() && *byte != b']' && *byte != b'[';
        if name.is_empty() || !name.iter().all(is_code) {
            return None;
        }
        let name = String::from_utf8_lossy(name).to_ascii_uppercase();
        let known = Self::KNOWN.into_iter().find(|(known, _)| *known == name);
        Some(known.map_or_else(|| Self::Other(name.into()), |(_, code)| code))
    }

    /// The name.
    pub fn name(&self) -> &str {
        match self {
            Self::InUse => "IN-USE",
            Self::LoginDelay => "LOGIN-DELAY",
            Self::Auth => "AUTH",
            Self::SysTemp => "SYS/TEMP",
            Self::SysPerm => "SYS/PERM",
            Self::Utf8 => "UTF8",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Reply {
    /// A reply with text.
    pub fn new(kind: ReplyKind, text: impl Into<Bytes>) -> Self {
        Self { kind, code: None, text: text.into() }
    }

    /// With a code.
    #[must_use]
    pub fn with_code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// Whether it went well.
    pub fn is_ok(&self) -> bool {
        self.kind == ReplyKind::Ok
    }

    /// The text, with anything that isn't UTF-8 replaced.
    pub fn text_lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }

    /// Reads a status line, its end included.
    ///
    /// # Errors
    /// It is none. Since replies are told apart by their order alone, the stream can't be relied on any more.
    pub fn parse(line: impl Into<Bytes>, options: ParseOptions) -> Result<Parsed<Self>, ParseError> {
        let line = line.into();
        let mut reading = Reading::new(&line, options.strict)?;
        let rest = reading.rest();
        let starts = |word: &str| {
            let word = word.as_bytes();
            rest.len() >= word.len() && rest[..word.len()].eq_ignore_ascii_case(word)
        };
        let kind = if starts("+OK") {
            reading.advance(3);
            ReplyKind::Ok
        } else if starts("-ERR") {
            reading.advance(4);
            ReplyKind::Err
        } else if rest == b"+" || starts("+ ") {
            reading.advance(1);
            ReplyKind::Continue
        } else {
            return Err(reading.error("+OK, -ERR or +"));
        };
        let mut code = None;
        match reading.peek() {
            None => {}
            Some(b' ') => reading.advance(1),
            Some(b'\t') => {
                reading.quirk(QuirkKind::ExtraSpace, "a space")?;
                reading.advance(1);
            }
            Some(b'[') => reading.quirk(QuirkKind::MissingSpace, "a space")?,
            // `+OKAY` is no status, whoever says it.
            Some(_) => return Err(reading.error("a space")),
        }
        if kind != ReplyKind::Continue && reading.peek() == Some(b'[') {
            // A bracket that isn't a code is text.
            if let Some((found, len)) = leading_code(reading.rest()) {
                code = Some(found);
                reading.advance(len);
                if !reading.eat(b' ') && !reading.is_at_end() {
                    reading.quirk(QuirkKind::MissingSpace, "a space")?;
                }
            }
        }
        let text = reading.take_rest();
        Ok(Parsed { value: Self { kind, code, text }, quirks: reading.into_quirks() })
    }

    /// Writes it as a line.
    ///
    /// # Errors
    /// The text holds CR, LF or NUL.
    pub fn encode(&self) -> Result<Bytes, ArgumentError> {
        let text = argument::text(&self.text, "text")?;
        let mut line = match self.kind {
            ReplyKind::Ok => b"+OK".to_vec(),
            ReplyKind::Err => b"-ERR".to_vec(),
            ReplyKind::Continue => b"+".to_vec(),
        };
        if let Some(code) = self.code.as_ref().filter(|_| self.kind != ReplyKind::Continue) {
            line.extend_from_slice(b" [");
            line.extend_from_slice(argument::word(code.name().as_bytes(), "code")?);
            line.push(b']');
        } else if self.kind != ReplyKind::Continue && leading_code(text).is_some() {
            // Text that would be read as a code; two spaces keep it text.
            line.push(b' ');
        }
        if !text.is_empty() || self.kind == ReplyKind::Continue {
            line.push(b' ');
            line.extend_from_slice(text);
        }
        line.extend_from_slice(b"\r\n");
        Ok(line.into())
    }

    /// What the greeting gives APOP to hash: the text in angle brackets that has the form of a `msg-id`
    /// (RFC 1939 section 7). Nothing else is taken, since a server that chooses it freely could find out passwords.
    pub fn apop_timestamp(&self) -> Option<Bytes> {
        let text = &self.text;
        let mut from = 0;
        while let Some(end) = text[from..].iter().position(|byte| *byte == b'>').map(|at| from + at) {
            // Only the last bracket before it can be its own. Bytes are looked at twice at most.
            let opened = text[from..end].iter().rposition(|byte| *byte == b'<').map(|at| from + at);
            from = end + 1;
            let Some(start) = opened else { continue };
            let inner = &text[start + 1..end];
            let mut halves = inner.split(|byte| *byte == b'@');
            let is_id = matches!((halves.next(), halves.next(), halves.next()),
                (Some(left), Some(right), None) if !left.is_empty() && !right.is_empty())
                && inner.iter().all(u8::is_ascii_graphic);
            if is_id {
                return Some(text.slice(start..=end));
            }
        }
        None
    }
}

/// The code in brackets that this text begins with, and how long it is with them.
fn leading_code(text: &[u8]) -> Option<(Code, usize)> {
    let inner = text.strip_prefix(b"[")?;
    let end = inner.iter().position(|byte| *byte == b']')?;
    Some((Code::new(&inner[..end])?, end + 2))
}
