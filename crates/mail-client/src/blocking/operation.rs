//! Begun operations: work in the background that blocks.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    thread,
};

use mail_pool::{Caller, Canceller};
use tokio::sync::{oneshot, watch};

use super::{wait::wait, wanted};
use crate::{
    client,
    error::{Cause, Error, Result},
};

/// A begun operation. Dropped, the operation runs on.
///
/// If it never ran, was cancelled or panicked, it gives an error of kind [`ErrorKind::Pool`](crate::ErrorKind::Pool)
/// instead of the operation's own, or the one that its connection couldn't be opened for.
#[must_use = "an operation runs by itself, but how it ended is known only here"]
pub struct Pending<T>(client::Pending<T>);

impl<T> Pending<T> {
    /// Waits for the operation to end, and gives its own result.
    ///
    /// # Errors
    /// The operation's own, or why it has no result.
    #[track_caller]
    pub fn wait(self) -> Result<T> {
        wait(self.0)
    }

    /// Stops the operation: it ends at once for those who wait for it. Its thread can't be stopped, so what it still does
    /// is for nothing: the calls that it waits in, and those that it makes, fail.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// What can stop the operation while somebody else waits for it.
    pub fn canceller(&self) -> Canceller {
        self.0.canceller()
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl<T> From<client::Pending<T>> for Pending<T> {
    fn from(pending: client::Pending<T>) -> Self {
        Self(pending)
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Does an operation's work on a thread of its own, in the operation's name: its nameless calls run on the operation's
/// connection. (The runtime's own threads for what blocks are limited in number, and logging in needs one of them.)
pub(super) async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let caller = Caller::current();
    let (done, ended) = oneshot::channel();
    // Dropped with this future if the operation is cancelled.
    let (_wanted, is_wanted) = watch::channel(());
    let run = move || {
        // Whatever it holds of the connection is given back before its end is told.
        let work = move || {
            wanted::set(is_wanted);
            caller.run(work)
        };
        // Nobody may want it any more.
        let _ = done.send(catch_unwind(AssertUnwindSafe(work)));
    };
    let started = thread::Builder::new().name("mail-client operation".into()).spawn(run);
    started.map_err(|error| Error::new(Cause::NoThread(Arc::new(error))))?;
    match ended.await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => resume_unwind(panic),
        Err(_) => Err(wanted::cancelled()),
    }
}
