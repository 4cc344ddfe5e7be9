//! IMAP: RFC 3501 and RFC 9051, both directions of both sides.
//!
//! - [`response`] reads and writes what a server sends, [`command`] what a client sends.
//! - Everything about a concept lies in one file: its type, its parser, its encoder, its tests.
//!
//! Reading is tolerant: what a server gets wrong is read and told as a [`Quirk`](crate::Quirk), what isn't known is
//! kept raw, and an item of a FETCH that can't be read costs only itself. `ParseOptions::STRICT` rejects instead.

mod acl;
mod append;
mod body_structure;
mod capability;
mod catenate;
pub mod client;
mod code;
pub mod command;
mod content;
mod date;
pub mod encode;
mod envelope;
mod esearch;
pub mod fetch;
mod flags;
mod id;
mod list;
mod list_command;
mod mailbox;
mod mailbox_attribute;
mod mailbox_filter;
mod mailbox_status;
mod metadata;
mod multi_search;
mod namespace;
mod notify;
mod partial;
mod quota;
pub mod response;
mod search;
mod search_key;
mod select;
mod sequence_set;
mod sort;
mod status_line;
pub(crate) mod terminals;
mod thread;
mod uid_batches;
mod utf8_names;
mod vanished;

pub use acl::{Acl, ListRights, MyRights, Rights, RightsChange};
pub use append::{AppendForm, AppendMessage, MoreMessages};
pub use body_structure::{
    BodyStructure, BodyStructureBuf, Children, ContentBuf, Disposition, DispositionBuf, NumberedPart, Params,
    Walk,
};
pub use capability::{Capabilities, Capability};
pub use catenate::CatenatePart;
pub use code::{Progress, ResponseCode};
pub use command::Command;
pub use date::{Date, DateTime};
pub use encode::EncodeError;
pub use envelope::{Address, AddressBuf, Addresses, Envelope, EnvelopeBuf};
pub use esearch::ESearch;
pub use flags::Flag;
pub use list::{List, ListExtension};
pub use list_command::{ListOptions, ListReturn, ListSelect};
pub use mailbox::MailboxName;
pub use mailbox_attribute::{MailboxAttribute, MailboxAttributes};
pub use mailbox_filter::MailboxFilter;
pub use mailbox_status::{MailboxStatus, StatusItem, StatusValue};
pub use metadata::{Metadata, MetadataCode, MetadataData, MetadataDepth, MetadataOptions};
pub use multi_search::MultiSearch;
pub use namespace::{Namespace, Namespaces};
pub use notify::{EventGroup, Notify, NotifyEvent};
pub use partial::PartialRange;
pub use quota::{Quota, QuotaResource, QuotaRoot};
pub use search::{Search, SearchReturn};
pub use search_key::{ModSeqScope, SearchKey};
pub use select::{QResync, SelectOptions};
pub use sequence_set::{InvalidSet, SequenceSet};
pub use sort::{SortBy, SortKey};
pub use status_line::{Status, StatusKind};
pub use thread::{ThreadAlgorithm, ThreadNode, Threads};
pub use uid_batches::{UidBatches, UidBatchesQuery};
pub use vanished::Vanished;
