//! Parts: a message cut at its boundaries, without copying.

use bytes::Bytes;

use super::header::{Structured, split, values};

/// Deeper parts than these are taken as they are, without looking into them.
pub(super) const DEEPEST: usize = 48;

/// A message, or a part of one: its header and its body.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) header: Bytes,
    pub(super) body: Bytes,
    /// In lower case, `text/plain` if nothing is said.
    pub(super) media_type: String,
    pub(super) content_type: Structured,
}

impl Part {
    /// A message.
    pub(super) fn message(octets: &Bytes) -> Self {
        Self::new(octets, "text/plain")
    }

    /// A part whose type is this if it doesn't say another.
    fn new(octets: &Bytes, default: &str) -> Self {
        let (header, body) = split(octets);
        let content_type = values(&header, b"Content-Type").next().map(|value| Structured::parse(&value));
        let said =
            content_type.as_ref().map(|said| String::from_utf8_lossy(&said.value).to_ascii_lowercase());
        // What can't be read is plain text (RFC 2045 5.2).
        let media_type = said.map(|said| if is_type(&said) { said } else { "text/plain".to_owned() });
        Self {
            header,
            body,
            media_type: media_type.unwrap_or_else(|| default.to_owned()),
            content_type: content_type.unwrap_or_default(),
        }
    }

    pub(super) fn is_message(&self) -> bool {
        matches!(self.media_type.as_str(), "message/rfc822" | "message/global")
    }

    /// The message that this part holds.
    pub(super) fn held_message(&self) -> Option<Self> {
        self.is_message().then(|| Self::message(&self.body))
    }

    pub(super) fn is_multipart(&self) -> bool {
        self.boundary().is_some()
    }

    fn boundary(&self) -> Option<&[u8]> {
        let boundary = self.content_type.param(b"boundary").filter(|boundary| !boundary.is_empty());
        boundary.filter(|_| self.media_type.starts_with("multipart/"))
    }

    /// The parts of a multipart.
    pub(super) fn parts(&self) -> Vec<Self> {
        let Some(boundary) = self.boundary() else { return Vec::new() };
        let default = if self.media_type == "multipart/digest" { "message/rfc822" } else { "text/plain" };
        let mut bounds = Vec::new();
        let mut at = 0;
        for line in self.body.split_inclusive(|octet| *octet == b'\n') {
            let begin = at;
            at += line.len();
            let Some(rest) = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary)) else {
                continue;
            };
            let last = rest.starts_with(b"--");
            if last || rest.trim_ascii().is_empty() {
                bounds.push((begin, at));
            }
            if last {
                break;
            }
        }
        if !bounds.is_empty() && !is_closed(&self.body, boundary, &bounds) {
            // What isn't closed ends with the body.
            bounds.push((self.body.len(), self.body.len()));
        }
        let ranges = bounds.windows(2).map(|pair| (pair[0].1, pair[1].0));
        let parts = ranges.map(|(begin, end)| {
            // The line end before a boundary belongs to the boundary.
            let part = self.body.slice(begin.min(end)..end);
            let stripped = if end == self.body.len() { None } else { part.strip_suffix(b"\n") };
            let stripped = stripped.map(|part| part.strip_suffix(b"\r").unwrap_or(part));
            let len = stripped.map_or(part.len(), <[u8]>::len);
            Self::new(&part.slice(..len), default)
        });
        parts.collect()
    }

    /// The value of a field of its header.
    pub(super) fn field(&self, name: &[u8]) -> Option<Vec<u8>> {
        values(&self.header, name).next()
    }

    /// The body without its transfer encoding; `None` if that isn't known.
    pub(super) fn decoded(&self) -> Option<Bytes> {
        let encoding = self.field(b"Content-Transfer-Encoding").unwrap_or_default().to_ascii_lowercase();
        match encoding.as_slice() {
            b"" | b"7bit" | b"8bit" | b"binary" => Some(self.body.clone()),
            b"base64" => Some(base64(&self.body).into()),
            b"quoted-printable" => Some(quoted_printable(&self.body).into()),
            _ => None,
        }
    }
}

/// Whether the last boundary says that it is the last.
fn is_closed(body: &[u8], boundary: &[u8], bounds: &[(usize, usize)]) -> bool {
    let Some((begin, end)) = bounds.last() else { return false };
    body[*begin..*end].get(2 + boundary.len()..).is_some_and(|rest| rest.starts_with(b"--"))
}

fn is_type(text: &str) -> bool {
    let is_token = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|octet| octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&octet))
    };
    text.split_once('/').is_some_and(|(media_type, subtype)| is_token(media_type) && is_token(subtype))
}

/// What isn't of the alphabet is passed over, and a padding ends it (RFC 2045 6.8).
fn base64(encoded: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(encoded.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for octet in encoded {
        let value = match octet {
            b'A'..=b'Z' => octet - b'A',
            b'a'..=b'z' => octet - b'a' + 26,
            b'0'..=b'9' => octet - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => break,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            decoded.extend_from_slice(&bits.to_be_bytes()[1..]);
            (bits, count) = (0, 0);
        }
    }
    match count {
        2 => decoded.push((bits >> 4) as u8),
        3 => decoded.extend_from_slice(&((bits >> 2) as u16).to_be_bytes()),
        _ => {}
    }
    decoded
}

/// An `=` that nothing sensible follows stays what it is (RFC 2045 6.7).
fn quoted_printable(encoded: &[u8]) -> Vec<u8> {
    let hex = |octet: u8| char::from(octet).to_digit(16).map(|digit| digit as u8);
    let mut decoded = Vec::with_capacity(encoded.len());
    for line in encoded.split_inclusive(|octet| *octet == b'\n') {
        let text = line.trim_ascii_end();
        let end = &line[line
            .strip_suffix(b"\n")
            .map_or(line.len(), |line| line.strip_suffix(b"\r").unwrap_or(line).len())..];
        let (mut text, end) = match text.strip_suffix(b"=") {
            Some(text) => (text, &b""[..]),
            None => (text, end),
        };
        while let Some((octet, rest)) = text.split_first() {
            text = rest;
            match (octet, rest) {
                (b'=', [high, low, behind @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                    decoded.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                    text = behind;
                }
                _ => decoded.push(*octet),
            }
        }
        decoded.extend_from_slice(end);
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfer_encodings_are_taken_off() {
        for (encoded, decoded) in [
            ("", ""),
            ("aGk=", "hi"),
            ("aG\r\nk=\r\n", "hi"),
            ("aGVs\r\nbG8h", "hello!"),
            ("aGVsbG8", "hello"),
        ] {
            assert_eq!(base64(encoded.as_bytes()), decoded.as_bytes(), "{encoded}");
        }
        for (encoded, decoded) in [
            ("a=3Db =\r\nc  \r\nd", &b"a=b c\r\nd"[..]),
            ("=C3=A9\r\n", b"\xc3\xa9\r\n"),
            ("=zz =\n=", b"=zz "),
            ("=e9", b"\xe9"),
        ] {
            assert_eq!(
                quoted_printable(encoded.as_bytes()).escape_ascii().to_string(),
                decoded.escape_ascii().to_string(),
                "{encoded}"
            );
        }
    }

    #[test]
    fn a_multipart_that_isn_t_closed_ends_with_the_body() {
        let octets = Bytes::from_static(
            b"Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\n\ntwo\n",
        );
        let bodies: Vec<_> = Part::message(&octets).parts().into_iter().map(|part| part.body).collect();
        assert_eq!(bodies, ["one", "two\n"]);
    }
}
