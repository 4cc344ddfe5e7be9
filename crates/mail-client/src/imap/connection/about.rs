//! What an error tells of the command that it ended.

use mail_proto::imap::{Command, MailboxName};

use crate::imap::harmless::is_harmless;

/// What is kept of a command for errors and log events: nothing that may be a secret.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) name: &'static str,
    pub(crate) mailbox: Option<MailboxName>,
    /// Whether it may be sent twice.
    pub(crate) harmless: bool,
}

impl From<&Command> for About {
    fn from(command: &Command) -> Self {
        Self { name: command.name(), mailbox: command.mailbox().cloned(), harmless: is_harmless(command) }
    }
}
