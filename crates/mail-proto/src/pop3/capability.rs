//! CAPA: what a server can do (RFC 2449 section 6; RFC 2595, 5034, 6856).

use std::time::Duration;

use bytes::Bytes;

use crate::{
    argument::{self, ArgumentError},
    lines::without_end,
};

/// Something a server can do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// `TOP` (RFC 2449)
    Top,
    /// `UIDL` (RFC 2449)
    Uidl,
    /// `USER`: USER and PASS (RFC 2449)
    User,
    /// `SASL`: AUTH with these mechanisms (RFC 5034)
    Sasl(Vec<Bytes>),
    /// `RESP-CODES`: brackets hold codes (RFC 2449)
    RespCodes,
    /// `AUTH-RESP-CODE`: the code AUTH is told (RFC 3206)
    AuthRespCode,
    /// `LOGIN-DELAY`: seconds between two logins (RFC 2449)
    LoginDelay(u32),
    /// `PIPELINING`: commands need not wait for answers (RFC 2449)
    Pipelining,
    /// `EXPIRE`: days that messages are kept; `None` for ever (RFC 2449)
    Expire(Option<u32>),
    /// `IMPLEMENTATION` (RFC 2449)
    Implementation(Bytes),
    /// `STLS` (RFC 2595)
    Stls,
    /// `UTF8` (RFC 6856)
    Utf8 {
        /// Whether names and passwords may be UTF-8 too.
        user: bool,
    },
    /// `LANG` (RFC 6856)
    Lang,
    /// One that isn't known here, or whose arguments can't be read: the line.
    Other(Bytes),
}

impl Capability {
    /// Reads a line of CAPA's answer. Every line is a capability.
    pub fn parse(line: impl Into<Bytes>) -> Self {
        let line = line.into();
        let text = line.slice_ref(without_end(&line).trim_ascii());
        let mut words = text.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
        let name = words.next().unwrap_or_default().to_ascii_uppercase();
        let number = |word: &[u8]| std::str::from_utf8(word).ok().and_then(|word| word.parse::<u32>().ok());
        match name.as_slice() {
            b"TOP" => Self::Top,
            b"UIDL" => Self::Uidl,
            b"USER" => Self::User,
            b"SASL" => Self::Sasl(words.map(|word| text.slice_ref(word)).collect()),
            b"RESP-CODES" => Self::RespCodes,
            b"AUTH-RESP-CODE" => Self::AuthRespCode,
            b"LOGIN-DELAY" => match words.next().and_then(number) {
                Some(seconds) => Self::LoginDelay(seconds),
                None => Self::Other(text),
            },
            b"PIPELINING" => Self::Pipelining,
            b"EXPIRE" => match words.next() {
                Some(word) if word.eq_ignore_ascii_case(b"NEVER") => Self::Expire(None),
                Some(word) => {
                    number(word).map_or_else(|| Self::Other(text.clone()), |days| Self::Expire(Some(days)))
                }
                None => Self::Other(text),
            },
            b"IMPLEMENTATION" => {
                let value = text[name.len()..].trim_ascii_start();
                Self::Implementation(text.slice_ref(value))
            }
            b"STLS" => Self::Stls,
            b"UTF8" => Self::Utf8 { user: words.any(|word| word.eq_ignore_ascii_case(b"USER")) },
            b"LANG" => Self::Lang,
            _ => Self::Other(text),
        }
    }

    /// As a line without its end.
    ///
    /// # Errors
    /// A line break, or an empty word.
    pub fn encode(&self) -> Result<Vec<u8>, ArgumentError> {
        let fixed = match self {
            Self::Top => "TOP",
            Self::Uidl => "UIDL",
            Self::User => "USER",
            Self::RespCodes => "RESP-CODES",
            Self::AuthRespCode => "AUTH-RESP-CODE",
            Self::Pipelining => "PIPELINING",
            Self::Stls => "STLS",
            Self::Lang => "LANG",
            Self::Utf8 { user: false } => "UTF8",
            Self::Utf8 { user: true } => "UTF8 USER",
            Self::Expire(None) => "EXPIRE NEVER",
            Self::Expire(Some(days)) => return Ok(format!("EXPIRE {days}").into_bytes()),
            Self::LoginDelay(seconds) => return Ok(format!("LOGIN-DELAY {seconds}").into_bytes()),
            Self::Sasl(mechanisms) => {
                let mut line = b"SASL".to_vec();
                for mechanism in mechanisms {
                    line.push(b' ');
                    line.extend_from_slice(argument::word(mechanism, "mechanism")?);
                }
                return Ok(line);
            }
            Self::Implementation(text) => {
                return Ok([b"IMPLEMENTATION ", argument::text(text, "implementation")?].concat());
            }
            Self::Other(line) => return Ok(argument::text(line, "capability")?.to_vec()),
        };
        Ok(fixed.as_bytes().to_vec())
    }
}

/// What a server announced, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    list: Vec<Capability>,
}

impl Capabilities {
    /// Whether the server can do this.
    pub fn has(&self, capability: &Capability) -> bool {
        self.list.contains(capability)
    }

    /// The mechanisms that AUTH takes; `None` if there is no AUTH.
    pub fn sasl(&self) -> Option<&[Bytes]> {
        self.list.iter().find_map(|capability| match capability {
            Capability::Sasl(mechanisms) => Some(mechanisms.as_slice()),
            _ => None,
        })
    }

    /// Whether the server takes UTF8.
    pub fn utf8(&self) -> bool {
        self.list.iter().any(|capability| matches!(capability, Capability::Utf8 { .. }))
    }

    /// How long to wait from one login to the next; `None` if the server asks for no wait.
    pub fn login_delay(&self) -> Option<Duration> {
        self.list.iter().find_map(|capability| match capability {
            Capability::LoginDelay(seconds) => Some(Duration::from_secs((*seconds).into())),
            _ => None,
        })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Capability> {
        self.list.iter()
    }

    /// Whether the server announced nothing.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn push(&mut self, capability: Capability) {
        self.list.push(capability);
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(list: I) -> Self {
        Self { list: list.into_iter().collect() }
    }
}
