//! The header of a message or of a part: its fields and their values.

use bytes::Bytes;

/// The header with the empty line that ends it, and what comes behind.
pub(crate) fn split(message: &Bytes) -> (Bytes, Bytes) {
    let end = header_end(message);
    (message.slice(..end), message.slice(end..))
}

/// The value of a header field, unfolded, each time it occurs. NUL, which no string of IMAP can hold, is left out.
pub(crate) fn values<'a>(header: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + 'a {
    fields(header).filter(move |field| field_name(field).eq_ignore_ascii_case(name)).map(value_of)
}

/// The value of a field, unfolded.
pub(super) fn value_of(field: &[u8]) -> Vec<u8> {
    let value = field.splitn(2, |octet| *octet == b':').nth(1).unwrap_or_default();
    let unfolded: Vec<u8> = value.iter().copied().filter(|octet| !b"\r\n\0".contains(octet)).collect();
    unfolded.trim_ascii().to_vec()
}

/// Each field with its continuation lines.
pub(super) fn fields(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = header;
    std::iter::from_fn(move || {
        let mut end = line_len(rest);
        if rest[..end].trim_ascii().is_empty() {
            return None;
        }
        while matches!(rest.get(end), Some(b' ' | b'\t')) {
            end += line_len(&rest[end..]);
        }
        let (field, behind) = rest.split_at(end);
        rest = behind;
        Some(field)
    })
}

pub(super) fn field_name(field: &[u8]) -> &[u8] {
    field[..memchr::memchr(b':', field).unwrap_or(field.len())].trim_ascii_end()
}

fn header_end(message: &[u8]) -> usize {
    let mut at = 0;
    while at < message.len() {
        let len = line_len(&message[at..]);
        let line = &message[at..at + len];
        at += len;
        if line == b"\r\n" || line == b"\n" {
            break;
        }
    }
    at
}

fn line_len(text: &[u8]) -> usize {
    memchr::memchr(b'\n', text).map_or(text.len(), |at| at + 1)
}

/// The message ids in a field, without their brackets.
pub(crate) fn message_ids(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let pieces = value.split(|octet| *octet == b'<').skip(1);
    pieces.filter_map(|piece| Some(&piece[..memchr::memchr(b'>', piece)?])).filter(|id| !id.is_empty())
}

/// Ids are looked for so far into a message: each one is looked at when it is delivered, and may be all header.
const SEARCHED_FOR_IDS: usize = 64 * 1024;

/// The message's own id and those that it refers to.
pub(crate) fn related_ids(message: &Bytes) -> Vec<Vec<u8>> {
    let (header, _) = split(&message.slice(..message.len().min(SEARCHED_FOR_IDS)));
    let values = [&b"Message-ID"[..], b"In-Reply-To", b"References"].map(|name| values(&header, name).next());
    let values = values.iter().flatten();
    values.flat_map(|value| message_ids(value)).map(<[u8]>::to_vec).collect()
}

/// A field of the form `value; name=value; …`: Content-Type and Content-Disposition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Structured {
    pub(super) value: Vec<u8>,
    pub(super) params: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Structured {
    pub(super) fn parse(field: &[u8]) -> Self {
        let mut pieces = pieces(field).into_iter();
        let value = pieces.next().unwrap_or_default().trim_ascii().to_vec();
        let params = pieces.filter_map(|piece| {
            let at = piece.iter().position(|octet| *octet == b'=')?;
            let (name, value) = (piece[..at].trim_ascii(), piece[at + 1..].trim_ascii());
            (!name.is_empty()).then(|| (name.to_vec(), unquoted(value)))
        });
        Self { params: params.collect(), value }
    }

    pub(super) fn param(&self, name: &[u8]) -> Option<&[u8]> {
        let found = self.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }
}

/// What stands between the semicolons, quoted ones not counted, comments left out.
fn pieces(field: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces = vec![Vec::new()];
    let (mut quoted, mut depth, mut escaped) = (false, 0_u32, false);
    for octet in field {
        let last = pieces.len() - 1;
        if std::mem::take(&mut escaped) {
            if depth == 0 {
                pieces[last].push(*octet);
            }
            continue;
        }
        match octet {
            b'\\' if quoted || depth > 0 => {
                escaped = true;
                if depth == 0 {
                    pieces[last].push(*octet);
                }
            }
            b'"' if depth == 0 => {
                quoted = !quoted;
                pieces[last].push(*octet);
            }
            b'(' if !quoted => depth += 1,
            b')' if depth > 0 => depth -= 1,
            b';' if !quoted && depth == 0 => pieces.push(Vec::new()),
            octet if depth == 0 => pieces[last].push(*octet),
            _ => {}
        }
    }
    pieces
}

fn unquoted(value: &[u8]) -> Vec<u8> {
    let Some(inner) = value.strip_prefix(b"\"") else { return value.to_vec() };
    let mut text = Vec::with_capacity(inner.len());
    let mut octets = inner.iter();
    while let Some(octet) = octets.next() {
        match octet {
            b'"' => break,
            b'\\' => text.extend(octets.next()),
            octet => text.push(*octet),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_unquoted_and_comments_passed_over() {
        let parsed =
            Structured::parse(b"text/plain (a; b); charset=\"utf-\\\"8\" (c); name=a;x; =y; format=flowed");
        assert_eq!(parsed.value, b"text/plain");
        let params: Vec<_> =
            parsed.params.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
        let expected: [(&[u8], &[u8]); 3] =
            [(b"charset", b"utf-\"8"), (b"name", b"a"), (b"format", b"flowed")];
        assert_eq!(params, expected);
        assert_eq!(parsed.param(b"NAME"), Some(&b"a"[..]));
    }

    #[test]
    fn fields_are_unfolded() {
        let header = b"A: one\r\n two\r\nB:three\r\nno colon\r\n\r\nA: body";
        assert_eq!(values(header, b"a").collect::<Vec<_>>(), [b"one two".to_vec()]);
        assert_eq!(values(header, b"B").next().unwrap(), b"three");
        assert_eq!(values(header, b"C").next(), None);
    }
}
