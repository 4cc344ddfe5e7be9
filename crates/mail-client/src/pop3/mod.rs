//! POP3: [`Pop3Client`] and what it gives.

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
