//! Calls: which connection each runs on, and what becomes of one whose connection is lost.

use std::{fmt, sync::Arc};

use mail_pool::{Conn, Pool};
use mail_proto::imap::{Command, client::Request};

use super::{connection::Answer, manager::ImapManager};
use crate::error::{Cause, Error, Result};

/// Runs calls: on the connection that was named, or on the one that the mode picks.
#[derive(Clone)]
pub(super) struct Calls {
    pool: Pool<ImapManager>,
    /// The connection that was named.
    named: Option<Connection>,
}

/// A connection that belongs to nobody and serves only the calls that name it. Dropping the last clone gives it back.
#[derive(Clone)]
pub struct Connection(Arc<mail_pool::Connection<ImapManager>>);

impl Connection {
    pub(super) fn new(connection: mail_pool::Connection<ImapManager>) -> Self {
        Self(Arc::new(connection))
    }
}

impl Calls {
    pub(super) fn new(pool: Pool<ImapManager>) -> Self {
        Self { pool, named: None }
    }

    pub(super) fn via(&self, connection: &Connection) -> Self {
        Self { pool: self.pool.clone(), named: Some(connection.clone()) }
    }

    pub(super) fn pool(&self) -> &Pool<ImapManager> {
        &self.pool
    }

    /// A connection for a call.
    pub(super) async fn connection(&self) -> Result<Conn<ImapManager>> {
        Ok(match &self.named {
            Some(connection) => connection.0.get().await?,
            None => self.pool.get().await?,
        })
    }

    /// Runs a command. One that a lost connection left undone is repeated once, if that can do no harm (rule P29).
    pub(super) async fn run(&self, request: Request) -> Result<Answer> {
        let first = self.connection().await?.run(request.clone()).await;
        match first {
            Err(error) if may_repeat(&error, request.command()) => {
                self.connection().await?.run(request).await
            }
            answer => answer,
        }
    }
}

/// Whether the command can be sent again: it was never written, or sending it twice is as good as once.
fn may_repeat(error: &Error, command: &Command) -> bool {
    let Cause::Lost { written, reason } = error.cause() else { return false };
    let harmless = matches!(
        command,
        Command::Noop
            | Command::Capability
            | Command::Id(_)
            | Command::Namespace
            | Command::List { .. }
            | Command::Status { .. }
            | Command::Search { .. }
    );
    // A server that keeps silent would keep silent again, and its caller would wait twice as long as it may.
    !written || (harmless && !reason.is_timeout())
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("kind", &self.0.kind()).finish_non_exhaustive()
    }
}
