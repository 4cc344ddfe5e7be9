//! What the client offers over its pool: connections of one's own, and how many there are.

use std::{future::Future, time::Duration};

use mail_proto::Secret;

use super::{
    client::ImapClient,
    handles::{Connection, DefaultConnection},
};
use crate::error::{Cause, Error, Result};

/// A client's connections at one instant: how many of how many, who has them for how long, who waits, and what the
/// server refused. Prints as a report of several lines.
pub type PoolStatus = mail_pool::Status<Error>;

impl ImapClient {
    /// Opens a connection that belongs to nobody, waiting for one within the quota if need be, first come first served.
    /// Only calls that [name](Self::via) it run on it.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); or none came free within the acquire timeout; or the quota is 1, which main has;
    /// or the caller has all connections there are, and would wait for itself.
    #[track_caller]
    pub fn create_connection(&self) -> impl Future<Output = Result<Connection>> + Send + use<> {
        let created = self.calls().pool().create_connection();
        async move { Ok(Connection::new(created.await?)) }
    }

    /// Opens the default connection of the calling task, or outside any task of the thread: from now on its calls that
    /// name no connection run there, and no others do, until the guard is dropped. All branches of a `join!` or
    /// `select!` are the same task; what it spawns isn't.
    ///
    /// # Errors
    /// As [`create_connection`](Self::create_connection); or the caller has one already; or the
    /// [mode](super::ImapClientBuilder::assignment) has no default connections made by hand.
    #[track_caller]
    pub fn create_default_connection(
        &self,
    ) -> impl Future<Output = Result<DefaultConnection>> + Send + use<> {
        let created = self.calls().pool().create_default_connection();
        async move { Ok(DefaultConnection::new(created.await?)) }
    }

    /// Runs a future whose automatic default connection ends with it: with
    /// [`Assignment::Default`](super::Assignment::Default), where nobody holds a handle to it, the connection that the
    /// calling task was given is free for others as soon as the future has ended or was dropped.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        self.calls().pool().scope(future).await
    }

    /// The same client, whose calls each end after this long, whatever they wait for: a connection, their turn, or the
    /// server's answer. They end in an error whose [`is_timeout`](Error::is_timeout) is true and whose
    /// [`was_written`](Error::was_written) says whether the server may have done what it was asked. The connection
    /// stays of use. Mailboxes opened with it have the same limit for each of their calls, but for streams, which take
    /// as long as they are read. No limit unless told.
    #[must_use]
    pub fn with_deadline(&self, limit: Duration) -> Self {
        Self::from(self.calls().within(Some(limit)))
    }

    /// Changes how many connections may be open. Growing serves those who wait; shrinking closes idle connections at
    /// once, and others when they are given back.
    ///
    /// # Errors
    /// 0 is too few.
    pub fn set_max_connections(&self, max: usize) -> Result<()> {
        let changed = self.calls().pool().set_max_connections(max);
        changed.map_err(|_| Error::new(Cause::Configuration("a client needs at least one connection")))
    }

    /// Logs in with this password from now on, or with this token where the client was built with one; if the server
    /// refused the one before, it is asked again. Connections that are open stay.
    ///
    /// # Errors
    /// The client was built with a [token provider](super::ImapClientBuilder::token_provider), or to log in without
    /// either.
    pub fn set_password(&self, password: impl Into<Secret>) -> Result<()> {
        self.calls().pool().manager().identity.set_password(password.into())?;
        self.retry_login();
        Ok(())
    }

    /// Tries to log in again after the server refused the login, which nothing does by itself: no wrong password is
    /// sent over and over.
    pub fn retry_login(&self) {
        self.calls().pool().retry_login();
    }

    /// The client's connections as they are now.
    pub fn pool_status(&self) -> PoolStatus {
        self.calls().pool().status()
    }
}
