//! What ends a command or a message, and what ends a session.

use crate::{
    argument::ArgumentError,
    dots::LoneLineBreak,
    sasl::{SaslError, TokenRefusal},
    smtp::{ReadError, Reply},
};

/// Why a message wasn't accepted, or a command refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The server refused the command, or the message as a whole: before it came, or behind its end.
    #[error("the server refused: {0}")]
    Refused(Reply),
    /// The server refused the sender.
    #[error("the server refused the sender: {0}")]
    SenderRefused(Reply),
    /// The server refused all recipients, or one where all had to be accepted. Nothing of the message was sent.
    #[error("the server refused the recipients")]
    RecipientsRefused,
    /// The envelope has no recipient.
    #[error("there is no recipient")]
    NoRecipients,
    /// The message needs what the server doesn't have. Nothing was sent.
    #[error("the message needs {0}, which the server doesn't have")]
    Unsupported(&'static str),
    /// The message is larger than the server takes. Nothing was sent.
    #[error("the message has {size} bytes, the server takes {limit}")]
    TooLarge {
        /// The message's size in bytes.
        size: u64,
        /// The server's limit in bytes.
        limit: u64,
    },
    /// The command belongs to the login or to a message, which the session does by itself. It wasn't written.
    #[error("{0} has no place here")]
    NotHere(&'static str),
    /// An argument can't be written. Nothing of the command or message was.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
}

impl Failure {
    /// Whether the same may go well later: the server answered 4xx.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Refused(reply) | Self::SenderRefused(reply) if reply.code.is_transient())
    }
}

/// Why a connection can't go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The peer closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// The server refused the connection in its greeting, or gave it up: with 421, or an error that answers nothing.
    #[error("the server ended the connection: {0}")]
    Bye(Reply),
    /// The server knows neither EHLO nor HELO.
    #[error("the server refused EHLO: {0}")]
    HelloRefused(Reply),
    /// The login was refused.
    #[error("the login was refused: {0}")]
    LoginRefused(Reply),
    /// The server refused the token, and said why.
    #[error("the token was refused: {reply}")]
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
    /// STARTTLS was refused.
    #[error("the server refused STARTTLS: {0}")]
    StartTlsRefused(Reply),
    /// Bytes came behind the answer to STARTTLS that no TLS protects: an injection.
    #[error("the server sent data in the clear behind its answer to STARTTLS")]
    DataBeforeTls,
    /// The name that the client gives itself can't be written.
    #[error(transparent)]
    Hello(#[from] ArgumentError),
    /// The answer to a command that wasn't written.
    #[error("the server answered what it was not asked: {0}")]
    Unexpected(Reply),
    /// A message was begun and can't be ended: only cutting the connection keeps the server from accepting half of it.
    #[error("a message was broken off")]
    BrokenOff,
    /// The same, since a line break stands alone in it.
    #[error("a message was broken off: {0}")]
    LoneLineBreak(#[from] LoneLineBreak),
    /// What the server sends can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}
