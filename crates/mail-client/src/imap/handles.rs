//! Connections that somebody holds: one's own, the context's default, and one for oneself alone.

use std::{fmt, sync::Arc};

use mail_pool::Conn;
use mail_proto::imap::{Command, Status, client::Request, response::Untagged};
use tokio::sync::RwLock;

use super::{client::ImapClient, connection::Answer, manager::ImapManager};
use crate::error::{Cause, Error, Result};

/// A connection that belongs to nobody and serves only the calls that name it, with
/// [`ImapClient::via`](super::ImapClient::via) or [`Mailbox::via`](super::Mailbox::via).
///
/// Clones are the same connection, and so are the clients and mailboxes made with them: when the last is dropped, the
/// connection goes back to the pool. It keeps its place there when it is lost, and is opened anew at the next call.
#[derive(Clone)]
pub struct Connection(Held);

/// Empty once it was closed.
pub(super) type Held = Arc<RwLock<Option<mail_pool::Connection<ImapManager>>>>;

impl Connection {
    pub(super) fn new(connection: mail_pool::Connection<ImapManager>) -> Self {
        Self(Arc::new(RwLock::new(Some(connection))))
    }

    pub(super) fn held(&self) -> &Held {
        &self.0
    }

    /// Its number, which log events and errors carry; `None` while it is lost, or once it was closed.
    pub async fn id(&self) -> Option<u64> {
        self.0.read().await.as_ref()?.id()
    }

    /// Logs it out, once no command of it runs any more, and cuts it if that takes longer than 5 s. Calls that still
    /// name it fail.
    pub async fn close(self) {
        let held = self.0.write().await.take();
        if let Some(connection) = held {
            connection.close().await;
        }
    }
}

/// The connection as somebody who names it gets it.
pub(super) async fn ready(held: &Held) -> Result<Conn<ImapManager>> {
    Ok(open(held.read().await.as_ref())?.get().await?)
}

/// The connection, unless it was closed.
pub(super) fn open(
    held: Option<&mail_pool::Connection<ImapManager>>,
) -> Result<&mail_pool::Connection<ImapManager>> {
    held.ok_or_else(|| Error::new(Cause::ConnectionClosed))
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.0.try_read().ok().and_then(|held| held.as_ref()?.id());
        f.debug_struct("Connection").field("id", &id).finish_non_exhaustive()
    }
}

/// The default connection of the task that made it, or outside any task of the thread: its calls that name no
/// connection run here, and nobody else's do. Dropping it, wherever, gives the connection back to the pool.
#[derive(Debug)]
pub struct DefaultConnection(mail_pool::DefaultConnection<ImapManager>);

impl DefaultConnection {
    pub(super) fn new(connection: mail_pool::DefaultConnection<ImapManager>) -> Self {
        Self(connection)
    }

    /// Its number, which log events and errors carry; `None` while it is lost.
    pub fn id(&self) -> Option<u64> {
        self.0.id()
    }

    /// Ends being a default, logs out once no command of it runs any more, and cuts if that takes longer than 5 s.
    pub async fn close(self) {
        self.0.close().await;
    }
}

/// A connection for one caller alone. See [`ImapClient::exclusive`].
///
/// What is lost with it isn't repeated, and it isn't opened anew: every call after that fails.
pub struct Exclusive {
    client: ImapClient,
}

/// What a server said to a [command](Exclusive::run).
#[derive(Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The end: an OK.
    pub status: Status,
    /// What came before it.
    pub data: Vec<Untagged>,
}

impl ImapClient {
    /// The connection for oneself alone: until the guard is dropped, others who name it wait, and one's own calls that
    /// name it without the guard fail. It is then closed, since nobody else can know what was done to it. Commands that
    /// run already aren't waited for.
    ///
    /// # Errors
    /// It was lost and can't be opened anew, or it was closed.
    pub async fn exclusive(&self, connection: &Connection) -> Result<Exclusive> {
        let exclusive = open(connection.held().read().await.as_ref())?.exclusive().await?;
        Ok(Exclusive { client: Self::from(self.calls().on_exclusive(Arc::new(exclusive))) })
    }
}

impl Exclusive {
    /// The client whose calls run on this connection. It doesn't outlive the guard: its clones, and what is made with
    /// them, keep the connection from the others.
    pub fn client(&self) -> &ImapClient {
        &self.client
    }

    /// Runs any command, in whatever state the connection is: sequence numbers mean what they meant to the command
    /// before, since nobody else's is in between.
    ///
    /// # Errors
    /// The server refuses, or the connection was lost.
    pub async fn run(&self, command: Command) -> Result<Reply> {
        let Answer { completion, data } = self.client.calls().run(Request::new(command)).await?;
        Ok(Reply { status: completion.status, data })
    }
}

impl fmt::Debug for Exclusive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exclusive").field("client", &self.client).finish()
    }
}
