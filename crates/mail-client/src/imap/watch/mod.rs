//! Watching a mailbox: what changes in it, told as it happens, and nothing left out (rule P39).

mod rounds;
mod state;
mod task;

use std::{fmt, time::Duration};

use mail_proto::imap::{Flag, MailboxName, SequenceSet};
use tokio::sync::mpsc;

pub use self::state::{InvalidState, WatchState};
use super::{ImapClient, calls::Calls};
use crate::error::{Error, Result};

/// A change in a mailbox that is [watched](ImapClient::watch).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A message has come, or was found when the watcher began with nothing to compare with and was told to tell it.
    New {
        /// Its UID.
        uid: u32,
        /// Its flags.
        flags: Vec<Flag>,
    },
    /// A message has other flags than before.
    Flags {
        /// Its UID.
        uid: u32,
        /// All the flags that it has now.
        flags: Vec<Flag>,
    },
    /// Messages are gone.
    Gone {
        /// Their UIDs.
        uids: SequenceSet,
    },
    /// What was known of the mailbox is worth nothing any more: it is another one (a new UIDVALIDITY), or the server has
    /// ceased to keep mod-sequences. What there is now follows, each message as [`New`](Self::New).
    Reset {
        /// The UIDVALIDITY from now on.
        uid_validity: Option<u32>,
    },
}

/// Sets up a [`Watcher`]. See [`ImapClient::watch`].
#[must_use = "nothing is watched until start"]
pub struct WatchBuilder {
    calls: Calls,
    options: Options,
    state: Option<WatchState>,
}

/// How to watch.
#[derive(Clone, Debug)]
struct Options {
    mailbox: MailboxName,
    tell_all: bool,
    recheck: Duration,
    poll: Duration,
    may_take_last: bool,
}

/// A server that is told of no change in this time is asked whether it is still there (P39: within 5 minutes).
const RECHECK: Duration = Duration::from_secs(270);

/// How often a server is asked that tells of nothing by itself.
const POLL: Duration = Duration::from_secs(60);

/// How many changes wait to be read at most.
const UNREAD: usize = 64;

impl ImapClient {
    /// Watches a mailbox: gives a stream of its changes that goes on when connections are lost, and then first tells
    /// what was missed. Uses NOTIFY (RFC 5465) and IDLE (RFC 2177), and asks now and then where the server has neither.
    ///
    /// A watcher has a connection of its own, and waits for one that isn't the last beside main unless it
    /// [may take that](WatchBuilder::may_take_last_connection). Where there is none that it could take, it runs on main,
    /// and lets every other command through.
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// use mail_client::imap::Change;
    ///
    /// let mut changes = client.watch("INBOX").start();
    /// while let Some(change) = changes.next().await {
    ///     match change? {
    ///         Change::New { uid, .. } => println!("message {uid} has come"),
    ///         Change::Gone { uids } => println!("{uids} are gone"),
    ///         other => println!("{other:?}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch(&self, mailbox: impl Into<MailboxName>) -> WatchBuilder {
        let options = Options {
            mailbox: mailbox.into(),
            tell_all: false,
            recheck: RECHECK,
            poll: POLL,
            may_take_last: false,
        };
        WatchBuilder { calls: self.calls().clone(), options, state: None }
    }
}

impl WatchBuilder {
    /// Goes on from what was known then: all that has changed since is told first.
    pub fn resume(mut self, state: WatchState) -> Self {
        self.state = Some(state);
        self
    }

    /// Tells every message that is there at the beginning, as [`Change::New`], if there is no state to go on from.
    pub fn tell_all(mut self) -> Self {
        self.options.tell_all = true;
        self
    }

    /// How long a server may keep silent before it is asked whether it is still there; 4.5 minutes unless told, and not
    /// above 29 minutes, after which servers end an IDLE (RFC 2177).
    pub fn recheck(mut self, after: Duration) -> Self {
        self.options.recheck = after.min(Duration::from_secs(29 * 60));
        self
    }

    /// How often a server is asked that has neither IDLE nor NOTIFY; every minute unless told.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.options.poll = interval;
        self
    }

    /// It may take the last connection there is beside main, so that whoever needs one waits for as long as it watches.
    pub fn may_take_last_connection(mut self) -> Self {
        self.options.may_take_last = true;
        self
    }

    /// Begins to watch, in a task of its own.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(self) -> Watcher {
        let (sender, news) = mpsc::channel(UNREAD);
        let state = self.state.clone();
        tokio::spawn(task::watch(self.calls, self.options, self.state, sender));
        Watcher { news, next: None, state }
    }
}

/// The changes of a mailbox, as they happen. Dropping it ends the watching.
pub struct Watcher {
    /// Closed, it ends the task, which has a connection to say goodbye on.
    news: mpsc::Receiver<News>,
    /// What was looked at, and is to be given next.
    next: Option<News>,
    state: Option<WatchState>,
}

/// What the task tells.
enum News {
    Change(Change),
    /// All changes of a round were told.
    Known(WatchState),
    Failed(Error),
}

impl Watcher {
    /// The next change. Waits for as long as there is none; `None` once watching has ended, which it does only with an
    /// error or when the client was closed.
    ///
    /// # Errors
    /// The mailbox isn't there any more, or the server refuses the login. What is lost on the way is no error: the
    /// watcher connects again.
    pub async fn next(&mut self) -> Option<Result<Change>> {
        loop {
            let news = match self.next.take() {
                Some(news) => news,
                None => self.news.recv().await?,
            };
            match news {
                News::Change(change) => return Some(Ok(change)),
                News::Known(state) => self.state = Some(state),
                News::Failed(error) => return Some(Err(error)),
            }
        }
    }

    /// What is known as of the last change that [`next`](Self::next) gave, to [resume](WatchBuilder::resume) from
    /// later: nothing that wasn't given is left out then, though the last changes may be given again. `None` before the
    /// mailbox was first looked at.
    pub fn state(&mut self) -> Option<&WatchState> {
        while self.next.is_none() {
            match self.news.try_recv() {
                Ok(News::Known(state)) => self.state = Some(state),
                Ok(news) => self.next = Some(news),
                Err(_) => break,
            }
        }
        self.state.as_ref()
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").finish_non_exhaustive()
    }
}

impl fmt::Debug for WatchBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchBuilder").field("options", &self.options).finish_non_exhaustive()
    }
}
