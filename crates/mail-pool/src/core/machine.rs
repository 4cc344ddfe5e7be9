//! The core's data, and the few steps that everything else is made of.

use std::time::Instant;

use super::counts::Counts;
use super::dialling::Dialling;
use super::line::{Arena, Line};
use super::rules::{Linked, MAIN, Rules, SlotId};
use super::slot::{Repair, Slot, State};
use super::waiter::Waiter;
use crate::assignment::Assignment;

#[derive(Debug)]
pub(crate) struct Core<L, E, W> {
    pub(super) rules: Rules,
    pub(super) slots: Vec<Slot<L>>,
    /// Extras that are free, and those idle, the last given back at the end.
    pub(super) free: Vec<SlotId>,
    pub(super) idle: Vec<SlotId>,
    pub(super) waiters: Arena<Waiter<E, W>>,
    pub(super) line: Line,
    /// Those who leave the last extra to others. They stand in one order with `line`, but only while that leaves one.
    pub(super) sparing: Line,
    /// How many in `line`, and in `sparing`, let an offer lapse.
    pub(super) lapsed: usize,
    pub(super) lapsed_sparing: usize,
    /// How many in `line` have something to fall back on.
    pub(super) fallbacks: usize,
    pub(super) tickets: u64,
    pub(super) dialling: Dialling<E>,
    pub(super) counts: Counts,
    pub(super) closed: bool,
    pub(super) opened_so_far: u64,
    pub(super) closed_so_far: u64,
    /// When the timer rings next.
    pub(super) alarm: Option<Instant>,
    /// No waiter's deadline is earlier.
    pub(super) deadlines: Option<Instant>,
    /// How many extras were there for the taking so far.
    pub(super) taken_so_far: u32,
    /// The latest time that the core was told.
    pub(super) latest: Instant,
}

impl<L: Linked, E: Clone, W> Core<L, E, W> {
    pub(crate) fn new(rules: Rules, now: Instant) -> Self {
        let dialling = Dialling::new(rules.seed);
        let mut core = Self {
            rules,
            slots: Vec::new(),
            free: Vec::new(),
            idle: Vec::new(),
            waiters: Arena::new(),
            line: Line::new(),
            sparing: Line::new(),
            lapsed: 0,
            lapsed_sparing: 0,
            fallbacks: 0,
            tickets: 0,
            dialling,
            counts: Counts::default(),
            closed: false,
            opened_so_far: 0,
            closed_so_far: 0,
            alarm: None,
            deadlines: None,
            taken_so_far: 0,
            latest: now,
        };
        core.slots.push(Slot::new(now));
        core
    }

    /// Slots kept for main.
    pub(super) fn reserve(&self) -> usize {
        usize::from(self.rules.assignment != Assignment::Default)
    }

    pub(super) fn extras_by_quota(&self) -> usize {
        self.rules.max.saturating_sub(self.reserve())
    }

    /// What the server lets us have, as far as we know.
    pub(crate) fn effective(&self) -> usize {
        self.dialling.effective(self.rules.max)
    }

    /// Whether the quota has a slot for another extra.
    pub(super) fn room(&self) -> bool {
        self.counts.extras < self.extras_by_quota()
    }

    /// How many extras there will be when those that say goodbye are gone.
    pub(super) fn staying(&self) -> usize {
        let leaving = self.slots[1..].iter().filter(|slot| matches!(slot.state, State::Closing));
        self.counts.extras - leaving.count()
    }

    /// How many extras there can be at most, as far as we know.
    pub(super) fn extras_in_effect(&self) -> usize {
        self.extras_by_quota().min(self.effective().saturating_sub(self.reserve()))
    }

    /// Whether an extra can be given away so that another one is left, idle or free.
    pub(super) fn leaves_one(&self) -> bool {
        self.counts.extras - self.idle.len() + 2 <= self.extras_in_effect()
    }

    /// How many extras those who wait could do with.
    pub(super) fn demand(&self) -> usize {
        let ordinary = self.line.len() - self.lapsed;
        let taken = self.counts.extras - self.idle.len() - self.counts.coming + ordinary;
        let to_spare = self.extras_in_effect().saturating_sub(taken + 1);
        ordinary + to_spare.min(self.sparing.len() - self.lapsed_sparing)
    }

    pub(super) fn main_is_wanted(&self) -> bool {
        matches!(self.slots[MAIN].state, State::Held { link: None, repair: Repair::Wanted })
    }

    /// A slot whose state is `Free` goes back to the free ones.
    pub(super) fn freed(&mut self, slot: SlotId) {
        self.slots[slot].holder = None;
        self.slots[slot].expires = None;
        if slot != MAIN {
            self.free.push(slot);
        }
    }

    /// A held slot is dialled no more; the next who asks for it starts anew.
    pub(super) fn abandon_repair(&mut self, slot: SlotId) {
        if slot == MAIN && self.slots[MAIN].line.is_empty() {
            self.set(MAIN, State::Free);
            return;
        }
        let repair = if self.slots[slot].line.is_empty() { Repair::None } else { Repair::Wanted };
        self.set(slot, State::Held { link: None, repair });
    }

    /// Changes the state of a slot, keeps the counts right, and hands out the old state.
    pub(super) fn set(&mut self, slot: SlotId, state: State<L>) -> State<L> {
        let new = Counts::of(slot, &state);
        let old = std::mem::replace(&mut self.slots[slot].state, state);
        self.counts.add(new);
        self.counts.subtract(Counts::of(slot, &old));
        old
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::desk::{Desk, by};
    use super::super::model::holder;
    use super::super::rules::Holder;
    use super::super::waiter::{Fate, Take};
    use super::*;
    use crate::manager::Kind;

    fn sparing(context: u8) -> Holder {
        Holder { spares: true, ..by(context) }
    }

    /// A pool whose login is proven, so that several may be dialled at a time.
    fn proven(max: usize) -> Desk {
        let mut desk = Desk::new(Assignment::Default, max);
        let slot = desk.hold(by(1));
        desk.give_back(slot, Fate::Broken);
        desk
    }

    #[test]
    fn for_each_who_leaves_the_last_one_is_dialled_as_long_as_that_leaves_one() {
        let mut desk = proven(3);
        let dials = [2, 3, 4].map(|context| {
            desk.waits(sparing(context));
            desk.out.jobs.len()
        });
        assert_eq!(dials, [1, 1, 0]);
    }

    #[test]
    fn one_who_leaves_the_last_has_none_dialled_that_the_one_before_him_leaves_no_room_for() {
        let mut desk = proven(2);
        desk.waits(by(2));
        assert_eq!(desk.out.jobs.len(), 1);
        desk.waits(sparing(3));
        assert!(desk.out.jobs.is_empty());
    }

    #[test]
    fn what_lies_idle_for_its_owner_is_left_to_him_and_another_dialled() {
        let mut desk = Desk::new(Assignment::Default, 2);
        let slot = desk.hold(holder(1, Kind::Default, true));
        desk.give_back(slot, Fate::Keep);
        desk.waits(sparing(2));
        assert_eq!(desk.out.jobs.len(), 1);
    }

    #[test]
    fn for_those_who_let_an_offer_lapse_nothing_is_dialled() {
        for sleeper in [by(2), sparing(2)] {
            let mut desk = proven(5);
            desk.waits(sleeper);
            let slot = desk.dialled_slot();
            desk.dialled(slot);
            desk.pass(Duration::from_millis(1_100));
            assert!(matches!(desk.ask(by(3)), Take::Got { .. }), "what he let lapse");
            desk.waits(by(4));
            assert_eq!(desk.out.jobs.len(), 1, "one who waits, one dial");
        }
    }
}
