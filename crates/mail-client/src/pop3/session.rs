//! The maildrop for oneself: what is marked in it is deleted when that is committed, or not at all.

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

use mail_proto::pop3::{Capabilities, Command, DropListing};

use super::{
    Language, MessageReader, NumberedMessage, RetrieveStream, UniqueId, Which,
    client::Calls,
    connection::Tenure,
    maildrop::{Extent, Maildrop},
};
use crate::{
    client::{About, Subject},
    error::{Cause, Error, Result},
};

/// A connection for one caller alone, and with it a transaction (RFC 1939 section 6). See
/// [`Pop3Client::session`](super::Pop3Client::session).
///
/// [`delete`](Self::delete) only marks; [`commit`](Self::commit) deletes what is marked, and ends the session. However
/// else it ends nothing is deleted: dropped, the marks are taken back before the connection says goodbye; a connection
/// that is lost before the commit was written takes them with it. Nothing of a session moves to another connection:
/// once its own is lost every call fails.
///
/// ```no_run
/// # async fn example(client: mail_client::pop3::Pop3Client) -> mail_client::Result<()> {
/// use mail_client::ErrorKind;
///
/// let session = client.session().await?;
/// for uid in session.uidl().await? {
///     let message = session.retrieve(&uid).await?.bytes().await?;
///     // … once it is stored for good:
///     session.delete(&uid).await?;
/// }
/// match session.commit().await {
///     Err(error) if error.kind() == ErrorKind::OutcomeUnknown => println!("look again: {error}"),
///     outcome => outcome?,
/// }
/// # Ok(())
/// # }
/// ```
pub struct Session {
    maildrop: Maildrop,
    tenure: Tenure,
    calls: Calls,
    /// Messages that are marked, as far as is known.
    marked: AtomicUsize,
    /// Marks of which nobody waited for the server's answer.
    unsure: AtomicUsize,
}

impl Session {
    pub(super) fn new(maildrop: Maildrop, tenure: Tenure, calls: Calls) -> Self {
        let (marked, unsure) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { maildrop, tenure, calls, marked, unsure }
    }

    /// The maildrop, for one call.
    fn call(&self) -> Maildrop {
        self.maildrop.within(self.calls.deadline())
    }

    /// Does nothing, and so keeps the server from giving the session up: by the standard it may after 10 minutes.
    ///
    /// # Errors
    /// The connection was lost.
    pub async fn noop(&self) -> Result<()> {
        self.call().run(Command::Noop).await.map(drop)
    }

    /// How many messages there are that aren't marked, and their size (RFC 1939 section 5).
    ///
    /// # Errors
    /// The server refuses, or the connection was lost.
    pub async fn stat(&self) -> Result<DropListing> {
        self.call().stat().await
    }

    /// All messages that aren't marked, with their numbers in this session; names are missing from a server that has
    /// none (RFC 1939 sections 5 and 7).
    ///
    /// # Errors
    /// The server refuses, its answer can't be read, or the connection was lost.
    pub async fn list(&self) -> Result<Vec<NumberedMessage>> {
        self.call().numbered().await
    }

    /// The names of all messages, those that were marked among them (RFC 1939 section 7).
    ///
    /// # Errors
    /// As [`list`](Self::list); the server has no UIDL ([`Unsupported`](crate::ErrorKind::Unsupported)).
    pub async fn uidl(&self) -> Result<Vec<UniqueId>> {
        self.call().uidl().await
    }

    /// A message (RETR, RFC 1939 section 5), as soon as the server has begun to send it. What else is asked of the session
    /// comes behind it.
    ///
    /// # Errors
    /// There is no such message ([`Gone`](crate::ErrorKind::Gone)), or several have this name
    /// ([`Ambiguous`](crate::ErrorKind::Ambiguous)) and it has to be called by its number; the server refuses; the
    /// connection was lost.
    pub async fn retrieve(&self, which: impl Into<Which>) -> Result<MessageReader> {
        self.open(which.into(), Extent::All).await
    }

    /// The header of a message, and the first lines of its body (TOP, RFC 1939 section 7).
    ///
    /// # Errors
    /// As [`retrieve`](Self::retrieve); the server has no TOP ([`Unsupported`](crate::ErrorKind::Unsupported)).
    pub async fn top(&self, which: impl Into<Which>, lines: u32) -> Result<MessageReader> {
        self.open(which.into(), Extent::Top(lines)).await
    }

    async fn open(&self, which: Which, extent: Extent) -> Result<MessageReader> {
        let opened = self.call().open(&which, extent).await;
        opened.map_err(|error| error.about(&extent.about(&which)))
    }

    /// Many messages, asked for ahead.
    pub fn retrieve_all<W: Into<Which>>(&self, wanted: impl IntoIterator<Item = W>) -> RetrieveStream {
        RetrieveStream::of_session(self.maildrop.within(None), wanted.into_iter().map(Into::into).collect())
    }

    /// Marks a message as deleted (DELE, RFC 1939 section 5). It is deleted by [`commit`](Self::commit), and not before.
    ///
    /// # Errors
    /// As [`retrieve`](Self::retrieve). Unless the server has refused or nothing was sent, it may be marked all the same,
    /// as it may be if this future is dropped: the session then doesn't commit before an
    /// [`undelete_all`](Self::undelete_all).
    pub async fn delete(&self, which: impl Into<Which>) -> Result<()> {
        let which = which.into();
        let deleted = self.mark(&which).await;
        let subject = Some(Subject::Message(which.to_string().into()));
        deleted.map_err(|error| error.about(&About { name: "DELE", subject, harmless: false }))
    }

    async fn mark(&self, which: &Which) -> Result<()> {
        let maildrop = self.call();
        let number = maildrop.number(which).await?;
        self.unsure.fetch_add(1, Ordering::AcqRel);
        let outcome = maildrop.run(Command::Dele(number)).await.map(drop);
        let is_known =
            !matches!(outcome.as_ref().map_err(Error::cause), Err(Cause::Deadline { written: true, .. }));
        if is_known {
            self.unsure.fetch_sub(1, Ordering::AcqRel);
        }
        if outcome.is_ok() {
            self.marked.fetch_add(1, Ordering::AcqRel);
        }
        outcome
    }

    /// How many messages are marked as deleted.
    pub fn deleted(&self) -> usize {
        self.marked.load(Ordering::Acquire)
    }

    /// Takes all marks back (RSET, RFC 1939 section 5).
    ///
    /// # Errors
    /// The server refuses, or the connection was lost: then nothing is deleted either.
    pub async fn undelete_all(&self) -> Result<()> {
        self.call().run(Command::Rset).await?;
        self.marked.store(0, Ordering::Release);
        self.unsure.store(0, Ordering::Release);
        Ok(())
    }

    /// What the server can do (RFC 2449); nothing of a server that can't tell.
    ///
    /// # Errors
    /// The connection was lost.
    pub async fn capabilities(&self) -> Result<Capabilities> {
        self.call().capabilities().await
    }

    /// In which languages the server has its texts (LANG, RFC 6856 section 3).
    ///
    /// # Errors
    /// The server has no LANG ([`Unsupported`](crate::ErrorKind::Unsupported)), or the connection was lost.
    pub async fn languages(&self) -> Result<Vec<Language>> {
        self.call().languages().await
    }

    /// Deletes what is marked, and ends the session (QUIT, RFC 1939 section 6). When it returns the maildrop is free.
    ///
    /// # Errors
    /// - [`Refused`](crate::ErrorKind::Refused): the server says that it couldn't delete all of it.
    /// - [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): all was sent, and no answer came. Messages may be deleted,
    ///   all, some or none. Another session shows which are left.
    /// - [`Argument`](crate::ErrorKind::Argument): the answer to a [`delete`](Self::delete) wasn't waited for, so that it
    ///   isn't known what would be deleted. Nothing is.
    /// - All else: nothing is deleted.
    pub async fn commit(self) -> Result<()> {
        let about = About { name: "QUIT", subject: None, harmless: false };
        if self.unsure.load(Ordering::Acquire) > 0 {
            let what = "a deletion was given up before its answer: nothing is deleted";
            return Err(Error::new(Cause::Configuration(what)).about(&about));
        }
        let marked = self.deleted() > 0;
        let error = match self.call().run(Command::Quit).await {
            Ok(_) => return Ok(()),
            Err(error) => error.about(&about),
        };
        Err(match error.cause() {
            // There was nothing to lose.
            Cause::NoEffect { .. } if !marked => return Ok(()),
            Cause::Deadline { written: true, .. } if marked => {
                let (whether, reason) = ("the messages were deleted", Box::new(error.clone()));
                error.with_cause(Cause::OutcomeUnknown { whether, reason })
            }
            _ => error,
        })
    }

    /// Ends the session without deleting anything, and waits until the maildrop is free. Dropping it does the same in the
    /// background.
    pub async fn close(self) {
        self.tenure.end().await;
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("connection", &self.maildrop.connection().id())
            .field("number", &self.tenure.session)
            .field("deleted", &self.deleted())
            .finish_non_exhaustive()
    }
}
