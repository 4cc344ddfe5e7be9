//! Sets of message numbers, and dates.

use mail_proto::imap::{DateTime, SequenceSet};

use crate::shown;

/// Lines of text: each that is a set or a date means the same to all who look at it.
pub fn sets_and_dates_mean_what_they_say(data: &[u8]) {
    let mut sets: Vec<SequenceSet> = Vec::new();
    for line in data.split(|byte| *byte == b'\n') {
        if let Some(date) = DateTime::parse(line) {
            check_date(date, line);
        }
        if let Some(set) = std::str::from_utf8(line).ok().and_then(|text| text.parse::<SequenceSet>().ok()) {
            check_set(&set, line);
            sets.push(set);
        }
    }
    for pair in sets.windows(2) {
        let [one, other] = pair else { continue };
        let overlaps = one.overlaps(other);
        assert_eq!(overlaps, other.overlaps(one), "{one} and {other}");
        let common = one.numbers().into_iter().flatten().take(SOME).any(|number| other.contains(number));
        assert!(overlaps || !common, "{one} and {other} have numbers in common");
        if one.len().is_some_and(|len| len <= SOME as u64) && !other.is_open() {
            assert_eq!(overlaps, common, "{one} and {other}");
        }
    }
}

/// Sets can hold four billion numbers: so many are looked at.
const SOME: usize = 100;

fn check_set(set: &SequenceSet, line: &[u8]) {
    assert!(!set.is_empty(), "{} is a set of nothing", shown(line));
    let written = set.to_string();
    assert_eq!(written.parse().as_ref(), Ok(set), "{} was written as {written}", shown(line));
    let largest = 1000;
    for range in set.ranges(largest).take(SOME) {
        assert!(range.start() <= range.end(), "a range from high to low in {set}");
    }
    assert_eq!(set.is_open(), set.len().is_none());
    assert_eq!(set.is_open(), set.numbers().is_none());
    let Some(len) = set.len() else { return };
    let numbers: Vec<u32> = set.numbers().into_iter().flatten().take(SOME).collect();
    assert_eq!(numbers.len() as u64, len.min(SOME as u64), "{set}");
    assert!(numbers.iter().all(|number| *number > 0 && set.contains(*number)), "{set} holds {numbers:?}");
    let spans: Vec<_> = set.ranges(largest).collect();
    for number in numbers.iter().flat_map(|number| [number.saturating_sub(1), number.saturating_add(1)]) {
        let expected = spans.iter().any(|range| range.contains(&number));
        assert_eq!(set.contains(number), expected, "{number} in {set}");
    }
    if len <= SOME as u64 {
        // In order, and each number once: the same numbers.
        let sorted: SequenceSet = numbers.iter().copied().collect();
        let mut expected = numbers;
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(sorted.numbers().into_iter().flatten().collect::<Vec<_>>(), expected);
        assert!(sorted.overlaps(set) && set.overlaps(&sorted));
    }
}

fn check_date(date: DateTime, line: &[u8]) {
    assert!(
        (1..=12).contains(&date.month) && (1..=31).contains(&date.day) && date.hour < 24 && date.minute < 60,
        "{} was read as {date:?}",
        shown(line)
    );
    let seconds = date.unix_seconds();
    let again = DateTime::from_unix_seconds(seconds);
    if (-62_167_219_200..=253_402_300_799).contains(&seconds) {
        assert_eq!(again.unix_seconds(), seconds, "{date:?} and {again:?}");
    }
    assert_eq!(again.offset, 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;

    #[test]
    fn seeds_are_sets_and_dates() {
        let seeds = Target::find("imap_sets_and_dates").unwrap().seeds();
        let lines = || seeds.iter().flat_map(|seed| seed.split(|byte| *byte == b'\n'));
        let dates = lines().filter(|line| DateTime::parse(line).is_some()).count();
        let is_set =
            |line: &&[u8]| std::str::from_utf8(line).is_ok_and(|text| text.parse::<SequenceSet>().is_ok());
        let sets = lines().filter(is_set).count();
        assert!(dates >= 6 && sets >= 20, "{dates} {sets}");
    }
}
