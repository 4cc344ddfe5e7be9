//! SEARCH: which messages match (RFC 9051 section 6.4.4), and in short (RFC 4731) or in part (RFC 9394) where the
//! server tells so.

use mail_proto::imap::{
    Capability, Command, ESearch, PartialRange, SearchKey, SearchReturn, SequenceSet, response::Untagged,
};

use super::Mailbox;
use crate::error::{Cause, Error, Result};

/// The messages that match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchResult {
    uids: SequenceSet,
    mod_seq: Option<u64>,
}

/// How many messages match, and the ends of their UIDs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchSummary {
    /// How many there are.
    pub count: u32,
    /// The lowest UID.
    pub min: Option<u32>,
    /// The highest UID.
    pub max: Option<u32>,
    /// The highest mod-sequence of them, where one was searched for (RFC 7162).
    pub mod_seq: Option<u64>,
}

impl SearchResult {
    /// Their UIDs, in order.
    pub fn uids(&self) -> &SequenceSet {
        &self.uids
    }

    /// Their UIDs, in order.
    pub fn into_uids(self) -> SequenceSet {
        self.uids
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        // In order and none twice, they are no more than there are UIDs.
        self.uids.len().and_then(|len| u32::try_from(len).ok()).unwrap_or(u32::MAX)
    }

    /// Whether none matches.
    pub fn is_empty(&self) -> bool {
        self.uids.is_empty()
    }

    /// The lowest UID.
    pub fn min(&self) -> Option<u32> {
        self.uids.ranges(0).next().map(|range| *range.start())
    }

    /// The highest UID.
    pub fn max(&self) -> Option<u32> {
        self.uids.ranges(0).last().map(|range| *range.end())
    }

    /// The highest mod-sequence of them, where one was searched for (RFC 7162).
    pub fn mod_seq(&self) -> Option<u64> {
        self.mod_seq
    }

    fn summary(&self) -> SearchSummary {
        SearchSummary { count: self.count(), min: self.min(), max: self.max(), mod_seq: self.mod_seq }
    }
}

impl From<SearchResult> for SequenceSet {
    fn from(found: SearchResult) -> Self {
        found.uids
    }
}

/// Messages by UID that match a condition. Sequence numbers mean nothing here, since each connection has its own.
impl Mailbox {
    /// Searches for messages (RFC 9051 section 6.4.4). The answer comes as ranges where the server has ESEARCH, and is
    /// the same where it hasn't.
    ///
    /// A charset is named only where the text needs one; a server that doesn't know UTF-8 then refuses with
    /// [`BadCharset`](crate::ErrorKind::BadCharset).
    ///
    /// ```no_run
    /// use mail_client::imap::{Date, FetchItems, Mailbox, SearchKey};
    ///
    /// # async fn example(inbox: Mailbox) -> mail_client::Result<()> {
    /// let since = Date::new(2026, 2, 1).expect("a date");
    /// let found = inbox.search(SearchKey::unseen() & SearchKey::Since(since) & !SearchKey::subject("invoice")).await?;
    /// println!("{} messages, the newest has UID {:?}", found.count(), found.max());
    /// let mut mail = inbox.fetch(found, FetchItems::new().flags());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The condition is about sequence numbers or can't be sent; the server refuses it, or doesn't say what it found.
    pub async fn search(&self, key: SearchKey) -> Result<SearchResult> {
        let this = self.in_one_call();
        let Some(key) = writable(key) else { return Ok(SearchResult::default()) };
        let extended = this.calls().supports(&Capability::ESearch).await?;
        let answer = this.ask(extended.then(|| vec![SearchReturn::All]), key).await?;
        match gathered(answer) {
            Some(Found { result, listed: true, .. }) => Ok(result),
            _ => Err(self.unanswered()),
        }
    }

    /// Counts the messages that match, and finds the first and the last of them. Where the server has ESEARCH, nothing
    /// else comes over the wire, however many there are.
    ///
    /// ```no_run
    /// # async fn example(inbox: mail_client::imap::Mailbox) -> mail_client::Result<()> {
    /// use mail_client::imap::SearchKey;
    ///
    /// println!("{} unread messages", inbox.search_summary(SearchKey::unseen()).await?.count);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub async fn search_summary(&self, key: SearchKey) -> Result<SearchSummary> {
        let this = self.in_one_call();
        let Some(key) = writable(key) else { return Ok(SearchSummary::default()) };
        let extended = this.calls().supports(&Capability::ESearch).await?;
        let returns = [SearchReturn::Min, SearchReturn::Max, SearchReturn::Count];
        let answer = this.ask(extended.then(|| returns.to_vec()), key).await?;
        match gathered(answer) {
            Some(Found { summary: Some(summary), .. }) => Ok(summary),
            Some(Found { result, listed: true, .. }) => Ok(result.summary()),
            _ => Err(self.unanswered()),
        }
    }

    /// Finds some of the messages that match, by their place among them in the order of their UIDs (RFC 9394): so a
    /// long result can be walked through a page at a time. Where the server has neither PARTIAL nor CONTEXT=SEARCH
    /// (RFC 5267), the whole result comes over the wire and is cut here.
    ///
    /// ```no_run
    /// # async fn example(inbox: mail_client::imap::Mailbox) -> mail_client::Result<()> {
    /// use mail_client::imap::{PartialRange, SearchKey};
    ///
    /// let last_fifty = inbox.search_partial(SearchKey::All, PartialRange::FromLast(1, 50)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub async fn search_partial(&self, key: SearchKey, part: PartialRange) -> Result<SequenceSet> {
        let this = self.in_one_call();
        let Some(key) = writable(key) else { return Ok(SequenceSet::default()) };
        let has_part = match part {
            PartialRange::FromFirst(..) => this.calls().supports(&Capability::ContextSearch).await?,
            PartialRange::FromLast(..) => false,
        };
        if !has_part && !this.calls().supports(&Capability::Partial).await? {
            return Ok(part_of(this.search(key).await?.uids(), part));
        }
        let answer = this.ask(Some(vec![SearchReturn::Partial(part)]), key).await?;
        match gathered(answer) {
            Some(Found { part: Some(uids), .. }) => Ok(uids),
            Some(Found { result, listed: true, .. }) => Ok(part_of(&result.uids, part)),
            _ => Err(self.unanswered()),
        }
    }

    async fn ask(&self, returns: Option<Vec<SearchReturn>>, key: SearchKey) -> Result<Vec<Untagged>> {
        check_condition(&key).map_err(|error| error.in_command("UID SEARCH", Some(self.name())))?;
        self.ask_all(Command::Search { uid: true, returns, key }).await
    }

    fn unanswered(&self) -> Error {
        Error::new(Cause::Unanswered("which messages it found")).in_command("UID SEARCH", Some(self.name()))
    }
}

/// Sequence numbers and saved results are a connection's own, and nobody knows on which connection a call runs.
pub(super) fn check_condition(key: &SearchKey) -> Result<()> {
    if key.has_sequence_numbers() {
        return Err(Error::new(Cause::Configuration("messages are searched for by UID, not by number")));
    }
    Ok(())
}

/// The same condition without empty sets, which can't be written; `None` if nothing can match.
pub(super) fn writable(key: SearchKey) -> Option<SearchKey> {
    Some(match key {
        SearchKey::Uid(set) if set.is_empty() => return None,
        SearchKey::And(keys) => SearchKey::every(keys.into_iter().map(writable).collect::<Option<Vec<_>>>()?),
        SearchKey::Or(keys) => match (writable(keys.0), writable(keys.1)) {
            (Some(one), Some(other)) => one | other,
            (one, other) => return one.or(other),
        },
        SearchKey::Not(key) => match writable(*key) {
            Some(key) => SearchKey::Not(Box::new(key)),
            None => SearchKey::All,
        },
        SearchKey::Fuzzy(key) => SearchKey::Fuzzy(Box::new(writable(*key)?)),
        key => key,
    })
}

/// What an answer to UID SEARCH tells.
#[derive(Debug, Default)]
struct Found {
    result: SearchResult,
    /// Whether the result is the whole of it.
    listed: bool,
    summary: Option<SearchSummary>,
    part: Option<SequenceSet>,
}

/// `None` if nothing was told, or something that can't be true.
fn gathered(answer: Vec<Untagged>) -> Option<Found> {
    let mut found = None::<Found>;
    let mut numbers = Vec::new();
    let mut sets = SequenceSet::default();
    for data in answer {
        match data {
            Untagged::Search(search) => {
                let found = found.get_or_insert_default();
                found.listed = true;
                found.result.mod_seq = found.result.mod_seq.max(search.modseq);
                numbers.extend(search.numbers);
            }
            Untagged::ESearch(told) => {
                // Numbers that the server doesn't call UIDs may be something else.
                let has_numbers = told.min.is_some() || told.all.is_some() || told.partial.is_some();
                if has_numbers && !told.uid {
                    return None;
                }
                let found = found.get_or_insert_default();
                found.result.mod_seq = found.result.mod_seq.max(told.modseq);
                let ESearch { min, max, count, all, partial, modseq, .. } = *told;
                if let Some(count) = count {
                    let some = |number: Option<u32>| number.filter(|number| *number > 0);
                    found.summary =
                        Some(SearchSummary { count, min: some(min), max: some(max), mod_seq: modseq });
                }
                if let Some((_, part)) = partial {
                    found.part = Some(part.unwrap_or_default().sorted()?);
                } else {
                    // Where nothing matches, there is no ALL.
                    found.listed |= min.is_none() && max.is_none() && count.is_none_or(|count| count == 0);
                }
                if let Some(all) = all {
                    found.listed = true;
                    all.sorted()?.ranges(0).for_each(|range| sets.insert_range(range));
                }
            }
            _ => {}
        }
    }
    let mut found = found?;
    found.result.uids = match (numbers.is_empty(), sets.is_empty()) {
        (_, true) => numbers.into(),
        (true, false) => sets.sorted()?,
        (false, false) => {
            SequenceSet::from(numbers).ranges(0).for_each(|range| sets.insert_range(range));
            sets.sorted()?
        }
    };
    Some(found)
}

/// The members of a set at these places.
fn part_of(set: &SequenceSet, part: PartialRange) -> SequenceSet {
    let len = set.len().unwrap_or(0);
    let (first, last) = match part {
        PartialRange::FromFirst(one, other) => (u64::from(one.min(other).max(1)), u64::from(one.max(other))),
        PartialRange::FromLast(one, other) => {
            let from_last = |place: u32| (len + 1).saturating_sub(u64::from(place.max(1)));
            (from_last(one.max(other)).max(1), from_last(one.min(other)))
        }
    };
    let mut part = SequenceSet::default();
    let mut place = 1;
    for range in set.ranges(0) {
        let len = u64::from(range.end() - range.start()) + 1;
        // The places of this range that are wanted, counted from its first number.
        let (from, to) = (first.max(place) - place, (last + 1).min(place + len).saturating_sub(place));
        if from < to {
            // Less than the range's length, so 32 bits hold both.
            part.insert_range(range.start() + from as u32..=range.start() + (to - 1) as u32);
        }
        place += len;
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_stands_at_its_places() {
        let set: SequenceSet = "3:5,8,10:12".parse().unwrap();
        for (part, expected) in [
            (PartialRange::FromFirst(1, 2), "3:4"),
            (PartialRange::FromFirst(5, 3), "5,8,10"),
            (PartialRange::FromFirst(7, 100), "12"),
            (PartialRange::FromFirst(8, 9), ""),
            (PartialRange::FromLast(1, 2), "11:12"),
            (PartialRange::FromLast(4, 5), "5,8"),
            (PartialRange::FromLast(7, u32::MAX), "3"),
            (PartialRange::FromLast(8, 9), ""),
        ] {
            assert_eq!(part_of(&set, part).to_string(), expected, "{part:?}");
        }
        let all = SequenceSet::from(1..=u32::MAX);
        assert_eq!(part_of(&all, PartialRange::FromLast(1, u32::MAX)), all);
    }

    #[test]
    fn what_cannot_match_is_not_asked_for() {
        let nothing = || SearchKey::Uid(SequenceSet::default());
        assert_eq!(writable(nothing() & SearchKey::seen()), None);
        assert_eq!(writable(SearchKey::seen() | nothing()), Some(SearchKey::seen()));
        assert_eq!(writable(nothing() | nothing()), None);
        assert_eq!(writable(SearchKey::flagged() & !nothing()), Some(SearchKey::flagged() & SearchKey::All));
        assert_eq!(writable(SearchKey::every([])), Some(SearchKey::All));
    }
}
