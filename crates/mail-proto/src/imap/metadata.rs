//! METADATA: values that are kept with a mailbox or with the server (RFC 5464).

use bytes::Bytes;

use super::{
    encode::Encoder,
    mailbox::MailboxName,
    terminals::{
        Context, Parsing, astring, at_end, atom, fail, keyword, list, nstring, number64, skip_spaces, spaces,
    },
};

/// What is kept with a mailbox, or with the server if the mailbox' name is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The mailbox.
    pub mailbox: MailboxName,
    /// What is told of it.
    pub data: MetadataData,
}

/// Values, or which of them changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataData {
    /// Names and values; `None` for a name that has no value.
    Entries(Vec<(Bytes, Option<Bytes>)>),
    /// Names whose values changed, as a server tells unasked.
    Changed(Vec<Bytes>),
}

/// What GETMETADATA may be told besides the names (`getmetadata-options`, RFC 5464 section 4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetadataOptions {
    /// Values with more bytes than this aren't told.
    pub max_size: Option<u64>,
    /// Whether names below those that are named count too.
    pub depth: Option<MetadataDepth>,
}

/// How far below a name (`DEPTH`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetadataDepth {
    /// The name alone.
    Zero,
    /// And the names right below it.
    One,
    /// And all names below it.
    Infinity,
}

const DEPTHS: [(&str, MetadataDepth); 3] =
    [("0", MetadataDepth::Zero), ("1", MetadataDepth::One), ("infinity", MetadataDepth::Infinity)];

impl MetadataOptions {
    /// With this limit, in bytes.
    #[must_use]
    pub fn with_max_size(mut self, bytes: u64) -> Self {
        self.max_size = Some(bytes);
        self
    }

    /// To this depth.
    #[must_use]
    pub fn with_depth(mut self, depth: MetadataDepth) -> Self {
        self.depth = Some(depth);
        self
    }

    /// `getmetadata-options = "(" getmetadata-option *(SP getmetadata-option) ")"`
    fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let mut options = Self::default();
        let (rest, ()) = list(input, cx, |input, cx| {
            if let Some(rest) = keyword(input, "MAXSIZE") {
                let (rest, bytes) = number64(spaces(rest, cx)?.0)?;
                options.max_size = Some(bytes);
                return Ok((rest, ()));
            }
            let Some(rest) = keyword(input, "DEPTH") else { return fail(input, "MAXSIZE or DEPTH") };
            let (rest, ()) = spaces(rest, cx)?;
            let found = DEPTHS.iter().find_map(|(word, depth)| Some((keyword(rest, word)?, *depth)));
            let Some((rest, depth)) = found else { return fail(rest, "0, 1 or infinity") };
            options.depth = Some(depth);
            Ok((rest, ()))
        })?;
        Ok((rest, options))
    }

    fn encode(&self, out: &mut Encoder) {
        if *self == Self::default() {
            return;
        }
        out.raw("(");
        if let Some(bytes) = self.max_size {
            out.raw("MAXSIZE ").number(bytes);
        }
        if let Some(depth) = self.depth {
            out.raw(if self.max_size.is_some() { " DEPTH " } else { "DEPTH " });
            out.raw(DEPTHS.iter().find(|(_, known)| *known == depth).map_or("0", |(word, _)| word));
        }
        out.raw(") ");
    }
}

impl Metadata {
    /// `"METADATA" SP mailbox SP (entry-values / entry-list)`, behind the word.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (rest, mailbox) = MailboxName::parse(input, cx)?;
        let (mut rest, ()) = spaces(rest, cx)?;
        if rest.first() == Some(&b'(') {
            let (rest, entries) = parse_values(rest, cx)?;
            return Ok((rest, Self { mailbox, data: MetadataData::Entries(entries) }));
        }
        let mut names = Vec::new();
        loop {
            let (behind, name) = astring(rest, cx)?;
            names.push(cx.bytes(name));
            if behind.first() != Some(&b' ') || at_end(skip_spaces(behind)) {
                return Ok((behind, Self { mailbox, data: MetadataData::Changed(names) }));
            }
            (rest, ()) = spaces(behind, cx)?;
        }
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        self.mailbox.encode(out);
        out.raw(" ");
        match &self.data {
            MetadataData::Entries(entries) => encode_values(entries, out),
            MetadataData::Changed(names) => {
                if names.is_empty() {
                    out.fail(super::EncodeError::Empty { what: "changed metadata" });
                }
                out.each(names, |out, name| {
                    out.astring(name, "metadata entry");
                });
            }
        }
    }
}

/// `entry-values = "(" entry-value *(SP entry-value) ")"`, `entry-value = entry SP value`,
/// `value = nstring / literal8`
pub(crate) fn parse_values<'a>(
    input: &'a [u8],
    cx: &mut Context<'a>,
) -> Parsing<'a, Vec<(Bytes, Option<Bytes>)>> {
    let mut values = Vec::new();
    let (rest, ()) = list(input, cx, |input, cx| {
        let (rest, name) = astring(input, cx)?;
        let (rest, ()) = spaces(rest, cx)?;
        let (rest, value) = nstring(rest, cx)?;
        values.push((cx.bytes(name), value.map(|value| cx.bytes(value))));
        Ok((rest, ()))
    })?;
    Ok((rest, values))
}

pub(crate) fn encode_values(values: &[(Bytes, Option<Bytes>)], out: &mut Encoder) {
    out.list1(values, "metadata", |out, (name, value)| {
        out.astring(name, "metadata entry").raw(" ").binary_value(value.as_deref(), "metadata value");
    });
}

/// `entries = entry / "(" entry *(SP entry) ")"`
pub(crate) fn parse_names<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Vec<Bytes>> {
    let mut names = Vec::new();
    if input.first() != Some(&b'(') {
        let (rest, name) = astring(input, cx)?;
        return Ok((rest, vec![cx.bytes(name)]));
    }
    let (rest, ()) = list(input, cx, |input, cx| {
        let (rest, name) = astring(input, cx)?;
        names.push(cx.bytes(name));
        Ok((rest, ()))
    })?;
    Ok((rest, names))
}

pub(crate) fn encode_names(names: &[Bytes], out: &mut Encoder) {
    out.list1(names, "metadata", |out, name| {
        out.astring(name, "metadata entry");
    });
}

/// `"GETMETADATA" [SP getmetadata-options] SP mailbox SP entries`, behind the word. The examples of RFC 5464 have the
/// options behind the mailbox, and so have some clients.
pub(crate) fn parse_get<'a>(
    input: &'a [u8],
    cx: &mut Context<'a>,
) -> Parsing<'a, (MailboxName, MetadataOptions, Vec<Bytes>)> {
    let mut options = MetadataOptions::default();
    let mut rest = input;
    if rest.first() == Some(&b'(') {
        (rest, options) = MetadataOptions::parse(rest, cx)?;
        (rest, ()) = spaces(rest, cx)?;
    }
    let (rest, mailbox) = MailboxName::parse(rest, cx)?;
    let (mut rest, ()) = spaces(rest, cx)?;
    if let Some(open) = rest.strip_prefix(b"(")
        && (keyword(open, "MAXSIZE").is_some() || keyword(open, "DEPTH").is_some())
    {
        cx.quirk(rest, crate::error::QuirkKind::ExtraParenthesis)?;
        (rest, options) = MetadataOptions::parse(rest, cx)?;
        (rest, ()) = spaces(rest, cx)?;
    }
    let (rest, names) = parse_names(rest, cx)?;
    Ok((rest, (mailbox, options, names)))
}

pub(crate) fn encode_get(
    mailbox: &MailboxName,
    options: &MetadataOptions,
    names: &[Bytes],
    out: &mut Encoder,
) {
    options.encode(out);
    mailbox.encode(out);
    encode_names(names, out.raw(" "));
}

/// What the response code `METADATA` says (RFC 5464 sections 4.2.1 and 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetadataCode {
    /// Values were left out; the longest has this many bytes.
    LongEntries(u64),
    /// The value has more bytes than these, which the server takes.
    MaxSize(u64),
    /// There are too many values.
    TooMany,
    /// The server keeps no private values.
    NoPrivate,
}

impl MetadataCode {
    /// `"LONGENTRIES" SP number / "MAXSIZE" SP number / "TOOMANY" / "NOPRIVATE"`
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (rest, word) = atom(input)?;
        match word.to_ascii_uppercase().as_slice() {
            b"LONGENTRIES" => number64(spaces(rest, cx)?.0).map(|(rest, n)| (rest, Self::LongEntries(n))),
            b"MAXSIZE" => number64(spaces(rest, cx)?.0).map(|(rest, n)| (rest, Self::MaxSize(n))),
            b"TOOMANY" => Ok((rest, Self::TooMany)),
            b"NOPRIVATE" => Ok((rest, Self::NoPrivate)),
            _ => fail(input, "what is wrong with metadata"),
        }
    }

    pub(crate) fn encode(self, out: &mut Encoder) {
        match self {
            Self::LongEntries(bytes) => out.raw("LONGENTRIES ").number(bytes),
            Self::MaxSize(bytes) => out.raw("MAXSIZE ").number(bytes),
            Self::TooMany => out.raw("TOOMANY"),
            Self::NoPrivate => out.raw("NOPRIVATE"),
        };
    }
}
