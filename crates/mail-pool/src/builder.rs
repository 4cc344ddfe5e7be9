//! How a pool is set up.

use std::sync::Arc;
use std::time::Duration;

use crate::assignment::Assignment;
use crate::context::Context;
use crate::error::ConfigError;
use crate::manager::Manager;
use crate::options::Options;
use crate::pool::Pool;
use crate::quota::Quota;

/// Sets up a [`Pool`].
pub struct Builder<M: Manager> {
    pub(crate) manager: M,
    pub(crate) options: Options,
}

impl<M: Manager> Builder<M> {
    pub(crate) const fn new(manager: M) -> Self {
        Self {
            manager,
            options: Options {
                assignment: Assignment::MainOrDefault,
                max_connections: 10,
                max_handshakes: 3,
                idle_timeout: Duration::from_secs(30),
                trust_idle: Duration::from_secs(15),
                max_lifetime: None,
                acquire_timeout: Some(Duration::from_secs(60)),
                take_up_timeout: Duration::from_secs(1),
                cool_down: Duration::from_secs(300),
                backoff: (Duration::from_millis(500), Duration::from_secs(30)),
                throttle: Duration::from_secs(300),
                logout_settles: Duration::from_secs(2),
                connect_timeout: Duration::from_secs(120),
                check_timeout: Duration::from_secs(10),
                close_timeout: Duration::from_secs(5),
                grace: Duration::from_secs(5),
                main_for_creator: false,
                max_operations: None,
                quota: None,
                contexts: None,
                runtime: None,
            },
        }
    }

    /// Which connection serves a call that names none. [`Assignment::MainOrDefault`] unless told.
    pub const fn assignment(mut self, assignment: Assignment) -> Self {
        self.options.assignment = assignment;
        self
    }

    /// How many connections may be open at once, those being opened, idle and closing included. At least 1; 10 unless told.
    ///
    /// One of them is main's, in the modes that use it.
    pub const fn max_connections(mut self, max: usize) -> Self {
        self.options.max_connections = max;
        self
    }

    /// How many connections besides main may be in the middle of being opened. At least 1; 3 unless told. Until one login has succeeded
    /// there is one at a time.
    pub const fn max_handshakes(mut self, max: usize) -> Self {
        self.options.max_handshakes = max;
        self
    }

    /// How long a released connection is kept for the next user. 30 s unless told; zero closes it at once.
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.options.idle_timeout = timeout;
        self
    }

    /// For how long an idle connection is trusted to be alive; after that it is checked before it is used. 15 s unless told.
    pub const fn trust_idle(mut self, trust: Duration) -> Self {
        self.options.trust_idle = trust;
        self
    }

    /// How old a connection may grow before it is closed instead of reused, give or take a quarter. Endless unless told.
    pub const fn max_lifetime(mut self, life: Option<Duration>) -> Self {
        self.options.max_lifetime = life;
        self
    }

    /// How long a request waits for a connection before it fails with [`AcquireTimeout`](crate::AcquireTimeout). 60 s unless told;
    /// `None` waits for ever.
    pub const fn acquire_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.options.acquire_timeout = timeout;
        self
    }

    /// How long a connection is kept for a waiter who doesn't come for it, before the next one gets it. 1 s unless told.
    pub const fn take_up_timeout(mut self, timeout: Duration) -> Self {
        self.options.take_up_timeout = timeout;
        self
    }

    /// How long to live with what the server's limit left before one more connection is tried. 5 min unless told, give or take a quarter.
    pub const fn cool_down(mut self, cool_down: Duration) -> Self {
        self.options.cool_down = cool_down;
        self
    }

    /// The first and the longest wait after failed dials; it doubles from one to the other, give or take a quarter. 500 ms and 30 s unless told.
    pub const fn backoff(mut self, first: Duration, most: Duration) -> Self {
        self.options.backoff = (first, most);
        self
    }

    /// How long nothing is dialled after [`Class::Throttled`](crate::Class::Throttled) without a time. 5 min unless told.
    pub const fn throttle(mut self, wait: Duration) -> Self {
        self.options.throttle = wait;
        self
    }

    /// For how long after one of our own logouts the server may still count that connection. 2 s unless told. A limit met within that
    /// time is tried once more before it is believed.
    pub const fn logout_settles(mut self, time: Duration) -> Self {
        self.options.logout_settles = time;
        self
    }

    /// The longest time for opening a connection, whatever deadlines the manager has of its own. 120 s unless told.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = timeout;
        self
    }

    /// The longest time for a check or a reset; then the connection counts as dead. 10 s unless told.
    pub const fn check_timeout(mut self, timeout: Duration) -> Self {
        self.options.check_timeout = timeout;
        self
    }

    /// The longest time for a goodbye; then the connection is cut. 5 s unless told.
    pub const fn close_timeout(mut self, timeout: Duration) -> Self {
        self.options.close_timeout = timeout;
        self
    }

    /// How long running work may go on once the pool is being closed. 5 s unless told.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.options.grace = grace;
        self
    }

    /// The context that builds the pool keeps to main: creating a connection there fails. Off unless told.
    pub const fn main_for_creator(mut self, on: bool) -> Self {
        self.options.main_for_creator = on;
        self
    }

    /// How many begun operations may be unfinished at once. Unbounded unless told.
    pub const fn max_operations(mut self, max: Option<usize>) -> Self {
        self.options.max_operations = max;
        self
    }

    /// Another quota, to be satisfied besides this pool's own: one that several pools or processes share.
    pub fn quota(mut self, quota: Arc<dyn Quota>) -> Self {
        self.options.quota = Some(quota);
        self
    }

    /// Tells contexts apart by other means than tokio's tasks and OS threads. A key must never be used for two different callers
    /// while a connection of the first still exists.
    pub fn context_source(mut self, source: impl Fn() -> Context + Send + Sync + 'static) -> Self {
        self.options.contexts = Some(Arc::new(source));
        self
    }

    /// Where dialling, checking and closing run. Unless told, on the runtime of whoever sets them off.
    pub fn runtime(mut self, runtime: tokio::runtime::Handle) -> Self {
        self.options.runtime = Some(runtime);
        self
    }

    /// Builds the pool. Nothing is opened yet.
    ///
    /// # Errors
    /// When a figure can't work, such as a quota of 0.
    #[track_caller]
    pub fn build(self) -> Result<Pool<M>, ConfigError> {
        if self.options.max_connections == 0 {
            return Err(ConfigError::NoConnections);
        }
        if self.options.max_handshakes == 0 {
            return Err(ConfigError::NoHandshakes);
        }
        Ok(Pool::start(self.manager, self.options))
    }
}

impl<M: Manager> Pool<M> {
    /// Begins to set up a pool.
    pub const fn builder(manager: M) -> Builder<M> {
        Builder::new(manager)
    }
}
