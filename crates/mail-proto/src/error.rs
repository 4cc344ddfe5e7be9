//! What can be wrong with what a peer sent: errors that say where, and quirks that were read all the same.

use std::fmt;

/// The commands that hold secrets.
const LOGIN: [&[u8]; 5] = [b"LOGIN", b"AUTHENTICATE", b"AUTH", b"PASS", b"APOP"];

/// A line that can't be read.
///
/// Says where the reading stopped, what was expected there, and shows a bounded, escaped piece of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at offset {offset}, found {excerpt}")]
pub struct ParseError {
    /// Bytes from the first byte of the frame.
    pub offset: usize,
    /// The production of the grammar that was expected.
    pub expected: &'static str,
    /// What stands there instead: at most 40 bytes, escaped and quoted; `...` where it may be a secret, as in a line that
    /// logs in, or in the answer to one.
    pub excerpt: Excerpt,
    /// The frame itself, from its first byte: at most 400 bytes, escaped and quoted; withheld where the excerpt is.
    pub frame: Excerpt,
}

impl ParseError {
    pub(crate) fn at(frame: &[u8], offset: usize, expected: &'static str) -> Self {
        let excerpt = Excerpt::of(frame.get(offset..).unwrap_or_default());
        Self { offset, expected, excerpt, frame: Excerpt::at_most(Excerpt::MOST_OF_FRAME, frame) }
    }

    /// Without showing what stands there: it may be any part of a secret.
    pub(crate) fn withheld(self) -> Self {
        let withheld = Excerpt::of(b"...");
        Self { excerpt: withheld.clone(), frame: withheld, ..self }
    }

    /// Of a line that a client wrote: one that logs in isn't shown.
    pub(crate) fn of_command(self, line: &[u8]) -> Self {
        // In IMAP a tag comes first.
        let mut words = line.split(u8::is_ascii_whitespace).take(2);
        let logs_in = words.any(|word| LOGIN.iter().any(|name| word.eq_ignore_ascii_case(name)));
        if logs_in { self.withheld() } else { self }
    }
}

/// A short piece of what a peer sent, safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    bytes: Box<[u8]>,
    /// Whether more stood there.
    more: bool,
}

impl Excerpt {
    const MOST: usize = 40;
    const MOST_OF_FRAME: usize = 400;

    /// The beginning of these bytes: at most 40.
    pub fn of(bytes: &[u8]) -> Self {
        Self::at_most(Self::MOST, bytes)
    }

    fn at_most(most: usize, bytes: &[u8]) -> Self {
        Self { bytes: bytes[..bytes.len().min(most)].into(), more: bytes.len() > most }
    }

    /// The bytes as they were sent; none at the end.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether more stood there.
    pub fn is_cut(&self) -> bool {
        self.more
    }
}

/// Escaped and quoted.
impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.bytes.is_empty() {
            return f.write_str("the end");
        }
        write!(f, "\"{}\"{}", self.bytes.escape_ascii(), if self.more { "…" } else { "" })
    }
}

/// Something that a server got wrong and that was read all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quirk {
    /// What was wrong.
    pub kind: QuirkKind,
    /// Bytes from the first byte of the frame.
    pub offset: usize,
}

/// The kinds of [`Quirk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QuirkKind {
    /// White space where none, or more of it than one space, belongs.
    ExtraSpace,
    /// A space that the grammar demands is missing.
    MissingSpace,
    /// A status line without its text.
    MissingText,
    /// Brackets with no response code in them.
    EmptyCode,
    /// A response code without its closing bracket.
    UnclosedCode,
    /// A response code that is known but whose arguments can't be read; it is kept as raw bytes.
    BadCodeArguments,
    /// NIL where the grammar has a string or a list.
    UnexpectedNil,
    /// A bare word where the grammar has a string.
    AtomForString,
    /// A quoted string where the grammar has an atom.
    QuotedForAtom,
    /// A quoted string with a quote or backslash that isn't escaped.
    UnescapedQuote,
    /// A control character or an 8-bit byte where the grammar forbids it.
    ForbiddenByte,
    /// A number that is negative, has a fraction, or is out of range.
    BadNumber,
    /// An item under the name by which it is asked for, not by which it is told.
    WrongName,
    /// A date that isn't in the form of RFC 9051's `date-time`.
    BadDate,
    /// A list that is never closed.
    UnclosedList,
    /// Parentheses around something that has none.
    ExtraParenthesis,
    /// An empty list where the grammar has NIL.
    EmptyList,
    /// A string where the grammar has a list.
    StringForList,
    /// A field that the grammar demands is missing.
    MissingField,
    /// Bytes behind the end of the response.
    TrailingBytes,
    /// A line ended by LF alone.
    BareLineFeed,
}

impl fmt::Display for QuirkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExtraSpace => "extra white space",
            Self::MissingSpace => "a missing space",
            Self::MissingText => "no text",
            Self::EmptyCode => "an empty response code",
            Self::UnclosedCode => "an unclosed response code",
            Self::BadCodeArguments => "unreadable arguments of a response code",
            Self::UnexpectedNil => "NIL",
            Self::AtomForString => "a word instead of a string",
            Self::QuotedForAtom => "a string instead of a word",
            Self::UnescapedQuote => "an unescaped quote",
            Self::ForbiddenByte => "a forbidden byte",
            Self::BadNumber => "a bad number",
            Self::WrongName => "the name that belongs in a command",
            Self::BadDate => "a bad date",
            Self::UnclosedList => "an unclosed list",
            Self::ExtraParenthesis => "extra parentheses",
            Self::EmptyList => "an empty list",
            Self::StringForList => "a string instead of a list",
            Self::MissingField => "a missing field",
            Self::TrailingBytes => "trailing bytes",
            Self::BareLineFeed => "a line feed without carriage return",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_escaped_and_says_whether_there_was_more() {
        let whole = Excerpt::of(&[b'x'; 40]);
        assert_eq!(
            (whole.as_bytes(), whole.to_string()),
            (&[b'x'; 40][..], format!("\"{}\"", "x".repeat(40)))
        );
        let cut = Excerpt::of(&[b'x'; 41]);
        assert_eq!((cut.as_bytes(), cut.to_string()), (&[b'x'; 40][..], format!("\"{}\"…", "x".repeat(40))));
        assert_eq!(Excerpt::of(b"a\r\n\"\xff").to_string(), r#""a\r\n\"\xff""#);
        assert_eq!(Excerpt::of(b"").to_string(), "the end");
    }

    #[test]
    fn a_command_that_logs_in_and_cannot_be_read_is_not_shown() {
        use crate::{imap::command::TaggedCommand, pop3, smtp};

        let shown = |line: &str| {
            let errors = [
                TaggedCommand::parse(line.to_owned(), Default::default()).err(),
                pop3::Command::parse(line.to_owned()).err(),
                smtp::Command::parse(line.to_owned()).err(),
            ];
            errors.into_iter().flatten().map(|error| format!("{error} {error:?}")).collect::<String>()
        };
        for line in [
            "a LOGIN kim hunter2 hunter2",
            "a login kim \"hunter2",
            "a AUTHENTICATE PLAIN hunter2=hunter2",
            "AUTH PLAIN hunter2=hunter2",
            "auth\tPLAIN hunter2",
            "PASS hun\rter2 hunter2",
            "APOP kim hunter2 hunter2",
        ] {
            let shown = shown(&format!("{line}\r\n"));
            assert!(!shown.contains("unter2") && shown.contains("..."), "{line}: {shown}");
        }
        assert!(shown("a SELECT (kim\r\n").contains("kim"));
    }

    #[test]
    fn an_error_says_where_and_what_and_a_quirk_what() {
        let at = |frame: &[u8]| ParseError::at(frame, 10, "\"(\"");
        let error = at(b"* 1 FETCH oops").to_string();
        assert!(error.contains("10") && error.contains("\"(\"") && error.contains("oops"), "{error}");
        assert_eq!(at(b"* 1 FETCH oops").frame.as_bytes(), b"* 1 FETCH oops");
        let frames = [400, 401].map(|len| at(&vec![b'x'; len]).frame);
        assert_eq!(frames.map(|frame| (frame.as_bytes().len(), frame.is_cut())), [(400, false), (400, true)]);
        assert_eq!(QuirkKind::TrailingBytes.to_string(), "trailing bytes");
    }
}
