//! Waiting: for an extra, in turn, or for the connection of a slot.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use crate::core::{Holder, Key, Look, SlotId, Take, Verdict};
use crate::error::Error;
use crate::inner::{Inner, LinkOf};
use crate::lease::Lease;
use crate::manager::Manager;
use crate::sync::now;

/// A place in a line. Dropped, it is given up, and whatever was offered goes to the next.
pub(crate) struct Waiting<M: Manager> {
    inner: Arc<Inner<M>>,
    key: Option<Key>,
    holder: Holder,
}

/// What waiting has brought.
pub(crate) enum Found<M: Manager> {
    Lease(Arc<Lease<M>>),
    /// The slot waited for is ready.
    Ready,
    /// There are no extras: main is to be used.
    NoExtras,
}

impl<M: Manager> Future for Waiting<M> {
    type Output = Result<Found<M>, Error<M::Error>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let Some(key) = self.key else {
            return Poll::Pending;
        };
        match self.inner.look(key, cx.waker()) {
            Look::Pending => Poll::Pending,
            Look::Got { slot, link } => {
                self.key = None;
                let inner = Arc::clone(&self.inner);
                let lease = Lease::new(inner, slot, link, self.holder, now());
                Poll::Ready(Ok(Found::Lease(lease)))
            }
            Look::Told(verdict) => {
                self.key = None;
                Poll::Ready(match verdict {
                    Verdict::Ready => Ok(Found::Ready),
                    Verdict::NoExtras => Ok(Found::NoExtras),
                    Verdict::Failed(failure) => Err(Error::from_failure(failure, now())),
                })
            }
        }
    }
}

impl<M: Manager> Drop for Waiting<M> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.inner.with(|core, now, out| core.cancel(key, now, out));
        }
    }
}

/// A request for an extra: what it brought at once, or a place in the line.
pub(crate) enum Ticket<M: Manager> {
    Now(Result<Found<M>, Error<M::Error>>),
    Line(Waiting<M>),
}

impl<M: Manager> Ticket<M> {
    /// Asks, at once and without waiting. `timeout` counts from now.
    pub(crate) fn take(inner: &Arc<Inner<M>>, holder: Holder, timeout: Option<std::time::Duration>) -> Self {
        let take = inner.acquire(holder, timeout, None, now());
        Self::from_take(inner, holder, take)
    }

    /// Asks only if something is to be had without waiting for others.
    pub(crate) fn take_if_free(inner: &Arc<Inner<M>>, holder: Holder) -> Option<Self> {
        let take = inner.with(|core, now, out| core.acquire_if_free(holder, now, out));
        take.map(|take| Self::from_take(inner, holder, take))
    }

    fn from_take(inner: &Arc<Inner<M>>, holder: Holder, take: Take<LinkOf<M>, Arc<M::Error>>) -> Self {
        match take {
            Take::Got { slot, link } => {
                let lease = Lease::new(Arc::clone(inner), slot, link, holder, now());
                Self::Now(Ok(Found::Lease(lease)))
            }
            Take::NoExtras => Self::Now(Ok(Found::NoExtras)),
            Take::Never(failure) => Self::Now(Err(Error::from_failure(failure, now()))),
            Take::Wait(key) => Self::Line(Waiting { inner: Arc::clone(inner), key: Some(key), holder }),
        }
    }

    pub(crate) async fn found(self) -> Result<Found<M>, Error<M::Error>> {
        match self {
            Self::Now(found) => found,
            Self::Line(waiting) => waiting.await,
        }
    }
}

/// Waits until the connection of a slot is as it should be.
pub(crate) async fn slot<M: Manager>(
    inner: &Arc<Inner<M>>,
    slot: SlotId,
    holder: Holder,
) -> Result<(), Error<M::Error>> {
    let timeout = inner.options.acquire_timeout;
    let key = inner
        .with(|core, now, out| {
            let deadline = timeout.and_then(|timeout| now.checked_add(timeout));
            core.await_slot(slot, holder, deadline, None, now, out)
        })
        .map_err(|failure| Error::from_failure(failure, now()))?;
    Waiting { inner: Arc::clone(inner), key: Some(key), holder }.await?;
    Ok(())
}
