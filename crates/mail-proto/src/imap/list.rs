//! LIST, LSUB and XLIST: the names of mailboxes (RFC 9051 sections 6.3.9 and 7.3.1, RFC 5258).

use bytes::Bytes;

use super::{
    encode::Encoder,
    mailbox::MailboxName,
    mailbox_attribute::{MailboxAttribute, MailboxAttributes},
    terminals::{Context, Parsing, any_value, astring, at_end, fail, list, nil, quoted, spaces, string},
};
use crate::error::QuirkKind;

/// A mailbox as LIST tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// What is said of it.
    pub attributes: MailboxAttributes,
    /// What separates the levels of its name; `None` if names have no levels.
    pub delimiter: Option<u8>,
    /// Its name.
    pub mailbox: MailboxName,
    /// Further data (`mbox-list-extended`, RFC 5258).
    pub extended: Vec<ListExtension>,
}

/// Further data of a mailbox (`mbox-list-extended-item`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListExtension {
    /// `CHILDINFO`: below it there are mailboxes that match these selection options, though it may not itself.
    ChildInfo(Vec<Bytes>),
    /// `OLDNAME`: the name by which it was asked for, or that it had before (RFC 9051, RFC 5465).
    OldName(MailboxName),
    /// One that isn't known here.
    Other {
        /// Its name.
        tag: Bytes,
        /// Its value, raw.
        value: Bytes,
    },
}

impl List {
    /// A mailbox of which nothing more is said.
    pub fn new(mailbox: impl Into<MailboxName>, delimiter: Option<u8>) -> Self {
        Self {
            attributes: MailboxAttributes::default(),
            delimiter,
            mailbox: mailbox.into(),
            extended: Vec::new(),
        }
    }

    /// The selection options that mailboxes below it match (`CHILDINFO`).
    pub fn child_info(&self) -> Option<&[Bytes]> {
        self.extended.iter().find_map(|item| match item {
            ListExtension::ChildInfo(options) => Some(options.as_slice()),
            _ => None,
        })
    }

    /// The name it had before (`OLDNAME`).
    pub fn old_name(&self) -> Option<&MailboxName> {
        self.extended.iter().find_map(|item| match item {
            ListExtension::OldName(name) => Some(name),
            _ => None,
        })
    }

    /// Whether it can be selected.
    pub fn is_selectable(&self) -> bool {
        !self.attributes.contains(&MailboxAttribute::NoSelect)
            && !self.attributes.contains(&MailboxAttribute::NonExistent)
    }

    /// `mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox [SP mbox-list-extended]`
    #[inline(always)] // There may be thousands, and it is large.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (rest, attributes) = MailboxAttributes::parse(input, cx)?;
        let (rest, ()) = spaces(rest, cx)?;
        let (rest, delimiter) = delimiter(rest, cx)?;
        let (rest, ()) = spaces(rest, cx)?;
        let (rest, mailbox) = name(rest, cx)?;
        let (rest, extended) = match rest.strip_prefix(b" ") {
            Some(open) if open.first() == Some(&b'(') => ListExtension::parse_all(open, cx)?,
            _ => (rest, Vec::new()),
        };
        Ok((rest, Self { attributes, delimiter, mailbox, extended }))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        self.attributes.encode(out);
        out.raw(" ");
        match self.delimiter {
            Some(delimiter) => out.string(&[delimiter], "hierarchy delimiter"),
            None => out.raw("NIL"),
        };
        out.raw(" ");
        self.mailbox.encode(out);
        if !self.extended.is_empty() {
            out.raw(" ").list(&self.extended, |out, item| item.encode(out));
        }
    }
}

impl ListExtension {
    /// ```abnf
    /// mbox-list-extended = "(" [mbox-list-extended-item *(SP mbox-list-extended-item)] ")"
    /// mbox-list-extended-item = astring SP tagged-ext-val
    /// ```
    fn parse_all<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Vec<Self>> {
        let mut items = Vec::new();
        let (rest, ()) = list(input, cx, |input, cx| {
            let (rest, span) = astring(input, cx)?;
            let (value, ()) = spaces(rest, cx)?;
            let (rest, ()) = any_value(value, cx)?;
            let tag = cx.bytes(span);
            // What isn't of the known form is kept like what isn't known.
            let known = match tag.to_ascii_uppercase().as_slice() {
                b"CHILDINFO" => strings(value, cx).map(Self::ChildInfo),
                b"OLDNAME" => match strings(value, cx).as_deref() {
                    Some([name]) => Some(Self::OldName(MailboxName::from_wire(name.clone()))),
                    _ => None,
                },
                _ => None,
            };
            let raw = cx.keep(&value[..value.len() - rest.len()]);
            items.push(known.unwrap_or(Self::Other { tag, value: raw }));
            Ok((rest, ()))
        })?;
        Ok((rest, items))
    }

    fn encode(&self, out: &mut Encoder) {
        match self {
            Self::ChildInfo(options) => {
                out.raw("\"CHILDINFO\" ").list1(options, "CHILDINFO", |out, option| {
                    out.string(option, "selection option");
                });
            }
            Self::OldName(name) => {
                out.raw("\"OLDNAME\" (").string(name.as_bytes(), "mailbox name").raw(")");
            }
            Self::Other { tag, value } => {
                out.string(tag, "LIST data").raw(" ").raw_value(value, "LIST data");
            }
        }
    }
}

/// `"(" astring *(SP astring) ")"`, if that is what stands there.
fn strings<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Option<Vec<Bytes>> {
    let mut strings = Vec::new();
    list(input, cx, |input, cx| {
        let (rest, span) = astring(input, cx)?;
        strings.push(cx.bytes(span));
        Ok((rest, ()))
    })
    .ok()
    .filter(|_| !strings.is_empty())?;
    Some(strings)
}

#[inline]
pub(crate) fn delimiter<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Option<u8>> {
    // Nearly all servers send nothing else.
    if let [b'"', delimiter @ (b'/' | b'.'), b'"', rest @ ..] = input {
        return Ok((rest, Some(*delimiter)));
    }
    if let Some(rest) = nil(input) {
        return Ok((rest, None));
    }
    match input {
        // A lone backslash between quotes should be escaped, and often isn't.
        [b'"', b'\\', b'"', rest @ ..] if matches!(rest.first(), Some(b' ' | b')')) => {
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

/// The name at the end of the line.
#[inline]
fn name<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, MailboxName> {
    if let [b'"', ..] = input
        && let Ok((rest, span)) = quoted(input, cx)
        && at_end(rest)
    {
        return Ok((rest, MailboxName::from_wire(cx.bytes(span))));
    }
    odd_name(input, cx)
}

/// As [`name`], in the forms that are less frequent. Servers leave it unquoted whatever is in it.
fn odd_name<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, MailboxName> {
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
    Ok((&input[len..], MailboxName::from_wire(cx.keep(text))))
}
