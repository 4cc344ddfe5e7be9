//! A mail client over a connection pool: any number of tasks, one account, no lost message.
//!
//! Begin with [`imap::ImapClient`] to read mail, with [`pop3::Pop3Client`] where a server has nothing better, and with
//! [`smtp::SmtpClient`] to send it.
//!
//! # Without async
//! The module [`blocking`] has the same clients for threads: each call returns when it is done, streams are iterators, and
//! bodies are [`std::io::Read`].
//!
//! # What it says
//! Everything that happens to connections is a [`tracing`](https://docs.rs/tracing) event of the target `mail_client` or
//! `mail_pool`, with the connection's number. With the target `mail_client::protocol` at level TRACE, asked for before
//! a connection is opened, each line of it is an event too, `C: ` for what the client says and `S: ` for what the
//! server does. Passwords, tokens and mail are in none of them, whatever the level.

pub mod blocking;
mod client;
mod credentials;
mod error;
pub mod imap;
mod link;
pub mod pop3;
pub mod smtp;
pub mod transport;

pub use credentials::{TokenError, TokenProvider, TokenRequest};
pub use error::{Error, ErrorKind, Result};
pub use mail_proto::{Excerpt, ParseError, Secret, sasl::Mechanism};
