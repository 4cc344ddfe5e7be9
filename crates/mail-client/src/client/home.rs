//! What a connection's task knows of the client that the connection belongs to.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use mail_pool::{Class, Manager, Pool, WeakPool};
use tracing::info;

use super::{
    Said,
    refusal::{self, Wish},
};
use crate::transport::Target;

/// Where a connection belongs.
#[derive(Clone)]
pub(crate) struct Home {
    pub(crate) target: Target,
    /// How long commands may wait behind a stream that nobody reads.
    pub(crate) stall_timeout: Duration,
    /// The pool, once there is one.
    pool: Arc<OnceLock<Box<dyn Siblings>>>,
}

/// All connections of a client, as one of them sees them: their pool, whatever protocol they speak.
trait Siblings: Send + Sync {
    /// Nothing goes to the server for a while. Returns for how long.
    fn hold_back(&self, told: Option<Duration>) -> Option<Duration>;

    /// The server wants fewer of them.
    fn limit(&self);
}

impl<M: Manager> Siblings for WeakPool<M> {
    fn hold_back(&self, told: Option<Duration>) -> Option<Duration> {
        Some(self.upgrade()?.hold_back(told))
    }

    fn limit(&self) {
        if let Some(pool) = self.upgrade() {
            pool.report(Class::Limit);
        }
    }
}

impl Home {
    pub(super) fn new(target: Target, stall_timeout: Duration) -> Self {
        Self { target, stall_timeout, pool: Arc::default() }
    }

    pub(super) fn built<M: Manager>(&self, pool: &Pool<M>) {
        let _ = self.pool.set(Box::new(pool.downgrade()));
    }

    /// Does what the server wishes of the whole client. Says for how long nothing goes to it.
    pub(crate) fn heed<'a>(&self, connection: u64, said: impl Into<Said<'a>>) -> Option<Duration> {
        let said = said.into();
        let wish = refusal::wish(said)?;
        info!(connection, ?wish, text = %said.text(), "the server has a wish");
        let siblings = self.pool.get()?;
        match wish {
            Wish::Wait(told) => siblings.hold_back(told),
            Wish::Fewer => {
                siblings.limit();
                None
            }
        }
    }
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home").field("target", &self.target).finish_non_exhaustive()
    }
}
