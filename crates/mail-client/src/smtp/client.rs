//! The client: what doesn't concern one message.

use mail_proto::smtp::{Command, Extensions, Reply};

use super::{
    handles::{Connection, DefaultConnection},
    manager::SmtpManager,
};
use crate::{
    client::{About, Attempted, Calls, client_methods},
    error::{Cause, Error, Result},
};

/// One account on one server that takes mail (RFC 6409), for any number of tasks: clones are the same client.
///
/// Connections are opened as they are needed, within the quota. A call that names no connection runs on the main one,
/// one message after the other with those of all other tasks; [`send_many`](Self::send_many) takes several, and
/// [`via`](Self::via) names another.
///
/// ```no_run
/// use mail_client::smtp::{Mail, SmtpClient};
///
/// # async fn first_mail() -> mail_client::Result<()> {
/// let client = SmtpClient::builder("smtp.example.org", "kim").password("secret").build()?;
/// let mail = Mail::new("From: kim@example.org\r\nTo: bob@example.com\r\nSubject: hi\r\n\r\nHello!\r\n");
/// let sent = client.send(mail).await?;
/// println!("{}", sent.reply());
/// client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SmtpClient {
    calls: Calls<SmtpManager>,
}

client_methods! {
    SmtpClient over SmtpManager,
    path: "mail_client::smtp::SmtpClient",
    builder: "super::SmtpClientBuilder",
    deadlines: "A message that was begun is broken off, and its connection cut, unless its end was written: then the \
        error is of kind [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown).",
    begin: "let sending = client.begin_send(mail_client::smtp::Mail::new(\"From: kim@example.org\\r\\nTo: bob@example.com\\r\\n\\r\\nHello!\\r\\n\"))?;",
    end: "println!(\"{}\", sending.await?.reply());",
}

impl SmtpClient {
    /// Does nothing, and so finds out whether the connection works (RFC 5321 section 4.1.1.9).
    ///
    /// # Errors
    /// It doesn't.
    pub async fn noop(&self) -> Result<Reply> {
        self.calls.run(Command::Noop).await
    }

    /// Asks whether there is such a user or mailbox (VRFY, RFC 5321 section 4.1.1.6). Most servers answer that they
    /// don't tell (252).
    ///
    /// # Errors
    /// The server says no, or doesn't know the command; the name isn't in ASCII.
    pub async fn verify(&self, user: &str) -> Result<Reply> {
        if !user.is_ascii() {
            return Err(Error::new(Cause::Configuration("a name that is to be verified has to be in ASCII")));
        }
        self.calls.run(Command::Vrfy(user.to_owned().into())).await
    }

    /// What the server says that it can do, once logged in; nothing if it knows no EHLO.
    ///
    /// # Errors
    /// There is no connection to be had.
    pub async fn extensions(&self) -> Result<Extensions> {
        Ok(self.calls.connection_in_time().await?.extensions().clone())
    }
}

impl Calls<SmtpManager> {
    /// Runs a command that may be sent twice.
    async fn run(&self, command: Command) -> Result<Reply> {
        let about = || About { name: command.name(), subject: None, harmless: true };
        self.attempt(about, |connection, deadline| {
            let command = command.clone();
            async move { Attempted { outcome: connection.run(command, deadline).await, can_repeat: true } }
        })
        .await
    }
}
