//! Lines of a SASL exchange, which stand between a client's commands: never shown, since they hold passwords.

use super::report::Entry;

/// Whether a line may be a client's response: base64 of any length, or `*` to end the exchange.
pub(super) fn is_response(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    line == b"*" || (line.len().is_multiple_of(4) && line.iter().all(is_base64))
}

/// What is said of one.
pub(super) fn response() -> Entry {
    Entry::of("RESPONSE")
}
