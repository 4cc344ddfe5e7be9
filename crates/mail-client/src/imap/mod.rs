//! IMAP: [`ImapClient`] and what it gives.

mod builder;
mod calls;
mod client;
pub(crate) mod connection;
mod connections;
mod fetch;
mod handles;
mod harmless;
mod mailbox;
mod manager;
mod operation;
pub(crate) mod refusal;

pub use mail_pool::Assignment;
pub use mail_proto::imap::{
    Capabilities, Capability, DateTime, Flag, List, MailboxAttribute, MailboxName, MailboxStatus,
    ResponseCode, SequenceSet, Status, StatusItem, StatusKind,
};

pub use self::{
    builder::ImapClientBuilder,
    client::ImapClient,
    connections::PoolStatus,
    fetch::{Body, BodyReader, FetchItems, FetchStream, Message},
    handles::{Connection, DefaultConnection, Exclusive, Reply},
    mailbox::Mailbox,
    operation::Pending,
};
