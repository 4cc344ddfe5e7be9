//! A message, or a piece of one, as a command announces it to the server.

use super::terminals::{Context, Parsing, byte, fail, number64};

/// A literal that lies in the frame, or follows it as a stream: its length, and which of the two.
pub(super) fn content<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, (u64, bool)> {
    let (open, ()) = byte(b'{', "a literal")(input)?;
    let (close, len) = number64(open)?;
    let close = close.strip_prefix(b"+").unwrap_or(close);
    let (content, ()) = byte(b'}', "\"}\"")(close)?;
    let content = content.strip_prefix(b"\r").unwrap_or(content);
    let (content, ()) = byte(b'\n', "CRLF")(content)?;
    if usize::try_from(len).map_or(true, |len| len > content.len()) {
        return if content.is_empty() {
            Ok((content, (len, true)))
        } else {
            fail(content, "a literal's bytes")
        };
    }
    let (content, rest) = content.split_at(len as usize);
    cx.uploads.push(cx.keep(content));
    Ok((rest, (len, false)))
}
