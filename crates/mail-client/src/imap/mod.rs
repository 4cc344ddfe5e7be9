//! IMAP: [`ImapClient`] and what it gives.

mod builder;
mod calls;
mod client;
mod connection;
mod fetch;
mod mailbox;
mod manager;
pub(crate) mod refusal;

pub use mail_proto::imap::{
    Capabilities, Capability, DateTime, Flag, List, MailboxAttribute, MailboxName, MailboxStatus,
    ResponseCode, SequenceSet, Status, StatusItem, StatusKind,
};

pub use self::{
    builder::ImapClientBuilder,
    calls::Connection,
    client::ImapClient,
    fetch::{Body, BodyReader, FetchItems, FetchStream, Message},
    mailbox::Mailbox,
};
