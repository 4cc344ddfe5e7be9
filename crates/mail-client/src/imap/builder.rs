//! Setting up an [`ImapClient`].

use bytes::Bytes;
use mail_proto::imap::{
    Capability,
    client::{Config, Credentials, Timeouts},
};

use super::{client::ImapClient, extensions::Extensions, manager::ImapManager};
use crate::{
    client::{Parts, Setup, builder_methods},
    error::Result,
};

/// Sets up an [`ImapClient`]. See [`ImapClient::builder`].
#[must_use = "nothing is set up until build"]
pub struct ImapClientBuilder {
    setup: Setup,
    id: Vec<(Bytes, Option<Bytes>)>,
    extensions: Extensions,
}

impl ImapClient {
    /// Begins to set up a client for this user on this host, over implicit TLS unless told otherwise.
    pub fn builder(host: impl Into<String>, user: impl Into<String>) -> ImapClientBuilder {
        ImapClientBuilder {
            setup: Setup::new(host.into(), user.into(), ImapClientBuilder::MAX_CONNECTIONS),
            extensions: Extensions::default(),
            id: vec![
                (Bytes::from_static(b"name"), Some(Bytes::from_static(b"mail-client"))),
                (
                    Bytes::from_static(b"version"),
                    Some(Bytes::from_static(env!("CARGO_PKG_VERSION").as_bytes())),
                ),
            ],
        }
    }
}

builder_methods! {
    ImapClientBuilder for ImapClient,
    ports: 993, 143,
    max_connections: 10,
    starttls: "STARTTLS (RFC 9051 section 6.2.1)",
    without_sasl: "An empty list leaves the LOGIN command.",
    initial_response: "Whether the login's first message is sent with its command (SASL-IR, RFC 4959); as the \
        server announces unless told. Some announce that they take it, and refuse it.",
    silence: "60 s for what only reads, and 5 minutes for SELECT, SEARCH and what changes something",
}

impl ImapClientBuilder {
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

    /// The client. Nothing is dialled yet.
    ///
    /// # Errors
    /// The host is no host name, the password is missing, the quota is 0, or the platform's certificates can't be had.
    #[track_caller]
    pub fn build(self) -> Result<ImapClient> {
        let Parts { dialler, home, login, inactivity, pool } = self.setup.into_parts(Self::PORTS)?;
        let mut session = Config::new(login.security, Credentials::External);
        session.login = login;
        session.id = Some(self.id).filter(|id| !id.is_empty());
        if let Some(limit) = inactivity {
            session.timeouts = Timeouts { read: limit, write: limit };
        }
        let manager = ImapManager { dialler, home, session, extensions: self.extensions };
        Ok(ImapClient::new(pool.build(manager)?))
    }
}
