//! IMAP: [`ImapClient`] and what it gives.

mod acl;
mod append;
mod builder;
mod calls;
mod capability;
mod client;
pub(crate) mod connection;
pub(crate) mod copied;
mod copy;
mod exclusive;
mod expunge;
mod extensions;
mod fetch;
mod handles;
mod harmless;
mod id;
mod list;
mod mailbox;
mod mailboxes;
mod manager;
mod message_source;
mod metadata;
mod namespace;
mod quota;
mod replace;
mod search;
mod sort;
mod status;
mod store;
mod targets;
mod thread;
mod watch;

pub use mail_pool::Assignment;
pub use mail_proto::imap::fetch::{FetchItem, Partial, Section, SectionText};
pub use mail_proto::imap::{
    Acl, Addresses, AppendForm, BodyStructure, Capabilities, Capability, Date, DateTime, Envelope, Flag,
    InvalidSet, List, ListExtension, ListRights, MailboxAttribute, MailboxAttributes, MailboxName,
    MailboxStatus, MetadataCode, MetadataDepth, MetadataOptions, ModSeqScope, Namespace, Namespaces,
    PartialRange, Quota, QuotaResource, ResponseCode, Rights, RightsChange, SearchKey, SequenceSet, SortBy,
    SortKey, Status, StatusItem, StatusKind, StatusValue, ThreadAlgorithm, ThreadNode, Threads,
};

pub use crate::client::{Pending, PoolStatus};

pub use self::{
    append::Appended,
    builder::ImapClientBuilder,
    client::ImapClient,
    copied::Copied,
    copy::Moved,
    exclusive::{Exclusive, Reply},
    expunge::Removal,
    fetch::{Body, BodyReader, FetchItems, FetchStream, Message, SectionContent, Sections},
    handles::{Connection, DefaultConnection},
    id::ServerId,
    list::{ListQuery, ListedMailbox},
    mailbox::Mailbox,
    message_source::NewMessage,
    metadata::MetadataValues,
    replace::Replaced,
    search::{SearchResult, SearchSummary},
    store::{FlagChange, Stored, StoredMessage},
    watch::{Change, InvalidState, WatchBuilder, WatchState, Watcher},
};
