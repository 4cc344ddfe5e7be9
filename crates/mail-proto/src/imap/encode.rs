//! Writing: the one place through which every argument passes on its way to the wire.
//!
//! An [`Encoder`] chooses between atom, quoted string and literal by content, and the kind of literal by what the
//! server announced. CR, LF and NUL can't get out of an argument: they make a literal, or an [`EncodeError`] before
//! anything is sent.

use std::fmt;

use bytes::Bytes;

use super::terminals::{Context, any_value, is_astring_byte, is_atom_byte, is_tag_byte};
use crate::secret::Unshown;

/// What a server takes, as far as writing depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncodeOptions {
    /// Which literals may be written without waiting.
    pub literals: Literals,
    /// Whether mailbox names are UTF-8, and quoted strings may hold it (after `ENABLE UTF8=ACCEPT` or IMAP4rev2).
    pub utf8: bool,
}

impl EncodeOptions {
    /// With this kind of literal.
    pub const fn literals(literals: Literals) -> Self {
        Self { literals, utf8: false }
    }
}

/// Which literals may be written without waiting for a continuation request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Literals {
    /// None: each waits (RFC 3501).
    #[default]
    Synchronising,
    /// Those up to 4,096 bytes (`LITERAL-`, RFC 7888; IMAP4rev2).
    UpTo4096,
    /// All (`LITERAL+`, RFC 7888).
    Any,
    /// A server's literals, which never wait and never say so.
    Server,
}

/// A value as it goes over the wire: pieces, some of which have to wait for the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The pieces, in order.
    pub fragments: Vec<Fragment>,
}

/// A piece of an encoded value.
#[derive(Clone, PartialEq, Eq)]
pub enum Fragment {
    /// Bytes to write. They may hold whole literals that need not wait.
    Bytes(Bytes),
    /// Wait here until the server asks for the literal that was announced.
    Wait,
    /// The content of a literal that comes from elsewhere: exactly this many bytes.
    Upload {
        /// Length in bytes.
        len: u64,
    },
}

/// Shows how many bytes there are, never which: they may be a password, or somebody's mail.
impl fmt::Debug for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Wait => f.write_str("Wait"),
            Self::Upload { len } => write!(f, "Upload({len})"),
        }
    }
}

impl Encoded {
    /// All bytes in one piece, as if nothing had to wait. An upload is left out.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for fragment in &self.fragments {
            if let Fragment::Bytes(bytes) = fragment {
                out.extend_from_slice(bytes);
            }
        }
        out
    }
}

/// A value that can't be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A string holds NUL, which no form of string can carry.
    #[error("{what} holds a NUL byte")]
    Nul {
        /// The argument.
        what: &'static str,
    },
    /// A word that has to be an atom has other bytes in it, or none at all.
    #[error("{what} is not an atom")]
    NotAnAtom {
        /// The argument.
        what: &'static str,
    },
    /// Raw bytes that aren't one whole value of the grammar.
    #[error("{what} is not a value")]
    NotAValue {
        /// The argument.
        what: &'static str,
    },
    /// A message has another length than the command says.
    #[error("the message does not have the {announced} bytes that were announced")]
    WrongLength {
        /// The length in the command, in bytes.
        announced: u64,
    },
    /// Something is nested deeper than it could be read.
    #[error("{what} is nested too deep")]
    TooDeep {
        /// The argument.
        what: &'static str,
    },
    /// A part that isn't of type `message/rfc822` or `message/global` has the structure of a message.
    #[error("a part has the structure of a message and another type")]
    NotAMessage,
    /// A set, list or text that may not be empty is empty.
    #[error("{what} is empty")]
    Empty {
        /// The argument.
        what: &'static str,
    },
}

/// Writes a value. The first error is kept and comes out at the end, so that writing reads plainly.
#[derive(Debug)]
pub struct Encoder {
    options: EncodeOptions,
    fragments: Vec<Fragment>,
    text: Unshown<Vec<u8>>,
    error: Option<EncodeError>,
}

/// Literals from this size on go out as they are, without a copy.
const COPY_BELOW: usize = 4096;

impl Encoder {
    /// An encoder for what the other side takes.
    pub fn new(options: EncodeOptions) -> Self {
        Self { options, fragments: Vec::new(), text: Unshown(Vec::with_capacity(64)), error: None }
    }

    /// Whether quoted strings may hold UTF-8.
    pub(crate) fn is_utf8(&self) -> bool {
        self.options.utf8
    }

    /// Fixed text of the protocol. Never an argument.
    pub(crate) fn raw(&mut self, text: &str) -> &mut Self {
        self.text.extend_from_slice(text.as_bytes());
        self
    }

    /// Bytes that a parser took from the wire as one whole value, strings and literals in it.
    pub(crate) fn verbatim(&mut self, bytes: &[u8]) -> &mut Self {
        self.text.extend_from_slice(bytes);
        self
    }

    /// A raw value, such as a parser keeps of what it doesn't know: one whole value, in which nothing can end the
    /// line. What goes to a server has no literals in it, since they may have to wait.
    pub(crate) fn raw_value(&mut self, bytes: &Bytes, what: &'static str) -> &mut Self {
        let cx = Context::new(bytes, true);
        let whole = matches!(any_value(bytes, &cx), Ok((b"", ())));
        let plain = self.options.literals == Literals::Server || !bytes.iter().any(u8::is_ascii_control);
        if !whole || !plain {
            return self.fail(EncodeError::NotAValue { what });
        }
        self.verbatim(bytes)
    }

    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        let mut digits = [0_u8; 20];
        let mut at = digits.len();
        let mut rest = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.text.extend_from_slice(&digits[at..]);
        self
    }

    /// A word that is an atom or can't be written. `what` names the argument in the error.
    pub(crate) fn atom(&mut self, word: &[u8], what: &'static str) -> &mut Self {
        self.word(word, is_atom_byte, what)
    }

    /// A flag's name, or a mailbox attribute's: an atom, or with brackets in it, as servers have them. A user can take such a flag off again.
    pub(crate) fn keyword(&mut self, name: &[u8], what: &'static str) -> &mut Self {
        self.word(name, is_astring_byte, what)
    }

    /// `tag = 1*<any ASTRING-CHAR except "+">`
    pub(crate) fn tag(&mut self, tag: &[u8]) -> &mut Self {
        self.word(tag, is_tag_byte, "tag")
    }

    fn word(&mut self, word: &[u8], may_have: impl Fn(u8) -> bool, what: &'static str) -> &mut Self {
        if word.is_empty() || !word.iter().all(|byte| may_have(*byte) && byte.is_ascii()) {
            return self.fail(EncodeError::NotAnAtom { what });
        }
        self.text.extend_from_slice(word);
        self
    }

    /// Text up to the end of a line or the closing bracket: status text. Line ends in it become spaces.
    pub(crate) fn line_text(&mut self, text: &[u8]) -> &mut Self {
        self.text
            .extend(text.iter().map(|byte| if matches!(byte, b'\r' | b'\n' | 0) { b' ' } else { *byte }));
        self
    }

    /// `astring`: the shortest form that carries the bytes.
    pub(crate) fn astring(&mut self, bytes: &[u8], what: &'static str) -> &mut Self {
        // A bare NIL would be read as no string at all where the reader takes an nstring.
        let bare = !bytes.is_empty() && !bytes.eq_ignore_ascii_case(b"NIL");
        if bare && bytes.iter().all(|byte| is_astring_byte(*byte) && byte.is_ascii()) {
            self.text.extend_from_slice(bytes);
            return self;
        }
        self.string(bytes, what)
    }

    /// `string`: quoted, or a literal where a quoted string can't carry the bytes.
    pub(crate) fn string(&mut self, bytes: &[u8], what: &'static str) -> &mut Self {
        const LONGEST_QUOTED: usize = 1000;
        let utf8 = self.options.utf8 && std::str::from_utf8(bytes).is_ok();
        let fits = |byte: &u8| matches!(byte, b' '..=b'~') || (utf8 && *byte >= 0x80);
        if bytes.len() > LONGEST_QUOTED || !bytes.iter().all(fits) {
            return self.literal(Bytes::copy_from_slice(bytes), what);
        }
        self.text.push(b'"');
        for byte in bytes {
            if matches!(byte, b'"' | b'\\') {
                self.text.push(b'\\');
            }
            self.text.push(*byte);
        }
        self.text.push(b'"');
        self
    }

    /// `nstring`
    pub(crate) fn nstring(&mut self, bytes: Option<&[u8]>, what: &'static str) -> &mut Self {
        match bytes {
            Some(bytes) => self.string(bytes, what),
            None => self.raw("NIL"),
        }
    }

    /// Items with a space between any two.
    pub(crate) fn each<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.raw(" ");
            }
            write(self, item);
        }
        self
    }

    /// Items in parentheses.
    pub(crate) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.raw("(").each(items, write).raw(")")
    }

    /// Items in parentheses, of which there has to be one at least. `what` names the list in the error.
    pub(crate) fn list1<T>(
        &mut self,
        items: &[T],
        what: &'static str,
        mut write: impl FnMut(&mut Self, &T),
    ) -> &mut Self {
        if items.is_empty() {
            self.fail(EncodeError::Empty { what });
        }
        self.list(items, |out, item| write(out, item))
    }

    /// `nstring / literal8`: a value that may hold any byte.
    pub(crate) fn binary_value(&mut self, bytes: Option<&[u8]>, what: &'static str) -> &mut Self {
        match bytes {
            Some(bytes) if memchr::memchr(0, bytes).is_some() => {
                self.raw("~").announce(bytes.len() as u64);
                self.content(Bytes::copy_from_slice(bytes))
            }
            bytes => self.nstring(bytes, what),
        }
    }

    /// `literal`
    pub(crate) fn literal(&mut self, bytes: Bytes, what: &'static str) -> &mut Self {
        if memchr::memchr(0, &bytes).is_some() {
            return self.fail(EncodeError::Nul { what });
        }
        self.announce(bytes.len() as u64);
        self.content(bytes)
    }

    /// The content of a literal whose announcement was written, from a server's store: NULs are the store's business.
    fn content(&mut self, bytes: Bytes) -> &mut Self {
        if bytes.len() < COPY_BELOW {
            self.text.extend_from_slice(&bytes);
        } else {
            self.flush();
            self.fragments.push(Fragment::Bytes(bytes));
        }
        self
    }

    /// A literal of message content, which a server sends as it has it.
    pub(crate) fn content_literal(&mut self, bytes: Bytes) -> &mut Self {
        self.announce(bytes.len() as u64);
        self.content(bytes)
    }

    /// The announcement of a literal whose bytes come from elsewhere.
    pub(crate) fn upload(&mut self, len: u64) -> &mut Self {
        self.announce(len);
        self.flush();
        self.fragments.push(Fragment::Upload { len });
        self
    }

    fn announce(&mut self, len: u64) {
        let (mark, waits) = match self.options.literals {
            Literals::Server => ("", false),
            Literals::Any => ("+", false),
            Literals::UpTo4096 if len <= 4096 => ("+", false),
            Literals::UpTo4096 | Literals::Synchronising => ("", true),
        };
        self.raw("{").number(len).raw(mark).raw("}\r\n");
        if waits {
            self.flush();
            self.fragments.push(Fragment::Wait);
        }
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.fragments.push(Fragment::Bytes(std::mem::take(&mut self.text.0).into()));
        }
    }

    pub(crate) fn fail(&mut self, error: EncodeError) -> &mut Self {
        self.error.get_or_insert(error);
        self
    }

    /// The encoded value.
    ///
    /// # Errors
    /// An argument can't be written; nothing of it was sent.
    pub(crate) fn finish(mut self) -> Result<Encoded, EncodeError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        self.flush();
        Ok(Encoded { fragments: self.fragments })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn astring(bytes: &[u8], options: EncodeOptions) -> Result<Vec<u8>, EncodeError> {
        let mut encoder = Encoder::new(options);
        encoder.astring(bytes, "text");
        encoder.finish().map(|encoded| encoded.to_bytes())
    }

    #[test]
    fn the_form_follows_the_content() {
        for (bytes, wire) in [
            (&b"abc"[..], &b"abc"[..]),
            (b"a]b", b"a]b"),
            (b"", b"\"\""),
            (b"nil", b"\"nil\""),
            (b"a b", b"\"a b\""),
            (b"a\"\\", b"\"a\\\"\\\\\""),
            (b"{5}", b"\"{5}\""),
            (b"a\r\nb", b"{4+}\r\na\r\nb"),
            (b"\xff", b"{1+}\r\n\xff"),
        ] {
            assert_eq!(astring(bytes, EncodeOptions::literals(Literals::Any)).unwrap(), wire);
        }
        let utf8 = EncodeOptions { utf8: true, ..EncodeOptions::default() };
        assert_eq!(astring("é".as_bytes(), utf8).unwrap(), "\"é\"".as_bytes());
    }

    /// What is written by itself; an error where it can't be.
    fn written(write: impl FnOnce(&mut Encoder) -> &mut Encoder) -> Result<Vec<u8>, EncodeError> {
        let mut encoder = Encoder::new(EncodeOptions::literals(Literals::Any));
        write(&mut encoder);
        encoder.finish().map(|encoded| encoded.to_bytes())
    }

    #[test]
    fn a_word_is_written_only_as_what_its_reader_takes() {
        for (word, atom, keyword, tag) in [
            (&b"a"[..], true, true, true),
            (b"a]", false, true, true),
            (b"a+", true, true, false),
            (b"", false, false, false),
            (b"a b", false, false, false),
            (b"a\r\n", false, false, false),
            (b"a(", false, false, false),
            (b"\xe9", false, false, false),
        ] {
            assert_eq!(written(|out| out.atom(word, "word")).is_ok(), atom, "{}", word.escape_ascii());
            assert_eq!(written(|out| out.keyword(word, "word")).is_ok(), keyword, "{}", word.escape_ascii());
            assert_eq!(written(|out| out.tag(word)).is_ok(), tag, "{}", word.escape_ascii());
        }
    }

    #[test]
    fn a_raw_value_is_one_whole_value_without_line_ends() {
        let raw = |bytes: &'static [u8]| written(|out| out.raw_value(&Bytes::from_static(bytes), "value"));
        assert_eq!(raw(b"(a \"b\")").unwrap(), b"(a \"b\")");
        for bad in [&b"a b"[..], b"(a", b"\"a", b"", b"{1}\r\nx", b"(a\tb)"] {
            assert_eq!(raw(bad), Err(EncodeError::NotAValue { what: "value" }), "{}", bad.escape_ascii());
        }
        let mut server = Encoder::new(EncodeOptions::literals(Literals::Server));
        server.raw_value(&Bytes::from_static(b"{1}\r\nx"), "value");
        assert!(server.finish().is_ok());
    }

    #[test]
    fn long_strings_and_bytes_that_are_no_text_go_as_literals() {
        let quoted = |bytes: &[u8], utf8| {
            let mut encoder = Encoder::new(EncodeOptions { utf8, ..EncodeOptions::literals(Literals::Any) });
            encoder.string(bytes, "text");
            encoder.finish().unwrap().to_bytes().starts_with(b"\"")
        };
        assert!(quoted(&[b'x'; 1000], false));
        assert!(!quoted(&[b'x'; 1001], false) && !quoted(&[b'x'; 1002], false));
        for (bytes, utf8, as_text) in [
            ("é".as_bytes(), true, true),
            ("é".as_bytes(), false, false),
            (b"\xe9", true, false),
            (b"\xe9", false, false),
        ] {
            assert_eq!(quoted(bytes, utf8), as_text, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn only_what_holds_a_nul_is_sent_as_binary() {
        let value = |bytes| written(|out| out.binary_value(bytes, "value")).unwrap();
        assert_eq!(value(Some(b"a\0")), b"~{2+}\r\na\0");
        assert_eq!(value(Some(b"a")), b"\"a\"");
        assert_eq!(value(Some(b"\r\n")), b"{2+}\r\n\r\n");
        assert_eq!(value(None), b"NIL");
    }

    #[test]
    fn nul_is_an_error() {
        assert_eq!(astring(b"a\0b", EncodeOptions::default()), Err(EncodeError::Nul { what: "text" }));
    }

    #[test]
    fn a_literal_waits_unless_the_server_takes_it_at_once() {
        let waits = |literals, len| {
            let mut encoder = Encoder::new(EncodeOptions::literals(literals));
            encoder.literal(vec![b'x'; len].into(), "text");
            encoder.finish().unwrap().fragments.contains(&Fragment::Wait)
        };
        assert!(waits(Literals::Synchronising, 1));
        assert!(!waits(Literals::UpTo4096, 4096));
        assert!(waits(Literals::UpTo4096, 4097));
        assert!(!waits(Literals::Any, 4097));
        assert!(!waits(Literals::Server, 1));
    }
}
