//! SMTP: [`SmtpClient`] and what it gives.

mod addresses;
mod builder;
mod client;
mod connection;
mod content;
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
