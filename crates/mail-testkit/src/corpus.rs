//! Realistic mail that nobody wrote: the same for the same seed, on every machine.

mod compose;
mod encode;
mod random;
mod words;

use std::time::{Duration, SystemTime};

use crate::Message;
use random::Random;

/// The mean size of a message.
const MEAN: f64 = 50_000.0;
/// How many of a thousand messages are small.
const SMALL_PER_MILLE: usize = 600;
/// One of so many messages is large.
const LARGE_EVERY: usize = 400;
const SMALL: (f64, f64) = (1_200.0, 9_000.0);
const MEDIUM: (f64, f64) = (12_500.0, 1_900_000.0);
const LARGE: (f64, f64) = (2_200_000.0, 4_000_000.0);
/// When the newest message came.
const NEWEST: u64 = 1_700_000_000;

/// A mailbox full of made-up mail, as an iterator of messages.
///
/// Sizes are those of real mailboxes: six of ten messages are under 10 KB, one of 400 is over 2 MB, and the mean is
/// 50 KB, so that 2,000 messages come to 100 MB within 5 %. The messages are MIME as it is met: plain text in
/// several character sets and encodings, `multipart/alternative`, `related` and `mixed`, forwarded messages inside
/// messages, attachments, encoded headers.
///
/// The same count and seed give the same octets everywhere. The messages are made when they are asked for.
///
/// ```
/// use mail_testkit::Corpus;
///
/// let total: usize = Corpus::new(20, 7).map(|message| message.body().len()).sum();
/// assert!((900_000..1_100_000).contains(&total));
/// ```
#[derive(Clone, Debug)]
pub struct Corpus {
    random: Random,
    sizes: std::vec::IntoIter<usize>,
    count: usize,
}

impl Corpus {
    /// So many messages; another seed gives other mail of the same sizes on the whole.
    pub fn new(count: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let sizes = sizes(count, &mut random);
        Self { random, sizes: sizes.into_iter(), count }
    }
}

impl Iterator for Corpus {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        let index = self.count - self.sizes.len();
        let size = self.sizes.next()?;
        let mut random = self.random.branch(index as u64);
        // The last message is the newest, and each is about an hour and a half older than the next.
        let age = self.sizes.len() as u64 * 5_400 + random.next() % 5_400;
        let date = NEWEST.saturating_sub(age);
        let mut flags = Vec::new();
        if random.percent(70) {
            flags.push("\\Seen");
        }
        for (flag, percent) in [("\\Answered", 20), ("\\Flagged", 5), ("$Forwarded", 4), ("NonJunk", 10)] {
            if random.percent(percent) {
                flags.push(flag);
            }
        }
        let body = compose::message(&mut random, size, date);
        let received = SystemTime::UNIX_EPOCH + Duration::from_secs(date);
        Some(Message::new(body).with_flags(flags).with_internal_date(received))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.sizes.size_hint()
    }
}

impl ExactSizeIterator for Corpus {}

/// The sizes to aim at, in the order of the mailbox.
fn sizes(count: usize, random: &mut Random) -> Vec<usize> {
    let large = count / LARGE_EVERY;
    let small = (count * SMALL_PER_MILLE).div_ceil(1000).min(count - large);
    let medium = count - large - small;

    let mut sizes = Vec::with_capacity(count);
    sizes.extend((0..small).map(|_| random.log_uniform(SMALL.0, SMALL.1)));
    sizes.extend((0..large).map(|_| LARGE.0 + random.unit() * (LARGE.1 - LARGE.0)));
    let rest = (MEAN * count as f64 - sizes.iter().sum::<f64>()).max(0.0);

    // What is left for the medium ones is shared out by scaling them; those at a limit stay there.
    let mut shares: Vec<f64> = (0..medium).map(|_| random.log_uniform(MEDIUM.0, 600_000.0)).collect();
    for _ in 0..20 {
        let factor = rest / shares.iter().sum::<f64>().max(1.0);
        shares.iter_mut().for_each(|share| *share = (*share * factor).clamp(MEDIUM.0, MEDIUM.1));
    }
    sizes.extend(shares);

    // Fisher and Yates.
    for last in (1..sizes.len()).rev() {
        sizes.swap(last, random.within(0..last + 1));
    }
    sizes.into_iter().map(|size| size as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_thousand_messages_are_a_hundred_megabytes() {
        let sizes: Vec<usize> = Corpus::new(2000, 1).map(|message| message.body().len()).collect();
        let total: usize = sizes.iter().sum();
        assert_eq!(sizes.len(), 2000);
        assert!((95_000_000..105_000_000).contains(&total), "{total}");
        assert_eq!(sizes.iter().filter(|size| **size < 10_000).count(), 1200);
        assert_eq!(sizes.iter().filter(|size| **size > 2_000_000).count(), 5);
    }

    #[test]
    fn a_seed_is_a_mailbox() {
        let bodies = |seed| Corpus::new(60, seed).map(|message| message.body().clone()).collect::<Vec<_>>();
        assert_eq!(bodies(3), bodies(3));
        assert_ne!(bodies(3), bodies(4));
    }

    #[test]
    fn every_count_has_about_the_same_mean() {
        for count in [10, 50, 333, 1000] {
            let total: usize = Corpus::new(count, 9).map(|message| message.body().len()).sum();
            let wanted = count * 50_000;
            assert!(total.abs_diff(wanted) * 20 < wanted, "{count}: {total}");
        }
        assert_eq!(Corpus::new(0, 9).count(), 0);
        assert_eq!(Corpus::new(1, 9).count(), 1);
    }

    #[test]
    fn the_forms_of_real_mail_are_all_there() {
        let all: Vec<u8> = Corpus::new(400, 1).flat_map(|message| message.body().to_vec()).collect();
        for needle in [
            "Content-Type: multipart/alternative",
            "Content-Type: multipart/mixed",
            "Content-Type: multipart/related",
            "Content-Type: message/rfc822",
            "Content-Transfer-Encoding: base64",
            "Content-Transfer-Encoding: quoted-printable",
            "Content-Transfer-Encoding: 8bit",
            "=?UTF-8?B?",
            "=?UTF-8?Q?",
            "charset=iso-8859-1",
            "filename*=UTF-8''",
            "\r\n.",
            "\r\n\t",
        ] {
            assert!(memmem(&all, needle.as_bytes()), "{needle:?}");
        }
        assert!(all.iter().any(|octet| *octet >= 0x80));
        assert!(!memmem(&all, b"\r\r\n"));
    }

    #[test]
    fn lines_end_in_crlf_and_aren_t_too_long() {
        for message in Corpus::new(300, 2) {
            let body = message.body();
            for line in body.split_inclusive(|octet| *octet == b'\n') {
                assert!(line.ends_with(b"\r\n"));
                assert!(line.len() <= 1000, "{} octets in one line", line.len());
            }
        }
    }

    fn memmem(hay: &[u8], needle: &[u8]) -> bool {
        hay.windows(needle.len()).any(|window| window == needle)
    }
}
