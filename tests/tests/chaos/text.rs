//! What messages say: their number decides it, so that all of it can be told from the first line.

use super::random::Random;

/// The text of a message, with lines that a client may take for something else.
pub(crate) fn message(number: u64) -> Vec<u8> {
    let mut random = Random::new(0, number);
    let lens = match random.within(0..60) {
        0 => 200_000..1_500_000,
        1..15 => 0..200,
        15..45 => 200..4_000,
        _ => 4_000..40_000,
    };
    let len = random.within(lens) as usize;
    let mut text = format!("Subject: chaos {number}.\r\nFrom: a@example.org\r\n\r\n").into_bytes();
    let end = text.len() + len;
    while text.len() < end {
        let line = random.next();
        // No line break that stands alone, which SMTP can't carry.
        text.extend_from_slice(
            &line.to_le_bytes().map(|byte| if byte | 1 == b'\r' { b'!' } else { byte | 1 }),
        );
        text.extend_from_slice(
            format!("{line:x}\r\n* 1 EXISTS\r\n)\r\n.\r\n..\r\n.QUIT\r\na1 OK\r\n").as_bytes(),
        );
    }
    text
}

/// The number of a message with this text; nothing if there is no such message.
pub(crate) fn number_of(text: &[u8]) -> Option<u64> {
    let rest = text.strip_prefix(b"Subject: chaos ")?;
    let digits = &rest[..rest.iter().position(|byte| *byte == b'.')?];
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (message(number) == text).then_some(number)
}

/// How what isn't a message begins, for people.
pub(crate) fn shown(text: &[u8]) -> String {
    format!("{} bytes, {:?}", text.len(), String::from_utf8_lossy(&text[..text.len().min(60)]))
}
