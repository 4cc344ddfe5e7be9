//! SEARCH: which messages match (RFC 9051 sections 6.4.4 and 7.3.5).

use bytes::Bytes;

use super::{
    date::Date,
    encode::{EncodeError, Encoder},
    flags::Flag,
    sequence_set::SequenceSet,
    terminals::{
        Context, Parsing, astring, at_end, atom, byte, fail, number64, nz_number, skip_spaces, sp, spaces,
    },
};
use crate::error::QuirkKind;

/// The answer to SEARCH: numbers, in the server's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Sequence numbers, or UIDs after UID SEARCH.
    pub numbers: Vec<u32>,
    /// The highest mod-sequence of those found, where one was searched for (RFC 7162).
    pub modseq: Option<u64>,
}

impl Search {
    /// `*(SP nz-number) [SP search-sort-mod-seq]`, behind the word.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        // One look to count, so that the numbers are allocated once and by what is really there.
        let spaces = memchr::memchr_iter(b' ', input).count();
        let mut numbers = Vec::with_capacity(spaces);
        let mut rest = input;
        while let [b' ', digit, ..] = rest {
            if !digit.is_ascii_digit() {
                break;
            }
            let number;
            (rest, number) = nz_number(&rest[1..])?;
            numbers.push(number);
        }
        let mut modseq = None;
        if let Some(open) = rest.strip_prefix(b" (") {
            let (behind, name) = atom(open)?;
            if !name.eq_ignore_ascii_case(b"MODSEQ") {
                return fail(open, "MODSEQ");
            }
            let (behind, ()) = sp(behind)?;
            let (behind, number) = number64(behind)?;
            (rest, ()) = byte(b')', "\")\"")(behind)?;
            modseq = Some(number);
        }
        if !at_end(rest) && at_end(skip_spaces(rest)) {
            cx.quirk(rest, QuirkKind::ExtraSpace)?;
            rest = skip_spaces(rest);
        }
        Ok((rest, Self { numbers, modseq }))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        for number in &self.numbers {
            out.raw(" ").number(u64::from(*number));
        }
        if let Some(modseq) = self.modseq {
            out.raw(" (MODSEQ ").number(modseq).raw(")");
        }
    }
}

/// A condition on a message (`search-key`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SearchKey {
    /// Every message.
    All,
    /// Those with this flag. For a keyword, `KEYWORD` is written.
    Flag(Flag),
    /// Those without this flag. For a keyword, `UNKEYWORD` is written.
    NotFlag(Flag),
    /// Those with `\Recent` and without `\Seen` (RFC 3501).
    New,
    /// By sequence number.
    Sequence(SequenceSet),
    /// By UID.
    Uid(SequenceSet),
    /// Those with more bytes than this.
    Larger(u64),
    /// Those with fewer bytes than this.
    Smaller(u64),
    /// Those with an INTERNALDATE before this day.
    Before(Date),
    /// Those with an INTERNALDATE on this day.
    On(Date),
    /// Those with an INTERNALDATE on this day or later.
    Since(Date),
    /// Those with a Date field before this day.
    SentBefore(Date),
    /// Those with a Date field on this day.
    SentOn(Date),
    /// Those with a Date field on this day or later.
    SentSince(Date),
    /// Those with this text in a header or the body.
    Text(Bytes),
    /// Those with this text in the body.
    Body(Bytes),
    /// Those with this text in a header field of this name; empty text: those that have the field.
    Header(Bytes, Bytes),
    /// Those that one of the two matches.
    Or(Box<(Self, Self)>),
    /// Those that it doesn't match.
    Not(Box<Self>),
    /// Those that all match.
    And(Vec<Self>),
}

/// Deeper queries are refused: a server's stack is not for clients to spend.
const DEEPEST: usize = 64;

const HEADERS: [&str; 5] = ["BCC", "CC", "FROM", "SUBJECT", "TO"];

const FLAGS: [(&str, Flag); 6] = [
    ("ANSWERED", Flag::Answered),
    ("DELETED", Flag::Deleted),
    ("DRAFT", Flag::Draft),
    ("FLAGGED", Flag::Flagged),
    ("RECENT", Flag::Recent),
    ("SEEN", Flag::Seen),
];

impl SearchKey {
    /// `search-key *(SP search-key)` up to the end of the line or a closing parenthesis.
    pub(crate) fn parse_all<'a>(input: &'a [u8], cx: &mut Context<'a>, depth: usize) -> Parsing<'a, Self> {
        let (mut rest, first) = Self::parse(input, cx, depth)?;
        let mut keys = vec![first];
        while rest.first() == Some(&b' ') && !at_end(skip_spaces(rest)) {
            let key;
            (rest, ()) = spaces(rest, cx)?;
            (rest, key) = Self::parse(rest, cx, depth)?;
            keys.push(key);
        }
        let key = match <[Self; 1]>::try_from(keys) {
            Ok([key]) => key,
            Err(keys) => Self::And(keys),
        };
        Ok((rest, key))
    }

    fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>, depth: usize) -> Parsing<'a, Self> {
        if depth >= DEEPEST {
            return fail(input, "a search of at most 64 levels");
        }
        match input.first() {
            Some(b'(') => {
                let (rest, key) = Self::parse_all(&input[1..], cx, depth + 1)?;
                let (rest, ()) = byte(b')', "\")\"")(rest)?;
                let key = if let Self::And(_) = key { key } else { Self::And(vec![key]) };
                return Ok((rest, key));
            }
            Some(b'0'..=b'9' | b'*') => {
                let (rest, set) = SequenceSet::parse(input)?;
                return Ok((rest, Self::Sequence(set)));
            }
            _ => {}
        }
        let (rest, word) = atom(input)?;
        let word = word.to_ascii_uppercase();
        let text = |rest: &'a [u8], cx: &mut Context<'a>| -> Parsing<'a, Bytes> {
            let (rest, ()) = spaces(rest, cx)?;
            let (rest, span) = astring(rest, cx)?;
            Ok((rest, cx.bytes(span)))
        };
        let with =
            |found: Parsing<'a, Bytes>, key: fn(Bytes) -> Self| found.map(|(rest, text)| (rest, key(text)));
        match word.as_slice() {
            b"ALL" => Ok((rest, Self::All)),
            b"NEW" => Ok((rest, Self::New)),
            b"OLD" => Ok((rest, Self::NotFlag(Flag::Recent))),
            b"TEXT" => with(text(rest, cx), Self::Text),
            b"BODY" => with(text(rest, cx), Self::Body),
            b"KEYWORD" => with(text(rest, cx), |name| Self::Flag(Flag::new(name))),
            b"UNKEYWORD" => with(text(rest, cx), |name| Self::NotFlag(Flag::new(name))),
            b"HEADER" => {
                let (rest, name) = text(rest, cx)?;
                let (rest, value) = text(rest, cx)?;
                Ok((rest, Self::Header(name, value)))
            }
            b"LARGER" | b"SMALLER" => {
                let (rest, ()) = spaces(rest, cx)?;
                let (rest, size) = number64(rest)?;
                Ok((rest, if word == b"LARGER" { Self::Larger(size) } else { Self::Smaller(size) }))
            }
            b"BEFORE" | b"ON" | b"SINCE" | b"SENTBEFORE" | b"SENTON" | b"SENTSINCE" => {
                let (rest, ()) = spaces(rest, cx)?;
                let (rest, date) = Date::parse(rest)?;
                let key = match word.as_slice() {
                    b"BEFORE" => Self::Before(date),
                    b"ON" => Self::On(date),
                    b"SINCE" => Self::Since(date),
                    b"SENTBEFORE" => Self::SentBefore(date),
                    b"SENTON" => Self::SentOn(date),
                    _ => Self::SentSince(date),
                };
                Ok((rest, key))
            }
            b"UID" => {
                let (rest, ()) = spaces(rest, cx)?;
                let (rest, set) = SequenceSet::parse(rest)?;
                Ok((rest, Self::Uid(set)))
            }
            b"NOT" => {
                let (rest, ()) = spaces(rest, cx)?;
                let (rest, key) = Self::parse(rest, cx, depth + 1)?;
                Ok((rest, Self::Not(Box::new(key))))
            }
            b"OR" => {
                let (rest, ()) = spaces(rest, cx)?;
                let (rest, one) = Self::parse(rest, cx, depth + 1)?;
                let (rest, ()) = spaces(rest, cx)?;
                let (rest, other) = Self::parse(rest, cx, depth + 1)?;
                Ok((rest, Self::Or(Box::new((one, other)))))
            }
            _ => {
                if HEADERS.iter().any(|name| name.as_bytes() == word) {
                    let name = Bytes::from(word);
                    return text(rest, cx).map(|(rest, value)| (rest, Self::Header(name, value)));
                }
                let unset = word.strip_prefix(b"UN");
                for (name, flag) in FLAGS {
                    if name.as_bytes() == word {
                        return Ok((rest, Self::Flag(flag)));
                    }
                    if Some(name.as_bytes()) == unset {
                        return Ok((rest, Self::NotFlag(flag)));
                    }
                }
                fail(input, "a search key")
            }
        }
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        let keyword = |out: &mut Encoder, set: bool, flag: &Flag| {
            let known = FLAGS.iter().find(|(_, known)| known == flag);
            match (known, flag) {
                (Some((name, _)), _) if set => out.raw(name),
                (_, Flag::Recent) => out.raw("OLD"),
                (Some((name, _)), _) => out.raw("UN").raw(name),
                (None, flag) => {
                    out.raw(if set { "KEYWORD " } else { "UNKEYWORD " }).atom(flag.as_bytes(), "keyword")
                }
            };
        };
        match self {
            Self::All => drop(out.raw("ALL")),
            Self::New => drop(out.raw("NEW")),
            Self::Flag(flag) => keyword(out, true, flag),
            Self::NotFlag(flag) => keyword(out, false, flag),
            Self::Sequence(set) => set.encode(out, "searched messages"),
            Self::Uid(set) => {
                out.raw("UID ");
                set.encode(out, "searched messages");
            }
            Self::Larger(size) => drop(out.raw("LARGER ").number(*size)),
            Self::Smaller(size) => drop(out.raw("SMALLER ").number(*size)),
            Self::Before(date) => date.encode(out.raw("BEFORE ")),
            Self::On(date) => date.encode(out.raw("ON ")),
            Self::Since(date) => date.encode(out.raw("SINCE ")),
            Self::SentBefore(date) => date.encode(out.raw("SENTBEFORE ")),
            Self::SentOn(date) => date.encode(out.raw("SENTON ")),
            Self::SentSince(date) => date.encode(out.raw("SENTSINCE ")),
            Self::Text(text) => drop(out.raw("TEXT ").astring(text, "searched text")),
            Self::Body(text) => drop(out.raw("BODY ").astring(text, "searched text")),
            Self::Header(name, value) => {
                match HEADERS.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(name)) {
                    Some(known) => out.raw(known),
                    None => out.raw("HEADER ").astring(name, "header field name"),
                };
                out.raw(" ").astring(value, "searched text");
            }
            Self::Or(keys) => {
                out.raw("OR ");
                keys.0.encode(out);
                out.raw(" ");
                keys.1.encode(out);
            }
            Self::Not(key) => {
                out.raw("NOT ");
                key.encode(out);
            }
            Self::And(keys) => {
                out.raw("(");
                encode_each(keys, out);
                out.raw(")");
            }
        }
    }

    /// As the whole query, where several keys need no parentheses.
    pub(crate) fn encode_all(&self, out: &mut Encoder) {
        match self {
            Self::And(keys) => encode_each(keys, out),
            key => key.encode(out),
        }
    }

    /// Whether the query holds text that isn't ASCII, so that its charset has to be told.
    pub(crate) fn needs_charset(&self) -> bool {
        match self {
            Self::Text(text) | Self::Body(text) => !text.is_ascii(),
            Self::Header(name, value) => !name.is_ascii() || !value.is_ascii(),
            Self::Or(keys) => keys.0.needs_charset() || keys.1.needs_charset(),
            Self::Not(key) => key.needs_charset(),
            Self::And(keys) => keys.iter().any(Self::needs_charset),
            _ => false,
        }
    }
}

fn encode_each(keys: &[SearchKey], out: &mut Encoder) {
    if keys.is_empty() {
        out.fail(EncodeError::Empty { what: "search" });
    }
    for (index, key) in keys.iter().enumerate() {
        if index > 0 {
            out.raw(" ");
        }
        key.encode(out);
    }
}
