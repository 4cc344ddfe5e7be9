//! IMAP: RFC 3501 and RFC 9051, both directions of both sides.
//!
//! - [`response`] reads and writes what a server sends, [`command`] what a client sends.
//! - Everything about a concept lies in one file: its type, its parser, its encoder, its tests.
//!
//! Reading is tolerant: what a server gets wrong is read and told as a [`Quirk`](crate::Quirk), what isn't known is
//! kept raw, and an item of a FETCH that can't be read costs only itself. `ParseOptions::STRICT` rejects instead.

mod body_structure;
mod capability;
pub mod client;
mod code;
pub mod command;
mod date;
pub mod encode;
mod envelope;
pub mod fetch;
mod flags;
mod list;
mod mailbox;
mod mailbox_status;
pub mod response;
mod search;
mod sequence_set;
mod status_line;
mod terminals;

pub use body_structure::{
    BodyStructure, BodyStructureBuf, Children, ContentBuf, Disposition, DispositionBuf, NumberedPart, Params,
    Walk,
};
pub use capability::{Capabilities, Capability};
pub use code::ResponseCode;
pub use command::Command;
pub use date::{Date, DateTime};
pub use encode::EncodeError;
pub use envelope::{Address, AddressBuf, Addresses, Envelope, EnvelopeBuf};
pub use flags::Flag;
pub use list::{List, MailboxAttribute};
pub use mailbox::MailboxName;
pub use mailbox_status::{MailboxStatus, StatusItem};
pub use search::{Search, SearchKey};
pub use sequence_set::{InvalidSet, SequenceSet};
pub use status_line::{Status, StatusKind};
