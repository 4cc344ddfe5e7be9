//! Setting up an [`SmtpClient`].

use std::time::Duration;

use bytes::Bytes;
use mail_proto::{
    LoneLineBreaks,
    smtp::{
        Command,
        client::{Config, Timeouts},
    },
};

use super::{client::SmtpClient, manager::SmtpManager};
use crate::{
    client::{LoginWith, Parts, Setup, builder_methods},
    error::{Cause, Error, Result},
};

/// Sets up an [`SmtpClient`]. See [`SmtpClient::builder`].
#[must_use = "nothing is set up until build"]
pub struct SmtpClientBuilder {
    setup: Setup,
    hello: Bytes,
    lone_line_breaks: LoneLineBreaks,
    end_timeout: Duration,
}

impl SmtpClient {
    /// Begins to set up a client for this user on this host, over implicit TLS unless told otherwise.
    pub fn builder(host: impl Into<String>, user: impl Into<String>) -> SmtpClientBuilder {
        SmtpClientBuilder {
            setup: Setup::new(host.into(), user.into(), SmtpClientBuilder::MAX_CONNECTIONS),
            hello: Bytes::from_static(b"[127.0.0.1]"),
            lone_line_breaks: LoneLineBreaks::default(),
            end_timeout: Timeouts::default().end,
        }
    }
}

builder_methods! {
    SmtpClientBuilder for SmtpClient,
    ports: 465, 587,
    max_connections: 10,
    starttls: "STARTTLS (RFC 3207)",
    without_sasl: "An empty list leaves none.",
    initial_response: "Whether the login's first message is sent with its command (RFC 4954 section 4); it is, where \
        it fits into the line, unless told. Some servers refuse it.",
    silence: "5 minutes, 2 for DATA, and 10 for the end of a message (RFC 5321 section 4.5.3.2). \
        The last has a [time of its own](Self::end_timeout)",
}

impl SmtpClientBuilder {
    /// Logs in as nobody and not at all, at a server that takes mail from anyone who can reach it. The user's name
    /// means nothing then.
    pub fn without_login(mut self) -> Self {
        self.setup.login = Some(LoginWith::Nothing);
        self
    }

    /// What the client calls itself in EHLO (RFC 5321 section 4.1.1.1): its domain name, or an address in brackets;
    /// `[127.0.0.1]` unless told, which says nothing of it.
    pub fn hello_name(mut self, name: impl Into<String>) -> Self {
        self.hello = name.into().into();
        self
    }

    /// What to do with a CR or LF that stands alone in a message: it becomes a CRLF ([`LoneLineBreaks::Normalise`])
    /// unless told. [`LoneLineBreaks::Refuse`] makes the message an error. None is ever sent, but in binary messages.
    pub fn lone_line_breaks(mut self, lone: LoneLineBreaks) -> Self {
        self.lone_line_breaks = lone;
        self
    }

    /// How long the server may take to answer the end of a message; 10 minutes unless told, which RFC 5321 section
    /// 4.5.3.2.6 asks for. After less it may have accepted the message all the same, and nobody knows.
    pub fn end_timeout(mut self, limit: Duration) -> Self {
        self.end_timeout = limit;
        self
    }

    /// The client. Nothing is dialled yet.
    ///
    /// # Errors
    /// The host or the client's own name is no host name in ASCII, nothing was said about the login, the quota is 0, or the
    /// platform's certificates can't be had.
    #[track_caller]
    pub fn build(self) -> Result<SmtpClient> {
        let Parts { dialler, home, login, inactivity, pool } = self.setup.into_parts(Self::PORTS)?;
        // A name outside of ASCII has a form within it (RFC 6531 section 3.7.1).
        if !self.hello.is_ascii() || Command::Ehlo(self.hello.clone()).encode().is_err() {
            return Err(Error::new(Cause::Configuration(
                "the client's own name is no domain name, and no address in brackets",
            )));
        }
        let mut session = Config::new(login.security, None);
        session.login = login;
        session.hello = self.hello;
        // They are seen to before the session gets the text.
        session.lone_line_breaks = LoneLineBreaks::Refuse;
        if let Some(limit) = inactivity {
            session.timeouts = Timeouts { command: limit, data: limit, text: limit, end: limit };
        }
        session.timeouts.end = self.end_timeout;
        let manager = SmtpManager { dialler, home, session, lone_line_breaks: self.lone_line_breaks };
        Ok(SmtpClient::new(pool.build(manager)?))
    }
}
