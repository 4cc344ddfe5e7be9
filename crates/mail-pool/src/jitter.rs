//! Chance, so that many pools don't act in step.

/// Marsaglia's xorshift64: evenly spread is all that is asked of it.
#[derive(Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) const fn new(seed: u64) -> Self {
        // It never leaves 0.
        Self(seed | 1)
    }

    /// The next share of a whole: at least 0, less than 1.
    pub(crate) fn share(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The triple of shifts has the full period; the figures are those of the generator as published.
    #[test]
    fn it_is_drawn_from_xorshift64() {
        for seed in [0, 1] {
            let mut jitter = Jitter::new(seed);
            for draw in [1_082_269_761u64, 1_152_992_998_833_853_505, 11_177_516_664_432_764_457] {
                assert_eq!(jitter.share(), (draw >> 11) as f64 / (1u64 << 53) as f64);
            }
        }
    }

    #[test]
    fn it_is_spread_evenly() {
        let mut jitter = Jitter::new(1);
        let mut buckets = [0; 10];
        for _ in 0..10_000 {
            buckets[(jitter.share() * 10.0) as usize] += 1;
        }
        assert!(buckets.iter().all(|count| (800..1_200).contains(count)), "{buckets:?}");
    }
}
