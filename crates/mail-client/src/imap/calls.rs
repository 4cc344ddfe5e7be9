//! Calls of IMAP: a command each.

use std::future::Future;

use mail_pool::Conn;
use mail_proto::imap::client::Request;

use super::{connection::Answer, manager::ImapManager};
use crate::{
    client::{About, Attempted, Deadline},
    error::Result,
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

    /// Runs a command that `send` sends on a connection.
    pub(super) async fn run_with<F: Future<Output = Attempted<Answer>>>(
        &self,
        request: &Request,
        send: impl FnMut(Conn<ImapManager>, Option<Deadline>) -> F,
    ) -> Result<Answer> {
        self.attempt(|| About::from(request.command()), send).await
    }
}
