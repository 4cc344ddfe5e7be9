//! Content of a message: a section in the response, or one that follows it as a stream.

use std::fmt;

use bytes::Bytes;

use super::Fetch;
use crate::text::{Span, Str};

/// A section of a message. [`Debug`](fmt::Debug) shows its length, never its content.
#[derive(Clone, Copy)]
pub struct Body<'a> {
    pub(super) fetch: &'a Fetch,
    /// The item's name with its section.
    pub(super) name: Span,
    pub(super) origin: Option<u32>,
    pub(super) data: Span,
}

/// What follows a [`Fetch`] as a stream, since it is too large to lie in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streamed<'a> {
    /// The name of the item as on the wire, its section in it. It is empty within an item that goes on.
    pub name: &'a [u8],
    /// The section as on the wire between its brackets, `None` for an item that isn't a body. An item that has a
    /// streamed literal somewhere within, and so can't be read, is among the invalid ones.
    pub section: Option<&'a [u8]>,
    /// The offset of the first byte, if a part was asked for.
    pub origin: Option<u32>,
    /// Length in bytes.
    pub len: u64,
}

/// The section that an item's name tells. `RFC822`, `RFC822.HEADER` and `RFC822.TEXT` stand for one.
pub(super) fn section(name: &[u8]) -> Option<&[u8]> {
    if let Some(open) = memchr::memchr(b'[', name) {
        let section = &name[open + 1..];
        return Some(section.strip_suffix(b"]").unwrap_or(section));
    }
    let (head, rest) = name.split_at_checked(6)?;
    head.eq_ignore_ascii_case(b"RFC822").then(|| rest.strip_prefix(b".").unwrap_or(rest))
}

impl<'a> Body<'a> {
    /// The name of the item as on the wire with its section, as `BODY[1.2]` or `RFC822`.
    #[inline]
    pub fn name(&self) -> &'a [u8] {
        self.fetch.slice(self.name)
    }

    /// The section as on the wire between its brackets. `RFC822`, `RFC822.HEADER` and `RFC822.TEXT` come as the
    /// section that they stand for.
    #[inline]
    pub fn section(&self) -> &'a [u8] {
        section(self.name()).unwrap_or_default()
    }

    /// Whether the content is decoded from its transfer encoding (`BINARY`, RFC 3516).
    pub fn is_binary(&self) -> bool {
        self.name().first().is_some_and(|byte| byte.eq_ignore_ascii_case(&b'B'))
            && self.name().get(1).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'I'))
    }

    /// The offset of the first byte, if a part was asked for.
    #[inline]
    pub fn origin(&self) -> Option<u32> {
        self.origin
    }

    /// The content, borrowed; `None` for NIL, which is what a server sends of a message that is gone.
    #[inline]
    pub fn content(&self) -> Option<Str<'a>> {
        self.data.nullable(&self.fetch.frame)
    }

    /// The content as bytes of their own, without a copy unless there are escapes to resolve; `None` for NIL.
    pub fn to_bytes(&self) -> Option<Bytes> {
        let content = self.content()?;
        Some(match self.data.is_escaped() {
            true => content.to_owned_bytes(),
            false => self.fetch.frame.slice(self.data.start()..self.data.end()),
        })
    }
}

impl PartialEq for Body<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.section().eq_ignore_ascii_case(other.section())
            && self.is_binary() == other.is_binary()
            && self.origin == other.origin
            && self.content() == other.content()
    }
}

impl Eq for Body<'_> {}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("name", &format_args!("{}", self.name().escape_ascii()))
            .field("origin", &self.origin)
            .field("len", &self.content().map(Str::len))
            .finish()
    }
}
