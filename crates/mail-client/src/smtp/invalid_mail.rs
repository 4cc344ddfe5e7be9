//! What can be wrong with a message before any of it is sent.

use mail_proto::LoneLineBreak;

/// Why a message can't be sent to any server. Nothing of it was, but where it says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMail {
    /// The header says neither who sends it nor whom it is from, and no sender was given.
    #[error("the message doesn't say who sends it")]
    NoSender,
    /// It is from several, and doesn't say which of them sends it (RFC 5322 section 3.6.2).
    #[error("the message is from several, and doesn't say which of them sends it")]
    SeveralSenders,
    /// The header names nobody who is to get it, and no recipient was given.
    #[error("the message has no recipient")]
    NoRecipients,
    /// A field that names sender or recipients has something else in it.
    #[error("{field} has what is no address: {text}")]
    Address {
        /// The field's name.
        field: String,
        /// What stands there.
        text: String,
    },
    /// The header of a message that is read as it is sent doesn't end.
    #[error("the header is longer than {limit} bytes")]
    HeaderTooLong {
        /// The longest that is read, in bytes.
        limit: usize,
    },
    /// A line break stands alone, where that is to be refused. If the message is read as it is sent, part of it may
    /// have been written: then the connection was cut before its end, and the server has taken nothing.
    #[error(transparent)]
    LoneLineBreak(#[from] LoneLineBreak),
    /// It has 8-bit text, and it was said that it has none, or the server has no 8BITMIME (RFC 6152). If the message is
    /// read as it is sent, part of it may have been written: then the connection was cut before its end, and the server
    /// has taken nothing.
    #[error("the message has 8-bit text, which was not expected")]
    EightBit,
    /// A message that is read as it is sent has another length than was told. The connection was cut before its end, and
    /// the server has taken nothing.
    #[error("the message was to have {told} bytes and has {}", if *more { "more" } else { "fewer" })]
    Length {
        /// The length that was told, in bytes.
        told: u64,
        /// Whether there are more.
        more: bool,
    },
}
