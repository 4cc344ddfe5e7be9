//! Calls: which connection each runs on, how long it may take, and what becomes of one whose connection is lost.

use std::{future::Future, sync::Arc, time::Duration};

use mail_pool::{Conn, Exclusive, Operation, Pool};
use mail_proto::imap::{client::Request, client::SessionError};
use tokio::time::{Instant, timeout_at};

use super::{
    connection::{Answer, Deadline},
    handles::{self, Connection, Held},
    manager::ImapManager,
};
use crate::error::{Cause, Error, Result};

/// Runs calls: on the connection that was named, or on the one that the mode picks.
#[derive(Clone)]
pub(super) struct Calls {
    pool: Pool<ImapManager>,
    place: Place,
    /// How long a call may take in all.
    within: Option<Duration>,
    /// When the call has to end that these are all part of.
    until: Option<Deadline>,
}

/// Where calls run.
#[derive(Clone)]
enum Place {
    /// Wherever the mode has it.
    Picked,
    Named(Held),
    Operation(Arc<Operation<ImapManager>>),
    Exclusive(Arc<Exclusive<ImapManager>>),
}

/// An unwritten command survives this many lost connections in a row.
const MOST_FAILURES: u32 = 3;

impl Calls {
    pub(super) fn new(pool: Pool<ImapManager>) -> Self {
        Self { pool, place: Place::Picked, within: None, until: None }
    }

    pub(super) fn via(&self, connection: &Connection) -> Self {
        Self { place: Place::Named(Arc::clone(connection.held())), ..self.clone() }
    }

    pub(super) fn on_operation(&self, operation: Arc<Operation<ImapManager>>) -> Self {
        Self { place: Place::Operation(operation), ..self.clone() }
    }

    pub(super) fn on_exclusive(&self, exclusive: Arc<Exclusive<ImapManager>>) -> Self {
        Self { place: Place::Exclusive(exclusive), ..self.clone() }
    }

    pub(super) fn within(&self, limit: Option<Duration>) -> Self {
        Self { within: limit, ..self.clone() }
    }

    /// The same calls as parts of one, whose time runs from now; `None` if it has all the time in the world.
    pub(super) fn as_one(&self) -> Option<Self> {
        let until = self.deadline()?;
        Some(Self { until: Some(until), ..self.clone() })
    }

    /// When a call that begins now has to end.
    fn deadline(&self) -> Option<Deadline> {
        self.until.or_else(|| self.within.map(Deadline::after))
    }

    pub(super) fn pool(&self) -> &Pool<ImapManager> {
        &self.pool
    }

    /// The connection that was named, for work that is to run beside it.
    pub(super) fn named(&self) -> Option<&Held> {
        match &self.place {
            Place::Named(held) => Some(held),
            _ => None,
        }
    }

    /// The operation that these calls are part of.
    pub(super) fn operation(&self) -> Option<&Operation<ImapManager>> {
        match &self.place {
            Place::Operation(operation) => Some(operation),
            _ => None,
        }
    }

    /// A connection for a call.
    pub(super) async fn connection(&self) -> Result<Conn<ImapManager>> {
        Ok(match &self.place {
            Place::Picked => self.pool.get().await?,
            Place::Named(held) => handles::ready(held).await?,
            Place::Operation(operation) => operation.get().await?,
            Place::Exclusive(exclusive) if exclusive.is_broken() => {
                let reason = Box::new(Error::from(SessionError::Closed));
                return Err(Error::new(Cause::Lost { written: false, reason }).on(exclusive.id()));
            }
            Place::Exclusive(exclusive) => Conn::clone(exclusive),
        })
    }

    /// A connection for a call, which has to end in time.
    pub(super) async fn connection_in_time(&self) -> Result<Conn<ImapManager>> {
        bounded(self.deadline(), self.connection()).await
    }

    /// Runs a command. One that a lost connection left unwritten runs on the next; a written one is repeated once, if
    /// that can do no harm (rule P29).
    pub(super) async fn run(&self, request: Request) -> Result<Answer> {
        self.run_with(&request, |connection, deadline| {
            let request = request.clone();
            async move { (connection.run(request, deadline).await, true) }
        })
        .await
    }

    /// Runs a command that `send` sends on a connection. That says, beside the outcome, whether it could send it again.
    pub(super) async fn run_with<F: Future<Output = (Result<Answer>, bool)>>(
        &self,
        request: &Request,
        mut send: impl FnMut(Conn<ImapManager>, Option<Deadline>) -> F,
    ) -> Result<Answer> {
        let deadline = self.deadline();
        let (mut failures, mut repeated) = (0, false);
        loop {
            let connection = bounded(deadline, self.connection()).await;
            let connection = connection.map_err(|error| error.about(&request.command().into()))?;
            let (outcome, can_repeat) = send(connection, deadline).await;
            let error = match outcome {
                Ok(answer) => return Ok(answer),
                Err(error) => error.about(&request.command().into()),
            };
            let Cause::Lost { written, reason } = error.cause() else { return Err(error) };
            // A server that keeps silent would keep silent again, and its caller would wait twice as long as it may.
            let again = match self.place {
                Place::Exclusive(_) => false,
                _ if !can_repeat => false,
                _ if *written => {
                    error.is_harmless() && !reason.is_timeout() && !std::mem::replace(&mut repeated, true)
                }
                _ => failures < MOST_FAILURES,
            };
            if !again {
                return Err(error);
            }
            failures += 1;
        }
    }
}

/// Waits until the deadline of a call of which nothing was written yet.
async fn bounded<T>(deadline: Option<Deadline>, future: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(deadline) = deadline else { return future.await };
    match timeout_at(deadline.at, future).await {
        Ok(result) => result,
        Err(_) => Err(deadline.passed(false)),
    }
}

impl Deadline {
    fn after(within: Duration) -> Self {
        // What can't be told in time is never.
        let never = Duration::from_secs(86_400 * 365 * 30);
        let now = Instant::now();
        Self { at: now.checked_add(within).unwrap_or(now + never), within }
    }
}
