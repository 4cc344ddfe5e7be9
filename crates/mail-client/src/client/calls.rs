//! Calls: which connection each runs on, how long it may take, and what becomes of one whose connection is lost.

use std::{future::Future, sync::Arc, time::Duration};

use mail_pool::{Conn, Exclusive, Manager, Operation, Pool};

use super::{About, Deadline, Held, MailManager, deadline::bounded};
use crate::error::{Cause, Error, Result};

/// Runs calls: on the connection that was named, or on the one that the mode picks.
pub(crate) struct Calls<M: Manager> {
    pool: Pool<M>,
    place: Place<M>,
    /// How long a call may take in all.
    within: Option<Duration>,
    /// When the call has to end that these are all part of.
    until: Option<Deadline>,
}

/// Where calls run.
enum Place<M: Manager> {
    /// Wherever the mode has it.
    Picked,
    Named(Held<M>),
    Operation(Arc<Operation<M>>),
    Exclusive(Arc<Exclusive<M>>),
}

/// What became of a call on one connection.
pub(crate) struct Attempted<T> {
    pub(crate) outcome: Result<T>,
    /// Whether it could be sent again.
    pub(crate) can_repeat: bool,
}

/// An unwritten command survives this many lost connections in a row.
const MOST_FAILURES: u32 = 3;

impl<M: MailManager> Calls<M> {
    pub(crate) fn new(pool: Pool<M>) -> Self {
        Self { pool, place: Place::Picked, within: None, until: None }
    }

    pub(crate) fn via(&self, held: &Held<M>) -> Self {
        Self { place: Place::Named(held.clone()), ..self.clone() }
    }

    pub(crate) fn on_operation(&self, operation: Arc<Operation<M>>) -> Self {
        Self { place: Place::Operation(operation), ..self.clone() }
    }

    pub(crate) fn on_exclusive(&self, exclusive: Arc<Exclusive<M>>) -> Self {
        Self { place: Place::Exclusive(exclusive), ..self.clone() }
    }

    pub(crate) fn within(&self, limit: Option<Duration>) -> Self {
        Self { within: limit, ..self.clone() }
    }

    /// The same calls as parts of one, whose time runs from now; `None` if it has all the time in the world.
    pub(crate) fn as_one(&self) -> Option<Self> {
        let until = self.deadline()?;
        Some(Self { until: Some(until), ..self.clone() })
    }

    /// When a call that begins now has to end.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.until.or_else(|| self.within.map(Deadline::after))
    }

    pub(crate) fn pool(&self) -> &Pool<M> {
        &self.pool
    }

    /// The connection that was named, for work that is to run beside it.
    pub(crate) fn named(&self) -> Option<&Held<M>> {
        match &self.place {
            Place::Named(held) => Some(held),
            _ => None,
        }
    }

    /// The operation that these calls are part of.
    pub(crate) fn operation(&self) -> Option<&Operation<M>> {
        match &self.place {
            Place::Operation(operation) => Some(operation),
            _ => None,
        }
    }

    /// A connection for a call.
    pub(crate) async fn connection(&self) -> Result<Conn<M>> {
        Ok(match &self.place {
            Place::Picked => self.pool.get().await?,
            Place::Named(held) => held.ready().await?,
            Place::Operation(operation) => operation.get().await?,
            Place::Exclusive(exclusive) if self.pool.manager().is_broken(exclusive) => {
                let reason = Box::new(Error::new(Cause::HungUp));
                return Err(Error::new(Cause::Lost { written: false, reason }).on(exclusive.id()));
            }
            Place::Exclusive(exclusive) => Conn::clone(exclusive),
        })
    }

    /// A connection for a call, which has to end in time.
    pub(crate) async fn connection_in_time(&self) -> Result<Conn<M>> {
        bounded(self.deadline(), self.connection()).await
    }

    /// Runs a call that `send` makes on a connection. One that a lost connection left unwritten is made on the next, for
    /// any number of connections that others ended (as each commit of POP3 does); a written one is repeated once, if that
    /// can do no harm (rule P29).
    pub(crate) async fn attempt<T, F: Future<Output = Attempted<T>>>(
        &self,
        about: impl Fn() -> About,
        mut send: impl FnMut(Conn<M>, Option<Deadline>) -> F,
    ) -> Result<T> {
        let deadline = self.deadline();
        let (mut failures, mut repeated) = (0, false);
        loop {
            let connection = bounded(deadline, self.connection()).await;
            let connection = connection.map_err(|error| error.about(&about()))?;
            let Attempted { outcome, can_repeat } = send(connection, deadline).await;
            let error = match outcome {
                Ok(answer) => return Ok(answer),
                Err(error) => error.about(&about()),
            };
            let Cause::Lost { written, reason } = error.cause() else { return Err(error) };
            // A server that keeps silent would keep silent again, and its caller would wait twice as long as it may.
            let keeps_silent = reason.is_timeout() && !matches!(reason.cause(), Cause::Stalled { .. });
            let again = match self.place {
                Place::Exclusive(_) => false,
                _ if !can_repeat => false,
                _ if *written => {
                    error.is_harmless() && !keeps_silent && !std::mem::replace(&mut repeated, true)
                }
                // It ended as somebody wanted it to, who stood before: that is no failure.
                _ if error.is_end_of_another() => true,
                _ => failures < MOST_FAILURES,
            };
            if !again {
                return Err(error);
            }
            failures += u32::from(!error.is_end_of_another());
        }
    }
}

impl<M: Manager> Clone for Calls<M> {
    fn clone(&self) -> Self {
        let (within, until) = (self.within, self.until);
        Self { pool: self.pool.clone(), place: self.place.clone(), within, until }
    }
}

impl<M: Manager> Clone for Place<M> {
    fn clone(&self) -> Self {
        match self {
            Self::Picked => Self::Picked,
            Self::Named(held) => Self::Named(held.clone()),
            Self::Operation(operation) => Self::Operation(Arc::clone(operation)),
            Self::Exclusive(exclusive) => Self::Exclusive(Arc::clone(exclusive)),
        }
    }
}
