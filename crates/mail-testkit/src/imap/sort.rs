//! SORT: the order of what was found (RFC 5256 section 3, RFC 5957).

use std::cmp::{Ordering, Reverse};
use std::time::UNIX_EPOCH;

use mail_proto::imap::{AddressBuf, SortBy, SortKey};

use super::query::Found;
use super::selected::Numbers;
use crate::mime::{self, BaseSubject};
use crate::store::Entry;

/// By the first key, among equals by the next, at last by number.
pub(super) fn sorted(found: Vec<(Numbers, Entry)>, order: &[SortKey]) -> Vec<Found> {
    let mut keyed: Vec<(Vec<Key>, Found)> = found
        .into_iter()
        .map(|(numbers, entry)| {
            let keys = order.iter().map(|order| {
                let value = Value::of(&entry, order.by);
                if order.reverse { Key::Down(Reverse(value)) } else { Key::Up(value) }
            });
            (keys.collect(), Found { numbers, modseq: entry.modseq })
        })
        .collect();
    keyed.sort_by(|(keys, found), (other_keys, other)| {
        compare(keys, other_keys).then(found.numbers.seq.cmp(&other.numbers.seq))
    });
    keyed.into_iter().map(|(_, found)| found).collect()
}

/// When a message was sent; when it came if it doesn't say (RFC 5256 section 2.2).
pub(super) fn sent_at(entry: &Entry) -> i64 {
    let (header, _) = mime::split(&entry.body);
    let said = mime::values(&header, b"Date").next().and_then(|value| mime::sent_at(&value));
    said.unwrap_or_else(|| arrived_at(entry))
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Number(i64),
    Text(String),
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Up(Value),
    Down(Reverse<Value>),
}

fn compare(one: &[Key], other: &[Key]) -> Ordering {
    one.cmp(other)
}

impl Value {
    fn of(entry: &Entry, by: SortBy) -> Self {
        let (header, _) = mime::split(&entry.body);
        let field = |name: &[u8]| mime::values(&header, name).next().unwrap_or_default();
        let first = |name: &[u8]| mime::addresses(&field(name)).into_iter().next();
        let mailbox = |name: &[u8]| {
            let mailbox = first(name).and_then(|address| address.mailbox).unwrap_or_default();
            Self::Text(String::from_utf8_lossy(&mailbox).to_uppercase())
        };
        match by {
            SortBy::Arrival => Self::Number(arrived_at(entry)),
            SortBy::Date => Self::Number(sent_at(entry)),
            SortBy::Size => Self::Number(i64::try_from(entry.body.len()).unwrap_or(i64::MAX)),
            SortBy::Cc => mailbox(b"Cc"),
            SortBy::From => mailbox(b"From"),
            SortBy::To => mailbox(b"To"),
            SortBy::DisplayFrom => Self::Text(display(first(b"From"))),
            SortBy::DisplayTo => Self::Text(display(first(b"To"))),
            SortBy::Subject => Self::Text(BaseSubject::of(&field(b"Subject")).text),
            // Nothing is more relevant than anything else.
            _ => Self::Number(0),
        }
    }
}

fn arrived_at(entry: &Entry) -> i64 {
    let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match entry.internal_date.duration_since(UNIX_EPOCH) {
        Ok(since) => seconds(since),
        Err(before) => -seconds(before.duration()),
    }
}

/// The name that is shown, else the address (RFC 5957 section 3).
fn display(address: Option<AddressBuf>) -> String {
    let Some(AddressBuf { name, mailbox, host, .. }) = address else { return String::new() };
    let text = match name {
        Some(name) => mime::decoded(&name),
        None => {
            let [mailbox, host] = [mailbox, host].map(Option::unwrap_or_default);
            format!("{}@{}", String::from_utf8_lossy(&mailbox), String::from_utf8_lossy(&host))
        }
    };
    text.to_uppercase()
}
