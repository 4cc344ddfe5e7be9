//! What the fuzz targets check: a target is one line over a function of this library, and stable `cargo test` runs
//! the same functions, on the [seeds](seeds) and on mutations of them.
#![forbid(unsafe_code)]

pub mod dots;
pub mod imap;
#[cfg(test)]
mod mutation;
pub mod pop3;
mod random;
pub mod sasl;
mod script;
pub mod seeds;
pub mod smtp;
mod steps;
mod targets;

pub use targets::{TARGETS, Target};

/// Bytes as they stand in a message about them.
fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
