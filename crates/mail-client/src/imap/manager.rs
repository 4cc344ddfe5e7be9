//! How the pool opens, checks and closes IMAP connections.

use std::time::Duration;

use mail_pool::{Attempt, Class, Manager};
use mail_proto::imap::client::{Config, Session, SessionError};
use tokio::{sync::watch, time::Instant};

use super::{
    connection::{ImapConnection, Settings},
    extensions::Extensions,
    refusal,
};
use crate::{
    credentials::Identity,
    error::{Cause, Error, Result},
    link::{Opening, ProtocolLog},
};

/// What it takes to open a connection.
pub(crate) struct ImapManager {
    pub(super) opening: Opening,
    pub(super) session: Config,
    pub(super) identity: Identity,
    pub(super) extensions: Extensions,
    pub(super) settings: Settings,
    /// The last login that was refused for its credentials, and not tried again with fresh ones.
    pub(super) refused: watch::Sender<Option<Error>>,
}

impl ImapManager {
    async fn open(&self, attempt: Attempt) -> Result<ImapConnection> {
        let mut config = self.session.clone();
        let limit = self.opening.deadlines.login;
        config.login.credentials = Some(self.identity.credentials(attempt.fresh_credentials, limit).await?);
        let session = Session::new(config, Instant::now().into_std());
        let mut socket = self.opening.open(session, ProtocolLog::imap(attempt.id)).await?;
        self.extensions.switch_on(&mut socket, limit).await?;
        Ok(ImapConnection::start(attempt.id, socket, self.settings.clone()))
    }
}

impl Manager for ImapManager {
    type Connection = ImapConnection;
    type Error = Error;

    async fn connect(&self, attempt: Attempt) -> Result<ImapConnection> {
        let opened = self.open(attempt).await;
        opened.map_err(|error| {
            let error = error.at(&self.opening.target).on(attempt.id);
            let is_last = attempt.fresh_credentials || !self.identity.renews();
            if is_last && classify(&error) == Class::Refused {
                self.refused.send_replace(Some(error.clone()));
            }
            error
        })
    }

    fn is_broken(&self, connection: &ImapConnection) -> bool {
        connection.is_broken()
    }

    async fn check(&self, connection: &ImapConnection) -> Result<()> {
        connection.check().await
    }

    async fn close(&self, connection: ImapConnection) {
        connection.logout().await;
    }

    fn cut(&self, connection: &ImapConnection) {
        connection.cut();
    }

    fn classify(&self, error: &Error) -> Class {
        classify(error)
    }

    fn renews_credentials(&self) -> bool {
        self.identity.renews()
    }

    fn connect_timed_out(&self, after: Duration) -> Error {
        Error::new(Cause::Silent { waited_for: "a connection", after }).at(&self.opening.target)
    }
}

/// The class of a failed dial or login.
fn classify(error: &Error) -> Class {
    match error.cause() {
        Cause::Transport(error) if error.is_permanent() => Class::Permanent,
        Cause::Session(SessionError::LoginRefused(status) | SessionError::TokenRefused { status, .. }) => {
            refusal::class_at_login(status)
        }
        Cause::Session(SessionError::Bye(status)) => match refusal::class_at_login(status) {
            // Not one word of the login.
            Class::Refused => Class::Outage,
            class => class,
        },
        // Closed before the login's answer: a limit if others are open, which the pool knows.
        Cause::Session(SessionError::Closed) | Cause::Io(_) => Class::Outage,
        Cause::Session(_) | Cause::Configuration(_) | Cause::Encode(_) => Class::Permanent,
        _ => Class::Transient,
    }
}
