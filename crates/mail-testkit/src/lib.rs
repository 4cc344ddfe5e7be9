//! An embedded mail server to develop and test mail programs against.
//!
//! [`Server`] is a server for IMAP, POP3 and SMTP submission in memory, with ports of its own on loopback: implicit TLS,
//! STARTTLS and plain ([`Endpoint`]). It serves what it is given, over a [`Link`] as slow as wanted, limits connections as
//! providers do, reports what it saw, and does on order what servers do when things go wrong ([`Fault`]). Its mail can be
//! looked into and changed under the clients' feet ([`Account`]), at a chosen moment if need be ([`Hook`]). What it can do
//! is chosen too ([`Builder::capabilities`], [`Builder::pop3_capabilities`], [`Builder::smtp_keywords`],
//! [`Builder::mechanisms`]). POP3 serves the same INBOX as IMAP, to one session at a time; what is sent to a user by SMTP
//! lies there too, and with all else that was sent in [`Server::submissions`]. [`Corpus`] makes mail to fill it with.
//!
//! ```
//! use std::time::Duration;
//!
//! use mail_testkit::{Action, Corpus, Fault, Server};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder()
//!     .user("alice", "secret")
//!     .messages("INBOX", Corpus::new(50, 1))
//!     .mailbox("Archive")
//!     .latency(Duration::from_millis(20))
//!     .bandwidth(4_000_000)
//!     .max_connections_per_user(4)
//!     .fault(Fault::on_command("UID FETCH", Action::CutAfter(10_000)).nth(3))
//!     .start()
//!     .await?;
//! # drop(server); Ok(()) }
//! ```
#![forbid(unsafe_code)]

mod capabilities;
mod channel;
mod compression;
mod corpus;
mod endpoint;
mod fault;
mod hook;
mod imap;
mod link;
mod mime;
mod occasion;
mod pop3;
mod report;
mod sasl;
mod server;
mod session;
mod shared;
mod smtp;
mod store;
mod submission;
mod tls;
mod transcript;
mod wire;

pub use corpus::Corpus;
pub use endpoint::{Endpoint, Protocol};
pub use fault::{Action, Fault};
pub use hook::Hook;
pub use link::Link;
pub use report::{Connections, Report, SeenCommand};
pub use server::{Builder, Connection, Server, StartError};
pub use store::{Account, Flags, Message, StoreError, StoredMessage};
pub use submission::Submission;
pub use tls::ClientCertificate;
