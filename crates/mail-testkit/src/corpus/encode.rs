//! The encodings of mail: RFC 2047 words, RFC 2231 parameters, quoted-printable, base64.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::random::Random;

/// The text as encoded words (RFC 2047) with spaces between; as it is if it is ASCII.
pub(super) fn words(text: &str, random: &mut Random) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let base64 = random.percent(50);
    let mut words: Vec<String> = Vec::new();
    let mut chunk = String::new();
    // An encoded word has at most 75 octets, and no character may be cut in two.
    for c in text.chars() {
        if chunk.len() + c.len_utf8() > if base64 { 45 } else { 20 } {
            words.push(word(&chunk, base64));
            chunk.clear();
        }
        chunk.push(c);
    }
    words.push(word(&chunk, base64));
    words.join(" ")
}

fn word(text: &str, base64: bool) -> String {
    if base64 {
        return format!("=?UTF-8?B?{}?=", STANDARD.encode(text));
    }
    let mut word = String::from("=?UTF-8?Q?");
    for octet in text.bytes() {
        match octet {
            b' ' => word.push('_'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => word.push(char::from(octet)),
            _ => drop(write!(word, "={octet:02X}")),
        }
    }
    word.push_str("?=");
    word
}

/// A display name as a phrase: as it is, quoted, or encoded.
pub(super) fn phrase(name: &str, random: &mut Random) -> String {
    if !name.is_ascii() {
        return words(name, random);
    }
    if name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b' ') {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A parameter with its value: quoted, or in RFC 2231's form.
pub(super) fn parameter(name: &str, value: &str) -> String {
    if value.is_ascii() {
        return format!("{name}=\"{value}\"");
    }
    let mut parameter = format!("{name}*=UTF-8''");
    for octet in value.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' => parameter.push(char::from(octet)),
            _ => drop(write!(parameter, "%{octet:02X}")),
        }
    }
    parameter
}

/// Lines of text, each ended by CRLF, as quoted-printable (RFC 2045 6.7).
pub(super) fn quoted_printable(out: &mut Vec<u8>, text: &[u8]) {
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\r\n").unwrap_or(line);
        let mut column = 0;
        for (at, octet) in line.iter().copied().enumerate() {
            let last = at + 1 == line.len();
            let plain = matches!(octet, b'!'..=b'<' | b'>'..=b'~') || octet == b' ' && !last;
            let width = if plain { 1 } else { 3 };
            if column + width > 75 {
                out.extend_from_slice(b"=\r\n");
                column = 0;
            }
            if plain {
                out.push(octet);
            } else {
                out.extend_from_slice(format!("={octet:02X}").as_bytes());
            }
            column += width;
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// About `room` octets of base64 in lines of 76: `magic`, then noise.
pub(super) fn attachment(out: &mut Vec<u8>, magic: &[u8], room: usize, random: &mut Random) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const LINE: usize = 76;
    // The noise of compressed files is the same in either alphabet, so it is drawn in base64 at once.
    let whole = &magic[..magic.len() - magic.len() % 3];
    let mut start = STANDARD.encode(whole).into_bytes();
    start.truncate(LINE);
    for line in 0..(room / (LINE + 2)).max(1) {
        let begin = out.len();
        if line == 0 {
            out.extend_from_slice(&start);
        }
        while out.len() < begin + LINE {
            let mut bits = random.next();
            for _ in 0..(begin + LINE - out.len()).min(10) {
                out.push(ALPHABET[(bits & 63) as usize]);
                bits >>= 6;
            }
        }
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_printable_lines_are_short_and_ascii() {
        let mut out = Vec::new();
        quoted_printable(&mut out, "größer = besser, ".repeat(20).as_bytes());
        for line in out.split(|octet| *octet == b'\n') {
            assert!(line.len() <= 77, "{}", line.len());
            assert!(line.is_ascii());
        }
        let mut out = Vec::new();
        quoted_printable(&mut out, b"a=b \r\n.\r\n");
        assert_eq!(out, b"a=3Db=20\r\n.\r\n");
    }

    #[test]
    fn attachments_are_base64() {
        let mut out = Vec::new();
        attachment(&mut out, b"%PDF-1.7\n", 1000, &mut Random::new(1));
        let joined: Vec<u8> = out.iter().copied().filter(|octet| !b"\r\n".contains(octet)).collect();
        let decoded = STANDARD.decode(joined).unwrap();
        assert!(decoded.starts_with(b"%PDF-1.7\n"));
        assert!((900..=1000).contains(&out.len()), "{}", out.len());
    }
}
