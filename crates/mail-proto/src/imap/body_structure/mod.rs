//! BODYSTRUCTURE: the parts of a message and what is said of each (RFC 9051 section 7.5.2).
//!
//! A structure lies in its response as one flat list, each part before the parts within it, and a part knows where
//! those end. [`BodyStructure`] is a view of one part, from which one goes down; [`BodyStructureBuf`] is a tree with
//! strings of its own, to write one.

mod build;
mod parse;
mod walk;

use std::fmt;

pub use build::{BodyStructureBuf, ContentBuf, DispositionBuf};
pub(crate) use parse::parse;
pub use walk::{Children, NumberedPart, Walk};

use super::envelope::{Envelope, EnvelopeNode};
use crate::text::{Span, Str};

/// A part of a message, borrowed from the response it came in: the message's own structure, or a part of it.
///
/// Strings are as the server sent them: RFC 2047 and RFC 2231 are left undecoded.
#[derive(Clone, Copy)]
pub struct BodyStructure<'a> {
    frame: &'a [u8],
    tables: &'a Tables,
    at: u32,
}

/// The flat lists in which a response's structures and envelopes lie.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    /// Strings that come in any number: flags, the four of an address, names and values of parameters.
    pub(crate) spans: Vec<Span>,
    pub(crate) envelopes: Vec<EnvelopeNode>,
    pub(crate) parts: Vec<PartNode>,
}

/// A part, its strings as places in the frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartNode {
    content: Content,
    media_type: Span,
    subtype: Span,
    params: Range,
    id: Span,
    description: Span,
    encoding: Span,
    /// [`NONE`] if it isn't told.
    octets: u64,
    /// [`NONE`] if it isn't told.
    lines: u64,
    md5: Span,
    disposition: Span,
    disposition_params: Range,
    language: Range,
    location: Span,
    /// Where the parts within this one end. While they are read, the part that this one lies in.
    end: u32,
}

/// What a part holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Single,
    /// A message, and where its envelope lies. Its structure is the next part, unless there is none.
    Message(u32),
    Multipart,
}

/// A number that isn't told.
const NONE: u64 = u64::MAX;

/// A range of spans.
#[derive(Clone, Copy, Debug)]
struct Range {
    start: u32,
    len: u32,
}

impl Range {
    const EMPTY: Self = Self { start: 0, len: 0 };

    fn of(self, spans: &[Span]) -> &[Span] {
        let start = self.start as usize;
        spans.get(start..start + self.len as usize).unwrap_or_default()
    }
}

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
    /// The part at this place, which must be one of the tables'.
    #[inline]
    pub(crate) fn new(frame: &'a [u8], tables: &'a Tables, at: u32) -> Self {
        Self { frame, tables, at }
    }

    #[inline]
    fn node(self) -> &'a PartNode {
        &self.tables.parts[self.at as usize]
    }

    #[inline]
    fn part(self, at: u32) -> Self {
        Self { at, ..self }
    }

    #[inline]
    fn params_at(self, range: Range) -> Params<'a> {
        Params { frame: self.frame, spans: range.of(&self.tables.spans) }
    }

    /// The type, as `text` in `text/plain`; `multipart` for one with parts.
    #[inline]
    pub fn media_type(self) -> Str<'a> {
        match self.node().content {
            Content::Multipart => Str::fixed(b"multipart"),
            _ => self.node().media_type.of(self.frame),
        }
    }

    /// The subtype, as `plain` in `text/plain`. Empty if the server sent none.
    #[inline]
    pub fn subtype(self) -> Str<'a> {
        self.node().subtype.of(self.frame)
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
        self.node().content == Content::Multipart
    }

    /// The parameters of the type, as `charset`.
    #[inline]
    pub fn params(self) -> Params<'a> {
        self.params_at(self.node().params)
    }

    /// `Content-ID`
    #[inline]
    pub fn id(self) -> Option<Str<'a>> {
        self.node().id.nullable(self.frame)
    }

    /// `Content-Description`
    #[inline]
    pub fn description(self) -> Option<Str<'a>> {
        self.node().description.nullable(self.frame)
    }

    /// `Content-Transfer-Encoding`; `None` for a multipart.
    #[inline]
    pub fn encoding(self) -> Option<Str<'a>> {
        self.node().encoding.nullable(self.frame)
    }

    /// Its size in bytes, encoded as it is; `None` for a multipart, or where the server sent no sensible number.
    #[inline]
    pub fn octets(self) -> Option<u64> {
        Some(self.node().octets).filter(|octets| *octets != NONE)
    }

    /// Its size in lines, if it is a text or a message.
    #[inline]
    pub fn lines(self) -> Option<u64> {
        Some(self.node().lines).filter(|lines| *lines != NONE)
    }

    /// `Content-MD5`
    #[inline]
    pub fn md5(self) -> Option<Str<'a>> {
        self.node().md5.nullable(self.frame)
    }

    /// `Content-Disposition`
    #[inline]
    pub fn disposition(self) -> Option<Disposition<'a>> {
        let kind = self.node().disposition.nullable(self.frame)?;
        Some(Disposition { kind, params: self.params_at(self.node().disposition_params) })
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
        let spans = self.node().language.of(&self.tables.spans);
        spans.iter().map(move |span| span.of(self.frame))
    }

    /// `Content-Location`
    #[inline]
    pub fn location(self) -> Option<Str<'a>> {
        self.node().location.nullable(self.frame)
    }

    /// The envelope of the message that this part is.
    pub fn envelope(self) -> Option<Envelope<'a>> {
        let Content::Message(at) = self.node().content else { return None };
        let node = self.tables.envelopes.get(at as usize)?;
        Some(Envelope::new(self.frame, &self.tables.spans, node))
    }

    /// The structure of the message that this part is.
    pub fn message(self) -> Option<Self> {
        let inner = self.at + 1;
        let is_message = matches!(self.node().content, Content::Message(_));
        (is_message && inner < self.node().end).then(|| self.part(inner))
    }

    /// The parts of a multipart, in order; those of other parts are none.
    #[inline]
    pub fn children(self) -> Children<'a> {
        match self.node().content {
            Content::Multipart => Children::new(self, self.at + 1, self.node().end),
            _ => Children::new(self, self.node().end, self.node().end),
        }
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
