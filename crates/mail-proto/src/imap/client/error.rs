//! What ends a command, and what ends a session.

use super::upload::UploadError;
use crate::{
    frame::FrameError,
    imap::{encode::EncodeError, status_line::Status},
    sasl::{SaslError, TokenRefusal},
};

/// Why a command didn't go well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The server answered NO or BAD.
    #[error("the server refused: {}", .0.text_lossy())]
    Refused(Status),
    /// The mailbox that the command needs couldn't be selected, so the command never ran.
    #[error("the mailbox can't be selected: {}", .0.text_lossy())]
    NotSelected(Status),
    /// The mailbox isn't the one it was: its UIDs mean other messages now. The command never ran.
    #[error("the mailbox' UIDVALIDITY is {found:?} and was {expected}")]
    UidValidityChanged {
        /// The value it was selected with first.
        expected: u32,
        /// The value it has now; `None` if the server tells none.
        found: Option<u32>,
    },
    /// The command would change a mailbox that can't be changed: it was opened so, or the server says so. The command
    /// never ran.
    #[error("the mailbox is read-only")]
    ReadOnly,
    /// An argument can't be written. Nothing of the command was.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Why a connection can't go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The peer closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// The server said BYE.
    #[error("the server ended the connection: {}", .0.text_lossy())]
    Bye(Status),
    /// The login was refused.
    #[error("the login was refused: {}", .0.text_lossy())]
    LoginRefused(Status),
    /// The server refused the token, and said why.
    #[error("the token was refused: {}", .status.text_lossy())]
    TokenRefused {
        /// The end of the login.
        status: Status,
        /// What was said before it.
        refusal: Box<TokenRefusal>,
    },
    /// The login can't go on, or its success can't be believed.
    #[error(transparent)]
    Sasl(#[from] SaslError),
    /// The server takes no way of logging in that these credentials allow.
    #[error("the server offers no way to log in with these credentials")]
    NoMechanism,
    /// STARTTLS was refused.
    #[error("the server refused STARTTLS: {}", .0.text_lossy())]
    StartTlsRefused(Status),
    /// The server claims to be logged in before TLS, where nothing it says counts.
    #[error("the server greeted with PREAUTH before STARTTLS")]
    PreAuthBeforeTls,
    /// Bytes came behind the answer to STARTTLS that no TLS protects: an injection.
    #[error("the server sent data in the clear behind its answer to STARTTLS")]
    DataBeforeTls,
    /// The first line isn't a greeting.
    #[error("the server did not greet with an IMAP greeting: {0}")]
    NoGreeting(String),
    /// The answer to a command that wasn't written, or is answered already.
    #[error("the server answered {0}, which it was not asked")]
    UnexpectedTag(String),
    /// The answer to a command came before the end of the selection that it was written behind, so that nobody knows
    /// which mailbox it is about.
    #[error("the server answered {0} before the selection that stands before it")]
    Premature(&'static str),
    /// A large body came before its message's UID, and nothing tells which message it is.
    #[error("a body of {len} bytes came without a UID")]
    Unroutable {
        /// Its length in bytes.
        len: u64,
    },
    /// A message was begun and can't be ended: only cutting the connection keeps the server from storing half of it.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// A limit was exceeded.
    #[error(transparent)]
    Frame(#[from] FrameError),
}
