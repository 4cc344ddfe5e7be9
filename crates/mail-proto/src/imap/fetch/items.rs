//! What FETCH is asked for (RFC 9051 section 6.4.5).

use bytes::Bytes;

use crate::imap::{
    encode::{EncodeError, Encoder},
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
        for (index, number) in self.part.iter().enumerate() {
            if index > 0 {
                out.raw(".");
            }
            out.number(u64::from(*number));
        }
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
    /// `BODY.PEEK[]`: the whole message, without setting `\Seen`.
    pub fn message() -> Self {
        Self::Body { section: Section::all(), peek: true, partial: None }
    }

    fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
        let (rest, name) = take_while1(input, word, "a FETCH item")?;
        let body = |section: Section, peek| Self::Body { section, peek, partial: None };
        let of = |text, peek| body(Section { part: Vec::new(), text }, peek);
        let item = match name.to_ascii_uppercase().as_slice() {
            b"UID" => Self::Uid,
            b"FLAGS" => Self::Flags,
            b"INTERNALDATE" => Self::InternalDate,
            b"RFC822.SIZE" => Self::Size,
            b"MODSEQ" => Self::ModSeq,
            b"RFC822" => of(SectionText::All, false),
            b"RFC822.HEADER" => of(SectionText::Header, true),
            b"RFC822.TEXT" => of(SectionText::Text, false),
            b"BODY" | b"BODY.PEEK" if rest.first() == Some(&b'[') => {
                let (rest, section) = Section::parse(rest, cx)?;
                let (rest, partial) = match rest.strip_prefix(b"<") {
                    None => (rest, None),
                    Some(range) => {
                        let (range, offset) = number(range)?;
                        let (range, ()) = byte(b'.', "\".\"")(range)?;
                        let (range, len) = nz_number(range)?;
                        let (rest, ()) = byte(b'>', "\">\"")(range)?;
                        (rest, Some(Partial { offset, len }))
                    }
                };
                return Ok((rest, Self::Body { section, peek: name.len() > 4, partial }));
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
            Self::Body { section, peek, partial } => {
                out.raw(if *peek { "BODY.PEEK" } else { "BODY" });
                section.encode(out);
                if let Some(Partial { offset, len }) = partial {
                    out.raw("<").number(u64::from(*offset)).raw(".").number(u64::from(*len)).raw(">");
                }
            }
        }
    }
}

/// `fetch-att / "(" fetch-att *(SP fetch-att) ")"`, and the macro FAST.
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
    if let Some((name, rest)) = input.split_at_checked(4)
        && name.eq_ignore_ascii_case(b"FAST")
    {
        return Ok((rest, vec![FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size]));
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

/// `set SP items`, behind the word FETCH.
pub(crate) fn parse_arguments<'a>(
    input: &'a [u8],
    cx: &mut Context<'a>,
) -> Parsing<'a, (crate::imap::SequenceSet, Vec<FetchItem>)> {
    let (rest, set) = crate::imap::SequenceSet::parse(input)?;
    let (rest, ()) = spaces(rest, cx)?;
    let (rest, items) = parse_items(rest, cx)?;
    Ok((rest, (set, items)))
}
