//! Setting up a [`Pop3Client`].

use bytes::Bytes;
use mail_proto::pop3::{
    Command,
    client::{Apop, Config, Credentials, Timeouts},
};

use super::{client::Pop3Client, connection::Terms, manager::Pop3Manager};
use crate::{
    client::{Parts, Setup, builder_methods},
    error::{Cause, Error, Result},
};

/// Sets up a [`Pop3Client`]. See [`Pop3Client::builder`].
#[must_use = "nothing is set up until build"]
pub struct Pop3ClientBuilder {
    setup: Setup,
    apop: Apop,
    utf8: bool,
    language: Option<Bytes>,
}

impl Pop3Client {
    /// Begins to set up a client for this user on this host, over implicit TLS unless told otherwise.
    pub fn builder(host: impl Into<String>, user: impl Into<String>) -> Pop3ClientBuilder {
        Pop3ClientBuilder {
            setup: Setup::new(host.into(), user.into(), Pop3ClientBuilder::MAX_CONNECTIONS),
            apop: Apop::default(),
            utf8: false,
            language: None,
        }
    }
}

builder_methods! {
    Pop3ClientBuilder for Pop3Client,
    ports: 995, 110,
    max_connections: 1,
    starttls: "STLS (RFC 2595 section 4)",
    without_sasl: "An empty list leaves APOP, and USER with PASS.",
    initial_response: "Whether the login's first message is sent with its command (RFC 5034 section 4), where it is short \
        enough; it is unless told.",
    silence: "60 s, and 5 minutes where it has messages to delete",
}

impl Pop3ClientBuilder {
    /// When APOP is used; unless told, where no TLS hides the password and nothing stronger is to be had.
    pub fn apop(mut self, when: Apop) -> Self {
        self.apop = when;
        self
    }

    /// Takes messages with UTF-8 in their headers as they are, where the server has UTF8 (RFC 6856); off unless told.
    pub fn utf8(mut self, on: bool) -> Self {
        self.utf8 = on;
        self
    }

    /// In which language the server is to have its texts, by its tag, such as `de`; `*` for the one that it thinks best
    /// (LANG, RFC 6856 section 3). Servers that haven't got it go on in their own.
    pub fn language(mut self, tag: impl Into<String>) -> Self {
        self.language = Some(tag.into().into());
        self
    }

    /// The client. Nothing is dialled yet.
    ///
    /// # Errors
    /// The host is no host name, the password is missing, the language is no tag, the quota is 0, or the platform's
    /// certificates can't be had.
    #[track_caller]
    pub fn build(self) -> Result<Pop3Client> {
        let Parts { dialler, home, login, inactivity, pool } = self.setup.into_parts(Self::PORTS)?;
        if Command::Lang(self.language.clone()).encode().is_err() {
            return Err(Error::new(Cause::Configuration("the language is no language tag")));
        }
        let mut session = Config::new(login.security, Credentials::External);
        session.login = login;
        session.apop = self.apop;
        session.utf8 = self.utf8;
        if let Some(limit) = inactivity {
            session.timeouts = Timeouts { reply: limit, commit: limit };
        }
        let terms = Terms { idle_timeout: pool.idle_timeout, patience: pool.acquire_timeout };
        let manager = Pop3Manager { dialler, home, session, language: self.language, terms };
        Ok(Pop3Client::new(pool.build(manager)?))
    }
}
