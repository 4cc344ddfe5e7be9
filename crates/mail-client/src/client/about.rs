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
    #[allow(dead_code, reason = "POP3's and SMTP's, whose clients are to come")]
    /// A message, by its number in the session.
    Message(u32),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mailbox(name) => name.fmt(f),
            Self::Message(number) => number.fmt(f),
        }
    }
}
