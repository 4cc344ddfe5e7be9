//! Line breaks that stand alone in a message.
//!
//! Between servers that read a lone CR or LF differently a message can be made into two (SMTP smuggling), so none is
//! ever sent (RFC 5321 section 2.3.8), whether the text goes by DATA or by BDAT.

use bytes::{Bytes, BytesMut};
use mail_proto::{LoneLineBreak, LoneLineBreaks};
use memchr::memchr2;

/// Makes a text whose lines all end in CRLF, the last one too.
#[derive(Debug)]
pub(super) struct LineBreaks {
    lone: LoneLineBreaks,
    /// The text so far ended in a CR, which was held back.
    held: bool,
    /// Whether the text so far ended in a line break. An empty text has no line that would lack one.
    line_start: bool,
    taken: u64,
}

impl LineBreaks {
    pub(super) fn new(lone: LoneLineBreaks) -> Self {
        Self { lone, held: false, line_start: true, taken: 0 }
    }

    /// The next bytes of the text, as they go out: shares of what is given where nothing has to change.
    ///
    /// # Errors
    /// A line break stands alone, and is to be refused.
    pub(super) fn push(&mut self, piece: Bytes) -> Result<Bytes, LoneLineBreak> {
        if piece.is_empty() {
            return Ok(piece);
        }
        let start = self.taken;
        self.taken += piece.len() as u64;
        let body = piece.len() - usize::from(piece.ends_with(b"\r"));
        if !self.held && proper_len(&piece[..body]) == body {
            self.held = body < piece.len();
            if body > 0 {
                self.line_start = piece[..body].ends_with(b"\n");
            }
            return Ok(piece.slice(..body));
        }
        let mut out = BytesMut::with_capacity(piece.len() + 64);
        let mut at = 0;
        if std::mem::take(&mut self.held) {
            match piece.first() {
                Some(b'\n') => at = 1,
                _ => self.lone_break(start - 1)?,
            }
            out.extend_from_slice(b"\r\n");
        }
        while at < piece.len() {
            let proper = proper_len(&piece[at..]);
            out.extend_from_slice(&piece[at..at + proper]);
            at += proper;
            match piece.get(at) {
                None => {}
                Some(b'\r') if at + 1 == piece.len() => {
                    self.held = true;
                    at += 1;
                }
                Some(_) => {
                    self.lone_break(start + at as u64)?;
                    out.extend_from_slice(b"\r\n");
                    at += 1;
                }
            }
        }
        self.line_start = out.ends_with(b"\n");
        Ok(out.freeze())
    }

    /// Says that a line ends here: what follows doesn't belong to the break that may have been begun. Gives what is
    /// still to go out of it.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub(super) fn end_line(&mut self) -> Result<Bytes, LoneLineBreak> {
        if !std::mem::take(&mut self.held) {
            return Ok(Bytes::new());
        }
        self.line_start = true;
        self.lone_break(self.taken - 1)?;
        Ok(Bytes::from_static(b"\r\n"))
    }

    /// What is still to go out at the text's end.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub(super) fn finish(mut self) -> Result<Bytes, LoneLineBreak> {
        let end = self.end_line()?;
        Ok(if self.line_start { end } else { Bytes::from_static(b"\r\n") })
    }

    fn lone_break(&self, offset: u64) -> Result<(), LoneLineBreak> {
        match self.lone {
            LoneLineBreaks::Normalise => Ok(()),
            _ => Err(LoneLineBreak { offset }),
        }
    }
}

/// How many bytes from the beginning on have no CR or LF that stands alone.
fn proper_len(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr2(b'\r', b'\n', &text[at..]) {
        let end = at + found;
        if !text[end..].starts_with(b"\r\n") {
            return end;
        }
        at = end + 2;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(pieces: &[&[u8]], lone: LoneLineBreaks) -> Result<Vec<u8>, LoneLineBreak> {
        let mut breaks = LineBreaks::new(lone);
        let mut out = Vec::new();
        for piece in pieces {
            out.extend_from_slice(&breaks.push(Bytes::copy_from_slice(piece))?);
        }
        out.extend_from_slice(&breaks.finish()?);
        Ok(out)
    }

    #[test]
    fn a_line_break_that_stands_alone_never_goes_out() {
        for (text, normal, offset) in [
            ("", "", None),
            ("a", "a\r\n", None),
            ("a\r\n", "a\r\n", None),
            ("\r\n\r\n", "\r\n\r\n", None),
            ("a\n.\r\nQUIT\r\n", "a\r\n.\r\nQUIT\r\n", Some(1)),
            ("a\r\n.\rb", "a\r\n.\r\nb\r\n", Some(4)),
            ("a\r\r\nb", "a\r\n\r\nb\r\n", Some(1)),
            ("a\n\r\nb", "a\r\n\r\nb\r\n", Some(1)),
            ("a\r", "a\r\n", Some(1)),
            ("\n", "\r\n", Some(0)),
            ("\r", "\r\n", Some(0)),
        ] {
            for at in 0..=text.len() {
                let (head, tail) = text.as_bytes().split_at(at);
                let made_of = |lone| made(&[head, tail], lone);
                assert_eq!(
                    made_of(LoneLineBreaks::Normalise).unwrap(),
                    normal.as_bytes(),
                    "{text:?} at {at}"
                );
                let refused = match offset {
                    Some(offset) => Err(LoneLineBreak { offset }),
                    None => Ok(normal.as_bytes().to_vec()),
                };
                assert_eq!(made_of(LoneLineBreaks::Refuse), refused, "{text:?} at {at}");
            }
        }
    }

    #[test]
    fn what_passes_unchanged_is_shared() {
        let text = Bytes::from("line\r\n".repeat(10_000));
        let out = LineBreaks::new(LoneLineBreaks::Normalise).push(text.clone()).unwrap();
        assert_eq!((out.len(), out.as_ptr()), (text.len(), text.as_ptr()));
    }

    #[test]
    fn every_split_makes_the_same() {
        let signs = b"\r\na";
        for number in 0..signs.len().pow(6) {
            let text: Vec<u8> =
                (0..6).map(|place| signs[number / signs.len().pow(place) % signs.len()]).collect();
            let whole = made(&[&text], LoneLineBreaks::Normalise).unwrap();
            let single: Vec<_> = text.chunks(1).collect();
            assert_eq!(made(&single, LoneLineBreaks::Normalise).unwrap(), whole, "{text:?}");
            // What was made is as it should be.
            assert_eq!(made(&[&whole], LoneLineBreaks::Refuse).unwrap(), whole, "{text:?}");
        }
    }
}
