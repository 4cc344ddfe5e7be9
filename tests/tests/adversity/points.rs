//! At which bytes connections are broken: at every one, but inside of large content.

use super::wire::{Point, Speaker, Traffic};

/// Content up to so many bytes is broken at every byte.
const SMALL: usize = 64 << 10;

/// Of larger content so much at either end.
const EDGE: usize = 1 << 10;

/// The same where not every byte is wanted.
const NARROW_EDGE: usize = 1 << 6;

/// And of what lies between, one of so many bytes.
const INSIDE: u64 = 1 << 12;

/// Of what all sessions have in common, the login, one of so many bytes where not every one is wanted.
const FEW: u64 = 16;

/// How thoroughly points are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Every byte.
    Full,
    /// Every byte of the session's own work, or one of so many, and some of what all sessions have in common.
    OneOf(u64),
}

impl Extent {
    /// What the environment asks for; unless it asks for all, one of so many bytes.
    pub(crate) fn wanted(one_of: u64) -> Self {
        match std::env::var("ADVERSITY").as_deref() {
            Ok("full") => Self::Full,
            Ok(fewer) => Self::OneOf(one_of * fewer.parse().unwrap_or(1)),
            Err(_) => Self::OneOf(one_of),
        }
    }
}

/// The points of a session in which this was said.
pub(crate) fn points(traffic: &[Traffic], extent: Extent, seed: u64) -> Vec<Point> {
    let mut random = Random(seed);
    let mut points = Vec::new();
    for (connection, traffic) in (1..).zip(traffic) {
        let prelude = traffic.prelude.unwrap_or_default();
        for (speaker, said, prelude) in [
            (Speaker::Server, &traffic.from_server, prelude.0),
            (Speaker::Client, &traffic.from_client, prelude.1),
        ] {
            let edge = if extent == Extent::Full { EDGE } else { NARROW_EDGE };
            let inside = inside_of_content(said, edge);
            for after in 0..=said.len() {
                let is_inside = inside.iter().any(|range| range.contains(&after));
                let is_tried = match extent {
                    _ if is_inside => random.one_of(INSIDE),
                    Extent::Full => true,
                    Extent::OneOf(many) => random.one_of(if after >= prelude { many } else { FEW.max(many) }),
                };
                if is_tried {
                    points.push(Point { connection, speaker, after: after as u64 });
                }
            }
        }
    }
    points
}

/// Where large literals lie in what was said, without their edges.
fn inside_of_content(said: &[u8], edge: usize) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(end) = said[at..].windows(2).position(|pair| pair == b"\r\n").map(|found| at + found) {
        let line = &said[at..end];
        at = end + 2;
        let Some(len) = announced(line) else { continue };
        if len > SMALL && at + len <= said.len() {
            found.push(at + edge..at + len - edge);
        }
        at = (at + len).min(said.len());
    }
    found
}

/// The length of the literal that a line ends with.
fn announced(line: &[u8]) -> Option<usize> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&inner[open + 1..]).ok()?.trim_end_matches('+').parse().ok()
}

/// Numbers that are the same for the same seed (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn one_of(&mut self, many: u64) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.is_multiple_of(many)
    }
}
