//! Steps of the core: takes the lock, lets go of it, and then does what the core said.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::core::{Fate, Holder, Job, Key, Look, Note, Out, SlotId, Take};
use crate::inner::{CoreOf, ErrorOf, Inner, LinkOf, OutOf};
use crate::manager::Manager;
use crate::sync::{lock, now};
use crate::work;

impl<M: Manager> Inner<M> {
    /// Runs one operation of the core, then does what follows from it.
    pub(crate) fn with<R>(
        self: &Arc<Self>,
        operation: impl FnOnce(&mut CoreOf<M>, Instant, &mut OutOf<M>) -> R,
    ) -> R {
        let now = now();
        let mut out = Out::new();
        let result = operation(&mut lock(&self.core.0), now, &mut out);
        self.perform(out);
        result
    }

    /// Takes an extra, or stands in line for one.
    pub(crate) fn acquire(
        self: &Arc<Self>,
        holder: Holder,
        timeout: Option<Duration>,
        waker: Option<Waker>,
        now: Instant,
    ) -> Take<LinkOf<M>, ErrorOf<M>> {
        let deadline = timeout.and_then(|timeout| now.checked_add(timeout));
        let mut out = Out::new();
        let take = lock(&self.core.0).acquire(holder, deadline, waker, now, &mut out);
        if !out.is_empty() {
            self.perform(out);
        }
        let waits = matches!(take, Take::Wait(_));
        if waits {
            tracing::debug!(pool = self.id, kind = %holder.kind, "wait");
        }
        if waits != self.crowded.load(Ordering::Relaxed) {
            self.crowded.store(waits, Ordering::Relaxed);
        }
        take
    }

    /// What has come for a waiter; his waker is left with the core if nothing has.
    pub(crate) fn look(self: &Arc<Self>, key: Key, waker: &Waker) -> Look<LinkOf<M>, ErrorOf<M>> {
        let come = lock(&self.core.0).pick_up(key);
        if let Some((look, _old_waker)) = come {
            return look;
        }
        // Cloned out here: a waker is foreign code, and must not run under the lock.
        let waker = waker.clone();
        let look = self.with(|core, now, out| core.look(key, waker, now, out));
        if matches!(look, Look::Pending) {
            self.ensure_keeper();
        }
        look
    }

    /// Gives a slot back.
    pub(crate) fn give_back(self: &Arc<Self>, slot: SlotId, fate: Fate) {
        if fate != Fate::Keep || !self.put_back(slot, Some(now())) {
            self.release(slot, fate);
        }
    }

    /// Gives a slot back whose connection is as good as new, if nothing further has to be done about it. Those who hold it briefly needn't say
    /// when that is: reading the clock takes as long as all the rest.
    pub(crate) fn put_back(self: &Arc<Self>, slot: SlotId, now: Option<Instant>) -> bool {
        let plain = lock(&self.core.0).put_back(slot, now);
        let Some(plain) = plain else {
            return false;
        };
        if let Some(waker) = plain.wake {
            waker.wake();
        }
        if plain.rouse {
            self.rouse();
        }
        true
    }

    /// Gives a slot back, whatever has to be done about it.
    pub(crate) fn release(self: &Arc<Self>, slot: SlotId, fate: Fate) {
        self.with(|core, now, out| core.release(slot, fate, now, out));
    }

    fn perform(self: &Arc<Self>, out: OutOf<M>) {
        // What is dead is gone before its successor is dialled.
        drop(out.links);
        for waker in out.wake {
            waker.wake();
        }
        if out.rouse {
            self.rouse();
        }
        for note in out.notes {
            self.trace(&note);
        }
        for job in out.jobs {
            self.start(job);
        }
        if out.all_gone {
            self.gone.notify_waiters();
        }
        // Wakers and errors that are no longer needed are dropped here, outside the lock.
    }

    fn start(self: &Arc<Self>, job: Job<LinkOf<M>>) {
        match job {
            Job::Dial { slot, kind, fresh } => {
                tracing::debug!(pool = self.id, slot, %kind, fresh, "dial");
                self.spawn(work::dial(Arc::clone(self), slot, kind, fresh));
            }
            Job::Check { slot, link } => {
                tracing::debug!(pool = self.id, slot, connection = link.id, "check");
                self.spawn(work::check(Arc::clone(self), slot, link));
            }
            Job::Reset { slot, link } => {
                tracing::debug!(pool = self.id, slot, connection = link.id, "reset");
                self.spawn(work::reset(Arc::clone(self), slot, link));
            }
            Job::Close { slot, link, kind, why } => {
                tracing::debug!(pool = self.id, slot, connection = link.id, %kind, ?why, "close");
                self.spawn(work::close(Arc::clone(self), slot, link));
            }
        }
    }

    fn trace(&self, note: &Note) {
        let pool = self.id;
        match note {
            Note::Backoff { wait, why } => tracing::info!(pool, ?wait, why, "back off"),
            Note::Quota { effective, max } => {
                tracing::info!(pool, effective, max, "effective quota");
            }
            Note::TakenBack { slot, connection, owner } => {
                tracing::debug!(pool, slot, connection, %owner, "idle default taken back");
            }
            Note::Lost { slot, connection, kind } => {
                tracing::debug!(pool, slot, connection, %kind, why = "died", "close");
            }
            Note::TakenOver { slot, connection } => {
                tracing::debug!(pool, slot, connection, "taken over by another slot");
            }
            Note::Lapsed { slot, connection } => {
                tracing::debug!(pool, slot, connection, "offer not taken up");
            }
            Note::LoginBlocked => tracing::warn!(pool, "login refused, nothing more is dialled"),
        }
    }
}
