//! The caller, taken along to another thread.

use std::fmt;
use std::sync::Arc;

use crate::context::Context;
use crate::inside::{Frame, INSIDE};

/// Who calls, for work of theirs that goes on on another thread. What [`run`](Self::run) runs there counts as the same caller: it has the same
/// default connection, is inside the same operation, and what it holds is the caller's.
///
/// ```no_run
/// # use mail_pool::{Caller, Manager, Pool};
/// # fn example<M: Manager>(pool: Pool<M>) {
/// let caller = Caller::current();
/// std::thread::spawn(move || caller.run(|| pool.scope_blocking(|| { /* … */ })));
/// # }
/// ```
#[derive(Clone)]
pub struct Caller {
    context: Context,
    inside: Option<Arc<Frame>>,
}

impl Caller {
    /// The caller of this.
    pub fn current() -> Self {
        Self { context: Context::current(), inside: INSIDE.try_with(Arc::clone).ok() }
    }

    /// Runs something in the caller's name. Tokio tasks that it polls are callers of their own.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let _acting = self.context.act();
        match &self.inside {
            Some(frame) => INSIDE.sync_scope(Arc::clone(frame), work),
            None => work(),
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("context", &self.context).finish_non_exhaustive()
    }
}
