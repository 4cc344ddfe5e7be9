//! Setting up an [`ImapClient`].

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use bytes::Bytes;
use mail_pool::Pool;
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
    max_connections: usize,
    acquire_timeout: Option<Duration>,
    idle_timeout: Duration,
    inactivity: Option<Duration>,
    stall_timeout: Duration,
    deadlines: Deadlines,
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
            max_connections: 10,
            acquire_timeout: Some(Duration::from_secs(60)),
            idle_timeout: Duration::from_secs(30),
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

    /// How many connections may be open at a time, at least 1; 10 unless told. Those being opened or closed count.
    pub fn max_connections(mut self, max: usize) -> Self {
        self.max_connections = max;
        self
    }

    /// How long a call waits for a connection when all are taken; 60 s unless told, `None` for without end.
    pub fn acquire_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// How long a connection that nobody uses is kept; 30 s unless told.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
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

    /// The client. Nothing is dialled yet.
    ///
    /// # Errors
    /// The host is no host name, the password is missing, the quota is 0, or the platform's certificates can't be had.
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
            opened: AtomicU64::new(0),
        };
        let pool = Pool::builder(manager)
            .max_connections(self.max_connections)
            .acquire_timeout(self.acquire_timeout)
            .idle_timeout(self.idle_timeout)
            .build()
            .map_err(|_| Error::new(Cause::Configuration("a client needs at least one connection")))?;
        Ok(ImapClient::new(pool))
    }
}
