//! A mail client over a connection pool: any number of tasks, one account, no lost message.
//!
//! Begin with [`imap::ImapClient`].

mod error;
pub mod imap;
mod link;
pub mod transport;

pub use error::{Error, ErrorKind, Result};
pub use mail_proto::Secret;
