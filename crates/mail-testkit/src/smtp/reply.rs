//! Replies, written as they stand on the wire.

use mail_proto::smtp::{Limits, ParseOptions, Reply, ReplyCode, ReplyReader};

/// What a text is said under that can't be said.
const LOCAL_ERROR: ReplyCode = match ReplyCode::new(451) {
    Some(code) => code,
    None => panic!("a reply code"),
};

/// A reply of this text, which begins with its code: `550 5.1.1 no such user`.
pub(super) fn reply(text: impl AsRef<str>) -> Reply {
    let text = text.as_ref();
    read(text).unwrap_or_else(|| Reply::new(LOCAL_ERROR, text.escape_default().to_string()))
}

/// A reply of this text, with these codes before it if it begins with none.
pub(super) fn or_with_code(text: &str, codes: &str) -> Reply {
    let one_line = || text.replace('\r', "\\r").replace('\n', "\\n");
    read(text).unwrap_or_else(|| reply(format!("{codes} {}", one_line())))
}

fn read(text: &str) -> Option<Reply> {
    let mut reader = ReplyReader::new(Limits::default(), ParseOptions::STRICT);
    reader.buffer().extend_from_slice(text.as_bytes());
    reader.buffer().extend_from_slice(b"\r\n");
    let reply = reader.next_reply().ok()??.value;
    reader.is_at_reply().then_some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_what_was_written() {
        for text in ["250 2.1.0 fine", "250 fine", "354 go on", "421-4.7.0 one\r\n421 4.7.0 two"] {
            assert_eq!(reply(text).encode().unwrap(), format!("{text}\r\n"));
        }
    }

    #[test]
    fn a_text_without_a_code_gets_one() {
        for (text, written) in [
            ("550 5.1.1 nobody", "550 5.1.1 nobody\r\n"),
            ("not now", "451 4.3.0 not now\r\n"),
            ("7 of 9", "451 4.3.0 7 of 9\r\n"),
            ("250 a\r\n250 b", "451 4.3.0 250 a\\r\\n250 b\r\n"),
        ] {
            assert_eq!(or_with_code(text, "451 4.3.0").encode().unwrap(), written);
        }
    }
}
