//! SMTP: [`SmtpClient`] and what it gives.
//!
//! A [`Mail`] is a message with its envelope. [`send`](SmtpClient::send) sends one, and
//! [`send_many`](SmtpClient::send_many) many over several connections; what became of it for each who was to get it is
//! in [`Sent`], or in [`Error::recipients`](crate::Error::recipients).
//!
//! # Never twice, never half
//! The server takes a message for its own when it answers the message's end: the dot behind DATA, or the last chunk of
//! BDAT. So what a lost connection means depends on how far it got.
//!
//! | lost | what became of it | the error's kind |
//! |---|---|---|
//! | before anything was written | it goes over another connection | none, or why there is no other |
//! | before its end was written | it was not accepted, and goes once more over another if all of it is there still | [`ConnectionLost`](crate::ErrorKind::ConnectionLost), retryable |
//! | behind its end, before the answer | it may be accepted or not, and is not sent again | [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) |
//!
//! A message whose source fails, ends early or goes away is cut off before its end, with the connection: no server
//! accepts half of it.

mod addresses;
mod builder;
mod client;
mod connection;
mod content;
mod crew;
mod envelope;
mod handles;
mod header;
mod invalid_mail;
mod line_breaks;
mod mail;
mod manager;
mod outcome;
mod ready;
mod send;
mod send_many;

pub use mail_pool::Assignment;
pub use mail_proto::{
    ArgumentError, LoneLineBreak, LoneLineBreaks,
    smtp::{
        Address, Body, EnhancedCode, Extension, Extensions, Notify, Reply, ReplyCode, Ret,
        client::{OnRefusal, Transfer},
    },
};

pub use self::{
    builder::SmtpClientBuilder,
    client::SmtpClient,
    handles::{Connection, DefaultConnection},
    invalid_mail::InvalidMail,
    mail::{Mail, Recipient},
    outcome::{Outcome, RecipientOutcome, Sent},
    send_many::{Progress, SendMany, SentMail},
};
pub use crate::client::{Pending, PoolStatus};
