//! In which portions messages are asked for: from the front, large while much is left, small towards the end, so that
//! the connections end together.

use std::{collections::VecDeque, ops::RangeInclusive};

use mail_proto::imap::SequenceSet;

/// What is left to ask for.
#[derive(Debug)]
pub(super) struct Windows {
    /// Portions that were asked for and lost, to be asked for first.
    lost: VecDeque<Portion>,
    rest: Rest,
    /// How many portions were cut so far.
    portions: u64,
    largest: u64,
    /// What came so far: messages, and their bytes.
    come: (u64, u64),
}

/// Messages to be asked for at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Portion {
    /// Where it stands among the portions, from the front.
    pub(super) place: u64,
    pub(super) set: SequenceSet,
    /// Whether it was taken from a connection that kept silent: the next one keeps it, however long it takes.
    pub(super) was_handed_on: bool,
}

#[derive(Debug)]
enum Rest {
    /// It isn't cut into portions, as with `*` in it it can't be: nobody knows how many messages it means.
    Whole(SequenceSet),
    Ranges {
        ranges: VecDeque<RangeInclusive<u32>>,
        left: u64,
    },
}

/// How large a message is taken to be before the first has come.
const USUAL: u64 = 64 << 10;

/// Fewer bytes than this aren't worth a portion of their own.
const LEAST_BYTES: u64 = 128 << 10;

/// A lane asks for the share of what is left that it would have done in this many rounds.
const ROUNDS: u64 = 8;

impl Windows {
    /// `largest` bounds how many messages are asked for at once.
    pub(super) fn new(set: SequenceSet, largest: u64) -> Self {
        let rest = Rest::Whole(SequenceSet::default());
        let mut windows = Self { lost: VecDeque::new(), rest, portions: 0, largest, come: (0, 0) };
        windows.begin(set);
        windows
    }

    /// Begins with this set. Unless it is open it is gone through by rising number, each once however often it is in
    /// the set: in two portions, a message would come twice.
    pub(super) fn begin(&mut self, set: SequenceSet) {
        let sorted = set.sorted();
        self.rest = match sorted.as_ref().and_then(|sorted| Some((sorted, sorted.len()?))) {
            Some((sorted, left)) => Rest::Ranges { ranges: sorted.ranges(0).collect(), left },
            None => Rest::Whole(set),
        };
    }

    /// Begins with this set, as one portion.
    pub(super) fn begin_whole(&mut self, set: SequenceSet) {
        self.rest = Rest::Whole(set);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lost.is_empty()
            && match &self.rest {
                Rest::Whole(set) => set.is_empty(),
                Rest::Ranges { left, .. } => *left == 0,
            }
    }

    /// Notes how many bytes came of a message.
    pub(super) fn learn(&mut self, bytes: u64) {
        self.come = (self.come.0 + 1, self.come.1.saturating_add(bytes));
    }

    /// Whether a portion that was lost waits to be asked for again.
    pub(super) fn first_lost(&self) -> Option<u64> {
        self.lost.iter().map(|portion| portion.place).min()
    }

    /// The place of the next portion.
    pub(super) fn next_place(&self) -> u64 {
        self.first_lost().unwrap_or(self.portions)
    }

    /// The next portion, where `lanes` connections share the work, of so many messages at most, and about so many bytes.
    pub(super) fn next(&mut self, lanes: usize, most: u64, bytes: u64) -> Option<Portion> {
        let lost = self.lost.iter().enumerate().min_by_key(|(_, portion)| portion.place);
        if let Some((at, _)) = lost {
            return self.lost.remove(at);
        }
        let place = self.portions;
        let set = self.cut(lanes, most.min(self.largest), bytes)?;
        self.portions += 1;
        Some(Portion { place, set, was_handed_on: false })
    }

    fn cut(&mut self, lanes: usize, most: u64, bytes: u64) -> Option<SequenceSet> {
        let (ranges, left) = match &mut self.rest {
            Rest::Whole(set) => return Some(std::mem::take(set)).filter(|set| !set.is_empty()),
            Rest::Ranges { ranges, left } => (ranges, left),
        };
        let usual = self.come.1.checked_div(self.come.0).unwrap_or(USUAL).max(1);
        let largest = (bytes / usual).clamp(1, most);
        let mut wanted = (*left / (ROUNDS * lanes.max(1) as u64)).max(LEAST_BYTES / usual).clamp(1, largest);
        let mut portion = SequenceSet::default();
        while wanted > 0 {
            let Some(range) = ranges.pop_front() else { break };
            let (first, last) = range.into_inner();
            let len = u64::from(last - first) + 1;
            if len > wanted {
                // Less than the range's length, so 32 bits hold it.
                let behind = first + wanted as u32;
                ranges.push_front(behind..=last);
                portion.insert_range(first..=behind - 1);
                *left -= wanted;
                break;
            }
            portion.insert_range(first..=last);
            *left -= len;
            wanted -= len;
        }
        Some(portion).filter(|portion| !portion.is_empty())
    }

    /// Takes messages that are to be asked for when all else has come.
    pub(super) fn put_last(&mut self, set: SequenceSet) {
        let place = self.portions;
        self.portions += 1;
        self.put_back(Portion { place, set, was_handed_on: false });
    }

    /// Takes back what a lane asked for and didn't get.
    pub(super) fn put_back(&mut self, portion: Portion) {
        if !portion.set.is_empty() {
            self.lost.push_back(portion);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: u64 = u64::MAX;

    fn sizes(messages: u32, lanes: usize, bytes: u64, each: u64) -> Vec<u64> {
        let mut windows = Windows::new(SequenceSet::from(1..=messages), 64);
        let sizes: Vec<u64> = std::iter::from_fn(|| {
            let portion = windows.next(lanes, 64, bytes)?.set.len()?;
            (0..portion).for_each(|_| windows.learn(each));
            Some(portion)
        })
        .collect();
        assert!(windows.is_empty());
        sizes
    }

    #[test]
    fn portions_shrink_towards_the_end_and_leave_nothing_out() {
        for lanes in [1, 8] {
            let sizes = sizes(2000, lanes, MANY, 1 << 20);
            assert_eq!(sizes.iter().sum::<u64>(), 2000);
            assert!(sizes.is_sorted_by(|one, next| one >= next));
            assert_eq!(sizes.last(), Some(&1));
        }
        assert_eq!(sizes(2000, 8, MANY, 1 << 20)[0], 31);
        assert_eq!(sizes(2000, 1, MANY, 1 << 20)[0], 64);
    }

    #[test]
    fn portions_hold_so_many_bytes_and_small_messages_share_the_last() {
        let large = sizes(500, 1, 1 << 20, 300 << 10);
        assert_eq!((large[0], large[1], large.last()), (16, 3, Some(&1)));
        let small = sizes(500, 8, 1 << 20, 1 << 10);
        assert!(small.iter().rev().skip(1).all(|len| *len >= 7), "{small:?}");
        assert_eq!(sizes(3, 1, 1 << 20, 9 << 20), [2, 1]);
    }

    #[test]
    fn what_was_lost_comes_first() {
        let mut windows = Windows::new(SequenceSet::from(1..=100), 64);
        let first = windows.next(1, 64, MANY).unwrap();
        let second = windows.next(1, 64, MANY).unwrap();
        assert_eq!((first.place, second.place, windows.first_lost()), (0, 1, None));
        windows.put_back(second.clone());
        windows.put_back(first.clone());
        assert_eq!(windows.next_place(), 0);
        assert_eq!(windows.next(1, 64, MANY), Some(first));
        assert_eq!(windows.next(1, 64, MANY), Some(second));
        assert_eq!(windows.next_place(), 2);
    }

    #[test]
    fn a_number_that_is_in_the_set_twice_is_in_one_portion() {
        let mut windows = Windows::new("9,1:10,5".parse().unwrap(), 64);
        let mut all = Vec::new();
        while let Some(portion) = windows.next(1, 4, MANY) {
            all.extend(portion.set.numbers().unwrap());
        }
        assert_eq!(all, Vec::from_iter(1..=10));
        assert!(windows.is_empty());
    }

    #[test]
    fn a_set_with_a_star_is_one_portion() {
        let mut windows = Windows::new(SequenceSet::starting_at(7), 64);
        assert_eq!(windows.next(8, 64, MANY).unwrap().set, SequenceSet::starting_at(7));
        assert!(windows.is_empty());
    }
}
