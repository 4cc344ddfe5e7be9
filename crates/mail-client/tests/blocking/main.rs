//! The clients for threads: the pool's rules as threads see them, streams as iterators, bodies as `Read`, and the places
//! where a call may not wait.

system_tests::watch_for_secrets!();

#[path = "../common/mod.rs"]
mod common;

mod content;
mod defaults;
mod operations;
mod parity;
mod places;
mod retrieving;
mod sending;
mod server;
mod sharing;
mod watching;
