//! An open connection and those who are using it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use crate::core::Linked;
use crate::quota::Permit;
use crate::sync::{AtomicU64, AtomicUsize, pause};

/// Set in [`Link::users`] once the connection is to be closed.
const CLOSING: usize = 1 << (usize::BITS - 1);

/// A connection with what belongs to it for as long as it is open.
pub(crate) struct Link<C, H> {
    pub id: u64,
    /// Where it goes back to. (The two hold each other until the connection is closed, which it is at the pool's end at the latest.)
    pub home: H,
    pub connection: C,
    /// Given back when the connection is gone.
    pub permit: Option<Permit>,
    /// Dropped when the connection is gone and its slot is free again.
    pub alive: Arc<watch::Sender<()>>,
    epoch: Instant,
    /// How many [`Use`]s there are.
    users: AtomicUsize,
    /// Milliseconds from `epoch` to the end of the last use.
    last_used: AtomicU64,
    /// Rung when a user lets go of a connection that is to be closed.
    bell: Arc<Notify>,
}

impl<C, H> Link<C, H> {
    pub(crate) fn new(id: u64, home: H, connection: C, permit: Option<Permit>, now: Instant) -> Self {
        Self {
            id,
            home,
            connection,
            permit,
            alive: Arc::new(watch::Sender::new(())),
            epoch: now,
            users: AtomicUsize::new(0),
            last_used: AtomicU64::new(0),
            bell: Arc::new(Notify::new()),
        }
    }

    /// Notes that the connection was alive just now.
    pub(crate) fn touch(&self, now: Instant) {
        let since = now.saturating_duration_since(self.epoch).as_millis() as u64;
        self.last_used.store(since, Ordering::Relaxed);
    }

    /// Whether nobody is using the connection and nobody has for longer than `trust`.
    pub(crate) fn is_stale(&self, now: Instant, trust: Duration) -> bool {
        self.users.load(Ordering::Relaxed) & !CLOSING == 0 && {
            let since = now.saturating_duration_since(self.epoch).as_millis() as u64;
            let last = self.last_used.load(Ordering::Relaxed);
            u128::from(since.saturating_sub(last)) >= trust.as_millis()
        }
    }

    /// The connection itself, as soon as nobody uses it any more.
    pub(crate) async fn into_inner(self: Arc<Self>) -> Self {
        let mut link = self;
        let bell = Arc::clone(&link.bell);
        link.users.fetch_or(CLOSING, Ordering::AcqRel);
        let mut tries = 0;
        loop {
            let rung = bell.notified();
            match Arc::try_unwrap(link) {
                Ok(link) => return link,
                Err(shared) => link = shared,
            }
            if link.users.load(Ordering::Acquire) == CLOSING {
                // Somebody who doesn't ring is on his way out, or has checked it out and may take his time.
                pause(tries).await;
                tries += 1;
            } else {
                rung.await;
            }
        }
    }
}

impl<C, H> Linked for Arc<Link<C, H>> {
    fn id(&self) -> u64 {
        self.id
    }
}

/// One use of a connection. The connection isn't closed while there is one.
pub(crate) struct Use<C, H>(Option<Arc<Link<C, H>>>);

impl<C, H> Use<C, H> {
    pub(crate) fn new(link: Arc<Link<C, H>>) -> Self {
        link.users.fetch_add(1, Ordering::Relaxed);
        Self(Some(link))
    }

    pub(crate) fn link(&self) -> &Link<C, H> {
        // It is taken out in `drop` only.
        match &self.0 {
            Some(link) => link,
            None => unreachable!("used after drop"),
        }
    }
}

impl<C, H> Clone for Use<C, H> {
    fn clone(&self) -> Self {
        match &self.0 {
            Some(link) => Self::new(Arc::clone(link)),
            None => Self(None),
        }
    }
}

impl<C, H> Drop for Use<C, H> {
    fn drop(&mut self) {
        let Some(link) = self.0.take() else {
            return;
        };
        if link.users.fetch_sub(1, Ordering::AcqRel) & CLOSING != 0 {
            let bell = Arc::clone(&link.bell);
            drop(link);
            bell.notify_one();
        }
    }
}
