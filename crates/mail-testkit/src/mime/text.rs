//! What a person reads: header fields and bodies decoded to UTF-8, for searches and previews.

use std::borrow::Cow;

use bytes::Bytes;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::html::html_to_text;
use mail_parser::parsers::MessageStream;

use super::header::{field_name, fields, value_of};
use super::part::{DEEPEST, Part};

/// What PREVIEW tells at most, in characters (RFC 8970 section 3.1).
const PREVIEW: usize = 200;

/// The value of a header field with its encoded words decoded (RFC 2047).
pub(crate) fn decoded(value: &[u8]) -> String {
    if memchr::memmem::find(value, b"=?").is_none() {
        return String::from_utf8_lossy(value).into_owned();
    }
    // The parser reads up to the end of a line.
    let line = [value, b"\r\n"].concat();
    match MessageStream::new(&line).parse_unstructured().as_text() {
        Some(text) => text.to_owned(),
        None => String::from_utf8_lossy(value).into_owned(),
    }
}

/// A header with its fields decoded, one a line.
pub(crate) fn header_text(header: &[u8]) -> String {
    let mut text = String::with_capacity(header.len());
    for field in fields(header) {
        text.push_str(&String::from_utf8_lossy(field_name(field)));
        text.push_str(": ");
        text.push_str(&decoded(&value_of(field)));
        text.push('\n');
    }
    text
}

/// All that a search in a BODY looks through (RFC 9051 6.4.4): the texts of the parts, decoded, and the headers of the
/// parts and of messages within.
pub(crate) fn searched(message: &Bytes) -> String {
    let mut text = String::new();
    gather(&Part::message(message), 1, &mut text);
    text
}

fn gather(part: &Part, depth: usize, text: &mut String) {
    if depth > DEEPEST {
        return;
    }
    if part.is_multipart() {
        for part in part.parts() {
            text.push_str(&header_text(&part.header));
            gather(&part, depth + 1, text);
        }
    } else if let Some(message) = part.held_message() {
        text.push_str(&header_text(&message.header));
        gather(&message, depth + 1, text);
    } else if part.media_type.starts_with("text/") {
        text.push_str(&readable(part));
    } else {
        text.push_str(&String::from_utf8_lossy(&part.body));
    }
    text.push('\n');
}

/// The text of a part, out of its transfer encoding and its charset.
fn readable(part: &Part) -> String {
    let octets = part.decoded().unwrap_or_else(|| part.body.clone());
    let charset = part.content_type.param(b"charset").unwrap_or(b"utf-8");
    match charset_decoder(charset) {
        Some(decode) => decode(&octets),
        None => String::from_utf8_lossy(&octets).into_owned(),
    }
}

/// The beginning of the first text, its white space evened out; none if the message has no text.
pub(crate) fn preview(message: &Bytes) -> Option<String> {
    let part = first_text(Part::message(message), 1)?;
    let text = readable(&part);
    let text = if part.media_type == "text/html" {
        Cow::Owned(html_to_text(&text))
    } else {
        Cow::Borrowed(text.as_str())
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    Some(words.join(" ").chars().filter(|sign| *sign != '\0').take(PREVIEW).collect())
}

fn first_text(part: Part, depth: usize) -> Option<Part> {
    if depth > DEEPEST {
        return None;
    }
    if part.is_multipart() {
        return part.parts().into_iter().find_map(|part| first_text(part, depth + 1));
    }
    part.media_type.starts_with("text/").then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: &str = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: image/png\r\n\r\nxyz\r\n\
        --b\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        <p>Gr=FC=DFe</p><p>aus K=F6ln</p>\r\n--b--\r\n";

    #[test]
    fn texts_are_decoded() {
        assert_eq!(decoded(b"plain"), "plain");
        assert_eq!(decoded(b"=?iso-8859-1?q?Gr=FC=DFe?= aus =?utf-8?b?S8O2bG4=?="), "Grüße aus Köln");
        let text = searched(&Bytes::from_static(MIXED.as_bytes()));
        assert!(text.contains("Grüße") && text.contains("image/png") && text.contains("xyz"), "{text}");
    }

    #[test]
    fn a_preview_is_the_first_text_in_one_line() {
        assert_eq!(preview(&Bytes::from_static(MIXED.as_bytes())).unwrap(), "Grüße aus Köln");
        assert_eq!(preview(&Bytes::from_static(b"Content-Type: image/png\r\n\r\nx")), None);
        assert_eq!(preview(&Bytes::from_static(b"A: b\r\n\r\n")).unwrap(), "");
        let long = Bytes::from(format!("\r\n{}", "é ".repeat(500)));
        assert_eq!(preview(&long).unwrap().chars().count(), 200);
    }
}
