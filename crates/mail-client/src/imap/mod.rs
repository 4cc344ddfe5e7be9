//! IMAP: [`ImapClient`] and what it gives.

mod builder;
mod calls;
mod capability;
mod client;
pub(crate) mod connection;
mod connections;
pub(crate) mod copied;
mod copy;
mod expunge;
mod fetch;
mod handles;
mod harmless;
mod mailbox;
mod manager;
mod operation;
pub(crate) mod refusal;
mod search;
mod sort;
mod store;
mod targets;
mod thread;

pub use mail_pool::Assignment;
pub use mail_proto::imap::{
    Capabilities, Capability, Date, DateTime, Flag, InvalidSet, List, MailboxAttribute, MailboxName,
    MailboxStatus, ModSeqScope, PartialRange, ResponseCode, SearchKey, SequenceSet, SortBy, SortKey, Status,
    StatusItem, StatusKind, ThreadAlgorithm, ThreadNode, Threads,
};

pub use self::{
    builder::ImapClientBuilder,
    client::ImapClient,
    connections::PoolStatus,
    copied::Copied,
    copy::Moved,
    expunge::Removal,
    fetch::{Body, BodyReader, FetchItems, FetchStream, Message},
    handles::{Connection, DefaultConnection, Exclusive, Reply},
    mailbox::Mailbox,
    operation::Pending,
    search::{SearchResult, SearchSummary},
    store::{FlagChange, Stored, StoredMessage},
};
