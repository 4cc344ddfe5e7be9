//! In which portions messages are asked for: from the front, large while much is left, small towards the end, so that
//! the connections end together.

use std::{collections::VecDeque, ops::RangeInclusive};

use mail_proto::imap::SequenceSet;

/// What is left to ask for.
#[derive(Debug)]
pub(super) struct Windows {
    /// Portions that were asked for and lost, to be asked for first.
    lost: VecDeque<SequenceSet>,
    rest: Rest,
    largest: u64,
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

/// A lane asks for the share of what is left that it would have done in this many rounds.
const ROUNDS: u64 = 8;

impl Windows {
    /// `largest` bounds how many messages are asked for at once.
    pub(super) fn new(set: SequenceSet, largest: u64) -> Self {
        let mut windows = Self { lost: VecDeque::new(), rest: Rest::Whole(SequenceSet::default()), largest };
        windows.begin(set);
        windows
    }

    /// Begins with this set.
    pub(super) fn begin(&mut self, set: SequenceSet) {
        self.rest = match set.len() {
            Some(left) => Rest::Ranges { ranges: set.ranges(0).collect(), left },
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

    /// The next portion, where `lanes` connections share the work.
    pub(super) fn next(&mut self, lanes: usize) -> Option<SequenceSet> {
        if let Some(lost) = self.lost.pop_front() {
            return Some(lost);
        }
        let (ranges, left) = match &mut self.rest {
            Rest::Whole(set) => return Some(std::mem::take(set)).filter(|set| !set.is_empty()),
            Rest::Ranges { ranges, left } => (ranges, left),
        };
        let mut wanted = (*left / (ROUNDS * lanes.max(1) as u64)).clamp(1, self.largest);
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

    /// Takes back what a lane asked for and didn't get.
    pub(super) fn put_back(&mut self, set: SequenceSet) {
        if !set.is_empty() {
            self.lost.push_back(set);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(messages: u32, lanes: usize) -> Vec<u64> {
        let mut windows = Windows::new(SequenceSet::from(1..=messages), 64);
        let sizes: Vec<u64> = std::iter::from_fn(|| windows.next(lanes)?.len()).collect();
        assert!(windows.is_empty());
        sizes
    }

    #[test]
    fn portions_shrink_towards_the_end_and_leave_nothing_out() {
        for lanes in [1, 8] {
            let sizes = sizes(2000, lanes);
            assert_eq!(sizes.iter().sum::<u64>(), 2000);
            assert!(sizes.is_sorted_by(|one, next| one >= next));
            assert_eq!(sizes.last(), Some(&1));
        }
        assert_eq!(sizes(2000, 8)[0], 31);
        assert_eq!(sizes(2000, 1)[0], 64);
    }

    #[test]
    fn what_was_lost_comes_first() {
        let mut windows = Windows::new(SequenceSet::from(1..=100), 64);
        let first = windows.next(1).unwrap();
        windows.put_back(first.clone());
        assert_eq!(windows.next(1), Some(first));
    }

    #[test]
    fn a_set_with_a_star_is_one_portion() {
        let mut windows = Windows::new(SequenceSet::starting_at(7), 64);
        assert_eq!(windows.next(8), Some(SequenceSet::starting_at(7)));
        assert!(windows.is_empty());
    }
}
