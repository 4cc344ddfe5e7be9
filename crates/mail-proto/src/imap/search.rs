//! SEARCH: which messages match (RFC 9051 sections 6.4.4 and 7.3.4), and what is told of them.

use super::{
    encode::{EncodeError, Encoder},
    partial::PartialRange,
    search_key::SearchKey,
    terminals::{
        Context, Parsing, astring, at_end, byte, fail, keyword, list, number, number64, skip_spaces, spaces,
    },
};
use crate::error::QuirkKind;

/// The answer to SEARCH or SORT: numbers, in the server's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Sequence numbers, or UIDs after UID SEARCH.
    pub numbers: Vec<u32>,
    /// The highest mod-sequence of those found, where one was searched for (RFC 7162).
    pub modseq: Option<u64>,
}

impl Search {
    /// `*(SP nz-number) [SP "(" "MODSEQ" SP mod-sequence-value ")"]`, behind the word.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        // One look to count, so that the numbers are allocated once and by what is really there.
        let spaces_ = memchr::memchr_iter(b' ', input).count();
        let mut numbers = Vec::with_capacity(spaces_);
        let mut rest = input;
        let mut modseq = None;
        loop {
            match rest {
                [b' ', digit, ..] if digit.is_ascii_digit() => rest = &rest[1..],
                [b' ' | b'\t', ..] if at_end(skip_spaces(rest)) => {
                    cx.quirk(rest, QuirkKind::ExtraSpace)?;
                    rest = skip_spaces(rest);
                    break;
                }
                [b' ' | b'\t', ..] => {
                    (rest, ()) = spaces(rest, cx)?;
                    if let Some(open) = rest.strip_prefix(b"(") {
                        let Some(behind) = keyword(open, "MODSEQ") else { return fail(open, "MODSEQ") };
                        let (behind, ()) = spaces(behind, cx)?;
                        let (behind, number) = number64(behind)?;
                        (rest, ()) = byte(b')', "\")\"")(behind)?;
                        modseq = Some(number);
                        break;
                    }
                }
                _ => break,
            }
            let at = rest;
            let found;
            (rest, found) = number(rest)?;
            if found == 0 {
                cx.quirk(at, QuirkKind::BadNumber)?;
            }
            numbers.push(found);
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

/// What a search is to tell (`search-return-opt`), in an [`ESearch`](super::ESearch) response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SearchReturn {
    /// The lowest number.
    Min,
    /// The highest number.
    Max,
    /// All numbers, as a set.
    All,
    /// How many there are.
    Count,
    /// Nothing: the result is kept at the server as [`SequenceSet::saved`](super::SequenceSet::saved) (RFC 5182).
    Save,
    /// Some of the result, by place (RFC 9394, RFC 5267).
    Partial(PartialRange),
    /// News of what joins and leaves the result (RFC 5267).
    Update,
    /// A hint that more will be asked of this result (RFC 5267).
    Context,
    /// How well each message matches (RFC 6203).
    Relevancy,
}

const WORDS: [(&str, SearchReturn); 8] = [
    ("MIN", SearchReturn::Min),
    ("MAX", SearchReturn::Max),
    ("ALL", SearchReturn::All),
    ("COUNT", SearchReturn::Count),
    ("SAVE", SearchReturn::Save),
    ("UPDATE", SearchReturn::Update),
    ("CONTEXT", SearchReturn::Context),
    ("RELEVANCY", SearchReturn::Relevancy),
];

impl SearchReturn {
    fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        if let Some(rest) = keyword(input, "PARTIAL") {
            let (rest, ()) = spaces(rest, cx)?;
            let (rest, range) = PartialRange::parse(rest)?;
            return Ok((rest, Self::Partial(range)));
        }
        match WORDS.iter().find_map(|(word, option)| Some((keyword(input, word)?, *option))) {
            Some(found) => Ok(found),
            None => fail(input, "what a search can return"),
        }
    }

    /// `search-return-opts = SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"`, the space being
    /// behind the options, as in all the commands that have them.
    pub(crate) fn parse_all<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Option<Vec<Self>>> {
        let Some(rest) = keyword(input, "RETURN") else { return Ok((input, None)) };
        let (rest, ()) = spaces(rest, cx)?;
        let mut options = Vec::new();
        let (rest, ()) = list(rest, cx, |input, cx| {
            let (rest, option) = Self::parse(input, cx)?;
            options.push(option);
            Ok((rest, ()))
        })?;
        let (rest, ()) = spaces(rest, cx)?;
        Ok((rest, Some(options)))
    }

    pub(crate) fn encode_all(options: Option<&[Self]>, out: &mut Encoder) {
        let Some(options) = options else { return };
        out.raw("RETURN ").list(options, |out, option| match option {
            Self::Partial(range) => range.encode(out.raw("PARTIAL ")),
            option => {
                let word = WORDS.iter().find(|(_, known)| known == option).map_or("", |(word, _)| word);
                out.raw(word);
            }
        });
        out.raw(" ");
    }
}

/// `search-program = ["CHARSET" SP charset SP] search-key *(SP search-key)`
pub(crate) fn parse_program<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, SearchKey> {
    match keyword(input, "CHARSET") {
        Some(rest) => parse_criteria(spaces(rest, cx)?.0, cx),
        None => SearchKey::parse_all(input, cx),
    }
}

/// `search-criteria = charset 1*(SP search-key)`, as in SORT and THREAD (RFC 5256). A charset other than those in which
/// the texts of a [`SearchKey`] are UTF-8 is kept.
pub(crate) fn parse_criteria<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, SearchKey> {
    let (rest, charset) = astring(input, cx)?;
    let charset = cx.bytes(charset);
    let (rest, ()) = spaces(rest, cx)?;
    let (rest, key) = SearchKey::parse_all(rest, cx)?;
    Ok((rest, if is_plain(&charset) { key } else { SearchKey::InCharset(charset, Box::new(key)) }))
}

/// Whether texts in this charset are UTF-8.
fn is_plain(charset: &[u8]) -> bool {
    charset.eq_ignore_ascii_case(b"UTF-8") || charset.eq_ignore_ascii_case(b"US-ASCII")
}

/// The charset is named only if the text needs it: some servers refuse any, and where UTF-8 is switched on none may
/// be named (RFC 6855 section 3).
pub(crate) fn encode_program(key: &SearchKey, out: &mut Encoder) {
    if let SearchKey::InCharset(..) = key {
        if out.is_utf8() {
            out.fail(EncodeError::NotAValue { what: "charset where UTF-8 is switched on" });
        }
        return encode_criteria(key, out.raw("CHARSET "));
    }
    if key.needs_charset() && !out.is_utf8() {
        out.raw("CHARSET UTF-8 ");
    }
    key.encode_all(out);
}

pub(crate) fn encode_criteria(key: &SearchKey, out: &mut Encoder) {
    if let SearchKey::InCharset(charset, key) = key {
        key.encode_all(out.astring(charset, "charset").raw(" "));
        return;
    }
    out.raw(if key.needs_charset() { "UTF-8 " } else { "US-ASCII " });
    key.encode_all(out);
}
