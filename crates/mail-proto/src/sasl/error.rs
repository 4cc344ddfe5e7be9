//! Why an exchange can't go on.

use super::Mechanism;

/// Why a login by SASL can't go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SaslError {
    /// The server offers no mechanism that serves the credentials.
    #[error("the server offers no mechanism for these credentials")]
    NoMechanism,
    /// The mechanism doesn't go with these credentials, or something it needs (a nonce, a channel binding, the feature
    /// `sasl`) isn't there.
    #[error("{mechanism} can't be used with these credentials and options")]
    Unsuitable {
        /// The mechanism that was asked for.
        mechanism: Mechanism,
    },
    /// A name, password or token that the mechanism can't carry.
    #[error("the {what} holds bytes that the mechanism can't carry")]
    BadText {
        /// Which of them.
        what: &'static str,
    },
    /// The peer sent what the mechanism doesn't have at this point.
    #[error("the other side's message is not what the mechanism has here: expected {expected}")]
    Malformed {
        /// What was expected.
        expected: &'static str,
    },
    /// SCRAM: the nonce isn't the one of this exchange. Someone replays another.
    #[error("the nonce is not the one of this exchange")]
    NonceMismatch,
    /// SCRAM: the server asks for more work than it gets.
    #[error("the server asks for {asked} iterations, at most {limit} are done")]
    Iterations {
        /// What it asks for; `u32::MAX` for that many or more.
        asked: u32,
        /// The limit.
        limit: u32,
    },
    /// SCRAM: the server doesn't know the password, so it isn't the server.
    #[error("the server's signature is wrong: it does not know the password")]
    ServerSignature,
    /// SCRAM: the server said that all went well without proving that it knows the password.
    #[error("the server reported success before it proved itself")]
    NotVerified,
    /// SCRAM: the server gave an error instead of its signature.
    #[error("the server ended the exchange: {error}")]
    Rejected {
        /// The `server-error-value`, at most 80 characters.
        error: String,
    },
    /// SCRAM, at a server: the exchange isn't tied to this channel, or the offer to tie it was taken away.
    #[error("the exchange is not bound to this channel")]
    ChannelBinding,
    /// At a server: no such user, or not the right password.
    #[error("wrong user name or password")]
    Refused,
    /// At a server: the client called the exchange off.
    #[error("the client called the exchange off")]
    Cancelled,
}
