//! How a connection's session ended, whichever protocol it spoke.

use std::fmt;

use mail_proto::{
    imap::client::SessionError as ImapError, pop3::client::SessionError as Pop3Error,
    smtp::client::SessionError as SmtpError,
};

use super::{Cause, Error};
use crate::client::Said;

/// Why a session can't go on, in its protocol's own terms. A connection that the server merely closed is
/// [`Cause::HungUp`].
#[derive(Clone, Debug)]
pub(crate) enum SessionEnd {
    Imap(ImapError),
    Pop3(Pop3Error),
    Smtp(SmtpError),
}

/// What that is, in the terms of all three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The server said goodbye.
    Goodbye,
    /// It refused the login.
    LoginRefused,
    /// There is no way to log in, or its success can't be believed.
    NoLogin,
    /// It refused STARTTLS.
    TlsRefused,
    /// A message was begun that can't be ended.
    Upload,
    /// It doesn't keep to the protocol, or exceeds a limit.
    Protocol,
}

impl SessionEnd {
    pub(crate) fn end(&self) -> End {
        match self {
            Self::Smtp(SmtpError::HelloRefused(reply)) if reply.code.is_transient() => End::Goodbye,
            Self::Imap(ImapError::Bye(_)) | Self::Pop3(Pop3Error::Bye(_)) | Self::Smtp(SmtpError::Bye(_)) => {
                End::Goodbye
            }
            Self::Imap(ImapError::LoginRefused(_) | ImapError::TokenRefused { .. })
            | Self::Pop3(Pop3Error::LoginRefused(_) | Pop3Error::TokenRefused { .. })
            | Self::Smtp(SmtpError::LoginRefused(_) | SmtpError::TokenRefused { .. }) => End::LoginRefused,
            Self::Imap(ImapError::NoMechanism | ImapError::Sasl(_))
            | Self::Pop3(Pop3Error::NoMechanism | Pop3Error::Sasl(_))
            | Self::Smtp(SmtpError::NoMechanism | SmtpError::Sasl(_)) => End::NoLogin,
            Self::Imap(ImapError::StartTlsRefused(_))
            | Self::Pop3(Pop3Error::StartTlsRefused(_))
            | Self::Smtp(SmtpError::StartTlsRefused(_)) => End::TlsRefused,
            Self::Imap(ImapError::Upload(_))
            | Self::Smtp(SmtpError::BrokenOff | SmtpError::LoneLineBreak(_)) => End::Upload,
            Self::Imap(_) | Self::Pop3(_) | Self::Smtp(_) => End::Protocol,
        }
    }

    /// What the server said to end it.
    pub(crate) fn said(&self) -> Option<Said<'_>> {
        Some(match self {
            Self::Imap(
                ImapError::LoginRefused(status)
                | ImapError::TokenRefused { status, .. }
                | ImapError::Bye(status)
                | ImapError::StartTlsRefused(status),
            ) => Said::Imap(status),
            Self::Pop3(
                Pop3Error::LoginRefused(reply)
                | Pop3Error::TokenRefused { reply, .. }
                | Pop3Error::Bye(reply)
                | Pop3Error::StartTlsRefused(reply)
                | Pop3Error::Unexpected(reply),
            ) => Said::Pop3(reply),
            Self::Smtp(
                SmtpError::LoginRefused(reply)
                | SmtpError::TokenRefused { reply, .. }
                | SmtpError::Bye(reply)
                | SmtpError::HelloRefused(reply)
                | SmtpError::StartTlsRefused(reply)
                | SmtpError::Unexpected(reply),
            ) => Said::Smtp(reply),
            _ => return None,
        })
    }

    pub(crate) fn source(&self) -> &(dyn std::error::Error + 'static) {
        match self {
            Self::Imap(error) => error,
            Self::Pop3(error) => error,
            Self::Smtp(error) => error,
        }
    }
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source())
    }
}

impl From<ImapError> for Error {
    fn from(error: ImapError) -> Self {
        Self::new(match error {
            ImapError::Closed => Cause::HungUp,
            error => Cause::Session(SessionEnd::Imap(error)),
        })
    }
}

impl From<Pop3Error> for Error {
    fn from(error: Pop3Error) -> Self {
        Self::new(match error {
            Pop3Error::Closed => Cause::HungUp,
            error => Cause::Session(SessionEnd::Pop3(error)),
        })
    }
}

impl From<SmtpError> for Error {
    fn from(error: SmtpError) -> Self {
        Self::new(match error {
            SmtpError::Closed => Cause::HungUp,
            error => Cause::Session(SessionEnd::Smtp(error)),
        })
    }
}
