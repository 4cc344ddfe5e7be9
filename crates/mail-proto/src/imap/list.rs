//! LIST and LSUB: the names of mailboxes (RFC 9051 sections 6.3.9 and 7.3.1).

use bytes::Bytes;

use super::{
    encode::Encoder,
    flags::Flag,
    mailbox::MailboxName,
    terminals::{Context, Parsing, any_value, at_end, fail, list, nil, quoted, spaces, string},
};
use crate::error::QuirkKind;

/// A mailbox as LIST tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// What is said of it.
    pub attributes: Vec<MailboxAttribute>,
    /// What separates the levels of its name; `None` if names have no levels.
    pub delimiter: Option<u8>,
    /// Its name.
    pub mailbox: MailboxName,
    /// Extended data (`mbox-list-extended`, RFC 5258), raw, from the opening parenthesis on.
    pub extended: Option<Bytes>,
}

macro_rules! attributes {
    ($($(#[$doc:meta])* $name:ident = $wire:literal,)*) => {
        /// What LIST says of a mailbox.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum MailboxAttribute {
            $($(#[$doc])* $name,)*
            /// One that isn't known here, as on the wire.
            Other(Bytes),
        }

        impl MailboxAttribute {
            fn known(name: &[u8]) -> Option<Self> {
                $(if name.eq_ignore_ascii_case($wire.as_bytes()) { return Some(Self::$name); })*
                None
            }

            /// The attribute as on the wire.
            pub fn as_bytes(&self) -> &[u8] {
                match self {
                    $(Self::$name => $wire.as_bytes(),)*
                    Self::Other(name) => name,
                }
            }
        }
    };
}

attributes! {
    /// It can't have levels below it.
    NoInferiors = "\\Noinferiors",
    /// It can't be selected.
    NoSelect = "\\Noselect",
    /// It may have new messages.
    Marked = "\\Marked",
    /// It has no new messages.
    Unmarked = "\\Unmarked",
    /// It doesn't exist (RFC 5258).
    NonExistent = "\\NonExistent",
    /// It is subscribed to (RFC 5258).
    Subscribed = "\\Subscribed",
    /// It lies elsewhere (RFC 5258).
    Remote = "\\Remote",
    /// There are mailboxes below it (RFC 3348).
    HasChildren = "\\HasChildren",
    /// There are none below it (RFC 3348).
    HasNoChildren = "\\HasNoChildren",
    /// All messages (RFC 6154).
    All = "\\All",
    /// Archived messages (RFC 6154).
    Archive = "\\Archive",
    /// Drafts (RFC 6154).
    Drafts = "\\Drafts",
    /// Flagged messages (RFC 6154).
    Flagged = "\\Flagged",
    /// Unwanted messages (RFC 6154).
    Junk = "\\Junk",
    /// Sent messages (RFC 6154).
    Sent = "\\Sent",
    /// Deleted messages (RFC 6154).
    Trash = "\\Trash",
    /// Important messages (RFC 8457).
    Important = "\\Important",
}

impl MailboxAttribute {
    /// The attribute of this name, found without regard to case.
    pub fn new(name: impl Into<Bytes>) -> Self {
        let name = name.into();
        Self::known(&name).unwrap_or(Self::Other(name))
    }
}

impl List {
    /// Whether it can be selected.
    pub fn is_selectable(&self) -> bool {
        !self.attributes.contains(&MailboxAttribute::NoSelect)
            && !self.attributes.contains(&MailboxAttribute::NonExistent)
    }

    /// `mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox [SP mbox-list-extended]`
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let mut attributes = Vec::new();
        let (rest, ()) = match nil(input) {
            Some(rest) => {
                cx.quirk(input, QuirkKind::UnexpectedNil)?;
                (rest, ())
            }
            None => list(input, cx, |input, cx| {
                let (rest, name) = Flag::parse_name(input, cx)?;
                attributes.push(
                    MailboxAttribute::known(name)
                        .unwrap_or_else(|| MailboxAttribute::Other(cx.frame.slice_ref(name))),
                );
                Ok((rest, ()))
            })?,
        };
        let (rest, ()) = spaces(rest, cx)?;
        let (rest, delimiter) = delimiter(rest, cx)?;
        let (rest, ()) = spaces(rest, cx)?;
        let (rest, mailbox) = name(rest, cx)?;
        let (rest, extended) = match rest.strip_prefix(b" ") {
            Some(open) if open.first() == Some(&b'(') => {
                let (rest, ()) = any_value(open, cx)?;
                (rest, Some(cx.frame.slice_ref(&open[..open.len() - rest.len()])))
            }
            _ => (rest, None),
        };
        Ok((rest, Self { attributes, delimiter, mailbox, extended }))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.raw("(");
        for (index, attribute) in self.attributes.iter().enumerate() {
            if index > 0 {
                out.raw(" ");
            }
            let name = attribute.as_bytes();
            match name.strip_prefix(b"\\") {
                Some(name) => out.raw("\\").atom(name, "mailbox attribute"),
                None => out.atom(name, "mailbox attribute"),
            };
        }
        out.raw(") ");
        match self.delimiter {
            Some(delimiter) => out.string(&[delimiter], "hierarchy delimiter"),
            None => out.raw("NIL"),
        };
        out.raw(" ");
        self.mailbox.encode(out);
        if let Some(extended) = &self.extended {
            out.raw(" ").line_text(extended);
        }
    }
}

fn delimiter<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Option<u8>> {
    if let Some(rest) = nil(input) {
        return Ok((rest, None));
    }
    match input {
        // A lone backslash between quotes should be escaped, and often isn't.
        [b'"', b'\\', b'"', rest @ ..] if rest.first() == Some(&b' ') => {
            cx.quirk(input, QuirkKind::UnescapedQuote)?;
            Ok((rest, Some(b'\\')))
        }
        [b'"' | b'{', ..] => {
            let (rest, span) = string(input, cx)?;
            match *span.of(cx.frame).to_bytes() {
                [] => {
                    cx.quirk(input, QuirkKind::UnexpectedNil)?;
                    Ok((rest, None))
                }
                [delimiter] => Ok((rest, Some(delimiter))),
                _ => fail(input, "a hierarchy delimiter of one character"),
            }
        }
        [delimiter, b' ', ..] if delimiter.is_ascii_punctuation() => {
            cx.quirk(input, QuirkKind::AtomForString)?;
            Ok((&input[1..], Some(*delimiter)))
        }
        _ => fail(input, "a hierarchy delimiter"),
    }
}

/// The name at the end of the line. Servers leave it unquoted whatever is in it.
fn name<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, MailboxName> {
    if let Ok((rest, name)) = MailboxName::parse(input, cx)
        && (at_end(rest)
            || rest.first() == Some(&b' ') && matches!(rest.get(1), Some(b'(' | b'\r' | b'\n') | None))
    {
        return Ok((rest, name));
    }
    if input.first() == Some(&b'"') {
        let (rest, span) = quoted(input, cx)?;
        return Ok((rest, MailboxName::from_wire(cx.bytes(span))));
    }
    let len = input.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(input.len());
    let text = input[..len].trim_ascii_end();
    if text.is_empty() {
        return fail(input, "a mailbox name");
    }
    cx.quirk(input, QuirkKind::AtomForString)?;
    Ok((&input[len..], MailboxName::from_wire(cx.frame.slice_ref(text))))
}
