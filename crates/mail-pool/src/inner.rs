//! The shell around the core: takes the lock, lets go of it, and then does what the core said.

use std::sync::atomic::{AtomicU64 as PlainU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use crate::config::Options;
use crate::context::Context;
use crate::core::{Core, Failure, Fate, Holder, Job, Key, Look, Note, Out, SlotId, Take};
use crate::defaults::Defaults;
use crate::error::Error;
use crate::hold::Hold;
use crate::link::Link;
use crate::manager::Manager;
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, lock, now, start};
use crate::work;

pub(crate) type LinkOf<M> = Arc<Link<<M as Manager>::Connection>>;
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
    pub defaults: Defaults<M>,
    /// Operations begun and unfinished.
    pub operations: Arc<AtomicUsize>,
    core: Mutex<CoreOf<M>>,
    links: AtomicU64,
    /// Where background work was last started.
    runtime: Mutex<Option<Handle>>,
    /// The runtime that the builder named has ended.
    orphaned: AtomicBool,
    /// Set once the pool is being closed.
    pub ending: AtomicBool,
    /// Somebody has lately had to wait: a hint to be ready for it.
    pub crowded: AtomicBool,
    keeping: AtomicBool,
    keeper: Arc<Notify>,
    gone: Notify,
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
            defaults: Defaults::new(),
            operations: Arc::default(),
            core: Mutex::new(Core::new(rules, now())),
            links: AtomicU64::new(1),
            runtime: Mutex::new(None),
            orphaned: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            crowded: AtomicBool::new(false),
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

    /// Runs one operation of the core, then does what follows from it.
    pub(crate) fn with<R>(
        self: &Arc<Self>,
        operation: impl FnOnce(&mut CoreOf<M>, Instant, &mut OutOf<M>) -> R,
    ) -> R {
        let now = now();
        let mut out = Out::new();
        let result = operation(&mut lock(&self.core), now, &mut out);
        self.perform(out);
        result
    }

    /// Takes an extra if one is there for the taking.
    pub(crate) fn take_idle(&self, holder: Holder, now: Instant) -> Option<(SlotId, LinkOf<M>)> {
        lock(&self.core).take_idle(holder, now)
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
        let take = lock(&self.core).acquire(holder, deadline, waker, now, &mut out);
        self.perform(out);
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
        let come = lock(&self.core).pick_up(key);
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
        let now = now();
        let mut core = lock(&self.core);
        if fate == Fate::Keep
            && let Some(plain) = core.put_back(slot, now)
        {
            drop(core);
            if let Some(waker) = plain.wake {
                waker.wake();
            }
            if plain.rouse {
                self.rouse();
            }
            return;
        }
        let mut out = Out::new();
        core.release(slot, fate, now, &mut out);
        drop(core);
        self.perform(out);
    }

    /// The timer is to be set anew.
    fn rouse(self: &Arc<Self>) {
        self.keeper.notify_one();
        self.ensure_keeper();
    }

    /// What to say to one who has waited for too long.
    pub(crate) fn out_of_time(&self, waited: Duration) -> Error<M::Error> {
        let now = now();
        let snapshot = self.peek(|core| core.snapshot(now, waited));
        Error::from_failure(Failure::Timeout(Box::new(snapshot)), now)
    }

    /// Looks at the core without changing it.
    pub(crate) fn peek<R>(&self, look: impl FnOnce(&CoreOf<M>) -> R) -> R {
        look(&lock(&self.core))
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
                tracing::debug!(pool, slot, connection, "taken over by main");
            }
            Note::Lapsed { slot, connection } => {
                tracing::debug!(pool, slot, connection, "offer not taken up");
            }
            Note::LoginBlocked => tracing::warn!(pool, "login refused, nothing more is dialled"),
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

    /// Sees to it that somebody keeps the time, if there is anything to keep it for.
    pub(crate) fn ensure_keeper(self: &Arc<Self>) {
        if self.keeping.load(Ordering::Acquire) {
            return;
        }
        let Some(runtime) = self.runtime() else {
            return;
        };
        if self.keeping.swap(true, Ordering::AcqRel) {
            return;
        }
        let post = Post(Arc::downgrade(self));
        runtime.spawn(keep(post, Arc::clone(&self.keeper)));
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

/// The keeper's place. It is vacant again once this is dropped, whatever became of the keeper.
struct Post<M: Manager>(Weak<Inner<M>>);

impl<M: Manager> Drop for Post<M> {
    fn drop(&mut self) {
        if let Some(inner) = self.0.upgrade() {
            inner.keeping.store(false, Ordering::Release);
            // Those who wait find another keeper, on the runtime that they run on.
            inner.with(|core, _, out| core.rouse_all(out));
        }
    }
}

/// Keeps the time for one pool, and not the pool itself.
async fn keep<M: Manager>(post: Post<M>, bell: Arc<Notify>) {
    loop {
        let alarm = {
            let Some(inner) = post.0.upgrade() else {
                return;
            };
            inner.with(Core::tick)
        };
        match alarm {
            None => bell.notified().await,
            Some(at) => {
                tokio::select! {
                    () = tokio::time::sleep_until(at.into()) => {}
                    () = bell.notified() => {}
                }
            }
        }
    }
}

/// Something that differs from pool to pool and from process to process.
fn seed(id: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(id)
}
