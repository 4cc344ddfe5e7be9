//! The client: what doesn't concern one mailbox.

use std::fmt;

use mail_pool::Pool;
use mail_proto::imap::{
    Command, MailboxName,
    client::{Request, SelectedMailbox},
};

use super::{calls::Calls, handles::Connection, mailbox::Mailbox, manager::ImapManager};
use crate::error::{Cause, Error, Result};

/// One account on one server, for any number of tasks: clones are the same client.
///
/// Connections are opened as they are needed, within the quota. A call that names no connection runs on the main
/// one, together with those of all other tasks; [`via`](Self::via) names another.
///
/// ```no_run
/// use mail_client::imap::{FetchItems, ImapClient, SequenceSet};
///
/// # async fn first_mail() -> mail_client::Result<()> {
/// let client = ImapClient::builder("imap.example.org", "kim").password("secret").build()?;
/// let inbox = client.examine("INBOX").await?;
/// let mut mail = inbox.fetch(SequenceSet::all(), FetchItems::new().flags().body());
/// while let Some(message) = mail.next().await {
///     let message = message?;
///     let uid = message.uid();
///     println!("{uid}: {} bytes", message.into_body().bytes().await?.len());
/// }
/// client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ImapClient {
    calls: Calls,
}

impl ImapClient {
    pub(super) fn new(pool: Pool<ImapManager>) -> Self {
        Self { calls: Calls::new(pool) }
    }

    pub(super) fn calls(&self) -> &Calls {
        &self.calls
    }

    /// The same client, for the commands of one call, which has one deadline for them all.
    pub(super) fn in_one_call(&self) -> Self {
        self.calls.as_one().map_or_else(|| self.clone(), Self::from)
    }

    /// Opens the connection that calls without a name use, now instead of at the first call: main, or with
    /// [`Assignment::Default`](super::Assignment::Default) the caller's default. So it finds out whether the server
    /// takes the credentials.
    ///
    /// # Errors
    /// The server can't be reached, can't be trusted, or refuses the login.
    #[track_caller]
    pub fn connect(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let connected = self.calls.pool().connect();
        async move { Ok(connected.await?) }
    }

    /// The same client, whose calls run on this connection.
    #[must_use]
    pub fn via(&self, connection: &Connection) -> Self {
        Self { calls: self.calls.via(connection) }
    }

    /// Does nothing, and so finds out whether the connection works (RFC 9051 section 6.1.2).
    ///
    /// # Errors
    /// It doesn't.
    pub async fn noop(&self) -> Result<()> {
        self.calls.run(Request::new(Command::Noop)).await.map(drop)
    }

    /// Opens a mailbox to read and to change it (RFC 9051 section 6.3.2).
    ///
    /// # Errors
    /// The server refuses, as it does for a mailbox that isn't there.
    pub async fn select(&self, mailbox: impl Into<MailboxName>) -> Result<Mailbox> {
        self.open(mailbox.into(), false).await
    }

    /// Opens a mailbox to read it only: nothing in it changes (RFC 9051 section 6.3.3).
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub async fn examine(&self, mailbox: impl Into<MailboxName>) -> Result<Mailbox> {
        self.open(mailbox.into(), true).await
    }

    async fn open(&self, mailbox: MailboxName, read_only: bool) -> Result<Mailbox> {
        let command = if read_only { Command::examine(mailbox) } else { Command::select(mailbox) };
        let answer = self.calls.run(Request::new(command)).await;
        let answer = answer.map_err(|error| match error.cause().clone() {
            Cause::Refused(status) => error.with_cause(Cause::NotSelected(status)),
            _ => error,
        })?;
        let selected: Option<SelectedMailbox> = answer.completion.selected;
        match selected {
            Some(state) => Ok(Mailbox::new(self.calls.clone(), state)),
            None => Err(Error::new(Cause::NotSelected(answer.completion.status))),
        }
    }

    /// Logs every connection out, giving running commands the [grace period](super::ImapClientBuilder::grace). Calls
    /// made after it fail. Dropping the last clone of the client does the same in the background.
    pub async fn close(&self) {
        self.calls.pool().close().await;
    }
}

impl From<Calls> for ImapClient {
    fn from(calls: Calls) -> Self {
        Self { calls }
    }
}

impl fmt::Debug for ImapClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImapClient")
            .field("server", &self.calls.pool().manager().opening.target)
            .finish_non_exhaustive()
    }
}
