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
        while self.counts.extras > self.extras_by_quota() && !self.idle.is_empty() {
            let slot = self.idle.remove(0);
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
