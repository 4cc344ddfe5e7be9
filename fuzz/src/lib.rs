//! What the fuzz targets check: a target is one line over a function of this library, and stable `cargo test` runs
//! the same functions.
#![forbid(unsafe_code)]

mod framing;
mod grammar;
mod session;

pub use framing::{commands_are_framed_alike_however_split, responses_are_framed_alike_however_split};
pub use grammar::{commands_survive_being_written, responses_survive_being_written};
pub use session::every_command_ends_once;
