//! What every client offers over its pool, written once: connections of one's own, operations in the background, and
//! how it all stands.

use mail_proto::Secret;

use super::{Calls, MailManager};
use crate::error::{Cause, Error, Result};

/// A client's connections at one instant: how many of how many, who has them for how long, who waits, and what the
/// server refused. Prints as a report of several lines.
pub type PoolStatus = mail_pool::Status<Error>;

impl<M: MailManager> Calls<M> {
    pub(crate) fn set_max_connections(&self, max: usize) -> Result<()> {
        let changed = self.pool().set_max_connections(max);
        changed.map_err(|_| Error::new(Cause::Configuration("a client needs at least one connection")))
    }

    pub(crate) fn set_password(&self, password: Secret) -> Result<()> {
        self.pool().manager().dialler().identity.set_password(password)?;
        self.pool().retry_login();
        Ok(())
    }
}

/// The methods of a client that has [`Calls`] in its field `calls`, for a module with a `Connection` and a
/// `DefaultConnection`. `$begin` and `$end` are an example of an operation in the background.
macro_rules! client_methods {
    (
        $Client:ident over $Manager:ty,
        path: $path:literal,
        builder: $builder:literal,
        deadlines: $deadlines:literal,
        begin: $begin:literal,
        end: $end:literal,
    ) => {
        impl $Client {
            pub(super) fn new(pool: mail_pool::Pool<$Manager>) -> Self {
                Self { calls: $crate::client::Calls::new(pool) }
            }

            pub(super) fn calls(&self) -> &$crate::client::Calls<$Manager> {
                &self.calls
            }

            pub(crate) fn pool(&self) -> &mail_pool::Pool<$Manager> {
                self.calls.pool()
            }

            /// Opens the connection that calls without a name use, now instead of at the first call: main, or
            /// with [`Assignment::Default`](mail_pool::Assignment::Default) the caller's default. So it finds
            /// out whether the server takes the credentials.
            ///
            /// # Errors
            /// The server can't be reached, can't be trusted, or refuses the login.
            #[track_caller]
            pub fn connect(&self) -> impl std::future::Future<Output = $crate::Result<()>> + Send + use<> {
                let connected = self.pool().connect();
                async move { Ok(connected.await?) }
            }

            /// The same client, whose calls run on this connection.
            #[must_use]
            pub fn via(&self, connection: &Connection) -> Self {
                Self { calls: self.calls.via(connection.held()) }
            }

            /// Logs in anew to find out whether the server takes the credentials, and out again. Unlike
            /// [`connect`](Self::connect) it doesn't take the word of a connection that has been open for
            /// long.
            ///
            /// The connection counts in the quota like any other, so this waits in line for it. Where the
            /// quota is 1, main logs out once the commands that were queued before are done, and in again;
            /// those queued after run then.
            ///
            /// ```no_run
            #[doc = concat!("# async fn example(client: ", $path, ") -> mail_client::Result<()> {")]
            /// use mail_client::ErrorKind;
            ///
            /// match client.check_credentials().await {
            ///     Err(error) if error.kind() == ErrorKind::Login => println!("time for another password: {error}"),
            ///     outcome => outcome?,
            /// }
            /// # Ok(())
            /// # }
            /// ```
            ///
            /// # Errors
            /// The server can't be reached, or refuses the login; no connection came free in time. Once the
            /// server has refused these credentials it isn't asked again before
            /// [`set_password`](Self::set_password) or [`retry_login`](Self::retry_login).
            pub async fn check_credentials(&self) -> $crate::Result<()> {
                self.calls.check_credentials().await
            }

            /// Opens a connection that belongs to nobody, waiting for one within the quota if need be, first
            /// come first served. Only calls that [name](Self::via) it run on it.
            ///
            /// # Errors
            /// As [`connect`](Self::connect); or none came free within the acquire timeout; or the quota is
            /// 1, which main has; or the caller has all connections there are, and would wait for itself.
            #[track_caller]
            pub fn create_connection(
                &self,
            ) -> impl std::future::Future<Output = $crate::Result<Connection>> + Send + use<> {
                let created = self.calls.pool().create_connection();
                async move { Ok(Connection::new(created.await?)) }
            }

            /// Opens the default connection of the calling task, or outside any task of the thread: from now
            /// on its calls that name no connection run there, and no others do, until the guard is dropped.
            /// All branches of a `join!` or `select!` are the same task; what it spawns isn't.
            ///
            /// # Errors
            /// As [`create_connection`](Self::create_connection); or the caller has one already; or the
            #[doc = concat!("[mode](", $builder, "::assignment) has no default connections made by hand.")]
            #[track_caller]
            pub fn create_default_connection(
                &self,
            ) -> impl std::future::Future<Output = $crate::Result<DefaultConnection>> + Send + use<> {
                let created = self.calls.pool().create_default_connection();
                async move { Ok(DefaultConnection::new(created.await?)) }
            }

            /// Runs a future whose automatic default connection ends with it: with
            /// [`Assignment::Default`](mail_pool::Assignment::Default), where nobody holds a handle to it,
            /// the connection that the calling task was given is free for others as soon as the future has
            /// ended or was dropped.
            pub async fn scope<F: std::future::Future>(&self, future: F) -> F::Output {
                self.calls.pool().scope(future).await
            }

            /// The same client, whose calls each end after this long, whatever they wait for: a connection,
            /// their turn, or the server's answer. They end in an error whose
            /// [`is_timeout`](crate::Error::is_timeout) is true and whose
            /// [`was_written`](crate::Error::was_written) says whether the server may have done what it was
            /// asked. The connection stays of use. No limit unless told.
            #[doc = $deadlines]
            #[must_use]
            pub fn with_deadline(&self, limit: std::time::Duration) -> Self {
                Self::from(self.calls.within(Some(limit)))
            }

            /// Changes how many connections may be open. Growing serves those who wait; shrinking closes idle
            /// connections at once, and others when they are given back.
            ///
            /// # Errors
            /// 0 is too few.
            pub fn set_max_connections(&self, max: usize) -> $crate::Result<()> {
                self.calls.set_max_connections(max)
            }

            /// Logs in with this password from now on, or with this token where the client was built with
            /// one; if the server refused the one before, it is asked again. Connections that are open stay.
            ///
            /// # Errors
            #[doc = concat!("The client was built with a [token provider](", $builder, "::token_provider), or to")]
            /// log in without either.
            pub fn set_password(&self, password: impl Into<$crate::Secret>) -> $crate::Result<()> {
                self.calls.set_password(password.into())
            }

            /// Tries to log in again after the server refused the login, which nothing does by itself: no
            /// wrong password is sent over and over.
            pub fn retry_login(&self) {
                self.calls.pool().retry_login();
            }

            /// The client's connections as they are now.
            pub fn pool_status(&self) -> $crate::client::PoolStatus {
                self.calls.pool().status()
            }

            /// Begins an operation in the background. It stands in line for a connection of its own, with
            /// those who create one, in the order in which all of them asked, and is handed the client whose
            /// calls run there; calls inside it on any other clone of this client that name no connection run
            /// there too. Where there are no connections but main it runs on main. Begun inside another
            /// operation, or by a task that has a default connection, it runs on that one unless another is
            /// free at once; begun on a client with a [named](Self::via) connection, it runs on that one.
            ///
            /// ```no_run
            #[doc = concat!("# async fn many(client: ", $path, ") -> mail_client::Result<()> {")]
            #[doc = $begin]
            /// // … meanwhile …
            #[doc = $end]
            /// # Ok(()) }
            /// ```
            ///
            /// The connection goes back when the operation has ended and nothing that was made with its
            /// client is left.
            ///
            /// # Errors
            #[doc = concat!("As many operations as [allowed](", $builder, "::max_operations) are unfinished, the")]
            /// client is closed, or there is no tokio runtime.
            #[track_caller]
            pub fn begin<T, F, R>(&self, operation: F) -> $crate::Result<$crate::client::Pending<T>>
            where
                F: FnOnce(Self) -> R + Send + 'static,
                R: std::future::Future<Output = $crate::Result<T>> + Send + 'static,
                T: Send + 'static,
            {
                self.calls.begin(None, move |calls| operation(Self::from(calls)))
            }

            /// Like [`begin`](Self::begin), with a limit on how long it may wait for its connection.
            ///
            /// # Errors
            /// As there; when the time is up, the operation ends in an error that says who has the
            /// connections.
            #[track_caller]
            pub fn begin_within<T, F, R>(
                &self,
                limit: std::time::Duration,
                operation: F,
            ) -> $crate::Result<$crate::client::Pending<T>>
            where
                F: FnOnce(Self) -> R + Send + 'static,
                R: std::future::Future<Output = $crate::Result<T>> + Send + 'static,
                T: Send + 'static,
            {
                self.calls.begin(Some(limit), move |calls| operation(Self::from(calls)))
            }

            /// Logs every connection out, giving running commands the
            #[doc = concat!("[grace period](", $builder, "::grace).")]
            /// Calls made after it fail. Dropping the last clone of the client does the same in the background.
            pub async fn close(&self) {
                self.pool().close().await;
            }
        }

        impl From<$crate::client::Calls<$Manager>> for $Client {
            fn from(calls: $crate::client::Calls<$Manager>) -> Self {
                Self { calls }
            }
        }

        impl std::fmt::Debug for $Client {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($Client))
                    .field("server", &self.calls.pool().manager().home.target)
                    .finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use client_methods;
