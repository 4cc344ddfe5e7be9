//! The client: what doesn't concern one mailbox.

use mail_proto::imap::{
    Command, MailboxName,
    client::{Request, SelectedMailbox},
};

use super::{
    calls::Calls,
    handles::{Connection, DefaultConnection},
    mailbox::Mailbox,
    manager::ImapManager,
};
use crate::{
    client::client_methods,
    error::{Cause, Error, Result},
};

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

client_methods! {
    ImapClient over ImapManager,
    path: "mail_client::imap::ImapClient",
    builder: "crate::imap::ImapClientBuilder",
    deadlines: "Mailboxes opened with it have the same limit for each of their calls, streams from beginning to end \
        among them, unless these are [told otherwise](crate::imap::FetchStream::deadline).",
    begin: "let counting = client.begin(|client| async move { Ok(client.examine(\"INBOX\").await?.exists()) })?;",
    end: "println!(\"{} messages\", counting.await?);",
}

impl ImapClient {
    /// The same client, for the commands of one call, which has one deadline for them all.
    pub(super) fn in_one_call(&self) -> Self {
        self.calls.as_one().map_or_else(|| self.clone(), Self::from)
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
        let selected: Option<Box<SelectedMailbox>> = answer.completion.selected;
        match selected {
            Some(state) => Ok(Mailbox::new(self.calls.clone(), *state)),
            None => Err(Error::new(Cause::NotSelected(answer.completion.status))),
        }
    }
}
