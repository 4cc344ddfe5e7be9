//! What MAIL and RCPT may say besides the address: SIZE (RFC 1870), BODY (RFC 6152, 3030), SMTPUTF8 (RFC 6531), AUTH
//! (RFC 4954), DSN (RFC 3461), REQUIRETLS (RFC 8689).
//!
//! ```text
//! esmtp-param = esmtp-keyword ["=" esmtp-value]     ; esmtp-value is printable, without "="
//! xtext       = *(%x21-2A / %x2C-3C / %x3E-7E / "+" 2HEXDIG)
//! ```

use bytes::Bytes;

use crate::{
    argument::{self, ArgumentError},
    error::ParseError,
    reading::Reading,
};

/// What MAIL says besides the address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailParameters {
    /// The message's size in bytes, as it will be sent.
    pub size: Option<u64>,
    /// What the message is made of.
    pub body: Option<Body>,
    /// Addresses or headers have UTF-8.
    pub smtp_utf8: bool,
    /// How much of the message a report is to have.
    pub ret: Option<Ret>,
    /// What a report is to name the envelope, before `xtext`.
    pub envelope_id: Option<Bytes>,
    /// Who submitted the message, before `xtext`; `<>` for unknown.
    pub auth: Option<Bytes>,
    /// The message may only go on over TLS.
    pub require_tls: bool,
    /// Others, as on the wire.
    pub other: Vec<(Bytes, Option<Bytes>)>,
}

/// What a message is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// `7BIT`
    SevenBit,
    /// `8BITMIME`
    EightBitMime,
    /// `BINARYMIME`: not even lines. It goes by BDAT alone.
    BinaryMime,
}

/// How much of a message a report is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ret {
    /// `FULL`
    Full,
    /// `HDRS`
    Headers,
}

/// What RCPT says besides the address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RcptParameters {
    /// What is to be reported.
    pub notify: Option<Notify>,
    /// The address as it was at first: its type (`rfc822`), and itself before `xtext`.
    pub original: Option<(Bytes, Bytes)>,
    /// Others, as on the wire.
    pub other: Vec<(Bytes, Option<Bytes>)>,
}

/// What is to be reported to the sender. Nothing at all is `NEVER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Notify {
    /// That it was delivered.
    pub success: bool,
    /// That it couldn't be.
    pub failure: bool,
    /// That it takes long.
    pub delay: bool,
}

impl Body {
    /// The value of the parameter `BODY`.
    pub fn name(self) -> &'static str {
        match self {
            Self::SevenBit => "7BIT",
            Self::EightBitMime => "8BITMIME",
            Self::BinaryMime => "BINARYMIME",
        }
    }
}

impl MailParameters {
    /// Whether a server needs DSN for these.
    pub fn needs_dsn(&self) -> bool {
        self.ret.is_some() || self.envelope_id.is_some()
    }

    pub(super) fn encode(&self, line: &mut Vec<u8>) -> Result<(), ArgumentError> {
        if let Some(size) = self.size {
            add(line, "SIZE", Some(size.to_string().as_bytes()));
        }
        if let Some(body) = self.body {
            add(line, "BODY", Some(body.name().as_bytes()));
        }
        if self.smtp_utf8 {
            add(line, "SMTPUTF8", None);
        }
        if let Some(ret) = self.ret {
            add(line, "RET", Some(if ret == Ret::Full { b"FULL" } else { b"HDRS" }));
        }
        if let Some(id) = &self.envelope_id {
            add(line, "ENVID", Some(&xtext(id, "envelope id")?));
        }
        if let Some(submitter) = &self.auth {
            add(line, "AUTH", Some(&xtext(submitter, "submitter")?));
        }
        if self.require_tls {
            add(line, "REQUIRETLS", None);
        }
        others(line, &self.other)
    }

    pub(super) fn parse(reading: &mut Reading<'_>, line: &Bytes) -> Result<Self, ParseError> {
        let mut found = Self::default();
        each(reading, line, |reading, name, value| {
            match (name.to_ascii_uppercase().as_slice(), value) {
                (b"SIZE", Some(value)) => {
                    let digits = value.iter().all(u8::is_ascii_digit);
                    let size = std::str::from_utf8(&value)
                        .ok()
                        .filter(|_| digits)
                        .and_then(|text| text.parse().ok());
                    found.size = Some(size.ok_or_else(|| reading.error("a size"))?);
                }
                (b"BODY", Some(value)) => {
                    found.body = Some(match value.to_ascii_uppercase().as_slice() {
                        b"7BIT" => Body::SevenBit,
                        b"8BITMIME" => Body::EightBitMime,
                        b"BINARYMIME" => Body::BinaryMime,
                        _ => return Err(reading.error("a body type")),
                    });
                }
                (b"SMTPUTF8", None) => found.smtp_utf8 = true,
                (b"REQUIRETLS", None) => found.require_tls = true,
                (b"RET", Some(value)) => {
                    found.ret = Some(match value.to_ascii_uppercase().as_slice() {
                        b"FULL" => Ret::Full,
                        b"HDRS" => Ret::Headers,
                        _ => return Err(reading.error("FULL or HDRS")),
                    });
                }
                (b"ENVID", Some(value)) => found.envelope_id = Some(from_xtext(&value, reading)?),
                (b"AUTH", Some(value)) => found.auth = Some(from_xtext(&value, reading)?),
                (_, value) => found.other.push((name, value)),
            }
            Ok(())
        })?;
        Ok(found)
    }
}

impl RcptParameters {
    /// Whether a server needs DSN for these.
    pub fn needs_dsn(&self) -> bool {
        self.notify.is_some() || self.original.is_some()
    }

    pub(super) fn encode(&self, line: &mut Vec<u8>) -> Result<(), ArgumentError> {
        if let Some(notify) = self.notify {
            let kinds = [("SUCCESS", notify.success), ("FAILURE", notify.failure), ("DELAY", notify.delay)];
            let kinds: Vec<_> =
                kinds.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| name).collect();
            let value = if kinds.is_empty() { "NEVER".to_owned() } else { kinds.join(",") };
            add(line, "NOTIFY", Some(value.as_bytes()));
        }
        if let Some((kind, address)) = &self.original {
            let kind = argument::word(kind, "address type")?;
            if kind.iter().any(|byte| matches!(byte, b';' | b'=' | b'+')) {
                return Err(ArgumentError::ForbiddenByte { what: "address type" });
            }
            add(line, "ORCPT", Some(&[kind, b";", &xtext(address, "original address")?].concat()));
        }
        others(line, &self.other)
    }

    pub(super) fn parse(reading: &mut Reading<'_>, line: &Bytes) -> Result<Self, ParseError> {
        let mut found = Self::default();
        each(reading, line, |reading, name, value| {
            match (name.to_ascii_uppercase().as_slice(), value) {
                (b"NOTIFY", Some(value)) => {
                    let mut notify = Notify::default();
                    for word in value.split(|byte| *byte == b',') {
                        match word.to_ascii_uppercase().as_slice() {
                            b"NEVER" if value.len() == 5 => {}
                            b"SUCCESS" => notify.success = true,
                            b"FAILURE" => notify.failure = true,
                            b"DELAY" => notify.delay = true,
                            _ => return Err(reading.error("NEVER, SUCCESS, FAILURE or DELAY")),
                        }
                    }
                    found.notify = Some(notify);
                }
                (b"ORCPT", Some(value)) => {
                    let Some(at) = value.iter().position(|byte| *byte == b';') else {
                        return Err(reading.error("an address type"));
                    };
                    found.original = Some((value.slice(..at), from_xtext(&value[at + 1..], reading)?));
                }
                (_, value) => found.other.push((name, value)),
            }
            Ok(())
        })?;
        Ok(found)
    }
}

fn add(line: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    line.push(b' ');
    line.extend_from_slice(name.as_bytes());
    if let Some(value) = value {
        line.push(b'=');
        line.extend_from_slice(value);
    }
}

fn others(line: &mut Vec<u8>, others: &[(Bytes, Option<Bytes>)]) -> Result<(), ArgumentError> {
    for (name, value) in others {
        let what = "parameter";
        let name = argument::word(name, what)?;
        if !name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-') {
            return Err(ArgumentError::ForbiddenByte { what });
        }
        line.push(b' ');
        line.extend_from_slice(name);
        if let Some(value) = value {
            line.push(b'=');
            line.extend_from_slice(argument::word(value, what)?);
        }
    }
    Ok(())
}

/// Each parameter up to the end of the line.
fn each(
    reading: &mut Reading<'_>,
    line: &Bytes,
    mut take: impl FnMut(&mut Reading<'_>, Bytes, Option<Bytes>) -> Result<(), ParseError>,
) -> Result<(), ParseError> {
    loop {
        reading.spaces()?;
        if reading.is_at_end() {
            return Ok(());
        }
        let name = reading.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if name.is_empty() {
            return Err(reading.error("a parameter"));
        }
        let name = line.slice_ref(name);
        let value = match reading.eat(b'=') {
            true => Some(line.slice_ref(reading.word("a value")?)),
            false if matches!(reading.peek(), None | Some(b' ' | b'\t')) => None,
            false => return Err(reading.error("a space or \"=\"")),
        };
        take(reading, name, value)?;
    }
}

/// As `xtext`.
fn xtext(bytes: &[u8], what: &'static str) -> Result<Vec<u8>, ArgumentError> {
    if bytes.is_empty() {
        return Err(ArgumentError::Empty { what });
    }
    // Its hexadecimal form would carry line breaks too, to whoever decodes it next.
    argument::text(bytes, what)?;
    let mut out = Vec::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'+' | b'=' => out.extend_from_slice(format!("+{byte:02X}").as_bytes()),
            byte if byte.is_ascii_graphic() => out.push(*byte),
            byte => out.extend_from_slice(format!("+{byte:02X}").as_bytes()),
        }
    }
    Ok(out)
}

fn from_xtext(text: &[u8], reading: &Reading<'_>) -> Result<Bytes, ParseError> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    while let Some(byte) = bytes.next() {
        if *byte != b'+' {
            out.push(*byte);
            continue;
        }
        let (Some(high), Some(low)) = (digit(bytes.next()), digit(bytes.next())) else {
            return Err(reading.error("two hexadecimal digits"));
        };
        // Two digits of 4 bits.
        out.push((high * 16 + low) as u8);
    }
    Ok(out.into())
}
