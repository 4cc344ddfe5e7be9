//! STATUS: numbers of a mailbox that need not be selected (RFC 9051 sections 6.3.11 and 7.3.4).

use bytes::Bytes;

use super::{
    encode::Encoder,
    mailbox::MailboxName,
    terminals::{Context, Parsing, any_value, atom, fail, list, number64, spaces},
};

macro_rules! items {
    ($($(#[$doc:meta])* $name:ident = $wire:literal,)*) => {
        /// A number that STATUS tells.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum StatusItem {
            $($(#[$doc])* $name,)*
        }

        impl StatusItem {
            fn known(name: &[u8]) -> Option<Self> {
                $(if name.eq_ignore_ascii_case($wire.as_bytes()) { return Some(Self::$name); })*
                None
            }

            fn wire(self) -> &'static str {
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
}

/// What STATUS told of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxStatus {
    /// The mailbox.
    pub mailbox: MailboxName,
    /// The numbers, in the server's order.
    pub items: Vec<(StatusItem, u64)>,
    /// Items that aren't known here or whose value is no number: their name, and the value raw.
    pub other: Vec<(Bytes, Bytes)>,
}

impl MailboxStatus {
    /// The number of this kind, if the server told it.
    pub fn get(&self, item: StatusItem) -> Option<u64> {
        self.items.iter().find(|(kind, _)| *kind == item).map(|(_, number)| *number)
    }

    /// `"STATUS" SP mailbox SP "(" [status-att-list] ")"`, behind the word.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (rest, mailbox) = MailboxName::parse(input, cx)?;
        let (rest, ()) = spaces(rest, cx)?;
        let (mut items, mut other) = (Vec::new(), Vec::new());
        let (rest, ()) = list(rest, cx, |input, cx| {
            let (rest, name) = atom(input)?;
            let (value, ()) = spaces(rest, cx)?;
            if let Some(item) = StatusItem::known(name)
                && let Ok((rest, number)) = number64(value)
                && matches!(rest.first(), Some(b' ' | b')'))
            {
                items.push((item, number));
                return Ok((rest, ()));
            }
            let (rest, ()) = any_value(value, cx)?;
            let raw = &value[..value.len() - rest.len()];
            other.push((cx.frame.slice_ref(name), cx.frame.slice_ref(raw)));
            Ok((rest, ()))
        })?;
        Ok((rest, Self { mailbox, items, other }))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        self.mailbox.encode(out);
        out.raw(" (");
        for (index, (item, number)) in self.items.iter().enumerate() {
            if index > 0 {
                out.raw(" ");
            }
            out.raw(item.wire()).raw(" ").number(*number);
        }
        for (index, (name, value)) in self.other.iter().enumerate() {
            if index > 0 || !self.items.is_empty() {
                out.raw(" ");
            }
            out.atom(name, "status item").raw(" ").line_text(value);
        }
        out.raw(")");
    }
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
    out.raw("(");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.raw(" ");
        }
        out.raw(item.wire());
    }
    out.raw(")");
}
