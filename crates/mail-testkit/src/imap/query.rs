//! Which messages match a search (RFC 9051 6.4.4 and its extensions).

use std::time::{Duration, SystemTime};

use mail_proto::imap::{Date, Flag, SearchKey, SequenceSet};

use super::ids_and_dates::{GMAIL, date, email_id, thread_id};
use super::selected::{Numbers, Selected};
use crate::mime;
use crate::store::{Account, Entry};

/// A message that was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) numbers: Numbers,
    pub(super) modseq: u64,
}

/// What matches, in the mailbox's order.
pub(super) fn find(account: &Account, selected: &Selected, key: &SearchKey) -> Vec<Found> {
    find_entries(account, selected, key)
        .into_iter()
        .map(|(numbers, entry)| Found { numbers, modseq: entry.modseq })
        .collect()
}

/// The same with the messages themselves, to look into.
pub(super) fn find_entries(account: &Account, selected: &Selected, key: &SearchKey) -> Vec<(Numbers, Entry)> {
    let query = Query {
        selected,
        largest_uid: selected.all().last().map_or(0, |numbers| numbers.uid),
        now: SystemTime::now(),
    };
    let contents = account.lock();
    let Some(mailbox) = contents.mailboxes.get(&selected.id) else { return Vec::new() };
    let found = selected.all().filter_map(|numbers| {
        let entry = mailbox.get(numbers.uid)?;
        query.matches(key, numbers, entry).then(|| (numbers, entry.clone()))
    });
    found.collect()
}

/// Whether the answer tells the highest mod-sequence of what was found (RFC 7162 section 3.1.5).
pub(super) fn speaks_of_modseqs(key: &SearchKey) -> bool {
    match key {
        SearchKey::ModSeq { .. } => true,
        SearchKey::Or(keys) => speaks_of_modseqs(&keys.0) || speaks_of_modseqs(&keys.1),
        SearchKey::Not(key) | SearchKey::Fuzzy(key) => speaks_of_modseqs(key),
        SearchKey::And(keys) => keys.iter().any(speaks_of_modseqs),
        _ => false,
    }
}

/// What a search is made in.
struct Query<'a> {
    selected: &'a Selected,
    /// The largest UID that the client knows of.
    largest_uid: u32,
    now: SystemTime,
}

impl Query<'_> {
    fn matches(&self, key: &SearchKey, numbers: Numbers, entry: &Entry) -> bool {
        let matches = |key| self.matches(key, numbers, entry);
        match key {
            SearchKey::All | SearchKey::SaveDateSupported => true,
            SearchKey::Flag(flag) => self.has_flag(flag, entry),
            SearchKey::NotFlag(flag) => !self.has_flag(flag, entry),
            SearchKey::New => self.selected.is_recent(entry.uid) && !entry.flags.contains("\\Seen"),
            SearchKey::Sequence(set) | SearchKey::Uid(set) if set.is_saved() => {
                self.selected.is_saved(entry.uid)
            }
            SearchKey::Sequence(set) => contains(set, numbers.seq, self.selected.exists()),
            SearchKey::Uid(set) => contains(set, numbers.uid, self.largest_uid),
            SearchKey::Larger(size) => entry.body.len() as u64 > *size,
            SearchKey::Smaller(size) => (entry.body.len() as u64) < *size,
            SearchKey::Before(date) => day(entry.internal_date) < *date,
            SearchKey::On(date) => day(entry.internal_date) == *date,
            SearchKey::Since(date) => day(entry.internal_date) >= *date,
            SearchKey::SentBefore(date) => sent(entry).is_some_and(|sent| sent < *date),
            SearchKey::SentOn(date) => sent(entry).is_some_and(|sent| sent == *date),
            SearchKey::SentSince(date) => sent(entry).is_some_and(|sent| sent >= *date),
            SearchKey::SavedBefore(date) => day(entry.save_date) < *date,
            SearchKey::SavedOn(date) => day(entry.save_date) == *date,
            SearchKey::SavedSince(date) => day(entry.save_date) >= *date,
            SearchKey::Older(seconds) => self.age(entry) >= Duration::from_secs(u64::from(*seconds)),
            SearchKey::Younger(seconds) => self.age(entry) <= Duration::from_secs(u64::from(*seconds)),
            SearchKey::Text(text) | SearchKey::GmailRaw(text) => {
                let (header, _) = mime::split(&entry.body);
                holds(&mime::header_text(&header), text) || holds(&mime::searched(&entry.body), text)
            }
            SearchKey::Body(text) => holds(&mime::searched(&entry.body), text),
            SearchKey::Header(name, text) => {
                let (header, _) = mime::split(&entry.body);
                mime::values(&header, name).any(|value| holds(&mime::decoded(&value), text))
            }
            SearchKey::ModSeq { least, .. } => entry.modseq >= *least,
            SearchKey::EmailId(id) => email_id(entry.ids.email).as_bytes() == id,
            SearchKey::ThreadId(id) => thread_id(entry.ids.thread).as_bytes() == id,
            SearchKey::GmailMessageId(id) => GMAIL + entry.ids.email == *id,
            SearchKey::GmailThreadId(id) => GMAIL + entry.ids.thread == *id,
            SearchKey::GmailLabel(label) => entry.labels.iter().any(|known| known.as_bytes() == label),
            SearchKey::Or(keys) => matches(&keys.0) || matches(&keys.1),
            SearchKey::Not(key) => !matches(key),
            SearchKey::And(keys) => keys.iter().all(matches),
            _ => false,
        }
    }

    fn has_flag(&self, flag: &Flag, entry: &Entry) -> bool {
        match flag {
            Flag::Recent => self.selected.is_recent(entry.uid),
            flag => std::str::from_utf8(flag.as_bytes()).is_ok_and(|name| entry.flags.contains(name)),
        }
    }

    /// How long ago it came; what comes from the future came just now.
    fn age(&self, entry: &Entry) -> Duration {
        self.now.duration_since(entry.internal_date).unwrap_or_default()
    }
}

/// The day of a moment in UTC, as INTERNALDATE tells it.
fn day(time: SystemTime) -> Date {
    date(time).date()
}

fn sent(entry: &Entry) -> Option<Date> {
    let (header, _) = mime::split(&entry.body);
    mime::sent_on(&mime::values(&header, b"Date").next()?)
}

fn contains(set: &SequenceSet, number: u32, largest: u32) -> bool {
    set.ranges(largest).any(|range| range.contains(&number))
}

/// Whether the text occurs, in any case. Nothing occurs everywhere.
fn holds(hay: &str, text: &[u8]) -> bool {
    hay.to_lowercase().contains(&String::from_utf8_lossy(text).to_lowercase())
}
