//! The settings that all builders have, written once.

/// The methods of a builder that has a [`Setup`](super::Setup) in its field `setup`, and the client's `builder`.
macro_rules! builder_methods {
    (
        $Builder:ident for $Client:ident,
        ports: $tls_port:literal, $port:literal,
        max_connections: $max_connections:literal,
        starttls: $starttls:literal,
        without_sasl: $without_sasl:literal,
        initial_response: $initial_response:literal,
        silence: $silence:literal,
    ) => {
        impl $Builder {
            const PORTS: $crate::client::Ports =
                $crate::client::Ports { implicit_tls: $tls_port, other: $port };
            const MAX_CONNECTIONS: usize = $max_connections;

            /// Has connections looked after on this runtime, whoever calls, and tokens asked for by what is made here of
            /// whatever gives them.
            #[allow(dead_code, reason = "not every client has a facade for threads")]
            pub(crate) fn on_runtime(
                mut self,
                runtime: tokio::runtime::Handle,
                ask: impl FnOnce(
                    std::sync::Arc<dyn $crate::TokenProvider>,
                ) -> std::sync::Arc<dyn $crate::TokenProvider>,
            ) -> Self {
                self.setup.pool.runtime = Some(runtime);
                self.setup.login = self.setup.login.map(|login| match login {
                    $crate::client::LoginWith::Tokens(provider) => {
                        $crate::client::LoginWith::Tokens(ask(provider))
                    }
                    login => login,
                });
                self
            }

            /// The password to log in with. The strongest mechanism is taken that both sides have.
            pub fn password(mut self, password: impl Into<$crate::Secret>) -> Self {
                self.setup.login = Some($crate::client::LoginWith::Password(password.into()));
                self
            }

            /// The OAuth 2 access token to log in with, as it stands behind `Bearer`.
            pub fn token(mut self, token: impl Into<$crate::Secret>) -> Self {
                self.setup.login = Some($crate::client::LoginWith::Token(token.into()));
                self
            }

            /// Where the OAuth 2 access tokens come from: asked at each login, and once more for a fresh one
            /// if the server refuses.
            pub fn token_provider(mut self, provider: impl $crate::TokenProvider) -> Self {
                self.setup.login = Some($crate::client::LoginWith::Tokens(std::sync::Arc::new(provider)));
                self
            }

            /// Logs in as whom the connection shows already (EXTERNAL, RFC 4422 appendix A), by a [client
            /// certificate](crate::transport::TlsBuilder::client_certificate_pem) say. The user's name is
            /// told if it isn't empty.
            pub fn external(mut self) -> Self {
                self.setup.login = Some($crate::client::LoginWith::External);
                self
            }

            /// Logs in as nobody (ANONYMOUS, RFC 4505). The user's name is what the server may note down,
            /// such as a mail address.
            pub fn anonymous(mut self) -> Self {
                self.setup.login = Some($crate::client::LoginWith::Anonymous);
                self
            }

            /// Whose mail it is to be, if not that of the user who logs in (the authorization identity).
            pub fn act_as(mut self, user: impl Into<String>) -> Self {
                self.setup.sasl.authorization = Some(user.into().into());
                self
            }

            /// Logs in by this mechanism and no other, whatever the server announces.
            pub fn mechanism(mut self, mechanism: $crate::Mechanism) -> Self {
                self.setup.sasl.mechanism = Some(mechanism);
                self
            }

            /// Logs in by the first of these mechanisms that the server announces, and no other; the
            /// strongest that both sides have unless told.
            #[doc = $without_sasl]
            pub fn mechanisms(mut self, among: impl IntoIterator<Item = $crate::Mechanism>) -> Self {
                self.setup.sasl.among = Some(among.into_iter().collect());
                self
            }

            #[doc = $initial_response]
            pub fn initial_response(mut self, send: bool) -> Self {
                self.setup.sasl.initial_response = Some(send);
                self
            }

            #[doc = concat!("The port; ", $tls_port, " for implicit TLS and ", $port, " for all else unless told.")]
            pub fn port(mut self, port: u16) -> Self {
                self.setup.port = Some(port);
                self
            }

            #[doc = concat!($starttls, ", which must succeed: nothing is sent in the clear but the wish for it.")]
            pub fn starttls(mut self) -> Self {
                self.setup.security = mail_proto::session::Security::StartTls;
                self
            }

            /// No encryption at all: the password and every message can be read, and changed, by whoever is
            /// on the way.
            pub fn plaintext_without_encryption(mut self) -> Self {
                self.setup.security = mail_proto::session::Security::Plaintext;
                self
            }

            /// How to do TLS; the platform's trust in certificates unless told.
            pub fn tls(mut self, tls: $crate::transport::Tls) -> Self {
                self.setup.tls = Some(tls);
                self
            }

            /// How to reach the server: through a proxy, or in memory; TCP unless told.
            pub fn connector(mut self, connector: impl $crate::transport::Connector) -> Self {
                self.setup.connector = std::sync::Arc::new(connector);
                self
            }

            /// Which connection serves a call that names none: the caller's default connection if it has made
            /// one, else main ([`MainOrDefault`](mail_pool::Assignment::MainOrDefault)), unless told.
            pub fn assignment(mut self, assignment: mail_pool::Assignment) -> Self {
                self.setup.pool.assignment = assignment;
                self
            }

            /// How many connections may be open at a time, at least 1;
            #[doc = concat!($max_connections, " unless told.")]
            /// Those being opened, idle or saying goodbye count, and one is main's, but with
            /// [`Default`](mail_pool::Assignment::Default).
            pub fn max_connections(mut self, max: usize) -> Self {
                self.setup.pool.max_connections = max;
                self
            }

            /// How many connections besides main may be in the middle of being opened, at least 1; 3 unless
            /// told. Until one login has succeeded there is one at a time.
            pub fn max_handshakes(mut self, max: usize) -> Self {
                self.setup.pool.max_handshakes = max;
                self
            }

            #[doc = concat!("How many [begun](", stringify!($Client), "::begin) operations")]
            /// may be unfinished at a time; any number (`None`) unless told.
            pub fn max_operations(mut self, max: Option<usize>) -> Self {
                self.setup.pool.max_operations = max;
                self
            }

            /// The task or thread that builds the client keeps to main: creating a connection there fails.
            /// Off unless told.
            pub fn main_for_creator(mut self, on: bool) -> Self {
                self.setup.pool.main_for_creator = on;
                self
            }

            /// How long a call waits for a connection when all are taken; 60 s unless told, `None` for
            /// without end.
            pub fn acquire_timeout(mut self, timeout: Option<std::time::Duration>) -> Self {
                self.setup.pool.acquire_timeout = timeout;
                self
            }

            /// How long a connection that nobody uses is kept; 30 s unless told, zero closes it when it is
            /// given back.
            pub fn idle_timeout(mut self, timeout: std::time::Duration) -> Self {
                self.setup.pool.idle_timeout = timeout;
                self
            }

            /// For how long an idle connection is trusted to be alive; 15 s unless told. After that it has to
            /// answer NOOP before anything else is written.
            pub fn trust_idle(mut self, trust: std::time::Duration) -> Self {
                self.setup.pool.trust_idle = trust;
                self
            }

            /// How old a connection may grow before it is closed instead of reused, give or take a quarter;
            /// without end (`None`) unless told.
            pub fn max_lifetime(mut self, life: Option<std::time::Duration>) -> Self {
                self.setup.pool.max_lifetime = life;
                self
            }

            /// How long to live with the number of connections that the server's limit left before one more
            /// is tried; 5 minutes unless told, give or take a quarter.
            pub fn cool_down(mut self, time: std::time::Duration) -> Self {
                self.setup.pool.cool_down = time;
                self
            }

            /// How long commands that run may go on once the client is being closed; 5 s unless told.
            pub fn grace(mut self, grace: std::time::Duration) -> Self {
                self.setup.pool.grace = grace;
                self
            }

            /// Another quota to be satisfied besides [`max_connections`](Self::max_connections): one that
            /// several clients of the same account share, in this process or over many.
            pub fn shared_quota(mut self, quota: std::sync::Arc<dyn mail_pool::Quota>) -> Self {
                self.setup.pool.quota = Some(quota);
                self
            }

            #[doc = concat!("How long a server may keep silent while it owes an answer; unless told ", $silence, ".")]
            pub fn inactivity_timeout(mut self, timeout: std::time::Duration) -> Self {
                self.setup.inactivity = Some(timeout);
                self
            }

            /// How long other commands wait behind a stream that nobody reads before that stream is ended; 30
            /// s unless told.
            pub fn stall_timeout(mut self, timeout: std::time::Duration) -> Self {
                self.setup.stall_timeout = timeout;
                self
            }

            /// How long dialling, the TLS handshake, the greeting and the login may take, each; 30 s unless
            /// told.
            pub fn connect_timeouts(mut self, each: std::time::Duration) -> Self {
                self.setup.deadlines = $crate::link::Deadlines::each(each);
                self
            }

            /// How long dialling may take, looking up the name and passing a proxy included; 30 s unless
            /// told.
            pub fn dial_timeout(mut self, limit: std::time::Duration) -> Self {
                self.setup.deadlines.dial = limit;
                self
            }

            /// How long the TLS handshake may take; 30 s unless told.
            pub fn tls_timeout(mut self, limit: std::time::Duration) -> Self {
                self.setup.deadlines.tls = limit;
                self
            }

            /// How long the server may take to greet; 30 s unless told.
            pub fn greeting_timeout(mut self, limit: std::time::Duration) -> Self {
                self.setup.deadlines.greeting = limit;
                self
            }

            /// How long the login may take, in all; 30 s unless told.
            pub fn login_timeout(mut self, limit: std::time::Duration) -> Self {
                self.setup.deadlines.login = limit;
                self
            }
        }

        impl std::fmt::Debug for $Builder {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($Builder))
                    .field("host", &self.setup.host)
                    .field("user", &self.setup.user)
                    .finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use builder_methods;
