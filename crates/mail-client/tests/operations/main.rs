//! What a client says for each operation, byte for byte, and what it makes of the answers.

system_tests::watch_for_secrets!();

#[path = "../common/mod.rs"]
mod common;

mod changes;
mod embedded;
mod extensions;
mod mailboxes;
mod search;
mod unreadable;
