//! Addresses of envelopes (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
//!
//! ```text
//! Path       = "<" [A-d-l ":"] Mailbox ">"
//! Mailbox    = Local-part "@" (Domain / address-literal)
//! Local-part = Dot-string / Quoted-string
//! ```

use std::{fmt, str::FromStr};

use crate::{argument::ArgumentError, error::ParseError, reading::Reading};

/// An address that can stand in an envelope. It can't hold anything that would end its command or begin another
/// argument: no line break, NUL or other control character, no space and no angle bracket outside of quotes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address(Box<str>);

/// The longest address in bytes. RFC 5321 has 256 for paths; programs that put addresses into addresses need more.
const LONGEST: usize = 512;

impl Address {
    /// Takes an address as it is written between angle brackets: `kim@example.org`, `"kim smith"@example.org`,
    /// `kim@[192.0.2.1]`, and `postmaster` alone.
    ///
    /// Dots may stand where RFC 5321 has none (`a..b@`), since such addresses exist. Beyond ASCII anything goes, at
    /// servers with SMTPUTF8.
    ///
    /// # Errors
    /// It isn't an address.
    pub fn new(text: &str) -> Result<Self, ArgumentError> {
        let what = "address";
        if text.is_empty() {
            return Err(ArgumentError::Empty { what });
        }
        if text.len() > LONGEST {
            return Err(ArgumentError::TooLong { what, limit: LONGEST });
        }
        if text.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(ArgumentError::LineBreak { what });
        }
        let forbidden = ArgumentError::ForbiddenByte { what };
        if text.eq_ignore_ascii_case("postmaster") {
            return Ok(Self(text.into()));
        }
        let Some(local) = local_part(text) else { return Err(forbidden) };
        match text[local..].strip_prefix('@') {
            Some(domain) if is_domain(domain) => Ok(Self(text.into())),
            _ => Err(forbidden),
        }
    }

    /// The text, without angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether only a server with SMTPUTF8 takes it (RFC 6531).
    pub fn needs_utf8(&self) -> bool {
        !self.0.is_ascii()
    }
}

impl FromStr for Address {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        Self::new(text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The length of the local part that the text begins with.
fn local_part(text: &str) -> Option<usize> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut escaped = false;
        for (at, char) in quoted.char_indices() {
            match char {
                char if char.is_control() => return None,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => return Some(at + 2),
                _ => {}
            }
        }
        return None;
    }
    let is_atext = |char: char| {
        char.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(char) || is_beyond_ascii(char)
    };
    let len = text.find(|char| !is_atext(char)).unwrap_or(text.len());
    (len > 0).then_some(len)
}

/// A domain, or an address in brackets.
pub(super) fn is_domain(text: &str) -> bool {
    if let Some(literal) = text.strip_prefix('[') {
        let inner = literal.strip_suffix(']').unwrap_or_default();
        return !inner.is_empty()
            && inner
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'[' | b']' | b'\\' | b'<' | b'>'));
    }
    let is_let_dig =
        |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_') || is_beyond_ascii(char);
    !text.is_empty() && !text.starts_with(['.', '-']) && text.chars().all(is_let_dig)
}

/// Anything beyond ASCII but control characters and what is a space or line break of its own.
fn is_beyond_ascii(char: char) -> bool {
    !char.is_ascii() && !char.is_control() && !char.is_whitespace()
}

/// A path in angle brackets; `None` for `<>`. A source route is passed over (RFC 5321 appendix C).
pub(super) fn parse_path(reading: &mut Reading<'_>) -> Result<Option<Address>, ParseError> {
    if !reading.eat(b'<') {
        return Err(reading.error("\"<\""));
    }
    if reading.eat(b'>') {
        return Ok(None);
    }
    if reading.peek() == Some(b'@') {
        reading.take_while(|byte| byte != b':' && byte != b'>');
        if !reading.eat(b':') {
            return Err(reading.error("\":\""));
        }
    }
    let error = reading.error("an address");
    let rest = reading.rest();
    // A bracket in a quoted local part isn't the end. In the brackets of a domain a quote is one byte among others.
    let (mut quoted, mut escaped) = (rest.first() == Some(&b'"'), false);
    let len = rest.iter().enumerate().position(|(at, byte)| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' if at > 0 => quoted = false,
            b'>' if !quoted => return true,
            _ => {}
        }
        false
    });
    let Some(len) = len else { return Err(reading.error("\">\"")) };
    let address = std::str::from_utf8(&rest[..len]).ok().and_then(|text| Address::new(text).ok());
    reading.advance(len + 1);
    address.map(Some).ok_or(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bracket_in_quotes_does_not_end_a_path() {
        for (path, address) in [
            (r#"<"a>b"@example.org> X"#, r#""a>b"@example.org"#),
            (r#"<"a\">b"@example.org> X"#, r#""a\">b"@example.org"#),
            (r#"<"a\\"@example.org> X"#, r#""a\\"@example.org"#),
        ] {
            let path = bytes::Bytes::from_static(path.as_bytes());
            let mut reading = Reading::new(&path, true).unwrap();
            let read = parse_path(&mut reading).unwrap().unwrap();
            assert_eq!((read.as_str(), reading.rest()), (address, &b" X"[..]));
        }
    }

    #[test]
    fn an_address_carries_nothing_but_itself() {
        for good in [
            "kim@example.org",
            "a..b.@docomo.ne.jp",
            "\"kim <smith> \\\" \"@example.org",
            "kim+tag=x@[IPv6:2001:db8::1]",
            "Postmaster",
            "\u{fc}ser@b\u{fc}cher.example",
            "o'brien@x",
        ] {
            assert_eq!(Address::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "kim",
            "@example.org",
            "kim@",
            "kim @example.org",
            "kim@example.org SIZE=1",
            "kim@example.org>",
            "<kim@example.org>",
            "kim@example.org\r\nRCPT TO:<x@y>",
            "\"kim\r\n\"@example.org",
            "\"kim\0\"@example.org",
            "\"kim\u{7}\"@example.org",
            "\"kim\u{85}\"@example.org",
            "\"kim\"x@example.org",
            "\"kim@example.org",
            "\"kim\\\"@example.org",
            "kim@[1.2.3.4",
            "kim@[1.2 3.4]",
            "kim@[]",
            "a@b@c",
            "kim\u{2028}@x",
            "kim\u{85}@x",
            "kim\u{a0}@x",
        ] {
            assert!(Address::new(bad).is_err(), "{bad:?}");
        }
        assert!(Address::new(&format!("{}@x", "a".repeat(600))).is_err());
    }
}
