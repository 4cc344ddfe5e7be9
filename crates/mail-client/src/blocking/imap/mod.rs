//! IMAP: [`ImapClient`] and what it gives. What has no part in waiting is the same as in [`crate::imap`].

mod client;
mod exclusive;
mod fetch;
mod mailbox;
mod watch;

pub use self::{
    client::{Connection, DefaultConnection, ImapClient},
    exclusive::Exclusive,
    fetch::{Body, BodyReader, FetchStream, Message, SectionContent, Sections},
    mailbox::Mailbox,
    watch::{WatchBuilder, Watcher},
};
pub use super::Pending;
