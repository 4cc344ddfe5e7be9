//! POP3: [`Pop3Client`] and what it gives.
//!
//! A POP3 connection is a transaction over a maildrop that is locked meanwhile (RFC 1939), and that is what this makes of
//! it: the client's own calls read, over a connection that is open while it is used and a little longer; a [`Session`] is
//! the maildrop for oneself, and deletes when it is committed or not at all.

mod builder;
mod client;
mod connection;
mod content;
mod directory;
mod handles;
mod maildrop;
mod manager;
mod retrieve;
mod session;
mod unique_id;

pub use mail_pool::Assignment;
pub use mail_proto::pop3::{Capabilities, Capability, Code, DropListing, client::Apop};

pub use crate::client::{Pending, PoolStatus};

pub use self::{
    builder::Pop3ClientBuilder,
    client::Pop3Client,
    content::MessageReader,
    handles::{Connection, DefaultConnection},
    retrieve::{RetrieveStream, RetrievedMessage},
    session::Session,
    unique_id::{Language, ListedMessage, NumberedMessage, UniqueId, Which},
};
