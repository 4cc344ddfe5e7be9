//! How the pool opens, checks and closes IMAP connections.

use std::time::Duration;

use mail_pool::{Attempt, Class, Manager};
use mail_proto::imap::client::{Config, Session};
use tokio::time::Instant;

use super::{connection::ImapConnection, extensions::Extensions};
use crate::{
    client::{Dialler, Home, MailManager},
    error::{Error, Result},
};

/// What it takes to open a connection.
pub(crate) struct ImapManager {
    pub(super) dialler: Dialler,
    pub(super) home: Home<Self>,
    pub(super) session: Config,
    pub(super) extensions: Extensions,
}

impl ImapManager {
    async fn open(&self, attempt: Attempt) -> Result<ImapConnection> {
        let start = |credentials| {
            let mut config = self.session.clone();
            config.login.credentials = credentials;
            Session::new(config, Instant::now().into_std())
        };
        let mut socket = self.dialler.dial(attempt, start).await?;
        self.extensions.switch_on(&mut socket, self.dialler.login_limit()).await?;
        Ok(ImapConnection::start(attempt.id, socket, self.home.clone()))
    }
}

impl Manager for ImapManager {
    type Connection = ImapConnection;
    type Error = Error;

    async fn connect(&self, attempt: Attempt) -> Result<ImapConnection> {
        self.dialler.note(attempt, self.open(attempt).await)
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
        self.dialler.classify(error)
    }

    fn renews_credentials(&self) -> bool {
        self.dialler.identity.renews()
    }

    fn connect_timed_out(&self, after: Duration) -> Error {
        self.dialler.timed_out(after)
    }
}

impl MailManager for ImapManager {
    fn dialler(&self) -> &Dialler {
        &self.dialler
    }

    fn home(&self) -> &Home<Self> {
        &self.home
    }

    async fn log_out(connection: &ImapConnection) {
        connection.logout().await;
    }
}
