//! Sections of a message: what `BODY[…]` asks for (RFC 9051 6.4.5.1), cut out of the message without copying.

use bytes::Bytes;
use mail_proto::imap::fetch::{Partial, Section, SectionText};

use super::header::{field_name, fields};
use super::part::Part;

/// What a section holds; `None` if the message has no such part.
pub(crate) fn section(message: &Bytes, section: &Section) -> Option<Bytes> {
    if section.part.is_empty() && section.text == SectionText::All {
        return Some(message.clone());
    }
    let found = find(message, &section.part)?;
    let of_message = || if section.part.is_empty() { Some(found.clone()) } else { found.held_message() };
    Some(match &section.text {
        SectionText::All => found.body,
        SectionText::Mime => found.header,
        SectionText::Header => of_message()?.header,
        SectionText::Text => of_message()?.body,
        SectionText::HeaderFields(names) => chosen(&of_message()?.header, names, true),
        SectionText::HeaderFieldsNot(names) => chosen(&of_message()?.header, names, false),
        _ => return None,
    })
}

/// What a part holds without its transfer encoding (RFC 3516), the message as a whole if there are no numbers.
pub(crate) fn binary(message: &Bytes, numbers: &[u32]) -> Option<Result<Bytes, UnknownEncoding>> {
    if numbers.is_empty() {
        return Some(Ok(message.clone()));
    }
    let found = find(message, numbers)?;
    Some(found.decoded().ok_or(UnknownEncoding))
}

/// The encoding of a part isn't one that can be taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnknownEncoding;

/// The piece of it that was asked for; nothing if it begins behind the end.
pub(crate) fn partial(content: &Bytes, partial: Partial) -> Bytes {
    let begin = usize::try_from(partial.offset).unwrap_or(usize::MAX).min(content.len());
    let end = begin.saturating_add(usize::try_from(partial.len).unwrap_or(usize::MAX)).min(content.len());
    content.slice(begin..end)
}

/// The part with these numbers.
fn find(message: &Bytes, numbers: &[u32]) -> Option<Part> {
    let mut part = Part::message(message);
    let mut is_message = true;
    for number in numbers {
        if !is_message && let Some(message) = part.held_message() {
            // The parts of a message within a message are counted as if it were the outermost.
            (part, is_message) = (message, true);
        }
        if part.is_multipart() {
            let index = usize::try_from(*number).ok()?.checked_sub(1)?;
            part = part.parts().into_iter().nth(index)?;
        } else if *number != 1 || !is_message {
            // A message that isn't multipart is its own part 1, which has no parts.
            return None;
        }
        is_message = false;
    }
    Some(part)
}

/// The fields of these names, or of all others, with an empty line behind them.
fn chosen(header: &[u8], names: &[Bytes], wanted: bool) -> Bytes {
    let mut found = Vec::new();
    for field in fields(header) {
        let named = names.iter().any(|name| field_name(field).eq_ignore_ascii_case(name));
        if named == wanted {
            found.extend_from_slice(field);
        }
    }
    found.extend_from_slice(b"\r\n");
    found.into()
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
