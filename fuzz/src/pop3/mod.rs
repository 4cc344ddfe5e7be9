//! POP3: framing, grammar and session.

mod framing;
mod grammar;
mod session;

pub use framing::answers_are_framed_alike_however_split;
pub use grammar::lines_survive_being_written;
pub use session::every_command_ends_once;
pub(crate) use session::session_scripts;
