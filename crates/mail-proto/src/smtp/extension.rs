//! EHLO: what a server can do (RFC 5321 section 4.1.1.1).
//!
//! ```text
//! ehlo-line = ehlo-keyword *(SP ehlo-param)
//! ```

use bytes::Bytes;

use super::Reply;
use crate::argument::{self, ArgumentError};

/// Something a server can do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Extension {
    /// `STARTTLS` (RFC 3207)
    StartTls,
    /// `AUTH` with these mechanisms (RFC 4954)
    Auth(Vec<Bytes>),
    /// `SIZE`: messages up to so many bytes; `None` for no fixed limit (RFC 1870)
    Size(Option<u64>),
    /// `PIPELINING` (RFC 2920)
    Pipelining,
    /// `8BITMIME` (RFC 6152)
    EightBitMime,
    /// `BINARYMIME` (RFC 3030)
    BinaryMime,
    /// `CHUNKING`: BDAT (RFC 3030)
    Chunking,
    /// `SMTPUTF8` (RFC 6531)
    SmtpUtf8,
    /// `ENHANCEDSTATUSCODES` (RFC 2034)
    EnhancedStatusCodes,
    /// `DSN` (RFC 3461)
    Dsn,
    /// `REQUIRETLS` (RFC 8689)
    RequireTls,
    /// One that isn't known here: the line.
    Other(Bytes),
}

impl Extension {
    /// Reads a line of EHLO's reply, the first one aside. Every line is an extension.
    pub fn parse(line: &Bytes) -> Self {
        let line = line.slice_ref(line.trim_ascii());
        let mut words = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
        let name = words.next().unwrap_or_default().to_ascii_uppercase();
        match name.as_slice() {
            b"STARTTLS" => Self::StartTls,
            b"AUTH" => Self::Auth(words.map(|word| line.slice_ref(word)).collect()),
            b"SIZE" => {
                let limit = words.next().and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
                Self::Size(limit.filter(|limit| *limit > 0))
            }
            b"PIPELINING" => Self::Pipelining,
            b"8BITMIME" => Self::EightBitMime,
            b"BINARYMIME" => Self::BinaryMime,
            b"CHUNKING" => Self::Chunking,
            b"SMTPUTF8" => Self::SmtpUtf8,
            b"ENHANCEDSTATUSCODES" => Self::EnhancedStatusCodes,
            b"DSN" => Self::Dsn,
            b"REQUIRETLS" => Self::RequireTls,
            // From before RFC 2554; the same meaning.
            name if name.starts_with(b"AUTH=") => {
                let first = line.slice(5..name.len());
                let rest = words.map(|word| line.slice_ref(word));
                Self::Auth(std::iter::once(first).filter(|word| !word.is_empty()).chain(rest).collect())
            }
            _ => Self::Other(line),
        }
    }

    /// As a line without its end.
    ///
    /// # Errors
    /// A line break, or an empty word.
    pub fn encode(&self) -> Result<Bytes, ArgumentError> {
        let fixed = match self {
            Self::StartTls => "STARTTLS",
            Self::Pipelining => "PIPELINING",
            Self::EightBitMime => "8BITMIME",
            Self::BinaryMime => "BINARYMIME",
            Self::Chunking => "CHUNKING",
            Self::SmtpUtf8 => "SMTPUTF8",
            Self::EnhancedStatusCodes => "ENHANCEDSTATUSCODES",
            Self::Dsn => "DSN",
            Self::RequireTls => "REQUIRETLS",
            Self::Size(None) => "SIZE",
            Self::Size(Some(limit)) => return Ok(format!("SIZE {limit}").into()),
            Self::Auth(mechanisms) => {
                let mut line = b"AUTH".to_vec();
                for mechanism in mechanisms {
                    line.push(b' ');
                    line.extend_from_slice(argument::word(mechanism, "mechanism")?);
                }
                return Ok(line.into());
            }
            Self::Other(line) => return argument::text(line, "extension").map(|_| line.clone()),
        };
        Ok(Bytes::from_static(fixed.as_bytes()))
    }
}

/// What a server announced, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    list: Vec<Extension>,
}

impl Extensions {
    /// Those of EHLO's reply, whose first line is a greeting.
    pub fn of(reply: &Reply) -> Self {
        reply.lines.iter().skip(1).map(Extension::parse).collect()
    }

    /// Whether the server can do this.
    pub fn has(&self, extension: &Extension) -> bool {
        self.list.contains(extension)
    }

    /// The mechanisms that AUTH takes.
    pub fn auth(&self) -> impl Iterator<Item = &[u8]> {
        self.list
            .iter()
            .flat_map(|extension| match extension {
                Extension::Auth(mechanisms) => mechanisms.as_slice(),
                _ => &[],
            })
            .map(|name| &name[..])
    }

    /// Whether the server takes SIZE, and its limit in bytes if it has one.
    pub fn size(&self) -> Option<Option<u64>> {
        self.list.iter().find_map(|extension| match extension {
            Extension::Size(limit) => Some(*limit),
            _ => None,
        })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Extension> {
        self.list.iter()
    }
}

impl FromIterator<Extension> for Extensions {
    fn from_iter<I: IntoIterator<Item = Extension>>(list: I) -> Self {
        Self { list: list.into_iter().collect() }
    }
}
