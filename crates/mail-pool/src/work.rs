//! Background work on one slot: dialling, checking, resetting, closing. Each holds a guard from before it starts, so that the slot
//! comes back whatever becomes of the task.

use std::sync::Arc;

use crate::core::{Linked, SlotId};
use crate::inner::{End, Inner, LinkOf};
use crate::link::{Link, Use};
use crate::manager::{AfterUse, Attempt, Class, Kind, Manager};
use crate::quota::{Permit, Taken};
use crate::sync::{now, timeout};

/// What became of the work, told to the core when the guard is dropped.
enum Outcome<M: Manager> {
    /// The task was dropped, or never started.
    Lost,
    Dialled(LinkOf<M>),
    Refused(Arc<M::Error>, Class),
    Cancelled,
}

struct DialGuard<M: Manager> {
    inner: Arc<Inner<M>>,
    slot: SlotId,
    outcome: Outcome<M>,
}

impl<M: Manager> DialGuard<M> {
    fn end(mut self, outcome: Outcome<M>) {
        self.outcome = outcome;
    }
}

impl<M: Manager> Drop for DialGuard<M> {
    fn drop(&mut self) {
        let slot = self.slot;
        match std::mem::replace(&mut self.outcome, Outcome::Lost) {
            Outcome::Lost => {
                let panicked = std::thread::panicking();
                if !panicked {
                    self.inner.runtime_ended();
                }
                self.inner.with(|core, now, out| core.undialled(slot, panicked, now, out));
            }
            Outcome::Cancelled => {
                self.inner.with(|core, now, out| core.undialled(slot, false, now, out));
            }
            Outcome::Dialled(link) => {
                self.inner.with(|core, now, out| core.dialled(slot, link, now, out));
            }
            Outcome::Refused(error, class) => {
                self.inner.with(|core, now, out| core.refused(slot, error, class, now, out));
            }
        }
    }
}

/// Opens a connection for a slot.
pub(crate) fn dial<M: Manager>(
    inner: Arc<Inner<M>>,
    slot: SlotId,
    kind: Kind,
    fresh_credentials: bool,
) -> impl Future<Output = ()> + Send + 'static {
    let guard = DialGuard { inner, slot, outcome: Outcome::Lost };
    async move {
        let inner = Arc::clone(&guard.inner);
        let mut end = inner.end.subscribe();
        let attempt = Attempt { id: inner.next_link_id(), kind, fresh_credentials };
        let outcome = tokio::select! {
            biased;
            _ = end.wait_for(|end| *end != End::No) => Outcome::Cancelled,
            outcome = open(&inner, attempt) => outcome,
        };
        guard.end(outcome);
    }
}

async fn open<M: Manager>(inner: &Arc<Inner<M>>, attempt: Attempt) -> Outcome<M> {
    let permit = permit(inner).await;
    let started = now();
    let dialled = timeout(inner.options.connect_timeout, inner.manager.connect(attempt)).await;
    let took = now().saturating_duration_since(started);
    match dialled {
        Ok(Ok(connection)) => {
            let id = attempt.id;
            tracing::debug!(pool = inner.id, connection = id, kind = %attempt.kind, ?took, "open");
            Outcome::Dialled(Arc::new(Link::new(id, Arc::clone(inner), connection, permit, now())))
        }
        Ok(Err(error)) => {
            let class = inner.manager.classify(&error);
            tracing::info!(pool = inner.id, connection = attempt.id, kind = %attempt.kind, ?class, %error, "dial failed");
            Outcome::Refused(Arc::new(error), class)
        }
        Err(_) => {
            let error = inner.manager.connect_timed_out(inner.options.connect_timeout);
            tracing::info!(pool = inner.id, connection = attempt.id, kind = %attempt.kind, ?took, "dial timed out");
            Outcome::Refused(Arc::new(error), Class::Transient)
        }
    }
}

async fn permit<M: Manager>(inner: &Inner<M>) -> Option<Permit> {
    let quota = inner.options.quota.as_ref()?;
    Some(match quota.try_take() {
        Taken::Permit(permit) => permit,
        Taken::Wait(wait) => {
            tracing::debug!(pool = inner.id, "wait for the shared quota");
            wait.await
        }
    })
}

/// Tells the core how a check or a reset ended. Dropped early, it ended badly.
struct Tended<M: Manager> {
    inner: Arc<Inner<M>>,
    slot: SlotId,
    link: u64,
    task: Task,
    well: bool,
}

#[derive(Clone, Copy)]
enum Task {
    Check,
    Reset,
    Close,
}

impl<M: Manager> Tended<M> {
    fn end(mut self, well: bool) {
        self.well = well;
    }
}

impl<M: Manager> Drop for Tended<M> {
    fn drop(&mut self) {
        let (slot, link, well) = (self.slot, self.link, self.well);
        self.inner.with(|core, now, out| match self.task {
            Task::Check => core.checked(slot, link, well, now, out),
            Task::Reset => core.reset(slot, well, now, out),
            Task::Close => core.closed(slot, now, out),
        });
    }
}

/// Asks the peer whether a connection is alive.
pub(crate) fn check<M: Manager>(
    inner: Arc<Inner<M>>,
    slot: SlotId,
    link: LinkOf<M>,
) -> impl Future<Output = ()> + Send + 'static {
    let guard = Tended { link: link.id(), inner, slot, task: Task::Check, well: false };
    let using = Use::new(link);
    async move {
        let inner = Arc::clone(&guard.inner);
        let link = using.link();
        let alive = !inner.manager.is_broken(&link.connection)
            && match timeout(inner.options.check_timeout, inner.manager.check(&link.connection)).await {
                Ok(Ok(())) => true,
                Ok(Err(error)) => {
                    tracing::debug!(pool = inner.id, connection = link.id, %error, "check failed");
                    false
                }
                Err(_) => {
                    tracing::debug!(pool = inner.id, connection = link.id, "check timed out");
                    false
                }
            };
        if alive {
            link.touch(now());
        } else {
            inner.manager.cut(&link.connection);
        }
        drop(using);
        guard.end(alive);
    }
}

/// Clears what the last user left.
pub(crate) fn reset<M: Manager>(
    inner: Arc<Inner<M>>,
    slot: SlotId,
    link: LinkOf<M>,
) -> impl Future<Output = ()> + Send + 'static {
    let guard = Tended { link: link.id(), inner, slot, task: Task::Reset, well: false };
    let using = Use::new(link);
    async move {
        let inner = Arc::clone(&guard.inner);
        let connection = &using.link().connection;
        let reset = timeout(inner.options.check_timeout, inner.manager.reset(connection)).await;
        let keep = matches!(reset, Ok(AfterUse::Keep)) && !inner.manager.is_broken(connection);
        drop(using);
        guard.end(keep);
    }
}

/// Says goodbye, in time, or cuts.
pub(crate) fn close<M: Manager>(
    inner: Arc<Inner<M>>,
    slot: SlotId,
    link: LinkOf<M>,
) -> impl Future<Output = ()> + Send + 'static {
    let guard = Tended { link: link.id(), inner, slot, task: Task::Close, well: true };
    async move {
        let inner = Arc::clone(&guard.inner);
        let mut end = inner.end.subscribe();
        let id = link.id;
        let user = Arc::downgrade(&link);
        let alive = Arc::clone(&link.alive);
        let goodbye = async {
            let Ok(link) = timeout(inner.options.grace, link.into_inner()).await else {
                return false;
            };
            let Link { connection, permit, .. } = link;
            if inner.manager.is_broken(&connection) {
                drop(connection);
                drop(permit);
                return true;
            }
            let closed = timeout(inner.options.close_timeout, inner.manager.close(connection)).await.is_ok();
            drop(permit);
            closed
        };
        let well = tokio::select! {
            biased;
            _ = end.wait_for(|end| *end == End::Cut) => false,
            well = goodbye => well,
        };
        if !well && let Some(link) = user.upgrade() {
            // Somebody is still using it.
            inner.manager.cut(&link.connection);
        }
        tracing::debug!(pool = inner.id, connection = id, well, "closed");
        drop(guard);
        drop(alive);
    }
}
