//! ENVELOPE: the header fields that a list of messages shows (RFC 9051 section 7.5.2).

use std::fmt;

use bytes::Bytes;

use super::{
    encode::Encoder,
    terminals::{Context, Parsing, byte, fail, next_nspan, nil, nspan, skip_spaces, spaces},
};
use crate::{
    error::QuirkKind,
    text::{Span, Str},
};

/// The envelope of a message, borrowed from the response it came in.
///
/// Strings are as the server sent them: RFC 2047 is left undecoded.
#[derive(Clone, Copy)]
pub struct Envelope<'a> {
    frame: &'a [u8],
    spans: &'a [Span],
    /// Where its head lies among the spans.
    at: usize,
}

/// The head of an envelope: four strings, then where the addresses of each field end, two fields in a span. The
/// addresses follow it, four spans each.
const HEAD: usize = 7;
const DATE: usize = 0;
const SUBJECT: usize = 1;
const IN_REPLY_TO: usize = 2;
const MESSAGE_ID: usize = 3;
const ENDS: usize = 4;

/// The addresses of a field, in order.
#[derive(Clone)]
pub struct Addresses<'a> {
    frame: &'a [u8],
    spans: &'a [Span],
}

/// An address, or the begin or end of a group of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// The name of a person.
    pub name: Option<Str<'a>>,
    /// The source route (at-domain-list), which nobody sends any more.
    pub adl: Option<Str<'a>>,
    /// What stands before the `@`, or the name of the group that begins here.
    pub mailbox: Option<Str<'a>>,
    /// What stands behind the `@`; `None` where a group begins or ends.
    pub host: Option<Str<'a>>,
}

/// An envelope with strings of its own, to write one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EnvelopeBuf {
    /// `Date`
    pub date: Option<Bytes>,
    /// `Subject`
    pub subject: Option<Bytes>,
    /// `From`
    pub from: Vec<AddressBuf>,
    /// `Sender`; a server puts `From` here if there is none.
    pub sender: Vec<AddressBuf>,
    /// `Reply-To`; a server puts `From` here if there is none.
    pub reply_to: Vec<AddressBuf>,
    /// `To`
    pub to: Vec<AddressBuf>,
    /// `Cc`
    pub cc: Vec<AddressBuf>,
    /// `Bcc`
    pub bcc: Vec<AddressBuf>,
    /// `In-Reply-To`
    pub in_reply_to: Option<Bytes>,
    /// `Message-ID`
    pub message_id: Option<Bytes>,
}

/// An address with strings of its own. See [`Address`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AddressBuf {
    /// The name of a person.
    pub name: Option<Bytes>,
    /// The source route.
    pub adl: Option<Bytes>,
    /// What stands before the `@`, or the name of a group.
    pub mailbox: Option<Bytes>,
    /// What stands behind the `@`.
    pub host: Option<Bytes>,
}

impl<'a> Envelope<'a> {
    #[inline]
    pub(crate) fn new(frame: &'a [u8], spans: &'a [Span], at: u32) -> Self {
        Self { frame, spans, at: at as usize }
    }

    #[inline]
    fn text(self, field: usize) -> Option<Str<'a>> {
        self.spans[self.at + field].nullable(self.frame)
    }

    /// `Date`, as in the message's header.
    #[inline]
    pub fn date(self) -> Option<Str<'a>> {
        self.text(DATE)
    }

    /// `Subject`
    #[inline]
    pub fn subject(self) -> Option<Str<'a>> {
        self.text(SUBJECT)
    }

    /// `From`
    #[inline]
    pub fn from(self) -> Addresses<'a> {
        self.addresses(0)
    }

    /// `Sender`, or `From` where a message has none.
    #[inline]
    pub fn sender(self) -> Addresses<'a> {
        self.addresses(1)
    }

    /// `Reply-To`, or `From` where a message has none.
    #[inline]
    pub fn reply_to(self) -> Addresses<'a> {
        self.addresses(2)
    }

    /// `To`
    #[inline]
    pub fn to(self) -> Addresses<'a> {
        self.addresses(3)
    }

    /// `Cc`
    #[inline]
    pub fn cc(self) -> Addresses<'a> {
        self.addresses(4)
    }

    /// `Bcc`
    #[inline]
    pub fn bcc(self) -> Addresses<'a> {
        self.addresses(5)
    }

    /// `In-Reply-To`
    #[inline]
    pub fn in_reply_to(self) -> Option<Str<'a>> {
        self.text(IN_REPLY_TO)
    }

    /// `Message-ID`
    #[inline]
    pub fn message_id(self) -> Option<Str<'a>> {
        self.text(MESSAGE_ID)
    }

    /// The envelope with strings of its own.
    pub fn to_buf(self) -> EnvelopeBuf {
        let text = |text: Option<Str<'_>>| text.map(Str::to_owned_bytes);
        EnvelopeBuf {
            date: text(self.date()),
            subject: text(self.subject()),
            from: self.from().to_bufs(),
            sender: self.sender().to_bufs(),
            reply_to: self.reply_to().to_bufs(),
            to: self.to().to_bufs(),
            cc: self.cc().to_bufs(),
            bcc: self.bcc().to_bufs(),
            in_reply_to: text(self.in_reply_to()),
            message_id: text(self.message_id()),
        }
    }

    #[inline]
    fn addresses(self, field: usize) -> Addresses<'a> {
        let end = |field: usize| {
            let (even, odd) = self.spans[self.at + ENDS + field / 2].to_pair();
            (if field & 1 == 0 { even } else { odd }) as usize
        };
        let start = if field == 0 { self.at + HEAD } else { end(field - 1) };
        Addresses { frame: self.frame, spans: self.spans.get(start..end(field)).unwrap_or_default() }
    }
}

impl PartialEq for Envelope<'_> {
    fn eq(&self, other: &Self) -> bool {
        let texts = |envelope: Self| {
            [envelope.date(), envelope.subject(), envelope.in_reply_to(), envelope.message_id()]
        };
        texts(*self) == texts(*other) && (0..6).all(|field| self.addresses(field).eq(other.addresses(field)))
    }
}

impl Eq for Envelope<'_> {}

impl fmt::Debug for Envelope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("date", &self.date())
            .field("subject", &self.subject())
            .field("from", &self.from())
            .field("sender", &self.sender())
            .field("reply_to", &self.reply_to())
            .field("to", &self.to())
            .field("cc", &self.cc())
            .field("bcc", &self.bcc())
            .field("in_reply_to", &self.in_reply_to())
            .field("message_id", &self.message_id())
            .finish()
    }
}

impl<'a> Addresses<'a> {
    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    fn to_bufs(&self) -> Vec<AddressBuf> {
        self.clone().map(Address::to_buf).collect()
    }
}

impl<'a> Iterator for Addresses<'a> {
    type Item = Address<'a>;

    #[inline]
    fn next(&mut self) -> Option<Address<'a>> {
        let ([[name, adl, mailbox, host], ..], _) = self.spans.as_chunks::<4>() else { return None };
        self.spans = &self.spans[4..];
        let text = |span: &Span| span.nullable(self.frame);
        Some(Address { name: text(name), adl: text(adl), mailbox: text(mailbox), host: text(host) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl ExactSizeIterator for Addresses<'_> {
    fn len(&self) -> usize {
        self.spans.len() / 4
    }
}

impl fmt::Debug for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl Address<'_> {
    /// `mailbox@host`, as on the wire; `None` if it isn't an address but the begin or end of a group.
    pub fn to_email(&self) -> Option<String> {
        let (mailbox, host) = (self.mailbox?, self.host?);
        Some(format!("{}@{}", mailbox.to_string_lossy(), host.to_string_lossy()))
    }

    /// Whether a group of addresses begins here, whose name is the mailbox.
    pub fn is_group_start(&self) -> bool {
        self.host.is_none() && self.mailbox.is_some()
    }

    /// Whether a group of addresses ends here.
    pub fn is_group_end(&self) -> bool {
        self.host.is_none() && self.mailbox.is_none()
    }

    /// The address with strings of its own.
    pub fn to_buf(self) -> AddressBuf {
        let text = |text: Option<Str<'_>>| text.map(Str::to_owned_bytes);
        AddressBuf {
            name: text(self.name),
            adl: text(self.adl),
            mailbox: text(self.mailbox),
            host: text(self.host),
        }
    }
}

impl AddressBuf {
    /// An address of a person without a name.
    pub fn new(mailbox: impl Into<Bytes>, host: impl Into<Bytes>) -> Self {
        Self { mailbox: Some(mailbox.into()), host: Some(host.into()), ..Self::default() }
    }

    /// With the name of a person.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Bytes>) -> Self {
        self.name = Some(name.into());
        self
    }

    fn encode(&self, out: &mut Encoder) {
        out.raw("(").nstring(self.name.as_deref(), "name of a person").raw(" ");
        out.nstring(self.adl.as_deref(), "source route").raw(" ");
        out.nstring(self.mailbox.as_deref(), "address").raw(" ");
        out.nstring(self.host.as_deref(), "address").raw(")");
    }
}

impl EnvelopeBuf {
    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.raw("(").nstring(self.date.as_deref(), "date").raw(" ");
        out.nstring(self.subject.as_deref(), "subject").raw(" ");
        for addresses in [&self.from, &self.sender, &self.reply_to, &self.to, &self.cc, &self.bcc] {
            if addresses.is_empty() {
                out.raw("NIL ");
                continue;
            }
            out.raw("(");
            addresses.iter().for_each(|address| address.encode(out));
            out.raw(") ");
        }
        out.nstring(self.in_reply_to.as_deref(), "In-Reply-To").raw(" ");
        out.nstring(self.message_id.as_deref(), "Message-ID").raw(")");
    }
}

/// `envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP env-bcc SP
/// env-in-reply-to SP env-message-id ")"`. It goes behind what is in `spans`. One that ends early is read as if NIL
/// followed.
pub(crate) fn parse<'a>(input: &'a [u8], spans: &mut Vec<Span>, cx: &mut Context<'a>) -> Parsing<'a, u32> {
    let (mut rest, ()) = byte(b'(', "an envelope")(input)?;
    if let [b' ' | b'\t', ..] = rest {
        cx.quirk(rest, QuirkKind::ExtraSpace)?;
        rest = skip_spaces(rest);
    }
    let at = spans.len();
    let (mut texts, mut ends) = ([Span::NIL; 4], [0; 6]);
    spans.extend_from_slice(&[Span::NIL; HEAD]);
    (rest, texts[DATE]) = nspan(rest, cx)?;
    (rest, texts[SUBJECT]) = field(rest, cx, nspan)?.unwrap_or((rest, Span::NIL));
    for end in &mut ends {
        (rest, ()) = field(rest, cx, |rest, cx| addresses(rest, spans, cx))?.unwrap_or((rest, ()));
        *end = spans.len() as u32;
    }
    (rest, texts[IN_REPLY_TO]) = field(rest, cx, nspan)?.unwrap_or((rest, Span::NIL));
    (rest, texts[MESSAGE_ID]) = match field(rest, cx, nspan)? {
        Some(found) => found,
        None => {
            cx.quirk(rest, QuirkKind::MissingField)?;
            (rest, Span::NIL)
        }
    };
    if let [b' ' | b'\t', ..] = rest {
        cx.quirk(rest, QuirkKind::ExtraSpace)?;
        rest = skip_spaces(rest);
    }
    let (rest, ()) = byte(b')', "the end of an envelope")(rest)?;
    let head = &mut spans[at..at + HEAD];
    head[..ENDS].copy_from_slice(&texts);
    for (slot, [even, odd]) in head[ENDS..].iter_mut().zip(ends.as_chunks::<2>().0) {
        *slot = Span::pair(*even, *odd);
    }
    Ok((rest, at as u32))
}

type Field<'a, T> = Result<Option<(&'a [u8], T)>, nom::Err<super::terminals::Fail<'a>>>;

/// A space and what follows it; `None` where the envelope ends.
#[inline]
fn field<'a, T>(
    input: &'a [u8],
    cx: &mut Context<'a>,
    parser: impl FnOnce(&'a [u8], &mut Context<'a>) -> Parsing<'a, T>,
) -> Field<'a, T> {
    match input {
        [b' ', next, ..] if !matches!(next, b' ' | b'\t' | b')') => parser(&input[1..], cx).map(Some),
        [b')', ..] => Ok(None),
        _ => {
            let (rest, ()) = spaces(input, cx)?;
            if rest.first() == Some(&b')') { Ok(None) } else { parser(rest, cx).map(Some) }
        }
    }
}

/// `"(" 1*address ")" / nil`. Servers put spaces between addresses, and an empty list for NIL.
fn addresses<'a>(input: &'a [u8], spans: &mut Vec<Span>, cx: &mut Context<'a>) -> Parsing<'a, ()> {
    let [b'(', inner @ ..] = input else {
        return match nil(input) {
            Some(rest) => Ok((rest, ())),
            None => fail(input, "addresses"),
        };
    };
    if let [b')', rest @ ..] = inner {
        cx.quirk(input, QuirkKind::EmptyList)?;
        return Ok((rest, ()));
    }
    let mut rest = inner;
    loop {
        match rest {
            [b'(', inner @ ..] => (rest, ()) = address(inner, spans, cx)?,
            [b')', behind @ ..] => return Ok((behind, ())),
            [b' ' | b'\t', ..] => {
                cx.quirk(rest, QuirkKind::ExtraSpace)?;
                rest = skip_spaces(rest);
            }
            _ => return fail(rest, "an address"),
        }
    }
}

/// `address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"`, behind the parenthesis.
#[inline]
fn address<'a>(input: &'a [u8], spans: &mut Vec<Span>, cx: &mut Context<'a>) -> Parsing<'a, ()> {
    let (mut rest, name) = nspan(input, cx)?;
    spans.push(name);
    for _ in 0..3 {
        let part;
        (rest, part) = next_nspan(rest, cx)?;
        spans.push(part);
    }
    byte(b')', "the end of an address")(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::fetch::Fetch;

    #[test]
    fn groups_and_addresses_are_told_apart() {
        let group = AddressBuf { mailbox: Some("friends".into()), ..AddressBuf::default() };
        let envelope = EnvelopeBuf {
            to: vec![
                group,
                AddressBuf::new("ada", "example.org").with_name("Ada \"B\""),
                AddressBuf::default(),
            ],
            ..EnvelopeBuf::default()
        };
        let fetch = Fetch::build(1).envelope(&envelope).build().unwrap();
        let view = fetch.envelope().unwrap();
        assert_eq!(view.to_buf(), envelope);
        let to: Vec<_> = view.to().collect();
        assert!(to[0].is_group_start() && to[2].is_group_end());
        assert_eq!(to[0].to_email(), None);
        assert_eq!(to[1].to_email().as_deref(), Some("ada@example.org"));
        assert_eq!(to[1].name.unwrap().to_bytes().as_ref(), b"Ada \"B\"");
        assert!(view.from().is_empty() && view.date().is_none());
        assert_eq!(view.to().len(), 3);
    }
}
