//! Holding a slot, and letting go of it.

use std::time::Instant;

use super::machine::Core;
use super::orders::{Job, Note, Out, Why};
use super::rules::{Linked, MAIN, SlotId};
use super::slot::{Repair, State};
use super::timers::ROUND;
use super::waiter::{Fate, PutBack, Stage};
use crate::context::Context;

impl<L: Linked, E: Clone, W> Core<L, E, W> {
    /// The connection of a held slot, if it is there and nothing is being done about it.
    pub(crate) fn link(&self, slot: SlotId) -> Option<L> {
        match &self.slots[slot].state {
            State::Held { link: Some(link), repair: Repair::None } => Some(link.clone()),
            _ => None,
        }
    }

    /// The connection with this id was found dead in a held slot. The slot stays with its holder.
    pub(crate) fn lost(&mut self, slot: SlotId, id: u64, now: Instant, out: &mut Out<L, E, W>) {
        if let State::Held { link: Some(link), repair: Repair::None } = &self.slots[slot].state
            && link.id() == id
        {
            self.note_lost(slot, id, out);
            debug_assert!(self.slots[slot].line.is_empty(), "nobody waits for what is there");
            let emptied =
                if slot == MAIN { State::Free } else { State::Held { link: None, repair: Repair::None } };
            let old = self.set(slot, emptied);
            old.leave(out);
            self.pump(now, out);
        }
    }

    pub(super) fn note_lost(&mut self, slot: SlotId, connection: u64, out: &mut Out<L, E, W>) {
        self.closed_so_far += 1;
        out.notes.push(Note::Lost { slot, connection, kind: self.slots[slot].kind });
    }

    /// Asks for a check of a held connection that lay idle. False if somebody else is at it, or it has changed.
    pub(crate) fn check_held(&mut self, slot: SlotId, id: u64, out: &mut Out<L, E, W>) {
        if let State::Held { link: Some(link), repair: repair @ Repair::None } = &mut self.slots[slot].state
            && link.id() == id
        {
            *repair = Repair::Checking;
            out.jobs.push(Job::Check { slot, link: link.clone() });
        }
        self.assert_accounts();
    }

    /// The caller now using the slot is another one than before.
    pub(crate) fn used_by(&mut self, slot: SlotId, context: Context) {
        if let Some(holder) = &mut self.slots[slot].holder {
            holder.context = context;
        }
    }

    /// A holder lets go of his slot.
    pub(crate) fn release(&mut self, slot: SlotId, fate: Fate, now: Instant, out: &mut Out<L, E, W>) {
        let (link, repair) = match self.set(slot, State::Free) {
            State::Held { link, repair } => (link, repair),
            other => {
                // Closing the pool has taken it from its holder.
                debug_assert!(self.closed, "released a slot that nobody holds");
                self.set(slot, other);
                return;
            }
        };
        let owner = self.slots[slot].holder.take().filter(|holder| holder.owned).map(|holder| holder.context);
        match (link, repair) {
            (None, Repair::Dialling) => {
                // The dial goes on, for whoever is next.
                self.set(slot, State::Dialling);
            }
            (None, _) => self.freed(slot),
            (Some(link), Repair::Checking) if fate == Fate::Keep => {
                self.set(slot, State::Checking(link));
            }
            (Some(link), _) => match fate {
                Fate::Broken => {
                    self.note_lost(slot, link.id(), out);
                    out.links.push(link);
                    self.freed(slot);
                }
                Fate::Close => self.start_close(slot, link, Why::Asked, out),
                Fate::Reset if self.closed => {
                    self.start_close(slot, link, Why::Shutdown, out);
                }
                Fate::Reset => {
                    out.jobs.push(Job::Reset { slot, link: link.clone() });
                    self.set(slot, State::Resetting(link));
                }
                Fate::Keep => self.settle_owned(slot, link, owner, now, out),
            },
        }
        self.pump(now, out);
    }

    /// Lets go of a slot in the plain cases, without further ado: the connection is as good as new, and goes to the next in line or lies idle.
    /// `None` if the case isn't plain. Without a time it counts as given back when the core was last told one.
    pub(crate) fn put_back(&mut self, slot: SlotId, now: Option<Instant>) -> Option<PutBack<W>> {
        let at = now.unwrap_or(self.latest);
        // What has fallen due, and the keeper has not come to yet, is seen to by the long way.
        let on_time = self.alarm.is_none_or(|alarm| alarm > at);
        let plain = on_time
            && !self.closed
            && !self.main_is_wanted()
            && self.lapsed == 0
            && self.sparing.is_empty()
            && self.counts.extras <= self.extras_by_quota()
            && !self.rules.idle_timeout.is_zero();
        let place = &mut self.slots[slot];
        if !plain || place.expires.is_some() || place.holder.is_none_or(|holder| holder.owned) {
            return None;
        }
        // Held, offered and idle count alike, so the counts stay as they are.
        let link = match std::mem::replace(&mut place.state, State::Free) {
            State::Held { link: Some(link), repair: Repair::None } => link,
            other => {
                place.state = other;
                return None;
            }
        };
        place.holder = None;
        let (waker, due) = if let Some(key) = self.waiters.front(&self.line) {
            place.state = State::Offered { link, to: key, since: at, noted: now };
            self.leave_line(key);
            let waiter = self.waiters.get_mut(key)?;
            waiter.stage = Stage::Offered(slot);
            (waiter.waker.take(), self.rules.take_up)
        } else {
            place.state = State::Idle { link, since: at, noted: now, owner: None };
            self.idle.push(slot);
            (None, self.rules.idle_timeout)
        };
        let rouse = self.due_within(at, if now.is_some() { due } else { due.min(ROUND) });
        self.assert_accounts();
        Some(PutBack { wake: waker, rouse })
    }

    /// A context is gone: nothing belongs to it any more.
    pub(crate) fn disown(&mut self, context: Context, now: Instant, out: &mut Out<L, E, W>) {
        for slot in &mut self.slots {
            if let State::Idle { owner, .. } = &mut slot.state
                && *owner == Some(context)
            {
                *owner = None;
            }
            if let Some(holder) = &mut slot.holder
                && holder.owned
                && holder.context == context
            {
                holder.owned = false;
            }
        }
        self.pump(now, out);
    }
}
