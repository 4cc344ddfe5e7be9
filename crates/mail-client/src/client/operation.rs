//! Begun operations: work in the background, on a connection of its own.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use super::{Calls, MailManager};
use crate::error::{Error, Result};

/// A begun operation. Awaited, it gives the operation's own result; dropped, the operation runs on.
///
/// If it never ran, was cancelled or panicked, it gives an error of kind [`ErrorKind::Pool`](crate::ErrorKind::Pool) instead, or the one that
/// its connection couldn't be opened for.
#[must_use = "an operation runs by itself, but how it ended is known only here"]
pub struct Pending<T> {
    pending: mail_pool::Pending<Result<T>, Error>,
}

impl<T> Pending<T> {
    /// Stops the operation, wherever it is. A command of it that is under way is answered into the void.
    pub fn cancel(&self) {
        self.pending.cancel();
    }

    /// What can stop the operation while somebody else awaits it.
    pub fn canceller(&self) -> mail_pool::Canceller {
        self.pending.canceller()
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.pending.is_finished()
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(ready!(Pin::new(&mut self.pending).poll(cx)).unwrap_or_else(|error| Err(error.into())))
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("is_finished", &self.is_finished()).finish()
    }
}

impl<M: MailManager> Calls<M> {
    #[track_caller]
    pub(crate) fn begin<T, F, R>(&self, within: Option<Duration>, operation: F) -> Result<Pending<T>>
    where
        F: FnOnce(Self) -> R + Send + 'static,
        R: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let calls = self.clone();
        let run = move |own: mail_pool::Operation<M>| operation(calls.on_operation(Arc::new(own)));
        let pending = match (self.named(), self.operation()) {
            (Some(held), _) => held.with(|connection| self.pool().begin_on(connection, run))?,
            (None, Some(own)) => own.begin(run)?,
            (None, None) => match within {
                Some(within) => self.pool().begin_within(within, run)?,
                None => self.pool().begin(run)?,
            },
        };
        Ok(Pending { pending })
    }
}
