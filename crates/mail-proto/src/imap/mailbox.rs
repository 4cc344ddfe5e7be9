//! Mailbox names: bytes first, with modified UTF-7 (RFC 3501 section 5.1.3) and UTF-8 as ways to look at them.

use std::{borrow::Cow, fmt};

use base64::{
    Engine,
    alphabet::Alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;

use super::{
    encode::Encoder,
    terminals::{Context, Parsing, astring},
};

/// The name of a mailbox as the server spells it.
///
/// `INBOX` is the same in any case and kept in capitals; all other names are compared byte for byte. Servers send
/// 8-bit bytes, broken modified UTF-7 and worse, so a name is bytes, and [`Display`](fmt::Display) is for people.
///
/// The bytes are modified UTF-7 also where UTF-8 is switched on and the wire has UTF-8, so that a mailbox has one name on
/// all connections. They are turned into UTF-8 as they are written, and back as they are read
/// ([`Response::names_from_utf8`](super::response::Response::names_from_utf8)).
///
/// ```
/// use mail_proto::imap::MailboxName;
///
/// let name = MailboxName::new("Entwürfe & 日本");
/// assert_eq!(name.as_bytes(), b"Entw&APw-rfe &- &ZeVnLA-");
/// assert_eq!(name.to_string(), "Entwürfe & 日本");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailboxName(Bytes);

impl MailboxName {
    /// The name for this text, in modified UTF-7.
    pub fn new(text: &str) -> Self {
        Self::from_wire(encode_utf7(text))
    }

    /// The name with these bytes on the wire, as a server listed it that speaks modified UTF-7.
    pub fn from_wire(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.eq_ignore_ascii_case(b"INBOX") { Self::inbox() } else { Self(bytes) }
    }

    /// `INBOX`
    pub fn inbox() -> Self {
        Self(Bytes::from_static(b"INBOX"))
    }

    /// Whether this is the inbox.
    pub fn is_inbox(&self) -> bool {
        self.0 == "INBOX"
    }

    /// The name with these bytes on the wire, as a server listed it after UTF-8 was switched on.
    pub fn from_utf8_wire(bytes: impl Into<Bytes>) -> Self {
        Self::from_wire(utf7_of_utf8(&bytes.into()))
    }

    /// The bytes as on the wire, before quoting, in modified UTF-7.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text of a name in modified UTF-7, or of one in plain UTF-8; `None` if the bytes are neither.
    pub fn to_text(&self) -> Option<String> {
        decode_utf7(&self.0)
            .or_else(|| std::str::from_utf8(&self.0).ok().filter(|text| !text.is_ascii()).map(str::to_owned))
    }

    pub(crate) fn parse<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, Self> {
        let (rest, span) = astring(input, cx)?;
        Ok((rest, Self::from_wire(cx.bytes(span))))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        let name = on_wire(&self.0, out);
        out.astring(&name, "mailbox name");
    }

    /// Takes the bytes, which were read as modified UTF-7, as UTF-8.
    pub(crate) fn take_as_utf8(&mut self) {
        self.0 = utf7_of_utf8(&self.0);
    }
}

impl From<&str> for MailboxName {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for MailboxName {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl From<&String> for MailboxName {
    fn from(text: &String) -> Self {
        Self::new(text)
    }
}

impl From<&Self> for MailboxName {
    fn from(name: &Self) -> Self {
        name.clone()
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_text() {
            Some(text) => f.write_str(&text),
            None => f.write_str(&String::from_utf8_lossy(&self.0)),
        }
    }
}

impl fmt::Debug for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailboxName(\"{}\")", self.0.escape_ascii())
    }
}

/// A name, a part of one, or a pattern, as it goes over the wire: UTF-8 where that is switched on. What isn't modified
/// UTF-7 stays as it is.
pub(crate) fn on_wire<'a>(name: &'a [u8], out: &Encoder) -> Cow<'a, [u8]> {
    if !out.is_utf8() || is_the_same(name) {
        return name.into();
    }
    decode_utf7(name).map_or_else(|| name.into(), |text| text.into_bytes().into())
}

/// The modified UTF-7 of a name in UTF-8. What isn't UTF-8 stays as it is.
pub(crate) fn utf7_of_utf8(name: &Bytes) -> Bytes {
    match std::str::from_utf8(name) {
        Ok(text) if !is_the_same(name) => encode_utf7(text).into(),
        _ => name.clone(),
    }
}

/// Whether modified UTF-7 and UTF-8 are the same.
fn is_the_same(name: &[u8]) -> bool {
    name.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b'&')
}

/// Base64 of RFC 3501 5.1.3: `,` for `/`, no padding.
fn base64() -> GeneralPurpose {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
    const ALPHABET: Alphabet = match Alphabet::new(LETTERS) {
        Ok(alphabet) => alphabet,
        Err(_) => panic!("the alphabet has 64 letters"),
    };
    let config = GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone);
    GeneralPurpose::new(&ALPHABET, config)
}

fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~')
}

fn encode_utf7(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if is_plain(c) {
            out.push(c as u8);
            if c == '&' {
                out.push(b'-');
            }
            rest = &rest[1..];
        } else {
            let len = rest.find(is_plain).unwrap_or(rest.len());
            let utf16: Vec<u8> = rest[..len].encode_utf16().flat_map(u16::to_be_bytes).collect();
            out.push(b'&');
            out.extend_from_slice(base64().encode(utf16).as_bytes());
            out.push(b'-');
            rest = &rest[len..];
        }
    }
    out
}

fn decode_utf7(wire: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((byte, behind)) = rest.split_first() {
        match byte {
            b'&' => {
                let len = memchr::memchr(b'-', behind)?;
                if len == 0 {
                    out.push('&');
                } else {
                    let utf16 = base64().decode(&behind[..len]).ok()?;
                    if utf16.len() % 2 != 0 {
                        return None;
                    }
                    let units = utf16.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                    for c in char::decode_utf16(units) {
                        out.push(c.ok()?);
                    }
                }
                rest = &behind[len + 1..];
            }
            b' '..=b'~' => {
                out.push(char::from(*byte));
                rest = behind;
            }
            _ => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn modified_utf7_both_ways() {
        for (text, wire) in [
            ("INBOX", "INBOX"),
            ("é", "&AOk-"),
            ("日本", "&ZeVnLA-"),
            ("a&b", "a&-b"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("😀", "&2D3eAA-"),
        ] {
            assert_eq!(MailboxName::new(text).as_bytes(), wire.as_bytes());
            assert_eq!(MailboxName::from_wire(wire.as_bytes()).to_text().as_deref(), Some(text));
        }
    }

    #[test]
    fn names_in_utf8_are_the_same_names() {
        for (utf8, utf7) in [("a", "a"), ("é", "&AOk-"), ("&", "&-"), ("a&b", "a&-b"), ("&&", "&-&-")] {
            assert_eq!(MailboxName::from_utf8_wire(utf8).as_bytes(), utf7.as_bytes());
        }
        assert_eq!(
            MailboxName::from_utf8_wire(&b"\xff&"[..]).as_bytes(),
            b"\xff&",
            "what isn't UTF-8 stays as it is"
        );
    }

    #[test]
    fn a_name_is_shown_as_text_and_to_developers_as_on_the_wire() {
        let name = MailboxName::new("é");
        assert_eq!(
            (name.to_string(), format!("{name:?}")),
            ("é".to_owned(), "MailboxName(\"&AOk-\")".to_owned())
        );
        assert_eq!(MailboxName::from_wire(&b"&A-"[..]).to_string(), "&A-");
        assert!(MailboxName::new("iNbOx").is_inbox() && !MailboxName::new("INBOX/a").is_inbox());
    }

    #[test]
    fn broken_names_stay_what_they_are() {
        for wire in [&b"&"[..], b"&AOk", b"&A-", b"&2D0-", b"\xff\xfe", b"a\x01"] {
            let name = MailboxName::from_wire(wire);
            assert_eq!(name.to_text(), None, "{name:?}");
            assert_eq!(name.as_bytes(), wire);
        }
        assert_eq!(MailboxName::from_wire("é".as_bytes()).to_text().as_deref(), Some("é"));
    }

    #[test]
    fn the_inbox_has_no_case() {
        assert_eq!(MailboxName::new("inBox"), MailboxName::inbox());
        assert_ne!(MailboxName::new("work"), MailboxName::new("Work"));
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "\\PC*") {
            let name = MailboxName::new(&text);
            prop_assume!(!name.is_inbox());
            prop_assert_eq!(name.to_text(), Some(text));
        }
    }
}
