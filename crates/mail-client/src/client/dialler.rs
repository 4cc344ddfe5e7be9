//! From nothing to a connection that is logged in, and what a failure on the way means.

use std::{future::Future, time::Duration};

use mail_pool::{Attempt, Class, Manager};
use mail_proto::sasl::Credentials;
use tokio::sync::watch;

use super::{Home, refusal};
use crate::{
    credentials::Identity,
    error::{Cause, End, Error, Result},
    link::{Opening, ProtocolLog, Socket, Spoken},
    transport,
};

/// A manager of connections to a mail server.
pub(crate) trait MailManager: Manager<Error = Error> + Sized {
    fn dialler(&self) -> &Dialler;

    fn home(&self) -> &Home;

    /// Says goodbye on a connection that others may still name, once what they queued before is done.
    fn log_out(connection: &Self::Connection) -> impl Future<Output = Result<()>> + Send;
}

/// What a manager with a `dialler` and a `home` does as all do, in its `impl Manager`.
macro_rules! manager_methods {
    ($Connection:ty) => {
        type Connection = $Connection;
        type Error = $crate::Error;

        fn is_broken(&self, connection: &$Connection) -> bool {
            connection.is_broken()
        }

        async fn close(&self, connection: $Connection) {
            connection.logout().await;
        }

        fn cut(&self, connection: &$Connection) {
            connection.cut();
        }

        fn classify(&self, error: &$crate::Error) -> mail_pool::Class {
            self.dialler.classify(error)
        }

        fn renews_credentials(&self) -> bool {
            self.dialler.identity.renews()
        }

        fn connect_timed_out(&self, after: std::time::Duration) -> $crate::Error {
            self.dialler.timed_out(after)
        }
    };
}
pub(crate) use manager_methods;

/// Makes a manager with a `dialler` and a `home` one of a mail client's, whose connections `$log_out` logs out.
macro_rules! mail_manager {
    ($Manager:ty, $Connection:ty, $log_out:expr) => {
        impl $crate::client::MailManager for $Manager {
            fn dialler(&self) -> &$crate::client::Dialler {
                &self.dialler
            }

            fn home(&self) -> &$crate::client::Home {
                &self.home
            }

            async fn log_out(connection: &$Connection) -> $crate::Result<()> {
                $log_out(connection).await
            }
        }
    };
}
pub(crate) use mail_manager;

/// What it takes to open a connection.
pub(crate) struct Dialler {
    pub(crate) opening: Opening,
    pub(crate) identity: Identity,
    /// The last login that was refused for its credentials, and not tried again with fresh ones.
    refused: watch::Sender<Option<Error>>,
}

impl Dialler {
    pub(super) fn new(opening: Opening, identity: Identity) -> Self {
        Self { opening, identity, refused: watch::Sender::default() }
    }

    /// How long a login may take.
    pub(crate) fn login_limit(&self) -> Duration {
        self.opening.deadlines.login
    }

    /// Dials, and logs in with a session that `start` makes for the credentials.
    pub(crate) async fn dial<S: Spoken>(
        &self,
        attempt: Attempt,
        start: impl FnOnce(Option<Credentials>) -> S,
    ) -> Result<Socket<S>> {
        let credentials = self.identity.credentials(attempt.fresh_credentials, self.login_limit()).await?;
        self.opening.open(start(credentials), ProtocolLog::of::<S>(attempt.id)).await
    }

    /// The outcome of opening a connection, with where it was; a refused login is noted.
    pub(crate) fn note<C>(&self, attempt: Attempt, opened: Result<C>) -> Result<C> {
        opened.map_err(|error| {
            let error = error.at(&self.opening.target).on(attempt.id);
            let error = match self.classify(&error) {
                Class::Throttled(told @ Some(_)) => error.retry_in(told),
                _ => error,
            };
            let is_last = attempt.fresh_credentials || !self.identity.renews();
            if is_last && self.classify(&error) == Class::Refused {
                self.refused.send_replace(Some(error.clone()));
            }
            error
        })
    }

    /// Logins that are refused from now on.
    pub(super) fn refusals(&self) -> watch::Receiver<Option<Error>> {
        self.refused.subscribe()
    }

    /// The class of a failed dial or login.
    pub(crate) fn classify(&self, error: &Error) -> Class {
        match error.cause() {
            Cause::Transport(error) if error.is_permanent() => Class::Permanent,
            // Some that have too many connections say no more than that, as Courier does.
            Cause::Transport(transport::Error::Lost { phase: transport::Phase::Tls, .. }) => Class::Outage,
            Cause::Session(session) => {
                let class = session.said().map_or(Class::Refused, refusal::class_at_login);
                match (session.end(), class) {
                    (End::LoginRefused | End::Goodbye, Class::Throttled(told)) => {
                        Class::Throttled(error.wait_known().or(told))
                    }
                    // Not one word of the login.
                    (End::Goodbye, Class::Refused) => Class::Outage,
                    (End::LoginRefused | End::Goodbye, class) => class,
                    _ => Class::Permanent,
                }
            }
            // Closed before the login's answer: a limit if others are open, which the pool knows.
            Cause::HungUp | Cause::Io(_) => Class::Outage,
            Cause::Configuration(_) | Cause::Encode(_) => Class::Permanent,
            _ => Class::Transient,
        }
    }

    /// The error of a dial that took too long for the pool.
    pub(crate) fn timed_out(&self, after: Duration) -> Error {
        Error::new(Cause::Silent { waited_for: "a connection", after }).at(&self.opening.target)
    }
}
