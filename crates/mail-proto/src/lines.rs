//! Cutting a stream into lines, for the protocols without literals.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

use crate::{frame::FrameError, secret::Unshown};

/// Cuts lines off a buffer. Looks at each byte once, however the input is split.
///
/// A line ends in CRLF. LF alone ends one only if the first line ended so; elsewhere it is a byte.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) buffer: Unshown<BytesMut>,
    /// Up to where the buffer was searched.
    scanned: usize,
    limit: usize,
    /// How the first line ended, once there was one.
    bare_line_feeds: Option<bool>,
}

/// Lines from this size on share the read buffer; smaller ones get memory of their own, so that a kept line doesn't
/// keep a whole read buffer.
const SHARE_FROM: usize = 32 * 1024;

impl Lines {
    /// `limit`: the bytes of the longest line, its end included.
    pub(crate) fn new(limit: usize) -> Self {
        Self { buffer: Unshown::default(), scanned: 0, limit, bare_line_feeds: None }
    }

    /// Of lines that end in CRLF and nothing else, whatever the first one did.
    pub(crate) fn with_crlf_only(limit: usize) -> Self {
        Self { bare_line_feeds: Some(false), ..Self::new(limit) }
    }

    /// Whether the first line ended in LF alone.
    pub(crate) fn has_bare_line_feeds(&self) -> bool {
        self.bare_line_feeds == Some(true)
    }

    /// The next line with its end, or `None` until more has been read.
    pub(crate) fn next_line(&mut self) -> Result<Option<Bytes>, FrameError> {
        while let Some(found) = self.buffer.get(self.scanned..).and_then(|rest| memchr(b'\n', rest)) {
            let at = self.scanned + found;
            self.scanned = at + 1;
            let bare = at == 0 || self.buffer[at - 1] != b'\r';
            if !bare || *self.bare_line_feeds.get_or_insert(bare) {
                self.bare_line_feeds.get_or_insert(false);
                self.check(at + 1)?;
                self.scanned = 0;
                return Ok(Some(self.cut(at + 1)));
            }
        }
        self.scanned = self.buffer.len();
        self.check(self.scanned)?;
        Ok(None)
    }

    fn check(&self, len: usize) -> Result<(), FrameError> {
        if len > self.limit { Err(FrameError::TextTooLong { limit: self.limit }) } else { Ok(()) }
    }

    fn cut(&mut self, len: usize) -> Bytes {
        if len < SHARE_FROM {
            let line = Bytes::copy_from_slice(&self.buffer[..len]);
            self.buffer.advance(len);
            line
        } else {
            self.buffer.split_to(len).freeze()
        }
    }
}

/// A line without its end.
pub(crate) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(input: &[u8], limit: usize) -> Result<Option<Bytes>, FrameError> {
        let mut lines = Lines::new(limit);
        lines.buffer.extend_from_slice(input);
        lines.next_line()
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit_whether_its_end_was_read_or_not() {
        let too_long = Err(FrameError::TextTooLong { limit: 5 });
        assert_eq!(next(b"abc\r\n", 5), Ok(Some(Bytes::from_static(b"abc\r\n"))));
        assert_eq!(next(b"abcd\r\n", 5), too_long);
        assert_eq!(next(b"abcde", 5), Ok(None));
        assert_eq!(next(b"abcdef", 5), too_long);
    }

    #[test]
    fn what_is_kept_of_a_short_line_is_its_own_and_a_long_one_is_not_copied() {
        for (len, copied) in [(SHARE_FROM - 1, true), (SHARE_FROM, false)] {
            let mut lines = Lines::new(usize::MAX);
            lines.buffer.extend_from_slice(&vec![b'x'; len - 2]);
            lines.buffer.extend_from_slice(b"\r\nmore");
            let line = lines.next_line().unwrap().unwrap();
            assert_eq!((line.len(), line.is_unique()), (len, copied));
        }
    }
}
