//! Begun operations: work in the background, on a connection of its own.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use super::{calls::Calls, client::ImapClient, handles, mailbox::Mailbox, manager::ImapManager};
use crate::error::{Cause, Error, Result};

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

impl Calls {
    #[track_caller]
    fn begin<T, F, R>(&self, within: Option<Duration>, operation: F) -> Result<Pending<T>>
    where
        F: FnOnce(Self) -> R + Send + 'static,
        R: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let calls = self.clone();
        let run = move |own: mail_pool::Operation<ImapManager>| operation(calls.on_operation(Arc::new(own)));
        let pending = match (self.named(), self.operation()) {
            (Some(held), _) => {
                // Only who closes it ever locks out the others.
                let held = held.try_read().map_err(|_| Error::new(Cause::ConnectionClosed))?;
                self.pool().begin_on(handles::open(held.as_ref())?, run)?
            }
            (None, Some(own)) => own.begin(run)?,
            (None, None) => match within {
                Some(within) => self.pool().begin_within(within, run)?,
                None => self.pool().begin(run)?,
            },
        };
        Ok(Pending { pending })
    }
}

impl ImapClient {
    /// Begins an operation in the background. It stands in line for a connection of its own, with those who create one,
    /// in the order in which all of them asked, and is handed the client whose calls run there; calls inside it on any
    /// other clone of this client that name no connection run there too. Where there are no connections but main it
    /// runs on main. Begun inside another operation, or by a task that has a default connection, it runs on that one
    /// unless another is free at once; begun on a client with a [named](Self::via) connection, it runs on that one.
    ///
    /// ```no_run
    /// # async fn many(client: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// let counting = client.begin(|client| async move { Ok(client.examine("INBOX").await?.exists()) })?;
    /// // … meanwhile …
    /// println!("{} messages", counting.await?);
    /// # Ok(()) }
    /// ```
    ///
    /// The connection goes back when the operation has ended and nothing that was made with its client is left.
    ///
    /// # Errors
    /// As many operations as [allowed](super::ImapClientBuilder::max_operations) are unfinished, the client is closed,
    /// or there is no tokio runtime.
    #[track_caller]
    pub fn begin<T, F, R>(&self, operation: F) -> Result<Pending<T>>
    where
        F: FnOnce(Self) -> R + Send + 'static,
        R: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        self.calls().begin(None, move |calls| operation(Self::from(calls)))
    }

    /// Like [`begin`](Self::begin), with a limit on how long it may wait for its connection.
    ///
    /// # Errors
    /// As there; when the time is up, the [`Pending`] ends in an error that says who has the connections.
    #[track_caller]
    pub fn begin_within<T, F, R>(&self, limit: Duration, operation: F) -> Result<Pending<T>>
    where
        F: FnOnce(Self) -> R + Send + 'static,
        R: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        self.calls().begin(Some(limit), move |calls| operation(Self::from(calls)))
    }
}

impl Mailbox {
    /// Begins an operation on this mailbox in the background, as [`ImapClient::begin`] does: it is handed the mailbox,
    /// whose operations select it on the operation's own connection.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn begin<T, F, R>(&self, operation: F) -> Result<Pending<T>>
    where
        F: FnOnce(Self) -> R + Send + 'static,
        R: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let mailbox = self.clone();
        self.calls().begin(None, move |calls| operation(mailbox.with_calls(calls)))
    }
}
