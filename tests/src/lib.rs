//! Whole-system tests, which live in the `tests` folder of this crate, and what they stand on: real mail servers
//! that are started for a test, on loopback, and leave nothing behind; mail to fill them with; and an oracle that
//! says what they hold.
//!
//! Tests that need a real server are marked `#[ignore]`, with what they need as the reason, so that a plain
//! `cargo test` passes on any machine and says how many it left out. `cargo xtask test` runs them.

pub mod cargo;
pub mod counted;
pub mod digest;
pub mod mailctl;
pub mod maildir;
pub mod oracle;
pub mod secrets;
pub mod seed;
pub mod servers;
pub mod wire;
