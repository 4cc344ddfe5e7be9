//! A core on its own for tests of single steps: they say what happens, and look at what it orders.

use std::time::{Duration, Instant};

use super::line::Key;
use super::machine::Core;
use super::model::{Id, holder, rules};
use super::orders::{Job, Out};
use super::rules::{Holder, MAIN, SlotId};
use super::waiter::{Failure, Fate, Look, Take};
use crate::assignment::Assignment;
use crate::manager::{Class, Kind};

/// A core, its time, and what it last ordered.
pub(super) struct Desk {
    pub(super) core: Core<Id, u32, u64>,
    pub(super) now: Instant,
    pub(super) out: Out<Id, u32, u64>,
    links: u64,
}

impl Desk {
    pub(super) fn new(mode: Assignment, max: usize) -> Self {
        let now = Instant::now();
        Self { core: Core::new(rules(mode, max, 3, false), now), now, out: Out::new(), links: 0 }
    }

    pub(super) fn ask(&mut self, holder: Holder) -> Take<Id, u32> {
        self.out = Out::new();
        self.core.acquire(holder, None, None, self.now, &mut self.out)
    }

    pub(super) fn ask_if_free(&mut self) -> Option<Take<Id, u32>> {
        let holder = Holder { fallback: true, ..by(9) };
        self.out = Out::new();
        self.core.acquire_if_free(holder, self.now, &mut self.out)
    }

    pub(super) fn waits(&mut self, holder: Holder) -> Key {
        match self.ask(holder) {
            Take::Wait(key) => key,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn dialled_slot(&self) -> SlotId {
        match self.out.jobs[..] {
            [Job::Dial { slot, .. }] => slot,
            ref other => panic!("{other:?}"),
        }
    }

    pub(super) fn dialled(&mut self, slot: SlotId) {
        self.links += 1;
        self.out = Out::new();
        self.core.dialled(slot, Id(self.links), self.now, &mut self.out);
    }

    pub(super) fn refused(&mut self, slot: SlotId, class: Class) {
        self.out = Out::new();
        self.core.refused(slot, 7, class, self.now, &mut self.out);
    }

    pub(super) fn look(&mut self, key: Key) -> Look<Id, u32> {
        self.core.look(key, 1, self.now, &mut self.out)
    }

    /// A connection that is dialled for `holder`, and held by him.
    pub(super) fn hold(&mut self, holder: Holder) -> SlotId {
        let key = self.waits(holder);
        let slot = self.dialled_slot();
        self.dialled(slot);
        match self.look(key) {
            Look::Got { slot: got, .. } => assert_eq!(got, slot),
            other => panic!("{other:?}"),
        }
        slot
    }

    pub(super) fn open_main(&mut self) {
        self.out = Out::new();
        let main = holder(0, Kind::Main, false);
        let key = self.core.await_slot(MAIN, main, None, None, self.now, &mut self.out).unwrap();
        self.dialled(MAIN);
        assert!(matches!(self.look(key), Look::Told(_)));
    }

    pub(super) fn give_back(&mut self, slot: SlotId, fate: Fate) {
        self.out = Out::new();
        self.core.release(slot, fate, self.now, &mut self.out);
    }

    /// The effective quota falls to what is open: another dial is refused for want of places.
    pub(super) fn fall(&mut self) {
        let key = self.waits(by(8));
        let slot = self.dialled_slot();
        self.refused(slot, Class::Limit);
        self.core.cancel(key, self.now, &mut self.out);
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.out = Out::new();
        self.core.tick(self.now, &mut self.out);
    }
}

pub(super) fn by(context: u8) -> Holder {
    Holder { brief: false, ..holder(context, Kind::Independent, false) }
}

pub(super) fn never(take: &Take<Id, u32>) -> Option<&Failure<u32>> {
    match take {
        Take::Never(failure) => Some(failure),
        _ => None,
    }
}
