//! SASL: both sides against peers that say anything, and SCRAM with someone in the middle.

mod hostile;
mod scram;

pub use hostile::{no_client_logs_in_without_the_secret, no_server_talks_a_client_into_success};
pub use scram::what_was_changed_on_the_way_is_found_out;
