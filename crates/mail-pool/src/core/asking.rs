//! Asking for a connection: at once or in line; looking what has come; going away.

use std::time::Instant;

use super::dialling::Leave;
use super::line::{Key, Line};
use super::machine::Core;
use super::orders::Out;
use super::rules::{Holder, Linked, MAIN, SlotId};
use super::slot::{Repair, State};
use super::timers::ROUND;
use super::waiter::{Failure, Look, Stage, Take, Taken, Verdict, Waiter, Want};
use crate::manager::Kind;

/// After so many takes whoever takes lets others run.
const SPELL: u32 = 512;

impl<L: Linked, E: Clone, W> Core<L, E, W> {
    /// Takes an extra that is there for the taking, without waiting and without dialling.
    pub(crate) fn take_idle(&mut self, holder: Holder, now: Instant) -> Option<Taken<L>> {
        self.latest = now;
        // Nobody is overtaken: while somebody waits, nothing idle is left that could serve him. A context's own default could serve nobody else, or he
        // would have it by now.
        if self.closed || (holder.spares && !self.leaves_one()) {
            return None;
        }
        let slot = self.fit(&holder, now)?;
        let link = self.hold_idle(slot, holder, now);
        // Whoever tells no time is looked after, so that it is known how long ago he may have given back what he took.
        let rouse = holder.brief && self.due_within(now, ROUND);
        self.taken_so_far = self.taken_so_far.wrapping_add(1);
        self.assert_accounts();
        Some(Taken { slot, link, rouse, rest: self.taken_so_far.is_multiple_of(SPELL) })
    }

    /// Takes an extra, or stands in line for one.
    pub(crate) fn acquire(
        &mut self,
        holder: Holder,
        deadline: Option<Instant>,
        waker: Option<W>,
        now: Instant,
        out: &mut Out<L, E, W>,
    ) -> Take<L, E> {
        if let Some(Taken { slot, link, rouse, .. }) = self.take_idle(holder, now) {
            out.wakers.extend(waker);
            out.rouse |= rouse;
            return Take::Got { slot, link };
        }
        if let Some(never) = self.why_never(&holder, now) {
            out.wakers.extend(waker);
            return never;
        }
        let key = self.enqueue(Want::Extra, holder, deadline, waker, now, out);
        // With every slot taken and none idle there is nothing to start, as is the rule in a crowd.
        if self.room() || !self.idle.is_empty() {
            self.pump(now, out);
        }
        Take::Wait(key)
    }

    /// Takes an extra, or stands in line for one, but only if something is idle, or may be dialled, right now and with nobody waiting.
    pub(crate) fn acquire_if_free(
        &mut self,
        holder: Holder,
        now: Instant,
        out: &mut Out<L, E, W>,
    ) -> Option<Take<L, E>> {
        if let Some(Taken { slot, link, .. }) = self.take_idle(holder, now) {
            return Some(Take::Got { slot, link });
        }
        if !self.line.is_empty() || self.why_never(&holder, now).is_some() {
            return None;
        }
        let open_another = self.room() && self.may_dial(false, now) != Leave::No;
        if self.second_best(&holder, now).is_none() && !open_another {
            return None;
        }
        let key = self.enqueue(Want::Extra, holder, None, None, now, out);
        self.pump(now, out);
        Some(Take::Wait(key))
    }

    /// Stands in line for the connection of a slot: main's, or one's own that is being repaired.
    pub(crate) fn await_slot(
        &mut self,
        slot: SlotId,
        holder: Holder,
        deadline: Option<Instant>,
        waker: Option<W>,
        now: Instant,
        out: &mut Out<L, E, W>,
    ) -> Result<Key, Failure<E>> {
        if self.closed {
            out.wakers.extend(waker);
            return Err(Failure::Closed);
        }
        // Whoever asks for main, and for whatever: it is held as main.
        let holder = if slot == MAIN { Holder { kind: Kind::Main, ..holder } } else { holder };
        if slot == MAIN && matches!(self.slots[MAIN].state, State::Free) {
            self.set(MAIN, State::Held { link: None, repair: Repair::Wanted });
            self.slots[MAIN].holder = Some(holder);
            self.slots[MAIN].kind = Kind::Main;
            self.slots[MAIN].since = now;
        }
        if let State::Held { link: None, repair: Repair::None } = &self.slots[slot].state {
            self.set(slot, State::Held { link: None, repair: Repair::Wanted });
        }
        let key = self.enqueue(Want::Slot(slot), holder, deadline, waker, now, out);
        if self.link(slot).is_some() {
            self.tell(key, Verdict::Ready, out);
        }
        self.pump(now, out);
        Ok(key)
    }

    /// What a waiter finds when he looks; his new waker replaces the old one if there is nothing yet.
    pub(crate) fn look(&mut self, key: Key, waker: W, now: Instant, out: &mut Out<L, E, W>) -> Look<L, E> {
        let Some(waiter) = self.waiters.get_mut(key) else {
            out.wakers.push(waker);
            return Look::Told(Verdict::Failed(Failure::Closed));
        };
        match waiter.stage {
            Stage::Waiting => {
                out.wakers.extend(waiter.waker.replace(waker));
                if std::mem::take(&mut waiter.lapsed) {
                    let holder = waiter.holder;
                    *self.lapsed_with(&holder) -= 1;
                }
                self.pump(now, out);
                // Looking may itself have brought the waiter something.
                let waiter = self.waiters.get_mut(key);
                match waiter.map(|waiter| &waiter.stage) {
                    Some(Stage::Waiting) | None => Look::Pending,
                    Some(_) => self.collect(key, out),
                }
            }
            Stage::Offered(_) | Stage::Told(_) => {
                out.wakers.push(waker);
                self.collect(key, out)
            }
        }
    }

    /// What has come for a waiter, if anything has, and his waker, which is no longer needed.
    pub(crate) fn pick_up(&mut self, key: Key) -> Option<(Look<L, E>, Option<W>)> {
        if matches!(self.waiters.get(key)?.stage, Stage::Waiting) {
            return None;
        }
        let waiter = self.waiters.remove(key)?;
        let found = match waiter.stage {
            Stage::Waiting => unreachable!("only those who have something collect"),
            Stage::Told(verdict) => Look::Told(verdict),
            Stage::Offered(slot) => {
                let place = &mut self.slots[slot];
                // Offered and held count alike, so the counts stay as they are.
                let State::Offered { link, since, .. } = std::mem::replace(&mut place.state, State::Free)
                else {
                    unreachable!("an offer is known to its slot");
                };
                place.state = State::Held { link: Some(link.clone()), repair: Repair::None };
                place.holder = Some(waiter.holder);
                place.kind = waiter.holder.kind;
                place.since = since;
                Look::Got { slot, link }
            }
        };
        Some((found, waiter.waker))
    }

    fn collect(&mut self, key: Key, out: &mut Out<L, E, W>) -> Look<L, E> {
        match self.pick_up(key) {
            Some((look, waker)) => {
                out.wakers.extend(waker);
                look
            }
            None => Look::Pending,
        }
    }

    /// A waiter goes away. What he was offered goes to the next.
    pub(crate) fn cancel(&mut self, key: Key, now: Instant, out: &mut Out<L, E, W>) {
        let Some(waiter) = self.waiters.get(key) else {
            return;
        };
        match waiter.stage {
            Stage::Waiting => self.leave_line(key),
            Stage::Offered(slot) => {
                if let State::Offered { link, .. } = self.set(slot, State::Free) {
                    self.settle(slot, link, now, out);
                }
            }
            Stage::Told(_) => {}
        }
        if let Some(waiter) = self.waiters.remove(key) {
            out.wakers.extend(waiter.waker);
            if let Stage::Told(verdict) = waiter.stage {
                verdict.leave(out);
            }
        }
        self.pump(now, out);
    }

    /// Why waiting would be pointless.
    pub(super) fn why_never(&self, holder: &Holder, now: Instant) -> Option<Take<L, E>> {
        if self.closed {
            return Some(Take::Never(Failure::Closed));
        }
        let operation = holder.kind == Kind::Operation;
        if self.extras_by_quota() == 0 {
            return Some(if operation { Take::NoExtras } else { Take::Never(Failure::ReservedForMain) });
        }
        if holder.spares && self.extras_in_effect() < 2 {
            return Some(Take::Never(Failure::NoneToSpare));
        }
        if operation && self.effective() <= self.reserve() {
            return Some(Take::NoExtras);
        }
        if let Some((error, others_open)) = self.dialling.blocked()
            && self.counts.established == usize::from(self.slots[MAIN].state.peek().is_some())
        {
            return Some(Take::Never(Failure::Credentials { error, others_open }));
        }
        let mut own = 0;
        for slot in &self.slots[1..] {
            match (&slot.state, &slot.holder) {
                (State::Free, _) => {}
                // An automatic default of his that is still in use is on its way back: else he would be using it.
                (State::Held { .. }, Some(other)) if other.owned && holder.owned => return None,
                (State::Held { .. }, Some(other)) if other.context == holder.context => own += 1,
                _ => return None,
            }
        }
        let kept = usize::from(holder.spares);
        let stuck = own > 0
            && (own + kept >= self.extras_by_quota()
                || (self.counts.open + kept >= self.effective() && !self.dialling.probe_due(now)));
        stuck.then_some(Take::Never(Failure::WouldDeadlock))
    }

    pub(super) fn enqueue(
        &mut self,
        want: Want,
        holder: Holder,
        deadline: Option<Instant>,
        waker: Option<W>,
        now: Instant,
        out: &mut Out<L, E, W>,
    ) -> Key {
        self.tickets += 1;
        let key = self.waiters.insert(Waiter {
            want,
            holder,
            ticket: self.tickets,
            since: now,
            deadline,
            waker,
            stage: Stage::Waiting,
            lapsed: false,
        });
        let line = match want {
            Want::Extra if holder.spares => &mut self.sparing,
            Want::Extra => &mut self.line,
            Want::Slot(slot) => &mut self.slots[slot].line,
        };
        self.waiters.push_back(line, key);
        if holder.fallback {
            self.fallbacks += 1;
        }
        if let Some(deadline) = deadline {
            self.deadlines = Some(self.deadlines.map_or(deadline, |at| at.min(deadline)));
            self.due(deadline, out);
        }
        // These matter only while somebody waits, so nobody may have set the alarm for them.
        let held_up = [self.dialling.not_before(), self.dialling.probe_at()];
        for at in held_up.into_iter().flatten().filter(|at| *at > now) {
            self.due(at, out);
        }
        self.tell_if_throttled(key, out);
        key
    }

    pub(super) fn leave_line(&mut self, key: Key) {
        let Some(waiter) = self.waiters.get_mut(key) else {
            return;
        };
        let (want, holder, lapsed) = (waiter.want, waiter.holder, std::mem::take(&mut waiter.lapsed));
        if lapsed {
            *self.lapsed_with(&holder) -= 1;
        }
        if holder.fallback {
            self.fallbacks -= 1;
        }
        let line = match want {
            Want::Extra if holder.spares => &mut self.sparing,
            Want::Extra => &mut self.line,
            Want::Slot(slot) => &mut self.slots[slot].line,
        };
        self.waiters.unlink(line, key);
    }

    /// Gives a waiter his verdict. He leaves the line and is woken.
    pub(super) fn tell(&mut self, key: Key, verdict: Verdict<E>, out: &mut Out<L, E, W>) {
        self.leave_line(key);
        if let Some(waiter) = self.waiters.get_mut(key) {
            waiter.stage = Stage::Told(verdict);
            out.wake.extend(waiter.waker.take());
        }
    }

    pub(super) fn tell_slot(&mut self, slot: SlotId, verdict: &Verdict<E>, out: &mut Out<L, E, W>) {
        while let Some(key) = self.waiters.front(&self.slots[slot].line) {
            self.tell(key, verdict.clone(), out);
        }
    }

    /// Wakes the one who waits longest for what a slot was dialled for.
    pub(super) fn rouse_oldest(&mut self, slot: SlotId, out: &mut Out<L, E, W>) {
        let own = self.waiters.front(&self.slots[slot].line);
        let oldest = own.or_else(|| self.next_in_line()).or_else(|| self.waiters.front(&self.line));
        if let Some(waiter) = oldest.and_then(|key| self.waiters.get_mut(key)) {
            out.wake.extend(waiter.waker.take());
        }
    }

    /// Wakes everybody who waits, to look for himself.
    pub(crate) fn rouse_all(&mut self, out: &mut Out<L, E, W>) {
        for key in self.everybody() {
            if let Some(waiter) = self.waiters.get_mut(key) {
                out.wake.extend(waiter.waker.take());
            }
        }
    }

    /// The oldest waiter for an extra to whom an offer can be made.
    pub(super) fn next_in_line(&self) -> Option<Key> {
        let first = self.first_awake(&self.line);
        if self.sparing.is_empty() || !self.leaves_one() {
            return first;
        }
        let sparing = self.first_awake(&self.sparing);
        let ticket = |key: &Key| self.waiters.get(*key).map(|waiter| waiter.ticket);
        first.into_iter().chain(sparing).min_by_key(ticket)
    }

    /// The first in a line who has not let an offer lapse.
    fn first_awake(&self, line: &Line) -> Option<Key> {
        let mut at = self.waiters.front(line);
        while let Some(key) = at {
            if self.waiters.get(key).is_some_and(|waiter| !waiter.lapsed) {
                return Some(key);
            }
            at = self.waiters.after(key);
        }
        None
    }

    /// How many in the line of such a waiter let an offer lapse.
    pub(super) const fn lapsed_with(&mut self, holder: &Holder) -> &mut usize {
        if holder.spares { &mut self.lapsed_sparing } else { &mut self.lapsed }
    }
}
