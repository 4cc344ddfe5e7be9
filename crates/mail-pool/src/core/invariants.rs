//! The invariants of the core, asserted in debug builds.

use std::time::Instant;

use super::counts::Counts;
use super::dialling::Leave;
use super::machine::Core;
use super::rules::{Linked, MAIN};
use super::slot::State;
use super::waiter::{Stage, Want};

/// Above this many waiters their lines are not walked after every operation.
const WALKED: usize = 64;

impl<L: Linked, E: Clone, W> Core<L, E, W> {
    /// All of them; true whenever an operation has ended that starts what may be started. (Time passes: a back-off that is over is acted on by
    /// the next such operation, which is the keeper's at the latest.)
    pub(super) fn assert_invariants(&self, now: Instant) {
        if !cfg!(debug_assertions) {
            return;
        }
        self.assert_accounts();
        if self.closed {
            return;
        }
        if let Some(key) = self.next_in_line()
            && let Some(waiter) = self.waiters.get(key)
        {
            assert!(self.fit(&waiter.holder, now).is_none(), "somebody waits although something idle fits");
            if self.counts.coming < self.demand() && !self.dialling.is_blocked() {
                assert!(
                    !self.room() || self.may_dial(false, now) == Leave::No,
                    "somebody waits although a slot is free, and nothing is under way for him"
                );
            }
        }
        assert!(
            !self.main_is_wanted() || self.may_dial(true, now) == Leave::No,
            "main is wanted and may be dialled, but isn't"
        );
    }

    /// Those that hold at any time, even where work could not be started for want of a runtime.
    pub(super) fn assert_accounts(&self) {
        if !cfg!(debug_assertions) {
            return;
        }
        let mut counts = Counts::default();
        for (id, slot) in self.slots.iter().enumerate() {
            counts.add(Counts::of(id, &slot.state));
        }
        assert_eq!(counts, self.counts, "the counts disagree with the slots");
        assert_eq!(
            self.free.len() + self.counts.extras,
            self.slots.len() - 1,
            "a slot is neither free nor taken"
        );
        for slot in &self.free {
            assert!(
                *slot != MAIN && matches!(self.slots[*slot].state, State::Free),
                "the list of the free holds a slot that is taken"
            );
        }
        for slot in &self.idle {
            assert!(
                matches!(self.slots[*slot].state, State::Idle { .. }),
                "the list of the idle holds another"
            );
        }
        let idle = self.slots.iter().filter(|slot| matches!(slot.state, State::Idle { .. }));
        assert_eq!(idle.count(), self.idle.len(), "an idle slot isn't listed");
        if self.waiters.len() <= WALKED {
            self.assert_lines();
        }
    }

    fn assert_lines(&self) {
        let mut fallbacks = 0;
        for (line, lapsed, spares) in
            [(&self.line, self.lapsed, false), (&self.sparing, self.lapsed_sparing, true)]
        {
            let mut asleep = 0;
            let mut last = 0;
            let mut at = self.waiters.front(line);
            while let Some(key) = at {
                let waiter = self.waiters.get(key).expect("those in line live");
                assert_eq!(waiter.want, Want::Extra);
                assert_eq!(waiter.holder.spares, spares);
                assert!(matches!(waiter.stage, Stage::Waiting));
                assert!(waiter.ticket > last, "the line is out of order");
                last = waiter.ticket;
                asleep += usize::from(waiter.lapsed);
                fallbacks += usize::from(waiter.holder.fallback);
                at = self.waiters.after(key);
            }
            assert_eq!(asleep, lapsed);
        }
        assert_eq!(fallbacks, self.fallbacks);
        for (id, slot) in self.slots.iter().enumerate() {
            if let State::Offered { to, .. } = &slot.state {
                let waiter = self.waiters.get(*to).expect("an offer goes to somebody");
                assert!(matches!(waiter.stage, Stage::Offered(slot) if slot == id));
            }
        }
    }
}
