//! FETCH: what a server tells of a message (RFC 9051 sections 6.4.5 and 7.5.2).
//!
//! A [`Fetch`] owns the frame it came in and keeps its strings as places in it, eight bytes each, so that reading a
//! response allocates for the frame and the list of items and for nothing else. Looking at an item gives a view
//! that borrows from the `Fetch`; [`Body::to_bytes`] gives a share of the frame that may be kept.
//!
//! Such a value can't be put together field by field. It is built by writing: [`FetchBuilder`] is the only code that
//! encodes a FETCH response, and [`FetchBuilder::build`] reads back what it wrote. So there is one form of the value,
//! the places in it are always those of real bytes, and a server that only sends pays for no value at all.

mod build;
mod items;
mod parse;

use std::fmt;

use bytes::Bytes;

pub use build::FetchBuilder;
pub use items::{FetchItem, Partial, Section, SectionText};
pub(crate) use items::{encode_items, parse_arguments};
pub(crate) use parse::parse_message;

use super::{date::DateTime, flags::Flag};
use crate::text::{Span, Str};

/// What a server told of one message.
#[derive(Clone)]
pub struct Fetch {
    seq: u32,
    continues: bool,
    frame: Bytes,
    nodes: Vec<Node>,
    keywords: Vec<Span>,
    streamed: Option<StreamedNode>,
}

/// An item, with places in the frame for strings. Small, since there are millions.
#[derive(Clone, Copy, Debug)]
enum Node {
    Uid(u32),
    Flags { system: u8, first: u32, keywords: u32 },
    InternalDate(Span),
    Size(u64),
    ModSeq(u64),
    Body { section: Span, origin: Option<u32>, data: Option<Span> },
    Unknown { name: Span, raw: Span },
    Invalid { raw: Span, at: u32, expected: &'static str },
}

#[derive(Clone, Copy, Debug)]
struct StreamedNode {
    section: Option<(Span, Option<u32>)>,
    len: u64,
}

/// An item of a [`Fetch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// `UID`
    Uid(u32),
    /// `FLAGS`
    Flags(Flags<'a>),
    /// `INTERNALDATE`
    InternalDate(InternalDate<'a>),
    /// `RFC822.SIZE`, in bytes
    Size(u64),
    /// `MODSEQ`
    ModSeq(u64),
    /// `BODY[…]`, `RFC822` and the like
    Body(Body<'a>),
    /// An item that isn't known here.
    Unknown {
        /// Its name.
        name: &'a [u8],
        /// Its value as on the wire.
        raw: &'a [u8],
    },
    /// An item that can't be read.
    Invalid(Invalid<'a>),
}

/// An item that can't be read. The others of its message are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid<'a> {
    /// The item as on the wire, from its name on.
    pub raw: &'a [u8],
    /// Where the reading stopped, in bytes from the first byte of the frame.
    pub offset: usize,
    /// What was expected there.
    pub expected: &'static str,
}

/// The flags of a message, borrowed from its [`Fetch`].
#[derive(Clone, Copy)]
pub struct Flags<'a> {
    system: u8,
    keywords: &'a [Span],
    frame: &'a [u8],
}

/// `INTERNALDATE`: when the message came to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InternalDate<'a> {
    /// The date as on the wire.
    pub text: Str<'a>,
}

/// A section of a message. [`Debug`](fmt::Debug) shows its length, never its content.
#[derive(Clone, Copy)]
pub struct Body<'a> {
    fetch: &'a Fetch,
    section: Span,
    origin: Option<u32>,
    data: Option<Span>,
}

/// The body that follows a [`Fetch`] as a stream, since it is too large to lie in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streamed<'a> {
    /// The section as on the wire between its brackets, `None` for an item that isn't a body.
    pub section: Option<&'a [u8]>,
    /// The offset of the first byte, if a part was asked for.
    pub origin: Option<u32>,
    /// Length in bytes.
    pub len: u64,
}

impl Fetch {
    /// Begins to build a response for the message with this sequence number.
    pub fn build(seq: u32) -> FetchBuilder {
        FetchBuilder::new(seq)
    }

    /// The message's sequence number. It is 0 where a server sent none or sent 0.
    pub fn seq(&self) -> u32 {
        self.seq
    }

    /// Whether this goes on with the items behind a streamed body.
    pub fn continues(&self) -> bool {
        self.continues
    }

    /// The body that follows as a stream, before the items behind it.
    pub fn streamed(&self) -> Option<Streamed<'_>> {
        let node = self.streamed?;
        let section = node.section.map(|(section, _)| self.slice(section));
        Some(Streamed { section, origin: node.section.and_then(|(_, origin)| origin), len: node.len })
    }

    /// The items, in the server's order.
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        self.nodes.iter().map(|node| self.view(*node))
    }

    /// The message's UID; `None` if there is none or there are two that differ.
    pub fn uid(&self) -> Option<u32> {
        let mut uids = self.nodes.iter().filter_map(|node| match node {
            Node::Uid(uid) => Some(*uid),
            _ => None,
        });
        let first = uids.next()?;
        uids.all(|uid| uid == first).then_some(first)
    }

    /// The message's flags.
    pub fn flags(&self) -> Option<Flags<'_>> {
        self.items().find_map(|item| if let Item::Flags(flags) = item { Some(flags) } else { None })
    }

    /// The message's size in bytes.
    pub fn size(&self) -> Option<u64> {
        self.nodes.iter().find_map(|node| if let Node::Size(size) = node { Some(*size) } else { None })
    }

    /// When the message came to the server.
    pub fn internal_date(&self) -> Option<InternalDate<'_>> {
        self.items().find_map(|item| if let Item::InternalDate(date) = item { Some(date) } else { None })
    }

    /// The message's mod-sequence (RFC 7162).
    pub fn mod_seq(&self) -> Option<u64> {
        self.nodes.iter().find_map(|node| if let Node::ModSeq(number) = node { Some(*number) } else { None })
    }

    /// The first body section in it.
    pub fn body(&self) -> Option<Body<'_>> {
        self.items().find_map(|item| if let Item::Body(body) = item { Some(body) } else { None })
    }

    /// The items that can't be read.
    pub fn invalid(&self) -> impl Iterator<Item = Invalid<'_>> {
        self.items().filter_map(|item| if let Item::Invalid(invalid) = item { Some(invalid) } else { None })
    }

    /// How many bytes the value holds of the wire.
    pub fn wire_len(&self) -> usize {
        self.frame.len()
    }

    fn slice(&self, span: Span) -> &[u8] {
        self.frame.get(span.start()..span.end()).unwrap_or_default()
    }

    fn view(&self, node: Node) -> Item<'_> {
        match node {
            Node::Uid(uid) => Item::Uid(uid),
            Node::Flags { system, first, keywords } => {
                let (first, keywords) = (first as usize, keywords as usize);
                let keywords = self.keywords.get(first..first + keywords).unwrap_or_default();
                Item::Flags(Flags { system, keywords, frame: &self.frame })
            }
            Node::InternalDate(text) => Item::InternalDate(InternalDate { text: text.of(&self.frame) }),
            Node::Size(size) => Item::Size(size),
            Node::ModSeq(number) => Item::ModSeq(number),
            Node::Body { section, origin, data } => Item::Body(Body { fetch: self, section, origin, data }),
            Node::Unknown { name, raw } => Item::Unknown { name: self.slice(name), raw: self.slice(raw) },
            Node::Invalid { raw, at, expected } => {
                Item::Invalid(Invalid { raw: self.slice(raw), offset: at as usize, expected })
            }
        }
    }
}

impl PartialEq for Fetch {
    fn eq(&self, other: &Self) -> bool {
        self.seq == other.seq
            && self.continues == other.continues
            && self.streamed() == other.streamed()
            && self.items().eq(other.items())
    }
}

impl Eq for Fetch {}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Fetch");
        debug.field("seq", &self.seq);
        for item in self.items() {
            debug.field("item", &item);
        }
        if let Some(streamed) = self.streamed() {
            debug.field("streamed", &streamed);
        }
        debug.finish()
    }
}

/// The system flags, each a bit of [`Flags::system`] by its place here.
const BITS: [Flag; 7] =
    [Flag::Answered, Flag::Deleted, Flag::Draft, Flag::Flagged, Flag::Recent, Flag::Seen, Flag::Wildcard];

impl<'a> Flags<'a> {
    /// Whether this flag is set. Keywords are compared without case, as RFC 9051 says of flags.
    pub fn contains(self, flag: &Flag) -> bool {
        match BITS.iter().position(|known| known == flag) {
            Some(bit) => self.system & 1 << bit != 0,
            None => self.keywords().any(|keyword| keyword.eq_ignore_ascii_case(flag.as_bytes())),
        }
    }

    /// Whether `\Seen` is set.
    pub fn seen(self) -> bool {
        self.contains(&Flag::Seen)
    }

    /// The flags that aren't the system's, as on the wire.
    pub fn keywords(self) -> impl Iterator<Item = &'a [u8]> {
        let frame = self.frame;
        self.keywords.iter().map(move |span| frame.get(span.start()..span.end()).unwrap_or_default())
    }

    /// All flags as values of their own, the system's first.
    pub fn to_vec(self) -> Vec<Flag> {
        let system = BITS.iter().enumerate().filter(|(bit, _)| self.system & 1 << bit != 0);
        let keywords = self.keywords().map(|name| Flag::Other(Bytes::copy_from_slice(name)));
        system.map(|(_, flag)| flag.clone()).chain(keywords).collect()
    }
}

impl PartialEq for Flags<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.system == other.system && self.keywords().eq(other.keywords())
    }
}

impl Eq for Flags<'_> {}

impl fmt::Debug for Flags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.to_vec()).finish()
    }
}

impl InternalDate<'_> {
    /// The date; `None` if the server sent something else.
    pub fn parse(&self) -> Option<DateTime> {
        DateTime::parse(&self.text.to_bytes())
    }
}

impl<'a> Body<'a> {
    /// The section as on the wire between its brackets. `RFC822`, `RFC822.HEADER` and `RFC822.TEXT` come as the
    /// section that they stand for.
    pub fn section(&self) -> &'a [u8] {
        match self.fetch.slice(self.section) {
            raw if raw.first().is_some_and(|byte| byte.eq_ignore_ascii_case(&b'R')) => {
                raw.get(7..).unwrap_or_default()
            }
            raw => raw,
        }
    }

    /// The offset of the first byte, if a part was asked for.
    pub fn origin(&self) -> Option<u32> {
        self.origin
    }

    /// The content, borrowed; `None` for NIL, which is what a server sends of a message that is gone.
    pub fn content(&self) -> Option<Str<'a>> {
        Some(self.data?.of(&self.fetch.frame))
    }

    /// The content as bytes of their own, without a copy unless there are escapes to resolve; `None` for NIL.
    pub fn to_bytes(&self) -> Option<Bytes> {
        let span = self.data?;
        Some(match span.is_escaped() {
            true => Bytes::from(span.of(&self.fetch.frame).to_bytes().into_owned()),
            false => self.fetch.frame.slice(span.start()..span.end()),
        })
    }
}

impl PartialEq for Body<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.section().eq_ignore_ascii_case(other.section())
            && self.origin == other.origin
            && self.content() == other.content()
    }
}

impl Eq for Body<'_> {}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("section", &format_args!("{}", self.section().escape_ascii()))
            .field("origin", &self.origin)
            .field("len", &self.content().map(Str::len))
            .finish()
    }
}

#[cfg(test)]
mod tests;
