//! When a connection may be dialled, and what a refusal means.

use std::time::{Duration, Instant};

use super::dialling::{Doubt, Fallen, Fresh, Leave};
use super::line::Key;
use super::machine::Core;
use super::orders::{Job, Note, Out};
use super::rules::{Linked, MAIN, Rules, SlotId};
use super::slot::State;
use super::snapshot::Refusal;
use super::waiter::{Failure, Verdict};
use crate::manager::{Class, Kind};

impl<L: Linked, E: Clone, W> Core<L, E, W> {
    /// Whether a dial may start now.
    pub(super) fn may_dial(&self, main: bool, now: Instant) -> Leave {
        let dialling = &self.dialling;
        let permits = if main {
            self.counts.dialling_main == 0
        } else {
            self.counts.dialling < self.rules.max_handshakes
        };
        let alone = self.counts.dialling + self.counts.dialling_main == 0;
        if dialling.blocked.is_some()
            || dialling.not_before.is_some_and(|at| at > now)
            || !permits
            || !(dialling.proven || alone)
            || self.counts.open >= self.rules.max
        {
            return Leave::No;
        }
        if self.counts.open < self.effective() {
            Leave::Yes
        } else if dialling.probe_due(now) {
            Leave::Probe
        } else {
            Leave::No
        }
    }

    /// Sends out the order for a slot that was just put into its dialling state.
    pub(super) fn start_dial(&mut self, slot: SlotId, kind: Kind, out: &mut Out<L, E, W>) {
        self.dialling.dials += 1;
        self.slots[slot].dial = self.dialling.dials;
        // The slot itself is counted by now.
        if self.counts.open > self.effective() {
            self.dialling.probe = Some(slot);
        }
        let fresh = self.dialling.fresh == Fresh::Next;
        if fresh {
            self.dialling.fresh = Fresh::Tried;
        }
        out.jobs.push(Job::Dial { slot, kind, fresh });
    }

    pub(super) fn login_succeeded(&mut self, slot: SlotId, out: &mut Out<L, E, W>) {
        let max = self.rules.max;
        let established = self.counts.established;
        let dialling = &mut self.dialling;
        dialling.proven = true;
        dialling.failures = 0;
        dialling.untold = 0;
        dialling.suspected = false;
        dialling.fresh = Fresh::No;
        dialling.doubt = None;
        dialling.not_before = None;
        dialling.throttled = None;
        dialling.forget_probe(slot);
        // A probe that got through had its time behind it: there was a place, there may be one more, and the next probe is due.
        if let Some(fallen) = &mut dialling.fallen
            && established > fallen.effective
        {
            fallen.effective = established;
            if fallen.effective >= max {
                dialling.fallen = None;
            }
            out.notes.push(Note::Quota { effective: established, max });
        }
    }

    /// A dial has failed.
    pub(crate) fn refused(
        &mut self,
        slot: SlotId,
        error: E,
        class: Class,
        now: Instant,
        out: &mut Out<L, E, W>,
    ) {
        let others_open = self.counts.established;
        let old =
            self.dialling.refusal.replace(Refusal { error: error.clone(), class, at: now, others_open });
        out.errors.extend(old.map(|refusal| refusal.error));
        // A cool-down allows one more dial, and no second try of it.
        let is_probe = self.dialling.probe == Some(slot);
        self.dialling.forget_probe(slot);
        let dial = self.slots[slot].dial;
        match &self.slots[slot].state {
            State::Dialling => {
                self.set(slot, State::Free);
                self.freed(slot);
            }
            State::Held { .. } => self.abandon_repair(slot),
            _ => debug_assert!(false, "a dial failed in a slot that was not dialling"),
        }
        match class {
            Class::Limit => self.limited(dial, true, now, out),
            Class::Outage if others_open > 0 => self.limited(dial, is_probe, now, out),
            Class::Outage | Class::Transient => {
                self.back_off(now, "the dial failed", out);
                self.dialling.untold += 1;
                if others_open == 0 || self.dialling.untold >= 3 {
                    self.dialling.untold = 0;
                    self.tell_oldest(slot, &Verdict::Failed(Failure::Connect(error.clone())), out);
                }
            }
            Class::Throttled(told) => self.throttled(told, now, out),
            Class::Permanent => {
                self.tell_all(&Verdict::Failed(Failure::Connect(error.clone())), out);
            }
            Class::Refused => self.login_refused(dial, &error, others_open, now, out),
        }
        out.errors.push(error);
        self.pump(now, out);
    }

    /// The server has no place for more than what is open. Of one that didn't say so it isn't certain: the network may be
    /// to blame.
    fn limited(&mut self, dial: u64, is_certain: bool, now: Instant, out: &mut Out<L, E, W>) {
        let settling = self.counts.closing > 0
            || self
                .dialling
                .logged_out
                .is_some_and(|at| now.saturating_duration_since(at) < self.rules.logout_settles);
        let is_new = dial > self.dialling.fell_at;
        if settling || (!is_certain && is_new) {
            match self.dialling.doubt.filter(|doubt| doubt.until > now) {
                None => return self.doubt(settling, now, out),
                Some(doubt) if dial <= doubt.dials => return,
                Some(_) => {}
            }
        }
        self.dialling.doubt = None;
        let known = dial <= self.dialling.fell_at;
        self.fall(now, out);
        if known {
            return;
        }
        self.back_off(now, "the server's limit", out);
    }

    /// What may be a limit is tried once more, by one dial, before it is taken for one.
    fn doubt(&mut self, settling: bool, now: Instant, out: &mut Out<L, E, W>) {
        self.dialling.proven = false;
        let (dials, until) = (self.dialling.dials, now + self.rules.cool_down);
        self.dialling.doubt = Some(Doubt { dials, until });
        if settling {
            let wait = self.dialling.jitter(self.rules.logout_settles / 4);
            self.hold_dials(now, wait, "the last logout may still be counted", out);
        } else {
            self.back_off(now, "no answer to the login, which may be a limit", out);
        }
    }

    fn fall(&mut self, now: Instant, out: &mut Out<L, E, W>) {
        let effective = self.counts.established.max(1).min(self.rules.max);
        let probe_at = now + self.dialling.jitter(self.rules.cool_down);
        self.dialling.fell_at = self.dialling.dials;
        self.dialling.fallen = Some(Fallen { effective, probe_at });
        out.notes.push(Note::Quota { effective, max: self.rules.max });
        self.due(probe_at, out);
    }

    fn throttled(&mut self, told: Option<Duration>, now: Instant, out: &mut Out<L, E, W>) {
        let wait = told.map_or(self.rules.throttle, |told| told.min(Rules::NEVER));
        self.hold_dials(now, wait, "too many attempts", out);
        self.dialling.throttled = Some(now + wait);
        for key in self.everybody() {
            self.tell_if_throttled(key, out);
        }
    }

    /// Nothing can come to those who would give up before the throttle ends, if nothing is open: they may as well know now.
    pub(super) fn tell_if_throttled(&mut self, key: Key, out: &mut Out<L, E, W>) {
        let until = self.dialling.throttled.filter(|_| self.counts.established == 0);
        let (Some(until), Some(waiter)) = (until, self.waiters.get(key)) else {
            return;
        };
        if waiter.deadline.is_some_and(|at| at < until)
            && let Some(refusal) = self.dialling.refusal()
        {
            self.tell(key, Verdict::Failed(Failure::Connect(refusal.error)), out);
        }
    }

    fn login_refused(
        &mut self,
        dial: u64,
        error: &E,
        others_open: usize,
        now: Instant,
        out: &mut Out<L, E, W>,
    ) {
        // One at a time until it is known what the matter is.
        self.dialling.proven = false;
        if dial <= self.dialling.doubted_at {
            return;
        }
        self.dialling.doubted_at = self.dialling.dials;
        if self.rules.renews_credentials && self.dialling.fresh == Fresh::No {
            self.dialling.fresh = Fresh::Next;
            return;
        }
        if others_open == 0 || self.dialling.suspected {
            let old = self.dialling.blocked.replace((error.clone(), others_open));
            out.errors.extend(old.map(|(error, _)| error));
            out.notes.push(Note::LoginBlocked);
            return self.tell_all_blocked(out);
        }
        self.dialling.suspected = true;
        self.fall(now, out);
        if let Some(probe_at) = self.dialling.probe_at() {
            self.hold_dials(now, probe_at - now, "a refused login that may be a limit", out);
        }
    }

    pub(super) fn back_off(&mut self, now: Instant, why: &'static str, out: &mut Out<L, E, W>) {
        let (first, most) = self.rules.backoff;
        let doubled = first.saturating_mul(1 << self.dialling.failures.min(20));
        self.dialling.failures += 1;
        let wait = self.dialling.jitter(doubled.min(most));
        self.hold_dials(now, wait, why, out);
    }

    fn hold_dials(&mut self, now: Instant, wait: Duration, why: &'static str, out: &mut Out<L, E, W>) {
        let until = now + wait;
        if self.dialling.not_before.is_none_or(|at| at < until) {
            self.dialling.not_before = Some(until);
            self.due(until, out);
            out.notes.push(Note::Backoff { wait, why });
        }
    }

    /// The login may be tried again: the credentials are new, or the user says so.
    pub(crate) fn retry_login(&mut self, now: Instant, out: &mut Out<L, E, W>) {
        let dialling = &mut self.dialling;
        if let Some((error, _)) = dialling.blocked.take() {
            out.errors.push(error);
        }
        dialling.suspected = false;
        dialling.proven = false;
        dialling.fresh = Fresh::No;
        dialling.not_before = None;
        dialling.throttled = None;
        dialling.failures = 0;
        if let Some(fallen) = &mut dialling.fallen {
            fallen.probe_at = now;
        }
        self.pump(now, out);
    }

    /// The server said of a connection that is logged in that there are too many.
    pub(crate) fn limit_reported(&mut self, now: Instant, out: &mut Out<L, E, W>) {
        // The one that was told so doesn't count.
        let effective = self.counts.established.saturating_sub(1);
        self.limited(u64::MAX, true, now, out);
        if let Some(fallen) = &mut self.dialling.fallen {
            fallen.effective = fallen.effective.min(effective.max(1));
        }
        self.pump(now, out);
    }

    pub(super) fn tell_all_blocked(&mut self, out: &mut Out<L, E, W>) {
        if let Some((error, others_open)) = self.dialling.blocked() {
            self.tell_all(&Verdict::Failed(Failure::Credentials { error: error.clone(), others_open }), out);
            out.errors.push(error);
        }
    }

    /// Tells those for whom a slot was dialled: all users of main or of the handle, else the next in line.
    fn tell_oldest(&mut self, slot: SlotId, verdict: &Verdict<E>, out: &mut Out<L, E, W>) {
        if slot != MAIN
            && self.slots[slot].line.is_empty()
            && let Some(key) = self.next_in_line()
        {
            self.tell(key, verdict.clone(), out);
        } else {
            self.tell_slot(slot, verdict, out);
        }
    }

    fn tell_all(&mut self, verdict: &Verdict<E>, out: &mut Out<L, E, W>) {
        while let Some(key) = self.waiters.front(&self.line).or_else(|| self.waiters.front(&self.sparing)) {
            self.tell(key, verdict.clone(), out);
        }
        for slot in 0..self.slots.len() {
            // A connection that is merely being checked doesn't need the login.
            if self.slots[slot].state.peek().is_none() {
                self.tell_slot(slot, verdict, out);
            }
        }
    }

    pub(super) fn everybody(&self) -> Vec<Key> {
        let mut keys = Vec::new();
        let lines = self.slots.iter().map(|slot| &slot.line);
        for line in lines.chain([&self.line, &self.sparing]) {
            let mut at = self.waiters.front(line);
            while let Some(key) = at {
                keys.push(key);
                at = self.waiters.after(key);
            }
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, by};
    use super::super::model::holder;
    use super::super::waiter::{Fate, Look, Take};
    use super::*;
    use crate::assignment::Assignment;

    const SECOND: Duration = Duration::from_secs(1);

    fn notes_of_the_quota(desk: &Desk) -> usize {
        desk.out.notes.iter().filter(|note| matches!(note, Note::Quota { .. })).count()
    }

    #[test]
    fn one_probe_is_under_way_at_a_time() {
        let mut desk = Desk::new(Assignment::Default, 9);
        desk.hold(by(1));
        desk.fall();
        desk.waits(by(2));
        desk.waits(by(3));
        desk.pass(SECOND * 100);
        let probe = desk.dialled_slot();
        desk.dialled(probe);
        assert_eq!(notes_of_the_quota(&desk), 1);
        assert_eq!(desk.core.effective(), 2);
        desk.dialled_slot();
    }

    #[test]
    fn a_dial_within_the_fallen_quota_is_no_probe_and_no_news() {
        let mut desk = Desk::new(Assignment::Default, 9);
        desk.hold(by(1));
        let lost = desk.hold(by(2));
        desk.fall();
        desk.give_back(lost, Fate::Broken);
        desk.pass(SECOND * 10);
        desk.waits(by(3));
        let slot = desk.dialled_slot();
        desk.dialled(slot);
        assert_eq!(notes_of_the_quota(&desk), 0);
        desk.waits(by(4));
        assert!(desk.out.jobs.is_empty(), "the cool-down isn't over");

        // Nor does it stand in a probe's way.
        let mut desk = Desk::new(Assignment::Default, 9);
        desk.hold(by(1));
        let lost = desk.hold(by(2));
        desk.fall();
        desk.give_back(lost, Fate::Broken);
        desk.pass(SECOND * 100);
        desk.waits(by(3));
        desk.dialled_slot();
        desk.waits(by(4));
        desk.dialled_slot();
    }

    #[test]
    fn a_limit_while_one_of_ours_says_goodbye_or_soon_after_is_tried_once_more() {
        let nearly = SECOND * 2 - Duration::from_nanos(1);
        for (since, again) in [(None, true), (Some(nearly), true), (Some(SECOND * 2), false)] {
            let mut desk = Desk::new(Assignment::Default, 9);
            desk.hold(by(1));
            let leaving = desk.hold(by(2));
            desk.give_back(leaving, Fate::Close);
            desk.waits(by(3));
            let dialled = desk.dialled_slot();
            if let Some(since) = since {
                desk.core.closed(leaving, desk.now, &mut desk.out);
                desk.now += since;
            }
            desk.refused(dialled, Class::Limit);
            assert_eq!(desk.core.effective() == 9, again, "{since:?}");
        }
    }

    #[test]
    fn those_who_would_give_up_before_a_throttle_ends_are_told_and_no_others() {
        for (patience, told) in [(SECOND * 5 - Duration::from_nanos(1), true), (SECOND * 5, false)] {
            let mut desk = Desk::new(Assignment::Default, 2);
            desk.out = Out::new();
            let deadline = desk.now + patience;
            let take = desk.core.acquire(by(1), Some(deadline), None, desk.now, &mut desk.out);
            let Take::Wait(key) = take else { panic!("{take:?}") };
            let slot = desk.dialled_slot();
            desk.refused(slot, Class::Throttled(Some(SECOND * 5)));
            assert_eq!(matches!(desk.look(key), Look::Told(_)), told, "{patience:?}");
        }
    }

    #[test]
    fn while_something_is_open_a_throttle_is_waited_for() {
        let mut desk = Desk::new(Assignment::Default, 2);
        desk.hold(by(1));
        let deadline = desk.now + SECOND;
        desk.out = Out::new();
        let take = desk.core.acquire(by(2), Some(deadline), None, desk.now, &mut desk.out);
        let Take::Wait(key) = take else { panic!("{take:?}") };
        let slot = desk.dialled_slot();
        desk.refused(slot, Class::Throttled(Some(SECOND * 5)));
        assert!(matches!(desk.look(key), Look::Pending));
    }

    #[test]
    fn a_back_off_that_ends_no_later_than_the_last_is_no_news() {
        let mut desk = Desk::new(Assignment::Default, 4);
        desk.hold(by(1));
        let dials = [by(2), by(3)].map(|holder| {
            desk.waits(holder);
            desk.dialled_slot()
        });
        let noted = dials.map(|slot| {
            desk.refused(slot, Class::Throttled(Some(SECOND)));
            desk.out.notes.len()
        });
        assert_eq!(noted, [1, 0]);
    }

    #[test]
    fn with_the_login_blocked_the_idle_default_of_another_is_taken_back() {
        let mut desk = Desk::new(Assignment::Default, 4);
        let slot = desk.hold(holder(1, Kind::Default, true));
        desk.give_back(slot, Fate::Keep);
        desk.core.dialling.blocked = Some((7, 1));
        desk.waits(by(2));
        assert!(matches!(desk.core.slots[slot].state, State::Offered { .. }));
    }
    #[test]
    fn a_handle_that_lost_its_connection_takes_an_idle_one_where_the_server_has_no_place_for_another() {
        for owned in [false, true] {
            let mut desk = Desk::new(Assignment::Default, 9);
            let held = desk.hold(by(1));
            let other = desk.hold(holder(2, if owned { Kind::Default } else { Kind::Independent }, owned));
            desk.give_back(other, Fate::Keep);
            desk.core.lost(held, 1, desk.now, &mut desk.out);
            desk.out = Out::new();
            let key = desk.core.await_slot(held, by(1), None, None, desk.now, &mut desk.out).unwrap();
            assert_eq!(desk.dialled_slot(), held, "there may be a place");
            desk.refused(held, Class::Limit);
            assert!(matches!(desk.look(key), Look::Told(Verdict::Ready)), "{owned}");
            assert_eq!(desk.core.link(held).map(|link| link.0), Some(2));
            assert!(matches!(desk.core.slots[other].state, State::Free));
            let taken_back = desk.out.notes.iter().any(|note| matches!(note, Note::TakenBack { .. }));
            assert_eq!(taken_back, owned);
        }
    }
}
