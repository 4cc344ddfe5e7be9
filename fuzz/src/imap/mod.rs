//! IMAP: framing, grammar and session.

mod framing;
mod grammar;
mod names;
mod session;
mod sets_and_dates;

pub use framing::{commands_are_framed_alike_however_split, responses_are_framed_alike_however_split};
pub use grammar::{commands_survive_being_written, responses_survive_being_written};
pub use names::mailbox_names_keep_their_text;
pub use session::every_command_ends_once;
pub(crate) use session::session_scripts;
pub use sets_and_dates::sets_and_dates_mean_what_they_say;
