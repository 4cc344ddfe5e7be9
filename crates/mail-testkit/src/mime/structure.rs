//! BODYSTRUCTURE, from the message itself (RFC 9051 7.5.2).

use bytes::Bytes;
use mail_proto::imap::{BodyStructureBuf, ContentBuf, DispositionBuf};

use super::envelope::envelope;
use super::header::Structured;
use super::part::{DEEPEST, Part};

pub(crate) fn structure(message: &Bytes) -> BodyStructureBuf {
    of(&Part::message(message), 1)
}

fn of(part: &Part, depth: usize) -> BodyStructureBuf {
    let (media_type, subtype) = part.media_type.split_once('/').unwrap_or(("text", "plain"));
    let (media_type, subtype) = (Bytes::from(media_type.to_owned()), Bytes::from(subtype.to_owned()));
    let mut params = params(&part.content_type);
    let content = if part.is_multipart() && depth < DEEPEST {
        let parts = part.parts();
        ContentBuf::Multipart(parts.iter().map(|part| of(part, depth + 1)).collect())
    } else {
        let is_text = media_type == "text";
        if is_text && part.content_type.param(b"charset").is_none() {
            // What isn't said is told (RFC 2045 5.2).
            params.push((Bytes::from_static(b"charset"), Some(Bytes::from_static(b"us-ascii"))));
        }
        let message = part
            .held_message()
            .filter(|_| depth < DEEPEST)
            .map(|message| Box::new((envelope(&message.header), Some(of(&message, depth + 1)))));
        let text = |name: &[u8]| part.field(name).map(Bytes::from);
        let encoding = text(b"Content-Transfer-Encoding").filter(|encoding| !encoding.is_empty());
        ContentBuf::Single {
            id: text(b"Content-ID"),
            description: text(b"Content-Description"),
            encoding: Some(encoding.unwrap_or_else(|| Bytes::from_static(b"7bit"))),
            octets: Some(part.body.len() as u64),
            lines: (is_text || message.is_some()).then(|| lines(&part.body)),
            md5: text(b"Content-MD5"),
            message,
            media_type,
        }
    };
    let disposition = part.field(b"Content-Disposition").map(|value| Structured::parse(&value));
    let languages = part.field(b"Content-Language").unwrap_or_default();
    let languages = languages.split(|octet| *octet == b',').map(<[u8]>::trim_ascii);
    BodyStructureBuf {
        content,
        subtype,
        params,
        disposition: disposition.map(|disposition| DispositionBuf {
            params: self::params(&disposition),
            kind: disposition.value.into(),
        }),
        languages: languages.filter(|language| !language.is_empty()).map(Bytes::copy_from_slice).collect(),
        location: part.field(b"Content-Location").map(Bytes::from),
    }
}

fn params(field: &Structured) -> Vec<(Bytes, Option<Bytes>)> {
    let bytes = |text: &[u8]| Bytes::copy_from_slice(text);
    field.params.iter().map(|(name, value)| (bytes(name), Some(bytes(value)))).collect()
}

/// A last line without an end counts as well.
fn lines(body: &[u8]) -> u64 {
    let ends = memchr::memchr_iter(b'\n', body).count() as u64;
    ends + u64::from(body.last().is_some_and(|last| *last != b'\n'))
}

#[cfg(test)]
mod tests {
    use mail_proto::imap::fetch::Fetch;

    use super::*;

    fn written(message: &str) -> String {
        let structure = structure(&Bytes::copy_from_slice(message.as_bytes()));
        let wire = Fetch::build(1).body_structure(&structure).encode().unwrap().to_bytes();
        let wire = String::from_utf8(wire).unwrap();
        wire.trim_start_matches("* 1 FETCH (BODYSTRUCTURE ").trim_end_matches(")\r\n").to_owned()
    }

    #[test]
    fn a_plain_text_says_what_its_header_does_not() {
        assert_eq!(
            written("Subject: x\r\n\r\none\r\ntwo"),
            "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 8 2 NIL NIL NIL NIL)"
        );
        assert_eq!(
            written("Content-Type: nonsense\r\n\r\n"),
            "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL)"
        );
    }

    #[test]
    fn parts_and_messages_within_are_told() {
        let message = "Content-Type: multipart/mixed; boundary=\"b b\"\r\n\r\n--b b\r\n\
            Content-Type: text/html; charset=utf-8\r\nContent-Language: de, en\r\n\r\n<p>\r\n--b b\r\n\
            Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=\"a.eml\"\r\n\r\n\
            Subject: inner\r\nFrom: a@b\r\n\r\nhi\r\n--b b--\r\n";
        assert_eq!(
            written(message),
            "((\"text\" \"html\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 3 1 NIL NIL (\"de\" \"en\") NIL)\
            (\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 31 (NIL \"inner\" ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) \
            ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL) (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 2 1 NIL \
            NIL NIL NIL) 4 NIL (\"attachment\" (\"filename\" \"a.eml\")) NIL NIL) \"mixed\" (\"boundary\" \"b b\") NIL NIL NIL)"
        );
    }

    #[test]
    fn a_deep_message_is_written_all_the_same() {
        let deep = (0..500)
            .fold("end".to_owned(), |inner, _| format!("Content-Type: message/rfc822\r\n\r\n{inner}"));
        assert!(written(&deep).starts_with("(\"message\" \"rfc822\""));
    }
}
