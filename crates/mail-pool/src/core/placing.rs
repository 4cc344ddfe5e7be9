//! Finding a place for what is free, and something for those who wait.

use std::time::Instant;

use super::dialling::Leave;
use super::line::Key;
use super::machine::Core;
use super::orders::{Job, Note, Out, Why};
use super::rules::{Holder, Linked, MAIN, SlotId};
use super::slot::{Repair, Slot, State};
use super::waiter::{Failure, Stage, Verdict};
use crate::context::Context;
use crate::manager::Kind;

impl<L: Linked, E: Clone, W> Core<L, E, W> {
    pub(super) fn settle(&mut self, slot: SlotId, link: L, now: Instant, out: &mut Out<L, E, W>) {
        self.settle_owned(slot, link, None, now, out);
    }

    /// Finds a place for a connection that is free now: main, the next in line, the idle ones, or the way out.
    pub(super) fn settle_owned(
        &mut self,
        slot: SlotId,
        link: L,
        owner: Option<Context>,
        now: Instant,
        out: &mut Out<L, E, W>,
    ) {
        if self.closed {
            return self.start_close(slot, link, Why::Shutdown, out);
        }
        // This slot is not counted at the moment.
        if self.counts.extras >= self.extras_by_quota() && self.staying() >= self.extras_by_quota() {
            if self.main_is_wanted() {
                return self.become_main(slot, link, out);
            }
            return self.start_close(slot, link, Why::Shrunk, out);
        }
        if self.slots[slot].expires.is_some_and(|at| at <= now) {
            return self.start_close(slot, link, Why::Old, out);
        }
        // Main comes first if it can't be dialled beside this one.
        if self.main_is_wanted() && self.counts.open + 1 >= self.effective() {
            return self.become_main(slot, link, out);
        }
        if let Some(key) = self.next_in_line() {
            return self.offer(slot, link, key, now, out);
        }
        if self.rules.idle_timeout.is_zero() {
            return self.start_close(slot, link, Why::Idle, out);
        }
        self.set(slot, State::Idle { link, since: now, noted: Some(now), owner });
        self.idle.push(slot);
        self.due(now + self.rules.idle_timeout, out);
        if let Some(expires) = self.slots[slot].expires {
            self.due(expires, out);
        }
    }

    pub(super) fn offer(&mut self, slot: SlotId, link: L, key: Key, now: Instant, out: &mut Out<L, E, W>) {
        self.leave_line(key);
        if let Some(waiter) = self.waiters.get_mut(key) {
            waiter.stage = Stage::Offered(slot);
            out.wake.extend(waiter.waker.take());
        }
        self.set(slot, State::Offered { link, to: key, since: now, noted: Some(now) });
        self.due(now + self.rules.take_up, out);
    }

    /// Main takes over the connection of an extra.
    pub(super) fn become_main(&mut self, slot: SlotId, link: L, out: &mut Out<L, E, W>) {
        self.slots[MAIN].expires = self.slots[slot].expires.take();
        out.notes.push(Note::TakenOver { slot, connection: link.id() });
        self.set(MAIN, State::Held { link: Some(link), repair: Repair::None });
        self.freed(slot);
        self.tell_slot(MAIN, &Verdict::Ready, out);
    }

    pub(super) fn start_close(&mut self, slot: SlotId, link: L, why: Why, out: &mut Out<L, E, W>) {
        let old = self.set(slot, State::Closing);
        old.leave(out);
        let kind = self.slots[slot].kind;
        out.jobs.push(Job::Close { slot, link, kind, why });
    }

    /// Closes a slot that was just taken off the list of the idle.
    pub(super) fn close_idle(&mut self, slot: SlotId, why: Why, out: &mut Out<L, E, W>) {
        match self.set(slot, State::Free) {
            State::Idle { link, .. } => self.start_close(slot, link, why, out),
            other => {
                debug_assert!(false, "the list of the idle holds idle slots only");
                self.set(slot, other);
            }
        }
    }

    /// Closes what handles hold, as soon as nothing runs on it: a handle that is kept for later keeps no closing pool waiting.
    pub(super) fn close_held(&mut self, out: &mut Out<L, E, W>) {
        for slot in 0..self.slots.len() {
            let held = matches!(self.slots[slot].state, State::Held { link: Some(_), repair: Repair::None });
            if slot != MAIN
                && held
                && let State::Held { link: Some(link), .. } = self.set(slot, State::Free)
            {
                self.slots[slot].holder = None;
                self.start_close(slot, link, Why::Shutdown, out);
            }
        }
    }

    pub(super) fn close_main(&mut self, out: &mut Out<L, E, W>) {
        match self.set(MAIN, State::Free) {
            State::Held { link: Some(link), .. } => self.start_close(MAIN, link, Why::Shutdown, out),
            State::Held { link: None, repair: Repair::Wanted | Repair::None } => {}
            other => {
                self.set(MAIN, other);
            }
        }
    }

    /// An idle slot that may be handed to `holder` as it is: its own default, else the last given back that belongs to nobody.
    pub(super) fn fit(&self, holder: &Holder, now: Instant) -> Option<SlotId> {
        let trusted = |slot: SlotId| match &self.slots[slot].state {
            State::Idle { since, .. } => now.saturating_duration_since(*since) < self.rules.trust_idle,
            _ => false,
        };
        let owner = |slot: SlotId| match &self.slots[slot].state {
            State::Idle { owner, .. } => *owner,
            _ => None,
        };
        if holder.owned
            && let Some(own) =
                self.idle.iter().rev().copied().find(|slot| owner(*slot) == Some(holder.context))
        {
            return trusted(own).then_some(own);
        }
        let last = *self.idle.last()?;
        if owner(last).is_none() && trusted(last) {
            return Some(last);
        }
        let unowned = self.idle.iter().rev().copied().find(|slot| owner(*slot).is_none());
        unowned.filter(|slot| trusted(*slot))
    }

    /// Turns an idle slot into one that `holder` holds.
    pub(super) fn hold_idle(&mut self, slot: SlotId, holder: Holder, now: Instant) -> L {
        if self.idle.last() == Some(&slot) {
            self.idle.pop();
        } else {
            self.idle.retain(|other| *other != slot);
        }
        let place = &mut self.slots[slot];
        // Idle and held count alike, so the counts stay as they are.
        let State::Idle { link, .. } = std::mem::replace(&mut place.state, State::Free) else {
            unreachable!("the list of the idle holds idle slots only");
        };
        place.state = State::Held { link: Some(link.clone()), repair: Repair::None };
        place.holder = Some(holder);
        place.kind = holder.kind;
        place.since = now;
        link
    }

    /// The idle connection to take where none fits as it is: one's own or one that belongs to nobody, though it must be checked first; or, if
    /// nothing new may be opened, the default of another context.
    pub(super) fn second_best(&self, holder: &Holder, now: Instant) -> Option<SlotId> {
        let belongs_to = |wanted: Option<Context>| {
            self.idle.iter().rev().copied().find(|slot| match &self.slots[*slot].state {
                State::Idle { owner, .. } => *owner == wanted,
                _ => false,
            })
        };
        let own = if holder.owned { belongs_to(Some(holder.context)) } else { None };
        own.or_else(|| belongs_to(None))
            .or_else(|| if self.may_open_another(now) { None } else { self.idle.last().copied() })
    }

    fn may_open_another(&self, now: Instant) -> bool {
        self.room() && self.may_dial(false, now) != Leave::No
    }

    pub(super) fn take_off_idle(&mut self, slot: SlotId) -> Option<Context> {
        self.idle.retain(|other| *other != slot);
        match &self.slots[slot].state {
            State::Idle { owner, .. } => *owner,
            _ => None,
        }
    }

    /// Starts whatever may be started for those who wait.
    pub(super) fn pump(&mut self, now: Instant, out: &mut Out<L, E, W>) {
        if self.closed {
            out.all_gone |= self.all_gone();
            return self.assert_invariants(now);
        }
        self.pump_main(now, out);
        self.pump_repairs(now, out);
        self.pump_line(now, out);
        self.assert_invariants(now);
    }

    pub(super) fn pump_main(&mut self, now: Instant, out: &mut Out<L, E, W>) {
        if !self.main_is_wanted() {
            return;
        }
        if self.slots[MAIN].line.is_empty() {
            // Those who wanted it are gone.
            self.set(MAIN, State::Free);
            return;
        }
        if let Some((error, others_open)) = self.dialling.blocked() {
            self.set(MAIN, State::Free);
            let verdict = Verdict::Failed(Failure::Credentials { error, others_open });
            self.tell_slot(MAIN, &verdict, out);
            verdict.leave(out);
            return;
        }
        if self.may_dial(true, now) != Leave::No {
            self.set(MAIN, State::Held { link: None, repair: Repair::Dialling });
            self.start_dial(MAIN, Kind::Main, out);
        } else if self.counts.open >= self.effective()
            && let Some(slot) = self.idle.pop()
            && let State::Idle { link, .. } = self.set(slot, State::Free)
        {
            self.become_main(slot, link, out);
        }
    }

    pub(super) fn pump_repairs(&mut self, now: Instant, out: &mut Out<L, E, W>) {
        if self.counts.wanted == 0 {
            return;
        }
        for slot in 1..self.slots.len() {
            if !matches!(self.slots[slot].state, State::Held { repair: Repair::Wanted, .. }) {
                continue;
            }
            if self.slots[slot].line.is_empty() {
                self.abandon_repair(slot);
            } else if let Some((error, others_open)) = self.dialling.blocked() {
                let verdict = Verdict::Failed(Failure::Credentials { error, others_open });
                self.tell_slot(slot, &verdict, out);
                verdict.leave(out);
                self.abandon_repair(slot);
            } else if self.counts.open >= self.effective() && !self.idle.is_empty() {
                // There is no place for another beside what lies idle.
                self.repair_with_idle(slot, now, out);
            } else if self.may_dial(false, now) != Leave::No {
                let kind = self.slots[slot].holder.map_or(Kind::Independent, |h| h.kind);
                self.set(slot, State::Held { link: None, repair: Repair::Dialling });
                self.start_dial(slot, kind, out);
            }
        }
    }

    /// A held slot whose connection was lost takes over one that lies idle: one that belongs to nobody if there is such a one.
    fn repair_with_idle(&mut self, slot: SlotId, now: Instant, out: &mut Out<L, E, W>) {
        let Some(holder) = self.slots[slot].holder else { return };
        let best = self.second_best(&holder, now).or_else(|| self.idle.last().copied());
        let Some(idle) = best else { return };
        let owner = self.take_off_idle(idle);
        if let State::Idle { link, .. } = self.set(idle, State::Free) {
            let connection = link.id();
            if let Some(owner) = owner.filter(|owner| *owner != holder.context) {
                out.notes.push(Note::TakenBack { slot: idle, connection, owner });
            }
            out.notes.push(Note::TakenOver { slot: idle, connection });
            self.slots[slot].expires = self.slots[idle].expires.take();
            self.freed(idle);
            self.set(slot, State::Held { link: Some(link), repair: Repair::None });
            self.tell_slot(slot, &Verdict::Ready, out);
        }
    }

    pub(super) fn pump_line(&mut self, now: Instant, out: &mut Out<L, E, W>) {
        if self.effective() <= self.reserve() {
            self.send_operations_to_main(out);
        }
        if self.extras_by_quota() == 0 {
            // There will never be one, unless the quota grows again.
            while let Some(key) = self.waiters.front(&self.line) {
                self.tell(key, Verdict::Failed(Failure::ReservedForMain), out);
            }
        }
        if self.extras_in_effect() < 2 {
            let failure =
                if self.extras_by_quota() == 0 { Failure::ReservedForMain } else { Failure::NoneToSpare };
            while let Some(key) = self.waiters.front(&self.sparing) {
                self.tell(key, Verdict::Failed(failure.clone()), out);
            }
        }
        while let Some(key) = self.next_in_line() {
            let Some(holder) = self.waiters.get(key).map(|waiter| waiter.holder) else {
                return;
            };
            if let Some(slot) = self.fit(&holder, now) {
                self.take_off_idle(slot);
                if let State::Idle { link, .. } = self.set(slot, State::Free) {
                    self.offer(slot, link, key, now, out);
                }
                continue;
            }
            if self.counts.coming >= self.demand() {
                return;
            }
            if let Some(slot) = self.second_best(&holder, now) {
                let owner = self.take_off_idle(slot);
                if let State::Idle { link, since, .. } = self.set(slot, State::Free) {
                    if let Some(owner) = owner.filter(|owner| *owner != holder.context) {
                        out.notes.push(Note::TakenBack { slot, connection: link.id(), owner });
                    }
                    if now.saturating_duration_since(since) < self.rules.trust_idle {
                        self.offer(slot, link, key, now, out);
                        continue;
                    }
                    out.jobs.push(Job::Check { slot, link: link.clone() });
                    self.set(slot, State::Checking(link));
                }
                continue;
            }
            if self.dialling.is_blocked() {
                self.send_back(out);
                return self.fail_blocked(out);
            }
            if !self.may_open_another(now) {
                return self.send_back(out);
            }
            let slot = self.free_slot(now);
            self.set(slot, State::Dialling);
            self.start_dial(slot, holder.kind, out);
        }
    }

    /// Begun operations don't wait for extras where there are none.
    fn send_operations_to_main(&mut self, out: &mut Out<L, E, W>) {
        self.tell_those(|holder| holder.kind == Kind::Operation, out);
    }

    /// Those who have another connection don't wait for others to make progress.
    fn send_back(&mut self, out: &mut Out<L, E, W>) {
        if self.fallbacks > 0 {
            self.tell_those(|holder| holder.fallback, out);
        }
    }

    fn tell_those(&mut self, which: impl Fn(&Holder) -> bool, out: &mut Out<L, E, W>) {
        let mut at = self.waiters.front(&self.line);
        while let Some(key) = at {
            at = self.waiters.after(key);
            if self.waiters.get(key).is_some_and(|waiter| which(&waiter.holder)) {
                self.tell(key, Verdict::NoExtras, out);
            }
        }
    }

    /// The login is refused for good. Whoever can't be served by what is open is told so.
    pub(super) fn fail_blocked(&mut self, out: &mut Out<L, E, W>) {
        if self.counts.established > usize::from(self.slots[MAIN].state.peek().is_some()) {
            return;
        }
        self.tell_all_blocked(out);
    }

    pub(super) fn free_slot(&mut self, now: Instant) -> SlotId {
        if let Some(slot) = self.free.pop() {
            return slot;
        }
        self.slots.push(Slot::new(now));
        self.slots.len() - 1
    }
}
