//! Dot-stuffing: a text that ends with a line of a single dot (RFC 5321 section 4.5.2, RFC 1939 section 3).
//!
//! Both directions work on a stream: what need not change passes through without a copy, and the work is linear
//! however the text is split.

use std::sync::LazyLock;

use bytes::{Bytes, BytesMut};
use memchr::{memchr_iter, memchr2, memmem::Finder};

/// How the lines of a stuffed text end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnd {
    CrLf,
    /// LF alone, from servers that have nothing else.
    Lf,
}

/// A dot that begins a line.
static AFTER_CRLF: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n."));
static AFTER_LF: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\n."));

/// Takes the dots out again.
#[derive(Debug)]
pub(crate) struct Unstuffer {
    line_end: LineEnd,
    finder: &'static Finder<'static>,
    /// Whether a dot that other text follows is one too many, or was never stuffed.
    drop_any: bool,
    line_start: bool,
}

/// What comes next of a stuffed text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unstuffed {
    /// Bytes of the text, never empty.
    Text(Bytes),
    /// The text is over, and its terminator taken off the buffer.
    End,
    /// More has to be read.
    Wait,
}

impl Unstuffer {
    /// For texts from a server: a leading dot goes only where another dot follows it, so that a server that doesn't
    /// stuff loses nothing.
    pub(crate) fn tolerant(line_end: LineEnd) -> Self {
        Self::new(line_end, false)
    }

    /// For texts from a client, as RFC 5321 has it: a leading dot goes, whatever follows.
    pub(crate) fn exact() -> Self {
        Self::new(LineEnd::CrLf, true)
    }

    fn new(line_end: LineEnd, drop_any: bool) -> Self {
        let finder = match line_end {
            LineEnd::CrLf => &*AFTER_CRLF,
            LineEnd::Lf => &*AFTER_LF,
        };
        Self { line_end, finder, drop_any, line_start: true }
    }

    /// Takes the next piece off the buffer.
    pub(crate) fn next(&mut self, buffer: &mut BytesMut) -> Unstuffed {
        if self.line_start && buffer.first() == Some(&b'.') {
            let end: &[u8] = match self.line_end {
                LineEnd::CrLf => b".\r\n",
                LineEnd::Lf => b".\n",
            };
            if buffer.starts_with(end) {
                drop(buffer.split_to(end.len()));
                return Unstuffed::End;
            }
            if end.starts_with(buffer) {
                return Unstuffed::Wait;
            }
            if self.drop_any || buffer[1] == b'.' {
                drop(buffer.split_to(1));
            }
            self.line_start = false;
        }
        if let Some(at) = self.finder.find(buffer) {
            let len = at + self.finder.needle().len() - 1;
            self.line_start = true;
            return Unstuffed::Text(buffer.split_to(len).freeze());
        }
        // A carriage return at the end may begin the line end before the terminator.
        let held = usize::from(self.line_end == LineEnd::CrLf && buffer.ends_with(b"\r"));
        let len = buffer.len() - held;
        if len == 0 {
            return Unstuffed::Wait;
        }
        self.line_start = match self.line_end {
            LineEnd::CrLf => buffer[..len].ends_with(b"\r\n"),
            LineEnd::Lf => buffer[..len].ends_with(b"\n"),
        };
        Unstuffed::Text(buffer.split_to(len).freeze())
    }
}

/// What to do with a CR or LF that stands alone. Passed on, it could end the text early at a server that takes it for
/// a line end: what follows would be commands, and a message of the sender's making (SMTP smuggling).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoneLineBreaks {
    /// Make it the CRLF that it was meant to be.
    #[default]
    Normalise,
    /// Refuse the text.
    Refuse,
}

/// A text with a CR or LF that stands alone, where [`LoneLineBreaks::Refuse`] is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a carriage return or line feed stands alone at offset {offset}")]
pub struct LoneLineBreak {
    /// Bytes from the beginning of the text.
    pub offset: u64,
}

/// Puts the dots in, and the terminator at the end.
///
/// The pieces that it gives are shares of what it is fed wherever little has to change; where much has, as in a text
/// whose lines all end in LF, they are copies of some size.
#[derive(Debug)]
pub struct Stuffer {
    /// Small pieces, until they make one.
    joined: BytesMut,
    lone: LoneLineBreaks,
    line_start: bool,
    /// The text so far ended in a carriage return, which was held back.
    held: bool,
    taken: u64,
}

impl Stuffer {
    /// A stuffer at the beginning of a text.
    pub fn new(lone: LoneLineBreaks) -> Self {
        Self { joined: BytesMut::new(), lone, line_start: true, held: false, taken: 0 }
    }

    /// The next bytes of the text: gives what to write of them.
    ///
    /// # Errors
    /// A line break stands alone, and is to be refused. What was given before must not be ended by a terminator: the
    /// connection has to be cut.
    pub fn push(&mut self, mut text: Bytes, out: &mut Vec<Bytes>) -> Result<(), LoneLineBreak> {
        while !text.is_empty() {
            if std::mem::take(&mut self.held) {
                if text[0] == b'\n' {
                    self.joined.extend_from_slice(b"\r\n");
                    let _ = self.take(&mut text, 1);
                } else {
                    self.lone_break(self.taken - 1)?;
                }
                self.line_start = true;
                continue;
            }
            if self.line_start && text[0] == b'.' {
                self.joined.extend_from_slice(b".");
            }
            self.line_start = false;
            let proper = proper_len(&text);
            if proper > 0 {
                let piece = self.take(&mut text, proper);
                self.line_start = piece.ends_with(b"\n");
                self.emit(piece, out);
                continue;
            }
            if text[0] == b'\r' && text.len() == 1 {
                self.held = true;
            } else {
                self.lone_break(self.taken)?;
                self.line_start = true;
            }
            let _ = self.take(&mut text, 1);
        }
        self.flush(out);
        Ok(())
    }

    /// The end of the text: gives the rest, with the line end that the text may lack, and the terminator as a piece of
    /// its own.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn finish(mut self, out: &mut Vec<Bytes>) -> Result<(), LoneLineBreak> {
        if self.held {
            self.lone_break(self.taken - 1)?;
            self.line_start = true;
        }
        self.flush(out);
        out.push(Bytes::from_static(if self.line_start { b".\r\n" } else { b"\r\n.\r\n" }));
        Ok(())
    }

    fn take(&mut self, text: &mut Bytes, len: usize) -> Bytes {
        self.taken += len as u64;
        text.split_to(len)
    }

    fn emit(&mut self, piece: Bytes, out: &mut Vec<Bytes>) {
        if piece.len() < COPY_BELOW {
            self.joined.extend_from_slice(&piece);
            if self.joined.len() >= JOIN_UP_TO {
                self.flush(out);
            }
        } else {
            self.flush(out);
            out.push(piece);
        }
    }

    fn flush(&mut self, out: &mut Vec<Bytes>) {
        if !self.joined.is_empty() {
            out.push(self.joined.split().freeze());
        }
    }

    fn lone_break(&mut self, offset: u64) -> Result<(), LoneLineBreak> {
        match self.lone {
            LoneLineBreaks::Normalise => {
                self.joined.extend_from_slice(b"\r\n");
                Ok(())
            }
            LoneLineBreaks::Refuse => Err(LoneLineBreak { offset }),
        }
    }
}

/// Pieces below this size are copied together, up to about the other.
const COPY_BELOW: usize = 1024;
const JOIN_UP_TO: usize = 16 * 1024;

/// How many bytes from the beginning on can go out as they are: no dot begins a line behind the first, and no CR or LF
/// stands alone.
fn proper_len(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr2(b'\r', b'\n', &text[at..]) {
        let end = at + found;
        if !text[end..].starts_with(b"\r\n") {
            return end;
        }
        at = end + 2;
        if text.get(at) == Some(&b'.') {
            return at;
        }
    }
    text.len()
}

/// Where the first CR or LF that stands alone is. `before` is the byte before the text.
pub(crate) fn lone_line_break(text: &[u8], before: Option<u8>) -> Option<usize> {
    let byte_before = |at: usize| if at == 0 { before } else { Some(text[at - 1]) };
    let line_feed = memchr_iter(b'\n', text).find(|at| byte_before(*at) != Some(b'\r'));
    // Behind the end of the text a line feed may still come.
    let followed = |at: usize| text.get(at + 1).is_none_or(|next| *next == b'\n');
    let carriage_return = memchr_iter(b'\r', text).find(|at| !followed(*at));
    let first =
        if before == Some(b'\r') && text.first().is_some_and(|byte| *byte != b'\n') { Some(0) } else { None };
    [first, line_feed, carriage_return].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stuff(pieces: &[&[u8]], lone: LoneLineBreaks) -> Result<Vec<u8>, LoneLineBreak> {
        let mut stuffer = Stuffer::new(lone);
        let mut out = Vec::new();
        for piece in pieces {
            stuffer.push(Bytes::copy_from_slice(piece), &mut out)?;
        }
        stuffer.finish(&mut out)?;
        assert!(out.iter().all(|piece| !piece.is_empty()));
        Ok(out.concat())
    }

    /// What is read of pieces, and what is left behind the end. `None` if the end isn't there.
    fn unstuff(mut unstuffer: Unstuffer, pieces: &[&[u8]]) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut buffer = BytesMut::new();
        let (mut text, mut over) = (Vec::new(), false);
        for piece in pieces {
            buffer.extend_from_slice(piece);
            while !over {
                match unstuffer.next(&mut buffer) {
                    Unstuffed::Text(bytes) => {
                        assert!(!bytes.is_empty());
                        text.extend_from_slice(&bytes);
                    }
                    Unstuffed::End => over = true,
                    Unstuffed::Wait => break,
                }
            }
        }
        over.then(|| (text, buffer.to_vec()))
    }

    #[test]
    fn dots_that_begin_lines_are_doubled() {
        for (text, stuffed) in [
            ("", ".\r\n"),
            (".", "..\r\n.\r\n"),
            ("a.b\r\n.c\r\n..\r\n", "a.b\r\n..c\r\n...\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            ("\r\n.\r\n", "\r\n..\r\n.\r\n"),
            ("....", ".....\r\n.\r\n"),
        ] {
            let whole = stuff(&[text.as_bytes()], LoneLineBreaks::Refuse).unwrap();
            assert_eq!(whole, stuffed.as_bytes(), "{text:?}");
        }
    }

    #[test]
    fn a_line_break_that_stands_alone_never_goes_out() {
        for (text, offset, normal) in [
            ("a\n.\r\nQUIT\r\n", 1, "a\r\n..\r\nQUIT\r\n.\r\n"),
            ("a\r\n.\nb", 4, "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r\n.\rb", 4, "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r.\r\n", 1, "a\r\n..\r\n.\r\n"),
            ("a\r\r\nb", 1, "a\r\n\r\nb\r\n.\r\n"),
            ("a\r", 1, "a\r\n.\r\n"),
            ("\n", 0, "\r\n.\r\n"),
        ] {
            for at in 0..=text.len() {
                let (head, tail) = text.as_bytes().split_at(at);
                let refused = stuff(&[head, tail], LoneLineBreaks::Refuse);
                assert_eq!(refused, Err(LoneLineBreak { offset }), "{text:?} split at {at}");
                let stuffed = stuff(&[head, tail], LoneLineBreaks::Normalise).unwrap();
                assert_eq!(stuffed, normal.as_bytes(), "{text:?} split at {at}");
            }
        }
    }

    #[test]
    fn a_dot_that_was_never_stuffed_is_kept_from_a_server() {
        let stuffed = b"..a\r\n.b\r\n.\r\n";
        let tolerant = unstuff(Unstuffer::tolerant(LineEnd::CrLf), &[stuffed]);
        assert_eq!(tolerant, Some((b".a\r\n.b\r\n".to_vec(), Vec::new())));
        assert_eq!(unstuff(Unstuffer::exact(), &[stuffed]), Some((b".a\r\nb\r\n".to_vec(), Vec::new())));
    }

    #[test]
    fn lone_line_breaks_are_found_across_pieces() {
        assert_eq!(lone_line_break(b"a\r\nb\r\n", None), None);
        assert_eq!(lone_line_break(b"\nb\r", Some(b'\r')), None);
        assert_eq!(lone_line_break(b"\nb", None), Some(0));
        assert_eq!(lone_line_break(b"b", Some(b'\r')), Some(0));
        assert_eq!(lone_line_break(b"a\rb\n", None), Some(1));
        assert_eq!(lone_line_break(b"", Some(b'\r')), None);
    }

    #[test]
    fn what_passes_unchanged_is_shared() {
        let text = Bytes::from("line\r\n".repeat(10_000));
        let mut out = Vec::new();
        Stuffer::new(LoneLineBreaks::Refuse).push(text.clone(), &mut out).unwrap();
        assert_eq!((out.len(), out[0].as_ptr()), (1, text.as_ptr()));
        let mut out = Vec::new();
        Stuffer::new(LoneLineBreaks::Normalise).push("line\n".repeat(10_000).into(), &mut out).unwrap();
        assert_eq!(out.concat(), text);
        assert!(out.len() < 10, "{} pieces", out.len());
    }

    fn mail() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), Just(b'a')];
        proptest::collection::vec(byte, 0..40)
    }

    proptest! {
        #[test]
        fn what_was_stuffed_comes_out_again(text in mail(), at in 0..40usize, cut in 0..80usize) {
            let (head, tail) = text.split_at(at.min(text.len()));
            let stuffed = stuff(&[head, tail], LoneLineBreaks::Normalise).unwrap();
            prop_assert_eq!(&stuffed, &stuff(&[&text], LoneLineBreaks::Normalise).unwrap());
            prop_assert_eq!(lone_line_break(&stuffed, None), None);
            let (head, tail) = stuffed.split_at(cut.min(stuffed.len()));
            for unstuffer in [Unstuffer::exact(), Unstuffer::tolerant(LineEnd::CrLf)] {
                let (read, left) = unstuff(unstuffer, &[head, tail, b"next"]).unwrap();
                prop_assert_eq!(left, b"next");
                let again = stuff(&[&read], LoneLineBreaks::Refuse).unwrap();
                prop_assert_eq!(&again, &stuffed);
            }
        }

        #[test]
        fn every_split_is_read_the_same(text in mail(), cut in 0..40usize) {
            let all = [&text[..], b"\r\n.\r\n"].concat();
            let (head, tail) = all.split_at(cut.min(all.len()));
            let unstuffer = || [Unstuffer::exact(), Unstuffer::tolerant(LineEnd::CrLf), Unstuffer::tolerant(LineEnd::Lf)];
            let single: Vec<_> = all.chunks(1).collect();
            for ((whole, halves), bytes) in unstuffer().into_iter().zip(unstuffer()).zip(unstuffer()) {
                let whole = unstuff(whole, &[&all]);
                prop_assert_eq!(&unstuff(halves, &[head, tail]), &whole);
                prop_assert_eq!(&unstuff(bytes, &single), &whole);
            }
        }
    }
}
