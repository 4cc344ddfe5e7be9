//! What the server holds: accounts with their mailboxes, in memory.

mod account;
mod flags;
mod mailbox;
mod message;

pub use account::{Account, StoreError};
pub(crate) use account::{Contents, MailboxId};
pub use flags::Flags;
pub(crate) use mailbox::{Entry, Mailbox};
pub(crate) use message::Ids;
pub use message::{Message, StoredMessage};
