//! SMTP as a client submits messages by it: RFC 5321 and RFC 6409, with RFC 1870 (SIZE), RFC 2034 and 3463 (enhanced
//! codes), RFC 2920 (PIPELINING), RFC 3030 (CHUNKING), RFC 3207 (STARTTLS), RFC 3461 (DSN), RFC 4954 (AUTH), RFC 6152
//! (8BITMIME) and RFC 6531 (SMTPUTF8).
//!
//! [`ReplyReader`] cuts and reads what a server sends, [`Command`] reads and writes what a client does, [`Reader`] cuts
//! what a server gets, [`Stuffer`](crate::Stuffer) writes a message, and [`client`] is a whole connection without I/O.
//!
//! ```
//! use mail_proto::smtp::{Address, Command, MailParameters};
//!
//! let mail = Command::Mail { from: Some(Address::new("kim@example.org")?), parameters: MailParameters::default() };
//! assert_eq!(mail.encode()?, "MAIL FROM:<kim@example.org>\r\n");
//! assert!(Address::new("kim@example.org>\r\nRCPT TO:<x@example.org").is_err());
//! # Ok::<(), mail_proto::ArgumentError>(())
//! ```

mod address;
pub mod client;
mod command;
mod extension;
mod parameter;
mod reply;
mod server;

pub use address::Address;
pub use command::{Command, LONGEST_COMMAND};
pub use extension::{Extension, Extensions};
pub use parameter::{Body, MailParameters, Notify, RcptParameters, Ret};
pub use reply::{EnhancedCode, Limits, ReadError, Reply, ReplyCode, ReplyReader};
pub use server::{Event, Reader};

pub use crate::parsed::{ParseOptions, Parsed};

#[cfg(test)]
mod tests;
