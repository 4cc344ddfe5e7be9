//! What is measured, and what ours is to reach.

use super::job::Contender;
use crate::{
    extent::Extent,
    failure::Failed,
    mail,
    meter::{Done, Taken},
    report::Reach,
};

/// Messages that all contenders retrieve.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) name: &'static str,
    pub(super) tls: bool,
    /// Whose INBOX they are in.
    pub(super) user: &'static str,
    pub(super) count: usize,
    /// Bytes of the message, where there is one.
    pub(super) size: usize,
    pub(super) contenders: &'static [Contender],
    pub(super) reach: &'static [(&'static str, Reach)],
}

use Contender::{AsyncPop, OneByOne, Ours, OursBlocking, OursSession, Poplib, Reader};

/// Whose mail it is.
pub(super) const BODIES: &str = "bodies";
pub(super) const LARGE: &str = "large";

const EVERYBODY: &[Contender] = &[Ours, OursSession, OursBlocking, AsyncPop, Poplib, OneByOne, Reader];

/// async-pop refuses messages over 20 MiB.
const WITHOUT_BOUNDS: &[Contender] = &[Ours, Poplib, Reader];

const FLOOR: &str = "floor";

/// All of them.
pub(super) fn all(extent: Extent<'_>) -> Vec<Work> {
    let mut all = Vec::new();
    for (name, tls) in [("retr", false), ("retr-tls", true)] {
        all.push(Work {
            name,
            tls,
            user: BODIES,
            count: extent.scaled(10_000),
            size: 0,
            contenders: EVERYBODY,
            reach: &[("wall", Reach::Times(FLOOR, 1.1)), ("cpu", Reach::Times(FLOOR, 1.6))],
        });
    }
    for (name, tls) in [("large", false), ("large-tls", true)] {
        all.push(Work {
            name,
            tls,
            user: LARGE,
            count: 1,
            size: extent.scaled(200_000_000),
            contenders: WITHOUT_BOUNDS,
            reach: &[("cpu", Reach::Times(FLOOR, 1.6)), ("rss", Reach::AtMost(2.0))],
        });
    }
    all
}

impl Work {
    /// Sees that all of it was done.
    pub(super) fn check(&self, contender: Contender, taken: Taken) -> Result<Taken, Failed> {
        let bytes = match self.user {
            LARGE => self.size as u64,
            _ => (0..self.count).map(|number| mail::body_size(number) as u64).sum(),
        };
        let all = Done { count: self.count as u64, bytes };
        let is_all = taken.done.count == all.count
            && match contender {
                // It doesn't know what it reads.
                Reader | OneByOne => true,
                // Where a line begins with a dot it gives two.
                AsyncPop => (bytes..=bytes + all.count).contains(&taken.done.bytes),
                _ => taken.done.bytes == bytes,
            };
        if is_all { Ok(taken) } else { Err(format!("did {:?} of {all:?}", taken.done).into()) }
    }
}
