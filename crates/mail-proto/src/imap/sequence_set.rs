//! Sets of message numbers: sequence numbers or UIDs, kept as ranges and never expanded unasked.

use std::{fmt, ops::RangeInclusive};

use super::{
    encode::{EncodeError, Encoder},
    terminals::{Parsing, fail, nz_number},
};

/// A set of message numbers (`sequence-set`, RFC 9051 section 9), of sequence numbers or of UIDs.
///
/// `*`, the largest number in use, is kept apart from every number, 4294967295 included.
///
/// ```
/// use mail_proto::imap::SequenceSet;
///
/// let set: SequenceSet = [3, 1, 2, 7].into_iter().collect();
/// assert_eq!(set.to_string(), "1:3,7");
/// assert_eq!("5:*".parse::<SequenceSet>()?.to_string(), "5:*");
/// # Ok::<(), mail_proto::imap::InvalidSet>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SequenceSet {
    ranges: Vec<Range>,
    /// `$`, which stands alone.
    saved: bool,
    /// Whether the ranges are numbers from low to high, none in two of them, so that they can be searched.
    ascending: bool,
}

/// A range, both ends in it. The ends stand as they came, so `5:*` and `*:5` differ in form and mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Range {
    first: Bound,
    last: Bound,
}

/// A number, or 0 for `*`, since no message has the number 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Bound(u32);

impl Bound {
    const STAR: Self = Self(0);
}

/// A text that isn't a `sequence-set`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a set of message numbers")]
pub struct InvalidSet;

impl SequenceSet {
    /// The set `1:*`: every message.
    pub fn all() -> Self {
        Self::starting_at(1)
    }

    /// The set `$`: the result that the last `SEARCH RETURN (SAVE)` left with the server (RFC 9051 section 6.4.4.1,
    /// RFC 5182). What is in it, only the server knows.
    pub fn saved() -> Self {
        Self { ranges: Vec::new(), saved: true, ascending: false }
    }

    /// Whether this is the set `$`.
    pub fn is_saved(&self) -> bool {
        self.saved
    }

    /// The set `n:*`: from a number on. If the mailbox has no such message, `*` is below `n` and the set holds the
    /// last message. The number 0 is taken as 1.
    pub fn starting_at(first: u32) -> Self {
        let range = Range { first: Bound(first.max(1)), last: Bound::STAR };
        Self { ranges: vec![range], saved: false, ascending: false }
    }

    /// Whether the set is empty. The wire has no empty set.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty() && !self.saved
    }

    /// Whether the set holds `*` or is `$`, so that only the server knows its members.
    pub fn is_open(&self) -> bool {
        self.saved || self.has_star()
    }

    /// Whether `*` is in the set, so that its members depend on the mailbox.
    pub fn has_star(&self) -> bool {
        self.ranges.iter().any(|range| range.first == Bound::STAR || range.last == Bound::STAR)
    }

    /// Whether the set holds this number whatever the mailbox holds. `*` counts as larger than any number.
    pub fn contains(&self, number: u32) -> bool {
        if self.ascending {
            let behind = self.ranges.partition_point(|range| range.first.0 <= number);
            return self.ranges[..behind].last().is_some_and(|range| number <= range.last.0);
        }
        self.spans().any(|(first, last)| first <= u64::from(number) && u64::from(number) <= last)
    }

    /// Whether the two sets may have a number in common. `*` and `$` may be any number.
    pub fn overlaps(&self, other: &Self) -> bool {
        if self.is_open() || other.is_open() {
            return true;
        }
        let (few, many) = if self.ranges.len() < other.ranges.len() { (self, other) } else { (other, self) };
        if many.ascending {
            return few.spans().any(|(first, last)| {
                let behind = many.ranges.partition_point(|range| u64::from(range.first.0) <= last);
                many.ranges[..behind].last().is_some_and(|range| first <= u64::from(range.last.0))
            });
        }
        // In order, and what overlaps within one set joined.
        let joined = |set: &Self| {
            let mut spans: Vec<_> = set.spans().collect();
            spans.sort_unstable();
            let mut joined: Vec<(u64, u64)> = Vec::with_capacity(spans.len());
            for (first, last) in spans {
                match joined.last_mut() {
                    Some(before) if first <= before.1 => before.1 = before.1.max(last),
                    _ => joined.push((first, last)),
                }
            }
            joined
        };
        let [one, other] = [few, many].map(joined);
        one.iter().any(|(first, last)| {
            let behind = other.partition_point(|(begin, _)| begin <= last);
            other[..behind].last().is_some_and(|(_, end)| first <= end)
        })
    }

    /// The same numbers in order, none twice, neighbours joined into ranges; `None` if the set [is open](Self::is_open).
    pub fn sorted(&self) -> Option<Self> {
        (!self.is_open()).then(|| self.intersection(&(1..=u32::MAX).into()))
    }

    /// The numbers that are in both sets whatever the mailbox holds, in order, none twice. `*` counts as larger than
    /// any number, and what is in `$` isn't known.
    pub fn intersection(&self, other: &Self) -> Self {
        let in_order = |set: &Self| {
            let mut spans: Vec<_> = set.spans().collect();
            spans.sort_unstable();
            spans
        };
        let (ours, theirs) = (in_order(self), in_order(other));
        let (mut ours, mut theirs) = (ours.into_iter().peekable(), theirs.into_iter().peekable());
        let mut common = Self::default();
        // Below this, every common number has been found.
        let mut next = 1;
        while let (Some(one), Some(two)) = (ours.peek(), theirs.peek()) {
            let (first, last) = (one.0.max(two.0).max(next), one.1.min(two.1).min(u64::from(u32::MAX)));
            if first <= last {
                // At most `u32::MAX`, as `last` is.
                common.insert_range(first as u32..=last as u32);
                next = last + 1;
            }
            if one.1 <= two.1 {
                ours.next();
            } else {
                theirs.next();
            }
        }
        common
    }

    /// The numbers of this set that aren't in the other, in order, none twice. `*` counts as larger than any number, and
    /// what is in `$` isn't known.
    pub fn difference(&self, other: &Self) -> Self {
        let mut spans: Vec<_> = other.spans().collect();
        spans.sort_unstable();
        let mut gaps = Self::default();
        let mut next = 1;
        for (first, last) in spans {
            // Below `first`, which is at most what `*` counts as, so that 32 bits hold it.
            gaps.insert_range(next..=(first - 1) as u32);
            match u32::try_from(last + 1) {
                Ok(behind) => next = next.max(behind),
                Err(_) => return self.intersection(&gaps),
            }
        }
        gaps.insert_range(next..=u32::MAX);
        self.intersection(&gaps)
    }

    /// How many numbers the set holds, `None` if it [is open](Self::is_open). A number that stands in two ranges counts twice.
    pub fn len(&self) -> Option<u64> {
        (!self.is_open()).then(|| self.spans().map(|(first, last)| last - first + 1).sum())
    }

    /// The numbers in the order in which they stand, one at a time; `None` if the set [is open](Self::is_open).
    pub fn numbers(&self) -> Option<impl Iterator<Item = u32> + '_> {
        // Without `*` both ends are numbers of 32 bits.
        (!self.is_open()).then(|| self.spans().flat_map(|(first, last)| first as u32..=last as u32))
    }

    /// Adds a number. The next after the last one makes its range longer.
    pub fn insert(&mut self, number: u32) {
        self.insert_range(number..=number);
    }

    /// Adds a range. One that begins right behind the last range makes it longer. Numbers begin at 1; an empty range
    /// adds nothing, and nothing can be added to `$`.
    pub fn insert_range(&mut self, numbers: RangeInclusive<u32>) {
        let (first, last) = ((*numbers.start()).max(1), *numbers.end());
        if first > last {
            return;
        }
        match self.ranges.last_mut() {
            _ if self.saved => {}
            Some(range)
                if range.first.0 <= range.last.0
                    && range.first != Bound::STAR
                    && range.last.0.checked_add(1) == Some(first) =>
            {
                range.last = Bound(last);
            }
            _ => self.push(Range { first: Bound(first), last: Bound(last) }),
        }
    }

    fn push(&mut self, range: Range) {
        let in_order = range.first != Bound::STAR && range.first.0 <= range.last.0;
        let behind = match self.ranges.last() {
            None => true,
            Some(before) => self.ascending && before.last.0 < range.first.0,
        };
        self.ascending = in_order && behind;
        self.ranges.push(range);
    }

    /// The ranges in the set's order, `*` being `largest`, the smaller number first.
    ///
    /// This is how a server reads a set: `5:*` is `3..=5` where 3 is the largest UID in use (RFC 9051 section 9,
    /// `seq-range`), and in an empty mailbox, where `largest` is 0, `*` is no message's number.
    pub fn ranges(&self, largest: u32) -> impl Iterator<Item = RangeInclusive<u32>> + '_ {
        let value = move |bound: Bound| if bound == Bound::STAR { largest } else { bound.0 };
        self.ranges.iter().map(move |range| {
            let (first, last) = (value(range.first), value(range.last));
            first.min(last)..=first.max(last)
        })
    }

    /// The ranges from low to high, `*` above every number.
    fn spans(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let value = |bound: Bound| if bound == Bound::STAR { 1 << 32 } else { u64::from(bound.0) };
        self.ranges.iter().map(move |range| {
            let (first, last) = (value(range.first), value(range.last));
            (first.min(last), first.max(last))
        })
    }

    /// `sequence-set = (seq-number / seq-range) ["," sequence-set]`, or `seq-last-command = "$"`
    pub(crate) fn parse(input: &[u8]) -> Parsing<'_, Self> {
        if let [b'$', rest @ ..] = input {
            return Ok((rest, Self::saved()));
        }
        let commas = input
            .iter()
            .take_while(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b':' | b'*'))
            .filter(|byte| **byte == b',')
            .count();
        let mut set = Self { ranges: Vec::with_capacity(commas + 1), ..Self::default() };
        let mut input = input;
        loop {
            let (rest, first) = bound(input)?;
            let (rest, last) = match rest {
                [b':', rest @ ..] => bound(rest)?,
                _ => (rest, first),
            };
            set.push(Range { first, last });
            match rest {
                [b',', rest @ ..] => input = rest,
                _ => return Ok((rest, set)),
            }
        }
    }

    pub(crate) fn encode(&self, out: &mut Encoder, what: &'static str) {
        if self.is_empty() {
            out.fail(EncodeError::Empty { what });
        }
        if self.saved {
            out.raw("$");
        }
        let bound = |out: &mut Encoder, bound: Bound| {
            if bound == Bound::STAR {
                out.raw("*")
            } else {
                out.number(u64::from(bound.0))
            };
        };
        for (index, range) in self.ranges.iter().enumerate() {
            if index > 0 {
                out.raw(",");
            }
            bound(out, range.first);
            if range.first != range.last {
                out.raw(":");
                bound(out, range.last);
            }
        }
    }
}

fn bound(input: &[u8]) -> Parsing<'_, Bound> {
    match input {
        [b'*', rest @ ..] => Ok((rest, Bound::STAR)),
        _ => match nz_number(input) {
            Ok((rest, number)) => Ok((rest, Bound(number))),
            Err(_) => fail(input, "a message number or \"*\""),
        },
    }
}

impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = |f: &mut fmt::Formatter<'_>, bound: Bound| {
            if bound == Bound::STAR { f.write_str("*") } else { write!(f, "{}", bound.0) }
        };
        if self.saved {
            return f.write_str("$");
        }
        for (index, range) in self.ranges.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            bound(f, range.first)?;
            if range.first != range.last {
                f.write_str(":")?;
                bound(f, range.last)?;
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for SequenceSet {
    type Err = InvalidSet;

    fn from_str(text: &str) -> Result<Self, InvalidSet> {
        match Self::parse(text.as_bytes()) {
            Ok((b"", set)) => Ok(set),
            _ => Err(InvalidSet),
        }
    }
}

impl From<u32> for SequenceSet {
    fn from(number: u32) -> Self {
        Self::from_iter([number])
    }
}

impl From<RangeInclusive<u32>> for SequenceSet {
    fn from(numbers: RangeInclusive<u32>) -> Self {
        let mut set = Self::default();
        set.insert_range(numbers);
        set
    }
}

impl From<&[u32]> for SequenceSet {
    fn from(numbers: &[u32]) -> Self {
        numbers.iter().copied().collect()
    }
}

impl From<Vec<u32>> for SequenceSet {
    fn from(numbers: Vec<u32>) -> Self {
        numbers.into_iter().collect()
    }
}

/// Sorts the numbers, leaves out zeros and what stands twice, and joins neighbours into ranges.
impl FromIterator<u32> for SequenceSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut numbers: Vec<u32> = numbers.into_iter().filter(|number| *number > 0).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut set = Self::default();
        numbers.into_iter().for_each(|number| set.insert(number));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> SequenceSet {
        text.parse().unwrap()
    }

    #[test]
    fn reads_and_prints_what_it_read() {
        for text in ["1", "1:*", "*", "*:3", "4294967295", "5:1,7,9:4294967295", "$"] {
            assert_eq!(set(text).to_string(), text);
        }
        for text in ["", "0", "1,", "1:", ",1", "4294967296", "a", "1 2", "$,1"] {
            assert_eq!(text.parse::<SequenceSet>(), Err(InvalidSet), "{text:?}");
        }
    }

    #[test]
    fn the_largest_uid_is_not_the_star() {
        assert!(!set("4294967295").has_star());
        assert!(set("5:*").contains(u32::MAX));
        assert_eq!(set("4294967294:4294967295").len(), Some(2));
    }

    #[test]
    fn only_the_server_knows_what_was_saved() {
        let mut saved = SequenceSet::saved();
        saved.insert(5);
        assert_eq!(saved, SequenceSet::saved());
        assert!(saved.overlaps(&set("7")) && !saved.contains(7) && !saved.is_empty());
        assert_eq!((saved.len(), saved.has_star()), (None, false));
    }

    #[test]
    fn overlaps_is_about_numbers() {
        assert!(set("1:5").overlaps(&set("5:9")));
        assert!(!set("1:4,10").overlaps(&set("5:9")));
        assert!(set("9:5").overlaps(&set("6")));
        assert!(set("1").overlaps(&set("*")), "the last message may be any");
    }

    #[test]
    fn order_changes_nothing() {
        use proptest::prelude::*;
        let numbers = || proptest::collection::vec((1..60_u32, 0..4_u32), 1..12);
        proptest!(|(one in numbers(), other in numbers(), number in 1..70_u32)| {
            let has = |ranges: &[(u32, u32)], number| ranges.iter().any(|(first, more)| (*first..=first + more).contains(&number));
            let in_order = |ranges: &[(u32, u32)]| -> SequenceSet {
                (1..70).filter(|number| has(ranges, *number)).collect()
            };
            let as_they_are = |ranges: &[(u32, u32)]| {
                let mut set = SequenceSet::default();
                ranges.iter().for_each(|(first, more)| set.insert_range(*first..=first + more));
                set
            };
            let common = (1..70).any(|number| has(&one, number) && has(&other, number));
            for a in [in_order(&one), as_they_are(&one)] {
                prop_assert_eq!(a.contains(number), has(&one, number));
                for b in [in_order(&other), as_they_are(&other)] {
                    prop_assert_eq!(a.overlaps(&b), common);
                }
            }
        });
    }

    #[test]
    fn what_two_sets_have_in_common() {
        for (one, other, common) in [
            ("1:5,7,3:9", "4:8,2", "2,4:8"),
            ("5:*", "1:7", "5:7"),
            ("*:5", "7", "7"),
            ("*", "1:4294967295", ""),
            ("5:*", "4294967295,9:*", "9:4294967295"),
            ("1", "2", ""),
            ("$", "1:9", ""),
        ] {
            assert_eq!(set(one).intersection(&set(other)).to_string(), common, "{one} and {other}");
            assert_eq!(set(other).intersection(&set(one)).to_string(), common, "{other} and {one}");
        }
        assert_eq!(set("9,3:5,4:7,8").sorted().unwrap().to_string(), "3:9");
        assert_eq!(set("5:*").sorted(), None);
    }

    #[test]
    fn a_common_number_is_in_both_sets_and_no_other_is() {
        use proptest::prelude::*;
        let numbers = || proptest::collection::vec((1..60_u32, 0..9_u32), 0..12);
        proptest!(|(one in numbers(), other in numbers())| {
            let set = |ranges: &[(u32, u32)]| {
                let mut set = SequenceSet::default();
                ranges.iter().for_each(|(first, more)| set.insert_range(*first..=first + more));
                set
            };
            let (one, other) = (set(&one), set(&other));
            let common: Vec<u32> = (1..80).filter(|n| one.contains(*n) && other.contains(*n)).collect();
            prop_assert_eq!(one.intersection(&other), SequenceSet::from(common));
        });
    }

    #[test]
    fn what_one_set_has_and_another_has_not() {
        for (one, other, left) in [
            ("1:10", "3,5:7", "1:2,4,8:10"),
            ("7,1:3", "2", "1,3,7"),
            ("1:3", "1:9", ""),
            ("5,5,4", "9", "4:5"),
            ("4294967290:4294967295", "4294967295,1", "4294967290:4294967294"),
            ("1:3", "2:*", "1"),
        ] {
            let [one, other]: [SequenceSet; 2] = [one, other].map(|set| set.parse().unwrap());
            let found = one.difference(&other);
            assert_eq!(if found.is_empty() { String::new() } else { found.to_string() }, left);
        }
        assert_eq!(SequenceSet::from(3).difference(&SequenceSet::default()), SequenceSet::from(3));
    }

    #[test]
    fn ranges_know_the_star() {
        let ranges = |text, largest| set(text).ranges(largest).collect::<Vec<_>>();
        assert_eq!(ranges("7,9:4,*,5:*", 3), [7..=7, 4..=9, 3..=3, 3..=5]);
        assert_eq!(ranges("*", 0), [0..=0]);
        assert_eq!(ranges("4294967295", 3), [u32::MAX..=u32::MAX]);
    }
}
