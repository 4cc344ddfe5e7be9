//! SMTP: replies, commands and session.

mod commands;
mod replies;
mod session;

pub use commands::commands_survive_being_written;
pub use replies::replies_survive_being_written;
pub use session::every_message_ends_once;
pub(crate) use session::session_scripts;
