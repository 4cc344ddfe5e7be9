//! Sections of a message: what `BODY[…]` asks for (RFC 9051 6.4.5.1), cut out of the message without copying.

use bytes::Bytes;
use mail_proto::imap::fetch::{Partial, Section, SectionText};

/// What a section holds; `None` if the message has no such part.
pub(super) fn section(message: &Bytes, section: &Section) -> Option<Bytes> {
    let part = find(message, &section.part)?;
    Some(match &section.text {
        SectionText::All if section.part.is_empty() => message.clone(),
        SectionText::All => part.body,
        SectionText::Mime => part.header,
        SectionText::Header => part.message()?.header,
        SectionText::Text => part.message()?.body,
        SectionText::HeaderFields(names) => fields(&part.message()?.header, names, true),
        SectionText::HeaderFieldsNot(names) => fields(&part.message()?.header, names, false),
        _ => return None,
    })
}

/// The piece of it that was asked for; nothing if it begins behind the end.
pub(super) fn partial(content: &Bytes, partial: Partial) -> Bytes {
    let begin = usize::try_from(partial.offset).unwrap_or(usize::MAX).min(content.len());
    let end = begin.saturating_add(usize::try_from(partial.len).unwrap_or(usize::MAX)).min(content.len());
    content.slice(begin..end)
}

/// The value of a header field, unfolded, each time it occurs.
pub(super) fn values<'a>(header: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + 'a {
    header_fields(header).filter(move |field| field_name(field).eq_ignore_ascii_case(name)).map(|field| {
        let value = field.splitn(2, |octet| *octet == b':').nth(1).unwrap_or_default();
        let unfolded: Vec<u8> = value.iter().copied().filter(|octet| !b"\r\n".contains(octet)).collect();
        unfolded.trim_ascii().to_vec()
    })
}

/// The header with the empty line that ends it, and what comes behind.
pub(super) fn split(message: &Bytes) -> (Bytes, Bytes) {
    let end = header_end(message);
    (message.slice(..end), message.slice(end..))
}

/// A message, or a part of one: its header and its body.
#[derive(Clone)]
struct Entity {
    header: Bytes,
    body: Bytes,
    /// It is the message that was fetched itself.
    outermost: bool,
}

impl Entity {
    fn new(octets: &Bytes, outermost: bool) -> Self {
        let (header, body) = split(octets);
        Self { header, body, outermost }
    }

    /// The message that this is, or that this part holds.
    fn message(self) -> Option<Self> {
        if self.outermost {
            return Some(self);
        }
        self.is("message/rfc822").then(|| Self::new(&self.body, false))
    }

    fn is(&self, kind: &str) -> bool {
        self.content_type().is_some_and(|value| starts_with(&value, kind.as_bytes()))
    }

    fn content_type(&self) -> Option<Vec<u8>> {
        values(&self.header, b"Content-Type").next()
    }

    fn boundary(&self) -> Option<Vec<u8>> {
        let value = self.content_type().filter(|value| starts_with(value, b"multipart/"))?;
        parameter(&value, b"boundary")
    }
}

/// The part with these numbers.
fn find(message: &Bytes, numbers: &[u32]) -> Option<Entity> {
    let mut entity = Entity::new(message, true);
    for number in numbers {
        // The parts of a message within a message are counted as if it were the outermost.
        let is_message = entity.outermost || entity.is("message/rfc822");
        if !entity.outermost && is_message {
            entity = Entity::new(&entity.body, false);
        }
        entity = match entity.boundary() {
            Some(boundary) => {
                let index = usize::try_from(*number).ok()?.checked_sub(1)?;
                Entity::new(&parts(&entity.body, &boundary).nth(index)?, false)
            }
            // A message that isn't multipart is its own part 1, which has no parts.
            None if *number == 1 && is_message => Entity { outermost: false, ..entity },
            None => return None,
        };
    }
    Some(entity)
}

/// The body parts between the lines that have the boundary.
fn parts(body: &Bytes, boundary: &[u8]) -> impl Iterator<Item = Bytes> {
    let mut bounds = Vec::new();
    let mut at = 0;
    for line in body.split_inclusive(|octet| *octet == b'\n') {
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
    let ranges: Vec<_> = bounds.windows(2).map(|pair| (pair[0].1, pair[1].0)).collect();
    ranges.into_iter().map(|(begin, end)| {
        // The line end before a boundary belongs to the boundary.
        let part = body.slice(begin..end);
        let len =
            part.strip_suffix(b"\r\n").or_else(|| part.strip_suffix(b"\n")).map_or(part.len(), <[u8]>::len);
        part.slice(..len)
    })
}

/// The fields of these names, or of all others, with an empty line behind them.
fn fields(header: &[u8], names: &[Bytes], wanted: bool) -> Bytes {
    let mut found = Vec::new();
    for field in header_fields(header) {
        let named = names.iter().any(|name| field_name(field).eq_ignore_ascii_case(name));
        if named == wanted {
            found.extend_from_slice(field);
        }
    }
    found.extend_from_slice(b"\r\n");
    found.into()
}

/// Each field with its continuation lines.
fn header_fields(header: &[u8]) -> impl Iterator<Item = &[u8]> {
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

fn field_name(field: &[u8]) -> &[u8] {
    field.split(|octet| *octet == b':').next().unwrap_or_default().trim_ascii_end()
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
    text.iter().position(|octet| *octet == b'\n').map_or(text.len(), |at| at + 1)
}

fn starts_with(text: &[u8], head: &[u8]) -> bool {
    text.get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(head))
}

/// A parameter of a structured field, without its quotes.
fn parameter(value: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut quoted = false;
    let ends = |octet: &u8| {
        quoted ^= *octet == b'"';
        !quoted && *octet == b';'
    };
    value.split(ends).skip(1).find_map(|parameter| {
        let parameter = parameter.trim_ascii();
        let (key, value) = parameter.split_at(parameter.iter().position(|octet| *octet == b'=')?);
        let value = value[1..].trim_ascii();
        let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        key.trim_ascii().eq_ignore_ascii_case(name).then(|| unquoted.to_vec())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NESTED: &[u8] = b"From: a\r\nSubject: two\r\n lines\r\nContent-Type: multipart/mixed;\r\n boundary=\"=b;1\"\r\n\
        \r\npreamble\r\n--=b;1\r\n\r\nfirst\r\n--=b;1\r\nContent-Type: message/rfc822\r\n\r\n\
        Subject: inner\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n\r\nplain\r\n--x\r\nX-A: b\r\n\r\n\
        rich\r\n--x--\r\n\r\n--=b;1--\r\nepilogue\r\n";

    fn get(message: &'static [u8], part: &[u32], text: SectionText) -> Option<String> {
        let wanted = Section { part: part.to_vec(), text };
        section(&Bytes::from_static(message), &wanted)
            .map(|found| String::from_utf8_lossy(&found).into_owned())
    }

    #[test]
    fn header_and_text_are_the_whole() {
        let header = get(NESTED, &[], SectionText::Header).unwrap();
        let text = get(NESTED, &[], SectionText::Text).unwrap();
        assert!(header.ends_with("\r\n\r\n") && text.starts_with("preamble"));
        assert_eq!(format!("{header}{text}").as_bytes(), NESTED);
        assert_eq!(get(NESTED, &[], SectionText::All).unwrap().as_bytes(), NESTED);
    }

    #[test]
    fn some_fields_or_all_the_others() {
        let names = vec![Bytes::from_static(b"subject"), Bytes::from_static(b"x-none")];
        assert_eq!(
            get(NESTED, &[], SectionText::HeaderFields(names.clone())).unwrap(),
            "Subject: two\r\n lines\r\n\r\n"
        );
        let others = get(NESTED, &[], SectionText::HeaderFieldsNot(names)).unwrap();
        assert!(others.starts_with("From: a\r\nContent-Type:") && others.ends_with("\r\n\r\n"));
    }

    #[test]
    fn parts_are_found_through_messages_within() {
        assert_eq!(get(NESTED, &[2, 2], SectionText::All).unwrap(), "rich");
        assert_eq!(get(NESTED, &[2, 2], SectionText::Mime).unwrap(), "X-A: b\r\n\r\n");
        assert_eq!(get(NESTED, &[2, 1], SectionText::All).unwrap(), "plain");
        assert!(get(NESTED, &[2], SectionText::Header).unwrap().starts_with("Subject: inner"));
        assert!(get(NESTED, &[2], SectionText::Text).unwrap().starts_with("--x"));
        assert_eq!(get(NESTED, &[3], SectionText::All), None);
        assert_eq!(get(NESTED, &[1], SectionText::Header), None, "not a message");
    }

    #[test]
    fn a_message_without_parts_is_its_own_part_1() {
        assert_eq!(get(b"Subject: x\r\n\r\nbody", &[1], SectionText::All).unwrap(), "body");
        assert_eq!(get(b"Subject: x\r\n\r\nbody", &[2], SectionText::All), None);
        assert_eq!(get(b"Subject: x\r\n\r\nbody", &[1, 1], SectionText::All), None);
        assert_eq!(get(b"", &[], SectionText::Text).unwrap(), "");
        assert_eq!(get(b"no header end", &[], SectionText::Header).unwrap(), "no header end");
    }

    #[test]
    fn a_partial_is_cut_at_the_end() {
        let content = Bytes::from_static(b"0123456789");
        let cut = |offset, len| partial(&content, Partial { offset, len });
        assert_eq!(cut(2, 3), "234");
        assert_eq!(cut(8, 9), "89");
        assert_eq!(cut(10, 1), "");
        assert_eq!(cut(u32::MAX, u32::MAX), "");
    }
}
