//! What a command ends in when it doesn't go well: one line on stderr, and an exit status.

use std::{error::Error, path::PathBuf};

use mail_client::ErrorKind;

use crate::{
    INTERRUPTED,
    archive::ArchiveError,
    disk::DiskError,
    secret::PasswordError,
    terminal::printable,
    url::{MailUrl, UrlError},
};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Failure {
    #[error(transparent)]
    Url(#[from] UrlError),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("{} holds no certificates that can be used: {source}", path.display())]
    CaFile { path: PathBuf, source: Box<mail_client::transport::Error> },
    #[error("{host}: wrong user or password: the server refused to log {user} in: {said}")]
    Login { user: String, host: String, said: String },
    #[error(transparent)]
    Client(#[from] mail_client::Error),
    #[error("amid the body of message {uid}: {source}")]
    BrokeOff { uid: u32, source: mail_client::Error },
    #[error("{unread} of {of} messages could not be read")]
    Unread { unread: u64, of: u64, source: Option<Box<Self>> },
    #[error("{mailbox}: {source}")]
    Mailbox { mailbox: String, source: Box<Self> },
    #[error("{failed} of {of} mailboxes could not be read")]
    Mailboxes { failed: usize, of: usize },
    #[error("not every mailbox could be read of those that the server lists: {0}")]
    Unlisted(mail_client::Error),
    #[error("--delete-after-verify needs a POP3 server")]
    OnlyPop3,
    #[error("{failed} of {of} messages are not on disk as they came; nothing was deleted on the server")]
    Unverified { failed: usize, of: usize },
    #[error("the mail is kept, and nothing was deleted on the server: {0}")]
    NotDeleted(mail_client::Error),
    #[error("the mail is kept, and whether it was deleted on the server is not known: {0}")]
    DeletionUnknown(mail_client::Error),
    #[error("{} is named twice, and nothing is sent twice", .0.display())]
    NamedTwice(PathBuf),
    #[error("{failed} of {of} deliveries were not accepted")]
    Undelivered { failed: usize, of: usize },
    #[error("{} is not empty; --keep needs an empty or new directory", .0.display())]
    NotEmpty(PathBuf),
    #[error("{differing} of the ways did not give what the server holds")]
    Differs { differing: usize },
    #[error("the embedded server: {0}")]
    Server(#[from] mail_testkit::StartError),
    #[error("{unread} of {of} could not be read, or not all of it")]
    Unparsed { unread: u64, of: u64 },
    #[error("{failed} of {of} files could not be read")]
    Inputs { failed: usize, of: usize },
    #[error("cannot write the output: {0}")]
    Output(std::io::Error),
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
    #[error("interrupted")]
    Interrupted,
}

/// How much a failure keeps from being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// This mailbox can't be read; others can.
    Mailbox,
    /// The connection went with it.
    Connection,
    /// Nothing more can be done.
    Run,
}

impl Failure {
    /// The exit status: 2 for a command line that makes no sense, 130 after a signal, else 1.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Url(_) | Self::NotEmpty(_) | Self::NamedTwice(_) | Self::OnlyPop3 => 2,
            Self::Password(error) if error.is_usage() => 2,
            Self::Interrupted => INTERRUPTED,
            _ => 1,
        }
    }

    /// The same, with what only the caller knows: who was to be logged in where.
    pub(crate) fn about(self, url: &MailUrl) -> Self {
        match self {
            Self::Client(error) if error.kind() == ErrorKind::Login && !error.is_limit() => {
                match error.text() {
                    Some(said) => Self::Login { user: url.user.clone(), host: url.host.clone(), said },
                    None => Self::Client(error),
                }
            }
            Self::Mailbox { source, .. } if matches!(*source, Self::Login { .. }) => source.about(url),
            other => other,
        }
    }

    /// How much it keeps from being done.
    pub(crate) fn severity(&self) -> Severity {
        match self {
            Self::Client(error) | Self::BrokeOff { source: error, .. } => match error.kind() {
                _ if !error.unreadable().is_empty() => Severity::Mailbox,
                ErrorKind::Refused
                | ErrorKind::Mailbox
                | ErrorKind::UidValidityChanged
                | ErrorKind::Argument => Severity::Mailbox,
                ErrorKind::ConnectionLost | ErrorKind::Protocol | ErrorKind::ReaderStalled => {
                    Severity::Connection
                }
                _ => Severity::Run,
            },
            Self::Unread { .. } => Severity::Mailbox,
            _ => Severity::Run,
        }
    }

    /// All of it in one line that does nothing to a terminal, whatever a server put into it.
    pub(crate) fn line(&self) -> String {
        let mut line = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Many an error quotes its cause already.
            if !line.contains(&text) {
                line.push_str(": ");
                line.push_str(&text);
            }
            source = cause.source();
        }
        printable(&line).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::disk::failed;

    #[test]
    fn a_line_is_a_line_and_says_things_once() {
        let disk = failed("write", std::path::Path::new("/a\nb"))(io::ErrorKind::StorageFull.into());
        let failure = Failure::Mailbox { mailbox: "IN\x1bBOX".into(), source: Box::new(disk.into()) };
        assert_eq!(failure.line(), "IN\\u{1b}BOX: the disk is full: cannot write /a\\nb: no storage space");
        assert_eq!(failure.status(), 1);
    }

    #[test]
    fn the_status_says_who_is_to_blame() {
        assert_eq!(Failure::Url(UrlError::NoUser).status(), 2);
        assert_eq!(Failure::Password(PasswordError::Nowhere).status(), 2);
        assert_eq!(Failure::Interrupted.status(), 130);
        assert_eq!(Failure::Mailboxes { failed: 1, of: 2 }.status(), 1);
    }
}
