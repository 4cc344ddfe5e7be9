//! What the server can do (RFC 9051 sections 6.1.1 and 7.2.2), and calls that need it.

use mail_proto::imap::{Capabilities, Capability, Command, client::Request, response::Untagged};

use super::{ImapClient, calls::Calls};
use crate::error::{Cause, Error, Result};

impl Calls {
    /// Whether the server has this extension.
    pub(super) async fn supports(&self, capability: &Capability) -> Result<bool> {
        Ok(self.connection_in_time().await?.capabilities().supports(capability))
    }

    /// Fails, before anything is sent, unless the server has this extension, which this command needs.
    pub(super) async fn need(&self, capability: Capability, command: &'static str) -> Result<()> {
        if self.supports(&capability).await? {
            return Ok(());
        }
        Err(self.unsupported(capability, command))
    }

    /// The error of a command that needs an extension which the server lacks.
    pub(super) fn unsupported(&self, capability: Capability, command: &'static str) -> Error {
        self.here(Error::new(Cause::Unsupported(capability))).in_command(command, None)
    }
}

impl ImapClient {
    /// What the server can do, as it says when asked (RFC 9051 section 6.1.1).
    ///
    /// Operations that need an extension ask for themselves: those that can do without have the same result either
    /// way, and the others fail with [`Unsupported`](crate::ErrorKind::Unsupported).
    ///
    /// ```no_run
    /// use mail_client::imap::{Capability, ImapClient};
    ///
    /// # async fn example(client: ImapClient) -> mail_client::Result<()> {
    /// if client.capabilities().await?.supports(&Capability::Sort) {
    ///     println!("the server sorts");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server can't be reached, refuses, or doesn't say.
    pub async fn capabilities(&self) -> Result<Capabilities> {
        let request = Request::new(Command::Capability);
        self.calls()
            .ask(request, "what it can do", |data| match data {
                Untagged::Capability(capabilities) => Some(capabilities),
                _ => None,
            })
            .await
    }

    /// What was switched on after the login by ENABLE (RFC 5161), of what the
    /// [builder](crate::imap::ImapClientBuilder) asks for: what the server has and agreed to, on the connection that a
    /// call runs on now. It is the same on all, unless the server has changed its mind since it was opened. Nothing is
    /// sent for it.
    ///
    /// ```no_run
    /// use mail_client::imap::{Capability, ImapClient};
    ///
    /// # async fn example(client: ImapClient) -> mail_client::Result<()> {
    /// let is_utf8 = client.enabled().await?.has(&Capability::Utf8Accept);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// There is no connection, and none can be opened.
    pub async fn enabled(&self) -> Result<Capabilities> {
        Ok(self.calls().connection_in_time().await?.enabled().clone())
    }
}
