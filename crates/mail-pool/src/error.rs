//! What can go wrong, by whose doing.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::core::Failure;
use crate::manager::Class;
use crate::status::{ConnectionStatus, Counts, LastRefusal, count, refusal, view};

/// Why a pool can't be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// `max_connections` is 0.
    #[error("a pool needs at least one connection: max_connections is 0")]
    NoConnections,
    /// `max_handshakes` is 0.
    #[error("a pool must be allowed to open connections: max_handshakes is 0")]
    NoHandshakes,
}

/// Why there is no connection. `E` is the manager's own error.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error<E> {
    // The caller's doing.
    /// The mode assigns connections itself or has only main: default connections can't be created by hand.
    DefaultForbidden,
    /// The caller has a default connection of this pool already.
    DefaultExists,
    /// In [`Assignment::Default`](crate::Assignment::Default) there is no main connection.
    NoMain,
    /// The quota is used up by main: there are no other connections.
    QuotaReservedForMain,
    /// There is but one connection besides main, and the request was to leave one to others.
    NoneToSpare,
    /// The caller holds every connection that it is waiting for.
    WouldDeadlock,
    /// The context that built the pool keeps to main.
    CreatorContext,
    /// As many operations as allowed are begun and unfinished.
    QueueFull {
        /// How many that is.
        limit: usize,
    },
    /// The operation was cancelled.
    Cancelled,
    /// The operation panicked, with this message.
    Panicked(String),
    /// The pool is closed.
    Closed,
    /// There is no tokio runtime to run this on.
    NoRuntime,
    // Somebody else's.
    /// No connection became free in time.
    AcquireTimeout(Box<AcquireTimeout<E>>),
    /// The connection could not be opened.
    Connect(Arc<E>),
    /// The server refuses the login, and another try would be refused as well: nothing is dialled until
    /// [`Pool::retry_login`](crate::Pool::retry_login).
    Credentials {
        /// What the server said.
        source: Arc<E>,
        /// How many connections were open with the same credentials when it did.
        others_open: usize,
    },
}

/// What the pool looked like when a request ran out of time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AcquireTimeout<E> {
    /// How long the request waited.
    pub waited: Duration,
    /// How many connections the pool may have, and how many the server seems to let it have.
    pub max_connections: usize,
    /// See [`Status::effective`](crate::Status::effective).
    pub effective: usize,
    /// Connections by state.
    pub counts: Counts,
    /// Each connection, its kind, and who holds it for how long.
    pub connections: Vec<ConnectionStatus>,
    /// How many others were waiting.
    pub waiting: usize,
    /// Every extra was held by a context that itself waited for one: they may have been waiting for each other. (It can't be known: another
    /// branch of such a task may have been at work, about to give its connection back.)
    pub holders_wait: bool,
    /// The last dial that failed.
    pub last_refusal: Option<LastRefusal<E>>,
}

impl<E> Error<E> {
    /// Whether the same request may succeed later without anybody changing anything.
    pub const fn is_retryable(&self, class: Option<Class>) -> bool {
        match self {
            Self::AcquireTimeout(_) | Self::QueueFull { .. } => true,
            Self::Connect(_) => !matches!(class, Some(Class::Permanent | Class::Refused)),
            _ => false,
        }
    }

    /// The manager's error, if there is one behind this.
    pub fn connect_error(&self) -> Option<&E> {
        match self {
            Self::Connect(error) | Self::Credentials { source: error, .. } => Some(error),
            Self::AcquireTimeout(timeout) => timeout.last_refusal.as_ref().map(|refusal| &*refusal.error),
            _ => None,
        }
    }
}

impl<E> Clone for Error<E> {
    fn clone(&self) -> Self {
        match self {
            Self::DefaultForbidden => Self::DefaultForbidden,
            Self::DefaultExists => Self::DefaultExists,
            Self::NoMain => Self::NoMain,
            Self::QuotaReservedForMain => Self::QuotaReservedForMain,
            Self::NoneToSpare => Self::NoneToSpare,
            Self::WouldDeadlock => Self::WouldDeadlock,
            Self::CreatorContext => Self::CreatorContext,
            Self::QueueFull { limit } => Self::QueueFull { limit: *limit },
            Self::Cancelled => Self::Cancelled,
            Self::Panicked(message) => Self::Panicked(message.clone()),
            Self::Closed => Self::Closed,
            Self::NoRuntime => Self::NoRuntime,
            Self::AcquireTimeout(timeout) => Self::AcquireTimeout(Box::new(AcquireTimeout {
                waited: timeout.waited,
                max_connections: timeout.max_connections,
                effective: timeout.effective,
                counts: timeout.counts,
                connections: timeout.connections.clone(),
                waiting: timeout.waiting,
                holders_wait: timeout.holders_wait,
                last_refusal: timeout.last_refusal.clone(),
            })),
            Self::Connect(error) => Self::Connect(Arc::clone(error)),
            Self::Credentials { source, others_open } => {
                Self::Credentials { source: Arc::clone(source), others_open: *others_open }
            }
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DefaultForbidden => {
                f.write_str("default connections can't be created by hand in this mode")
            }
            Self::DefaultExists => f.write_str("the caller has a default connection already"),
            Self::NoMain => f.write_str("there is no main connection in this mode"),
            Self::QuotaReservedForMain => f.write_str("the only connection that the quota allows is main's"),
            Self::NoneToSpare => f.write_str("the quota allows no connection that would leave one to others"),
            Self::WouldDeadlock => {
                f.write_str("the caller itself holds every connection that it would wait for")
            }
            Self::CreatorContext => {
                f.write_str("the context that built the pool keeps to the main connection")
            }
            Self::QueueFull { limit } => {
                write!(f, "{limit} operations are begun and unfinished, which is the limit")
            }
            Self::Cancelled => f.write_str("the operation was cancelled"),
            Self::Panicked(message) => write!(f, "the operation panicked: {message}"),
            Self::Closed => f.write_str("the pool is closed"),
            Self::NoRuntime => f.write_str("there is no tokio runtime to run this on"),
            Self::AcquireTimeout(timeout) => timeout.fmt(f),
            Self::Connect(error) => write!(f, "could not connect: {error}"),
            Self::Credentials { source, others_open: 0 } => write!(f, "the login was refused: {source}"),
            Self::Credentials { source, others_open } => {
                write!(f, "the login was refused twice while {others_open} connections were open: {source}")
            }
        }
    }
}

impl<E: StdError + 'static> StdError for Error<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.connect_error().map(|error| error as _)
    }
}

impl<E: fmt::Display> fmt::Display for AcquireTimeout<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no connection became free within {:?}: {} of {} are open",
            self.waited,
            self.counts.open(),
            self.max_connections
        )?;
        if self.effective < self.max_connections {
            write!(f, " (the server seems to allow {})", self.effective)?;
        }
        for (at, connection) in self.connections.iter().enumerate() {
            write!(f, "{}{connection}", if at == 0 { ": " } else { ", " })?;
        }
        write!(f, "; {} wait", self.waiting)?;
        if self.holders_wait {
            write!(f, ", and so does everybody who holds one: they may be waiting for each other")?;
        }
        if let Some(refusal) = &self.last_refusal {
            write!(f, "; last refused {:?} ago: {}", refusal.ago, refusal.error)?;
        }
        Ok(())
    }
}

impl<E> Error<E> {
    pub(crate) fn from_failure(failure: Failure<Arc<E>>, now: Instant) -> Self {
        match failure {
            Failure::Connect(error) => Self::Connect(error),
            Failure::Credentials { error, others_open } => Self::Credentials { source: error, others_open },
            Failure::Timeout(snapshot) => {
                let snapshot = *snapshot;
                Self::AcquireTimeout(Box::new(AcquireTimeout {
                    waited: snapshot.waited,
                    max_connections: snapshot.max,
                    effective: snapshot.effective,
                    counts: count(&snapshot.slots),
                    connections: snapshot.slots.iter().map(view).collect(),
                    waiting: snapshot.waiting.saturating_sub(1),
                    holders_wait: snapshot.holders_wait,
                    last_refusal: snapshot.refusal.map(|found| refusal(found, now)),
                }))
            }
            Failure::ReservedForMain => Self::QuotaReservedForMain,
            Failure::NoneToSpare => Self::NoneToSpare,
            Failure::WouldDeadlock => Self::WouldDeadlock,
            Failure::Closed => Self::Closed,
        }
    }
}
