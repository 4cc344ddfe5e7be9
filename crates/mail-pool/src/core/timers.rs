//! What time brings about: offers lapse, idle connections grow old, waiters run out of patience, back-offs end.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::machine::Core;
use super::orders::{Note, Out, Why};
use super::rules::Linked;
use super::slot::State;
use super::snapshot::Snapshot;
use super::waiter::{Failure, Stage, Verdict};

/// How often the keeper looks after connections whose users tell no time when they give them back.
pub(super) const ROUND: Duration = Duration::from_secs(1);

impl<L: Linked, E: Clone, W> Core<L, E, W> {
    /// Something falls due at `at`. The alarm is set anew if it would ring later.
    pub(super) fn due(&mut self, at: Instant, out: &mut Out<L, E, W>) {
        out.rouse |= self.due_within(at, Duration::ZERO);
    }

    /// The same, some time after `at`. Whether the timer must be set anew.
    pub(super) fn due_within(&mut self, at: Instant, time: Duration) -> bool {
        let due = at + time;
        let sooner = self.alarm.is_none_or(|alarm| due < alarm);
        if sooner {
            self.alarm = Some(due);
        }
        sooner
    }

    /// Does what has fallen due, and says when to come again.
    pub(crate) fn tick(&mut self, now: Instant, out: &mut Out<L, E, W>) -> Option<Instant> {
        self.latest = now;
        self.lapse_offers(now, out);
        self.retire_idle(now, out);
        self.expire_waiters(now, out);
        self.pump(now, out);
        out.rouse = false;
        self.alarm = self.next_alarm(now);
        self.alarm
    }

    fn lapse_offers(&mut self, now: Instant, out: &mut Out<L, E, W>) {
        for slot in 1..self.slots.len() {
            let State::Offered { to, noted, .. } = &mut self.slots[slot].state else {
                continue;
            };
            let to = *to;
            let noted = *noted.get_or_insert(now);
            if now.saturating_duration_since(noted) < self.rules.take_up {
                continue;
            }
            let State::Offered { link, .. } = self.set(slot, State::Free) else {
                continue;
            };
            if let Some(waiter) = self.waiters.get_mut(to) {
                waiter.stage = Stage::Waiting;
                waiter.lapsed = true;
                let (ticket, holder) = (waiter.ticket, waiter.holder);
                *self.lapsed_with(&holder) += 1;
                self.fallbacks += usize::from(holder.fallback);
                let line = if holder.spares { &mut self.sparing } else { &mut self.line };
                self.waiters.insert_before(line, to, |other| other.ticket > ticket);
            }
            out.notes.push(Note::Lapsed { slot, connection: link.id() });
            self.settle(slot, link, now, out);
        }
    }

    fn retire_idle(&mut self, now: Instant, out: &mut Out<L, E, W>) {
        let mut at = 0;
        while let Some(slot) = self.idle.get(at).copied() {
            let place = &mut self.slots[slot];
            let old = match &mut place.state {
                State::Idle { noted, .. } => {
                    let noted = *noted.get_or_insert(now);
                    let idle = now.saturating_duration_since(noted) >= self.rules.idle_timeout;
                    let old = place.expires.is_some_and(|at| at <= now);
                    if old { Some(Why::Old) } else { idle.then_some(Why::Idle) }
                }
                _ => None,
            };
            if let Some(why) = old {
                self.idle.remove(at);
                self.close_idle(slot, why, out);
            } else {
                at += 1;
            }
        }
    }

    fn expire_waiters(&mut self, now: Instant, out: &mut Out<L, E, W>) {
        if self.deadlines.is_none_or(|at| at > now) {
            return;
        }
        let mut next: Option<Instant> = None;
        let mut holders_wait = None;
        for key in self.everybody() {
            let Some(waiter) = self.waiters.get(key) else {
                continue;
            };
            let Some(deadline) = waiter.deadline else {
                continue;
            };
            if deadline > now {
                next = Some(next.map_or(deadline, |at| at.min(deadline)));
                continue;
            }
            let waited = now.saturating_duration_since(waiter.since);
            // Looked at before anybody is told, since whoever is told waits no longer.
            let holders_wait = *holders_wait.get_or_insert_with(|| self.holders_wait());
            let verdict = Verdict::Failed(self.out_of_time(waited, holders_wait, now));
            self.tell(key, verdict, out);
        }
        self.deadlines = next;
    }

    /// A connect error is never dressed as a timeout.
    fn out_of_time(&self, waited: Duration, holders_wait: bool, now: Instant) -> Failure<E> {
        match self.dialling.refusal() {
            Some(refusal) if self.dialling.is_down() && self.room() => Failure::Connect(refusal.error),
            _ => Failure::Timeout(Box::new(Snapshot { holders_wait, ..self.snapshot(now, waited) })),
        }
    }

    /// Whether every extra is held by a context that also waits for one. Then they may be waiting for each other; or not, since a context has
    /// branches: one may wait while another works and is about to let go.
    fn holders_wait(&self) -> bool {
        if self.room() && self.counts.open < self.effective() {
            return false;
        }
        let mut holders = HashSet::new();
        for slot in &self.slots[1..] {
            match (&slot.state, &slot.holder) {
                (State::Free, _) => {}
                (State::Held { .. }, Some(holder)) => {
                    holders.insert(holder.context);
                }
                _ => return false,
            }
        }
        if holders.is_empty() {
            return false;
        }
        for line in [&self.line, &self.sparing] {
            let mut at = self.waiters.front(line);
            while let Some(key) = at
                && !holders.is_empty()
            {
                if let Some(waiter) = self.waiters.get(key) {
                    holders.remove(&waiter.holder.context);
                }
                at = self.waiters.after(key);
            }
        }
        holders.is_empty()
    }

    fn next_alarm(&self, now: Instant) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        let mut consider = |at: Instant| next = Some(next.map_or(at, |next| next.min(at)));
        let mut somebody_waits = !self.line.is_empty() || !self.sparing.is_empty();
        for slot in &self.slots {
            match &slot.state {
                // All have been noted by now, in this very round.
                State::Offered { noted, .. } => consider(noted.unwrap_or(now) + self.rules.take_up),
                State::Held { .. } if slot.holder.is_some_and(|holder| holder.brief) => consider(now + ROUND),
                State::Idle { noted, .. } => {
                    consider(noted.unwrap_or(now) + self.rules.idle_timeout);
                    if let Some(expires) = slot.expires {
                        consider(expires);
                    }
                }
                _ => {}
            }
            somebody_waits |= !slot.line.is_empty();
        }
        if let Some(deadline) = self.deadlines {
            consider(deadline);
        }
        if somebody_waits && !self.dialling.is_blocked() {
            [self.dialling.not_before(), self.dialling.probe_at()]
                .into_iter()
                .flatten()
                .filter(|at| *at > now)
                .for_each(&mut consider);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, by};
    use super::super::orders::Job;
    use super::super::rules::Holder;
    use super::super::waiter::{Fate, Look, Take};
    use super::*;
    use crate::assignment::Assignment;
    use crate::manager::Class;

    const SECOND: Duration = Duration::from_secs(1);

    fn waits_until(desk: &mut Desk, holder: Holder, deadline: Instant) -> super::super::line::Key {
        match desk.core.acquire(holder, Some(deadline), None, desk.now, &mut desk.out) {
            Take::Wait(key) => key,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_alarm_is_set_anew_only_to_ring_sooner() {
        let mut desk = Desk::new(Assignment::Default, 1);
        desk.core.alarm = Some(desk.now + SECOND);
        assert!(!desk.core.due_within(desk.now, SECOND));
        assert!(!desk.core.due_within(desk.now, SECOND * 2));
        assert!(desk.core.due_within(desk.now, SECOND - Duration::from_nanos(1)));
    }

    #[test]
    fn what_is_over_already_rings_no_alarm() {
        let mut desk = Desk::new(Assignment::Default, 1);
        let key = desk.waits(by(1));
        let slot = desk.dialled_slot();
        desk.refused(slot, Class::Throttled(Some(SECOND)));
        desk.core.cancel(key, desk.now, &mut desk.out);
        desk.now += SECOND;
        desk.core.alarm = None;
        desk.waits(by(1));
        assert_eq!((desk.core.alarm, desk.out.rouse), (None, false));
    }

    #[test]
    fn the_end_of_a_back_off_rings_only_for_those_who_wait() {
        let mut desk = Desk::new(Assignment::Default, 1);
        let key = desk.waits(by(1));
        let slot = desk.dialled_slot();
        desk.refused(slot, Class::Throttled(Some(SECOND)));
        desk.core.tick(desk.now, &mut desk.out);
        assert_eq!(desk.core.alarm, Some(desk.now + SECOND));
        desk.core.cancel(key, desk.now, &mut desk.out);
        desk.core.tick(desk.now, &mut desk.out);
        assert_eq!(desk.core.alarm, None);
    }

    #[test]
    fn a_deadline_that_has_passed_ends_the_wait_however_late_the_keeper_comes() {
        for late in [Duration::ZERO, Duration::from_nanos(1), SECOND] {
            let mut desk = Desk::new(Assignment::Default, 1);
            desk.hold(by(1));
            let deadline = desk.now + SECOND * 5;
            let key = waits_until(&mut desk, by(2), deadline);
            desk.pass(SECOND * 5 - Duration::from_nanos(1));
            assert!(matches!(desk.look(key), Look::Pending));
            desk.pass(Duration::from_nanos(1) + late);
            let told = desk.look(key);
            assert!(matches!(told, Look::Told(Verdict::Failed(Failure::Timeout(_)))), "{told:?}");
        }
    }

    #[test]
    fn one_that_lies_idle_is_closed_when_its_life_is_over_and_not_before() {
        let mut desk = Desk::new(Assignment::Default, 1);
        desk.core.rules.max_lifetime = Some(SECOND * 10);
        let slot = desk.hold(by(1));
        let end = desk.core.slots[slot].expires.unwrap();
        desk.give_back(slot, Fate::Keep);
        desk.pass(end - desk.now - Duration::from_nanos(1));
        assert!(desk.out.jobs.is_empty());
        desk.pass(Duration::from_nanos(1));
        assert!(matches!(desk.out.jobs[..], [Job::Close { why: Why::Old, .. }]));
    }

    /// Whether those who hold are said to be waiting, when `context` runs out of time.
    fn said_to_wait(desk: &mut Desk, context: u8, others: &[u8]) -> bool {
        for other in others {
            desk.waits(by(*other));
        }
        let deadline = desk.now + SECOND;
        let key = waits_until(desk, by(context), deadline);
        desk.pass(SECOND);
        match desk.look(key) {
            Look::Told(Verdict::Failed(Failure::Timeout(snapshot))) => snapshot.holders_wait,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn holders_are_said_to_wait_for_each_other_only_if_all_of_them_wait() {
        for (others, all) in [(&[1][..], true), (&[][..], false)] {
            let mut desk = Desk::new(Assignment::Default, 2);
            desk.hold(by(1));
            desk.hold(by(2));
            assert_eq!(said_to_wait(&mut desk, 2, others), all);
        }
    }

    #[test]
    fn holders_are_not_said_to_wait_for_each_other_while_a_slot_is_free() {
        let mut desk = Desk::new(Assignment::Default, 3);
        desk.hold(by(1));
        desk.hold(by(2));
        desk.waits(by(1));
        let slot = desk.dialled_slot();
        desk.refused(slot, Class::Throttled(None));
        assert!(!said_to_wait(&mut desk, 2, &[]));
    }

    #[test]
    fn a_free_slot_that_the_server_has_no_place_for_is_none() {
        let mut desk = Desk::new(Assignment::Default, 3);
        desk.hold(by(1));
        desk.hold(by(2));
        desk.fall();
        assert_eq!(desk.core.effective(), 2);
        assert!(said_to_wait(&mut desk, 2, &[1]));

        // Nor is one that a smaller quota has taken away.
        let mut desk = Desk::new(Assignment::Default, 3);
        let slots = [by(1), by(2), by(3)].map(|holder| desk.hold(holder));
        desk.give_back(slots[2], Fate::Broken);
        desk.core.set_max(2, desk.now, &mut Out::new());
        assert!(said_to_wait(&mut desk, 2, &[1]));
    }
}
