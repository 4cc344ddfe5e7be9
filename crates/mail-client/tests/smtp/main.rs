//! SMTP as a client submits mail by it: messages and their envelopes, what becomes of them, and the rules of the pool.

system_tests::watch_for_secrets!();

mod cuts;
mod dialogue;
mod login;
mod many;
mod messages;
mod office;
mod outcomes;
mod rules;
