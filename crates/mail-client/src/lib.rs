//! A mail client over a connection pool: any number of tasks, one account, no lost message.
//!
//! Begin with [`imap::ImapClient`].

mod credentials;
mod error;
pub mod imap;
mod link;
pub mod transport;

pub use credentials::{TokenError, TokenProvider, TokenRequest};
pub use error::{Error, ErrorKind, Result};
pub use mail_proto::{Secret, sasl::Mechanism};
