//! What FETCH is asked for (RFC 9051 section 6.4.5).

use bytes::Bytes;

use super::FetchModifiers;
use crate::imap::{
    SequenceSet,
    encode::{EncodeError, EncodeOptions, Encoder},
    terminals::{Context, Parsing, astring, byte, fail, list, number, nz_number, sp, spaces, take_while1},
};

/// Something that FETCH can be asked for (`fetch-att`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FetchItem {
    /// `UID`
    Uid,
    /// `FLAGS`
    Flags,
    /// `INTERNALDATE`
    InternalDate,
    /// `RFC822.SIZE`
    Size,
    /// `MODSEQ` (RFC 7162)
    ModSeq,
    /// `ENVELOPE`
    Envelope,
    /// `BODYSTRUCTURE`
    BodyStructure,
    /// `BODY`: the structure without extension data.
    BodyBasic,
    /// `EMAILID` (RFC 8474)
    EmailId,
    /// `THREADID` (RFC 8474)
    ThreadId,
    /// `PREVIEW` (RFC 8970)
    Preview {
        /// `LAZY`: only if the server has it at hand.
        lazy: bool,
    },
    /// `SAVEDATE` (RFC 8514)
    SaveDate,
    /// `X-GM-MSGID`
    GmailMessageId,
    /// `X-GM-THRID`
    GmailThreadId,
    /// `X-GM-LABELS`
    GmailLabels,
    /// `BINARY[…]` (RFC 3516): a part without its transfer encoding.
    Binary {
        /// The part, by its numbers; empty for the message itself.
        part: Vec<u32>,
        /// `BINARY.PEEK[…]`: without setting `\Seen`.
        peek: bool,
        /// Of it only this many bytes from this offset on.
        partial: Option<Partial>,
    },
    /// `BINARY.SIZE[…]` (RFC 3516): how large a part is without its transfer encoding.
    BinarySize {
        /// The part, by its numbers; empty for the message itself.
        part: Vec<u32>,
    },
    /// `RFC822` and its like (RFC 3501): what [`Body`](Self::Body) has too, told under the older name.
    Rfc822(Rfc822),
    /// `BODY[…]`: a section of the message.
    Body {
        /// Which section.
        section: Section,
        /// `BODY.PEEK[…]`: without setting `\Seen`.
        peek: bool,
        /// Of it only this many bytes from this offset on.
        partial: Option<Partial>,
    },
}

/// What of a message the older names stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rfc822 {
    /// `RFC822`: all of it, setting `\Seen`.
    Message,
    /// `RFC822.HEADER`: the header.
    Header,
    /// `RFC822.TEXT`: all but the header, setting `\Seen`.
    Text,
}

impl Rfc822 {
    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Message => "RFC822",
            Self::Header => "RFC822.HEADER",
            Self::Text => "RFC822.TEXT",
        }
    }

    /// The section that it stands for.
    pub fn section(self) -> Section {
        let text = match self {
            Self::Message => SectionText::All,
            Self::Header => SectionText::Header,
            Self::Text => SectionText::Text,
        };
        Section { part: Vec::new(), text }
    }

    /// Whether asking for it sets `\Seen`.
    pub fn sets_seen(self) -> bool {
        self != Self::Header
    }
}

/// A part of a section: `<offset.len>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Partial {
    /// The first byte, counted from 0.
    pub offset: u32,
    /// How many bytes at most, above 0.
    pub len: u32,
}

/// A section of a message (`section-spec`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Section {
    /// The part, by its numbers from the outermost multipart inwards; empty for the message itself.
    pub part: Vec<u32>,
    /// What of it.
    pub text: SectionText,
}

/// What of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SectionText {
    /// All of it.
    #[default]
    All,
    /// The header.
    Header,
    /// These fields of the header.
    HeaderFields(Vec<Bytes>),
    /// The header without these fields.
    HeaderFieldsNot(Vec<Bytes>),
    /// All but the header.
    Text,
    /// The MIME header of a part; only with a part.
    Mime,
}

impl Section {
    /// The whole message: `BODY[]`.
    pub fn all() -> Self {
        Self::default()
    }

    /// `section = "[" [section-spec] "]"`
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (mut rest, ()) = byte(b'[', "\"[\"")(input)?;
        let mut part = Vec::new();
        while rest.first().is_some_and(u8::is_ascii_digit) {
            let number;
            (rest, number) = nz_number(rest)?;
            part.push(number);
            match rest {
                [b'.', behind @ ..] => rest = behind,
                _ => break,
            }
        }
        let len = rest.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'.').count();
        let (word, behind) = rest.split_at(len);
        let fields = |rest: &'a [u8], cx: &mut Context<'a>| -> Parsing<'a, Vec<Bytes>> {
            let mut names = Vec::new();
            let (rest, ()) = sp(rest)?;
            let (rest, ()) = list(rest, cx, |input, cx| {
                let (rest, name) = astring(input, cx)?;
                names.push(cx.bytes(name));
                Ok((rest, ()))
            })?;
            Ok((rest, names))
        };
        let (behind, text) = match word.to_ascii_uppercase().as_slice() {
            b"" => (behind, SectionText::All),
            b"HEADER" => (behind, SectionText::Header),
            b"TEXT" => (behind, SectionText::Text),
            b"MIME" if !part.is_empty() => (behind, SectionText::Mime),
            b"HEADER.FIELDS" => {
                let (behind, names) = fields(behind, cx)?;
                (behind, SectionText::HeaderFields(names))
            }
            b"HEADER.FIELDS.NOT" => {
                let (behind, names) = fields(behind, cx)?;
                (behind, SectionText::HeaderFieldsNot(names))
            }
            _ => return fail(rest, "a section"),
        };
        let (rest, ()) = byte(b']', "\"]\"")(behind)?;
        Ok((rest, Self { part, text }))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.raw("[");
        encode_part(&self.part, out);
        if !self.part.is_empty() && self.text != SectionText::All {
            out.raw(".");
        }
        let fields = |out: &mut Encoder, names: &[Bytes]| {
            if names.is_empty() {
                out.fail(EncodeError::Empty { what: "header fields" });
            }
            out.raw(" (");
            for (index, name) in names.iter().enumerate() {
                if index > 0 {
                    out.raw(" ");
                }
                out.astring(name, "header field name");
            }
            out.raw(")");
        };
        match &self.text {
            SectionText::All => {}
            SectionText::Header => drop(out.raw("HEADER")),
            SectionText::Text => drop(out.raw("TEXT")),
            SectionText::Mime => drop(out.raw("MIME")),
            SectionText::HeaderFields(names) => {
                out.raw("HEADER.FIELDS");
                fields(out, names);
            }
            SectionText::HeaderFieldsNot(names) => {
                out.raw("HEADER.FIELDS.NOT");
                fields(out, names);
            }
        }
        out.raw("]");
    }
}

impl FetchItem {
    /// The part of its content that it asks for, if it asks for a part.
    pub fn part(&self) -> Option<Partial> {
        match self {
            Self::Body { partial, .. } | Self::Binary { partial, .. } => *partial,
            _ => None,
        }
    }

    /// Whether content that came under this name, as [`Body::name`](super::Body::name) and
    /// [`Streamed::name`](super::Streamed::name) tell it, is what this asks for. Which bytes of it is another question.
    pub fn is_answered_by(&self, name: &[u8]) -> bool {
        let Some(found) = super::body::section(name) else { return false };
        let is_binary = name.len() > 6 && name[..6].eq_ignore_ascii_case(b"BINARY");
        let mut out = Encoder::new(EncodeOptions::default());
        let asks_binary = match self {
            Self::Body { section, .. } => {
                section.encode(&mut out);
                false
            }
            Self::Binary { part, .. } => {
                out.raw("[");
                encode_part(part, &mut out);
                out.raw("]");
                true
            }
            _ => return false,
        };
        let Ok(asked) = out.finish() else { return false };
        let asked = asked.to_bytes();
        // Servers write the names of header fields with quotes or without, and in any case.
        let bare =
            |text: &[u8]| text.iter().filter(|byte| **byte != b'"').map(u8::to_ascii_uppercase).collect();
        let (asked, found): (Vec<u8>, Vec<u8>) = (bare(&asked[1..asked.len() - 1]), bare(found));
        asks_binary == is_binary && asked == found
    }

    /// `BODY.PEEK[]`: the whole message, without setting `\Seen`.
    pub fn message() -> Self {
        Self::Body { section: Section::all(), peek: true, partial: None }
    }

    fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        let (rest, name) = take_while1(input, word, "a FETCH item")?;
        let item = match name.to_ascii_uppercase().as_slice() {
            b"UID" => Self::Uid,
            b"FLAGS" => Self::Flags,
            b"INTERNALDATE" => Self::InternalDate,
            b"RFC822.SIZE" => Self::Size,
            b"MODSEQ" => Self::ModSeq,
            b"ENVELOPE" => Self::Envelope,
            b"BODYSTRUCTURE" => Self::BodyStructure,
            b"EMAILID" => Self::EmailId,
            b"THREADID" => Self::ThreadId,
            b"SAVEDATE" => Self::SaveDate,
            b"X-GM-MSGID" => Self::GmailMessageId,
            b"X-GM-THRID" => Self::GmailThreadId,
            b"X-GM-LABELS" => Self::GmailLabels,
            b"PREVIEW" => match rest.get(..LAZY.len()) {
                Some(modifier) if modifier.eq_ignore_ascii_case(LAZY.as_bytes()) => {
                    return Ok((&rest[LAZY.len()..], Self::Preview { lazy: true }));
                }
                _ => Self::Preview { lazy: false },
            },
            b"RFC822" => Self::Rfc822(Rfc822::Message),
            b"RFC822.HEADER" => Self::Rfc822(Rfc822::Header),
            b"RFC822.TEXT" => Self::Rfc822(Rfc822::Text),
            b"BODY" | b"BODY.PEEK" if rest.first() == Some(&b'[') => {
                let (rest, section) = Section::parse(rest, cx)?;
                let (rest, partial) = Partial::parse(rest)?;
                return Ok((rest, Self::Body { section, peek: name.len() > 4, partial }));
            }
            b"BODY" => Self::BodyBasic,
            b"BINARY" | b"BINARY.PEEK" => {
                let (rest, part) = part(rest)?;
                let (rest, partial) = Partial::parse(rest)?;
                return Ok((rest, Self::Binary { part, peek: name.len() > 6, partial }));
            }
            b"BINARY.SIZE" => {
                let (rest, part) = part(rest)?;
                return Ok((rest, Self::BinarySize { part }));
            }
            _ => return fail(input, "a FETCH item"),
        };
        Ok((rest, item))
    }

    fn encode(&self, out: &mut Encoder) {
        match self {
            Self::Uid => drop(out.raw("UID")),
            Self::Flags => drop(out.raw("FLAGS")),
            Self::InternalDate => drop(out.raw("INTERNALDATE")),
            Self::Size => drop(out.raw("RFC822.SIZE")),
            Self::ModSeq => drop(out.raw("MODSEQ")),
            Self::Envelope => drop(out.raw("ENVELOPE")),
            Self::BodyStructure => drop(out.raw("BODYSTRUCTURE")),
            Self::BodyBasic => drop(out.raw("BODY")),
            Self::EmailId => drop(out.raw("EMAILID")),
            Self::ThreadId => drop(out.raw("THREADID")),
            Self::Preview { lazy: false } => drop(out.raw("PREVIEW")),
            Self::Preview { lazy: true } => drop(out.raw("PREVIEW").raw(LAZY)),
            Self::SaveDate => drop(out.raw("SAVEDATE")),
            Self::GmailMessageId => drop(out.raw("X-GM-MSGID")),
            Self::GmailThreadId => drop(out.raw("X-GM-THRID")),
            Self::GmailLabels => drop(out.raw("X-GM-LABELS")),
            Self::Rfc822(which) => drop(out.raw(which.name())),
            Self::Body { section, peek, partial } => {
                out.raw(if *peek { "BODY.PEEK" } else { "BODY" });
                section.encode(out);
                Partial::encode(*partial, out);
            }
            Self::Binary { part, peek, partial } => {
                out.raw(if *peek { "BINARY.PEEK[" } else { "BINARY[" });
                encode_part(part, out);
                out.raw("]");
                Partial::encode(*partial, out);
            }
            Self::BinarySize { part } => {
                out.raw("BINARY.SIZE[");
                encode_part(part, out);
                out.raw("]");
            }
        }
    }
}

const LAZY: &str = " (LAZY)";

impl Partial {
    /// `["<" number "." nz-number ">"]`
    fn parse(input: &[u8]) -> Parsing<'_, Option<Self>> {
        let Some(range) = input.strip_prefix(b"<") else { return Ok((input, None)) };
        let (range, offset) = number(range)?;
        let (range, ()) = byte(b'.', "\".\"")(range)?;
        let (range, len) = nz_number(range)?;
        let (rest, ()) = byte(b'>', "\">\"")(range)?;
        Ok((rest, Some(Self { offset, len })))
    }

    fn encode(partial: Option<Self>, out: &mut Encoder) {
        if let Some(Self { offset, len }) = partial {
            out.raw("<").number(u64::from(offset)).raw(".").number(u64::from(len)).raw(">");
        }
    }
}

/// `section-binary = "[" [section-part] "]"`
fn part(input: &[u8]) -> Parsing<'_, Vec<u32>> {
    let (mut rest, ()) = byte(b'[', "\"[\"")(input)?;
    let mut part = Vec::new();
    if let [b']', rest @ ..] = rest {
        return Ok((rest, part));
    }
    loop {
        let number;
        (rest, number) = nz_number(rest)?;
        part.push(number);
        match rest {
            [b'.', behind @ ..] => rest = behind,
            _ => return Ok((byte(b']', "\"]\"")(rest)?.0, part)),
        }
    }
}

pub(super) fn encode_part(part: &[u32], out: &mut Encoder) {
    for (index, number) in part.iter().enumerate() {
        if index > 0 {
            out.raw(".");
        }
        out.number(u64::from(*number));
    }
}

/// `fetch-att / "(" fetch-att *(SP fetch-att) ")"`, and the macros.
pub(crate) fn parse_items<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Vec<FetchItem>> {
    let mut items = Vec::new();
    if input.first() == Some(&b'(') {
        let (rest, ()) = list(input, cx, |input, cx| {
            let (rest, item) = FetchItem::parse(input, cx)?;
            items.push(item);
            Ok((rest, ()))
        })?;
        return Ok((rest, items));
    }
    let len = input.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let (word, rest) = input.split_at(len);
    let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
    if is(b"FAST") || is(b"ALL") || is(b"FULL") {
        items.extend([FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size]);
        items.extend((!is(b"FAST")).then_some(FetchItem::Envelope));
        items.extend(is(b"FULL").then_some(FetchItem::BodyBasic));
        return Ok((rest, items));
    }
    let (rest, item) = FetchItem::parse(input, cx)?;
    items.push(item);
    Ok((rest, items))
}

pub(crate) fn encode_items(items: &[FetchItem], out: &mut Encoder) {
    if items.is_empty() {
        out.fail(EncodeError::Empty { what: "FETCH items" });
    }
    out.raw("(");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.raw(" ");
        }
        item.encode(out);
    }
    out.raw(")");
}

/// `set SP items [modifiers]`, behind the word FETCH.
pub(crate) fn parse_arguments<'a>(
    input: &'a [u8],
    cx: &mut Context<'a>,
) -> Parsing<'a, (SequenceSet, Vec<FetchItem>, FetchModifiers)> {
    let (rest, set) = SequenceSet::parse(input)?;
    let (rest, ()) = spaces(rest, cx)?;
    let (rest, items) = parse_items(rest, cx)?;
    let (rest, modifiers) = FetchModifiers::parse(rest, cx)?;
    Ok((rest, (set, items, modifiers)))
}
