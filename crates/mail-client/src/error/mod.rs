//! What can go wrong, and what to do about it.

mod cause;
mod display;
mod questions;
mod session_end;

use std::{fmt::Display, sync::Arc, time::Duration};

use mail_proto::{imap, pop3, smtp};

pub(crate) use self::{
    cause::Cause,
    session_end::{End, SessionEnd},
};
use crate::{
    client::About,
    smtp::RecipientOutcome,
    transport::{self, Target},
};

/// The result of an operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation failed. Prints as one line that says where, what and why; ask it what to do.
///
/// Cheap to clone: one failure may be many callers'.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    cause: Cause,
    server: Option<Target>,
    connection: Option<u64>,
    command: Option<Box<str>>,
    /// Whether the command may be sent twice.
    harmless: bool,
    /// How much of some content was read before.
    offset: Option<u64>,
    /// For how long the server wants to be left alone.
    retry_in: Option<Duration>,
    /// What became of each who was to get a message.
    recipients: Box<[RecipientOutcome]>,
}

/// What kind of failure an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The server couldn't be reached, or TLS with it failed.
    Transport,
    /// The server turned the login down, whatever for.
    Login,
    /// The server answered NO or BAD, -ERR, or a number from 400 on.
    Refused,
    /// The server doesn't search for text in UTF-8. Its [code](Error::code) may name charsets that it does know.
    BadCharset,
    /// The server lacks an extension; nothing was sent. [`Error::missing`] names it.
    Unsupported,
    /// The mailbox was opened to be read only; nothing was sent.
    ReadOnly,
    /// The messages lie in the other mailbox, and in this one still. [`Error::copied`] tells their UIDs.
    CopiedNotRemoved,
    /// The mailbox can't be selected.
    Mailbox,
    /// The mailbox isn't the one it was: its UIDs mean other messages now.
    UidValidityChanged,
    /// The message was removed before its body could be had.
    Gone,
    /// Several messages have the name that was to mean one.
    Ambiguous,
    /// The answer is larger than any that makes sense.
    TooMuch,
    /// The connection ended before the answer.
    ConnectionLost,
    /// The connection ended when all was written that a change for good needs, and before the answer: it may have
    /// been made, or not. Look before doing it again.
    OutcomeUnknown,
    /// Nothing came for too long.
    TimedOut,
    /// A stream of this connection was not read while others waited behind it.
    ReaderStalled,
    /// The server doesn't keep to the protocol.
    Protocol,
    /// An argument can't be sent to any server.
    Argument,
    /// The rules of the connection pool forbid it, or it had no connection to give in time.
    Pool,
    /// The client was closed.
    Closed,
    /// A [blocking](crate::blocking) call can't wait here: inside an async task, in a process that was forked off, at
    /// the very end of a thread, or where none can be started for it. Nothing was sent.
    CannotBlock,
}

impl Error {
    pub(crate) fn new(cause: Cause) -> Self {
        Self(Arc::new(Inner {
            cause,
            server: None,
            connection: None,
            command: None,
            harmless: false,
            offset: None,
            retry_in: None,
            recipients: Box::default(),
        }))
    }

    /// A body ended before its announced length.
    pub(crate) fn cut_short(offset: u64, len: u64) -> Self {
        Self::new(Cause::CutShort { len }).with_offset(offset)
    }

    /// The same error, with another cause.
    pub(crate) fn with_cause(self, cause: Cause) -> Self {
        self.with(|inner| inner.cause = cause)
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    pub(crate) fn at(self, server: &Target) -> Self {
        self.with(|inner| inner.server = Some(server.clone()))
    }

    pub(crate) fn on(self, connection: u64) -> Self {
        self.with(|inner| inner.connection = Some(connection))
    }

    pub(crate) fn in_command(self, name: &str, subject: Option<&dyn Display>) -> Self {
        self.with(|inner| {
            inner.command = Some(match subject {
                Some(subject) => format!("{name} {subject}").into(),
                None => name.into(),
            });
        })
    }

    /// The command that it ended.
    pub(crate) fn about(self, about: &About) -> Self {
        let error = self.in_command(about.name, about.subject.as_ref().map(|subject| subject as _));
        error.with(|inner| inner.harmless = about.harmless)
    }

    /// For how long the client leaves the server alone at its wish.
    pub(crate) fn retry_in(self, wait: Option<Duration>) -> Self {
        self.with(|inner| inner.retry_in = wait)
    }

    /// For how long, if that is known.
    pub(crate) fn wait_known(&self) -> Option<Duration> {
        self.0.retry_in
    }

    pub(crate) fn with_recipients(self, recipients: Vec<RecipientOutcome>) -> Self {
        self.with(|inner| inner.recipients = recipients.into())
    }

    /// Whether the command that failed may be sent twice.
    pub(crate) fn is_harmless(&self) -> bool {
        self.0.harmless
    }

    pub(crate) fn with_offset(self, offset: u64) -> Self {
        self.with(|inner| inner.offset = Some(offset))
    }

    pub(crate) fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// The server, if one was involved.
    pub fn server(&self) -> Option<&Target> {
        self.0.server.as_ref()
    }

    /// The connection, by the number that log events carry.
    pub fn connection(&self) -> Option<u64> {
        self.0.connection
    }

    /// The command that failed, by its name and the mailbox or message that it is about.
    pub fn command(&self) -> Option<&str> {
        self.0.command.as_deref()
    }

    /// What became of a message that was to be sent, for each who was to get it, as far as it got.
    pub fn recipients(&self) -> &[RecipientOutcome] {
        &self.0.recipients
    }

    /// How many bytes of a message's content were read before it ended too early.
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }
}

impl From<transport::Error> for Error {
    fn from(error: transport::Error) -> Self {
        Self::new(Cause::Transport(error))
    }
}

impl From<imap::client::Failure> for Error {
    fn from(failure: imap::client::Failure) -> Self {
        use imap::client::Failure;

        Self::new(match failure {
            Failure::Refused(status) => Cause::Refused(status),
            Failure::NotSelected(status) => Cause::NotSelected(status),
            Failure::ReadOnly => Cause::ReadOnly,
            Failure::UidValidityChanged { expected, found } => Cause::UidValidityChanged { expected, found },
            Failure::Encode(error) => Cause::Encode(error),
            // A kind of failure that this crate doesn't know yet came from the server.
            _ => Cause::HungUp,
        })
    }
}

impl From<pop3::client::Failure> for Error {
    fn from(failure: pop3::client::Failure) -> Self {
        Self::new(Cause::Pop3(failure))
    }
}

impl From<smtp::client::Failure> for Error {
    fn from(failure: smtp::client::Failure) -> Self {
        Self::new(Cause::Smtp(failure))
    }
}

/// A connect error comes out as itself; what the pool's own rules say stays theirs.
impl From<mail_pool::Error<Self>> for Error {
    fn from(error: mail_pool::Error<Self>) -> Self {
        match error {
            mail_pool::Error::Connect(error) => (*error).clone(),
            error => Self::new(Cause::Pool(Box::new(error))),
        }
    }
}
