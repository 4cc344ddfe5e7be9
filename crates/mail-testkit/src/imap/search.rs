//! Which messages match a search (RFC 9051 6.4.4).

use mail_proto::imap::response::Untagged;
use mail_proto::imap::{Date, DateTime, Flag, Search, SearchKey, SequenceSet, Status};

use super::selected::{Numbers, Selected};
use super::{Session, bad, done, fetch};
use crate::mime;
use crate::store::{Account, Entry};

impl Session<'_> {
    pub(super) fn search(
        &mut self,
        account: &Account,
        selected: &Selected,
        by_uid: bool,
        key: &SearchKey,
    ) -> Status {
        let query = Query { selected, largest_uid: selected.all().last().map_or(0, |numbers| numbers.uid) };
        let speaks_of_modseqs = speaks_of_modseqs(key);
        if speaks_of_modseqs {
            if !selected.keeps_modseqs(account) {
                return bad("this mailbox keeps no mod-sequences");
            }
            self.enable_condstore(account, Some(selected));
        }
        let (numbers, modseq) = {
            let contents = account.lock();
            let mailbox = contents.mailboxes.get(&selected.id);
            let found: Vec<(Numbers, u64)> = selected
                .all()
                .filter_map(|numbers| {
                    let entry = mailbox.and_then(|mailbox| mailbox.get(numbers.uid))?;
                    query.matches(key, numbers, entry).then_some((numbers, entry.modseq))
                })
                .collect();
            let modseq = found.iter().map(|(_, modseq)| *modseq).max().filter(|_| speaks_of_modseqs);
            let numbers = found.iter().map(|(numbers, _)| if by_uid { numbers.uid } else { numbers.seq });
            (numbers.collect(), modseq)
        };
        self.say(Untagged::Search(Search { numbers, modseq }));
        done()
    }
}

/// Whether the answer tells the highest mod-sequence of what was found (RFC 7162 section 3.1.5).
fn speaks_of_modseqs(key: &SearchKey) -> bool {
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
}

impl Query<'_> {
    fn matches(&self, key: &SearchKey, numbers: Numbers, entry: &Entry) -> bool {
        let matches = |key| self.matches(key, numbers, entry);
        match key {
            SearchKey::All => true,
            SearchKey::Flag(flag) => self.has_flag(flag, entry),
            SearchKey::NotFlag(flag) => !self.has_flag(flag, entry),
            SearchKey::New => self.selected.is_recent(entry.uid) && !entry.flags.contains("\\Seen"),
            SearchKey::Sequence(set) => contains(set, numbers.seq, self.selected.exists()),
            SearchKey::Uid(set) => contains(set, numbers.uid, self.largest_uid),
            SearchKey::Larger(size) => entry.body.len() as u64 > *size,
            SearchKey::Smaller(size) => (entry.body.len() as u64) < *size,
            SearchKey::Before(date) => received(entry) < *date,
            SearchKey::On(date) => received(entry) == *date,
            SearchKey::Since(date) => received(entry) >= *date,
            SearchKey::SentBefore(date) => sent(entry).is_some_and(|sent| sent < *date),
            SearchKey::SentOn(date) => sent(entry).is_some_and(|sent| sent == *date),
            SearchKey::SentSince(date) => sent(entry).is_some_and(|sent| sent >= *date),
            SearchKey::Text(text) => {
                let (header, _) = mime::split(&entry.body);
                holds(&mime::header_text(&header), text) || holds(&mime::searched(&entry.body), text)
            }
            SearchKey::Body(text) => holds(&mime::searched(&entry.body), text),
            SearchKey::Header(name, text) => {
                let (header, _) = mime::split(&entry.body);
                mime::values(&header, name).any(|value| holds(&mime::decoded(&value), text))
            }
            SearchKey::ModSeq { least, .. } => entry.modseq >= *least,
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
}

/// The day of its INTERNALDATE, which is told in UTC.
fn received(entry: &Entry) -> Date {
    fetch::date(entry.internal_date).date()
}

/// The day in its Date field, whatever the zone (RFC 9051 6.4.4): `[day-name ","] day month year …`.
fn sent(entry: &Entry) -> Option<Date> {
    let (header, _) = mime::split(&entry.body);
    let value = mime::values(&header, b"Date").next()?;
    let text = String::from_utf8_lossy(&value);
    let behind_name = text.split_once(',').map_or(&*text, |(_, rest)| rest);
    let mut words = behind_name.split_ascii_whitespace();
    let date_time = format!("{}-{}-{} 00:00:00 +0000", words.next()?, words.next()?, words.next()?);
    DateTime::parse(date_time.as_bytes()).map(|date| date.date())
}

fn contains(set: &SequenceSet, number: u32, largest: u32) -> bool {
    set.ranges(largest).any(|range| range.contains(&number))
}

/// Whether the text occurs, in any case. Nothing occurs everywhere.
fn holds(hay: &str, text: &[u8]) -> bool {
    hay.to_lowercase().contains(&String::from_utf8_lossy(text).to_lowercase())
}
