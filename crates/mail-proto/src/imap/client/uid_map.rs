//! Which message has which UID, as far as the server has told (P43 of the connection rules).

use crate::imap::sequence_set::SequenceSet;

/// Sequence numbers and their UIDs, as runs of neighbours. UIDs ascend with sequence numbers, so what a run says stays
/// true of the others when messages go.
///
/// It holds so many runs and no more: what doesn't fit isn't known, and never guessed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct UidMap {
    runs: Vec<Run>,
}

/// `len` messages from a sequence number on, whose UIDs follow each other from a UID on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    seq: u32,
    uid: u32,
    len: u32,
}

/// Some 200 KB.
const MOST_RUNS: usize = 16 * 1024;

/// More steps than these for one response are more than what is known is worth: it is forgotten.
const MOST_WORK: usize = 1 << 22;

impl Run {
    fn end_seq(&self) -> u64 {
        u64::from(self.seq) + u64::from(self.len)
    }

    fn end_uid(&self) -> u64 {
        u64::from(self.uid) + u64::from(self.len)
    }
}

impl UidMap {
    /// The UID of the message with this sequence number, if it is known.
    pub(super) fn uid_of(&self, seq: u32) -> Option<u32> {
        let run = self.runs[..self.runs.partition_point(|run| run.seq <= seq)].last()?;
        (u64::from(seq) < run.end_seq()).then(|| run.uid + (seq - run.seq))
    }

    /// The server says that this message has this UID. What was known before and can't be true beside it is forgotten.
    pub(super) fn learn(&mut self, seq: u32, uid: u32) {
        if seq == 0 || uid == 0 || self.uid_of(seq) == Some(uid) {
            return;
        }
        let at = self.runs.partition_point(|run| run.seq <= seq);
        let before = at.checked_sub(1).map(|at| self.runs[at]);
        let after = self.runs.get(at).copied();
        let contradicts = before
            .is_some_and(|run| run.end_seq() > u64::from(seq) || run.end_uid() > u64::from(uid))
            || after.is_some_and(|run| run.uid <= uid);
        if contradicts {
            self.runs.clear();
            self.runs.push(Run { seq, uid, len: 1 });
            return;
        }
        let joins_before =
            before.is_some_and(|run| run.end_seq() == u64::from(seq) && run.end_uid() == u64::from(uid));
        let joins_after = after.is_some_and(|run| {
            u64::from(run.seq) == u64::from(seq) + 1 && u64::from(run.uid) == u64::from(uid) + 1
        });
        match (joins_before, joins_after) {
            (true, true) => {
                self.runs[at - 1].len += 1 + self.runs[at].len;
                self.runs.remove(at);
            }
            (true, false) => self.runs[at - 1].len += 1,
            (false, true) => self.runs[at] = Run { seq, uid, len: self.runs[at].len + 1 },
            (false, false) if self.runs.len() < MOST_RUNS => self.runs.insert(at, Run { seq, uid, len: 1 }),
            (false, false) => {}
        }
    }

    /// The message with this sequence number is gone; those behind it count one less.
    pub(super) fn expunge(&mut self, seq: u32) {
        let mut at = self.runs.partition_point(|run| run.end_seq() <= u64::from(seq));
        if let Some(run) = self.runs.get(at).copied()
            && run.seq <= seq
        {
            at = self.cut(at, seq - run.seq);
        }
        self.shift(at);
    }

    /// These UIDs are gone; messages with higher ones count less.
    pub(super) fn vanish(&mut self, uids: &SequenceSet) {
        // From the highest on, so that what is cut doesn't move what is still to be cut.
        let mut ranges: Vec<_> = uids.ranges(0).collect();
        if ranges.len().saturating_mul(self.runs.len()) > MOST_WORK {
            self.runs.clear();
            return;
        }
        ranges.sort_unstable_by_key(|range| std::cmp::Reverse(*range.start()));
        for range in ranges {
            let (first, last) = (u64::from(*range.start()), u64::from(*range.end()));
            // Without `EARLIER`, each of the UIDs was a message (RFC 7162 section 3.2.10.2).
            let gone = last - first + 1;
            self.runs.retain_mut(|run| {
                let (begin, end) = (u64::from(run.uid), run.end_uid());
                if end <= first {
                    return true;
                }
                if begin > last {
                    run.seq = u32::try_from(u64::from(run.seq).saturating_sub(gone)).unwrap_or_default();
                    return run.seq > 0;
                }
                // Of a run that is cut, what lies behind the gap can be learnt again.
                run.len = u32::try_from(first.saturating_sub(begin)).unwrap_or_default();
                run.len > 0
            });
        }
        // A server that counts differently than it should leaves nothing to rely on.
        if self.runs.windows(2).any(|pair| pair[0].end_seq() > u64::from(pair[1].seq)) {
            self.runs.clear();
        }
    }

    /// The mailbox has this many messages.
    pub(super) fn exists(&mut self, count: u32) {
        self.runs.retain_mut(|run| {
            run.len = run.len.min(count.saturating_add(1).saturating_sub(run.seq));
            run.len > 0
        });
    }

    /// Takes the message at this place out of a run. Returns which run follows it.
    fn cut(&mut self, at: usize, place: u32) -> usize {
        let run = self.runs[at];
        let (head, tail) = (place, run.len - place - 1);
        let behind = Run { seq: run.seq + place + 1, uid: run.uid + place + 1, len: tail };
        match (head, tail) {
            (0, 0) => {
                self.runs.remove(at);
                at
            }
            (0, _) => {
                self.runs[at] = behind;
                at
            }
            (_, 0) => {
                self.runs[at].len = head;
                at + 1
            }
            _ => {
                self.runs[at].len = head;
                if self.runs.len() < MOST_RUNS {
                    self.runs.insert(at + 1, behind);
                }
                at + 1
            }
        }
    }

    fn shift(&mut self, from: usize) {
        for run in &mut self.runs[from..] {
            // None of them is the first: one before it is gone.
            run.seq = run.seq.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        /// Against a mailbox that is just a list of UIDs: what the map says is true.
        #[test]
        fn what_it_says_is_true(steps in vec((0..5_u8, 1..40_u32), 1..200)) {
            let mut mailbox: Vec<u32> = (1..=30).map(|uid| uid * 2 - uid % 3).collect();
            mailbox.sort_unstable();
            mailbox.dedup();
            let mut map = UidMap::default();
            for (step, number) in steps {
                let place = (number as usize).min(mailbox.len());
                match step {
                    0 | 1 if place > 0 => map.learn(place as u32, mailbox[place - 1]),
                    2 if place > 0 => {
                        mailbox.remove(place - 1);
                        map.expunge(place as u32);
                    }
                    3 if place > 0 => {
                        let uid = mailbox.remove(place - 1);
                        map.vanish(&uid.into());
                    }
                    4 => {
                        let next = mailbox.last().map_or(1, |uid| uid + 1 + number % 2);
                        mailbox.push(next);
                        map.exists(mailbox.len() as u32);
                    }
                    _ => {}
                }
                for (place, uid) in mailbox.iter().enumerate() {
                    let said = map.uid_of(place as u32 + 1);
                    prop_assert!(said.is_none_or(|said| said == *uid));
                }
                prop_assert_eq!(map.uid_of(mailbox.len() as u32 + 1), None);
            }
        }
    }

    #[test]
    fn neighbours_are_one_run() {
        let mut map = UidMap::default();
        for number in [5_u32, 3, 4, 1, 2] {
            map.learn(number, number + 100);
        }
        assert_eq!(map.runs, [Run { seq: 1, uid: 101, len: 5 }]);
        map.expunge(3);
        assert_eq!(
            (map.uid_of(2), map.uid_of(3), map.uid_of(4), map.uid_of(5)),
            (Some(102), Some(104), Some(105), None)
        );
    }

    fn map(runs: &[(u32, u32, u32)]) -> UidMap {
        UidMap { runs: runs.iter().map(|(seq, uid, len)| Run { seq: *seq, uid: *uid, len: *len }).collect() }
    }

    fn learnt(facts: &[(u32, u32)]) -> UidMap {
        let mut map = UidMap::default();
        facts.iter().for_each(|(seq, uid)| map.learn(*seq, *uid));
        map
    }

    #[test]
    fn a_run_grows_at_both_ends() {
        assert_eq!(learnt(&[(1, 11), (2, 12), (3, 13)]), map(&[(1, 11, 3)]));
        assert_eq!(learnt(&[(3, 13), (2, 12), (1, 11)]), map(&[(1, 11, 3)]));
        assert_eq!(learnt(&[(1, 11), (3, 14), (2, 12)]), map(&[(1, 11, 2), (3, 14, 1)]));
    }

    #[test]
    fn there_is_no_message_and_no_uid_0() {
        assert_eq!(learnt(&[(0, 5), (5, 0), (0, 0)]), map(&[]));
    }

    #[test]
    fn what_contradicts_the_last_word_is_forgotten() {
        let known = [(2, 12), (3, 13), (9, 40)];
        for fact in [(3, 14), (5, 13), (1, 12), (8, 40), (8, 41), (10, 39)] {
            assert_eq!(learnt(&[&known[..], &[fact]].concat()), map(&[(fact.0, fact.1, 1)]), "{fact:?}");
        }
        assert_eq!(learnt(&[&known[..], &[(5, 14)]].concat()), map(&[(2, 12, 2), (5, 14, 1), (9, 40, 1)]));
    }

    #[test]
    fn one_that_goes_leaves_the_rest_of_its_run() {
        let expunged = |seq| {
            let mut known = map(&[(4, 13, 3), (10, 40, 1)]);
            known.expunge(seq);
            known
        };
        assert_eq!(expunged(3), map(&[(3, 13, 3), (9, 40, 1)]));
        assert_eq!(expunged(4), map(&[(4, 14, 2), (9, 40, 1)]));
        assert_eq!(expunged(5), map(&[(4, 13, 1), (5, 15, 1), (9, 40, 1)]));
        assert_eq!(expunged(6), map(&[(4, 13, 2), (9, 40, 1)]));
        assert_eq!(expunged(10), map(&[(4, 13, 3)]));
        assert_eq!(expunged(11), map(&[(4, 13, 3), (10, 40, 1)]));
    }

    #[test]
    fn what_vanishes_moves_what_lies_behind_it() {
        let vanished = |uids: &str| {
            let mut known = map(&[(1, 11, 4), (5, 20, 1), (9, 40, 2)]);
            known.vanish(&uids.parse().unwrap());
            known
        };
        assert_eq!(vanished("12"), map(&[(1, 11, 1), (4, 20, 1), (8, 40, 2)]));
        assert_eq!(vanished("11"), map(&[(4, 20, 1), (8, 40, 2)]));
        assert_eq!(vanished("20"), map(&[(1, 11, 4), (8, 40, 2)]));
        assert_eq!(vanished("14,40"), map(&[(1, 11, 3), (4, 20, 1)]));
        assert_eq!(vanished("50:60"), map(&[(1, 11, 4), (5, 20, 1), (9, 40, 2)]));
        // It says that more are gone than there were.
        assert_eq!(vanished("1:9"), map(&[]));
        assert_eq!(vanished("15:19"), map(&[]));
        let mut known = map(&[(2, 50, 1)]);
        known.vanish(&"1:5".parse().unwrap());
        assert_eq!(known, map(&[]));
    }

    #[test]
    fn a_mailbox_that_shrank_has_no_messages_beyond_its_end() {
        let known = |count| {
            let mut known = map(&[(2, 12, 3), (9, 40, 1)]);
            known.exists(count);
            known
        };
        assert_eq!(known(9), map(&[(2, 12, 3), (9, 40, 1)]));
        assert_eq!(known(8), map(&[(2, 12, 3)]));
        assert_eq!(known(3), map(&[(2, 12, 2)]));
        assert_eq!(known(1), map(&[]));
    }

    #[test]
    fn a_run_that_is_split_takes_no_more_room_than_there_is() {
        let runs = (0..MOST_RUNS as u32).map(|number| (number * 4 + 1, number * 5 + 1, 3));
        let mut known = map(&runs.collect::<Vec<_>>());
        known.expunge(2);
        assert_eq!(known.runs.len(), MOST_RUNS);
        assert_eq!((known.uid_of(1), known.uid_of(2), known.uid_of(4)), (Some(1), None, Some(6)));
    }

    #[test]
    fn it_takes_so_much_memory_and_no_more() {
        let mut map = UidMap::default();
        for number in 1..100_000_u32 {
            map.learn(number, number * 2);
        }
        assert_eq!(map.runs.len(), MOST_RUNS);
        assert_eq!((map.uid_of(1), map.uid_of(99_999)), (Some(2), None));
        // So many steps are not worth it.
        for (gone, known) in
            [(MOST_WORK / MOST_RUNS, Some(2)), (MOST_WORK / MOST_RUNS + 1, None), (1_000, None)]
        {
            let mut map = map.clone();
            map.vanish(&(1..=gone as u32).map(|number| number * 4).collect());
            assert_eq!(map.uid_of(1), known, "{gone}");
        }
        map.learn(u32::MAX, u32::MAX);
        map.exists(u32::MAX);
    }
}
