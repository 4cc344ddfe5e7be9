//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE: mailboxes come, go, and change their names (RFC 9051 sections 6.3.4
//! to 6.3.8).

use mail_proto::imap::{Capability, Command, MailboxAttribute, MailboxName, client::Request};

use super::ImapClient;
use crate::error::Result;

/// Mailboxes as a whole. Names are text, as people read it; a name that is no text, as a server listed it, is given as
/// [`MailboxName`].
impl ImapClient {
    /// Creates a mailbox (RFC 9051 section 6.3.4).
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// client.create_mailbox("Archive/Märkte").await?;
    /// client.subscribe("Archive/Märkte").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server refuses, with the code [`AlreadyExists`](super::ResponseCode::AlreadyExists) if there is one.
    pub async fn create_mailbox(&self, name: impl Into<MailboxName>) -> Result<()> {
        self.done(Command::create(name)).await
    }

    /// Creates a mailbox with special uses, such as [`MailboxAttribute::Archive`] (RFC 6154 section 3).
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// use mail_client::imap::MailboxAttribute;
    ///
    /// client.create_mailbox_for("Old mail", [MailboxAttribute::Archive]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if the server has no CREATE-SPECIAL-USE; it refuses, with the
    /// code [`UseAttr`](super::ResponseCode::UseAttr) if it is for the uses.
    pub async fn create_mailbox_for(
        &self,
        name: impl Into<MailboxName>,
        uses: impl IntoIterator<Item = MailboxAttribute>,
    ) -> Result<()> {
        let this = self.in_one_call();
        let (mailbox, special_use) = (name.into(), uses.into_iter().collect::<Vec<_>>());
        if !special_use.is_empty() {
            this.calls().need(Capability::CreateSpecialUse, "CREATE").await?;
        }
        this.done(Command::Create { mailbox, special_use }).await
    }

    /// Deletes a mailbox with all messages in it; those below it stay (RFC 9051 section 6.3.5).
    ///
    /// # Errors
    /// The server refuses, with the code [`NonExistent`](super::ResponseCode::NonExistent) if there is none.
    pub async fn delete_mailbox(&self, name: impl Into<MailboxName>) -> Result<()> {
        self.done(Command::Delete(name.into())).await
    }

    /// Gives a mailbox, and those below it, another name (RFC 9051 section 6.3.6). To rename the inbox moves its
    /// messages into a new mailbox and leaves it empty.
    ///
    /// # Errors
    /// The server refuses, with a code if one is not there or the other is.
    pub async fn rename_mailbox(
        &self,
        from: impl Into<MailboxName>,
        to: impl Into<MailboxName>,
    ) -> Result<()> {
        self.done(Command::Rename { from: from.into(), to: to.into() }).await
    }

    /// Puts a name on the list of mailboxes that the user wants to see (RFC 9051 section 6.3.7).
    ///
    /// # Errors
    /// The server refuses, as some do for a mailbox that isn't there.
    pub async fn subscribe(&self, name: impl Into<MailboxName>) -> Result<()> {
        self.done(Command::Subscribe(name.into())).await
    }

    /// Takes a name off the list of mailboxes that the user wants to see (RFC 9051 section 6.3.8).
    ///
    /// # Errors
    /// The server refuses, as some do for a name that isn't on it.
    pub async fn unsubscribe(&self, name: impl Into<MailboxName>) -> Result<()> {
        self.done(Command::Unsubscribe(name.into())).await
    }

    async fn done(&self, command: Command) -> Result<()> {
        self.calls().run(Request::new(command)).await.map(drop)
    }
}
