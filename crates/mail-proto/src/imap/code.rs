//! Response codes: the machine-readable part of a status response (RFC 9051 section 7.1, RFC 5530 and others).

use bytes::Bytes;

use super::{
    capability::Capabilities,
    encode::Encoder,
    flags::{self, Flag},
    mailbox_status::object_id,
    metadata::MetadataCode,
    sequence_set::SequenceSet,
    terminals::{
        Context, LONGEST_WORD, Parsing, astring, atom, byte, fail, in_capitals, line, list, nil, nstring,
        number, number64, nz_number, quoted, spaces,
    },
};
use crate::error::QuirkKind;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $wire:literal,)*) => {
        /// A response code.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum ResponseCode {
            $($(#[$doc])* $name,)*
            /// `BADCHARSET`: the charsets that would have done, if the server says (RFC 9051).
            BadCharset(Vec<Bytes>),
            /// `BADEVENT` (RFC 5465): the events that the server can tell of.
            BadEvent(Vec<Bytes>),
            /// `BADURL` (RFC 4469): the URL that led to no message.
            BadUrl(Bytes),
            /// `CAPABILITY` (RFC 9051).
            Capability(Capabilities),
            /// `PERMANENTFLAGS` (RFC 9051).
            PermanentFlags(Vec<Flag>),
            /// `UIDNEXT` (RFC 9051): no message has yet had this UID.
            UidNext(u32),
            /// `UIDVALIDITY` (RFC 9051).
            UidValidity(u32),
            /// `UNSEEN` (RFC 3501): the sequence number of the first message without `\Seen`.
            Unseen(u32),
            /// `APPENDUID` (RFC 4315).
            AppendUid {
                /// The mailbox' UIDVALIDITY.
                uid_validity: u32,
                /// The UIDs of the new messages, in the order in which they were given.
                uids: SequenceSet,
            },
            /// `COPYUID` (RFC 4315).
            CopyUid {
                /// The target's UIDVALIDITY.
                uid_validity: u32,
                /// The UIDs in the source.
                source: SequenceSet,
                /// The UIDs in the target, in the same order.
                target: SequenceSet,
            },
            /// `HIGHESTMODSEQ` (RFC 7162).
            HighestModSeq(u64),
            /// `MODIFIED` (RFC 7162): the messages a conditional STORE left alone.
            Modified(SequenceSet),
            /// `INPROGRESS` (RFC 9585): a command that takes long is being carried out.
            InProgress(Progress),
            /// `MAILBOXID` (RFC 8474): the mailbox' id.
            MailboxId(Bytes),
            /// `MESSAGELIMIT` (RFC 9738): only some of the messages were handled.
            MessageLimit {
                /// How many messages a command may handle.
                most: u32,
                /// The lowest UID that was handled, or the sequence number where UIDs aren't in use.
                lowest: Option<u32>,
            },
            /// `METADATA` (RFC 5464).
            Metadata(MetadataCode),
            /// `NOUPDATE` (RFC 5267): the search with this tag isn't kept up to date.
            NoUpdate(Bytes),
            /// `UNDEFINED-FILTER` (RFC 5466): there is no filter of this name.
            UndefinedFilter(Bytes),
            /// One that isn't known here, or whose arguments can't be read.
            Other {
                /// The name as on the wire.
                name: Bytes,
                /// What follows the name and a space, raw.
                arguments: Option<Bytes>,
            },
        }

        impl ResponseCode {
            /// All that are nothing but a word.
            #[cfg(feature = "arbitrary")]
            pub(crate) fn words() -> Vec<Self> {
                vec![$(Self::$name,)*]
            }

            fn plain(name: &[u8]) -> Option<Self> {
                $(if name == $wire.as_bytes() { return Some(Self::$name); })*
                None
            }

            fn bare(name: &[u8]) -> Option<Self> {
                $(if name.eq_ignore_ascii_case($wire.as_bytes()) { return Some(Self::$name); })*
                None
            }

            fn wire(&self) -> &'static str {
                match self {
                    $(Self::$name => $wire,)*
                    Self::BadCharset(_) => "BADCHARSET",
                    Self::BadEvent(_) => "BADEVENT",
                    Self::BadUrl(_) => "BADURL",
                    Self::InProgress(_) => "INPROGRESS",
                    Self::MailboxId(_) => "MAILBOXID",
                    Self::MessageLimit { .. } => "MESSAGELIMIT",
                    Self::Metadata(_) => "METADATA",
                    Self::NoUpdate(_) => "NOUPDATE",
                    Self::UndefinedFilter(_) => "UNDEFINED-FILTER",
                    Self::Capability(_) => "CAPABILITY",
                    Self::PermanentFlags(_) => "PERMANENTFLAGS",
                    Self::UidNext(_) => "UIDNEXT",
                    Self::UidValidity(_) => "UIDVALIDITY",
                    Self::Unseen(_) => "UNSEEN",
                    Self::AppendUid { .. } => "APPENDUID",
                    Self::CopyUid { .. } => "COPYUID",
                    Self::HighestModSeq(_) => "HIGHESTMODSEQ",
                    Self::Modified(_) => "MODIFIED",
                    Self::Other { .. } => "",
                }
            }
        }
    };
}

codes! {
    /// RFC 9051: the text is for the user to see.
    Alert = "ALERT",
    /// RFC 5530
    AlreadyExists = "ALREADYEXISTS",
    /// RFC 5530
    AuthenticationFailed = "AUTHENTICATIONFAILED",
    /// RFC 5530
    AuthorizationFailed = "AUTHORIZATIONFAILED",
    /// RFC 5530
    Cannot = "CANNOT",
    /// RFC 5530
    ClientBug = "CLIENTBUG",
    /// RFC 7162: the mailbox that was selected before isn't any more.
    Closed = "CLOSED",
    /// RFC 4978
    CompressionActive = "COMPRESSIONACTIVE",
    /// RFC 5530
    ContactAdmin = "CONTACTADMIN",
    /// RFC 5530
    Corruption = "CORRUPTION",
    /// RFC 5530
    Expired = "EXPIRED",
    /// RFC 5530
    ExpungeIssued = "EXPUNGEISSUED",
    /// RFC 9051: there are mailboxes below it
    HasChildren = "HASCHILDREN",
    /// RFC 5530
    InUse = "INUSE",
    /// RFC 5530
    Limit = "LIMIT",
    /// RFC 5530
    NonExistent = "NONEXISTENT",
    /// RFC 7162: the mailbox keeps no mod-sequences.
    NoModSeq = "NOMODSEQ",
    /// RFC 5530
    NoPerm = "NOPERM",
    /// RFC 5465: the server tells nothing unasked from here on
    NotificationOverflow = "NOTIFICATIONOVERFLOW",
    /// RFC 5182: no search result is kept
    NotSaved = "NOTSAVED",
    /// RFC 5530
    OverQuota = "OVERQUOTA",
    /// RFC 9051
    Parse = "PARSE",
    /// RFC 5530
    PrivacyRequired = "PRIVACYREQUIRED",
    /// RFC 9051
    ReadOnly = "READ-ONLY",
    /// RFC 9051
    ReadWrite = "READ-WRITE",
    /// RFC 5530
    ServerBug = "SERVERBUG",
    /// Gmail: the server slows this account down.
    Throttled = "THROTTLED",
    /// RFC 4469: the message has too many bytes
    TooBig = "TOOBIG",
    /// RFC 9051: creating the mailbox first would help.
    TryCreate = "TRYCREATE",
    /// RFC 4315
    UidNotSticky = "UIDNOTSTICKY",
    /// RFC 9586: sequence numbers are not in use
    UidRequired = "UIDREQUIRED",
    /// RFC 5530
    Unavailable = "UNAVAILABLE",
    /// RFC 3516: the part's encoding isn't known
    UnknownCte = "UNKNOWN-CTE",
    /// RFC 6154: the special use can't be had
    UseAttr = "USEATTR",
}

/// How far a command has come (`INPROGRESS`, RFC 9585).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The command's tag.
    pub tag: Option<Bytes>,
    /// How many items are done.
    pub done: Option<u64>,
    /// How many items there are.
    pub of: Option<u64>,
}

impl ResponseCode {
    /// A code in the form and case in which nearly all servers write it, and the text behind it: those of a selection,
    /// and those without arguments. They go straight to their place, since a code is large.
    #[inline]
    pub(crate) fn parse_plain<'a>(input: &'a [u8], code: &mut Option<Self>) -> Option<&'a [u8]> {
        let inner = input.strip_prefix(b"[")?;
        let value = |len: usize| match number64(&inner[len..]) {
            Ok(([b']', b' ', text @ ..], value)) => Some((text, value)),
            _ => None,
        };
        let short =
            |len: usize| value(len).and_then(|(text, value)| Some((text, u32::try_from(value).ok()?)));
        match inner.first()? {
            b'U' if inner.starts_with(b"UIDVALIDITY ") => {
                let (text, value) = short(12)?;
                *code = Some(Self::UidValidity(value));
                Some(text)
            }
            b'U' if inner.starts_with(b"UIDNEXT ") => {
                let (text, value) = short(8)?;
                *code = Some(Self::UidNext(value));
                Some(text)
            }
            b'H' if inner.starts_with(b"HIGHESTMODSEQ ") => {
                let (text, value) = value(14)?;
                *code = Some(Self::HighestModSeq(value));
                Some(text)
            }
            _ => {
                let len = inner.iter().position(|byte| matches!(byte, b' ' | b']' | b'\r' | b'\n'))?;
                let [b']', b' ', text @ ..] = &inner[len..] else { return None };
                *code = Some(Self::plain(&inner[..len])?);
                Some(text)
            }
        }
    }

    /// `"[" resp-text-code "]"`. A code that can't be read is kept raw.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let Some(inner) = input.strip_prefix(b"[") else { return fail(input, "\"[\"") };
        let len =
            inner.iter().position(|byte| matches!(byte, b' ' | b']' | b'\r' | b'\n')).unwrap_or(inner.len());
        let (name, behind) = inner.split_at(len);
        if name.is_empty() {
            return fail(inner, "a response code");
        }
        if let Ok((rest, code)) = Self::arguments(name, behind, cx)
            && let Some(rest) = rest.strip_prefix(b"]")
        {
            return Ok((rest, code));
        }
        let (rest, raw) = raw_arguments(behind, cx)?;
        let arguments = raw.strip_prefix(b" ");
        match Self::bare(name) {
            Some(code) if arguments.is_none_or(<[u8]>::is_empty) => {
                cx.quirk(behind, QuirkKind::ExtraSpace)?;
                return Ok((rest, code));
            }
            _ => {}
        }
        if is_known(name) {
            cx.quirk(behind, QuirkKind::BadCodeArguments)?;
        }
        let code = Self::Other { name: cx.keep(name), arguments: arguments.map(|raw| cx.keep(raw)) };
        Ok((rest, code))
    }

    fn arguments<'a>(name: &[u8], input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let mut capitals = [0; LONGEST_WORD];
        match in_capitals(name, &mut capitals) {
            b"BADCHARSET" => {
                if input.first() == Some(&b']') {
                    return Ok((input, Self::BadCharset(Vec::new())));
                }
                let (rest, ()) = spaces(input, cx)?;
                let mut charsets = Vec::new();
                if rest.first() != Some(&b'(') {
                    return bare_charsets(rest, cx);
                }
                if rest.starts_with(b"()") {
                    cx.quirk(rest, QuirkKind::EmptyList)?;
                }
                let (rest, ()) = list(rest, cx, |input, cx| {
                    let (rest, charset) = astring(input, cx)?;
                    charsets.push(cx.bytes(charset));
                    Ok((rest, ()))
                })?;
                Ok((rest, Self::BadCharset(charsets)))
            }
            b"BADEVENT" => {
                let (rest, ()) = spaces(input, cx)?;
                let mut events = Vec::new();
                let (rest, ()) = list(rest, cx, |input, cx| {
                    let (rest, event) = astring(input, cx)?;
                    events.push(cx.bytes(event));
                    Ok((rest, ()))
                })?;
                Ok((rest, Self::BadEvent(events)))
            }
            b"BADURL" => text_of(Self::BadUrl, input, cx),
            b"NOUPDATE" => text_of(Self::NoUpdate, input, cx),
            b"UNDEFINED-FILTER" => text_of(Self::UndefinedFilter, input, cx),
            b"INPROGRESS" if input.first() == Some(&b']') => {
                Ok((input, Self::InProgress(Progress::default())))
            }
            b"INPROGRESS" => {
                let (rest, ()) = spaces(input, cx)?;
                let (rest, ()) = byte(b'(', "\"(\"")(rest)?;
                let (rest, tag) = nstring(rest, cx)?;
                let (rest, ()) = spaces(rest, cx)?;
                let (rest, done) = nullable(rest)?;
                let (rest, ()) = spaces(rest, cx)?;
                let (rest, of) = nullable(rest)?;
                let (rest, ()) = byte(b')', "\")\"")(rest)?;
                Ok((rest, Self::InProgress(Progress { tag: tag.map(|tag| cx.bytes(tag)), done, of })))
            }
            b"MAILBOXID" => {
                let (rest, id) = object_id(spaces(input, cx)?.0)?;
                Ok((rest, Self::MailboxId(cx.keep(id))))
            }
            b"MESSAGELIMIT" => {
                let (rest, most) = number(spaces(input, cx)?.0)?;
                let (rest, lowest) = match rest.first() {
                    Some(b' ') => number(spaces(rest, cx)?.0).map(|(rest, lowest)| (rest, Some(lowest)))?,
                    _ => (rest, None),
                };
                Ok((rest, Self::MessageLimit { most, lowest }))
            }
            b"METADATA" => {
                let (rest, code) = MetadataCode::parse(spaces(input, cx)?.0, cx)?;
                Ok((rest, Self::Metadata(code)))
            }
            b"CAPABILITY" => {
                let (rest, capabilities) = Capabilities::parse(input, cx)?;
                if capabilities.is_empty() {
                    cx.quirk(input, QuirkKind::MissingField)?;
                }
                Ok((rest, Self::Capability(capabilities)))
            }
            b"PERMANENTFLAGS" => {
                let (rest, ()) = spaces(input, cx)?;
                let (rest, flags) = flags::parse_list(rest, cx)?;
                Ok((rest, Self::PermanentFlags(flags)))
            }
            b"UIDNEXT" => number_of(number, Self::UidNext, input, cx),
            b"UIDVALIDITY" => number_of(number, Self::UidValidity, input, cx),
            b"UNSEEN" => number_of(number, Self::Unseen, input, cx),
            b"HIGHESTMODSEQ" => number_of(number64, Self::HighestModSeq, input, cx),
            b"MODIFIED" => number_of(SequenceSet::parse, Self::Modified, input, cx),
            b"APPENDUID" => {
                let (rest, ()) = spaces(input, cx)?;
                let (rest, uid_validity) = nz_number(rest)?;
                let (rest, ()) = spaces(rest, cx)?;
                let (rest, uids) = SequenceSet::parse(rest)?;
                Ok((rest, Self::AppendUid { uid_validity, uids }))
            }
            b"COPYUID" => {
                let (rest, ()) = spaces(input, cx)?;
                let (rest, uid_validity) = nz_number(rest)?;
                let (rest, ()) = spaces(rest, cx)?;
                let (rest, source) = SequenceSet::parse(rest)?;
                let (rest, ()) = spaces(rest, cx)?;
                let (rest, target) = SequenceSet::parse(rest)?;
                Ok((rest, Self::CopyUid { uid_validity, source, target }))
            }
            _ => match Self::bare(name) {
                Some(code) => Ok((input, code)),
                None => fail(input, "a response code"),
            },
        }
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.raw("[").raw(self.wire());
        match self {
            Self::BadCharset(charsets) if charsets.is_empty() => {}
            Self::BadCharset(charsets) => {
                out.raw(" (");
                for (index, charset) in charsets.iter().enumerate() {
                    if index > 0 {
                        out.raw(" ");
                    }
                    out.astring(charset, "charset");
                }
                out.raw(")");
            }
            Self::BadEvent(events) => {
                out.raw(" ").list(events, |out, event| {
                    out.astring(event, "event");
                });
            }
            Self::BadUrl(url) => drop(out.raw(" ").string(url, "URL")),
            Self::NoUpdate(tag) => drop(out.raw(" ").string(tag, "tag")),
            Self::UndefinedFilter(name) => drop(out.raw(" ").atom(name, "filter name")),
            Self::InProgress(progress) if *progress == Progress::default() => {}
            Self::InProgress(Progress { tag, done, of }) => {
                let number = |out: &mut Encoder, number: &Option<u64>| match number {
                    Some(number) => drop(out.raw(" ").number(*number)),
                    None => drop(out.raw(" NIL")),
                };
                out.raw(" (").nstring(tag.as_deref(), "tag");
                number(out, done);
                number(out, of);
                out.raw(")");
            }
            Self::MailboxId(id) => drop(out.raw(" (").atom(id, "mailbox id").raw(")")),
            Self::MessageLimit { most, lowest } => {
                out.raw(" ").number(u64::from(*most));
                if let Some(lowest) = lowest {
                    out.raw(" ").number(u64::from(*lowest));
                }
            }
            Self::Metadata(code) => code.encode(out.raw(" ")),
            Self::Capability(capabilities) => capabilities.encode(out),
            Self::PermanentFlags(list) => {
                out.raw(" ");
                flags::encode_list(list, out);
            }
            Self::UidNext(number) | Self::UidValidity(number) | Self::Unseen(number) => {
                out.raw(" ").number(u64::from(*number));
            }
            Self::HighestModSeq(number) => {
                out.raw(" ").number(*number);
            }
            Self::Modified(set) => {
                out.raw(" ");
                set.encode(out, "modified messages");
            }
            Self::AppendUid { uid_validity, uids } => {
                out.raw(" ").number(u64::from(*uid_validity)).raw(" ");
                uids.encode(out, "appended messages");
            }
            Self::CopyUid { uid_validity, source, target } => {
                out.raw(" ").number(u64::from(*uid_validity)).raw(" ");
                source.encode(out, "copied messages");
                out.raw(" ");
                target.encode(out, "copies");
            }
            Self::Other { name, arguments } => {
                out.atom(name, "response code");
                if let Some(arguments) = arguments {
                    out.raw(" ").line_text(arguments);
                }
            }
            _ => {}
        }
        out.raw("]");
    }
}

fn is_known(name: &[u8]) -> bool {
    const WITH_ARGUMENTS: [&str; 18] = [
        "BADCHARSET",
        "BADEVENT",
        "BADURL",
        "INPROGRESS",
        "MAILBOXID",
        "MESSAGELIMIT",
        "METADATA",
        "NOUPDATE",
        "UNDEFINED-FILTER",
        "CAPABILITY",
        "PERMANENTFLAGS",
        "UIDNEXT",
        "UIDVALIDITY",
        "UNSEEN",
        "APPENDUID",
        "COPYUID",
        "HIGHESTMODSEQ",
        "MODIFIED",
    ];
    WITH_ARGUMENTS.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        || ResponseCode::bare(name).is_some()
}

fn number_of<'a, T>(
    number: impl Fn(&'a [u8]) -> Parsing<'a, T>,
    code: impl Fn(T) -> ResponseCode,
    input: &'a [u8],
    cx: &mut Context<'a>,
) -> Parsing<'a, ResponseCode> {
    let (rest, ()) = spaces(input, cx)?;
    let (rest, value) = number(rest)?;
    Ok((rest, code(value)))
}

/// `SP (atom / string)`: a bracket in a word closes the code.
fn text_of<'a>(
    code: fn(Bytes) -> ResponseCode,
    input: &'a [u8],
    cx: &mut Context<'a>,
) -> Parsing<'a, ResponseCode> {
    let (rest, ()) = spaces(input, cx)?;
    if matches!(rest.first(), Some(b'"' | b'{')) {
        let (rest, span) = astring(rest, cx)?;
        return Ok((rest, code(cx.bytes(span))));
    }
    let (rest, word) = atom(rest)?;
    Ok((rest, code(cx.keep(word))))
}

/// Charsets without the parentheses that belong around them.
fn bare_charsets<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, ResponseCode> {
    cx.quirk(input, QuirkKind::StringForList)?;
    let (mut rest, mut charsets) = (input, Vec::new());
    loop {
        let charset;
        (rest, charset) = match rest.first() {
            Some(b'"') => astring(rest, cx).map(|(rest, span)| (rest, cx.bytes(span)))?,
            // A bracket in a word closes the code.
            _ => atom(rest).map(|(rest, word)| (rest, cx.keep(word)))?,
        };
        charsets.push(charset);
        if rest.first() == Some(&b']') {
            return Ok((rest, ResponseCode::BadCharset(charsets)));
        }
        (rest, ()) = spaces(rest, cx)?;
    }
}

/// `number64 / nil`
fn nullable(input: &[u8]) -> Parsing<'_, Option<u64>> {
    match nil(input) {
        Some(rest) => Ok((rest, None)),
        None => number64(input).map(|(rest, number)| (rest, Some(number))),
    }
}

/// Everything up to the bracket that closes the code; a bracket in a string or list doesn't, unless that leaves the
/// code open.
fn raw_arguments<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, &'a [u8]> {
    let Some(close) = closing(input, cx).or_else(|| memchr::memchr(b']', line(input))) else {
        return fail(line(input), "\"]\"");
    };
    Ok((&input[close + 1..], &input[..close]))
}

/// Where the bracket stands that closes the code, if strings and lists are what they seem.
fn closing(input: &[u8], cx: &Context<'_>) -> Option<usize> {
    let mut rest = input;
    let mut depth = 0_usize;
    loop {
        match rest.first()? {
            b']' if depth == 0 => return Some(input.len() - rest.len()),
            b'\r' | b'\n' => return None,
            b'"' => {
                rest = quoted(rest, cx).ok()?.0;
                continue;
            }
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        rest = &rest[1..];
    }
}
