//! The caller, taken along to another thread.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use crate::context::Context;
use crate::inside::{Frame, INSIDE};

thread_local! {
    static ACTING: Cell<Option<Context>> = const { Cell::new(None) };
}

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
        let _acting = Acting::enter(self.context);
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

/// In whose name this thread acts, if in somebody's.
pub(crate) fn acting() -> Option<Context> {
    ACTING.try_with(Cell::get).ok().flatten()
}

/// Acts in another's name until it is dropped.
struct Acting {
    before: Option<Context>,
}

impl Acting {
    fn enter(context: Context) -> Self {
        Self { before: ACTING.replace(Some(context)) }
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        let _ = ACTING.try_with(|acting| acting.set(self.before));
    }
}
