//! POP3, against servers in memory that do what they are told.

system_tests::watch_for_secrets!();

mod capabilities;
mod connections;
mod deletions;
mod embedded;
mod messages;
mod peer;
mod quirks;
mod refusals;
