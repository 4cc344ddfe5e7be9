//! CAPABILITY: what a server can do (RFC 9051 section 7.2.2).

use std::fmt;

use bytes::Bytes;

use super::{
    encode::{Encoder, Literals},
    terminals::{Context, Parsing, at_end, fail, skip_spaces, take_while1},
};
use crate::error::QuirkKind;

macro_rules! capabilities {
    ($($(#[$doc:meta])* $name:ident = $wire:literal,)*) => {
        /// Something a server can do.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Capability {
            $($(#[$doc])* $name,)*
            /// `AUTH=` and the name of a SASL mechanism, in capitals.
            Auth(Box<str>),
            /// One that isn't known here, as on the wire.
            Other(Bytes),
        }

        impl Capability {
            fn known(name: &[u8]) -> Option<Self> {
                $(if name.eq_ignore_ascii_case($wire.as_bytes()) { return Some(Self::$name); })*
                None
            }

            fn wire(&self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($wire),)*
                    Self::Auth(_) | Self::Other(_) => None,
                }
            }
        }
    };
}

capabilities! {
    /// RFC 3501
    Imap4Rev1 = "IMAP4rev1",
    /// RFC 9051
    Imap4Rev2 = "IMAP4rev2",
    /// RFC 4978
    CompressDeflate = "COMPRESS=DEFLATE",
    /// RFC 7162
    CondStore = "CONDSTORE",
    /// RFC 5161
    Enable = "ENABLE",
    /// RFC 4731
    ESearch = "ESEARCH",
    /// RFC 2971
    Id = "ID",
    /// RFC 2177
    Idle = "IDLE",
    /// RFC 7888: literals of any size need not wait
    LiteralPlus = "LITERAL+",
    /// RFC 7888: literals up to 4,096 bytes need not wait
    LiteralMinus = "LITERAL-",
    /// RFC 5258
    ListExtended = "LIST-EXTENDED",
    /// RFC 5819
    ListStatus = "LIST-STATUS",
    /// RFC 3501: LOGIN is refused
    LoginDisabled = "LOGINDISABLED",
    /// RFC 6851
    Move = "MOVE",
    /// RFC 3502
    MultiAppend = "MULTIAPPEND",
    /// RFC 2342
    Namespace = "NAMESPACE",
    /// RFC 7162
    QResync = "QRESYNC",
    /// RFC 4959
    SaslIr = "SASL-IR",
    /// RFC 6154
    SpecialUse = "SPECIAL-USE",
    /// RFC 3501
    StartTls = "STARTTLS",
    /// RFC 8438
    StatusSize = "STATUS=SIZE",
    /// RFC 4315
    UidPlus = "UIDPLUS",
    /// RFC 3691
    Unselect = "UNSELECT",
    /// RFC 6855
    Utf8Accept = "UTF8=ACCEPT",
}

impl Capability {
    /// The capability of this name, found without regard to case.
    pub fn new(name: impl Into<Bytes>) -> Self {
        let name = name.into();
        if let Some(known) = Self::known(&name) {
            return known;
        }
        match name.split_at_checked(5) {
            Some((head, mechanism)) if head.eq_ignore_ascii_case(b"AUTH=") && mechanism.is_ascii() => {
                let mechanism = String::from_utf8_lossy(mechanism).to_ascii_uppercase();
                Self::Auth(mechanism.into())
            }
            _ => Self::Other(name),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auth(mechanism) => write!(f, "AUTH={mechanism}"),
            Self::Other(name) => write!(f, "{}", name.escape_ascii()),
            known => f.write_str(known.wire().unwrap_or_default()),
        }
    }
}

/// What a server announced, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    list: Vec<Capability>,
}

impl Capabilities {
    /// Whether the server can do this. Other spellings of [`Capability::Other`] don't count.
    pub fn has(&self, capability: &Capability) -> bool {
        self.list.contains(capability)
    }

    /// Whether the server takes this SASL mechanism, given in capitals.
    pub fn has_auth(&self, mechanism: &str) -> bool {
        self.list
            .iter()
            .any(|capability| matches!(capability, Capability::Auth(name) if &**name == mechanism))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Capability> {
        self.list.iter()
    }

    /// Whether the server announced nothing.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Which literals the server takes without waiting.
    pub fn literals(&self) -> Literals {
        if self.has(&Capability::LiteralPlus) {
            Literals::Any
        } else if self.has(&Capability::LiteralMinus) || self.has(&Capability::Imap4Rev2) {
            Literals::UpTo4096
        } else {
            Literals::Synchronising
        }
    }

    /// `capability-data`, what stands behind `CAPABILITY`, up to the end of the line or of the code.
    pub(crate) fn parse<'a>(mut input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let mut list = Vec::new();
        loop {
            if at_end(input) || input.first() == Some(&b']') {
                return Ok((input, Self { list }));
            }
            let behind = skip_spaces(input);
            if behind.len() == input.len() {
                return fail(input, "a space");
            }
            if input.len() - behind.len() > 1 || at_end(behind) || behind.first() == Some(&b']') {
                cx.quirk(input, QuirkKind::ExtraSpace)?;
            }
            input = behind;
            if !(at_end(input) || input.first() == Some(&b']')) {
                let word = |byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b']');
                let (rest, name) = take_while1(input, word, "a capability")?;
                list.push(Capability::new(cx.frame.slice_ref(name)));
                input = rest;
            }
        }
    }

    /// The names, each with a space before it.
    pub(crate) fn encode(&self, out: &mut Encoder) {
        for capability in &self.list {
            out.raw(" ");
            match capability {
                Capability::Auth(mechanism) => out.raw("AUTH=").atom(mechanism.as_bytes(), "capability"),
                Capability::Other(name) => out.atom(name, "capability"),
                known => out.raw(known.wire().unwrap_or_default()),
            };
        }
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(list: I) -> Self {
        Self { list: list.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn double_spaces_are_read_as_a_quirk() {
        let frame = Bytes::from_static(b" IMAP4rev1  auth=plain X-Sparkle \r\n");
        let mut cx = Context::new(&frame, false);
        let (_, capabilities) = Capabilities::parse(&frame, &mut cx).unwrap();
        assert!(capabilities.has(&Capability::Imap4Rev1));
        assert!(capabilities.has_auth("PLAIN"));
        assert!(capabilities.has(&Capability::new("X-Sparkle")));
        assert_eq!(cx.into_quirks().len(), 2);
        let mut strict = Context::new(&frame, true);
        assert!(Capabilities::parse(&frame, &mut strict).is_err());
    }
}
