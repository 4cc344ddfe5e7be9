//! NAMESPACE: where the user's mailboxes are, and those of others (RFC 9051 section 6.3.10, RFC 2342).

use mail_proto::imap::{
    Capability, Command, MailboxName, Namespace, Namespaces, client::Request, response::Untagged,
};

use super::ImapClient;
use crate::error::{Cause, Error, Result};

impl ImapClient {
    /// Asks where the user's own mailboxes are, those of other users, and those shared (RFC 9051 section 6.3.10).
    ///
    /// A server without NAMESPACE has one namespace, of the user's own; its delimiter is asked for by LIST.
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// let namespaces = client.namespaces().await?;
    /// if let Some(own) = namespaces.personal.first() {
    ///     println!("prefix {:?}, delimiter {:?}", own.prefix, own.delimiter);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server refuses, or doesn't tell.
    pub async fn namespaces(&self) -> Result<Namespaces> {
        let this = self.in_one_call();
        let calls = this.calls();
        if calls.supports(&Capability::Namespace).await? {
            let request = Request::new(Command::Namespace);
            let told = calls.ask(request, "the namespaces", |data| match data {
                Untagged::Namespace(namespaces) => Some(namespaces),
                _ => None,
            });
            return told.await;
        }
        let none = || MailboxName::from("");
        let root = this.list(none(), none()).await?.into_iter().next();
        let root = root.ok_or_else(|| {
            Error::new(Cause::Unanswered("the hierarchy delimiter")).in_command("LIST", None)
        })?;
        let personal = vec![Namespace::new("", root.delimiter)];
        Ok(Namespaces { personal, ..Namespaces::default() })
    }
}
