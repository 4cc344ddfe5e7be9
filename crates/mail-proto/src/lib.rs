//! The mail protocols without I/O: bytes in, meaning out, and back again.
//!
//! Three layers, each of use alone:
//!
//! 1. **Framing** ([`frame`]) cuts a byte stream into frames, a line with its literals, in one pass.
//! 2. **Grammar** ([`imap`], [`pop3`], [`smtp`], [`sasl`]) reads a frame into a value and writes a value as a frame, for both
//!    sides.
//! 3. **Sessions** ([`imap::client`], [`pop3::client`], [`smtp::client`]) are state machines: bytes and the time go in; bytes to write, events and the
//!    next deadline come out.
//!
//! There is no socket, no clock, no runtime and no `unsafe` in here, so the whole protocol can be tested, fuzzed and
//! built upon (a client, a server, a proxy) as one likes.
//!
//! Features, of which none changes what another does:
//!
//! - `sasl`, on by default: the SASL mechanisms that need hashes, and POP3's APOP.
//! - `serde`: `Serialize` and `Deserialize` for the values that one keeps. What has a text on the wire is that text: a
//!   mailbox name (in modified UTF-7), a flag, a capability, a set, a date, a response code (without its brackets), and
//!   [`Response`](imap::response::Response) and [`Fetch`](imap::fetch::Fetch) as a whole. All else is a map of its fields.
//!   Bytes are a string if they are UTF-8, a list of numbers if not, and bytes in formats that aren't for people. These
//!   forms stay as they are. Neither commands nor [`Secret`] have one, so that no password gets into a file by them.
//! - `arbitrary`: `Arbitrary` for [`imap::Command`], [`imap::response::Response`] and what they hold, for fuzzers of what
//!   is built upon this. Nearly all that is made can be written; the rest `encode` refuses.
//!
//! ```
//! use mail_proto::imap::response::{self, Response, Untagged};
//!
//! let parsed = response::parse(&b"* 12 FETCH (UID 5 FLAGS (\\Seen))\r\n"[..], Default::default())?;
//! let Response::Untagged(Untagged::Fetch(fetch)) = parsed.value else { panic!("a FETCH") };
//! assert_eq!(fetch.uid(), Some(5));
//! assert!(fetch.flags().unwrap().seen());
//! # Ok::<(), mail_proto::ParseError>(())
//! ```
#![forbid(unsafe_code)]

#[cfg(feature = "arbitrary")]
mod arbitrary_values;
mod argument;
mod dots;
mod echo;
mod error;
pub mod frame;
#[cfg(test)]
mod generated;
pub mod imap;
mod lines;
mod parsed;
pub mod pop3;
mod reading;
pub mod sasl;
mod secret;
#[cfg(feature = "serde")]
mod serde_forms;
pub mod session;
pub mod smtp;
mod text;

pub use argument::ArgumentError;
pub use dots::{LoneLineBreak, LoneLineBreaks, Stuffer};
pub use error::{Excerpt, ParseError, Quirk, QuirkKind};
pub use parsed::{ParseOptions, Parsed};
pub use secret::Secret;
pub use text::Str;
