//! What every client is set up with, and what comes of it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use mail_pool::{Assignment, Pool, Quota};
use mail_proto::{
    Secret,
    sasl::{self, Credentials},
    session::{Login, Security},
};
use tokio::runtime::Handle;

use super::{Dialler, GOODBYE, Home, MailManager, NEVER};
use crate::{
    credentials::{Identity, Source, TokenProvider},
    error::{Cause, Error, Result},
    link::{Deadlines, Opening},
    transport::{Connector, Target, TcpConnector, Tls},
};

/// The settings that all clients have.
pub(crate) struct Setup {
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    pub(crate) user: String,
    pub(crate) login: Option<LoginWith>,
    pub(crate) sasl: sasl::Options,
    pub(crate) security: Security,
    pub(crate) tls: Option<Tls>,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) pool: PoolOptions,
    pub(crate) inactivity: Option<Duration>,
    pub(crate) stall_timeout: Duration,
    pub(crate) deadlines: Deadlines,
}

/// The ports of a protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) implicit_tls: u16,
    pub(crate) other: u16,
}

/// What a manager is made of.
pub(crate) struct Parts {
    pub(crate) dialler: Dialler,
    pub(crate) home: Home,
    /// How to log in, but for the credentials: a token is good for a while, so they are known only then.
    pub(crate) login: Login,
    pub(crate) inactivity: Option<Duration>,
    pub(crate) pool: PoolOptions,
}

/// How to log in.
pub(crate) enum LoginWith {
    /// Not at all, since the server takes anyone.
    Nothing,
    Password(Secret),
    Token(Secret),
    Tokens(Arc<dyn TokenProvider>),
    External,
    Anonymous,
}

/// What the pool is told, apart from how to open a connection.
pub(crate) struct PoolOptions {
    pub(crate) assignment: Assignment,
    pub(crate) max_connections: usize,
    pub(crate) max_handshakes: usize,
    pub(crate) max_operations: Option<usize>,
    pub(crate) main_for_creator: bool,
    pub(crate) acquire_timeout: Option<Duration>,
    pub(crate) idle_timeout: Duration,
    pub(crate) trust_idle: Duration,
    pub(crate) max_lifetime: Option<Duration>,
    pub(crate) cool_down: Duration,
    pub(crate) grace: Duration,
    pub(crate) quota: Option<Arc<dyn Quota>>,
    /// Where connections are looked after, if not on the runtime of whoever calls.
    pub(crate) runtime: Option<Handle>,
}

impl PoolOptions {
    /// The defaults, with so many connections.
    fn of(max_connections: usize) -> Self {
        Self {
            assignment: Assignment::default(),
            max_connections,
            max_handshakes: 3,
            max_operations: None,
            main_for_creator: false,
            acquire_timeout: Some(Duration::from_secs(60)),
            idle_timeout: Duration::from_secs(30),
            trust_idle: Duration::from_secs(15),
            max_lifetime: None,
            cool_down: Duration::from_secs(300),
            grace: Duration::from_secs(5),
            quota: None,
            runtime: None,
        }
    }
}

const PHASE: Duration = Duration::from_secs(30);

impl Setup {
    /// The defaults, with this many connections.
    pub(crate) fn new(host: String, user: String, max_connections: usize) -> Self {
        Self {
            host,
            port: None,
            user,
            login: None,
            sasl: sasl::Options::default(),
            security: Security::ImplicitTls,
            tls: None,
            connector: Arc::new(TcpConnector::new()),
            pool: PoolOptions::of(max_connections),
            inactivity: None,
            stall_timeout: Duration::from_secs(30),
            deadlines: Deadlines::each(PHASE),
        }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// The host is no host name, there is nothing to log in with, or the platform's certificates can't be had.
    pub(crate) fn into_parts(self, ports: Ports) -> Result<Parts> {
        let is_tls = self.security == Security::ImplicitTls;
        let port = self.port.unwrap_or(if is_tls { ports.implicit_tls } else { ports.other });
        let target = Target::new(&self.host, port)
            .map_err(|error| Error::from(crate::transport::Error::from(error)))?;
        let user = Bytes::from(self.user);
        let mut sasl = self.sasl;
        let source = match self.login {
            None => return Err(Error::new(Cause::Configuration("nothing was given to log in with"))),
            Some(LoginWith::Nothing) => Source::Nobody,
            Some(LoginWith::Password(password)) => Source::Fixed(Credentials::Password { user, password }),
            Some(LoginWith::Token(token)) => Source::Fixed(Credentials::Token { user, token }),
            Some(LoginWith::Tokens(provider)) => Source::Tokens { user, provider },
            Some(LoginWith::External) => {
                let name = Some(user).filter(|user| !user.is_empty());
                sasl.authorization = sasl.authorization.or(name);
                Source::Fixed(Credentials::External)
            }
            Some(LoginWith::Anonymous) => Source::Fixed(Credentials::Anonymous { trace: user }),
        };
        let tls = match (self.tls, self.security) {
            (_, Security::Plaintext) => None,
            (Some(tls), _) => Some(tls),
            (None, _) => Some(Tls::platform()?),
        };
        let mut login = Login::new(self.security, None);
        login.sasl = sasl;
        let home = Home::new(target.clone(), self.stall_timeout.min(NEVER));
        let deadlines = self.deadlines.at_most(NEVER);
        let opening = Opening { target, connector: self.connector, tls, deadlines };
        let dialler = Dialler::new(opening, Identity::new(source));
        let inactivity = self.inactivity.map(|limit| limit.min(NEVER));
        let mut pool = self.pool;
        // Connections know this one too.
        pool.idle_timeout = pool.idle_timeout.min(NEVER);
        pool.acquire_timeout = pool.acquire_timeout.map(|limit| limit.min(NEVER));
        Ok(Parts { dialler, home, login, inactivity, pool })
    }
}

impl PoolOptions {
    /// The pool, which the manager's connections then know.
    ///
    /// # Errors
    /// One of the options is none that a pool can work with.
    #[track_caller]
    pub(crate) fn build<M: MailManager>(self, manager: M) -> Result<Pool<M>> {
        let connect_timeout = manager.dialler().opening.deadlines.total();
        let home = manager.home().clone();
        let mut builder = Pool::builder(manager)
            .assignment(self.assignment)
            .max_connections(self.max_connections)
            .max_handshakes(self.max_handshakes)
            .max_operations(self.max_operations)
            .main_for_creator(self.main_for_creator)
            .acquire_timeout(self.acquire_timeout)
            .idle_timeout(self.idle_timeout)
            .trust_idle(self.trust_idle)
            .max_lifetime(self.max_lifetime)
            .cool_down(self.cool_down)
            .connect_timeout(connect_timeout)
            // A connection keeps to its own time, and cuts after it.
            .close_timeout(GOODBYE * 2)
            .grace(self.grace);
        if let Some(quota) = self.quota {
            builder = builder.quota(quota);
        }
        if let Some(runtime) = self.runtime {
            builder = builder.runtime(runtime);
        }
        let pool = builder.build().map_err(|error| {
            Error::new(Cause::Configuration(match error {
                mail_pool::ConfigError::NoConnections => "a client needs at least one connection",
                _ => "a client must be allowed to open connections: max_handshakes is 0",
            }))
        })?;
        home.built(&pool);
        Ok(pool)
    }
}
