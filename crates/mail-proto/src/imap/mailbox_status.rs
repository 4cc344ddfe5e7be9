//! STATUS: numbers of a mailbox that need not be selected (RFC 9051 sections 6.3.11 and 7.3.5).

use bytes::Bytes;

use super::{
    encode::Encoder,
    mailbox::MailboxName,
    terminals::{Context, Parsing, any_value, atom, byte, fail, list, nil, number64, skip_spaces, spaces},
};
use crate::error::QuirkKind;

macro_rules! items {
    ($($(#[$doc:meta])* $name:ident = $wire:literal,)*) => {
        /// Something that STATUS tells.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum StatusItem {
            $($(#[$doc])* $name,)*
        }

        impl StatusItem {
            /// All that are nothing but a word.
            #[cfg(feature = "arbitrary")]
            pub(crate) fn words() -> Vec<Self> {
                vec![$(Self::$name,)*]
            }

            pub(crate) fn known(name: &[u8]) -> Option<Self> {
                $(if name == $wire.as_bytes() { return Some(Self::$name); })*
                Self::known_without_case(name)
            }

            #[cold]
            fn known_without_case(name: &[u8]) -> Option<Self> {
                $(if name.eq_ignore_ascii_case($wire.as_bytes()) { return Some(Self::$name); })*
                None
            }

            /// The item as on the wire.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $wire,)* }
            }
        }
    };
}

items! {
    /// How many messages there are.
    Messages = "MESSAGES",
    /// How many are recent (RFC 3501).
    Recent = "RECENT",
    /// The UID that the next message will have at least.
    UidNext = "UIDNEXT",
    /// The mailbox' UIDVALIDITY.
    UidValidity = "UIDVALIDITY",
    /// How many messages have no `\Seen`.
    Unseen = "UNSEEN",
    /// How many messages have `\Deleted` (RFC 9051).
    Deleted = "DELETED",
    /// The sum of the messages' sizes in bytes (RFC 9051, RFC 8438).
    Size = "SIZE",
    /// The highest mod-sequence (RFC 7162).
    HighestModSeq = "HIGHESTMODSEQ",
    /// The mailbox' id, which is no number (RFC 8474).
    MailboxId = "MAILBOXID",
    /// The largest message that may be appended, in bytes; no value if there is no limit (RFC 7889).
    AppendLimit = "APPENDLIMIT",
    /// How many bytes expunging would free (RFC 9208).
    DeletedStorage = "DELETED-STORAGE",
}

/// What STATUS told of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxStatus {
    /// The mailbox.
    pub mailbox: MailboxName,
    /// What was told, in the server's order.
    pub items: Vec<(StatusItem, StatusValue)>,
    /// Items that aren't known here or whose value can't be read: their name, and the value raw.
    pub other: Vec<(Bytes, Bytes)>,
}

/// What STATUS tells of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusValue {
    /// A number.
    Number(u64),
    /// An id (`MAILBOXID`).
    Id(Bytes),
    /// None (`APPENDLIMIT`, where there is no limit).
    Nil,
}

impl From<u64> for StatusValue {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl StatusItem {
    /// `status-att-val`, behind the name. Numbers that are 32 bits long are read as such.
    fn value<'a>(self, input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, StatusValue> {
        let (rest, value) = match self {
            Self::MailboxId => {
                let (rest, id) = object_id(input)?;
                (rest, StatusValue::Id(cx.keep(id)))
            }
            Self::AppendLimit if nil(input).is_some() => (&input[3..], StatusValue::Nil),
            _ => {
                let (rest, number) = number64(input)?;
                let long = matches!(
                    self,
                    Self::Size | Self::HighestModSeq | Self::AppendLimit | Self::DeletedStorage
                );
                if !long && u32::try_from(number).is_err() {
                    return fail(input, "a number of 32 bits");
                }
                (rest, StatusValue::Number(number))
            }
        };
        match rest.first() {
            Some(b' ' | b')') => Ok((rest, value)),
            _ => fail(rest, "a space or \")\""),
        }
    }
}

/// `"(" objectid ")"`, `objectid = 1*255(ALPHA / DIGIT / "_" / "-")` (RFC 8474)
pub(crate) fn object_id(input: &[u8]) -> Parsing<'_, &[u8]> {
    let (rest, ()) = byte(b'(', "\"(\"")(input)?;
    let (rest, id) = atom(rest)?;
    let (rest, ()) = byte(b')', "\")\"")(rest)?;
    Ok((rest, id))
}

impl MailboxStatus {
    /// The number of this kind, if the server told it.
    pub fn get(&self, item: StatusItem) -> Option<u64> {
        self.items.iter().find_map(|(kind, value)| match value {
            StatusValue::Number(number) if *kind == item => Some(*number),
            _ => None,
        })
    }

    /// The mailbox' id, if the server told it (RFC 8474).
    pub fn mailbox_id(&self) -> Option<&[u8]> {
        self.items.iter().find_map(|(_, value)| match value {
            StatusValue::Id(id) => Some(&id[..]),
            _ => None,
        })
    }

    /// `"STATUS" SP mailbox SP "(" [status-att-list] ")"`, behind the word.
    #[inline(always)] // There may be one for each mailbox, and it is large.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (rest, mailbox) = name(input, cx)?;
        let (rest, ()) = spaces(rest, cx)?;
        let (mut items, mut other) = (Vec::new(), Vec::new());
        let (rest, ()) = list(rest, cx, |input, cx| {
            let (rest, name) = atom(input)?;
            let (value, ()) = spaces(rest, cx)?;
            let known = StatusItem::known(name);
            if let Some(item) = known {
                if let Ok((rest, found)) = item.value(value, cx) {
                    items.push((item, found));
                    return Ok((rest, ()));
                }
                cx.quirk(value, QuirkKind::BadNumber)?;
            }
            let (rest, ()) = any_value(value, cx)?;
            let raw = &value[..value.len() - rest.len()];
            other.push((cx.keep(name), cx.keep(raw)));
            Ok((rest, ()))
        })?;
        Ok((rest, Self { mailbox, items, other }))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        self.mailbox.encode(out);
        out.raw(" (").each(&self.items, |out, (item, value)| {
            out.raw(item.name()).raw(" ");
            match value {
                StatusValue::Number(number) => out.number(*number),
                StatusValue::Id(id) => out.raw("(").atom(id, "mailbox id").raw(")"),
                StatusValue::Nil => out.raw("NIL"),
            };
        });
        if !self.items.is_empty() && !self.other.is_empty() {
            out.raw(" ");
        }
        out.each(&self.other, |out, (name, value)| {
            out.atom(name, "status item").raw(" ").raw_value(value, "status value");
        });
        out.raw(")");
    }
}

/// The mailbox. Servers leave names unquoted that have spaces in them; then it ends before the last parenthesis.
fn name<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, MailboxName> {
    if let Ok((rest, name)) = MailboxName::parse(input, cx)
        && matches!(rest, [b' ' | b'\t', ..])
        && skip_spaces(rest).first() == Some(&b'(')
    {
        return Ok((rest, name));
    }
    let open = input.windows(2).rposition(|pair| pair == b" (").unwrap_or(0);
    let text = input[..open].trim_ascii_end();
    if text.is_empty() || matches!(text[0], b'"' | b'{') {
        return fail(input, "a mailbox name");
    }
    cx.quirk(input, QuirkKind::AtomForString)?;
    Ok((&input[text.len()..], MailboxName::from_wire(cx.keep(text))))
}

/// `"(" status-att *(SP status-att) ")"`, as in the command.
pub(crate) fn parse_items<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Vec<StatusItem>> {
    let mut items = Vec::new();
    let (rest, ()) = list(input, cx, |input, _| {
        let (rest, name) = atom(input)?;
        match StatusItem::known(name) {
            Some(item) => {
                items.push(item);
                Ok((rest, ()))
            }
            None => fail(input, "a status item"),
        }
    })?;
    Ok((rest, items))
}

pub(crate) fn encode_items(items: &[StatusItem], out: &mut Encoder) {
    out.list1(items, "STATUS items", |out, item| {
        out.raw(item.name());
    });
}
