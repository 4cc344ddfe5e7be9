//! BODYSTRUCTURE: the parts of a message and what is said of each (RFC 9051 section 7.5.2).
//!
//! A structure lies among the strings of its response as one flat list: the head of a part, then what comes in any
//! number of it, and the parts within it, each a head of its own. [`BodyStructure`] is a view of one part, from which one goes down; [`BodyStructureBuf`] is a tree with
//! strings of its own, to write one.

mod build;
mod parse;
mod walk;

use std::fmt;

pub use build::{BodyStructureBuf, ContentBuf, DispositionBuf};
pub(crate) use parse::parse;
pub use walk::{Children, NumberedPart, Walk};

use super::envelope::Envelope;
use crate::text::{Span, Str};

/// A part of a message, borrowed from the response it came in: the message's own structure, or a part of it.
///
/// Strings are as the server sent them: RFC 2047 and RFC 2231 are left undecoded.
#[derive(Clone, Copy)]
pub struct BodyStructure<'a> {
    frame: &'a [u8],
    spans: &'a [Span],
    /// Where its head lies among the spans.
    at: usize,
}

/// The head of a part: so many spans, of which some are pairs of numbers.
const HEAD: usize = 15;
/// What the part holds, [`SINGLE`] and so on, and where it ends; while it is read, the part that it lies in.
const EXTENT: usize = 0;
/// Of a multipart, where its parts begin and end. Of a message, where its envelope lies and its structure, 0 for none.
const WITHIN: usize = 1;
const TYPE: usize = 2;
const SUBTYPE: usize = 3;
/// Where the parameters begin, and how many spans they are.
const PARAMS: usize = 4;
const ID: usize = 5;
const DESCRIPTION: usize = 6;
const ENCODING: usize = 7;
/// A number of 64 bits, [`Span::NIL`] if it isn't told.
const OCTETS: usize = 8;
const LINES: usize = 9;
const MD5: usize = 10;
const DISPOSITION: usize = 11;
const DISPOSITION_PARAMS: usize = 12;
const LANGUAGE: usize = 13;
const LOCATION: usize = 14;

const SINGLE: u32 = 0;
const MESSAGE: u32 = 1;
const MULTIPART: u32 = 2;

/// The parameters of a type or disposition, in order.
#[derive(Clone)]
pub struct Params<'a> {
    frame: &'a [u8],
    spans: &'a [Span],
}

/// How a part is meant to be shown (RFC 2183).
#[derive(Clone, Debug)]
pub struct Disposition<'a> {
    /// `inline`, `attachment` or something else.
    pub kind: Str<'a>,
    /// Its parameters.
    pub params: Params<'a>,
}

impl<'a> BodyStructure<'a> {
    /// The part whose head lies at this place.
    #[inline]
    pub(crate) fn new(frame: &'a [u8], spans: &'a [Span], at: u32) -> Self {
        Self { frame, spans, at: at as usize }
    }

    #[inline]
    fn field(self, field: usize) -> Span {
        self.spans[self.at + field]
    }

    #[inline]
    fn text(self, field: usize) -> Option<Str<'a>> {
        self.field(field).nullable(self.frame)
    }

    #[inline]
    fn range(self, field: usize) -> &'a [Span] {
        let (start, len) = self.field(field).to_pair();
        let start = start as usize;
        self.spans.get(start..start + len as usize).unwrap_or_default()
    }

    #[inline]
    fn number(self, field: usize) -> Option<u64> {
        let (low, high) = Some(self.field(field)).filter(|number| !number.is_nil())?.to_pair();
        Some(u64::from(high) << 32 | u64::from(low))
    }

    #[inline]
    fn kind(self) -> u32 {
        self.field(EXTENT).to_pair().0
    }

    /// Where the part ends.
    #[inline]
    fn end(self) -> u32 {
        self.field(EXTENT).to_pair().1
    }

    #[inline]
    fn part(self, at: u32) -> Self {
        Self { at: at as usize, ..self }
    }

    #[inline]
    fn params_at(self, field: usize) -> Params<'a> {
        Params { frame: self.frame, spans: self.range(field) }
    }

    /// The type, as `text` in `text/plain`; `multipart` for one with parts.
    #[inline]
    pub fn media_type(self) -> Str<'a> {
        match self.is_multipart() {
            true => Str::fixed(b"multipart"),
            false => self.field(TYPE).of(self.frame),
        }
    }

    /// The subtype, as `plain` in `text/plain`. Empty if the server sent none.
    #[inline]
    pub fn subtype(self) -> Str<'a> {
        self.text(SUBTYPE).unwrap_or(Str::fixed(b""))
    }

    /// Whether the type and subtype are these, letters compared without case.
    pub fn is(self, media_type: &str, subtype: &str) -> bool {
        self.media_type().eq_ignore_ascii_case(media_type) && self.subtype().eq_ignore_ascii_case(subtype)
    }

    /// The type and subtype in small letters, as `text/plain`.
    pub fn content_type(self) -> String {
        let mut text =
            format!("{}/{}", self.media_type().to_string_lossy(), self.subtype().to_string_lossy());
        text.make_ascii_lowercase();
        text
    }

    /// Whether it has parts, [`children`](Self::children).
    #[inline]
    pub fn is_multipart(self) -> bool {
        self.kind() == MULTIPART
    }

    /// The parameters of the type, as `charset`.
    #[inline]
    pub fn params(self) -> Params<'a> {
        self.params_at(PARAMS)
    }

    /// `Content-ID`
    #[inline]
    pub fn id(self) -> Option<Str<'a>> {
        self.text(ID)
    }

    /// `Content-Description`
    #[inline]
    pub fn description(self) -> Option<Str<'a>> {
        self.text(DESCRIPTION)
    }

    /// `Content-Transfer-Encoding`; `None` for a multipart.
    #[inline]
    pub fn encoding(self) -> Option<Str<'a>> {
        self.text(ENCODING)
    }

    /// Its size in bytes, encoded as it is; `None` for a multipart, or where the server sent no sensible number.
    #[inline]
    pub fn octets(self) -> Option<u64> {
        self.number(OCTETS)
    }

    /// Its size in lines, if it is a text or a message.
    #[inline]
    pub fn lines(self) -> Option<u64> {
        self.number(LINES)
    }

    /// `Content-MD5`
    #[inline]
    pub fn md5(self) -> Option<Str<'a>> {
        self.text(MD5)
    }

    /// `Content-Disposition`
    #[inline]
    pub fn disposition(self) -> Option<Disposition<'a>> {
        let kind = self.text(DISPOSITION)?;
        Some(Disposition { kind, params: self.params_at(DISPOSITION_PARAMS) })
    }

    /// The file name of the disposition, else the `name` of the type. A name in the form of RFC 2231 (`filename*`,
    /// `filename*0`) is among the parameters only.
    pub fn filename(self) -> Option<Str<'a>> {
        let of_disposition = self.disposition().and_then(|disposition| disposition.params.get("filename"));
        of_disposition.or_else(|| self.params().get("name"))
    }

    /// `Content-Language`
    #[inline]
    pub fn languages(self) -> impl Iterator<Item = Str<'a>> {
        self.range(LANGUAGE).iter().map(move |span| span.of(self.frame))
    }

    /// `Content-Location`
    #[inline]
    pub fn location(self) -> Option<Str<'a>> {
        self.text(LOCATION)
    }

    /// Whether anything is told of it that BODY doesn't tell (RFC 9051 section 9, `body-ext-1part`, `body-ext-mpart`).
    pub(crate) fn has_extension_data(self) -> bool {
        (self.is_multipart() && self.params().next().is_some())
            || self.md5().is_some()
            || self.disposition().is_some()
            || self.languages().next().is_some()
            || self.location().is_some()
    }

    /// The envelope of the message that this part is.
    pub fn envelope(self) -> Option<Envelope<'a>> {
        let (envelope, _) = self.field(WITHIN).to_pair();
        (self.kind() == MESSAGE).then(|| Envelope::new(self.frame, self.spans, envelope))
    }

    /// The structure of the message that this part is.
    pub fn message(self) -> Option<Self> {
        let (_, structure) = self.field(WITHIN).to_pair();
        (self.kind() == MESSAGE && structure > 0).then(|| self.part(structure))
    }

    /// The parts of a multipart, in order; those of other parts are none.
    #[inline]
    pub fn children(self) -> Children<'a> {
        let (first, end) = if self.is_multipart() { self.field(WITHIN).to_pair() } else { (0, 0) };
        Children::new(self, first, end)
    }

    /// This part and all within it, those of messages within it too, each with its number and before its own parts.
    pub fn walk(self) -> Walk<'a> {
        Walk::new(self)
    }

    /// The part of this number, if this is the structure of a whole message: `[1, 2]` is what `BODY[1.2]` fetches.
    pub fn find(self, number: &[u32]) -> Option<Self> {
        self.walk().find(|part| part.number == number).map(|part| part.structure)
    }

    /// How many lists deep the structure is: 1 for a single part.
    pub fn depth(self) -> usize {
        let inner = self.children().chain(self.message());
        1 + inner.map(Self::depth).max().unwrap_or(0)
    }
}

impl PartialEq for BodyStructure<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.to_buf() == other.to_buf()
    }
}

impl Eq for BodyStructure<'_> {}

impl fmt::Debug for BodyStructure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_buf().fmt(f)
    }
}

impl<'a> Params<'a> {
    /// The value of the parameter of this name, found without regard to case.
    pub fn get(&self, name: &str) -> Option<Str<'a>> {
        self.clone().find(|(found, _)| found.eq_ignore_ascii_case(name)).and_then(|(_, value)| value)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}

impl<'a> Iterator for Params<'a> {
    /// Name and value; servers send NIL for some values.
    type Item = (Str<'a>, Option<Str<'a>>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let ([[name, value], ..], _) = self.spans.as_chunks::<2>() else { return None };
        self.spans = &self.spans[2..];
        Some((name.of(self.frame), value.nullable(self.frame)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl ExactSizeIterator for Params<'_> {
    fn len(&self) -> usize {
        self.spans.len() / 2
    }
}

impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}

#[cfg(test)]
mod tests;
