//! How the pool opens, checks, clears and closes SMTP connections.

use mail_pool::{AfterUse, Attempt, Manager};
use mail_proto::{
    LoneLineBreaks,
    smtp::{
        Command,
        client::{Config, Session},
    },
};
use tokio::time::Instant;

use super::connection::SmtpConnection;
use crate::{
    client::{Dialler, Home, mail_manager, manager_methods},
    error::Result,
};

/// What it takes to open a connection.
pub(crate) struct SmtpManager {
    pub(super) dialler: Dialler,
    pub(super) home: Home,
    pub(super) session: Config,
    pub(super) lone_line_breaks: LoneLineBreaks,
}

impl Manager for SmtpManager {
    manager_methods! { SmtpConnection }

    async fn connect(&self, attempt: Attempt) -> Result<SmtpConnection> {
        let opened = self.dialler.dial(attempt, |credentials| {
            let mut config = self.session.clone();
            config.login.credentials = credentials;
            Session::new(config, Instant::now().into_std())
        });
        let socket = self.dialler.note(attempt, opened.await)?;
        Ok(SmtpConnection::start(attempt.id, socket, self.home.clone()))
    }

    async fn check(&self, connection: &SmtpConnection) -> Result<()> {
        connection.run(Command::Noop, None).await.map(drop)
    }

    fn needs_reset(&self, connection: &SmtpConnection) -> bool {
        connection.is_open()
    }

    /// The next user finds no message half-way (rule P19).
    async fn reset(&self, connection: &SmtpConnection) -> AfterUse {
        match connection.run(Command::Rset, None).await {
            Ok(_) => AfterUse::Keep,
            Err(_) => AfterUse::Close,
        }
    }
}

mail_manager! {
    SmtpManager, SmtpConnection, async |connection: &SmtpConnection| {
        connection.logout().await;
        Ok(())
    }
}
