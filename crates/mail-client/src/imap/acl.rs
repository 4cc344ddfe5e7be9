//! ACL: who may do what in a mailbox (RFC 4314).

use bytes::Bytes;
use mail_proto::imap::{
    Acl, Capability, Command, ListRights, MailboxName, Rights, RightsChange, client::Request,
    response::Untagged,
};

use super::ImapClient;
use crate::error::Result;

/// Rights. All of it fails with [`Unsupported`](crate::ErrorKind::Unsupported) on a server without ACL.
impl ImapClient {
    /// Asks who may do what in a mailbox (GETACL, RFC 4314 section 3.3), for which one has to administer it.
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// for (who, rights) in client.acl("Projects").await?.entries {
    ///     println!("{} may insert: {}", String::from_utf8_lossy(&who), rights.has(b'i'));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server refuses, or doesn't tell.
    pub async fn acl(&self, mailbox: impl Into<MailboxName>) -> Result<Acl> {
        let mailbox = mailbox.into();
        let told = self.ask_for_rights(Command::GetAcl(mailbox), |data| match data {
            Untagged::Acl(acl) => Some(acl),
            _ => None,
        });
        told.await
    }

    /// Gives rights to somebody, or takes them away (SETACL, RFC 4314 section 3.1).
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// use mail_client::imap::{Rights, RightsChange};
    ///
    /// client.set_acl("Projects", "toni", RightsChange::Add(Rights::new("lrs"))).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server refuses, as it does for rights that it doesn't know.
    pub async fn set_acl(
        &self,
        mailbox: impl Into<MailboxName>,
        identifier: impl Into<Bytes>,
        change: RightsChange,
    ) -> Result<()> {
        let (mailbox, identifier) = (mailbox.into(), identifier.into());
        self.change_rights(Command::SetAcl { mailbox, identifier, change }).await
    }

    /// Removes somebody's entry, so that only what holds for everybody holds for them (DELETEACL, RFC 4314 section
    /// 3.2).
    ///
    /// # Errors
    /// The server refuses.
    pub async fn delete_acl(
        &self,
        mailbox: impl Into<MailboxName>,
        identifier: impl Into<Bytes>,
    ) -> Result<()> {
        let (mailbox, identifier) = (mailbox.into(), identifier.into());
        self.change_rights(Command::DeleteAcl { mailbox, identifier }).await
    }

    /// Asks which rights somebody can be given in a mailbox (LISTRIGHTS, RFC 4314 section 3.4).
    ///
    /// # Errors
    /// The server refuses, or doesn't tell.
    pub async fn list_rights(
        &self,
        mailbox: impl Into<MailboxName>,
        identifier: impl Into<Bytes>,
    ) -> Result<ListRights> {
        let (mailbox, identifier) = (mailbox.into(), identifier.into());
        let told = self.ask_for_rights(Command::ListRights { mailbox, identifier }, |data| match data {
            Untagged::ListRights(rights) => Some(rights),
            _ => None,
        });
        told.await
    }

    /// Asks what the user may do in a mailbox (MYRIGHTS, RFC 4314 section 3.5).
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// if !client.my_rights("Projects").await?.has(b't') {
    ///     println!("messages can't be deleted there");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server refuses, or doesn't tell.
    pub async fn my_rights(&self, mailbox: impl Into<MailboxName>) -> Result<Rights> {
        let mailbox = mailbox.into();
        let told = self.ask_for_rights(Command::MyRights(mailbox), |data| match data {
            Untagged::MyRights(told) => Some(told.rights),
            _ => None,
        });
        told.await
    }

    async fn change_rights(&self, command: Command) -> Result<()> {
        let this = self.in_one_call();
        this.calls().need(Capability::Acl, command.name()).await?;
        this.calls().run(Request::new(command)).await.map(drop)
    }

    async fn ask_for_rights<T>(
        &self,
        command: Command,
        pick: impl FnMut(Untagged) -> Option<T>,
    ) -> Result<T> {
        let this = self.in_one_call();
        this.calls().need(Capability::Acl, command.name()).await?;
        this.calls().ask(Request::new(command), "the rights", pick).await
    }
}
