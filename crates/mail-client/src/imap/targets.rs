//! Which messages an operation is about: what `*` stands for, and sets that are too long for one command.

use std::collections::VecDeque;

use mail_proto::imap::{SearchKey, SequenceSet};

use super::Mailbox;
use crate::error::{Cause, Error, Result};

/// A set takes so many bytes of a command's line at most. Servers take 8,192 in all (RFC 7162 section 4).
const LONGEST: usize = 6000;

/// A set in portions, each short enough for a command, and how far one has come with them.
#[derive(Debug)]
pub(super) struct Portions {
    rest: VecDeque<SequenceSet>,
    /// The portion that is being done.
    current: SequenceSet,
    done: SequenceSet,
}

impl Portions {
    pub(super) fn new(set: &SequenceSet) -> Self {
        Self { rest: cut(set), current: SequenceSet::default(), done: SequenceSet::default() }
    }

    /// The next portion, the one before being done.
    pub(super) fn next(&mut self) -> Option<SequenceSet> {
        let before = std::mem::take(&mut self.current);
        before.ranges(0).for_each(|range| self.done.insert_range(range));
        self.current = self.rest.pop_front()?;
        Some(self.current.clone())
    }

    /// What a failure at the current portion means for the whole.
    pub(super) fn failed(&mut self, reason: Error) -> Error {
        let done = std::mem::take(&mut self.done);
        if done.is_empty() {
            return reason;
        }
        Error::new(Cause::Partly { done: Box::new(done), reason: Box::new(reason) })
    }
}

/// A set whose members only the server knows is one portion, and so is `$`.
fn cut(set: &SequenceSet) -> VecDeque<SequenceSet> {
    if set.is_empty() {
        return VecDeque::new();
    }
    if set.is_open() {
        return VecDeque::from([set.clone()]);
    }
    let mut portions = VecDeque::from([SequenceSet::default()]);
    let mut len = 0;
    for range in set.ranges(0) {
        // Each number with what stands behind it, `:` or `,`.
        let len_of = |number: &u32| number.checked_ilog10().unwrap_or(0) as usize + 2;
        let (first, last) = range.clone().into_inner();
        let more = len_of(&first) + if first == last { 0 } else { len_of(&last) };
        if len > 0 && len + more > LONGEST {
            portions.push_back(SequenceSet::default());
            len = 0;
        }
        len += more;
        if let Some(portion) = portions.back_mut() {
            portion.insert_range(range);
        }
    }
    portions
}

impl Mailbox {
    /// Fails, before anything is sent, if the mailbox was opened to be read only.
    pub(super) fn check_writable(&self, command: &'static str) -> Result<()> {
        if self.is_read_only() {
            return Err(Error::new(Cause::ReadOnly).in_command(command, Some(self.name())));
        }
        Ok(())
    }

    /// The messages of a set that is about to be used in commands of this name.
    ///
    /// On the wire `5:*` holds the last message even if its UID is below 5 (RFC 9051 section 9). Nobody wants that
    /// message changed who asks for those from 5 on, so the server is asked which messages there are.
    pub(super) async fn targets(&self, uids: SequenceSet, command: &'static str) -> Result<Portions> {
        let known = match uids.sorted() {
            Some(sorted) => sorted,
            None if uids == SequenceSet::all() => uids,
            None => self.existing(uids, command).await?,
        };
        Ok(Portions::new(&known))
    }

    /// Which of these messages there are, before commands of this name: where that isn't found out, none was sent.
    pub(super) async fn existing(&self, uids: SequenceSet, command: &'static str) -> Result<SequenceSet> {
        let mut found = SequenceSet::default();
        let mut portions = Portions::new(&uids);
        while let Some(portion) = portions.next() {
            let here = self.search(SearchKey::Uid(portion)).await;
            let here = here.map_err(|error| self.before(command, error))?.into_uids();
            here.ranges(0).for_each(|range| found.insert_range(range));
        }
        let mut existing = found.intersection(&uids);
        // `*` alone is the last message, whatever its number.
        let asks_for_last = uids.ranges(0).any(|range| *range.end() == 0);
        if let (true, Some(last)) = (asks_for_last, found.ranges(0).last()) {
            existing.insert(*last.end());
        }
        Ok(existing.sorted().unwrap_or_default())
    }

    /// The error of a command that wasn't sent, since what comes before it failed.
    fn before(&self, command: &'static str, error: Error) -> Error {
        let cause = match error.cause().clone() {
            Cause::Lost { reason, .. } => Cause::Lost { written: false, reason },
            Cause::Deadline { after, .. } => Cause::Deadline { after, written: false },
            _ => return error,
        };
        error.with_cause(cause).in_command(command, Some(self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_portion_is_too_long_and_none_is_lost() {
        let set: SequenceSet = (1..20_000).map(|number| number * 200_000).collect();
        let mut portions = Portions::new(&set);
        let mut all = SequenceSet::default();
        while let Some(portion) = portions.next() {
            assert!((1..=LONGEST).contains(&portion.to_string().len()));
            portion.ranges(0).for_each(|range| all.insert_range(range));
        }
        assert_eq!(all, set);
    }

    #[test]
    fn what_was_done_before_a_failure_is_told() {
        let set: SequenceSet = (1..2000).map(|number| number * 1_000_000).collect();
        let mut portions = Portions::new(&set);
        let reason = || Error::new(Cause::Closed);
        let first = portions.next().unwrap();
        assert_eq!(portions.failed(reason()).done(), None);
        portions.next();
        assert_eq!(portions.failed(reason()).done(), Some(&first));
    }
}
