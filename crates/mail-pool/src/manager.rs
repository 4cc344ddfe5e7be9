//! What a pool must be told about its connections: how to open, check, reset and close one, and what a failure means.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

/// Opens, checks, resets and closes connections for a [`Pool`](crate::Pool), and says what a failure means.
///
/// The pool bounds every future by a deadline of its own ([`Builder`](crate::Builder)) and may drop it at any
/// await; a dropped `Connection` must close its socket at once.
pub trait Manager: Send + Sync + 'static {
    /// A connection, or a handle to the task that runs it. It is used as `&Connection`, by many callers at once.
    type Connection: Send + Sync + 'static;
    /// Why a connection could not be opened, or did not pass its check.
    type Error: Error + Send + Sync + 'static;

    /// Opens a connection and logs in. Called on a task of its own, outside every lock.
    fn connect(&self, attempt: Attempt)
    -> impl Future<Output = Result<Self::Connection, Self::Error>> + Send;

    /// Whether the connection is known to be dead: nothing runs on it any more, and its socket is closed or closes
    /// without anybody's help. Called often: it looks at a flag and does no I/O.
    fn is_broken(&self, connection: &Self::Connection) -> bool;

    /// Asks the peer whether the connection is alive (NOOP), after it was idle for a while.
    fn check(&self, connection: &Self::Connection) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Whether [`reset`](Self::reset) has anything to do. `false` makes giving a connection back immediate.
    fn needs_reset(&self, _connection: &Self::Connection) -> bool {
        false
    }

    /// Clears what the last user left on the connection, so that the next one finds it as if new; or says that
    /// it must be closed instead.
    fn reset(&self, _connection: &Self::Connection) -> impl Future<Output = AfterUse> + Send {
        async { AfterUse::Keep }
    }

    /// Says goodbye (LOGOUT, QUIT) and closes. When it takes too long the pool drops the future, which must cut the connection.
    fn close(&self, connection: Self::Connection) -> impl Future<Output = ()> + Send;

    /// Cuts a connection that others are still using, without a goodbye: what runs on it fails, and
    /// [`is_broken`](Self::is_broken) is true from now on. Called when closing has taken too long.
    fn cut(&self, _connection: &Self::Connection) {}

    /// What a failed [`connect`](Self::connect) means.
    fn classify(&self, error: &Self::Error) -> Class;

    /// The error for a connect that did not end within the pool's own [`connect_timeout`](crate::Builder::connect_timeout).
    fn connect_timed_out(&self, after: Duration) -> Self::Error;

    /// Whether `fresh_credentials` can make a difference: a token that can be fetched anew, say. With a fixed
    /// password it can't, and a refused login isn't repeated.
    fn renews_credentials(&self) -> bool {
        false
    }
}

/// What a connection is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The number of the connection to be, unique within its pool: what [`Conn::id`](crate::Conn::id) and the log will call it.
    pub id: u64,
    /// The kind of connection. Of extras it is the kind of the oldest request; the connection may serve another.
    pub kind: Kind,
    /// The last login was refused: fetch a new token instead of using a stored one.
    pub fresh_credentials: bool,
}

/// What a connection is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// Comes and goes with the pool and is shared by all its users.
    Main,
    /// Belongs to one [`Context`](crate::Context).
    Default,
    /// Belongs to nobody; used only where it is named.
    Independent,
    /// Serves one begun operation.
    Operation,
    /// An extra taken by work that is spread over several connections.
    FanOut,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Main => "main",
            Self::Default => "default",
            Self::Independent => "independent",
            Self::Operation => "operation",
            Self::FanOut => "fan-out",
        })
    }
}

/// What becomes of a connection that was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterUse {
    /// It is as good as new.
    Keep,
    /// It can't be used again.
    Close,
}

/// What a failed connect means. Only the pool knows what else is open, so it judges [`Refused`](Self::Refused) itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// The server has no place for one more connection. The pool lives with what is open and tries again after a cool-down.
    Limit,
    /// The service is out of order for now, or the peer closed before it answered the login; retried with back-off. With another connection
    /// open it may be a limit: it is tried once more, and the second in a row counts as one.
    Outage,
    /// Too many attempts: nothing may be dialled for the time told, or for the pool's own default.
    Throttled(Option<Duration>),
    /// The login was refused for a reason that may be the credentials or may be a limit.
    Refused,
    /// A failure that may pass: connection refused, reset, timed out.
    Transient,
    /// A failure that won't pass by itself: unknown name, untrusted certificate, credentials known to be wrong.
    Permanent,
}
