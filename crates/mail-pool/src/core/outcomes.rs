//! What background work reports: a dial, a check, a reset or a goodbye has ended.

use std::time::Instant;

use super::machine::Core;
use super::orders::{Out, Why};
use super::rules::{Linked, MAIN, SlotId};
use super::slot::{Repair, State};
use super::waiter::Verdict;

impl<L: Linked, E: Clone, W> Core<L, E, W> {
    /// A dial has brought a connection.
    pub(crate) fn dialled(&mut self, slot: SlotId, link: L, now: Instant, out: &mut Out<L, E, W>) {
        self.opened_so_far += 1;
        self.slots[slot].expires = self.rules.max_lifetime.map(|life| now + self.dialling.jitter(life));
        match self.set(slot, State::Free) {
            State::Dialling => {
                // Counted before it is placed, so that the quota rises on it.
                self.set(slot, State::Resetting(link));
                self.login_succeeded(slot, out);
                if let State::Resetting(link) = self.set(slot, State::Free) {
                    self.settle(slot, link, now, out);
                }
            }
            State::Held { link: None, repair: Repair::Dialling } => {
                self.set(slot, State::Held { link: Some(link), repair: Repair::None });
                self.login_succeeded(slot, out);
                if self.closed && slot == MAIN {
                    self.close_main(out);
                } else {
                    self.tell_slot(slot, &Verdict::Ready, out);
                }
            }
            other => {
                debug_assert!(false, "a dial ended in a slot that was not dialling");
                self.set(slot, other);
                out.links.push(link);
            }
        }
        self.pump(now, out);
    }

    /// A dial that was never started, or whose task was dropped or panicked. Nothing is known of the server.
    pub(crate) fn undialled(&mut self, slot: SlotId, panicked: bool, now: Instant, out: &mut Out<L, E, W>) {
        if panicked {
            self.back_off(now, "the manager panicked", out);
        }
        self.dialling.forget_probe(slot);
        match &self.slots[slot].state {
            State::Dialling => {
                self.set(slot, State::Free);
                self.freed(slot);
            }
            State::Held { link: None, repair: Repair::Dialling } => {
                self.abandon_repair(slot);
            }
            _ => debug_assert!(false, "a dial was lost in a slot that was not dialling"),
        }
        // Whoever looks next does so on a runtime that lives, and starts it anew.
        self.rouse_oldest(slot, out);
        out.all_gone |= self.closed && self.all_gone();
        self.assert_accounts();
    }

    /// A check has ended.
    pub(crate) fn checked(
        &mut self,
        slot: SlotId,
        id: u64,
        alive: bool,
        now: Instant,
        out: &mut Out<L, E, W>,
    ) {
        if self.slots[slot].state.peek().is_none_or(|link| link.id() != id) {
            return;
        }
        match &self.slots[slot].state {
            State::Checking(_) => {
                let State::Checking(link) = self.set(slot, State::Free) else {
                    return;
                };
                if alive {
                    self.settle(slot, link, now, out);
                } else {
                    self.start_close(slot, link, Why::Unusable, out);
                }
            }
            State::Held { link: Some(_), repair: Repair::Checking } => {
                if let State::Held { link: Some(link), .. } = self.set(slot, State::Free) {
                    if alive {
                        self.set(slot, State::Held { link: Some(link), repair: Repair::None });
                        self.tell_slot(slot, &Verdict::Ready, out);
                    } else {
                        // Its users find it gone: the link is cut when the last of them lets go.
                        self.note_lost(slot, id, out);
                        out.links.push(link);
                        let repair =
                            if self.slots[slot].line.is_empty() { Repair::None } else { Repair::Wanted };
                        if slot != MAIN || repair == Repair::Wanted {
                            self.set(slot, State::Held { link: None, repair });
                        }
                    }
                }
            }
            _ => {}
        }
        self.pump(now, out);
    }

    /// A reset has ended.
    pub(crate) fn reset(&mut self, slot: SlotId, keep: bool, now: Instant, out: &mut Out<L, E, W>) {
        if let State::Resetting(_) = &self.slots[slot].state
            && let State::Resetting(link) = self.set(slot, State::Free)
        {
            if keep {
                self.settle(slot, link, now, out);
            } else {
                self.start_close(slot, link, Why::Unusable, out);
            }
        }
        self.pump(now, out);
    }

    /// A connection has said goodbye, or was cut.
    pub(crate) fn closed(&mut self, slot: SlotId, now: Instant, out: &mut Out<L, E, W>) {
        if let State::Closing = &self.slots[slot].state {
            self.closed_so_far += 1;
            self.dialling.logged_out(now);
            self.set(slot, State::Free);
            self.freed(slot);
        }
        self.pump(now, out);
    }
}
