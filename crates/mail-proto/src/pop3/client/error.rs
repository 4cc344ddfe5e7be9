//! What ends a command, and what ends a session.

use crate::{
    argument::ArgumentError,
    error::ParseError,
    frame::FrameError,
    pop3::Reply,
    sasl::{SaslError, TokenRefusal},
};

/// Why a command didn't go well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The server answered -ERR.
    #[error("the server refused: {}", .0.text_lossy())]
    Refused(Reply),
    /// The server answered +OK, and what it says can't be read.
    #[error("the server's answer can't be read: {0}")]
    Unreadable(#[source] ParseError),
    /// The command belongs to the login, which the session does by itself. It wasn't written.
    #[error("{0} has no place behind the login")]
    NotHere(&'static str),
    /// An argument can't be written. Nothing of the command was.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
}

/// Why a connection can't go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The peer closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// The server refused the connection in its greeting, or gave it up with an error that answers nothing.
    #[error("the server ended the connection: {}", .0.text_lossy())]
    Bye(Reply),
    /// The login was refused.
    #[error("the login was refused: {}", .0.text_lossy())]
    LoginRefused(Reply),
    /// The server refused the token, and said why.
    #[error("the token was refused: {}", .reply.text_lossy())]
    TokenRefused {
        /// The end of the login.
        reply: Reply,
        /// What was said before it.
        refusal: Box<TokenRefusal>,
    },
    /// The login can't go on, or its success can't be believed.
    #[error(transparent)]
    Sasl(#[from] SaslError),
    /// The server takes no way of logging in that these credentials allow.
    #[error("the server offers no way to log in with these credentials")]
    NoMechanism,
    /// STLS was refused.
    #[error("the server refused STLS: {}", .0.text_lossy())]
    StartTlsRefused(Reply),
    /// Bytes came behind the answer to STLS that no TLS protects: an injection.
    #[error("the server sent data in the clear behind its answer to STLS")]
    DataBeforeTls,
    /// A line that should tell how a command went can't be read, so nothing behind it can be told apart.
    #[error("the server's line is no reply: {0}")]
    Unreadable(#[source] ParseError),
    /// The answer to a command that wasn't written.
    #[error("the server answered what it was not asked: {}", .0.text_lossy())]
    Unexpected(Reply),
    /// A limit was exceeded.
    #[error(transparent)]
    Frame(#[from] FrameError),
}
