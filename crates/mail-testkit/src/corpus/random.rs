//! A small generator of numbers that are the same on every machine for the same seed.

use std::ops::Range;

/// SplitMix64: far from secret, well mixed, and a few operations a number.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator of its own for the `n`-th of something, whatever was drawn from this one.
    pub(super) fn branch(&self, n: u64) -> Self {
        let mut branch = Self(self.0 ^ n.wrapping_mul(0xd1b5_4a32_d192_ed03));
        branch.next();
        branch
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`; `start` if the range is empty.
    pub(super) fn within(&mut self, range: Range<usize>) -> usize {
        let span = range.end.saturating_sub(range.start).max(1) as u64;
        range.start + (self.next() % span) as usize
    }

    /// True in so many of a hundred cases.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.within(0..of.len())]
    }

    /// From 0 to 1, 1 excluded.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Between the two, each doubling as likely as the next.
    pub(super) fn log_uniform(&mut self, low: f64, high: f64) -> f64 {
        // Only sums and products: powers and logarithms aren't the same to the last bit on every machine.
        let mut octaves = vec![low];
        while let Some(next) = octaves.last().map(|last| last * 2.0).filter(|next| *next < high) {
            octaves.push(next);
        }
        let low = octaves[self.within(0..octaves.len())];
        low + self.unit() * ((low * 2.0).min(high) - low)
    }
}
