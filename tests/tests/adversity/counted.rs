//! How much was tried, in lines that `cargo xtask test` adds up.

use std::io::Write;

/// Says so, whether or not the test's output is kept back.
pub(crate) fn counted(what: &str, number: u64) {
    // In one piece, on a line of its own: tests run beside each other.
    let line = format!("\ncounted: {what} {number}\n");
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}
