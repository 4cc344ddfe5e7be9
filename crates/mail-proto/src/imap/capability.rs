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
            /// `THREAD=` and the name of an algorithm, in capitals (RFC 5256).
            Thread(Box<str>),
            /// `QUOTA=RES-` and the name of a resource, in capitals (RFC 9208).
            QuotaResource(Box<str>),
            /// `RIGHTS=` and letters of rights, which may be none (RFC 4314).
            Rights(Box<str>),
            /// `APPENDLIMIT`, and the largest message that may be appended, in bytes, if it is the same for all
            /// mailboxes (RFC 7889).
            AppendLimit(Option<u64>),
            /// `MESSAGELIMIT=` and how many messages a command may handle (RFC 9738).
            MessageLimit(u32),
            /// `SAVELIMIT=` and how many messages a saved search may hold (RFC 9738).
            SaveLimit(u32),
            /// One that isn't known here, as on the wire.
            Other(Bytes),
        }

        impl Capability {
            /// All that are nothing but a word.
            #[cfg(feature = "arbitrary")]
            pub(crate) fn words() -> Vec<Self> {
                vec![$(Self::$name,)*]
            }

            fn known(name: &[u8]) -> Option<Self> {
                $(if name.eq_ignore_ascii_case($wire.as_bytes()) { return Some(Self::$name); })*
                None
            }

            fn wire(&self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($wire),)*
                    _ => None,
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
    /// RFC 4314
    Acl = "ACL",
    /// RFC 3516
    Binary = "BINARY",
    /// RFC 4469
    Catenate = "CATENATE",
    /// RFC 3348
    Children = "CHILDREN",
    /// RFC 4978
    CompressDeflate = "COMPRESS=DEFLATE",
    /// RFC 7162
    CondStore = "CONDSTORE",
    /// RFC 5267
    ContextSearch = "CONTEXT=SEARCH",
    /// RFC 5267
    ContextSort = "CONTEXT=SORT",
    /// RFC 6154
    CreateSpecialUse = "CREATE-SPECIAL-USE",
    /// RFC 5161
    Enable = "ENABLE",
    /// RFC 4731
    ESearch = "ESEARCH",
    /// RFC 5267
    ESort = "ESORT",
    /// RFC 5466
    Filters = "FILTERS",
    /// Gmail: labels, ids and its search
    GmailExtensions = "X-GM-EXT-1",
    /// RFC 2971
    Id = "ID",
    /// RFC 2177
    Idle = "IDLE",
    /// RFC 9585
    InProgress = "INPROGRESS",
    /// RFC 9698
    JmapAccess = "JMAPACCESS",
    /// RFC 5258
    ListExtended = "LIST-EXTENDED",
    /// RFC 9590
    ListMetadata = "LIST-METADATA",
    /// RFC 8440
    ListMyRights = "LIST-MYRIGHTS",
    /// RFC 5819
    ListStatus = "LIST-STATUS",
    /// RFC 7888: literals up to 4,096 bytes need not wait
    LiteralMinus = "LITERAL-",
    /// RFC 7888: literals of any size need not wait
    LiteralPlus = "LITERAL+",
    /// RFC 3501: LOGIN is refused
    LoginDisabled = "LOGINDISABLED",
    /// RFC 2221
    LoginReferrals = "LOGIN-REFERRALS",
    /// RFC 2193
    MailboxReferrals = "MAILBOX-REFERRALS",
    /// RFC 5464: with mailboxes and with the server
    Metadata = "METADATA",
    /// RFC 5464: with the server alone
    MetadataServer = "METADATA-SERVER",
    /// RFC 6851
    Move = "MOVE",
    /// RFC 3502
    MultiAppend = "MULTIAPPEND",
    /// RFC 7377
    MultiSearch = "MULTISEARCH",
    /// RFC 2342
    Namespace = "NAMESPACE",
    /// RFC 5465
    Notify = "NOTIFY",
    /// RFC 8474
    ObjectId = "OBJECTID",
    /// RFC 9394
    Partial = "PARTIAL",
    /// RFC 8970
    Preview = "PREVIEW",
    /// RFC 7162
    QResync = "QRESYNC",
    /// RFC 9208
    Quota = "QUOTA",
    /// RFC 9208: SETQUOTA
    QuotaSet = "QUOTASET",
    /// RFC 8508
    Replace = "REPLACE",
    /// RFC 4959
    SaslIr = "SASL-IR",
    /// RFC 8514
    SaveDate = "SAVEDATE",
    /// RFC 6203
    SearchFuzzy = "SEARCH=FUZZY",
    /// RFC 5182
    SearchRes = "SEARCHRES",
    /// RFC 5256
    Sort = "SORT",
    /// RFC 5957
    SortDisplay = "SORT=DISPLAY",
    /// RFC 6154
    SpecialUse = "SPECIAL-USE",
    /// RFC 3501
    StartTls = "STARTTLS",
    /// RFC 8438
    StatusSize = "STATUS=SIZE",
    /// batches of UIDs
    UidBatches = "UIDBATCHES",
    /// RFC 9586
    UidOnly = "UIDONLY",
    /// RFC 4315
    UidPlus = "UIDPLUS",
    /// RFC 8437
    Unauthenticate = "UNAUTHENTICATE",
    /// RFC 3691
    Unselect = "UNSELECT",
    /// RFC 4467
    UrlAuth = "URLAUTH",
    /// RFC 6855
    Utf8Accept = "UTF8=ACCEPT",
    /// RFC 6855: UTF-8 has to be switched on
    Utf8Only = "UTF8=ONLY",
    /// RFC 5032
    Within = "WITHIN",
    /// Gmail: LIST with special uses, before RFC 6154
    XList = "XLIST",
}

impl Capability {
    /// The capability of this name, found without regard to case.
    pub fn new(name: impl Into<Bytes>) -> Self {
        let name = name.into();
        if let Some(known) = Self::known(&name) {
            return known;
        }
        Self::with_value(&name).unwrap_or(Self::Other(name))
    }

    /// One whose name has a value in it. A value that can't be read makes it one that isn't known.
    fn with_value(name: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(name).ok().filter(|text| text.is_ascii())?;
        if text.eq_ignore_ascii_case("APPENDLIMIT") {
            return Some(Self::AppendLimit(None));
        }
        let (head, value) = text.split_once('=')?;
        let number = || value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse::<u32>().ok())?;
        let capitals = || Box::from(value.to_ascii_uppercase());
        match head.to_ascii_uppercase().as_str() {
            "AUTH" if !value.is_empty() => Some(Self::Auth(capitals())),
            "THREAD" if !value.is_empty() => Some(Self::Thread(capitals())),
            "QUOTA" => match capitals().strip_prefix("RES-") {
                Some(resource) if !resource.is_empty() => Some(Self::QuotaResource(resource.into())),
                _ => None,
            },
            "RIGHTS" => Some(Self::Rights(value.into())),
            "APPENDLIMIT" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                value.parse().ok().map(|bytes| Self::AppendLimit(Some(bytes)))
            }
            "MESSAGELIMIT" => number().map(Self::MessageLimit),
            "SAVELIMIT" => number().map(Self::SaveLimit),
            _ => None,
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auth(mechanism) => write!(f, "AUTH={mechanism}"),
            Self::Thread(algorithm) => write!(f, "THREAD={algorithm}"),
            Self::QuotaResource(name) => write!(f, "QUOTA=RES-{name}"),
            Self::Rights(letters) => write!(f, "RIGHTS={letters}"),
            Self::AppendLimit(None) => f.write_str("APPENDLIMIT"),
            Self::AppendLimit(Some(bytes)) => write!(f, "APPENDLIMIT={bytes}"),
            Self::MessageLimit(most) => write!(f, "MESSAGELIMIT={most}"),
            Self::SaveLimit(most) => write!(f, "SAVELIMIT={most}"),
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

    /// Whether the server has this: it says so, or it speaks IMAP4rev2, of which it is part (RFC 9051 appendix E), or
    /// it has QRESYNC, which needs CONDSTORE (RFC 7162).
    pub fn supports(&self, capability: &Capability) -> bool {
        let in_rev2 = matches!(
            capability,
            Capability::Children
                | Capability::Enable
                | Capability::ESearch
                | Capability::Idle
                | Capability::ListExtended
                | Capability::ListStatus
                | Capability::LiteralMinus
                | Capability::Move
                | Capability::Namespace
                | Capability::SaslIr
                | Capability::SearchRes
                | Capability::StatusSize
                | Capability::UidPlus
                | Capability::Unselect
        );
        self.has(capability)
            || in_rev2 && self.has(&Capability::Imap4Rev2)
            || *capability == Capability::CondStore && self.has(&Capability::QResync)
    }

    /// Whether the server takes this SASL mechanism, given in capitals.
    pub fn has_auth(&self, mechanism: &str) -> bool {
        self.list
            .iter()
            .any(|capability| matches!(capability, Capability::Auth(name) if &**name == mechanism))
    }

    /// Whether the server finds threads by this algorithm, given in capitals (RFC 5256).
    pub fn has_thread(&self, algorithm: &str) -> bool {
        self.list
            .iter()
            .any(|capability| matches!(capability, Capability::Thread(name) if &**name == algorithm))
    }

    /// Whether SEARCH RETURN may be asked: by ESEARCH, or because IMAP4rev2 has it.
    pub fn has_esearch(&self) -> bool {
        self.has(&Capability::ESearch) || self.has(&Capability::Imap4Rev2)
    }

    /// Whether mod-sequences are kept: by CONDSTORE, or because QRESYNC needs it.
    pub fn has_condstore(&self) -> bool {
        self.has(&Capability::CondStore) || self.has(&Capability::QResync)
    }

    /// The largest message that may be appended, in bytes, if the server says (RFC 7889).
    pub fn append_limit(&self) -> Option<u64> {
        self.list.iter().find_map(|capability| match capability {
            Capability::AppendLimit(limit) => *limit,
            _ => None,
        })
    }

    /// How many messages a command may handle, if the server says (RFC 9738).
    pub fn message_limit(&self) -> Option<u32> {
        self.list.iter().find_map(|capability| match capability {
            Capability::MessageLimit(limit) => Some(*limit),
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
                list.push(Capability::new(cx.keep(name)));
                input = rest;
            }
        }
    }

    /// The names, each with a space before it.
    pub(crate) fn encode(&self, out: &mut Encoder) {
        for capability in &self.list {
            out.raw(" ");
            match capability {
                Capability::Other(name) => out.atom(name, "capability"),
                known => match known.wire() {
                    Some(name) => out.raw(name),
                    None => out.atom(known.to_string().as_bytes(), "capability"),
                },
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

    #[test]
    fn a_revision_brings_extensions_with_it() {
        let of = |names: &[&'static str]| -> Capabilities {
            names.iter().map(|name| Capability::new(*name)).collect()
        };
        let rev2 = of(&["IMAP4rev2"]);
        assert!(rev2.supports(&Capability::Move) && !rev2.has(&Capability::Move));
        assert!(!rev2.supports(&Capability::CondStore) && !rev2.supports(&Capability::SpecialUse));
        assert!(of(&["QRESYNC"]).supports(&Capability::CondStore));
        assert!(!of(&["IMAP4rev1"]).supports(&Capability::Move));
    }

    #[test]
    fn values_are_part_of_the_name() {
        for (wire, capability) in [
            ("APPENDLIMIT", Capability::AppendLimit(None)),
            ("appendlimit=5000000000", Capability::AppendLimit(Some(5_000_000_000))),
            ("APPENDLIMIT=+5", Capability::Other("APPENDLIMIT=+5".into())),
            ("MESSAGELIMIT=1000", Capability::MessageLimit(1000)),
            ("Thread=refs", Capability::Thread("REFS".into())),
            ("QUOTA=RES-STORAGE", Capability::QuotaResource("STORAGE".into())),
            ("RIGHTS=", Capability::Rights("".into())),
            ("STATUS=SIZE", Capability::StatusSize),
            ("AUTH=", Capability::Other("AUTH=".into())),
        ] {
            assert_eq!(Capability::new(wire), capability);
            assert!(capability.to_string().eq_ignore_ascii_case(wire));
        }
    }
}
