//! What all parts of a pool share: the core under its lock, and what is needed to act on what it says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64 as PlainU64, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use crate::context::Context;
use crate::core::{Core, Failure, Holder, Out, Taken};
use crate::error::Error;
use crate::hold::Hold;
use crate::link::Link;
use crate::manager::Manager;
use crate::options::Options;
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, lock, now, start};
use crate::table::Table;

/// A connection of this pool.
pub(crate) type Ours<M> = Link<<M as Manager>::Connection, Arc<Inner<M>>>;
pub(crate) type LinkOf<M> = Arc<Ours<M>>;
pub(crate) type ErrorOf<M> = Arc<<M as Manager>::Error>;
pub(crate) type CoreOf<M> = Core<LinkOf<M>, ErrorOf<M>, Waker>;
pub(crate) type OutOf<M> = Out<LinkOf<M>, ErrorOf<M>, Waker>;

/// How far the pool's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    No,
    /// No new work; what runs may finish.
    Closing,
    /// Whatever is still open is cut.
    Cut,
}

/// Has its cache lines to itself: what is written all the time doesn't slow down the reading of what lies beside it.
#[repr(align(128))]
pub(crate) struct Apart<T>(pub T);

pub(crate) struct Inner<M: Manager> {
    pub manager: M,
    pub options: Options,
    pub id: u64,
    pub creator: Context,
    /// When the pool was built.
    pub epoch: Instant,
    pub end: watch::Sender<End>,
    pub hold: Hold,
    /// The default connection of each context that has one.
    pub defaults: Table,
    /// Operations begun and unfinished.
    pub operations: Arc<AtomicUsize>,
    pub core: Apart<Mutex<CoreOf<M>>>,
    links: AtomicU64,
    /// Where background work was last started.
    runtime: Mutex<Option<Handle>>,
    /// The runtime that the builder named has ended.
    orphaned: AtomicBool,
    /// Set once the pool is being closed.
    pub ending: AtomicBool,
    /// Somebody has lately had to wait: a hint to be ready for it.
    pub crowded: AtomicBool,
    /// Many have lately got what they asked for at once: the next one lets other tasks run first.
    pub rest: AtomicBool,
    pub keeping: AtomicBool,
    pub keeper: Arc<Notify>,
    pub gone: Notify,
}

/// Tells pools apart.
static POOLS: PlainU64 = PlainU64::new(1);

impl<M: Manager> Inner<M> {
    pub(crate) fn new(manager: M, options: Options) -> Self {
        let id = POOLS.fetch_add(1, Ordering::Relaxed);
        let rules = options.rules(manager.renews_credentials(), seed(id));
        let creator = match &options.contexts {
            Some(source) => source(),
            None => Context::current(),
        };
        Self {
            manager,
            id,
            creator,
            epoch: now(),
            end: watch::Sender::new(End::No),
            hold: Hold::new(seed(id)),
            defaults: Table::new(),
            operations: Arc::default(),
            core: Apart(Mutex::new(Core::new(rules, now()))),
            links: AtomicU64::new(1),
            runtime: Mutex::new(None),
            orphaned: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            crowded: AtomicBool::new(false),
            rest: AtomicBool::new(false),
            keeping: AtomicBool::new(false),
            keeper: Arc::new(Notify::new()),
            gone: Notify::new(),
            options,
        }
    }

    /// The context of the caller.
    pub(crate) fn context(&self) -> Context {
        match &self.options.contexts {
            Some(source) => source(),
            None => Context::current(),
        }
    }

    pub(crate) fn next_link_id(&self) -> u64 {
        self.links.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes an extra if one is there for the taking.
    pub(crate) fn take_idle(&self, holder: Holder, now: Instant) -> Option<Taken<LinkOf<M>>> {
        lock(&self.core.0).take_idle(holder, now)
    }

    /// What to say to one who has waited for too long.
    pub(crate) fn out_of_time(&self, waited: Duration) -> Error<M::Error> {
        let now = now();
        let snapshot = self.peek(|core| core.snapshot(now, waited));
        Error::from_failure(Failure::Timeout(Box::new(snapshot)), now)
    }

    /// Looks at the core without changing it.
    pub(crate) fn peek<R>(&self, look: impl FnOnce(&CoreOf<M>) -> R) -> R {
        look(&lock(&self.core.0))
    }

    /// Waits while calls are held back at the server's wish.
    pub(crate) async fn held_back(&self) {
        if !self.hold.any() {
            return;
        }
        while let Some(until) = self.hold.until(now()) {
            tokio::time::sleep_until(until.into()).await;
        }
    }

    /// Runs a future in the background. Without a runtime it is dropped; it says so itself, by its guard.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        start(self.runtime(), future);
    }

    pub(crate) fn runtime(&self) -> Option<Handle> {
        let named = self.options.runtime.as_ref();
        if let Some(named) = named
            && !self.orphaned.load(Ordering::Relaxed)
        {
            return Some(named.clone());
        }
        let mut last = lock(&self.runtime);
        if let Ok(current) = Handle::try_current() {
            *last = Some(current.clone());
            return Some(current);
        }
        last.clone()
    }

    /// Background work was dropped unfinished: its runtime has ended.
    pub(crate) fn runtime_ended(&self) {
        self.orphaned.store(true, Ordering::Relaxed);
        let old = lock(&self.runtime).take();
        drop(old);
    }

    /// Ends when nothing is open any more.
    pub(crate) async fn all_gone(&self) {
        loop {
            let gone = self.gone.notified();
            tokio::pin!(gone);
            gone.as_mut().enable();
            if self.peek(Core::all_gone) {
                return;
            }
            gone.await;
        }
    }
}

impl<M: Manager> Drop for Inner<M> {
    fn drop(&mut self) {
        self.keeper.notify_one();
    }
}

/// Something that differs from pool to pool and from process to process.
fn seed(id: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(id)
}
