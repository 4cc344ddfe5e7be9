//! Mutations of seeds for the runs on stable: a poor man's libFuzzer, and the same each time.

use crate::random::Random;

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
