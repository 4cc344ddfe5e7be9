//! How the pool opens, checks and closes IMAP connections.

use mail_pool::{Attempt, Manager};
use mail_proto::imap::client::{Config, Session};
use tokio::time::Instant;

use super::{connection::ImapConnection, extensions::Extensions};
use crate::{
    client::{Dialler, Home, mail_manager, manager_methods},
    error::Result,
};

/// What it takes to open a connection.
pub(crate) struct ImapManager {
    pub(super) dialler: Dialler,
    pub(super) home: Home,
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
    manager_methods! { ImapConnection }

    async fn connect(&self, attempt: Attempt) -> Result<ImapConnection> {
        self.dialler.note(attempt, self.open(attempt).await)
    }

    async fn check(&self, connection: &ImapConnection) -> Result<()> {
        connection.check().await
    }
}

mail_manager! {
    ImapManager, ImapConnection, async |connection: &ImapConnection| {
        connection.logout().await;
        Ok(())
    }
}
