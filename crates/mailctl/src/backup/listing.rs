//! What a mailbox has that isn't on disk yet, in 16 bytes a message.

use std::ops::Range;

use crate::maildir::MaildirFlags;

/// A message as the server listed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) uid: u32,
    /// RFC822.SIZE, which is a hint: some servers count wrong.
    pub(crate) size: u32,
    pub(crate) flags: MaildirFlags,
    /// INTERNALDATE in seconds since 1970, if the server sent one that can be read.
    pub(crate) date: Option<i64>,
}

/// Messages by ascending UID, with a mark at those that are dealt with.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    uid: u32,
    size: u32,
    /// The date above, then the mark, whether there is a date, and the flags.
    packed: u64,
}

/// From this size on a message takes a connection long enough to matter.
const LARGE: u32 = 256 << 10;

const FLAG_BITS: u32 = 6;
const HAS_DATE: u64 = 1 << FLAG_BITS;
const MARKED: u64 = HAS_DATE << 1;
const DATE_SHIFT: u32 = FLAG_BITS + 2;

impl Listing {
    /// Room for so many, within reason: the number is a server's.
    pub(crate) fn with_capacity(messages: u32) -> Self {
        Self { entries: Vec::with_capacity(messages.min(1 << 20) as usize) }
    }

    /// Adds a message as it comes; [`Self::sort`] follows when all have.
    pub(crate) fn push(&mut self, message: Listed) {
        let Listed { uid, size, flags, date } = message;
        // 56 bits of seconds reach further than any calendar.
        let date = date.map_or(0, |date| (date.clamp(-(1 << 54), 1 << 54) as u64) << DATE_SHIFT | HAS_DATE);
        self.entries.push(Entry { uid, size, packed: date | u64::from(flags.bits()) });
    }

    /// Brings the messages into order; of those that were listed twice the first stays.
    pub(crate) fn sort(&mut self) {
        self.entries.sort_by_key(|entry| entry.uid);
        self.entries.dedup_by_key(|entry| entry.uid);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The highest UID, 0 if there is none.
    pub(crate) fn last_uid(&self) -> u32 {
        self.entries.last().map_or(0, |entry| entry.uid)
    }

    /// Where a message stands; `None` if it wasn't listed.
    pub(crate) fn find(&self, uid: u32) -> Option<usize> {
        self.entries.binary_search_by_key(&uid, |entry| entry.uid).ok()
    }

    /// The message at a place that [`Self::find`] gave.
    pub(crate) fn get(&self, index: usize) -> Listed {
        let Entry { uid, size, packed } = self.entries[index];
        let date = (packed & HAS_DATE != 0).then_some(packed as i64 >> DATE_SHIFT);
        Listed { uid, size, flags: MaildirFlags::from_bits(packed as u8), date }
    }

    /// Marks the message as dealt with. False if it was marked before.
    pub(crate) fn mark(&mut self, index: usize) -> bool {
        let packed = &mut self.entries[index].packed;
        let is_new = *packed & MARKED == 0;
        *packed |= MARKED;
        is_new
    }

    /// Takes the mark back: it is not dealt with after all.
    pub(crate) fn unmark(&mut self, index: usize) {
        self.entries[index].packed &= !MARKED;
    }

    /// Whether the message is dealt with.
    pub(crate) fn is_marked(&self, index: usize) -> bool {
        self.entries[index].packed & MARKED != 0
    }

    /// Where the messages with UIDs in `first..=last` stand.
    pub(crate) fn between(&self, first: u32, last: u32) -> Range<usize> {
        let start = self.entries.partition_point(|entry| entry.uid < first);
        start..start + self.entries[start..].partition_point(|entry| entry.uid <= last)
    }

    /// The UIDs that need not be asked for again once this message is dealt with: its own, and, if the list
    /// `is_whole`, those between it and the one before, which no message has.
    pub(crate) fn covers(&self, index: usize, is_whole: bool) -> (u32, u32) {
        let uid = self.entries[index].uid;
        let before = index.checked_sub(1).map_or(0, |before| self.entries[before].uid);
        (if is_whole { before + 1 } else { uid }, uid)
    }

    /// The sizes that the server announced of the messages that aren't marked, added up.
    pub(crate) fn unmarked_bytes(&self) -> u64 {
        self.entries
            .iter()
            .filter(|entry| entry.packed & MARKED == 0)
            .map(|entry| u64::from(entry.size))
            .sum()
    }

    /// The messages that aren't marked, as ranges of UIDs, in the order in which several connections fetch them best:
    /// ascending, but with large ones spread over the first three quarters. The one that came last would keep one
    /// connection busy when all others have nothing left to do.
    pub(crate) fn balanced(&self) -> Vec<(u32, u32)> {
        let is_large = |entry: &&Entry| entry.size >= LARGE;
        let unmarked = || self.entries.iter().filter(|entry| entry.packed & MARKED == 0);
        let large = unmarked().filter(is_large).count();
        let small = unmarked().count() - large;
        if large == 0 || large > small / 2 {
            return self.unmarked().collect();
        }
        let mut large_ones = unmarked().filter(is_large);
        let small_ones = unmarked().filter(|entry| !is_large(entry));
        let every = (small * 3 / 4 / large).max(1);
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let mut add = |entry: &Entry| match ranges.last_mut() {
            Some(range) if range.1.checked_add(1) == Some(entry.uid) => range.1 = entry.uid,
            _ => ranges.push((entry.uid, entry.uid)),
        };
        for (index, entry) in small_ones.enumerate() {
            if index % every == 0 {
                large_ones.next().into_iter().for_each(&mut add);
            }
            add(entry);
        }
        ranges
    }

    /// The messages that aren't marked, as ranges of UIDs.
    pub(crate) fn unmarked(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let mut entries =
            self.entries.iter().filter(|entry| entry.packed & MARKED == 0).map(|entry| entry.uid).peekable();
        std::iter::from_fn(move || {
            let first = entries.next()?;
            let mut last = first;
            while let Some(next) = entries.next_if(|&next| next - last == 1) {
                last = next;
            }
            Some((first, last))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn listed(uid: u32) -> Listed {
        Listed { uid, size: 10, flags: MaildirFlags::default(), date: None }
    }

    #[test]
    fn a_message_takes_sixteen_bytes() {
        assert_eq!(size_of::<Entry>(), 16);
    }

    #[test]
    fn what_is_marked_is_not_asked_for() {
        let mut listing = Listing::with_capacity(u32::MAX);
        for uid in [9, 1, 2, 3, 5, 9, u32::MAX] {
            listing.push(listed(uid));
        }
        listing.sort();
        assert_eq!((listing.len(), listing.unmarked_bytes()), (6, 60));
        assert_eq!(listing.unmarked().collect::<Vec<_>>(), [(1, 3), (5, 5), (9, 9), (u32::MAX, u32::MAX)]);
        let two = listing.find(2).unwrap();
        assert!(listing.mark(two));
        assert!(!listing.mark(two));
        assert_eq!(listing.unmarked_bytes(), 50);
        assert_eq!(listing.find(4), None);
        assert_eq!(
            listing.unmarked().collect::<Vec<_>>(),
            [(1, 1), (3, 3), (5, 5), (9, 9), (u32::MAX, u32::MAX)]
        );
        let covers: Vec<_> = (0..listing.len()).map(|index| listing.covers(index, true)).collect();
        assert_eq!(covers, [(1, 1), (2, 2), (3, 3), (4, 5), (6, 9), (10, u32::MAX)]);
        assert_eq!(listing.covers(4, false), (9, 9));
        assert_eq!((listing.between(2, 8), listing.between(10, 20)), (1..4, 5..5));
    }

    #[test]
    fn large_messages_come_early_and_apart() {
        let mut listing = Listing::default();
        for uid in 1..=40 {
            listing.push(Listed { size: if uid > 35 { LARGE } else { 1 }, ..listed(uid) });
        }
        let order: Vec<_> = listing.balanced().into_iter().flat_map(|(first, last)| first..=last).collect();
        let places: Vec<_> =
            (36..=40).map(|uid| order.iter().position(|&other| other == uid).unwrap()).collect();
        assert_eq!(places, [0, 6, 12, 18, 24]);
    }

    proptest! {
        #[test]
        fn nothing_is_left_out_for_balance(sizes in prop::collection::vec((1u32..5, 0..LARGE * 2, any::<bool>()), 0..80)) {
            let mut listing = Listing::default();
            let mut uid = 0;
            for (more, size, _) in &sizes {
                uid += more;
                listing.push(Listed { size: *size, ..listed(uid) });
            }
            for (index, (.., marked)) in sizes.iter().enumerate() {
                if *marked {
                    listing.mark(index);
                }
            }
            let all = |ranges: Vec<(u32, u32)>| {
                let mut uids: Vec<_> = ranges.into_iter().flat_map(|(first, last)| first..=last).collect();
                uids.sort_unstable();
                uids
            };
            prop_assert_eq!(all(listing.balanced()), all(listing.unmarked().collect()));
        }

        #[test]
        fn nothing_is_lost_in_packing(
            uid in 1u32..,
            size: u32,
            bits in 0u8..64,
            date in prop::option::of(-(1i64 << 54)..1 << 54),
        ) {
            let message = Listed { uid, size, flags: MaildirFlags::from_bits(bits), date };
            let mut listing = Listing::default();
            listing.push(message);
            prop_assert_eq!(listing.get(0), message);
            listing.mark(0);
            prop_assert_eq!(listing.get(0), message);
        }
    }
}
