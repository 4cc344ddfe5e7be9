//! What the owner of the pool decides and sees: the quota, the end, the status.

use std::time::{Duration, Instant};

use super::machine::Core;
use super::orders::{Out, Why};
use super::rules::Linked;
use super::slot::State;
use super::snapshot::{SlotView, Snapshot};
use super::waiter::{Failure, Stage, Verdict};

impl<L: Linked, E: Clone, W> Core<L, E, W> {
    /// Changes the quota.
    pub(crate) fn set_max(&mut self, max: usize, now: Instant, out: &mut Out<L, E, W>) {
        self.rules.max = max;
        let surplus = self.staying().saturating_sub(self.extras_by_quota());
        for slot in self.idle.drain(..surplus.min(self.idle.len())).collect::<Vec<_>>() {
            self.close_idle(slot, Why::Shrunk, out);
        }
        self.pump(now, out);
    }

    /// No new work: waiters are told, what is idle is closed, main too.
    pub(crate) fn shut_down(&mut self, now: Instant, out: &mut Out<L, E, W>) {
        if self.closed {
            return;
        }
        self.closed = true;
        while let Some(key) = self.waiters.front(&self.line).or_else(|| self.waiters.front(&self.sparing)) {
            self.tell(key, Verdict::Failed(Failure::Closed), out);
        }
        for slot in 0..self.slots.len() {
            self.tell_slot(slot, &Verdict::Failed(Failure::Closed), out);
            if let State::Offered { to, .. } = self.slots[slot].state
                && let State::Offered { link, .. } = self.set(slot, State::Free)
            {
                if let Some(waiter) = self.waiters.get_mut(to) {
                    waiter.stage = Stage::Told(Verdict::Failed(Failure::Closed));
                }
                self.start_close(slot, link, Why::Shutdown, out);
            }
        }
        for slot in std::mem::take(&mut self.idle) {
            self.close_idle(slot, Why::Shutdown, out);
        }
        self.close_held(out);
        self.close_main(out);
        self.pump(now, out);
    }

    /// The grace period is over: the links of whatever is still held, to be cut.
    pub(crate) fn still_held(&self) -> Vec<L> {
        self.slots
            .iter()
            .filter_map(|slot| match &slot.state {
                State::Held { link, .. } => link.clone(),
                _ => None,
            })
            .collect()
    }

    /// Whether nothing is open any more.
    pub(crate) fn all_gone(&self) -> bool {
        self.counts.open == 0
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// How many wait for an extra, other than the fan-out `group`.
    pub(crate) fn waiting_but(&self, group: u64) -> usize {
        if group == 0 {
            return self.line.len() + self.sparing.len();
        }
        let mut count = self.sparing.len();
        let mut at = self.waiters.front(&self.line);
        while let Some(key) = at {
            if self.waiters.get(key).is_some_and(|w| w.holder.group != group) {
                count += 1;
            }
            at = self.waiters.after(key);
        }
        count
    }

    pub(crate) fn snapshot(&self, now: Instant, waited: Duration) -> Snapshot<E> {
        let slots = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(id, slot)| {
                let state = slot.state.phase()?;
                Some(SlotView {
                    id,
                    state,
                    connection: slot.state.peek().map(Linked::id),
                    holder: slot.holder.map(|holder| (holder, now.saturating_duration_since(slot.since))),
                })
            })
            .collect();
        Snapshot {
            max: self.rules.max,
            effective: self.effective(),
            slots,
            waiting: self.line.len() + self.sparing.len(),
            waited,
            holders_wait: false,
            refusal: self.dialling.refusal(),
            not_before: self.dialling.not_before().filter(|at| *at > now),
            blocked: self.dialling.is_blocked(),
            closed: self.closed,
            opened_so_far: self.opened_so_far,
            closed_so_far: self.closed_so_far,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, by};
    use super::super::model::Id;
    use super::super::rules::Holder;
    use super::super::waiter::Fate;
    use super::*;
    use crate::assignment::Assignment;
    use crate::manager::Class;

    #[test]
    fn a_smaller_quota_closes_no_more_than_is_above_it() {
        let mut desk = Desk::new(Assignment::Default, 3);
        let slots = [by(1), by(2), by(3)].map(|holder| desk.hold(holder));
        for slot in slots {
            desk.give_back(slot, Fate::Keep);
        }
        for (max, closed) in [(3, 0), (2, 1), (2, 0), (1, 1)] {
            desk.out = Out::new();
            desk.core.set_max(max, desk.now, &mut desk.out);
            assert_eq!(desk.out.jobs.len(), closed, "{max}");
        }

        // Nor do those that come back later.
        let mut desk = Desk::new(Assignment::Default, 3);
        let slots = [by(1), by(2), by(3)].map(|holder| desk.hold(holder));
        desk.core.set_max(2, desk.now, &mut desk.out);
        let closed = slots.map(|slot| {
            desk.give_back(slot, Fate::Keep);
            desk.out.jobs.len()
        });
        assert_eq!(closed, [1, 0, 0]);
    }

    #[test]
    fn what_is_busy_when_the_pool_closes_is_there_to_be_cut() {
        let mut desk = Desk::new(Assignment::Default, 3);
        let slot = desk.hold(by(1));
        desk.hold(by(2));
        desk.core.check_held(slot, 1, &mut desk.out);
        assert!(!desk.core.is_closed());
        desk.core.shut_down(desk.now, &mut desk.out);
        assert!(desk.core.is_closed());
        assert_eq!(desk.core.still_held(), [Id(1)], "the other says goodbye");
        desk.give_back(slot, Fate::Keep);
        assert!(desk.core.still_held().is_empty());
    }

    #[test]
    fn all_who_wait_for_an_extra_are_counted() {
        let mut desk = Desk::new(Assignment::Default, 2);
        desk.hold(by(1));
        desk.hold(by(2));
        desk.waits(by(3));
        desk.waits(by(4));
        desk.waits(Holder { spares: true, ..by(5) });
        assert_eq!(desk.core.snapshot(desk.now, Duration::ZERO).waiting, 3);
    }

    #[test]
    fn a_back_off_is_shown_as_long_as_it_lasts() {
        let mut desk = Desk::new(Assignment::Default, 2);
        desk.waits(by(1));
        let slot = desk.dialled_slot();
        let shown = |desk: &Desk| desk.core.snapshot(desk.now, Duration::ZERO).not_before;
        assert_eq!(shown(&desk), None);
        desk.refused(slot, Class::Throttled(Some(Duration::from_secs(5))));
        let end = desk.now + Duration::from_secs(5);
        assert_eq!(shown(&desk), Some(end));
        desk.now = end - Duration::from_nanos(1);
        assert_eq!(shown(&desk), Some(end));
        desk.now = end;
        assert_eq!(shown(&desk), None);
        desk.now = end + Duration::from_nanos(1);
        assert_eq!(shown(&desk), None);
    }
}
