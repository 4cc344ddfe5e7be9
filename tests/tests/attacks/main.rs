//! Attacks that mail clients have fallen for, each with what must come of it: no secret in the clear, nothing believed
//! that was forged, no other host dialled, and time and memory within bounds.

system_tests::watch_for_secrets!();

mod believed;
mod bounds;
mod memory;
mod peer;
mod protocol;
mod starttls;
