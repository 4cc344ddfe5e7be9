//! What can go wrong, and what to do about it.

use std::{
    error::Error as StdError,
    fmt::{self, Write as _},
    io,
    sync::Arc,
    time::Duration,
};

use mail_proto::imap::{
    Capability, EncodeError, MailboxName, ResponseCode, SequenceSet, Status, StatusKind,
    client::{Failure, SessionError, UploadError},
};

use crate::{
    imap::{connection::About, copied::Copied, refusal},
    link::InflateError,
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
}

/// What kind of failure an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The server couldn't be reached, or TLS with it failed.
    Transport,
    /// The server turned the login down, whatever for.
    Login,
    /// The server answered NO or BAD.
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
    /// The answer is larger than any that makes sense.
    TooMuch,
    /// The connection ended before the answer.
    ConnectionLost,
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
}

#[derive(Clone)]
pub(crate) enum Cause {
    Transport(transport::Error),
    Session(SessionError),
    Refused(Status),
    NotSelected(Status),
    Unsupported(Capability),
    ReadOnly,
    /// The server said OK, and not what it had to tell.
    Unanswered(&'static str),
    CopiedNotRemoved {
        copied: Box<Copied>,
        reason: Box<Error>,
    },
    /// A command that had to be sent in portions failed when these messages were done.
    Partly {
        done: Box<SequenceSet>,
        reason: Box<Error>,
    },
    UidValidityChanged {
        expected: u32,
        found: Option<u32>,
    },
    Encode(EncodeError),
    Lost {
        written: bool,
        reason: Box<Error>,
    },
    Silent {
        waited_for: &'static str,
        after: Duration,
    },
    Stalled {
        after: Duration,
    },
    Deadline {
        after: Duration,
        written: bool,
    },
    Abandoned,
    CutShort {
        len: u64,
    },
    Gone,
    Unreadable,
    /// What was to be uploaded couldn't be read.
    Source(Arc<io::Error>),
    Upload(UploadError),
    TooLarge {
        len: u64,
        limit: u64,
    },
    TooMuch {
        limit: usize,
    },
    Io(Arc<io::Error>),
    Inflate(InflateError),
    Configuration(&'static str),
    NoToken(Arc<dyn StdError + Send + Sync>),
    Pool(Box<mail_pool::Error<Error>>),
    ConnectionClosed,
    Closed,
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
        }))
    }

    pub(crate) fn failure(failure: Failure) -> Self {
        Self::new(match failure {
            Failure::Refused(status) => Cause::Refused(status),
            Failure::NotSelected(status) => Cause::NotSelected(status),
            Failure::ReadOnly => Cause::ReadOnly,
            Failure::UidValidityChanged { expected, found } => Cause::UidValidityChanged { expected, found },
            Failure::Encode(error) => Cause::Encode(error),
            // A kind of failure that this crate doesn't know yet came from the server.
            _ => Cause::Session(SessionError::Closed),
        })
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

    pub(crate) fn in_command(self, name: &str, mailbox: Option<&MailboxName>) -> Self {
        self.with(|inner| {
            inner.command = Some(match mailbox {
                Some(mailbox) => format!("{name} {mailbox}").into(),
                None => name.into(),
            });
        })
    }

    /// The command that it ended.
    pub(crate) fn about(self, about: &About) -> Self {
        let error = self.in_command(about.name, about.mailbox.as_ref());
        error.with(|inner| inner.harmless = about.harmless)
    }

    /// For how long the client leaves the server alone at its wish.
    pub(crate) fn retry_in(self, wait: Option<Duration>) -> Self {
        self.with(|inner| inner.retry_in = wait)
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

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match &self.0.cause {
            Cause::Transport(_) | Cause::Io(_) => ErrorKind::Transport,
            Cause::Session(
                SessionError::LoginRefused(_)
                | SessionError::TokenRefused { .. }
                | SessionError::NoMechanism
                | SessionError::Sasl(_),
            ) => ErrorKind::Login,
            Cause::Inflate(InflateError::Bomb(_)) => ErrorKind::TooMuch,
            Cause::Inflate(InflateError::Corrupt) => ErrorKind::Protocol,
            Cause::NoToken(_) => ErrorKind::Login,
            Cause::Session(SessionError::Closed | SessionError::Bye(_) | SessionError::Upload(_)) => {
                ErrorKind::ConnectionLost
            }
            Cause::Upload(_) => ErrorKind::Argument,
            Cause::Session(SessionError::StartTlsRefused(_)) => ErrorKind::Transport,
            Cause::Session(_) => ErrorKind::Protocol,
            Cause::Refused(Status { code: Some(ResponseCode::BadCharset(_)), .. }) => ErrorKind::BadCharset,
            Cause::Refused(_) => ErrorKind::Refused,
            Cause::Unsupported(_) => ErrorKind::Unsupported,
            Cause::ReadOnly => ErrorKind::ReadOnly,
            Cause::Unanswered(_) => ErrorKind::Protocol,
            Cause::CopiedNotRemoved { .. } => ErrorKind::CopiedNotRemoved,
            Cause::Partly { reason, .. } => reason.kind(),
            Cause::NotSelected(_) => ErrorKind::Mailbox,
            Cause::UidValidityChanged { .. } => ErrorKind::UidValidityChanged,
            Cause::Encode(_) | Cause::Configuration(_) => ErrorKind::Argument,
            Cause::Lost { reason, .. } => match reason.kind() {
                kind @ (ErrorKind::TimedOut | ErrorKind::Protocol | ErrorKind::TooMuch) => kind,
                _ => ErrorKind::ConnectionLost,
            },
            Cause::Gone => ErrorKind::Gone,
            Cause::Unreadable => ErrorKind::Protocol,
            Cause::TooMuch { .. } | Cause::TooLarge { .. } => ErrorKind::TooMuch,
            Cause::Source(_) => ErrorKind::Argument,
            Cause::Silent { .. } | Cause::Deadline { .. } => ErrorKind::TimedOut,
            Cause::Stalled { .. } => ErrorKind::ReaderStalled,
            Cause::Abandoned | Cause::CutShort { .. } => ErrorKind::ConnectionLost,
            Cause::Pool(error) => match **error {
                mail_pool::Error::Closed => ErrorKind::Closed,
                mail_pool::Error::Credentials { .. } => ErrorKind::Login,
                _ => ErrorKind::Pool,
            },
            Cause::Closed | Cause::ConnectionClosed => ErrorKind::Closed,
        }
    }

    /// The server, if one was involved.
    pub fn server(&self) -> Option<&Target> {
        self.0.server.as_ref()
    }

    /// The connection, by the number that log events carry.
    pub fn connection(&self) -> Option<u64> {
        self.0.connection
    }

    /// The command that failed, by its name and mailbox.
    pub fn command(&self) -> Option<&str> {
        self.0.command.as_deref()
    }

    /// How many bytes of a message's content were read before it ended too early.
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    fn status(&self) -> Option<&Status> {
        match &self.0.cause {
            Cause::Refused(status) | Cause::NotSelected(status) => Some(status),
            Cause::Session(
                SessionError::LoginRefused(status)
                | SessionError::TokenRefused { status, .. }
                | SessionError::Bye(status)
                | SessionError::StartTlsRefused(status),
            ) => Some(status),
            Cause::Lost { reason, .. }
            | Cause::CopiedNotRemoved { reason, .. }
            | Cause::Partly { reason, .. } => reason.status(),
            Cause::Pool(error) => match &**error {
                mail_pool::Error::Credentials { source, .. } => source.status(),
                mail_pool::Error::AcquireTimeout(timeout) => {
                    timeout.last_refusal.as_ref().and_then(|refusal| refusal.error.status())
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The server's response code.
    pub fn code(&self) -> Option<&ResponseCode> {
        self.status()?.code.as_ref()
    }

    /// The server's own words.
    pub fn text(&self) -> Option<String> {
        Some(self.status()?.text_lossy().into_owned())
    }

    /// The extension that the server lacks, if that is why.
    pub fn missing(&self) -> Option<&Capability> {
        match &self.0.cause {
            Cause::Unsupported(capability) => Some(capability),
            Cause::Partly { reason, .. } => reason.missing(),
            _ => None,
        }
    }

    /// What was copied before it failed, if it was a move that copied and did not remove.
    pub fn copied(&self) -> Option<&Copied> {
        match &self.0.cause {
            Cause::CopiedNotRemoved { copied, .. } => Some(copied),
            Cause::Partly { reason, .. } => reason.copied(),
            _ => None,
        }
    }

    /// The messages that were done before it failed, if a set so long that it had to be sent in portions failed at a
    /// later one.
    pub fn done(&self) -> Option<&SequenceSet> {
        match &self.0.cause {
            Cause::Partly { done, .. } => Some(done),
            _ => None,
        }
    }

    /// Whether a deadline passed.
    pub fn is_timeout(&self) -> bool {
        match &self.0.cause {
            Cause::Transport(error) => error.is_timeout(),
            Cause::Silent { .. } | Cause::Stalled { .. } | Cause::Deadline { .. } => true,
            Cause::Lost { reason, .. }
            | Cause::CopiedNotRemoved { reason, .. }
            | Cause::Partly { reason, .. } => reason.is_timeout(),
            Cause::Pool(error) => matches!(**error, mail_pool::Error::AcquireTimeout(_)),
            _ => false,
        }
    }

    /// Whether the server said NO: it understood, and won't.
    pub(crate) fn is_no(&self) -> bool {
        matches!(&self.0.cause, Cause::Refused(Status { kind: StatusKind::No, .. }))
    }

    /// Whether the server refuses for the number of connections or the amount of traffic, not for what was asked.
    pub fn is_limit(&self) -> bool {
        let Some(status) = self.status() else { return false };
        if self.kind() == ErrorKind::Login || self.is_about_a_login() {
            refusal::is_limit_at_login(status)
        } else {
            refusal::is_limit(status)
        }
    }

    /// Whether it is a login that was refused, or the last that was while a call waited for a connection.
    fn is_about_a_login(&self) -> bool {
        match &self.0.cause {
            Cause::Pool(error) => error.connect_error().is_some(),
            _ => false,
        }
    }

    /// How long to wait before the same call is worth a try, where the server or the client's own rules say so. The
    /// client holds its commands back for so long by itself: a call made earlier waits.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Some(wait) = self.0.retry_in {
            return Some(wait);
        }
        match &self.0.cause {
            Cause::Lost { reason, .. } => reason.retry_after(),
            _ => refusal::wait_told(self.status()?),
        }
    }

    /// Whether the same call may go well later, without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        match &self.0.cause {
            Cause::Transport(error) => !error.is_permanent(),
            Cause::Io(_)
            | Cause::NoToken(_)
            | Cause::Silent { .. }
            | Cause::Stalled { .. }
            | Cause::Abandoned
            | Cause::CutShort { .. } => true,
            // What was written may have been done.
            Cause::Lost { written, reason } => (!written || self.0.harmless) && reason.is_retryable(),
            Cause::Deadline { written, .. } => !written || self.0.harmless,
            Cause::Session(SessionError::Closed | SessionError::Bye(_)) => true,
            Cause::Refused(_) | Cause::NotSelected(_) | Cause::Session(_) => {
                self.is_limit()
                    || matches!(
                        self.code(),
                        Some(ResponseCode::Unavailable | ResponseCode::InUse | ResponseCode::Throttled)
                    )
            }
            Cause::Pool(error) => error.is_retryable(None),
            _ => false,
        }
    }

    /// Why the pool had no connection to give, with all that it knows.
    pub fn pool(&self) -> Option<&mail_pool::Error<Self>> {
        match &self.0.cause {
            Cause::Pool(error) => Some(error),
            _ => None,
        }
    }

    /// Whether the command was given to the socket before the connection ended or the call's time was up, so that the
    /// server may have done it.
    pub fn was_written(&self) -> bool {
        match &self.0.cause {
            Cause::Lost { written, .. } | Cause::Deadline { written, .. } => *written,
            Cause::CopiedNotRemoved { .. } => true,
            Cause::Partly { reason, .. } => reason.was_written(),
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The transport's errors name their server themselves.
        if let (Some(server), false) = (&self.0.server, matches!(self.0.cause, Cause::Transport(_))) {
            write!(f, "{server}: ")?;
        }
        if let Some(command) = &self.0.command {
            write!(f, "{}: ", Visible(command))?;
        }
        if let Some(offset) = self.0.offset {
            write!(f, "after {offset} bytes of the content: ")?;
        }
        match &self.0.cause {
            Cause::Transport(error) => error.fmt(f),
            Cause::Session(error) => Visible(&error.to_string()).fmt(f),
            Cause::Refused(status) => {
                write!(f, "the server refused: {}", Visible(&status.text_lossy()))
            }
            Cause::NotSelected(status) => {
                write!(f, "the mailbox can't be opened: {}", Visible(&status.text_lossy()))
            }
            Cause::Unsupported(capability) => write!(f, "the server doesn't have {capability}"),
            Cause::ReadOnly => f.write_str("the mailbox was opened to be read only"),
            Cause::Unanswered(what) => write!(f, "the server said OK and did not tell {what}"),
            Cause::CopiedNotRemoved { reason, .. } => {
                write!(f, "the messages were copied and not removed: {reason}")
            }
            Cause::Partly { done, reason } => {
                write!(f, "{} of the messages were done, then: {reason}", done.len().unwrap_or_default())
            }
            Cause::UidValidityChanged { expected, found: Some(found) } => {
                write!(f, "the mailbox is another one now: its UIDVALIDITY was {expected} and is {found}")
            }
            Cause::UidValidityChanged { expected, found: None } => {
                write!(f, "the mailbox is another one now: its UIDVALIDITY was {expected} and it has none")
            }
            Cause::Encode(error) => error.fmt(f),
            Cause::Lost { written, reason } => {
                let outcome = if *written { "the outcome is unknown" } else { "it was not sent" };
                write!(f, "the connection was lost and {outcome}: {reason}")
            }
            Cause::Silent { waited_for, after } => {
                write!(f, "the server sent nothing for {after:?} while {waited_for} was due")
            }
            Cause::Stalled { after } => {
                write!(f, "a stream was not read for {after:?} while other commands waited behind it")
            }
            Cause::Deadline { after, written } => {
                let outcome = if *written { "and its outcome is unknown" } else { "and it was not sent" };
                write!(f, "the call did not end within {after:?}, {outcome}")
            }
            Cause::Abandoned => {
                f.write_str("the connection was closed, since the rest of an answer was not wanted")
            }
            Cause::Gone => f.write_str("the message is gone"),
            Cause::Unreadable => {
                f.write_str("the server sent something that can't be read as the message's body")
            }
            Cause::Source(error) => write!(f, "the message can't be read: {error}"),
            Cause::Upload(error) => error.fmt(f),
            Cause::TooLarge { len, limit } => {
                write!(f, "the message has {len} bytes and the server takes {limit}")
            }
            Cause::TooMuch { limit } => write!(f, "the answer is larger than {limit} bytes"),
            Cause::CutShort { len } => write!(f, "the connection was lost before all {len} bytes had come"),
            Cause::Io(error) => write!(f, "the connection broke: {error}"),
            Cause::Configuration(what) => f.write_str(what),
            Cause::Inflate(error) => error.fmt(f),
            Cause::NoToken(error) => write!(f, "there is no token to log in with: {error}"),
            Cause::Pool(error) => error.fmt(f),
            Cause::ConnectionClosed => f.write_str("the connection was closed by its owner"),
            Cause::Closed => f.write_str("the client was closed"),
        }
    }
}

/// A server's words on one line: control characters are shown as escapes, and everything else as it is.
struct Visible<'a>(&'a str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '"' | '\'' => f.write_char(c),
            c => c.escape_debug().fmt(f),
        })
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}, {self})", self.kind())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.cause {
            Cause::Transport(error) => Some(error),
            Cause::Session(error) => Some(error),
            Cause::Encode(error) => Some(error),
            Cause::Lost { reason, .. }
            | Cause::CopiedNotRemoved { reason, .. }
            | Cause::Partly { reason, .. } => Some(&**reason),
            Cause::Io(error) | Cause::Source(error) => Some(&**error),
            Cause::Inflate(error) => Some(error),
            Cause::NoToken(error) => Some(&**error),
            Cause::Pool(error) => Some(&**error),
            _ => None,
        }
    }
}

impl From<transport::Error> for Error {
    fn from(error: transport::Error) -> Self {
        Self::new(Cause::Transport(error))
    }
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        Self::new(Cause::Session(error))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_are_shown_as_they_are_but_for_controls() {
        let text = "Mailbox doesn't exist: \"a\"\x1b[2J\u{202e}";
        let status = Status { kind: StatusKind::No, code: None, text: text.into() };
        let shown = Error::new(Cause::Refused(status)).to_string();
        assert_eq!(shown, "the server refused: Mailbox doesn't exist: \"a\"\\u{1b}[2J\\u{202e}");
    }
}
