//! Flags (RFC 9051 section 2.3.2).

use bytes::Bytes;

use super::{
    encode::Encoder,
    terminals::{Context, Parsing, fail, is_atom_byte, list, quoted},
};
use crate::error::QuirkKind;

/// A flag of a message, or of what a mailbox takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Flag {
    /// `\Answered`
    Answered,
    /// `\Deleted`
    Deleted,
    /// `\Draft`
    Draft,
    /// `\Flagged`
    Flagged,
    /// `\Recent` (RFC 3501; a server sets it, no client)
    Recent,
    /// `\Seen`
    Seen,
    /// `\*`, in PERMANENTFLAGS: new keywords may be made
    Wildcard,
    /// A keyword (`$Forwarded`, `NonJunk`), or a `\` flag that isn't known, as it stands on the wire.
    Other(Bytes),
}

const SYSTEM: [(Flag, &str); 7] = [
    (Flag::Answered, "\\Answered"),
    (Flag::Deleted, "\\Deleted"),
    (Flag::Draft, "\\Draft"),
    (Flag::Flagged, "\\Flagged"),
    (Flag::Recent, "\\Recent"),
    (Flag::Seen, "\\Seen"),
    (Flag::Wildcard, "\\*"),
];

impl Flag {
    /// A keyword, or any flag by its name on the wire.
    pub fn new(name: impl Into<Bytes>) -> Self {
        let name = name.into();
        Self::system(&name).unwrap_or(Self::Other(name))
    }

    /// The flag as on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Other(name) => name,
            system => SYSTEM.iter().find(|(flag, _)| flag == system).map_or(&[], |(_, name)| name.as_bytes()),
        }
    }

    /// The flag of this name if it is one of the system's, which are found by letter.
    pub(crate) fn system(name: &[u8]) -> Option<Self> {
        let flag = match name.get(1)?.to_ascii_lowercase() {
            b'a' => Self::Answered,
            b'd' if name.len() == 6 => Self::Draft,
            b'd' => Self::Deleted,
            b'f' => Self::Flagged,
            b'r' => Self::Recent,
            b's' => Self::Seen,
            b'*' => Self::Wildcard,
            _ => return None,
        };
        flag.as_bytes().eq_ignore_ascii_case(name).then_some(flag)
    }

    /// The length of a flag that is as it should be, and is followed by a space or the end of its list.
    #[inline]
    pub(crate) fn plain(input: &[u8]) -> Option<usize> {
        let head = usize::from(input.first() == Some(&b'\\'));
        let name = input.get(head..)?;
        let len = name.iter().position(|byte| !PLAIN[usize::from(*byte)])?;
        (len > 0 && matches!(name[len], b' ' | b')')).then_some(head + len)
    }

    /// `flag`, its bytes. 8-bit and quoted names are read as quirks.
    pub(crate) fn parse_name<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, &'a [u8]> {
        if let Some(len) = Self::plain(input) {
            return Ok((&input[len..], &input[..len]));
        }
        let head = usize::from(input.first() == Some(&b'\\'));
        let word = input[head..].iter().position(|byte| !is_flag_byte(*byte)).unwrap_or(input.len() - head);
        let len = match (head, word, input.get(1)) {
            (1, 0, Some(b'*')) => 2,
            (0, 0, _) if input.first() == Some(&b'"') => {
                let (rest, span) = quoted(input, cx)?;
                cx.quirk(input, QuirkKind::QuotedForAtom)?;
                let name = &cx.frame[span.start()..span.end()];
                // In a quoted string the backslash of a system flag is escaped.
                let name = if name.starts_with(b"\\\\") { &name[1..] } else { name };
                return Ok((rest, name));
            }
            (0, 0, _) => return fail(input, "a flag"),
            _ => head + word,
        };
        let (name, rest) = input.split_at(len);
        if name == b"\\" || name.iter().any(|byte| !byte.is_ascii() || byte.is_ascii_control()) {
            cx.quirk(input, QuirkKind::ForbiddenByte)?;
        }
        Ok((rest, name))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        match self {
            Self::Other(name) => match name.strip_prefix(b"\\") {
                Some(name) => out.raw("\\").keyword(name, "flag"),
                None => out.keyword(name, "flag"),
            },
            // The names of the table are fixed text.
            system => out.raw(std::str::from_utf8(system.as_bytes()).unwrap_or_default()),
        };
    }
}

/// Servers send names with brackets and 8-bit bytes.
fn is_flag_byte(byte: u8) -> bool {
    is_atom_byte(byte) || matches!(byte, b']' | 1..=8 | 11 | 12 | 14..=31)
}

/// `ATOM-CHAR`, and the bracket that servers have in keywords.
static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        plain[byte] = !matches!(byte as u8, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\');
        byte += 1;
    }
    plain
};

/// `flag-list = "(" [flag *(SP flag)] ")"`
pub(crate) fn parse_list<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Vec<Flag>> {
    let mut flags = Vec::new();
    let (rest, ()) = list(input, cx, |input, cx| {
        let (rest, name) = Flag::parse_name(input, cx)?;
        flags.push(Flag::system(name).unwrap_or_else(|| Flag::Other(cx.keep(name))));
        Ok((rest, ()))
    })?;
    Ok((rest, flags))
}

pub(crate) fn encode_list(flags: &[Flag], out: &mut Encoder) {
    out.raw("(");
    for (index, flag) in flags.iter().enumerate() {
        if index > 0 {
            out.raw(" ");
        }
        flag.encode(out);
    }
    out.raw(")");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_flags_are_known_without_case() {
        for (flag, name) in SYSTEM {
            assert_eq!(Flag::new(name.to_ascii_uppercase().into_bytes()), flag);
        }
        assert_eq!(Flag::new("\\Seem"), Flag::Other("\\Seem".into()));
        assert_eq!(Flag::new("s"), Flag::Other("s".into()));
    }

    #[test]
    fn lists_with_what_servers_send() {
        let frame = Bytes::from_static(b"(\\Seen \\* $Forwarded a[1] \xe9 \"quoted\")");
        let mut cx = Context::new(&frame, false);
        let (rest, flags) = parse_list(&frame, &mut cx).unwrap();
        assert!(rest.is_empty());
        let other = |name: &'static [u8]| Flag::Other(Bytes::from_static(name));
        assert_eq!(
            flags,
            [
                Flag::Seen,
                Flag::Wildcard,
                other(b"$Forwarded"),
                other(b"a[1]"),
                other(b"\xe9"),
                other(b"quoted")
            ]
        );
        assert_eq!(cx.into_quirks().len(), 2);
    }
}
