//! The lines of one direction, as far as they are shown.

use std::borrow::Cow;

use memchr::memchr;

/// Of a line this much is shown.
pub(super) const SHOWN: usize = 2000;

/// What an announced literal takes at a line's end: `~{18446744073709551615+}`.
const ANNOUNCED: usize = 24;

/// The lines of one direction.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: Line,
    /// What of a literal is still to come.
    literal: u64,
    /// None of it has come yet, and it doesn't before the other side agrees.
    waits: bool,
    /// Whether lines end in LF alone, as the first one did.
    bare: Option<bool>,
}

/// A line, or what stands of it behind a literal.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) head: Vec<u8>,
    tail: Vec<u8>,
    pub(super) len: usize,
    pub(super) continues: bool,
    /// Whether it may have literals, as its beginning said.
    has_literals: bool,
}

impl Lines {
    /// The next line that ends in these bytes, and takes them off. `has_literals` says of a line by its beginning
    /// whether it may have any.
    pub(super) fn next(&mut self, bytes: &mut &[u8], has_literals: fn(&[u8]) -> bool) -> Option<Line> {
        let skipped = bytes.len().min(usize::try_from(self.literal).unwrap_or(usize::MAX));
        self.literal -= skipped as u64;
        self.waits &= skipped == 0;
        *bytes = &bytes[skipped..];
        let end = memchr(b'\n', bytes).map(|at| at + 1);
        let (piece, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        *bytes = rest;
        self.line.push(piece);
        end?;
        let mut line = std::mem::take(&mut self.line);
        line.has_literals = if line.continues { line.has_literals } else { has_literals(&line.head) };
        if let Some((len, waits)) = line.literal().filter(|_| line.has_literals) {
            (self.literal, self.waits) = (len, waits);
            (self.line.continues, self.line.has_literals) = (true, true);
        }
        Some(line)
    }
}

impl Lines {
    /// The next line of a protocol whose lines end in CRLF, but for peers that end all of theirs in LF.
    pub(super) fn next_plain(&mut self, bytes: &mut &[u8]) -> Option<Line> {
        loop {
            let line = self.next(bytes, |_| false)?;
            let is_bare = !line.tail.ends_with(b"\r\n");
            if !is_bare || *self.bare.get_or_insert(is_bare) {
                self.bare.get_or_insert(is_bare);
                return Some(line);
            }
            // A line feed that stands alone ends nothing.
            self.line = line;
        }
    }

    /// So many bytes are passed over from here on.
    pub(super) fn skip(&mut self, len: u64) {
        self.literal = len;
    }

    /// The other side has answered before a literal that waited for its consent: it never comes.
    pub(super) fn forget_unwanted(&mut self) {
        if self.waits {
            *self = Self::default();
        }
    }
}

impl Line {
    /// Whether it is a dot and no more.
    pub(super) fn is_dot(&self) -> bool {
        self.len <= 3 && self.text() == "."
    }

    fn push(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        let room = SHOWN - self.head.len();
        self.head.extend_from_slice(&bytes[..room.min(bytes.len())]);
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(ANNOUNCED + 2)..]);
        let surplus = self.tail.len().saturating_sub(ANNOUNCED + 2);
        self.tail.drain(..surplus);
    }

    /// The length of the literal that it announces, and whether that waits for the other side's consent.
    fn literal(&self) -> Option<(u64, bool)> {
        let line = self.tail.strip_suffix(b"\n")?;
        let line = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}")?;
        let number = &line[line.iter().rposition(|byte| *byte == b'{')? + 1..];
        let (number, waits) = number.strip_suffix(b"+").map_or((number, true), |number| (number, false));
        Some((std::str::from_utf8(number).ok()?.parse().ok()?, waits))
    }

    pub(super) fn text(&self) -> Cow<'_, str> {
        let text = String::from_utf8_lossy(&self.head);
        let text = match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim_end_matches(['\r', '\n'])),
            Cow::Owned(text) => Cow::Owned(text.trim_end_matches(['\r', '\n']).to_owned()),
        };
        match self.len.checked_sub(SHOWN) {
            Some(more @ 1..) => format!("{text}… ({more} bytes more)").into(),
            _ => text,
        }
    }
}
