//! A set of UIDs as ascending ranges, small however many messages it stands for.

use std::{fmt, str::FromStr};

/// UIDs (1 to 4294967295) as sorted, disjoint, non-adjacent ranges.
///
/// Text form: `1:500,502`, empty for none; the syntax of an IMAP sequence set without `*` (RFC 9051, section 9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UidRanges {
    ranges: Vec<(u32, u32)>,
}

/// The text is no ascending list of UID ranges.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an ascending list of UID ranges")]
pub(crate) struct NotUidRanges;

impl UidRanges {
    pub(crate) fn contains(&self, uid: u32) -> bool {
        let after = self.ranges.partition_point(|&(first, _)| first <= uid);
        after > 0 && self.ranges[after - 1].1 >= uid
    }

    /// Whether all of `first..=last` is in the set; so it is of an empty range.
    pub(crate) fn contains_range(&self, first: u32, last: u32) -> bool {
        let after = self.ranges.partition_point(|&(start, _)| start <= first);
        first > last || (after > 0 && self.ranges[after - 1].1 >= last)
    }

    pub(crate) fn insert(&mut self, uid: u32) {
        self.insert_range(uid, uid);
    }

    /// Adds `first..=last`; nothing if `first` is 0 or greater than `last`.
    pub(crate) fn insert_range(&mut self, first: u32, last: u32) {
        if first == 0 || first > last {
            return;
        }
        // Ranges that overlap or touch the new one: from the first that ends at or after `first - 1` …
        let from = self.ranges.partition_point(|&(_, end)| end < first - 1);
        // … to the last that begins at or before `last + 1`.
        let to = self.ranges.partition_point(|&(start, _)| start <= last.saturating_add(1));
        if from == to {
            self.ranges.insert(from, (first, last));
        } else {
            let merged = (first.min(self.ranges[from].0), last.max(self.ranges[to - 1].1));
            self.ranges[from] = merged;
            self.ranges.drain(from + 1..to);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many UIDs are in the set.
    #[cfg(test)]
    pub(crate) fn len(&self) -> u64 {
        self.ranges.iter().map(|&(first, last)| u64::from(last - first) + 1).sum()
    }

    pub(crate) fn ranges(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.ranges.iter().copied()
    }

    /// The UIDs that are not in the set, up to 4294967295, in at most `most` ranges: where there would be more, the
    /// narrowest runs of members are taken in, so that every UID outside the set is covered and few inside.
    pub(crate) fn complement_covered(&self, most: usize) -> Self {
        let mut gaps = Vec::with_capacity(self.ranges.len() + 1);
        let mut next = Some(1);
        for &(first, last) in &self.ranges {
            if let Some(start) = next.filter(|&start| start < first) {
                gaps.push((start, first - 1));
            }
            next = last.checked_add(1);
        }
        gaps.extend(next.map(|start| (start, u32::MAX)));
        let most = most.max(1);
        if gaps.len() > most {
            let mut widths: Vec<u32> = gaps.windows(2).map(|pair| pair[1].0 - pair[0].1).collect();
            // Keep only the widest `most - 1` separations.
            widths.sort_unstable_by(|a, b| b.cmp(a));
            let mut separations = most - 1;
            let threshold = widths.get(separations).copied().unwrap_or(0);
            let mut covered: Vec<(u32, u32)> = Vec::with_capacity(most);
            for gap in gaps {
                match covered.last_mut() {
                    Some(last) if separations == 0 || gap.0 - last.1 <= threshold => last.1 = gap.1,
                    previous => {
                        separations -= usize::from(previous.is_some());
                        covered.push(gap);
                    }
                }
            }
            gaps = covered;
        }
        Self { ranges: gaps }
    }
}

impl FromIterator<u32> for UidRanges {
    fn from_iter<I: IntoIterator<Item = u32>>(uids: I) -> Self {
        let mut uids: Vec<u32> = uids.into_iter().collect();
        uids.sort_unstable();
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for uid in uids.into_iter().filter(|&uid| uid != 0) {
            match ranges.last_mut() {
                Some(last) if last.1 == uid => {}
                Some(last) if last.1 + 1 == uid => last.1 = uid,
                _ => ranges.push((uid, uid)),
            }
        }
        Self { ranges }
    }
}

impl fmt::Display for UidRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}:{last}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for UidRanges {
    type Err = NotUidRanges;

    fn from_str(text: &str) -> Result<Self, NotUidRanges> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for range in text.split(',').filter(|_| !text.is_empty()) {
            let (first, last) = range.split_once(':').unwrap_or((range, range));
            let number = |text: &str| match text.as_bytes() {
                [b'1'..=b'9', ..] => text.parse::<u32>().map_err(|_| NotUidRanges),
                _ => Err(NotUidRanges),
            };
            let (first, last) = (number(first)?, number(last)?);
            let after = ranges.last().map_or(0, |&(_, end)| u64::from(end) + 1);
            if first > last || (after > 0 && u64::from(first) <= after) {
                return Err(NotUidRanges);
            }
            ranges.push((first, last));
        }
        Ok(Self { ranges })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_of_the_number_range_hold() {
        let mut set = UidRanges::default();
        set.insert(u32::MAX);
        set.insert(1);
        set.insert_range(2, u32::MAX - 1);
        assert_eq!(set.to_string(), "1:4294967295");
        assert!(set.complement_covered(5).is_empty());
        set.insert_range(0, 5);
        set.insert_range(7, 6);
        assert_eq!(set.len(), u64::from(u32::MAX));
        assert_eq!(UidRanges::default().complement_covered(3).to_string(), "1:4294967295");
    }

    #[test]
    fn text_that_is_not_ascending_is_refused() {
        for bad in
            ["0", "1:", ":2", "2:1", "1,2", "1:5,5", "5,1", "1,,9", "*", "1:*", "+1", "01", "4294967296", " "]
        {
            assert_eq!(bad.parse::<UidRanges>(), Err(NotUidRanges), "{bad}");
        }
        assert_eq!("".parse(), Ok(UidRanges::default()));
        assert_eq!("1,3:5".parse::<UidRanges>().map(|set| set.len()), Ok(4));
    }

    proptest! {
        #[test]
        fn it_is_the_set_that_a_tree_would_be(ops in prop::collection::vec((1u32..200, 0u32..12), 0..60), most in 1usize..6) {
            let mut model = BTreeSet::new();
            let mut set = UidRanges::default();
            for (first, more) in ops {
                model.extend(first..=first + more);
                set.insert_range(first, first + more);
            }
            for uid in 0..220 {
                prop_assert_eq!(set.contains(uid), model.contains(&uid));
            }
            for (first, last) in [(1, 3), (5, 5), (7, 60), (9, 8)] {
                prop_assert_eq!(set.contains_range(first, last), (first..=last).all(|uid| model.contains(&uid)));
            }
            prop_assert_eq!(set.len(), model.len() as u64);
            prop_assert_eq!(&set.to_string().parse::<UidRanges>().unwrap(), &set);
            prop_assert_eq!(&model.iter().copied().collect::<UidRanges>(), &set);

            let covered = set.complement_covered(most);
            prop_assert!(covered.ranges().count() <= most);
            let exact = set.complement_covered(usize::MAX);
            for uid in 1..220 {
                prop_assert_eq!(exact.contains(uid), !model.contains(&uid));
                prop_assert!(model.contains(&uid) || covered.contains(uid));
            }
            prop_assert_eq!(&covered.to_string().parse::<UidRanges>().unwrap(), &covered);
        }
    }
}
