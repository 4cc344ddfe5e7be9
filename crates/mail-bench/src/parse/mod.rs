//! Reading and writing IMAP, against imap-proto and imap-codec on the same bytes.
//!
//! Every side walks the whole value within the measured time: numbers, flags, the lengths of all strings. Ours
//! includes framing, from bytes as they come off a socket to the values that users get. The floor is a search for line
//! feeds. Runs of the sides are interleaved.

pub(crate) mod imap_codec;
mod imap_proto;
mod inputs;
pub(crate) mod ours;

use std::{hint::black_box, time::Instant};

use crate::{
    allocations,
    report::{Report, Row, Samples},
};
use inputs::Input;

/// How often each side works through an input.
const RUNS: usize = 101;

/// A run takes at least so long, in seconds.
const RUN: f64 = 0.004;

/// Something that works through an input and returns a number made of all that it saw.
type Side<'a> = (&'static str, Box<dyn Fn() -> u64 + 'a>);

/// Measures the works that are named, or all of them.
pub(crate) fn run(only: &[&str]) -> Report {
    let wanted = |work: &str| only.is_empty() || only.contains(&work);
    let mut rows = Vec::new();
    for input in Input::all().into_iter().filter(|input| wanted(input.work)) {
        let wire = &input.wire;
        let sides: Vec<Side<'_>> = vec![
            ("ours", Box::new(|| ours::read(wire))),
            ("imap-proto", Box::new(|| imap_proto::read(wire))),
            ("imap-codec", Box::new(|| imap_codec::read(wire))),
            ("floor", Box::new(|| memchr::memchr_iter(b'\n', wire).count() as u64)),
        ];
        let bytes = wire.len() as f64 / 1e6;
        rows.push(row(input.work, "rate", "MB/s", "more", &sides, |seconds| bytes / seconds));
        rows.push(allocations_row(input.work, "/response", &sides[..3], input.responses));
    }
    let (store, set) = (ours::Encoding::store(), ours::Encoding::set());
    let append = ours::Encoding::append();
    let rival = [imap_codec::Encoding::store(), imap_codec::Encoding::set(), imap_codec::Encoding::append()];
    for (work, ours, theirs) in [
        ("encode-store", &store, &rival[0]),
        ("encode-set", &set, &rival[1]),
        ("encode-append", &append, &rival[2]),
    ] {
        if !wanted(work) {
            continue;
        }
        let sides: Vec<Side<'_>> =
            vec![("ours", Box::new(|| ours.write())), ("imap-codec", Box::new(|| theirs.write()))];
        rows.push(row(work, "wall", "µs", "less", &sides, |seconds| seconds * 1e6));
        let bytes = ours.write() as f64 / 1e6;
        let rate = rows.last().map(|wall| wall.converted("rate", "MB/s", "more", |wall| bytes * 1e6 / wall));
        rows.extend(rate);
        rows.push(allocations_row(work, "/command", &sides, 1));
    }
    if !wanted("split-5mb") {
        return Report { name: "parse", rows };
    }
    let line = inputs::long_line();
    let sides: Vec<Side<'_>> = vec![
        ("ours", Box::new(|| ours::read_in_pieces(&line, 1_460))),
        ("ours-whole", Box::new(|| ours::read(&line))),
        ("floor", Box::new(|| memchr::memchr_iter(b'\n', &line).count() as u64)),
    ];
    rows.push(row("split-5mb", "wall", "ms", "less", &sides, |seconds| seconds * 1e3));
    Report { name: "parse", rows }
}

/// Measures the sides in turn, so that what else the machine does falls on all of them.
fn row(
    work: &'static str,
    metric: &'static str,
    unit: &'static str,
    better: &'static str,
    sides: &[Side<'_>],
    figure: impl Fn(f64) -> f64,
) -> Row {
    let rounds: Vec<u32> = sides.iter().map(|(_, side)| (RUN / once(side, 1)).ceil() as u32).collect();
    let mut samples = vec![Samples::default(); sides.len()];
    for _ in 0..RUNS {
        for ((samples, (_, side)), rounds) in samples.iter_mut().zip(sides).zip(&rounds) {
            samples.push(figure(once(side, *rounds)));
        }
    }
    let mut named = sides.iter().map(|(name, _)| *name).zip(samples);
    let ours = named.next().map(|(_, samples)| samples).unwrap_or_default();
    let (floor, rivals): (Vec<_>, Vec<_>) = named.partition(|(name, _)| *name == "floor");
    Row {
        work: work.into(),
        metric,
        unit,
        better,
        ours,
        rivals,
        floor: floor.into_iter().next().map(|(_, samples)| samples),
        reach: Vec::new(),
        scale: 1.0,
    }
}

/// Seconds that one round takes.
fn once(side: &dyn Fn() -> u64, rounds: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..rounds {
        black_box(side());
    }
    start.elapsed().as_secs_f64() / f64::from(rounds)
}

/// How often the sides allocate for each of the values that they work through.
fn allocations_row(work: &'static str, unit: &'static str, sides: &[Side<'_>], values: usize) -> Row {
    let mut named = sides.iter().map(|(name, side)| {
        let count = allocations::count(|| {
            black_box(side());
        });
        (*name, Samples(vec![count as f64 / values as f64]))
    });
    let ours = named.next().map(|(_, count)| count).unwrap_or_default();
    let rivals = named.collect();
    Row {
        work: work.into(),
        metric: "allocs",
        unit,
        better: "less",
        ours,
        rivals,
        floor: None,
        reach: Vec::new(),
        scale: 1.0,
    }
}
