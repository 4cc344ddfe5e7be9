//! What went wrong, and what kind of failure that is.

use std::{error::Error as StdError, io, panic::Location, sync::Arc, time::Duration};

use mail_proto::{
    ParseError,
    imap::{Capability, EncodeError, ResponseCode, SequenceSet, Status, client::UploadError},
    pop3, smtp,
};

use super::{End, Error, ErrorKind, SessionEnd};
use crate::{
    imap::{ListedMailbox, copied::Copied},
    link::InflateError,
    smtp::InvalidMail,
    transport,
};

#[derive(Clone)]
pub(crate) enum Cause {
    Transport(transport::Error),
    /// The server closed the connection.
    HungUp,
    /// The task that served the connection was dropped, or panicked.
    TaskEnded,
    Session(SessionEnd),
    Refused(Status),
    Pop3(pop3::client::Failure),
    Smtp(smtp::client::Failure),
    NotSelected(Status),
    Unsupported(Capability),
    /// The same for servers whose extensions have no type of their own.
    Lacks(&'static str),
    ReadOnly,
    /// The server said OK, and not what it had to tell.
    Unanswered(&'static str),
    CopiedNotRemoved {
        copied: Box<Copied>,
        reason: Box<Error>,
    },
    /// Some of what the server told can't be read. What could of a list of mailboxes is kept.
    Unread {
        lines: Box<[ParseError]>,
        listed: Box<[ListedMailbox]>,
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
    /// The connection was lost, and what was written has no effect: `but` says so.
    NoEffect {
        but: &'static str,
        reason: Box<Error>,
    },
    /// The connection was lost, and nobody knows whether this happened.
    OutcomeUnknown {
        whether: &'static str,
        reason: Box<Error>,
    },
    /// Somebody else had the connection for himself for so long.
    Occupied {
        after: Duration,
    },
    /// So many messages have the name that was to mean one.
    Ambiguous {
        count: usize,
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
    /// Something is wrong with a message that was to be sent.
    Mail(InvalidMail),
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
    /// A blocking call amid others that it would have held up.
    InsideTask {
        place: &'static Location<'static>,
    },
    /// A blocking call in a process without the threads that it waits for.
    Forked,
    /// A blocking call amid the end of its thread, when that can't wait any more.
    ThreadEnds,
    NoThread(Arc<io::Error>),
}

impl Error {
    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match &self.0.cause {
            Cause::Transport(_) | Cause::Io(_) => ErrorKind::Transport,
            Cause::HungUp | Cause::TaskEnded => ErrorKind::ConnectionLost,
            Cause::Session(session) => match session.end() {
                End::LoginRefused | End::NoLogin => ErrorKind::Login,
                End::Goodbye | End::Upload => ErrorKind::ConnectionLost,
                End::TlsRefused => ErrorKind::Transport,
                End::Protocol => ErrorKind::Protocol,
            },
            Cause::Inflate(InflateError::Bomb(_)) => ErrorKind::TooMuch,
            Cause::Inflate(InflateError::Corrupt) => ErrorKind::Protocol,
            Cause::NoToken(_) => ErrorKind::Login,
            Cause::Upload(_) | Cause::Mail(_) => ErrorKind::Argument,
            Cause::Refused(Status { code: Some(ResponseCode::BadCharset(_)), .. }) => ErrorKind::BadCharset,
            Cause::Refused(_) => ErrorKind::Refused,
            Cause::Pop3(failure) => match failure {
                pop3::client::Failure::Refused(_) => ErrorKind::Refused,
                pop3::client::Failure::Argument(_) | pop3::client::Failure::NotHere(_) => ErrorKind::Argument,
                _ => ErrorKind::Protocol,
            },
            Cause::Smtp(failure) => match failure {
                smtp::client::Failure::Unsupported(_) => ErrorKind::Unsupported,
                smtp::client::Failure::TooLarge { .. } => ErrorKind::TooMuch,
                smtp::client::Failure::NoRecipients
                | smtp::client::Failure::Argument(_)
                | smtp::client::Failure::NotHere(_) => ErrorKind::Argument,
                _ => ErrorKind::Refused,
            },
            Cause::Unsupported(_) | Cause::Lacks(_) => ErrorKind::Unsupported,
            Cause::ReadOnly => ErrorKind::ReadOnly,
            Cause::Unanswered(_) | Cause::Unread { .. } => ErrorKind::Protocol,
            Cause::CopiedNotRemoved { .. } => ErrorKind::CopiedNotRemoved,
            Cause::Partly { reason, .. } => reason.kind(),
            Cause::NotSelected(_) => ErrorKind::Mailbox,
            Cause::UidValidityChanged { .. } => ErrorKind::UidValidityChanged,
            Cause::Encode(_) | Cause::Configuration(_) => ErrorKind::Argument,
            Cause::OutcomeUnknown { .. } => ErrorKind::OutcomeUnknown,
            Cause::Lost { reason, .. } | Cause::NoEffect { reason, .. } => match reason.kind() {
                kind @ (ErrorKind::TimedOut
                | ErrorKind::Protocol
                | ErrorKind::TooMuch
                | ErrorKind::ReaderStalled) => kind,
                _ => ErrorKind::ConnectionLost,
            },
            Cause::Gone => ErrorKind::Gone,
            Cause::Unreadable => ErrorKind::Protocol,
            Cause::TooMuch { .. } | Cause::TooLarge { .. } => ErrorKind::TooMuch,
            Cause::Source(_) => ErrorKind::Argument,
            Cause::Occupied { .. } => ErrorKind::Pool,
            Cause::Ambiguous { .. } => ErrorKind::Ambiguous,
            Cause::Silent { .. } | Cause::Deadline { .. } => ErrorKind::TimedOut,
            Cause::Stalled { .. } => ErrorKind::ReaderStalled,
            Cause::Abandoned | Cause::CutShort { .. } => ErrorKind::ConnectionLost,
            Cause::Pool(error) => match **error {
                mail_pool::Error::Closed => ErrorKind::Closed,
                mail_pool::Error::Credentials { .. } => ErrorKind::Login,
                _ => ErrorKind::Pool,
            },
            Cause::Closed | Cause::ConnectionClosed => ErrorKind::Closed,
            Cause::InsideTask { .. } | Cause::Forked | Cause::ThreadEnds | Cause::NoThread(_) => {
                ErrorKind::CannotBlock
            }
        }
    }
}
