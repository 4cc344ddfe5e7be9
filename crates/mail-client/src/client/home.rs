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
pub(crate) struct Home<M: Manager> {
    pub(crate) target: Target,
    /// How long commands may wait behind a stream that nobody reads.
    pub(crate) stall_timeout: Duration,
    /// The pool, once there is one.
    pool: Arc<OnceLock<WeakPool<M>>>,
}

impl<M: Manager> Home<M> {
    pub(super) fn new(target: Target, stall_timeout: Duration) -> Self {
        Self { target, stall_timeout, pool: Arc::default() }
    }

    pub(super) fn built(&self, pool: &Pool<M>) {
        let _ = self.pool.set(pool.downgrade());
    }

    /// Does what the server wishes of the whole client. Says for how long nothing goes to it.
    pub(crate) fn heed<'a>(&self, connection: u64, said: impl Into<Said<'a>>) -> Option<Duration> {
        let said = said.into();
        let wish = refusal::wish(said)?;
        let pool = self.pool.get().and_then(WeakPool::upgrade)?;
        info!(connection, ?wish, text = %said.text(), "the server has a wish");
        match wish {
            Wish::Wait(told) => Some(pool.hold_back(told)),
            Wish::Fewer => {
                pool.report(Class::Limit);
                None
            }
        }
    }
}

impl<M: Manager> Clone for Home<M> {
    fn clone(&self) -> Self {
        let (target, stall_timeout) = (self.target.clone(), self.stall_timeout);
        Self { target, stall_timeout, pool: Arc::clone(&self.pool) }
    }
}

impl<M: Manager> fmt::Debug for Home<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home").field("target", &self.target).finish_non_exhaustive()
    }
}
