//! A mailbox that was opened.

use std::{borrow::Cow, fmt};

use mail_proto::imap::{
    Command, Flag, MailboxName, SequenceSet,
    client::{Request, SelectedMailbox, Selection},
    response::Untagged,
};
use tokio::time::Instant;

use super::{
    calls::Calls,
    connection::Answer,
    fetch::{FetchItems, FetchStream},
    handles::Connection,
};
use crate::{client::Pending, error::Result};

/// A mailbox that was opened by [`ImapClient::select`](super::ImapClient::select) or
/// [`ImapClient::examine`](super::ImapClient::examine).
///
/// It names its mailbox in each operation: whatever other tasks do on the same connection, a command runs with this
/// mailbox selected, read-only or not as it was opened, or not at all. If the server has made another mailbox of it
/// meanwhile (a new UIDVALIDITY), its operations fail.
///
/// What it knows is what its selection said, at [`selected_at`](Self::selected_at).
#[derive(Clone)]
pub struct Mailbox {
    calls: Calls,
    state: SelectedMailbox,
    selected_at: Instant,
}

impl Mailbox {
    pub(super) fn new(calls: Calls, state: SelectedMailbox) -> Self {
        Self { calls, state, selected_at: Instant::now() }
    }

    pub(super) fn calls(&self) -> &Calls {
        &self.calls
    }

    pub(super) fn with_calls(self, calls: Calls) -> Self {
        Self { calls, ..self }
    }

    /// Its name.
    pub fn name(&self) -> &MailboxName {
        &self.state.mailbox
    }

    /// How many messages it had.
    pub fn exists(&self) -> u32 {
        self.state.exists
    }

    /// The value that its UIDs belong to; `None` if the server keeps none.
    pub fn uid_validity(&self) -> Option<u32> {
        self.state.uid_validity
    }

    /// The UID that its next message was to have at least.
    pub fn uid_next(&self) -> Option<u32> {
        self.state.uid_next
    }

    /// The highest mod-sequence in it (RFC 7162).
    pub fn highest_mod_seq(&self) -> Option<u64> {
        self.state.highest_mod_seq
    }

    /// The flags that its messages may have.
    pub fn flags(&self) -> &[Flag] {
        &self.state.flags
    }

    /// Those of them that can be changed for good; `None` if the server doesn't say.
    pub fn permanent_flags(&self) -> Option<&[Flag]> {
        self.state.permanent_flags.as_deref()
    }

    /// Whether nothing in it can be changed.
    pub fn is_read_only(&self) -> bool {
        self.state.read_only
    }

    /// When the selection was answered that all this is known from.
    pub fn selected_at(&self) -> std::time::Instant {
        self.selected_at.into_std()
    }

    /// The same mailbox, whose operations run on this connection.
    #[must_use]
    pub fn via(&self, connection: &Connection) -> Self {
        Self { calls: self.calls.via(connection.held()), ..self.clone() }
    }

    /// Fetches messages by UID, as a stream in the order in which the server sends them. A UID that has no message is
    /// passed over. Nothing is asked for before the stream is read. Of a set with `*` in it, or with far more numbers
    /// than there are messages, the server is asked first which messages it has, where portions are wanted: for bodies,
    /// and over several connections.
    ///
    /// Bodies are read without setting `\Seen`.
    pub fn fetch(&self, uids: impl Into<SequenceSet>, items: FetchItems) -> FetchStream {
        FetchStream::new(self.calls.clone(), self.selection(), self.exists(), uids.into(), items)
    }

    /// Begins an operation on this mailbox in the background, as [`ImapClient::begin`](super::ImapClient::begin) does: it
    /// is handed the mailbox, whose operations select it on the operation's own connection.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn begin<T, F, R>(&self, operation: F) -> Result<Pending<T>>
    where
        F: FnOnce(Self) -> R + Send + 'static,
        R: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let mailbox = self.clone();
        self.calls().begin(None, move |calls| operation(mailbox.with_calls(calls)))
    }

    /// The same mailbox, for the commands of one call, which has one deadline for them all.
    pub(super) fn in_one_call(&self) -> Cow<'_, Self> {
        match self.calls.as_one() {
            Some(calls) => Cow::Owned(self.clone().with_calls(calls)),
            None => Cow::Borrowed(self),
        }
    }

    /// Runs a command with this mailbox selected.
    pub(super) async fn run(&self, command: Command) -> Result<Answer> {
        self.calls.run(Request::on(self.selection(), command)).await
    }

    /// Runs a command that asks for any number of things in this mailbox, of which none may be missing.
    pub(super) async fn ask_all(&self, command: Command) -> Result<Vec<Untagged>> {
        let name = command.name();
        let told = self.calls.ask_all(Request::on(self.selection(), command)).await;
        told.map_err(|error| error.in_command(name, Some(self.name())))
    }

    /// What a command needs selected to be about this mailbox.
    pub(super) fn selection(&self) -> Selection {
        Selection {
            mailbox: self.state.mailbox.clone(),
            read_only: self.state.examined,
            uid_validity: self.state.uid_validity,
        }
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("state", &self.state).finish_non_exhaustive()
    }
}
