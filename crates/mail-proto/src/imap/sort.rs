//! SORT: in which order messages are told (RFC 5256 section 3, RFC 5957, RFC 6203).

use super::{
    encode::Encoder,
    terminals::{Context, Parsing, fail, keyword, list, spaces},
};

/// By what messages are sorted, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SortKey {
    /// By what.
    pub by: SortBy,
    /// The highest first.
    pub reverse: bool,
}

/// By what messages are sorted (`sort-key`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SortBy {
    /// When it came.
    Arrival,
    /// The mailbox part of the first `Cc` address.
    Cc,
    /// The `Date` field.
    Date,
    /// The name shown for the first `From` address (RFC 5957).
    DisplayFrom,
    /// The name shown for the first `To` address (RFC 5957).
    DisplayTo,
    /// The mailbox part of the first `From` address.
    From,
    /// How well it matches a fuzzy search (RFC 6203).
    Relevancy,
    /// Its size.
    Size,
    /// The subject, without `Re:` and the like.
    Subject,
    /// The mailbox part of the first `To` address.
    To,
}

const WORDS: [(&str, SortBy); 10] = [
    ("ARRIVAL", SortBy::Arrival),
    ("CC", SortBy::Cc),
    ("DATE", SortBy::Date),
    ("DISPLAYFROM", SortBy::DisplayFrom),
    ("DISPLAYTO", SortBy::DisplayTo),
    ("FROM", SortBy::From),
    ("RELEVANCY", SortBy::Relevancy),
    ("SIZE", SortBy::Size),
    ("SUBJECT", SortBy::Subject),
    ("TO", SortBy::To),
];

impl SortKey {
    /// The lowest first.
    pub fn ascending(by: SortBy) -> Self {
        Self { by, reverse: false }
    }

    /// The highest first.
    pub fn descending(by: SortBy) -> Self {
        Self { by, reverse: true }
    }

    /// `sort-criteria = "(" sort-criterion *(SP sort-criterion) ")"`, `sort-criterion = ["REVERSE" SP] sort-key`
    pub(crate) fn parse_all<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Vec<Self>> {
        let mut keys = Vec::new();
        let (rest, ()) = list(input, cx, |input, cx| {
            let (rest, reverse) = match keyword(input, "REVERSE") {
                Some(rest) => (spaces(rest, cx)?.0, true),
                None => (input, false),
            };
            let Some((rest, by)) = WORDS.iter().find_map(|(word, by)| Some((keyword(rest, word)?, *by)))
            else {
                return fail(rest, "what to sort by");
            };
            keys.push(Self { by, reverse });
            Ok((rest, ()))
        })?;
        if keys.is_empty() { fail(input, "what to sort by") } else { Ok((rest, keys)) }
    }

    pub(crate) fn encode_all(keys: &[Self], out: &mut Encoder) {
        out.list1(keys, "sort order", |out, key| {
            if key.reverse {
                out.raw("REVERSE ");
            }
            out.raw(WORDS.iter().find(|(_, by)| *by == key.by).map_or("ARRIVAL", |(word, _)| word));
        });
    }
}
