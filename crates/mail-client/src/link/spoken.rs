//! What a link has to know of the protocol that is spoken over it.

use mail_proto::{imap, pop3, session::ClientSession, smtp};

use crate::error::Error;

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Imap,
    Pop3,
    Smtp,
}

/// A session of one of the protocols.
pub(crate) trait Spoken: ClientSession {
    const PROTOCOL: Protocol;

    /// Why it can't go on, with what it knows of the server.
    fn explain(&self, error: Self::Error) -> Error;
}

impl Spoken for imap::client::Session {
    const PROTOCOL: Protocol = Protocol::Imap;

    fn explain(&self, error: Self::Error) -> Error {
        error.into()
    }
}

impl Spoken for pop3::client::Session {
    const PROTOCOL: Protocol = Protocol::Pop3;

    fn explain(&self, error: Self::Error) -> Error {
        let error = Error::from(error);
        match (error.pop3_code(), self.capabilities().and_then(pop3::Capabilities::login_delay)) {
            // It has told before how long that is.
            (Some(pop3::Code::LoginDelay), Some(delay)) => error.retry_in(Some(delay)),
            _ => error,
        }
    }
}

impl Spoken for smtp::client::Session {
    const PROTOCOL: Protocol = Protocol::Smtp;

    fn explain(&self, error: Self::Error) -> Error {
        error.into()
    }
}
