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

/// Each invariant, broken by hand: in debug builds nothing goes on from there.
#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, by};
    use super::super::model::holder;
    use super::super::slot::Repair;
    use super::super::waiter::Fate;
    use super::*;
    use crate::assignment::Assignment;
    use crate::manager::{Class, Kind};

    fn with_one_held() -> Desk {
        let mut desk = Desk::new(Assignment::MainOrDefault, 4);
        desk.hold(by(1));
        desk
    }

    /// One who stands in line, and nothing was done about it.
    fn with_one_forgotten() -> Desk {
        let mut desk = Desk::new(Assignment::MainOrDefault, 4);
        desk.core.enqueue(Want::Extra, by(1), None, None, desk.now, &mut desk.out);
        desk
    }

    #[test]
    #[should_panic(expected = "nothing is under way for him")]
    fn one_who_waits_has_something_under_way() {
        let desk = with_one_forgotten();
        desk.core.assert_invariants(desk.now);
    }

    #[test]
    fn unless_the_login_is_blocked_or_the_pool_closed() {
        let mut desk = with_one_forgotten();
        desk.core.dialling.blocked = Some((1, 0));
        desk.core.assert_invariants(desk.now);
        let mut desk = with_one_forgotten();
        desk.core.closed = true;
        desk.core.assert_invariants(desk.now);
    }

    #[test]
    #[should_panic(expected = "something idle fits")]
    fn nobody_waits_for_what_lies_idle() {
        let mut desk = with_one_held();
        desk.give_back(1, Fate::Keep);
        desk.core.enqueue(Want::Extra, by(2), None, None, desk.now, &mut desk.out);
        desk.core.assert_invariants(desk.now);
    }

    #[test]
    #[should_panic(expected = "main is wanted and may be dialled")]
    fn main_is_dialled_if_it_may_be() {
        let mut desk = with_one_held();
        desk.core.set(MAIN, State::Held { link: None, repair: Repair::Wanted });
        desk.core.assert_invariants(desk.now);
    }

    #[test]
    fn main_is_not_dialled_while_dialling_backs_off() {
        let mut desk = with_one_held();
        desk.waits(by(2));
        let slot = desk.dialled_slot();
        desk.refused(slot, Class::Transient);
        let main = holder(0, Kind::Main, false);
        desk.core.await_slot(MAIN, main, None, None, desk.now, &mut desk.out).unwrap();
        desk.core.assert_invariants(desk.now);
    }

    #[test]
    #[should_panic(expected = "the counts disagree")]
    fn the_counts_agree_with_the_slots() {
        let mut desk = with_one_held();
        desk.core.slots[1].state = State::Closing;
        desk.core.assert_accounts();
    }

    #[test]
    #[should_panic(expected = "neither free nor taken")]
    fn a_slot_is_free_or_taken() {
        let mut desk = with_one_held();
        desk.core.set(1, State::Free);
        desk.core.assert_accounts();
    }

    #[test]
    #[should_panic(expected = "a slot that is taken")]
    fn main_is_never_among_the_free() {
        let mut desk = with_one_held();
        desk.core.set(1, State::Free);
        desk.core.free.push(MAIN);
        desk.core.assert_accounts();
    }

    #[test]
    #[should_panic(expected = "a slot that is taken")]
    fn what_is_among_the_free_is_free() {
        let mut desk = with_one_held();
        let other = desk.hold(by(2));
        desk.give_back(other, Fate::Broken);
        desk.core.free = vec![1];
        desk.core.assert_accounts();
    }

    #[test]
    #[should_panic(expected = "the list of the idle holds another")]
    fn what_is_among_the_idle_is_idle() {
        let mut desk = with_one_held();
        desk.core.idle.push(1);
        desk.core.assert_accounts();
    }

    #[test]
    #[should_panic(expected = "an idle slot isn't listed")]
    fn the_idle_are_listed() {
        let mut desk = with_one_held();
        desk.give_back(1, Fate::Keep);
        desk.core.idle.clear();
        desk.core.assert_accounts();
    }

    #[test]
    #[should_panic(expected = "the line is out of order")]
    fn who_came_first_stands_first() {
        let mut desk = Desk::new(Assignment::MainOrDefault, 4);
        let first = desk.waits(by(1));
        desk.waits(by(2));
        desk.core.waiters.get_mut(first).unwrap().ticket = 9;
        desk.core.assert_accounts();
    }

    #[test]
    #[should_panic(expected = "an offer goes to somebody")]
    fn an_offer_goes_to_somebody() {
        let mut desk = Desk::new(Assignment::MainOrDefault, 4);
        let key = desk.waits(by(1));
        let slot = desk.dialled_slot();
        desk.dialled(slot);
        desk.core.waiters.remove(key);
        desk.core.assert_accounts();
    }
}
