//! Holding a slot.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Instant;

use tokio::sync::Notify;

use crate::context::Context;
use crate::core::{Fate, Holder, SlotId};
use crate::error::Error;
use crate::inner::{Inner, LinkOf, Ours};
use crate::manager::Manager;
use crate::sync::{AtomicBool, Mutex, lock, timeout};

/// A slot that somebody holds. Dropping the last reference gives it back.
pub(crate) struct Lease<M: Manager> {
    pub inner: Arc<Inner<M>>,
    pub slot: SlotId,
    pub holder: Holder,
    /// Since when it is held.
    pub since: Instant,
    seen: Mutex<Seen<M>>,
    /// It must not be used by another.
    tainted: AtomicBool,
    /// Rung when an exclusive use ends.
    shared_again: Notify,
}

/// The connection as it was last seen, and who used it last.
struct Seen<M: Manager> {
    /// The core keeps it alive, until it is lost, given back or closed with the pool.
    link: Weak<Ours<M>>,
    context: Context,
    /// Who has it for himself.
    exclusive: Option<Context>,
}

impl<M: Manager> Lease<M> {
    pub(crate) fn new(
        inner: Arc<Inner<M>>,
        slot: SlotId,
        link: LinkOf<M>,
        holder: Holder,
        since: Instant,
    ) -> Arc<Self> {
        tracing::trace!(pool = inner.id, slot, connection = link.id, kind = %holder.kind, "take");
        Arc::new(Self {
            inner,
            slot,
            holder,
            since,
            seen: Mutex::new(Seen { link: Arc::downgrade(&link), context: holder.context, exclusive: None }),
            tainted: AtomicBool::new(false),
            shared_again: Notify::new(),
        })
    }

    pub(crate) fn link(&self) -> Option<LinkOf<M>> {
        lock(&self.seen).link.upgrade()
    }

    /// Whether the connection is known to be dead.
    pub(crate) fn is_broken(&self) -> bool {
        self.link().is_none_or(|link| self.inner.manager.is_broken(&link.connection))
    }

    pub(crate) fn forget(&self) {
        lock(&self.seen).link = Weak::new();
    }

    pub(crate) fn refresh(&self) {
        let link = self.inner.peek(|core| core.link(self.slot));
        lock(&self.seen).link = link.as_ref().map_or_else(Weak::new, Arc::downgrade);
    }

    /// A context comes to use the connection: the connection, if it is there. `None` while somebody has it for himself.
    pub(crate) fn enter(&self, context: Context) -> Option<Option<LinkOf<M>>> {
        let mut seen = lock(&self.seen);
        if seen.exclusive.is_some() {
            return None;
        }
        let last = std::mem::replace(&mut seen.context, context);
        let link = seen.link.upgrade();
        drop(seen);
        if last != context {
            // A handle that was moved to another task is no longer held by the first.
            self.inner.with(|core, _, _| core.used_by(self.slot, context));
        }
        Some(link)
    }

    /// It must not be used by anybody after its present holder.
    pub(crate) fn taint(&self) {
        self.tainted.store(true, Ordering::Relaxed);
    }

    /// From now on a context has the connection for itself. False if one has already.
    pub(crate) fn begin_exclusive(&self, context: Context) -> bool {
        let mut seen = lock(&self.seen);
        let first = seen.exclusive.is_none();
        if first {
            seen.exclusive = Some(context);
        }
        first
    }

    pub(crate) fn end_exclusive(&self) {
        lock(&self.seen).exclusive = None;
        self.shared_again.notify_waiters();
    }

    /// Waits until nobody else has the connection for himself.
    pub(crate) async fn admission(&self, context: Context) -> Result<(), Error<M::Error>> {
        let shared = async {
            loop {
                let rung = self.shared_again.notified();
                tokio::pin!(rung);
                rung.as_mut().enable();
                match lock(&self.seen).exclusive {
                    None => return Ok(()),
                    // It would wait for itself.
                    Some(holder) if holder == context => return Err(Error::WouldDeadlock),
                    Some(_) => {}
                }
                rung.await;
            }
        };
        let Some(patience) = self.inner.options.acquire_timeout else {
            return shared.await;
        };
        match timeout(patience, shared).await {
            Ok(admitted) => admitted,
            Err(_) => Err(self.inner.out_of_time(patience)),
        }
    }
}

/// How a connection goes back. A manager that panics loses it.
pub(crate) fn fate<M: Manager>(manager: &M, link: Option<&LinkOf<M>>, tainted: bool) -> Fate {
    let Some(link) = link else {
        return Fate::Keep;
    };
    catch_unwind(AssertUnwindSafe(|| {
        if manager.is_broken(&link.connection) {
            Fate::Broken
        } else if tainted {
            Fate::Close
        } else if manager.needs_reset(&link.connection) {
            Fate::Reset
        } else {
            Fate::Keep
        }
    }))
    .unwrap_or(Fate::Broken)
}

impl<M: Manager> Drop for Lease<M> {
    fn drop(&mut self) {
        if self.holder.owned {
            self.inner.defaults.ended(self.holder.context, std::ptr::from_ref(self).cast());
        }
        let seen = self.seen.get_mut().unwrap_or_else(PoisonError::into_inner).link.upgrade();
        let link = seen.or_else(|| self.inner.peek(|core| core.link(self.slot)));
        let fate = fate(&self.inner.manager, link.as_ref(), *self.tainted.get_mut());
        tracing::trace!(pool = self.inner.id, slot = self.slot, ?fate, "give back");
        // Only the core's own reference may be left when the connection is closed.
        drop(link);
        self.inner.give_back(self.slot, fate);
    }
}
