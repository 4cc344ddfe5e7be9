//! Mutations of seeds for the runs on stable: a poor man's libFuzzer, and the same each time.

/// Numbers that look random, from a seed (xorshift64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn byte(&mut self) -> u8 {
        (self.next() >> 56) as u8
    }

    /// Below `limit`, which isn't 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        ((self.next() >> 16) % limit as u64) as usize
    }
}

/// Bytes that mean something to a parser.
const SPECIAL: &[u8] = b"\"\\(){}[]<>*%&=+-~.:,/ 0\t\r\n\0\x7f\xff";

/// Endless mutations of seeds, with words of a dictionary.
pub(crate) struct Mutations<'a> {
    seeds: &'a [Vec<u8>],
    dictionary: &'a [Vec<u8>],
    random: Random,
}

impl<'a> Mutations<'a> {
    pub(crate) fn new(seeds: &'a [Vec<u8>], dictionary: &'a [Vec<u8>]) -> Self {
        Self { seeds, dictionary, random: Random::new(seeds.len() as u64) }
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        let Self { seeds, dictionary, random } = self;
        let at = random.below(input.len() + 1);
        let end = (at + random.below(20)).min(input.len());
        match random.below(9) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 if at < input.len() => input[at] = random.byte(),
            2 if at < input.len() => input[at] = SPECIAL[random.below(SPECIAL.len())],
            3 => input.insert(at, SPECIAL[random.below(SPECIAL.len())]),
            4 => drop(input.drain(at..end)),
            5 => {
                let piece = input[at..end].to_vec();
                input.splice(at..at, piece.repeat(1 + random.below(8)));
            }
            6 => input.truncate(at),
            7 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                input.splice(at..end, other[from..].iter().copied());
            }
            _ => {
                let word = &dictionary[random.below(dictionary.len())];
                input.splice(at..end.min(at + word.len()), word.iter().copied());
            }
        }
    }
}

impl Iterator for Mutations<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut input = self.seeds[self.random.below(self.seeds.len())].clone();
        for _ in 0..1 + self.random.below(4) {
            self.mutate(&mut input);
        }
        Some(input)
    }
}
