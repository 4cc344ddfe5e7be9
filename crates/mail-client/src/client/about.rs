//! What an error tells of the command that it ended.

use std::fmt;

use mail_proto::imap::MailboxName;

/// What is kept of a command for errors and log events: nothing that may be a secret.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) name: &'static str,
    pub(crate) subject: Option<Subject>,
    /// Whether it may be sent twice.
    pub(crate) harmless: bool,
}

/// What a command is about.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    Mailbox(MailboxName),
    /// A message, as its protocol calls it.
    Message(Box<str>),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mailbox(name) => name.fmt(f),
            Self::Message(name) => name.fmt(f),
        }
    }
}
