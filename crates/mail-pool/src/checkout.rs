//! An extra for one use, without a handle: the short way from the pool and back.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as TaskContext, Poll};

use crate::acquire::{acquire, holder_here, not_by_creator};
use crate::conn::Conn;
use crate::core::{Failure, Fate, Holder, Key, Look, SlotId, Take, Taken, Verdict};
use crate::error::Error;
use crate::inner::{Inner, LinkOf};
use crate::lease::{Lease, fate};
use crate::manager::{Kind, Manager};
use crate::ready::ready;
use crate::sync::{AtomicBool, now};

/// The use of an extra that was checked out. Dropping it gives the connection back.
pub struct Checkout<M: Manager>(Lent<M>);

enum Lent<M: Manager> {
    /// The slot is held by this alone.
    Alone { slot: SlotId, link: Option<LinkOf<M>>, tainted: AtomicBool },
    /// It had to be opened anew, inside its slot.
    Leased(Conn<M>),
}

impl<M: Manager> Checkout<M> {
    /// The connection's number, unique within its pool.
    pub fn id(&self) -> u64 {
        match &self.0 {
            Lent::Alone { link, .. } => link.as_ref().map_or(0, |link| link.id),
            Lent::Leased(conn) => conn.id(),
        }
    }

    /// The connection must not be used by anybody else: it is closed when it is given back.
    pub fn taint(&self) {
        match &self.0 {
            Lent::Alone { tainted, .. } => tainted.store(true, Ordering::Relaxed),
            Lent::Leased(conn) => conn.taint(),
        }
    }
}

impl<M: Manager> Deref for Checkout<M> {
    type Target = M::Connection;

    fn deref(&self) -> &M::Connection {
        match &self.0 {
            Lent::Alone { link: Some(link), .. } => &link.connection,
            Lent::Alone { link: None, .. } => unreachable!("the connection is there until the drop"),
            Lent::Leased(conn) => conn,
        }
    }
}

impl<M: Manager> Drop for Checkout<M> {
    fn drop(&mut self) {
        if let Lent::Alone { slot, link, tainted } = &mut self.0
            && let Some(link) = link.take()
        {
            let fate = fate(&link.home.manager, Some(&link), *tainted.get_mut());
            if fate == Fate::Keep && link.home.put_back(*slot, None) {
                return;
            }
            let inner = Arc::clone(&link.home);
            // Only the core's own reference may be left when the connection is closed.
            drop(link);
            inner.release(*slot, fate);
        }
    }
}

impl<M: Manager> fmt::Debug for Checkout<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkout").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// Waiting for a checkout.
pub(crate) struct CheckingOut<'p, M: Manager> {
    inner: &'p Arc<Inner<M>>,
    place: &'static Location<'static>,
    stage: Stage<M>,
}

type Outcome<M> = Result<Checkout<M>, Error<<M as Manager>::Error>>;

enum Stage<M: Manager> {
    Begin,
    Waiting(Key, Holder),
    /// Something takes longer.
    Slow(Pin<Box<dyn Future<Output = Outcome<M>> + Send>>),
    Done,
}

impl<'p, M: Manager> CheckingOut<'p, M> {
    pub(crate) const fn new(inner: &'p Arc<Inner<M>>, place: &'static Location<'static>) -> Self {
        Self { inner, place, stage: Stage::Begin }
    }

    fn begin(&mut self, cx: &mut TaskContext<'_>) -> Poll<Outcome<M>> {
        let inner = self.inner;
        if inner.rest.load(Ordering::Relaxed) {
            inner.rest.store(false, Ordering::Relaxed);
            // Has us woken after the others' turn, and calls no other worker to our help.
            if pin!(tokio::task::yield_now()).poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        let holder = Holder { brief: true, ..holder_here(inner, Kind::Independent, self.place) };
        not_by_creator(inner, holder.context)?;
        let now = now();
        if !inner.crowded.load(Ordering::Relaxed)
            && let Some(Taken { slot, link, rouse, rest }) = inner.take_idle(holder, now)
        {
            if rouse {
                inner.rouse();
            }
            if rest {
                inner.rest.store(true, Ordering::Relaxed);
            }
            return self.got(slot, link, holder);
        }
        // Cloned out here: a waker is foreign code, and must not run under the lock.
        let waker = Some(cx.waker().clone());
        match inner.acquire(holder, inner.options.acquire_timeout, waker, now) {
            Take::Got { slot, link } => self.got(slot, link, holder),
            Take::Wait(key) => {
                self.stage = Stage::Waiting(key, holder);
                inner.ensure_keeper();
                Poll::Pending
            }
            Take::Never(failure) => self.fail(failure),
            Take::NoExtras => self.fail(Failure::ReservedForMain),
        }
    }

    fn got(&mut self, slot: SlotId, link: LinkOf<M>, holder: Holder) -> Poll<Outcome<M>> {
        self.stage = Stage::Done;
        let inner = self.inner;
        if !inner.manager.is_broken(&link.connection) {
            tracing::trace!(pool = inner.id, slot, connection = link.id, kind = %holder.kind, "take");
            let tainted = AtomicBool::new(false);
            return Poll::Ready(Ok(Checkout(Lent::Alone { slot, link: Some(link), tainted })));
        }
        // It died while it lay idle. The slot is ours; it is dialled anew in it.
        let lease = Lease::new(Arc::clone(inner), slot, link, holder, now());
        self.stage = Stage::Slow(Box::pin(async move {
            let conn = ready(&lease).await?;
            Ok(Checkout(Lent::Leased(conn)))
        }));
        Poll::Pending
    }

    fn fail(&mut self, failure: Failure<Arc<M::Error>>) -> Poll<Outcome<M>> {
        self.stage = Stage::Done;
        Poll::Ready(Err(Error::from_failure(failure, now())))
    }
}

impl<M: Manager> Future for CheckingOut<'_, M> {
    type Output = Result<Checkout<M>, Error<M::Error>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let polled = match &mut this.stage {
            Stage::Begin if this.inner.hold.any() => {
                let inner = Arc::clone(this.inner);
                let place = this.place;
                this.stage = Stage::Slow(Box::pin(async move {
                    inner.held_back().await;
                    let holder = holder_here(&inner, Kind::Independent, place);
                    let timeout = inner.options.acquire_timeout;
                    let connection = acquire(&inner, holder, timeout).await?;
                    Ok(Checkout(Lent::Leased(connection.get().await?)))
                }));
                Poll::Pending
            }
            Stage::Begin => this.begin(cx),
            Stage::Waiting(key, holder) => {
                let (key, holder) = (*key, *holder);
                match this.inner.look(key, cx.waker()) {
                    Look::Pending => Poll::Pending,
                    Look::Got { slot, link } => this.got(slot, link, holder),
                    Look::Told(Verdict::Failed(failure)) => this.fail(failure),
                    Look::Told(Verdict::Ready | Verdict::NoExtras) => this.fail(Failure::ReservedForMain),
                }
            }
            Stage::Slow(_) | Stage::Done => Poll::Pending,
        };
        if let Stage::Slow(slow) = &mut this.stage {
            return slow.as_mut().poll(cx);
        }
        polled
    }
}

impl<M: Manager> Drop for CheckingOut<'_, M> {
    fn drop(&mut self) {
        if let Stage::Waiting(key, _) = self.stage {
            self.inner.with(|core, now, out| core.cancel(key, now, out));
        }
    }
}
