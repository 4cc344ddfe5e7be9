//! The header of a message: where it ends, its fields, and what of it goes out.
//!
//! It ends at the first empty line (RFC 5322 section 2.1), or with the message. A CR or LF that stands alone ends a
//! line here as it does once it was [made proper](super::line_breaks).

use std::ops::Range;

use bytes::Bytes;
use memchr::memchr2;

/// The header of a message, with the empty line behind it if there is one.
#[derive(Debug)]
pub(super) struct Header {
    text: Bytes,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    /// All of it, its lines' ends too.
    whole: Range<usize>,
    /// Its name; empty for a line that is no field's.
    name: Range<usize>,
}

/// Finds the end of a header that comes in pieces, without looking at a byte twice.
#[derive(Debug, Default)]
pub(super) struct HeaderEnd {
    /// Where the line begins that is looked at.
    line: usize,
    /// How much of it was looked at.
    seen: usize,
}

impl HeaderEnd {
    /// How long the header is, the empty line included, in this text, which grows from call to call; `None` while that
    /// isn't known.
    pub(super) fn find(&mut self, text: &[u8], is_all: bool) -> Option<usize> {
        loop {
            let at = self.seen.max(self.line);
            let Some(found) = memchr2(b'\r', b'\n', &text[at..]) else {
                self.seen = text.len();
                return is_all.then_some(text.len());
            };
            let end = at + found;
            let Some(next) = behind_break(text, end, is_all) else {
                self.seen = end;
                return None;
            };
            if end == self.line {
                return Some(next);
            }
            self.line = next;
        }
    }
}

/// Where the line begins behind the break at `end`. `None` if what comes next decides.
fn behind_break(text: &[u8], end: usize, is_all: bool) -> Option<usize> {
    match (text[end], text.get(end + 1)) {
        (b'\r', Some(b'\n')) => Some(end + 2),
        (b'\r', None) if !is_all => None,
        _ => Some(end + 1),
    }
}

impl Header {
    /// A header that is all there.
    pub(super) fn new(text: Bytes) -> Self {
        let mut fields: Vec<Field> = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let end = memchr2(b'\r', b'\n', &text[at..]).map_or(text.len(), |found| at + found);
            let next =
                if end == text.len() { end } else { behind_break(&text, end, true).unwrap_or(end + 1) };
            match fields.last_mut() {
                // A line that begins with white space goes on with the field before.
                Some(field) if matches!(text[at], b' ' | b'\t') => field.whole.end = next,
                _ => fields.push(Field { whole: at..next, name: name(&text, at..end) }),
            }
            at = next;
        }
        Self { text, fields }
    }

    /// The names and values of the fields, in their order. Values have their line breaks still.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().filter_map(|field| {
            let name =
                std::str::from_utf8(&self.text[field.name.clone()]).ok().filter(|name| !name.is_empty())?;
            let rest = &self.text[field.name.end..field.whole.end];
            let colon = memchr::memchr(b':', rest).map_or(rest.len(), |at| at + 1);
            Some((name, &rest[colon..]))
        })
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// What of it goes out, in pieces that end where a line does: all but `Bcc` and `Resent-Bcc`, which are for nobody else to see (RFC 5322 section 3.6.3).
    pub(super) fn without_bcc(&self) -> Vec<Bytes> {
        let mut kept: Vec<Range<usize>> = Vec::new();
        for field in &self.fields {
            let name = &self.text[field.name.clone()];
            if name.eq_ignore_ascii_case(b"Bcc") || name.eq_ignore_ascii_case(b"Resent-Bcc") {
                continue;
            }
            match kept.last_mut() {
                Some(last) if last.end == field.whole.start => last.end = field.whole.end,
                _ => kept.push(field.whole.clone()),
            }
        }
        kept.into_iter().map(|range| self.text.slice(range)).collect()
    }

    /// Whether only a server with SMTPUTF8 takes it (RFC 6532): it has UTF-8. Other bytes beyond ASCII are no header
    /// that any RFC knows, and go where 8-bit text goes.
    pub(super) fn needs_utf8(&self) -> bool {
        !self.text.is_ascii() && std::str::from_utf8(&self.text).is_ok()
    }
}

/// The name of the field that begins in this line (RFC 5322 section 2.2).
fn name(text: &[u8], line: Range<usize>) -> Range<usize> {
    let none = line.start..line.start;
    let Some(colon) = memchr::memchr(b':', &text[line.clone()]) else { return none };
    let name = text[line.start..line.start + colon].trim_ascii_end();
    if name.iter().all(u8::is_ascii_graphic) { line.start..line.start + name.len() } else { none }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> String {
        let pieces = Header::new(Bytes::copy_from_slice(text.as_bytes())).without_bcc();
        String::from_utf8(pieces.concat()).unwrap()
    }

    fn end(text: &[u8]) -> Option<usize> {
        HeaderEnd::default().find(text, false)
    }

    #[test]
    fn the_header_ends_at_the_first_empty_line() {
        for (text, expected) in [
            ("A: b\r\n\r\nbody", Some(8)),
            ("A: b\r\n\r\n", Some(8)),
            ("\r\nbody", Some(2)),
            ("A: b\n\nbody", Some(6)),
            ("A: b\r\rbody", Some(6)),
            ("A: b\r\n\nbody", Some(7)),
            ("A: b\r\r\nbody", Some(7)),
            ("A: b\r\n \r\nC: d\r\n\r\n", Some(17)),
            ("A: b\r\n", None),
            ("A: b\r\n\r", None),
            ("A: b", None),
            ("", None),
        ] {
            assert_eq!(end(text.as_bytes()), expected, "{text:?}");
            assert!(HeaderEnd::default().find(text.as_bytes(), true).is_some());
            let mut slowly = HeaderEnd::default();
            let found = (0..=text.len()).find_map(|len| slowly.find(&text.as_bytes()[..len], false));
            // A carriage return waits for what follows.
            assert_eq!(found, expected, "{text:?} byte by byte");
        }
        assert_eq!(HeaderEnd::default().find(b"A: b\r\n\r", true), Some(7));
    }

    #[test]
    fn bcc_goes_with_all_its_lines_and_nothing_else_does() {
        for (text, expected) in [
            ("Bcc: x@y\r\n\r\n", "\r\n"),
            ("To: a\r\nBcc: x@y,\r\n\tz@y\r\n  (more)\r\nCc: b\r\n\r\n", "To: a\r\nCc: b\r\n\r\n"),
            ("bCC : x@y\r\nTo: a\r\n\r\n", "To: a\r\n\r\n"),
            ("Resent-Bcc: x@y\r\nRESENT-BCC:\r\nTo: a\r\n", "To: a\r\n"),
            ("Bcc: x\nTo: a\n\n", "To: a\n\n"),
            ("To: a\rBcc: x\rCc: b", "To: a\rCc: b"),
            (
                "X-Bcc: x\r\nBccs: x\r\nSubject: Bcc: x\r\n Bcc: y\r\n",
                "X-Bcc: x\r\nBccs: x\r\nSubject: Bcc: x\r\n Bcc: y\r\n",
            ),
            ("Bcc x@y\r\nTo: a\r\n", "Bcc x@y\r\nTo: a\r\n"),
            (" Bcc: x\r\nTo: a\r\n", " Bcc: x\r\nTo: a\r\n"),
            ("no field\r\nBcc: x\r\n\r\n", "no field\r\n\r\n"),
            ("Bcc:", ""),
            ("", ""),
        ] {
            assert_eq!(kept(text), expected, "{text:?}");
        }
    }

    #[test]
    fn fields_are_told_with_all_their_lines() {
        let header =
            Header::new("To: a,\r\n b\r\nno field\r\nX Y: z\r\nSubject:\r\nFrom\t: c\r\n\r\n".into());
        let fields: Vec<_> = header.fields().collect();
        let expected: [(_, &[u8]); 3] = [("To", b" a,\r\n b\r\n"), ("Subject", b"\r\n"), ("From", b" c\r\n")];
        assert_eq!(fields, expected);
    }

    #[test]
    fn only_utf8_needs_a_server_that_knows_it() {
        assert!(!Header::new("Subject: a\r\n".into()).needs_utf8());
        assert!(Header::new("Subject: \u{fc}\r\n".into()).needs_utf8());
        assert!(!Header::new(Bytes::from_static(b"Subject: \xfc\r\n")).needs_utf8());
    }
}
