//! The client: what needs no session.

use mail_proto::pop3::{Capabilities, Command, DropListing};
use tokio::time::Instant;

use super::{
    Language, ListedMessage, MessageReader, RetrieveStream, Session, UniqueId, Which,
    connection::Caller,
    handles::{Connection, DefaultConnection},
    maildrop::{Extent, Maildrop},
    manager::Pop3Manager,
};
use crate::{
    client::{About, Attempted, client_methods},
    error::Result,
};

/// Runs calls: on the connection that was named, or on the one that the mode picks.
pub(super) type Calls = crate::client::Calls<Pop3Manager>;

/// One account on one server, for any number of tasks: clones are the same client.
///
/// A server lets one program at a time into a maildrop (RFC 1939 section 4), so there is one connection unless
/// [told otherwise](super::Pop3ClientBuilder::max_connections), which all tasks share. It is opened at the first call, and
/// closed soon after the last, since it keeps others out and doesn't see new mail: the next call opens another.
///
/// Calls of the client read. What deletes is a transaction that somebody has for himself, a [`Session`]. Messages are
/// called by the names that they keep ([`UniqueId`]), never by the numbers that they have in one session.
///
/// ```no_run
/// use mail_client::pop3::Pop3Client;
///
/// # async fn first_mail() -> mail_client::Result<()> {
/// let client = Pop3Client::builder("pop.example.org", "kim").password("secret").build()?;
/// for message in client.list().await? {
///     println!("{}: {} bytes", message.uid, message.octets);
///     let _text = client.retrieve(&message.uid).await?.bytes().await?;
/// }
/// client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Pop3Client {
    calls: Calls,
}

client_methods! {
    Pop3Client over Pop3Manager,
    path: "mail_client::pop3::Pop3Client",
    builder: "crate::pop3::Pop3ClientBuilder",
    deadlines: "Sessions begun with it have the same limit for each of their calls. Messages, once they have begun, take \
        as long as they are read.",
    begin: "let counting = client.begin(|client| async move { Ok(client.stat().await?.count) })?;",
    end: "println!(\"{} messages\", counting.await?);",
}

impl Pop3Client {
    /// Does something that only reads, and names a command for its errors.
    async fn read<T, F: Future<Output = Result<T>>>(
        &self,
        name: &'static str,
        read: impl Fn(Maildrop) -> F,
    ) -> Result<T> {
        self.attempt(|| About { name, subject: None, harmless: true }, read).await
    }

    /// The maildrop is given by value: a future that borrowed it couldn't be seen to be [`Send`] where callers box or
    /// spawn theirs.
    async fn attempt<T, F: Future<Output = Result<T>>>(
        &self,
        about: impl Fn() -> About,
        read: impl Fn(Maildrop) -> F,
    ) -> Result<T> {
        let (read, since) = (&read, Instant::now());
        self.calls()
            .attempt(about, |connection, deadline| async move {
                let maildrop = Maildrop::new(connection, Caller::Anyone, deadline).since(since);
                Attempted { outcome: read(maildrop).await, can_repeat: true }
            })
            .await
    }

    /// Does nothing, and so finds out whether the connection works (RFC 1939 section 5).
    ///
    /// # Errors
    /// It doesn't.
    pub async fn noop(&self) -> Result<()> {
        self.read("NOOP", |maildrop| async move { maildrop.run(Command::Noop).await.map(drop) }).await
    }

    /// How many messages there are, and their size (RFC 1939 section 5).
    ///
    /// # Errors
    /// The server can't be reached, or refuses.
    pub async fn stat(&self) -> Result<DropListing> {
        self.read("STAT", |maildrop| async move { maildrop.stat().await }).await
    }

    /// All messages, with their names and sizes (LIST and UIDL, RFC 1939 sections 5 and 7).
    ///
    /// The maildrop is as it was when the connection was opened: what has come since shows once it was closed, which it is
    /// after a [while](super::Pop3ClientBuilder::idle_timeout) without a call.
    ///
    /// # Errors
    /// The server can't be reached, or refuses; it has no UIDL ([`Unsupported`](crate::ErrorKind::Unsupported)), and its
    /// messages can only be called by numbers in a [`Session`]; its answer can't be read.
    pub async fn list(&self) -> Result<Vec<ListedMessage>> {
        self.read("LIST", |maildrop| async move { maildrop.list().await }).await
    }

    /// The names of all messages (UIDL, RFC 1939 section 7).
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn uidl(&self) -> Result<Vec<UniqueId>> {
        self.read("UIDL", |maildrop| async move { maildrop.uidl().await }).await
    }

    /// A message (RETR, RFC 1939 section 5), as soon as the server has begun to send it. Others that use the same
    /// connection wait until it is read.
    ///
    /// # Errors
    /// - The server can't be reached, or refuses.
    /// - [`Gone`](crate::ErrorKind::Gone): there is no message of this name, or not yet.
    /// - [`Ambiguous`](crate::ErrorKind::Ambiguous): several have this name, as copies of one message may. They can be
    ///   called by their numbers in a [`Session`].
    pub async fn retrieve(&self, uid: impl Into<UniqueId>) -> Result<MessageReader> {
        self.open(uid.into(), Extent::All).await
    }

    /// The header of a message, and the first lines of its body (TOP, RFC 1939 section 7).
    ///
    /// # Errors
    /// As [`retrieve`](Self::retrieve); the server has no TOP ([`Unsupported`](crate::ErrorKind::Unsupported)).
    pub async fn top(&self, uid: impl Into<UniqueId>, lines: u32) -> Result<MessageReader> {
        self.open(uid.into(), Extent::Top(lines)).await
    }

    async fn open(&self, uid: UniqueId, extent: Extent) -> Result<MessageReader> {
        let which = &Which::Unique(uid);
        self.attempt(|| extent.about(which), |maildrop| async move { maildrop.open(which, extent).await })
            .await
    }

    /// Many messages, in this order, asked for ahead. A connection that is lost on the way is replaced.
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::pop3::Pop3Client) -> mail_client::Result<()> {
    /// let mut mail = client.retrieve_all(client.uidl().await?);
    /// while let Some(message) = mail.next().await {
    ///     let message = message?;
    ///     println!("{}: {} bytes", message.which, message.content.bytes().await?.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn retrieve_all<U: Into<UniqueId>>(&self, wanted: impl IntoIterator<Item = U>) -> RetrieveStream {
        let wanted = wanted.into_iter().map(|uid| Which::Unique(uid.into())).collect();
        RetrieveStream::of_calls(self.calls().clone(), wanted)
    }

    /// What the server can do (CAPA, RFC 2449); nothing of a server that can't tell.
    ///
    /// # Errors
    /// The server can't be reached.
    pub async fn capabilities(&self) -> Result<Capabilities> {
        self.read("CAPA", |maildrop| async move { maildrop.capabilities().await }).await
    }

    /// In which languages the server has its texts (LANG, RFC 6856 section 3).
    /// [`language`](super::Pop3ClientBuilder::language) picks one.
    ///
    /// # Errors
    /// The server can't be reached, or has no LANG ([`Unsupported`](crate::ErrorKind::Unsupported)).
    pub async fn languages(&self) -> Result<Vec<Language>> {
        self.read("LANG", |maildrop| async move { maildrop.languages().await }).await
    }

    /// The maildrop for oneself, on the connection that a call without a name runs on: once what others have asked of it
    /// before is done, and until the [`Session`] ends. Others wait for that no longer than the
    /// [acquire timeout](super::Pop3ClientBuilder::acquire_timeout).
    ///
    /// # Errors
    /// The server can't be reached; the caller has a session on this connection already; another has it for too long.
    pub async fn session(&self) -> Result<Session> {
        let about = || About { name: "session", subject: None, harmless: true };
        let since = Instant::now();
        self.calls()
            .attempt(about, |connection, deadline| async move {
                let using = connection.enter();
                let outcome = connection.begin(since, deadline).await.map(|tenure| {
                    let caller = Caller::Session(tenure.session);
                    let maildrop = Maildrop::new(connection, caller, None);
                    Session::new(maildrop, tenure, self.calls().clone())
                });
                drop(using);
                Attempted { outcome, can_repeat: true }
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use futures_core::future::BoxFuture;

    use super::*;

    /// Compiles only if all of it is [`Send`].
    fn boxed(client: &Pop3Client) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            client.noop().await?;
            client.stat().await?;
            client.uidl().await?;
            client.languages().await?;
            client.capabilities().await?;
            for message in client.list().await? {
                client.top(&message.uid, 0).await?.bytes().await?;
                client.retrieve(&message.uid).await?.bytes().await?;
            }
            client.session().await?.commit().await
        })
    }

    #[test]
    fn calls_can_be_boxed_and_spawned() {
        let _ = boxed;
    }
}
