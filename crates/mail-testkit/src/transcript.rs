//! Commands as the report shows them, whatever their protocol.

use std::fmt::Write as _;

/// Octets as text: what isn't printable ASCII is escaped.
pub(crate) fn printable(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for octet in octets {
        match octet {
            b' '..=b'~' => text.push(char::from(*octet)),
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            _ => drop(write!(text, "\\x{octet:02x}")),
        }
    }
    text
}
