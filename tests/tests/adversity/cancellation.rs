//! Cancellation at every await: a session's doings are dropped at every poll, and after every byte.

use std::time::Duration;

use mail_testkit::Link;

use system_tests::counted::counted;

use super::{
    faults::{points_of, try_all},
    points::Extent,
    stage::{Client, Plan, Session, Way, play},
};

/// Drops the doings at their first, second, … poll, until they end undisturbed: over a link that takes no time, and
/// over one that takes so much that each answer comes in pieces. Large content has thousands of pieces that are like each
/// other: the later, the fewer are tried, unless all are wanted.
pub(crate) fn at_every_poll<C: Client>(session: &Session<C>) {
    let slow = Link::default().with_latency(Duration::from_millis(50)).with_bandwidth(100_000);
    let mut wrong = Vec::new();
    let mut dropped = 0;
    for link in [Link::default(), slow] {
        let mut nth = 1;
        loop {
            let plan = Plan::DropAtPoll(nth, link);
            let ran = play(session, Way::Memory, &plan);
            if !ran.mistakes.is_empty() {
                wrong.push(format!("{plan}\n    {}", ran.mistakes.join("\n    ")));
            }
            match ran.outcome {
                None => dropped += 1,
                Some(Ok(())) => break,
                Some(Err(error)) => panic!("{} fails undisturbed: {error}", session.name),
            }
            nth += if Extent::wanted(1) == Extent::Full { 1 } else { 1 + nth / 24 };
        }
    }
    println!("{}: dropped at {dropped} polls", session.name);
    counted("awaits dropped", dropped);
    let count = wrong.len();
    wrong.truncate(8);
    assert!(count == 0, "{}: {count} are wrong:\n{}", session.name, wrong.join("\n"));
}

/// Drops the doings after every byte of them.
pub(crate) fn at_every_byte<C: Client>(session: &Session<C>) {
    let points = points_of(session, Way::Memory, 4);
    try_all(session, Way::Memory, "bytes dropped after", points.into_iter().map(Plan::DropAtByte));
}
