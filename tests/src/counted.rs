//! What tests say whether or not their output is kept back: how much was tried, in lines that `cargo xtask test` adds up.

use std::io::Write;

/// Says how many of something there were.
pub fn counted(what: &str, number: u64) {
    say(&format!("counted: {what} {number}"));
}

/// Says something, in one piece and on lines of its own: tests run beside each other, and libtest has begun one.
pub fn say(what: &str) {
    let _ = std::io::stdout().lock().write_all(format!("\n{what}\n").as_bytes());
}
