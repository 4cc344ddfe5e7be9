//! FLAGS of a message, and the labels that Gmail has instead of mailboxes.

use std::fmt;

use bytes::Bytes;

use crate::{
    imap::flags::Flag,
    text::{Span, Str},
};

/// The flags of a message, borrowed from its [`Fetch`](super::Fetch).
#[derive(Clone, Copy)]
pub struct Flags<'a> {
    system: u8,
    keywords: &'a [Span],
    frame: &'a [u8],
}

/// The system flags, each a bit by its place here.
const BITS: [Flag; 7] =
    [Flag::Answered, Flag::Deleted, Flag::Draft, Flag::Flagged, Flag::Recent, Flag::Seen, Flag::Wildcard];

/// The bit of the system flag of this name.
pub(super) fn bit(name: &[u8]) -> Option<u8> {
    // Nearly all servers spell them so.
    let bit = match name {
        b"\\Seen" => 5,
        b"\\Answered" => 0,
        b"\\Flagged" => 3,
        b"\\Deleted" => 1,
        b"\\Draft" => 2,
        b"\\Recent" => 4,
        [b'\\', ..] => {
            let flag = Flag::system(name)?;
            BITS.iter().position(|known| *known == flag)?
        }
        _ => return None,
    };
    Some(1 << bit)
}

impl<'a> Flags<'a> {
    #[inline]
    pub(super) fn new(system: u8, keywords: &'a [Span], frame: &'a [u8]) -> Self {
        Self { system, keywords, frame }
    }

    /// Whether this flag is set. Keywords are compared without case, as RFC 9051 says of flags.
    #[inline]
    pub fn contains(self, flag: &Flag) -> bool {
        let bit = match flag {
            Flag::Answered => 0,
            Flag::Deleted => 1,
            Flag::Draft => 2,
            Flag::Flagged => 3,
            Flag::Recent => 4,
            Flag::Seen => 5,
            Flag::Wildcard => 6,
            Flag::Other(name) => return self.keywords().any(|keyword| keyword.eq_ignore_ascii_case(name)),
        };
        self.system & 1 << bit != 0
    }

    /// Whether `\Seen` is set.
    #[inline]
    pub fn seen(self) -> bool {
        self.contains(&Flag::Seen)
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.system == 0 && self.keywords.is_empty()
    }

    /// The flags that aren't the system's, as on the wire.
    #[inline]
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

/// The labels of a message (`X-GM-LABELS`), in modified UTF-7 as the server spells them: `\Inbox` and the like are
/// Gmail's own.
#[derive(Clone)]
pub struct Labels<'a> {
    spans: &'a [Span],
    frame: &'a [u8],
}

impl<'a> Labels<'a> {
    #[inline]
    pub(super) fn new(spans: &'a [Span], frame: &'a [u8]) -> Self {
        Self { spans, frame }
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = Str<'a>;

    fn next(&mut self) -> Option<Str<'a>> {
        let (first, rest) = self.spans.split_first()?;
        self.spans = rest;
        Some(first.of(self.frame))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.spans.len(), Some(self.spans.len()))
    }
}

impl ExactSizeIterator for Labels<'_> {}

impl PartialEq for Labels<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.clone().eq(other.clone())
    }
}

impl Eq for Labels<'_> {}

impl fmt::Debug for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
