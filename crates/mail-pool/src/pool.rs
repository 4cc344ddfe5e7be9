//! The pool itself: who asks for what.

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::acquire::{acquire, holder_here};
use crate::assignment::Assignment;
use crate::checkout::{CheckingOut, Checkout};
use crate::conn::Conn;
use crate::connection::Connection;
use crate::core::Holder;
use crate::defaults::{self, DefaultConnection, Scope};
use crate::error::{ConfigError, Error};
use crate::extras::Extras;
use crate::inner::Inner;
use crate::manager::{Class, Kind, Manager};
use crate::operation::{self, Begun, Operation};
use crate::options::Options;
use crate::ready;
use crate::status::Status;
use crate::sync::now;

/// A pool of connections to one account on one server. Clones are the same pool; when the last one is dropped, the pool is closed in the
/// background.
pub struct Pool<M: Manager> {
    pub(crate) shared: Arc<Shared<M>>,
}

/// What the clones of a pool share.
pub(crate) struct Shared<M: Manager> {
    pub inner: Arc<Inner<M>>,
}

impl<M: Manager> Pool<M> {
    pub(crate) fn start(manager: M, options: Options) -> Self {
        Self { shared: Arc::new(Shared { inner: Arc::new(Inner::new(manager, options)) }) }
    }

    pub(crate) fn inner(&self) -> &Arc<Inner<M>> {
        &self.shared.inner
    }

    /// A way to the pool that doesn't keep it open, for what the pool itself owns.
    pub fn downgrade(&self) -> WeakPool<M> {
        WeakPool { shared: Arc::downgrade(&self.shared) }
    }

    /// The manager that this pool was built with.
    pub fn manager(&self) -> &M {
        &self.inner().manager
    }

    /// Opens the connection that calls without a named connection will use: main, or in [`Assignment::Default`] the caller's default.
    ///
    /// # Errors
    /// When it can't be opened.
    #[track_caller]
    pub fn connect(&self) -> impl Future<Output = Result<(), Error<M::Error>>> + Send + use<M> {
        let get = self.get();
        async move { get.await.map(drop) }
    }

    /// The main connection, which all callers share. It is opened at the first call, for all who ask meanwhile, and again when it broke.
    ///
    /// # Errors
    /// When it can't be opened. [`Error::NoMain`] in [`Assignment::Default`], where there is none.
    #[track_caller]
    pub fn main(&self) -> impl Future<Output = Result<Conn<M>, Error<M::Error>>> + Send + use<M> {
        let place = Location::caller();
        let inner = Arc::clone(self.inner());
        async move {
            let holder = holder_here(&inner, Kind::Main, place);
            if inner.options.assignment == Assignment::Default {
                return Err(Error::NoMain);
            }
            ready::main(&inner, holder).await
        }
    }

    /// The connection for a call that names none, picked by the [`Assignment`]: main or the caller's default.
    ///
    /// # Errors
    /// When it has to be opened and can't be; in [`Assignment::Default`] also when there is no slot in time.
    #[track_caller]
    pub fn get(&self) -> impl Future<Output = Result<Conn<M>, Error<M::Error>>> + Send + use<M> {
        let place = Location::caller();
        let pool = Arc::clone(self.inner());
        async move { defaults::nameless(&pool, place).await }
    }

    /// Creates an independent connection: it belongs to nobody, and is used only through its handle. Waits in line if the quota is used up.
    ///
    /// # Errors
    /// [`Error::QuotaReservedForMain`] if the quota has room for main only, [`Error::WouldDeadlock`] if the caller holds all there are,
    /// [`Error::AcquireTimeout`] when the time is up, and whatever opening a connection fails with.
    #[track_caller]
    pub fn create_connection(
        &self,
    ) -> impl Future<Output = Result<Connection<M>, Error<M::Error>>> + Send + use<M> {
        self.create_connection_within(self.inner().options.acquire_timeout)
    }

    /// Like [`create_connection`](Self::create_connection), with a time limit of its own; `None` waits for ever.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn create_connection_within(
        &self,
        timeout: Option<Duration>,
    ) -> impl Future<Output = Result<Connection<M>, Error<M::Error>>> + Send + use<M> {
        let place = Location::caller();
        let inner = Arc::clone(self.inner());
        async move {
            let holder = holder_here(&inner, Kind::Independent, place);
            acquire(&inner, holder, timeout).await
        }
    }

    /// Like [`create_connection_within`](Self::create_connection_within), for a connection that is kept for long, such as a watcher's: it is not the
    /// last that there is. The request is served only while another extra is left for others, idle or free to be opened. Until then it waits, in turn
    /// among its like, and nobody who may take the last one waits behind it.
    ///
    /// # Errors
    /// As there, and [`Error::NoneToSpare`] if the quota, or what the server's limit has left of it, has no two extras.
    #[track_caller]
    pub fn create_connection_leaving_one(
        &self,
        timeout: Option<Duration>,
    ) -> impl Future<Output = Result<Connection<M>, Error<M::Error>>> + Send + use<M> {
        let place = Location::caller();
        let inner = Arc::clone(self.inner());
        async move {
            let holder = Holder { spares: true, ..holder_here(&inner, Kind::Independent, place) };
            acquire(&inner, holder, timeout).await
        }
    }

    /// An extra connection for one use: like [`create_connection`](Self::create_connection) and [`Connection::get`] in one, and quicker, for those who
    /// need no handle that outlives the use. It goes back when the [`Checkout`] is dropped; how long it lies idle from then on is known to within a second.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn checkout(&self) -> impl Future<Output = Result<Checkout<M>, Error<M::Error>>> + Send {
        CheckingOut::new(self.inner(), Location::caller())
    }

    /// Creates the default connection of the calling context: from now on its calls that name no connection use it, until the handle is
    /// dropped.
    ///
    /// # Errors
    /// [`Error::DefaultForbidden`] unless the mode is [`Assignment::MainOrDefault`], [`Error::DefaultExists`] if there is one already;
    /// else as [`create_connection`](Self::create_connection).
    #[track_caller]
    pub fn create_default_connection(
        &self,
    ) -> impl Future<Output = Result<DefaultConnection<M>, Error<M::Error>>> + Send + use<M> {
        let place = Location::caller();
        let inner = Arc::clone(self.inner());
        async move { defaults::create(&inner, place).await }
    }

    /// Runs a future whose automatic default connection ends with it: in [`Assignment::Default`], where nobody holds a handle to it, the
    /// connection that the caller's context was given is free for others as soon as the future has ended, panicked or been dropped.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        let _scope = Scope::enter(self.inner());
        future.await
    }

    /// The same for a thread outside any runtime, such as a borrowed one of a thread pool.
    pub fn scope_blocking<R>(&self, run: impl FnOnce() -> R) -> R {
        let _scope = Scope::enter(self.inner());
        run()
    }

    /// Begins an operation in the background: it waits in line for a connection of its own, together with those who create one, in the order in
    /// which they asked, and then runs. Calls inside it that name no connection use that connection, in every mode. Where there are no extras it
    /// runs on main. Begun by somebody who has a connection already (inside another operation, or by a context with a default), it runs on that one
    /// if nothing is free at once.
    ///
    /// # Errors
    /// [`Error::QueueFull`] if that many are unfinished, [`Error::NoRuntime`] outside any runtime, [`Error::Closed`].
    #[track_caller]
    pub fn begin<F, R>(&self, operation: F) -> Begun<M, R::Output>
    where
        F: FnOnce(Operation<M>) -> R + Send + 'static,
        R: Future<Output: Send + 'static> + Send + 'static,
    {
        operation::begin(self.inner(), None, Location::caller(), None, operation)
    }

    /// Like [`begin`](Self::begin), with a limit on how long it may wait for its connection.
    ///
    /// # Errors
    /// As there. When the time is up, the [`Pending`](crate::Pending) ends in [`Error::AcquireTimeout`].
    #[track_caller]
    pub fn begin_within<F, R>(&self, timeout: Duration, operation: F) -> Begun<M, R::Output>
    where
        F: FnOnce(Operation<M>) -> R + Send + 'static,
        R: Future<Output: Send + 'static> + Send + 'static,
    {
        operation::begin(self.inner(), Some(timeout), Location::caller(), None, operation)
    }

    /// Begins an operation on a connection that one has already. It takes no slot.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn begin_on<F, R>(&self, connection: &Connection<M>, operation: F) -> Begun<M, R::Output>
    where
        F: FnOnce(Operation<M>) -> R + Send + 'static,
        R: Future<Output: Send + 'static> + Send + 'static,
    {
        operation::begin_on(&connection.lease, operation)
    }

    /// Extra connections for work that is spread over several. See [`Extras`].
    pub fn extras(&self) -> Extras<M> {
        Extras::new(self.inner())
    }

    /// How many requests wait for a connection.
    pub fn waiting(&self) -> usize {
        self.inner().peek(|core| core.waiting_but(0))
    }

    /// Changes how many connections may be open. Growing serves those who wait; shrinking closes idle connections at once and others when they
    /// are given back. At 1, in the modes that use main, those who wait get [`Error::QuotaReservedForMain`].
    ///
    /// # Errors
    /// [`ConfigError::NoConnections`] for 0.
    pub fn set_max_connections(&self, max: usize) -> Result<(), ConfigError> {
        if max == 0 {
            return Err(ConfigError::NoConnections);
        }
        self.inner().with(|core, now, out| core.set_max(max, now, out));
        Ok(())
    }

    /// Tries the login again after [`Error::Credentials`]: the credentials are new, or the server is known to have changed its mind.
    pub fn retry_login(&self) {
        self.inner().with(|core, now, out| core.retry_login(now, out));
    }

    /// Holds new calls back, because the server asked for it: for the time told (at most 5 min), or for 1 s, doubling to 60 s if it asks
    /// again. Returns how long that will be, with up to a tenth of jitter.
    pub fn hold_back(&self, told: Option<Duration>) -> Duration {
        let wait = self.inner().hold.hold(told, now());
        tracing::info!(pool = self.inner().id, ?wait, "calls are held back");
        wait
    }

    /// Tells the pool what the server said of its limits on a connection that is logged in already: [`Class::Limit`] lowers the effective
    /// quota to what else is open, [`Class::Throttled`] holds calls back. Other classes say nothing about the pool.
    pub fn report(&self, class: Class) {
        match class {
            Class::Limit => {
                self.inner().with(|core, now, out| core.limit_reported(now, out));
            }
            Class::Throttled(told) => {
                self.hold_back(told);
            }
            _ => {}
        }
    }

    /// The pool as it is now.
    pub fn status(&self) -> Status<M::Error> {
        let inner = self.inner();
        let now = now();
        let snapshot = inner.peek(|core| core.snapshot(now, Duration::ZERO));
        let held = inner.hold.until(now);
        Status::new(snapshot, held.map(|until| until.saturating_duration_since(now)), now)
    }

    /// Closes the pool: no new work is taken, those who wait get [`Error::Closed`], what runs may finish within the
    /// [grace period](crate::Builder::grace), every connection says goodbye within it, and what is still open then is cut.
    pub async fn close(&self) {
        self.inner().close().await;
    }

    /// Whether the pool is closed or being closed.
    pub fn is_closed(&self) -> bool {
        self.inner().peek(crate::core::Core::is_closed)
    }
}

impl<M: Manager> Drop for Shared<M> {
    fn drop(&mut self) {
        let inner = Arc::clone(&self.inner);
        inner.shut_down();
        if !inner.peek(crate::core::Core::all_gone) {
            let ending = Arc::clone(&inner);
            inner.spawn(async move { ending.close().await });
        }
    }
}

impl<M: Manager> Clone for Pool<M> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

/// A pool that may have ended. See [`Pool::downgrade`].
pub struct WeakPool<M: Manager> {
    shared: Weak<Shared<M>>,
}

impl<M: Manager> WeakPool<M> {
    /// The pool, unless its last clone was dropped.
    pub fn upgrade(&self) -> Option<Pool<M>> {
        self.shared.upgrade().map(|shared| Pool { shared })
    }
}

impl<M: Manager> Clone for WeakPool<M> {
    fn clone(&self) -> Self {
        Self { shared: Weak::clone(&self.shared) }
    }
}

impl<M: Manager> fmt::Debug for WeakPool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakPool").finish_non_exhaustive()
    }
}

impl<M: Manager> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("id", &self.inner().id).finish_non_exhaustive()
    }
}
