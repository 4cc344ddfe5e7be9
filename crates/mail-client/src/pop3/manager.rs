//! How the pool opens, checks and closes POP3 connections.

use std::future::poll_fn;

use bytes::Bytes;
use mail_pool::{Attempt, Manager};
use mail_proto::pop3::{
    Capability, Command,
    client::{ClientSession as _, Config, Event, Session},
};
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::connection::{Pop3Connection, Terms};
use crate::{
    client::{Dialler, Home, mail_manager, manager_methods},
    error::{Cause, Error, Result},
    link::Socket,
};

/// What it takes to open a connection.
pub(crate) struct Pop3Manager {
    pub(super) dialler: Dialler,
    pub(super) home: Home,
    pub(super) session: Config,
    /// In which language texts are wanted.
    pub(super) language: Option<Bytes>,
    pub(super) terms: Terms,
}

impl Pop3Manager {
    async fn open(&self, attempt: Attempt) -> Result<Pop3Connection> {
        let start = |credentials| {
            let mut config = self.session.clone();
            config.login.credentials = credentials;
            Session::new(config, Instant::now().into_std())
        };
        let mut socket = self.dialler.dial(attempt, start).await?;
        if let Some(language) = &self.language
            && socket.session.capabilities().is_some_and(|known| known.has(&Capability::Lang))
        {
            let limit = self.dialler.login_limit();
            let spoken = timeout(limit, speak(&mut socket, language.clone())).await;
            spoken.map_err(|_| {
                Error::new(Cause::Silent { waited_for: "the answer to LANG", after: limit })
            })??;
        }
        Ok(Pop3Connection::start(attempt.id, socket, self.home.clone(), self.terms))
    }
}

/// Asks for texts in this language. A server that hasn't got it goes on in its own.
async fn speak(socket: &mut Socket<Session>, language: Bytes) -> Result<()> {
    let id = socket.session.submit(Command::Lang(Some(language)));
    loop {
        while let Some(event) = socket.session.next_event()? {
            if let Event::Completed { id: ended, outcome } = event
                && ended == id
            {
                if let Err(refusal) = outcome {
                    debug!(%refusal, "the server hasn't got the language");
                }
                return Ok(());
            }
        }
        poll_fn(|cx| socket.poll(cx, true)).await?;
    }
}

impl Manager for Pop3Manager {
    manager_methods! { Pop3Connection }

    async fn connect(&self, attempt: Attempt) -> Result<Pop3Connection> {
        self.dialler.note(attempt, self.open(attempt).await)
    }

    async fn check(&self, connection: &Pop3Connection) -> Result<()> {
        connection.check().await
    }
}

mail_manager! { Pop3Manager, Pop3Connection, Pop3Connection::leave }
