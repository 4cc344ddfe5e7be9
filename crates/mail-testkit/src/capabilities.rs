//! What the server shows that it can do, and therefore does.

pub(crate) mod imap;
mod lines;
pub(crate) mod pop3;
pub(crate) mod smtp;

/// Whether a SASL mechanism ties the login to TLS, and so is nothing without.
pub(crate) fn needs_tls(mechanism: &str) -> bool {
    mechanism.to_ascii_uppercase().ends_with("-PLUS")
}
