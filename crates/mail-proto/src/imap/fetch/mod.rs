//! FETCH: what a server tells of a message (RFC 9051 sections 6.4.5 and 7.5.2).
//!
//! A [`Fetch`] owns the frame it came in and keeps its strings as places in it, eight bytes each, and everything that
//! comes in any number (addresses, parameters, parts) in flat lists. So reading a response allocates a handful of
//! times whatever is in it. Looking at an item gives a view that borrows from the `Fetch`; [`Body::to_bytes`] gives a
//! share of the frame that may be kept.
//!
//! Such a value can't be put together field by field. It is built by writing: [`FetchBuilder`] is the only code that
//! encodes a FETCH response, and [`FetchBuilder::build`] reads back what it wrote. So there is one form of the value,
//! the places in it are always those of real bytes, and a server that only sends pays for no value at all.
//!
//! An item that can't be read is [`Item::Invalid`], and the others are there all the same. Where such an item ends is
//! a guess, and who wrote the message may have had a hand in what it holds, so that what follows it is
//! [doubtful](Fetch::doubtful).

mod body;
mod build;
mod flags;
mod items;
mod key;
mod modifiers;
mod parse;
mod salvage;

use std::fmt;

use bytes::Bytes;

pub use body::{Body, Streamed};
pub use build::FetchBuilder;
pub use flags::{Flags, Labels};
pub use items::{FetchItem, Partial, Rfc822, Section, SectionText};
pub(crate) use items::{encode_items, parse_arguments, parse_items};
pub use modifiers::FetchModifiers;
pub(crate) use parse::{Message, Room, Start};

use super::{body_structure::BodyStructure, date::DateTime, envelope::Envelope};
use crate::{
    error::ParseError,
    text::{Span, Str},
};

/// What a server told of one message.
#[derive(Clone)]
pub struct Fetch {
    seq: u32,
    continues: bool,
    /// Whether it came as UIDFETCH.
    by_uid: bool,
    /// Whether two different UIDs were told.
    two_uids: bool,
    /// How many lists of the item that can't be read are open where a streamed literal stands in it, and one more.
    open: u32,
    /// The first item behind one whose end is a guess.
    doubtful: u32,
    frame: Bytes,
    nodes: Box<[Node]>,
    /// Strings that come in any number, and among them the heads of envelopes and structures.
    spans: Box<[Span]>,
    /// Boxed, since there seldom is one.
    streamed: Option<Box<StreamedNode>>,
}

/// An item, with places in the frame for strings. Small, since there are millions.
#[derive(Clone, Copy, Debug)]
enum Node {
    Uid(u32),
    Flags {
        system: u8,
        first: u32,
        keywords: u32,
    },
    InternalDate(Span),
    Size(u64),
    ModSeq(u64),
    /// Where its envelope lies.
    Envelope(u32),
    /// Where its first part lies, and whether it is BODY.
    BodyStructure {
        root: u32,
        basic: bool,
    },
    Body {
        name: Span,
        origin: Option<u32>,
        data: Span,
    },
    BinarySize {
        name: Span,
        size: u64,
    },
    EmailId(Span),
    ThreadId(Span),
    Preview(Span),
    SaveDate(Span),
    GmailMessageId(u64),
    GmailThreadId(u64),
    GmailLabels {
        first: u32,
        labels: u32,
    },
    Unknown {
        name: Span,
        raw: Span,
    },
    Invalid {
        raw: Span,
        at: u32,
        expected: &'static str,
    },
}

impl Node {
    fn uid(&self) -> Option<u32> {
        if let Self::Uid(uid) = self { Some(*uid) } else { None }
    }
}

#[derive(Clone, Copy, Debug)]
struct StreamedNode {
    name: Span,
    origin: Option<u32>,
    len: u64,
}

/// An item of a [`Fetch`].
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// `MODSEQ` (RFC 7162)
    ModSeq(u64),
    /// `ENVELOPE`
    Envelope(Envelope<'a>),
    /// `BODYSTRUCTURE`
    BodyStructure(BodyStructure<'a>),
    /// `BODY`: the structure without extension data.
    BodyBasic(BodyStructure<'a>),
    /// `BODY[…]`, `BINARY[…]`, `RFC822` and the like
    Body(Body<'a>),
    /// `BINARY.SIZE[…]` (RFC 3516): how large a part is when decoded.
    BinarySize {
        /// The part, as on the wire between its brackets.
        part: &'a [u8],
        /// In bytes.
        size: u64,
    },
    /// `EMAILID` (RFC 8474): the same for every copy of the message.
    EmailId(Str<'a>),
    /// `THREADID` (RFC 8474); `None` if the server has none for this message.
    ThreadId(Option<Str<'a>>),
    /// `PREVIEW` (RFC 8970); `None` if the server has none, or not yet.
    Preview(Option<Str<'a>>),
    /// `SAVEDATE` (RFC 8514): when the message came into this mailbox; `None` if the server doesn't know.
    SaveDate(Option<InternalDate<'a>>),
    /// `X-GM-MSGID`
    GmailMessageId(u64),
    /// `X-GM-THRID`
    GmailThreadId(u64),
    /// `X-GM-LABELS`
    GmailLabels(Labels<'a>),
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

/// `INTERNALDATE`: when the message came to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InternalDate<'a> {
    /// The date as on the wire.
    pub text: Str<'a>,
}

macro_rules! first {
    ($self:ident, $item:ident) => {
        $self.items().find_map(|item| if let Item::$item(found) = item { Some(found) } else { None })
    };
}

impl Fetch {
    /// Begins to build a response for the message with this sequence number.
    pub fn build(seq: u32) -> FetchBuilder {
        FetchBuilder::new(seq)
    }

    /// Begins to build a UIDFETCH response for the message with this UID (RFC 9586).
    pub fn build_by_uid(uid: u32) -> FetchBuilder {
        FetchBuilder::by_uid(uid)
    }

    /// The message's sequence number. It is 0 where a server sent none or sent 0.
    #[inline]
    pub fn seq(&self) -> u32 {
        self.seq
    }

    /// Whether it came as UIDFETCH, without a sequence number (RFC 9586).
    pub fn is_by_uid(&self) -> bool {
        self.by_uid
    }

    /// Whether this goes on with the items behind a streamed body.
    pub fn continues(&self) -> bool {
        self.continues
    }

    /// The body that follows as a stream, before the items behind it.
    pub fn streamed(&self) -> Option<Streamed<'_>> {
        let node = self.streamed.as_deref()?;
        let name = self.slice(node.name);
        let section = if self.open > 0 { None } else { body::section(name) };
        Some(Streamed { name, section, origin: node.origin, len: node.len })
    }

    /// The items, in the server's order.
    #[inline]
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        self.nodes.iter().map(|node| self.view(*node))
    }

    /// Those of the items that stand behind one that can't be read and whose end is a guess.
    pub fn doubtful(&self) -> impl Iterator<Item = Item<'_>> {
        self.items().skip(self.doubtful as usize)
    }

    /// The message's UID; `None` if there is none or there are two that differ.
    pub fn uid(&self) -> Option<u32> {
        if self.two_uids { None } else { self.nodes.iter().find_map(Node::uid) }
    }

    /// Whether it has two UIDs that differ, so that nobody can say which message it is of.
    pub fn has_two_uids(&self) -> bool {
        self.two_uids
    }

    /// What is wrong with a message that has two UIDs.
    pub(crate) fn two_uids(&self) -> ParseError {
        ParseError::at(&self.frame, 0, "a message with one UID")
    }

    /// Whether the UID is among the [doubtful](Self::doubtful) items: it is to be believed only if the message was
    /// asked for.
    pub fn is_uid_doubtful(&self) -> bool {
        self.nodes
            .iter()
            .position(|node| matches!(node, Node::Uid(_)))
            .is_some_and(|at| at >= self.doubtful as usize)
    }

    /// The message's flags.
    pub fn flags(&self) -> Option<Flags<'_>> {
        first!(self, Flags)
    }

    /// The message's size in bytes.
    pub fn size(&self) -> Option<u64> {
        first!(self, Size)
    }

    /// When the message came to the server.
    pub fn internal_date(&self) -> Option<InternalDate<'_>> {
        first!(self, InternalDate)
    }

    /// The message's mod-sequence (RFC 7162).
    pub fn mod_seq(&self) -> Option<u64> {
        first!(self, ModSeq)
    }

    /// The message's envelope.
    pub fn envelope(&self) -> Option<Envelope<'_>> {
        first!(self, Envelope)
    }

    /// The message's structure, of `BODYSTRUCTURE` or else of `BODY`.
    pub fn body_structure(&self) -> Option<BodyStructure<'_>> {
        first!(self, BodyStructure).or_else(|| first!(self, BodyBasic))
    }

    /// The first body section in it.
    pub fn body(&self) -> Option<Body<'_>> {
        first!(self, Body)
    }

    /// What is the same for every copy of the message (RFC 8474).
    pub fn email_id(&self) -> Option<Str<'_>> {
        first!(self, EmailId)
    }

    /// The thread that the message belongs to (RFC 8474).
    pub fn thread_id(&self) -> Option<Str<'_>> {
        first!(self, ThreadId).flatten()
    }

    /// The first words of the message (RFC 8970).
    pub fn preview(&self) -> Option<Str<'_>> {
        first!(self, Preview).flatten()
    }

    /// When the message came into this mailbox (RFC 8514).
    pub fn save_date(&self) -> Option<InternalDate<'_>> {
        first!(self, SaveDate).flatten()
    }

    /// Gmail's number of the message.
    pub fn gmail_message_id(&self) -> Option<u64> {
        first!(self, GmailMessageId)
    }

    /// Gmail's number of the thread.
    pub fn gmail_thread_id(&self) -> Option<u64> {
        first!(self, GmailThreadId)
    }

    /// Gmail's labels of the message.
    pub fn gmail_labels(&self) -> Option<Labels<'_>> {
        first!(self, GmailLabels)
    }

    /// The items that can't be read.
    pub fn invalid(&self) -> impl Iterator<Item = Invalid<'_>> {
        self.items().filter_map(|item| if let Item::Invalid(invalid) = item { Some(invalid) } else { None })
    }

    /// How many bytes the value holds of the wire.
    pub fn wire_len(&self) -> usize {
        self.frame.len()
    }

    #[inline]
    fn slice(&self, span: Span) -> &[u8] {
        self.frame.get(span.start()..span.end()).unwrap_or_default()
    }

    #[inline]
    fn spans_at(&self, first: u32, count: u32) -> &[Span] {
        let first = first as usize;
        self.spans.get(first..first + count as usize).unwrap_or_default()
    }

    #[inline]
    fn view(&self, node: Node) -> Item<'_> {
        let text = |span: Span| span.nullable(&self.frame);
        let structure = |root| BodyStructure::new(&self.frame, &self.spans, root);
        match node {
            Node::Uid(uid) => Item::Uid(uid),
            Node::Flags { system, first, keywords } => {
                Item::Flags(Flags::new(system, self.spans_at(first, keywords), &self.frame))
            }
            Node::InternalDate(text) => Item::InternalDate(InternalDate { text: text.of(&self.frame) }),
            Node::Size(size) => Item::Size(size),
            Node::ModSeq(number) => Item::ModSeq(number),
            Node::Envelope(at) => Item::Envelope(Envelope::new(&self.frame, &self.spans, at)),
            Node::BodyStructure { root, basic: false } => Item::BodyStructure(structure(root)),
            Node::BodyStructure { root, basic: true } => Item::BodyBasic(structure(root)),
            Node::Body { name, origin, data } => Item::Body(Body { fetch: self, name, origin, data }),
            Node::BinarySize { name, size } => {
                Item::BinarySize { part: body::section(self.slice(name)).unwrap_or_default(), size }
            }
            Node::EmailId(id) => Item::EmailId(id.of(&self.frame)),
            Node::ThreadId(id) => Item::ThreadId(text(id)),
            Node::Preview(preview) => Item::Preview(text(preview)),
            Node::SaveDate(date) => Item::SaveDate(text(date).map(|text| InternalDate { text })),
            Node::GmailMessageId(id) => Item::GmailMessageId(id),
            Node::GmailThreadId(id) => Item::GmailThreadId(id),
            Node::GmailLabels { first, labels } => {
                Item::GmailLabels(Labels::new(self.spans_at(first, labels), &self.frame))
            }
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
            && self.by_uid == other.by_uid
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

impl InternalDate<'_> {
    /// The date; `None` if the server sent something else.
    pub fn parse(&self) -> Option<DateTime> {
        DateTime::parse(&self.text.to_bytes())
    }
}

#[cfg(test)]
pub(crate) mod tests;
