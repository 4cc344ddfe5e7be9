//! What the server holds: accounts with their mailboxes, in memory.

mod flags;
mod message;

pub use flags::Flags;
pub use message::{Message, StoredMessage};
