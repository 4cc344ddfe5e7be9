//! What has to be done once the lock is released.

use std::time::Duration;

use super::rules::SlotId;
use crate::context::Context;
use crate::manager::Kind;

/// What has to be done once the lock is released.
#[derive(Debug)]
pub(crate) struct Out<L, E, W> {
    pub wake: Vec<W>,
    pub jobs: Vec<Job<L>>,
    /// To be dropped outside the lock.
    pub links: Vec<L>,
    pub errors: Vec<E>,
    pub wakers: Vec<W>,
    pub notes: Vec<Note>,
    /// The timer must be set anew.
    pub rouse: bool,
    /// The pool is closed and nothing is open any more.
    pub all_gone: bool,
}

#[derive(Debug)]
pub(crate) enum Job<L> {
    Dial { slot: SlotId, kind: Kind, fresh: bool },
    Check { slot: SlotId, link: L },
    Reset { slot: SlotId, link: L },
    Close { slot: SlotId, link: L, kind: Kind, why: Why },
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Asked,
    Idle,
    Unusable,
    Old,
    Shrunk,
    Shutdown,
}

/// Something worth a trace event.
#[derive(Clone, Debug)]
pub(crate) enum Note {
    Backoff {
        wait: Duration,
        why: &'static str,
    },
    Quota {
        effective: usize,
        max: usize,
    },
    TakenBack {
        slot: SlotId,
        connection: u64,
        owner: Context,
    },
    /// A connection died.
    Lost {
        slot: SlotId,
        connection: u64,
        kind: Kind,
    },
    /// Another held slot has it now: main's, or one whose own connection was lost.
    TakenOver {
        slot: SlotId,
        connection: u64,
    },
    Lapsed {
        slot: SlotId,
        connection: u64,
    },
    LoginBlocked,
}

impl<L, E, W> Out<L, E, W> {
    /// Whether nothing has to be done.
    pub(crate) const fn is_empty(&self) -> bool {
        let nothing = self.wake.is_empty() && self.jobs.is_empty() && self.notes.is_empty();
        let nothing_to_drop = self.links.is_empty() && self.errors.is_empty() && self.wakers.is_empty();
        nothing && nothing_to_drop && !self.rouse && !self.all_gone
    }

    pub(crate) const fn new() -> Self {
        Self {
            wake: Vec::new(),
            jobs: Vec::new(),
            links: Vec::new(),
            errors: Vec::new(),
            wakers: Vec::new(),
            notes: Vec::new(),
            rouse: false,
            all_gone: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_something_to_do_if_there_is_anything_at_all() {
        type Orders = Out<u8, u8, u8>;
        assert!(Orders::new().is_empty());
        let anything: [fn(&mut Orders); 8] = [
            |out| out.wake.push(1),
            |out| out.jobs.push(Job::Check { slot: 1, link: 1 }),
            |out| out.links.push(1),
            |out| out.errors.push(1),
            |out| out.wakers.push(1),
            |out| out.notes.push(Note::LoginBlocked),
            |out| out.rouse = true,
            |out| out.all_gone = true,
        ];
        for something in anything {
            let mut out = Orders::new();
            something(&mut out);
            assert!(!out.is_empty(), "{out:?}");
        }
    }
}
