//! What [`mail_proto`] read, as JSON: each value as facts under fixed names, for people who debug a server and for
//! tests that compare.
//!
//! [`imap`], [`pop3`] and [`smtp`] give the keyword of a value (its *kind*) and its [`Facts`]. [`corpus`] reads cases
//! that say what must be read of some bytes, by the same names, and compares.
//!
//! Text is unescaped and otherwise left as it was sent: neither encoded words nor modified UTF-7 are decoded. Of text
//! that isn't UTF-8 the bytes are told in hexadecimal, and the fact's name ends in `_hex`.
//!
//! ```
//! use mail_facts::{Facts, imap};
//! use mail_proto::imap::response;
//!
//! let read = response::parse(&b"* LIST (\\Noselect) \"/\" Entw\xfcrfe\r\n"[..], Default::default())?;
//! let mut facts = Facts::default();
//! imap::response(&read.value, None, &mut facts);
//! assert_eq!(imap::kind(&read.value), "LIST");
//! assert_eq!(facts.get("attrs").unwrap()[0], "\\Noselect");
//! assert_eq!(facts.get("mailbox_hex").unwrap(), "456e7477fc726665");
//! # Ok::<(), mail_proto::ParseError>(())
//! ```
#![forbid(unsafe_code)]

pub mod corpus;
mod facts;
pub mod imap;
pub mod pop3;
pub mod smtp;

pub use facts::{Content, Facts};
