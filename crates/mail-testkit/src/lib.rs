//! An embedded mail server to develop and test mail programs against.

mod corpus;
mod date;
mod store;

pub use corpus::Corpus;
pub use store::{Flags, Message, StoredMessage};
