//! What users hold: a connection of their own, and the use of a connection.

use std::fmt;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Instant;

use tokio::sync::Notify;

use crate::context::Context;
use crate::core::{Fate, Holder, MAIN, SlotId};
use crate::error::Error;
use crate::inner::{Inner, LinkOf};
use crate::link::{Link, Use};
use crate::manager::{Kind, Manager};
use crate::sync::{AtomicBool, Mutex, lock, now, timeout};
use crate::wait;

/// A slot that somebody holds. Dropping the last reference gives it back.
pub(crate) struct Lease<M: Manager> {
    pub inner: Arc<Inner<M>>,
    pub slot: SlotId,
    pub holder: Holder,
    /// Since when it is held.
    since: Instant,
    seen: Mutex<Seen<M>>,
    /// It must not be used by another.
    tainted: AtomicBool,
    /// Rung when an exclusive use ends.
    shared_again: Notify,
}

/// The connection as it was last seen, and who used it last.
struct Seen<M: Manager> {
    /// The core keeps it alive, until it is lost, given back or closed with the pool.
    link: Weak<Link<M::Connection>>,
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

    fn link(&self) -> Option<LinkOf<M>> {
        lock(&self.seen).link.upgrade()
    }

    /// Whether the connection is known to be dead.
    pub(crate) fn is_broken(&self) -> bool {
        self.link().is_none_or(|link| self.inner.manager.is_broken(&link.connection))
    }

    fn forget(&self) {
        lock(&self.seen).link = Weak::new();
    }

    fn refresh(&self) {
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

    /// Waits until nobody else has the connection for himself.
    async fn admission(&self, context: Context) -> Result<(), Error<M::Error>> {
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
            self.inner.defaults.ended(self.holder.context, self);
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

/// A connection of one's own, for as long as this is held.
///
/// It may be used by several tasks at once, through [`get`](Self::get). When the connection dies the handle keeps its slot,
/// and the next `get` opens another connection in it. Dropping the handle gives the slot back, wherever that happens.
pub struct Connection<M: Manager> {
    pub(crate) lease: Arc<Lease<M>>,
}

impl<M: Manager> Connection<M> {
    /// The connection, alive as far as is known: opened anew if it was lost, asked for a sign of life if it lay idle for long.
    ///
    /// # Errors
    /// When it had to be opened anew and couldn't be, or when the pool is closed.
    pub async fn get(&self) -> Result<Conn<M>, Error<M::Error>> {
        ready(&self.lease).await
    }

    /// The connection for oneself alone: until the guard is dropped, other calls of this handle (and of the context whose default it is) wait.
    /// Calls of one's own context fail with [`Error::WouldDeadlock`]. Commands that run already aren't waited for. The connection is closed when it
    /// is given back, since nobody knows what was done to it.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn exclusive(&self) -> Result<Exclusive<M>, Error<M::Error>> {
        loop {
            let conn = self.get().await?;
            let context = self.lease.inner.context();
            let mut seen = lock(&self.lease.seen);
            if seen.exclusive.is_none() {
                seen.exclusive = Some(context);
                drop(seen);
                conn.taint();
                return Ok(Exclusive { conn, lease: Arc::clone(&self.lease) });
            }
        }
    }

    /// What kind of connection this is.
    pub fn kind(&self) -> Kind {
        self.lease.holder.kind
    }

    /// The number of the connection as it is now; `None` while it is lost. A lost one is opened anew under another number.
    pub fn id(&self) -> Option<u64> {
        self.lease.inner.peek(|core| core.link(self.lease.slot)).map(|link| link.id)
    }

    /// Logs this connection out, once nobody uses it any more, instead of keeping it for the next user. Returns when it is done, within
    /// [`close_timeout`](crate::Builder::close_timeout) after its last use.
    pub async fn close(self) {
        self.lease.tainted.store(true, Ordering::Relaxed);
        let gone = self.lease.link().map(|link| link.alive.subscribe());
        drop(self);
        if let Some(mut gone) = gone {
            while gone.changed().await.is_ok() {}
        }
    }
}

impl<M: Manager> fmt::Debug for Connection<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("kind", &self.lease.holder.kind)
            .field("slot", &self.lease.slot)
            .finish_non_exhaustive()
    }
}

/// The use of a connection by one caller alone. See [`Connection::exclusive`].
pub struct Exclusive<M: Manager> {
    conn: Conn<M>,
    lease: Arc<Lease<M>>,
}

impl<M: Manager> Deref for Exclusive<M> {
    type Target = Conn<M>;

    fn deref(&self) -> &Conn<M> {
        &self.conn
    }
}

impl<M: Manager> Drop for Exclusive<M> {
    fn drop(&mut self) {
        lock(&self.lease.seen).exclusive = None;
        self.lease.shared_again.notify_waiters();
    }
}

impl<M: Manager> fmt::Debug for Exclusive<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exclusive").field(&self.conn).finish()
    }
}

/// The use of a connection: it isn't closed, and doesn't go to another, while this exists.
pub struct Conn<M: Manager> {
    // Dropped in this order: the use ends before the slot comes back.
    using: Use<M::Connection>,
    lease: Option<Arc<Lease<M>>>,
    kind: Kind,
}

impl<M: Manager> Conn<M> {
    pub(crate) fn new(link: LinkOf<M>, lease: Option<Arc<Lease<M>>>) -> Self {
        let kind = lease.as_ref().map_or(Kind::Main, |lease| lease.holder.kind);
        Self { using: Use::new(link), lease, kind }
    }

    /// The connection's number, unique within its pool.
    pub fn id(&self) -> u64 {
        self.using.link().id
    }

    /// What kind of connection this is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The connection must not be used by anybody else after its present holder: it is closed when it is given back. Main, which
    /// everybody shares, isn't given back, and this does nothing to it.
    pub fn taint(&self) {
        if let Some(lease) = &self.lease {
            lease.tainted.store(true, Ordering::Relaxed);
        }
    }
}

impl<M: Manager> Deref for Conn<M> {
    type Target = M::Connection;

    fn deref(&self) -> &M::Connection {
        &self.using.link().connection
    }
}

impl<M: Manager> Clone for Conn<M> {
    fn clone(&self) -> Self {
        Self { using: self.using.clone(), lease: self.lease.clone(), kind: self.kind }
    }
}

impl<M: Manager> Drop for Conn<M> {
    fn drop(&mut self) {
        if let Some(lease) = &self.lease
            && Arc::strong_count(lease) == 1
        {
            // The slot goes back with this, and the time is noted there.
            return;
        }
        self.using.link().touch(now());
    }
}

impl<M: Manager> fmt::Debug for Conn<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn").field("id", &self.id()).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What is to be done before a connection can be used.
enum Need {
    Nothing,
    Check,
    Dial,
}

/// What a connection needs that was handed out at `since`, in good order.
fn need<M: Manager>(inner: &Inner<M>, link: &LinkOf<M>, since: Instant) -> Need {
    if inner.manager.is_broken(&link.connection) {
        return Need::Dial;
    }
    let (now, trust) = (now(), inner.options.trust_idle);
    if now.saturating_duration_since(since) >= trust && link.is_stale(now, trust) {
        Need::Check
    } else {
        Need::Nothing
    }
}

/// The connection of a lease, made ready for use.
pub(crate) async fn ready<M: Manager>(lease: &Arc<Lease<M>>) -> Result<Conn<M>, Error<M::Error>> {
    let inner = &lease.inner;
    inner.held_back().await;
    loop {
        if inner.ending.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        let context = inner.context();
        let Some(link) = lease.enter(context) else {
            lease.admission(context).await?;
            continue;
        };
        if let Some(link) = link {
            match need(inner, &link, lease.since) {
                Need::Nothing => return Ok(Conn::new(link, Some(Arc::clone(lease)))),
                need => {
                    lease.forget();
                    tend(inner, lease.slot, link, &need);
                }
            }
        }
        wait::slot(inner, lease.slot, lease.holder).await?;
        lease.refresh();
    }
}

/// Main, made ready for use.
pub(crate) async fn main<M: Manager>(
    inner: &Arc<Inner<M>>,
    holder: Holder,
) -> Result<Conn<M>, Error<M::Error>> {
    inner.held_back().await;
    loop {
        if let Some(link) = inner.peek(|core| core.link(MAIN)) {
            match need(inner, &link, inner.epoch) {
                Need::Nothing => return Ok(Conn::new(link, None)),
                need => tend(inner, MAIN, link, &need),
            }
        }
        wait::slot(inner, MAIN, holder).await?;
    }
}

/// Sets off what a connection needs before it can be used. Ours is let go of first, so that a dead one is gone when its successor is dialled.
fn tend<M: Manager>(inner: &Arc<Inner<M>>, slot: SlotId, link: LinkOf<M>, need: &Need) {
    let id = link.id;
    drop(link);
    match need {
        Need::Nothing => {}
        Need::Check => inner.with(|core, _, out| core.check_held(slot, id, out)),
        Need::Dial => inner.with(|core, now, out| core.lost(slot, id, now, out)),
    }
}
