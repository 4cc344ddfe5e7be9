//! Whatever text a caller passes, what reaches the server is one well-formed command with that text in it, or nothing.
//!
//! Each public function that takes text has its line in a table; one that has none is found by reading the sources.

system_tests::watch_for_secrets!();

mod imap;
mod lines;
mod pop3;
mod recorder;
mod smtp;
mod sources;
mod texts;
