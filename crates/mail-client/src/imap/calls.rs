//! Calls of IMAP: a command each.

use std::future::Future;

use mail_pool::Conn;
use mail_proto::imap::{client::Request, response::Untagged};

use super::{connection::Answer, manager::ImapManager};
use crate::{
    client::{About, Attempted, Deadline},
    error::{Error, Result},
};

/// Runs calls: on the connection that was named, or on the one that the mode picks.
pub(super) type Calls = crate::client::Calls<ImapManager>;

impl Calls {
    /// Runs a command.
    pub(super) async fn run(&self, request: Request) -> Result<Answer> {
        self.run_with(&request, |connection, deadline| {
            let request = request.clone();
            async move { Attempted { outcome: connection.run(request, deadline).await, can_repeat: true } }
        })
        .await
    }

    /// Runs a command that asks for one thing, which `pick` finds. `what` says what is missing without it.
    pub(super) async fn ask<T>(
        &self,
        request: Request,
        what: &'static str,
        pick: impl FnMut(Untagged) -> Option<T>,
    ) -> Result<T> {
        let about = About::from(request.command());
        let told = self.run(request).await?.one(what, pick);
        told.map_err(|error| self.here(error).about(&about))
    }

    /// Runs a command that asks for any number of things, of which none may be missing.
    pub(super) async fn ask_all(&self, request: Request) -> Result<Vec<Untagged>> {
        let about = About::from(request.command());
        let told = self.run(request).await?.whole();
        told.map_err(|error| self.here(error).about(&about))
    }

    /// An error that this server is to blame for.
    pub(super) fn here(&self, error: Error) -> Error {
        error.at(&self.pool().manager().home.target)
    }

    /// Runs a command that `send` sends on a connection.
    pub(super) async fn run_with<F: Future<Output = Attempted<Answer>>>(
        &self,
        request: &Request,
        send: impl FnMut(Conn<ImapManager>, Option<Deadline>) -> F,
    ) -> Result<Answer> {
        self.attempt(|| About::from(request.command()), send).await
    }
}
