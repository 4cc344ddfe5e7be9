//! Messages with their dots stuffed, and unstuffed again.

use bytes::Bytes;
use mail_proto::{
    LoneLineBreaks, Stuffer,
    pop3::{self, AnswerForm},
    smtp,
};

use crate::{shown, steps::however_split};

/// A message that is written as DATA is read as the same, its line breaks made CRLF, by servers and by POP3 clients;
/// nothing in it ends it early, whoever takes what for a line end; what may not be normalised is refused.
pub fn a_message_arrives_as_it_was_sent(data: &[u8]) {
    let expected = with_whole_line_ends(data);
    let written = stuffed(&[data], LoneLineBreaks::Normalise).expect("nothing is refused");
    check_written(&written);
    however_split(
        data,
        |pieces| stuffed(pieces, LoneLineBreaks::Normalise),
        |split, how| assert_eq!(split.as_ref(), Some(&written), "{how}"),
    );
    let refused = stuffed(&[data], LoneLineBreaks::Refuse);
    // The line end behind the last line may be missing.
    let is_whole = expected == data || expected == [data, b"\r\n"].concat();
    assert_eq!(refused.is_some(), is_whole, "{}", shown(data));
    however_split(
        data,
        |pieces| stuffed(pieces, LoneLineBreaks::Refuse),
        |split, how| assert_eq!(split, refused, "{how}"),
    );
    however_split(
        &written,
        |pieces| as_server(pieces),
        |(read, lone), how| {
            assert_eq!(read.as_deref().map(shown), Some(shown(&expected)), "{how}");
            assert!(!lone, "a lone line break in {}, {how}", shown(&written));
        },
    );
    however_split(
        &written,
        |pieces| as_client(pieces),
        |read, how| assert_eq!(read.as_deref().map(shown), Some(shown(&expected)), "{how}"),
    );
    // The bytes as what a client wrote, without a Stuffer.
    let whole = as_server(&[data]);
    however_split(data, |pieces| as_server(pieces), |split, how| assert_eq!(split, whole, "{how}"));
}

/// The text with CRLF for each line break, and one at its end.
pub(crate) fn with_whole_line_ends(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    let mut bytes = text.iter().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if(|next| **next == b'\n');
                out.extend_from_slice(b"\r\n");
            }
            b'\n' => out.extend_from_slice(b"\r\n"),
            byte => out.push(*byte),
        }
    }
    if !out.is_empty() && !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn stuffed(pieces: &[&[u8]], lone: LoneLineBreaks) -> Option<Vec<u8>> {
    let mut stuffer = Stuffer::new(lone);
    let mut out = Vec::new();
    for piece in pieces {
        stuffer.push(Bytes::copy_from_slice(piece), &mut out).ok()?;
    }
    stuffer.finish(&mut out).ok()?;
    assert!(out.iter().all(|piece| !piece.is_empty()), "an empty piece");
    Some(out.concat())
}

/// Whatever ends a line for somebody, a line of a single dot comes at the end alone.
fn check_written(written: &[u8]) {
    let text = written.strip_suffix(b".\r\n").expect("a terminator");
    assert!(text.is_empty() || text.ends_with(b"\r\n"), "{}", shown(written));
    let lines: Vec<_> = text.split(|byte| matches!(byte, b'\r' | b'\n')).collect();
    assert!(!lines.contains(&&b"."[..]), "{}", shown(written));
}

/// What a server reads, and whether it saw a lone line break. `None` without an end.
fn as_server(pieces: &[&[u8]]) -> (Option<Vec<u8>>, bool) {
    let mut reader = smtp::Reader::new(512, u64::MAX);
    reader.expect_data();
    let mut read = Vec::new();
    for piece in pieces {
        reader.buffer().extend_from_slice(piece);
        while let Ok(Some(event)) = reader.next_event() {
            match event {
                smtp::Event::Chunk(chunk) => read.extend_from_slice(&chunk),
                smtp::Event::End { lone_line_break } => return (Some(read), lone_line_break),
                _ => return (None, false),
            }
        }
    }
    (None, false)
}

/// What a POP3 client reads.
fn as_client(pieces: &[&[u8]]) -> Option<Vec<u8>> {
    let mut framer = pop3::Framer::new(pop3::Limits::default());
    framer.buffer().extend_from_slice(b"+OK\r\n");
    assert!(matches!(framer.next_event(), Ok(Some(pop3::Event::Status(_)))));
    framer.expect(AnswerForm::Message);
    let mut read = Vec::new();
    for piece in pieces {
        framer.buffer().extend_from_slice(piece);
        while let Ok(Some(event)) = framer.next_event() {
            match event {
                pop3::Event::Chunk(chunk) => read.extend_from_slice(&chunk),
                pop3::Event::End => return Some(read),
                _ => return None,
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;

    #[test]
    fn seeds_have_dots_and_lone_line_breaks() {
        let seeds = Target::find("dots").unwrap().seeds();
        let refused = seeds.iter().filter(|seed| stuffed(&[seed], LoneLineBreaks::Refuse).is_none()).count();
        let longer = |seed: &&Vec<u8>| {
            stuffed(&[seed], LoneLineBreaks::Normalise).unwrap().len() > with_whole_line_ends(seed).len() + 3
        };
        let stuffed = seeds.iter().filter(longer).count();
        assert!(refused >= 8 && stuffed >= 6, "{refused} {stuffed}");
    }
}
