//! Watching a mailbox.

use std::time::Duration;

use tokio::time::timeout;

use crate::{
    blocking::{
        facade::{facade, sister},
        runtime,
        wait::{GaveUp, wait, wait_for_next},
    },
    error::{Cause, Error, Result},
    imap::{self, Change, WatchState},
};

/// Sets up a [`Watcher`]. See [`imap::WatchBuilder`].
#[must_use = "nothing is watched until start"]
pub struct WatchBuilder(imap::WatchBuilder);

sister!(WatchBuilder(imap::WatchBuilder));

facade! {
    impl WatchBuilder for "imap::WatchBuilder" {
        fn resume(self, state: WatchState) -> Self;
        fn tell_all(self) -> Self;
        fn recheck(self, after: Duration) -> Self;
        fn poll_interval(self, interval: Duration) -> Self;
        fn may_take_last_connection(self) -> Self;
    }
}

impl WatchBuilder {
    /// Begins to watch, in the background.
    pub fn start(self) -> Watcher {
        let _entered = runtime::enter();
        self.0.start().into()
    }
}

/// The changes of a mailbox, as they happen: an iterator, which waits for the next for as long as there is none. It ends
/// behind an error, or when the client is closed. Dropping it ends the watching. See [`imap::Watcher`].
///
/// ```no_run
/// # fn example(client: mail_client::blocking::ImapClient) -> mail_client::Result<()> {
/// use mail_client::imap::Change;
///
/// for change in client.watch("INBOX").start() {
///     match change? {
///         Change::New { uid, .. } => println!("message {uid} has come"),
///         other => println!("{other:?}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Watcher(imap::Watcher, GaveUp);

sister!(Watcher(imap::Watcher) false);

impl Iterator for Watcher {
    type Item = Result<Change>;

    #[track_caller]
    fn next(&mut self) -> Option<Result<Change>> {
        wait_for_next(&mut self.1, self.0.next())
    }
}

impl Watcher {
    /// The next change, or `None` if there is none for so long, which ends nothing.
    ///
    /// ```no_run
    /// # fn example(mut changes: mail_client::blocking::imap::Watcher) -> mail_client::Result<()> {
    /// use std::time::Duration;
    ///
    /// loop {
    ///     match changes.next_within(Duration::from_secs(10))? {
    ///         Some(change) => println!("{change:?}"),
    ///         None => println!("all quiet"),
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// Watching has ended, and why: [`Closed`](crate::ErrorKind::Closed) if it is because the client was.
    #[track_caller]
    pub fn next_within(&mut self, limit: Duration) -> Result<Option<Change>> {
        let ended = || Error::new(Cause::Closed);
        if self.1 {
            return Err(ended());
        }
        let next = async {
            match timeout(limit, self.0.next()).await {
                Ok(Some(next)) => next.map(Some),
                Ok(None) => Err(ended()),
                Err(_) => Ok(None),
            }
        };
        let next: Result<_> = wait(next);
        self.1 = next.is_err();
        next
    }

    /// What is known as of the last change that was given. See [`imap::Watcher::state`].
    pub fn state(&mut self) -> Option<&WatchState> {
        self.0.state()
    }
}
