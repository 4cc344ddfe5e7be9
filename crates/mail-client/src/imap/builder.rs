//! Setting up an [`ImapClient`].

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use mail_pool::{Assignment, Pool, Quota};
use mail_proto::{
    Secret,
    imap::client::{Config, Credentials, Security, Timeouts},
};

use super::{client::ImapClient, connection::Settings, manager::ImapManager};
use crate::{
    error::{Cause, Error, Result},
    link::{Deadlines, Opening},
    transport::{Connector, Target, TcpConnector, Tls},
};

/// Sets up an [`ImapClient`]. See [`ImapClient::builder`].
#[must_use = "nothing is set up until build"]
pub struct ImapClientBuilder {
    host: String,
    port: Option<u16>,
    user: String,
    password: Option<Secret>,
    security: Security,
    tls: Option<Tls>,
    connector: Arc<dyn Connector>,
    pool: PoolOptions,
    inactivity: Option<Duration>,
    stall_timeout: Duration,
    deadlines: Deadlines,
}

/// What the pool is told, apart from how to open a connection.
struct PoolOptions {
    assignment: Assignment,
    max_connections: usize,
    max_handshakes: usize,
    max_operations: Option<usize>,
    main_for_creator: bool,
    acquire_timeout: Option<Duration>,
    idle_timeout: Duration,
    trust_idle: Duration,
    max_lifetime: Option<Duration>,
    cool_down: Duration,
    grace: Duration,
    quota: Option<Arc<dyn Quota>>,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            assignment: Assignment::default(),
            max_connections: 10,
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
        }
    }
}

impl PoolOptions {
    #[track_caller]
    fn build(
        self,
        manager: ImapManager,
        connect_timeout: Duration,
    ) -> Result<Pool<ImapManager>, mail_pool::ConfigError> {
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
            .grace(self.grace);
        if let Some(quota) = self.quota {
            builder = builder.quota(quota);
        }
        builder.build()
    }
}

impl ImapClient {
    /// Begins to set up a client for this user on this host, over implicit TLS unless told otherwise.
    pub fn builder(host: impl Into<String>, user: impl Into<String>) -> ImapClientBuilder {
        ImapClientBuilder::new(host.into(), user.into())
    }
}

const PHASE: Duration = Duration::from_secs(30);

impl ImapClientBuilder {
    fn new(host: String, user: String) -> Self {
        Self {
            host,
            port: None,
            user,
            password: None,
            security: Security::ImplicitTls,
            tls: None,
            connector: Arc::new(TcpConnector::new()),
            pool: PoolOptions::default(),
            inactivity: None,
            stall_timeout: Duration::from_secs(30),
            deadlines: Deadlines { dial: PHASE, tls: PHASE, greeting: PHASE, login: PHASE },
        }
    }

    /// The password to log in with.
    pub fn password(mut self, password: impl Into<Secret>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// The port; 993 for implicit TLS and 143 for all else unless told.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// STARTTLS (RFC 9051 section 6.2.1), which must succeed: nothing is sent in the clear but the wish for it.
    pub fn starttls(mut self) -> Self {
        self.security = Security::StartTls;
        self
    }

    /// No encryption at all: the password and every message can be read, and changed, by whoever is on the way.
    pub fn plaintext_without_encryption(mut self) -> Self {
        self.security = Security::Plaintext;
        self
    }

    /// How to do TLS; the platform's trust in certificates unless told.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// How to reach the server: through a proxy, or in memory; TCP unless told.
    pub fn connector(mut self, connector: impl Connector) -> Self {
        self.connector = Arc::new(connector);
        self
    }

    /// Which connection serves a call that names none: the caller's default connection if it has made one, else main
    /// ([`Assignment::MainOrDefault`]), unless told.
    pub fn assignment(mut self, assignment: Assignment) -> Self {
        self.pool.assignment = assignment;
        self
    }

    /// How many connections may be open at a time, at least 1; 10 unless told. Those being opened, idle or saying
    /// goodbye count, and one is main's, but with [`Assignment::Default`].
    pub fn max_connections(mut self, max: usize) -> Self {
        self.pool.max_connections = max;
        self
    }

    /// How many connections besides main may be in the middle of being opened, at least 1; 3 unless told. Until one
    /// login has succeeded there is one at a time.
    pub fn max_handshakes(mut self, max: usize) -> Self {
        self.pool.max_handshakes = max;
        self
    }

    /// How many [begun](ImapClient::begin) operations may be unfinished at a time; any number (`None`) unless told.
    pub fn max_operations(mut self, max: Option<usize>) -> Self {
        self.pool.max_operations = max;
        self
    }

    /// The task or thread that builds the client keeps to main: creating a connection there fails. Off unless told.
    pub fn main_for_creator(mut self, on: bool) -> Self {
        self.pool.main_for_creator = on;
        self
    }

    /// How long a call waits for a connection when all are taken; 60 s unless told, `None` for without end.
    pub fn acquire_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.pool.acquire_timeout = timeout;
        self
    }

    /// How long a connection that nobody uses is kept; 30 s unless told, zero closes it when it is given back.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.pool.idle_timeout = timeout;
        self
    }

    /// For how long an idle connection is trusted to be alive; 15 s unless told. After that it has to answer NOOP
    /// before anything else is written.
    pub fn trust_idle(mut self, trust: Duration) -> Self {
        self.pool.trust_idle = trust;
        self
    }

    /// How old a connection may grow before it is closed instead of reused, give or take a quarter; without end
    /// (`None`) unless told.
    pub fn max_lifetime(mut self, life: Option<Duration>) -> Self {
        self.pool.max_lifetime = life;
        self
    }

    /// How long to live with the number of connections that the server's limit left before one more is tried; 5
    /// minutes unless told, give or take a quarter.
    pub fn cool_down(mut self, time: Duration) -> Self {
        self.pool.cool_down = time;
        self
    }

    /// How long commands that run may go on once the client is being closed; 5 s unless told.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.pool.grace = grace;
        self
    }

    /// Another quota to be satisfied besides [`max_connections`](Self::max_connections): one that several clients of
    /// the same account share, in this process or over many.
    pub fn shared_quota(mut self, quota: Arc<dyn Quota>) -> Self {
        self.pool.quota = Some(quota);
        self
    }

    /// How long a server may keep silent while it owes an answer; unless told 60 s for what only reads, and 5 minutes
    /// for SELECT, SEARCH and what changes something.
    pub fn inactivity_timeout(mut self, timeout: Duration) -> Self {
        self.inactivity = Some(timeout);
        self
    }

    /// How long other commands wait behind a stream that nobody reads before that stream is ended; 30 s unless told.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout;
        self
    }

    /// How long dialling, the TLS handshake, the greeting and the login may take, each; 30 s unless told.
    pub fn connect_timeouts(mut self, each: Duration) -> Self {
        self.deadlines = Deadlines { dial: each, tls: each, greeting: each, login: each };
        self
    }

    /// How long dialling may take, looking up the name and passing a proxy included; 30 s unless told.
    pub fn dial_timeout(mut self, limit: Duration) -> Self {
        self.deadlines.dial = limit;
        self
    }

    /// How long the TLS handshake may take; 30 s unless told.
    pub fn tls_timeout(mut self, limit: Duration) -> Self {
        self.deadlines.tls = limit;
        self
    }

    /// How long the server may take to greet; 30 s unless told.
    pub fn greeting_timeout(mut self, limit: Duration) -> Self {
        self.deadlines.greeting = limit;
        self
    }

    /// How long the login may take, in all; 30 s unless told.
    pub fn login_timeout(mut self, limit: Duration) -> Self {
        self.deadlines.login = limit;
        self
    }

    /// The client. Nothing is dialled yet.
    ///
    /// # Errors
    /// The host is no host name, the password is missing, the quota is 0, or the platform's certificates can't be had.
    #[track_caller]
    pub fn build(self) -> Result<ImapClient> {
        let port = self.port.unwrap_or(if self.security == Security::ImplicitTls { 993 } else { 143 });
        let target = Target::new(&self.host, port)
            .map_err(|error| Error::from(crate::transport::Error::from(error)))?;
        let password =
            self.password.ok_or_else(|| Error::new(Cause::Configuration("no password was given")))?;
        let tls = match (self.tls, self.security) {
            (_, Security::Plaintext) => None,
            (Some(tls), _) => Some(tls),
            (None, _) => Some(Tls::platform()?),
        };
        let mut session = Config::new(self.security, Credentials::password(self.user.into_bytes(), password));
        session.id = Some(vec![
            (Bytes::from_static(b"name"), Some(Bytes::from_static(b"mail-client"))),
            (Bytes::from_static(b"version"), Some(Bytes::from_static(env!("CARGO_PKG_VERSION").as_bytes()))),
        ]);
        if let Some(limit) = self.inactivity {
            session.timeouts = Timeouts { read: limit, write: limit };
        }
        let manager = ImapManager {
            settings: Settings { target: target.clone(), stall_timeout: self.stall_timeout },
            opening: Opening { target, connector: self.connector, tls, deadlines: self.deadlines },
            session,
        };
        let pool = self.pool.build(manager, self.deadlines.total()).map_err(|error| {
            Error::new(Cause::Configuration(match error {
                mail_pool::ConfigError::NoConnections => "a client needs at least one connection",
                _ => "a client must be allowed to open connections: max_handshakes is 0",
            }))
        })?;
        Ok(ImapClient::new(pool))
    }
}
