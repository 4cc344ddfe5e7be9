//! What is measured, and what ours is to reach.

use std::time::Duration;

use super::job::Contender;
use crate::{
    extent::Extent,
    failure::Failed,
    meter::{Done, Taken},
    report::Reach,
};

/// Messages that all contenders send.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) name: &'static str,
    pub(super) to: Place,
    pub(super) tls: bool,
    pub(super) count: usize,
    /// Bytes of each.
    pub(super) size: usize,
    pub(super) connections: usize,
    pub(super) contenders: &'static [Contender],
    pub(super) reach: &'static [(&'static str, Reach)],
    /// How often at most.
    pub(super) runs: usize,
}

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The embedded one, so far away.
    Embedded(Duration),
    Postfix,
}

use Contender::{Lettre, Ours, OursBlocking, Writer};

const EVERYBODY: &[Contender] = &[Ours, OursBlocking, Lettre, Writer];
const ONE_OF_OURS: &[Contender] = &[Ours, Lettre, Writer];

const BETTER_THAN_LETTRE: &[(&str, Reach)] =
    &[("wall", Reach::Times("lettre", 1.0)), ("cpu", Reach::Times("lettre", 1.0))];

/// Bytes of each message.
const SIZE: usize = 10_240;

/// A round trip over the slow link.
const FAR: Duration = Duration::from_millis(20);

const FEW_RUNS: usize = 3;

/// All of them.
pub(super) fn all(extent: Extent<'_>) -> Vec<Work> {
    let mut all = Vec::new();
    for (name, connections, tls) in
        [("send-1", 1, false), ("send-1-tls", 1, true), ("send-4", 4, false), ("send-4-tls", 4, true)]
    {
        all.push(Work {
            name,
            to: Place::Embedded(Duration::ZERO),
            tls,
            count: extent.scaled(2_000),
            size: SIZE,
            connections,
            contenders: EVERYBODY,
            reach: BETTER_THAN_LETTRE,
            runs: usize::MAX,
        });
    }
    // What takes long for another reason than the client.
    for (name, to, count) in [
        ("link-4", Place::Embedded(FAR), extent.scaled(200)),
        ("postfix-4", Place::Postfix, extent.scaled(500)),
    ] {
        all.push(Work {
            name,
            to,
            tls: true,
            count,
            size: SIZE,
            connections: 4,
            contenders: ONE_OF_OURS,
            reach: BETTER_THAN_LETTRE,
            runs: FEW_RUNS,
        });
    }
    all
}

impl Work {
    /// Sees that all of it was done.
    pub(super) fn check(&self, taken: Taken) -> Result<Taken, Failed> {
        let all = Done { count: self.count as u64, bytes: (self.count * self.size) as u64 };
        if taken.done == all { Ok(taken) } else { Err(format!("did {:?} of {all:?}", taken.done).into()) }
    }
}
