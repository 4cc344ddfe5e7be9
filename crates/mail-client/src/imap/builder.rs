//! Setting up an [`ImapClient`].

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use mail_pool::{Assignment, Pool, Quota};
use mail_proto::{
    Secret,
    imap::{
        Capability,
        client::{Config, Credentials, Security, Timeouts},
    },
    sasl::{self, Mechanism},
};

use super::{
    client::ImapClient,
    connection::{GOODBYE, Settings},
    extensions::Extensions,
    manager::ImapManager,
};
use crate::{
    credentials::{Identity, Source, TokenProvider},
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
    login: Option<LoginWith>,
    sasl: sasl::Options,
    id: Vec<(Bytes, Option<Bytes>)>,
    extensions: Extensions,
    security: Security,
    tls: Option<Tls>,
    connector: Arc<dyn Connector>,
    pool: PoolOptions,
    inactivity: Option<Duration>,
    stall_timeout: Duration,
    deadlines: Deadlines,
}

/// How to log in.
enum LoginWith {
    Password(Secret),
    Token(Secret),
    Tokens(Arc<dyn TokenProvider>),
    External,
    Anonymous,
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
            // The connection keeps to its own, and cuts after it.
            .close_timeout(GOODBYE * 2)
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
            login: None,
            sasl: sasl::Options::default(),
            extensions: Extensions::default(),
            id: vec![
                (Bytes::from_static(b"name"), Some(Bytes::from_static(b"mail-client"))),
                (
                    Bytes::from_static(b"version"),
                    Some(Bytes::from_static(env!("CARGO_PKG_VERSION").as_bytes())),
                ),
            ],
            security: Security::ImplicitTls,
            tls: None,
            connector: Arc::new(TcpConnector::new()),
            pool: PoolOptions::default(),
            inactivity: None,
            stall_timeout: Duration::from_secs(30),
            deadlines: Deadlines { dial: PHASE, tls: PHASE, greeting: PHASE, login: PHASE },
        }
    }

    /// The password to log in with. The strongest mechanism is taken that both sides have.
    pub fn password(mut self, password: impl Into<Secret>) -> Self {
        self.login = Some(LoginWith::Password(password.into()));
        self
    }

    /// The OAuth 2 access token to log in with, as it stands behind `Bearer`.
    pub fn token(mut self, token: impl Into<Secret>) -> Self {
        self.login = Some(LoginWith::Token(token.into()));
        self
    }

    /// Where the OAuth 2 access tokens come from: asked at each login, and once more for a fresh one if the server
    /// refuses.
    pub fn token_provider(mut self, provider: impl TokenProvider) -> Self {
        self.login = Some(LoginWith::Tokens(Arc::new(provider)));
        self
    }

    /// Logs in as whom the connection shows already (EXTERNAL, RFC 4422 appendix A), by a
    /// [client certificate](crate::transport::TlsBuilder::client_certificate_pem) say. The user's name is told if it
    /// isn't empty.
    pub fn external(mut self) -> Self {
        self.login = Some(LoginWith::External);
        self
    }

    /// Logs in as nobody (ANONYMOUS, RFC 4505). The user's name is what the server may note down, such as a mail
    /// address.
    pub fn anonymous(mut self) -> Self {
        self.login = Some(LoginWith::Anonymous);
        self
    }

    /// Whose mail it is to be, if not that of the user who logs in (the authorization identity).
    pub fn act_as(mut self, user: impl Into<String>) -> Self {
        self.sasl.authorization = Some(user.into().into());
        self
    }

    /// Logs in by this mechanism and no other, whatever the server announces.
    pub fn mechanism(mut self, mechanism: Mechanism) -> Self {
        self.sasl.mechanism = Some(mechanism);
        self
    }

    /// Logs in by the first of these mechanisms that the server announces, and no other; the strongest that both sides
    /// have unless told. An empty list leaves the LOGIN command.
    pub fn mechanisms(mut self, among: impl IntoIterator<Item = Mechanism>) -> Self {
        self.sasl.among = Some(among.into_iter().collect());
        self
    }

    /// Whether the login's first message is sent with its command (SASL-IR, RFC 4959); as the server announces unless
    /// told. Some announce that they take it, and refuse it.
    pub fn initial_response(mut self, send: bool) -> Self {
        self.sasl.initial_response = Some(send);
        self
    }

    /// What servers that ask are told of this program after the login (ID, RFC 2971), as fields and values; nothing if
    /// it is empty. The name and the version of this library unless told.
    pub fn id<K: Into<String>, V: Into<String>>(mut self, fields: impl IntoIterator<Item = (K, V)>) -> Self {
        let field = |(key, value): (K, V)| (Bytes::from(key.into()), Some(Bytes::from(value.into())));
        self.id = fields.into_iter().map(field).collect();
        self
    }

    /// Compresses each connection where the server can (COMPRESS=DEFLATE, RFC 4978); off unless told. It saves much on
    /// slow links, and takes about 350 KiB of memory and some CPU time for each connection.
    pub fn compress(mut self, on: bool) -> Self {
        self.extensions.compress = on;
        self
    }

    /// Extensions that change what servers send unasked, each switched on after the login where the server has it
    /// (ENABLE, RFC 5161): [`CondStore`](Capability::CondStore), [`QResync`](Capability::QResync),
    /// [`Utf8Accept`](Capability::Utf8Accept), [`Imap4Rev2`](Capability::Imap4Rev2). None unless told.
    pub fn enable(mut self, extensions: impl IntoIterator<Item = Capability>) -> Self {
        self.extensions.enable = extensions.into_iter().collect();
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
        let user = Bytes::from(self.user);
        let mut sasl = self.sasl;
        let source = match self.login {
            None => return Err(Error::new(Cause::Configuration("nothing was given to log in with"))),
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
        // Who logs in is known only then: a token is good for a while.
        let mut session = Config::new(self.security, Credentials::External);
        session.login.sasl = sasl;
        session.id = Some(self.id).filter(|id| !id.is_empty());
        if let Some(limit) = self.inactivity {
            session.timeouts = Timeouts { read: limit, write: limit };
        }
        let known_pool = Arc::new(OnceLock::new());
        let manager = ImapManager {
            settings: Settings {
                target: target.clone(),
                stall_timeout: self.stall_timeout,
                pool: Arc::clone(&known_pool),
            },
            opening: Opening { target, connector: self.connector, tls, deadlines: self.deadlines },
            session,
            identity: Identity::new(source),
            refused: Default::default(),
            extensions: self.extensions,
        };
        let pool = self.pool.build(manager, self.deadlines.total()).map_err(|error| {
            Error::new(Cause::Configuration(match error {
                mail_pool::ConfigError::NoConnections => "a client needs at least one connection",
                _ => "a client must be allowed to open connections: max_handshakes is 0",
            }))
        })?;
        let _ = known_pool.set(pool.downgrade());
        Ok(ImapClient::new(pool))
    }
}
