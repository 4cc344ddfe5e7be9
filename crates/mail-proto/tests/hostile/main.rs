//! Input that is made to hurt: endless nesting, literals, digits, quotes and lists, at every framer, grammar and session.
//!
//! Each is read on a small stack, without a panic, and in time that grows with its length: see [`measure`].

mod imap_client_side;
mod imap_server_side;
mod measure;
mod pop3;
mod sasl;
mod smtp;
