//! POP3: RFC 1939, with RFC 2449 (CAPA, codes, pipelining), RFC 2595 (STLS), RFC 3206 (codes), RFC 5034 (SASL) and
//! RFC 6856 (UTF-8).
//!
//! [`Framer`] cuts the stream, [`Reply`], [`Command`] and the others read and write what stands in it, for both sides,
//! and [`client`] is a whole connection without I/O. A server reads commands with a [`CommandReader`].
//!
//! ```
//! use mail_proto::pop3::{Code, Reply, ReplyKind};
//!
//! let reply = Reply::parse(&b"-ERR [IN-USE] Do you have another POP session running?\r\n"[..], Default::default())?;
//! assert_eq!((reply.value.kind, reply.value.code), (ReplyKind::Err, Some(Code::InUse)));
//! # Ok::<(), mail_proto::ParseError>(())
//! ```

mod apop;
mod capability;
pub mod client;
mod command;
mod framer;
mod listing;
mod reply;
mod server;

pub use capability::{Capabilities, Capability};
pub use command::{AnswerForm, Command, LONGEST_COMMAND};
pub use framer::{Event, Framer, Limits};
pub use listing::{DropListing, ScanListing, UniqueId};
pub use reply::{Code, Reply, ReplyKind};
pub use server::{CommandReader, apop_digest_matches, multi_line};

pub use crate::parsed::{ParseOptions, Parsed};

#[cfg(test)]
mod tests;
