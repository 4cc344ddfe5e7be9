//! CATENATE: a message that the server puts together from pieces it has and pieces it is sent (RFC 4469).

use bytes::Bytes;

use super::{
    content::content,
    encode::{EncodeError, Encoder},
    terminals::{Context, Parsing, astring, fail, keyword, spaces},
};

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatenatePart {
    /// A message, or a part of one, that the server has: its URL (RFC 5092), relative to the server mostly, as
    /// `/INBOX;UIDVALIDITY=785799047/;UID=113330/;SECTION=1.MIME`.
    Url(Bytes),
    /// Bytes that follow in a literal.
    Text {
        /// How many.
        len: u64,
    },
}

/// `cat-part *(SP cat-part) ")"`, `cat-part = "TEXT" SP literal / "URL" SP astring`. It may end with a literal that
/// follows the segment as a stream.
pub(super) fn parse<'a>(
    input: &'a [u8],
    parts: &mut Vec<CatenatePart>,
    cx: &mut Context<'a>,
) -> Parsing<'a, ()> {
    let mut rest = input;
    loop {
        if let Some(behind) = keyword(rest, "TEXT") {
            let len;
            (rest, (len, _)) = content(spaces(behind, cx)?.0, cx)?;
            parts.push(CatenatePart::Text { len });
            if rest.is_empty() {
                return Ok((rest, ()));
            }
        } else if let Some(behind) = keyword(rest, "URL") {
            let url;
            (rest, url) = astring(spaces(behind, cx)?.0, cx)?;
            parts.push(CatenatePart::Url(cx.bytes(url)));
        } else {
            return fail(rest, "TEXT or URL");
        }
        match rest.first() {
            Some(b')') => return Ok((&rest[1..], ())),
            _ => (rest, ()) = spaces(rest, cx)?,
        }
    }
}

pub(super) fn encode(parts: &[CatenatePart], out: &mut Encoder) {
    if parts.is_empty() {
        out.fail(EncodeError::Empty { what: "CATENATE" });
    }
    out.raw("CATENATE ").list(parts, |out, part| match part {
        CatenatePart::Url(url) => drop(out.raw("URL ").astring(url, "URL")),
        CatenatePart::Text { len } => drop(out.raw("TEXT ").upload(*len)),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::{
        AppendForm, AppendMessage, Command,
        command::TaggedCommand,
        encode::{EncodeOptions, Fragment},
        response::ParseOptions,
    };

    fn text(len: u64) -> CatenatePart {
        CatenatePart::Text { len }
    }

    #[test]
    fn texts_are_uploads_of_their_own() {
        let url = CatenatePart::Url("/Drafts;UID=20/;section=HEADER".into());
        let message = AppendMessage::catenate([url, text(3), text(5000)]);
        assert_eq!((message.form, message.len), (AppendForm::Catenate, 5003));
        let encoded = Command::append("Drafts", message).encode("a", EncodeOptions::default()).unwrap();
        let uploads = |fragment: &Fragment| matches!(fragment, Fragment::Upload { len: 3 | 5000 });
        assert_eq!(encoded.fragments.iter().filter(|fragment| uploads(fragment)).count(), 2);
        let wire =
            "a APPEND Drafts CATENATE (URL /Drafts;UID=20/;section=HEADER TEXT {3}\r\n TEXT {5000}\r\n)\r\n";
        assert_eq!(String::from_utf8(encoded.to_bytes()).unwrap(), wire);
        let none = Command::append("Drafts", AppendMessage::catenate([]));
        assert_eq!(none.encode("a", EncodeOptions::default()), Err(EncodeError::Empty { what: "CATENATE" }));
    }

    #[test]
    fn a_text_may_follow_as_a_stream() {
        let first = b"a APPEND x CATENATE (TEXT {2+}\r\nhi URL /y TEXT {70000+}\r\n";
        let command = TaggedCommand::parse(&first[..], ParseOptions::STRICT).unwrap().value;
        let Command::Append { messages, .. } = command.command else { panic!("an APPEND") };
        let url = || CatenatePart::Url("/y".into());
        assert_eq!(messages[0].parts, [text(2), url(), text(70_000)]);
        assert_eq!(command.uploads, ["hi"]);
        let more = |segment: &'static [u8]| {
            AppendMessage::parse_more(segment, AppendForm::Catenate, ParseOptions::STRICT)
                .map(|more| more.value)
        };
        let next = more(b" URL /y TEXT {1+}\r\n. TEXT {80000+}\r\n").unwrap();
        assert_eq!((next.parts, next.messages.len()), (vec![url(), text(1), text(80_000)], 0));
        assert_eq!(next.uploads, ["."]);
        let last = more(b") (\\Seen) {3+}\r\nabc\r\n").unwrap();
        assert_eq!((last.parts.len(), last.messages[0].len), (0, 3));
        assert_eq!(more(b")\r\n").unwrap().messages, []);
        for broken in [&b"\r\n"[..], b" \r\n", b" TEXT x)\r\n", b" URL /y\r\n"] {
            assert!(more(broken).is_err(), "{}", broken.escape_ascii());
        }
    }
}
