//! Strings as they stand on the wire: a span of a frame, unescaped only when someone looks.

use std::{borrow::Cow, fmt};

/// Where a string lies in its frame: eight bytes instead of a pointer, a length and a share of the frame's count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    /// The length; the top bit says that the string is quoted and has escapes.
    len: u32,
}

impl Span {
    const ESCAPED: u32 = 1 << 31;

    /// No string at all.
    pub(crate) const NIL: Self = Self { start: u32::MAX, len: 0 };

    /// `start` and `len` are below 2³¹: a frame is never longer (see [`crate::frame::Limits`]).
    #[inline]
    pub(crate) fn new(start: usize, len: usize, escaped: bool) -> Self {
        let len = len as u32 | if escaped { Self::ESCAPED } else { 0 };
        Self { start: start as u32, len }
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        (self.len & !Self::ESCAPED) as usize
    }

    #[inline]
    pub(crate) fn start(self) -> usize {
        self.start as usize
    }

    #[inline]
    pub(crate) fn end(self) -> usize {
        self.start() + self.len()
    }

    #[inline]
    pub(crate) fn is_escaped(self) -> bool {
        self.len & Self::ESCAPED != 0
    }

    /// Two numbers in the place of a string, for what lies among strings.
    #[inline]
    pub(crate) const fn pair(first: u32, second: u32) -> Self {
        Self { start: first, len: second }
    }

    /// The two numbers of [`pair`](Self::pair).
    #[inline]
    pub(crate) fn to_pair(self) -> (u32, u32) {
        (self.start, self.len)
    }

    #[inline]
    pub(crate) fn is_nil(self) -> bool {
        self == Self::NIL
    }

    #[inline]
    pub(crate) fn of(self, frame: &[u8]) -> Str<'_> {
        Str { raw: frame.get(self.start()..self.end()).unwrap_or_default(), escaped: self.is_escaped() }
    }

    /// The string, if there is one.
    #[inline]
    pub(crate) fn nullable(self, frame: &[u8]) -> Option<Str<'_>> {
        (!self.is_nil()).then(|| self.of(frame))
    }
}

/// A string of a response, borrowed from it: bytes first, since servers send what they like.
#[derive(Clone, Copy)]
pub struct Str<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> Str<'a> {
    /// Fixed text, without escapes.
    pub(crate) const fn fixed(raw: &'a [u8]) -> Self {
        Self { raw, escaped: false }
    }

    /// Whether the content is this text, letters compared without case.
    pub fn eq_ignore_ascii_case(self, text: impl AsRef<[u8]>) -> bool {
        match self.escaped {
            false => self.raw.eq_ignore_ascii_case(text.as_ref()),
            true => self.to_bytes().eq_ignore_ascii_case(text.as_ref()),
        }
    }

    /// The content as bytes of their own.
    pub(crate) fn to_owned_bytes(self) -> bytes::Bytes {
        bytes::Bytes::from(self.to_bytes().into_owned())
    }

    /// The content, with the escapes of a quoted string (`\"`, `\\`) resolved; copied only if there are any.
    #[inline]
    pub fn to_bytes(self) -> Cow<'a, [u8]> {
        if self.escaped { Cow::Owned(unescape(self.raw)) } else { Cow::Borrowed(self.raw) }
    }

    /// The content as text, with anything that isn't UTF-8 replaced.
    pub fn to_string_lossy(self) -> Cow<'a, str> {
        match self.to_bytes() {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// Length of the content in bytes, without the escapes.
    #[inline]
    pub fn len(self) -> usize {
        if self.escaped { unescaped(self.raw).count() } else { self.raw.len() }
    }

    /// Whether the content is empty.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.raw.is_empty()
    }
}

impl PartialEq for Str<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.escaped, other.escaped) {
            (false, false) => self.raw == other.raw,
            _ => self.to_bytes() == other.to_bytes(),
        }
    }
}

impl Eq for Str<'_> {}

impl fmt::Debug for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.to_bytes().escape_ascii())
    }
}

/// The content of a quoted string, with `\x` read as `x`.
pub(crate) fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    out.extend(unescaped(raw));
    out
}

fn unescaped(raw: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut bytes = raw.iter().copied();
    std::iter::from_fn(move || match bytes.next()? {
        // A backslash at the very end escapes nothing and is kept.
        b'\\' => Some(bytes.next().unwrap_or(b'\\')),
        byte => Some(byte),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_resolved_when_looked_at() {
        let frame = br#"a\"b\\c"#;
        let text = Span::new(0, frame.len(), true).of(frame);
        assert_eq!(text.to_bytes().as_ref(), br#"a"b\c"#);
        assert_eq!(text.len(), 5);
        assert_eq!(text, Span::new(0, 5, false).of(br#"a"b\c"#));
        assert_eq!(format!("{text:?}"), r#""a\"b\\c""#);
    }

    #[test]
    fn strings_are_equal_by_their_content() {
        let plain = |raw: &'static [u8]| Span::new(0, raw.len(), false).of(raw);
        let escaped = |raw: &'static [u8]| Span::new(0, raw.len(), true).of(raw);
        assert_eq!(plain(b"a"), plain(b"a"));
        assert_ne!(plain(b"a"), plain(b"b"));
        assert_ne!(plain(br"a\b"), escaped(br"a\b"));
        assert_eq!(plain(br"a\b"), escaped(br"a\\b"));
        assert_ne!(escaped(br"\a"), escaped(br"\b"));
        assert!(plain(b"").is_empty() && !plain(b"a").is_empty());
    }
}
