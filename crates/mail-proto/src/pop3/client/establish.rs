//! From the greeting to the login: which step follows which, and what counts for nothing before TLS.

use bytes::Bytes;

use super::{
    Event, Session, SessionError, Timeouts,
    phase::Phase,
    transaction::{Flight, Owner},
};
use crate::{
    pop3::{
        Capabilities, Capability, Command, LONGEST_COMMAND, Limits, ParseOptions, Reply, ReplyKind, apop,
    },
    sasl::{
        self, Credentials, SaslError,
        exchange::{Answer, Exchange},
    },
    session::{Login, Security},
};

/// What a session is to do until the login is done, and how it reads.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How the connection is protected, and who logs in how.
    pub login: Login,
    /// When APOP is used.
    pub apop: Apop,
    /// Whether UTF8 is asked for, where the server has it: messages with UTF-8 in their headers come as they are.
    pub utf8: bool,
    /// How many commands may wait for their answers at a server that takes PIPELINING.
    pub pipeline: usize,
    /// The bounds of an answer.
    pub limits: Limits,
    /// How tolerant the reading is.
    pub parse: ParseOptions,
    /// How long replies may keep silent.
    pub timeouts: Timeouts,
}

impl Config {
    /// The defaults, with this protection and these credentials: 64 commands in a pipeline, no UTF8.
    pub fn new(security: Security, credentials: Credentials) -> Self {
        Self {
            login: Login::new(security, Some(credentials)),
            apop: Apop::default(),
            utf8: false,
            pipeline: 64,
            limits: Limits::default(),
            parse: ParseOptions::default(),
            timeouts: Timeouts::default(),
        }
    }
}

/// When APOP is used at a server whose greeting has a timestamp, unless SASL has something stronger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Apop {
    /// Where no TLS hides the password. Greetings promise it to users whose password the server only has as a hash,
    /// and MD5 is little protection.
    #[default]
    WithoutTls,
    /// Wherever the server seems to have it.
    Always,
    /// Never.
    Never,
}

impl Session {
    pub(super) fn greeted(&mut self, reply: &Reply) -> Result<(), SessionError> {
        if reply.kind != ReplyKind::Ok {
            return Err(SessionError::Bye(reply.clone()));
        }
        if self.config.login.security == Security::StartTls {
            self.ask(Phase::StartTls, Command::Stls);
            return Ok(());
        }
        self.timestamp = reply.apop_timestamp();
        self.ask(Phase::Capabilities, Command::Capa);
        Ok(())
    }

    /// A command of the login has ended.
    pub(super) fn step_completed(&mut self, reply: Reply) -> Result<(), SessionError> {
        match self.phase {
            Phase::StartTls if reply.is_ok() => {
                // Whatever stands behind the answer came in the clear, and may be an attacker's.
                if self.framer.buffered() > 0 {
                    return Err(SessionError::DataBeforeTls);
                }
                self.phase = Phase::TlsHandshake;
                self.course.tell(Event::StartTls);
                Ok(())
            }
            Phase::StartTls => Err(SessionError::StartTlsRefused(reply)),
            Phase::Capabilities => {
                // A server that has no CAPA has no capabilities.
                let capabilities = std::mem::take(&mut self.announced);
                let utf8 = self.config.utf8 && capabilities.utf8();
                self.capabilities = Some(capabilities);
                if utf8 {
                    self.ask(Phase::Utf8, Command::Utf8);
                    return Ok(());
                }
                self.log_in()
            }
            // Without it all goes on as it did before there was such a thing.
            Phase::Utf8 => self.log_in(),
            Phase::User if reply.is_ok() => {
                let Some(Credentials::Password { password, .. }) = &self.config.login.credentials else {
                    return Ok(());
                };
                let command = Command::Pass(password.clone());
                self.start_login(Phase::Login, command)
            }
            Phase::User => Err(SessionError::LoginRefused(reply)),
            Phase::Login => {
                let went_well = reply.is_ok();
                let sasl = &mut self.config.login.sasl;
                if !went_well && Exchange::gives_up_binding(&mut self.exchange, &reply.text, sasl) {
                    return self.log_in();
                }
                let refusal = match self.exchange.take() {
                    Some(exchange) => exchange.ended(went_well)?,
                    None => None,
                };
                match refusal {
                    _ if went_well => {}
                    Some(refusal) => {
                        return Err(SessionError::TokenRefused { reply, refusal: Box::new(refusal) });
                    }
                    None => return Err(SessionError::LoginRefused(reply)),
                }
                self.phase = Phase::Ready;
                self.course.tell(Event::Ready);
                self.pump();
                Ok(())
            }
            Phase::Greeting | Phase::TlsHandshake | Phase::Ready | Phase::Quit => Ok(()),
        }
    }

    /// The server asks for a SASL response.
    pub(super) fn challenged(&mut self, reply: Reply) -> Result<(), SessionError> {
        let Some(exchange) = &mut self.exchange else { return Err(SessionError::Unexpected(reply)) };
        match exchange.challenge(&reply.text) {
            Answer::Line(line) => self.out.extend_from_slice(&line),
            Answer::Derive(derivation) => self.course.tell(Event::DeriveKey(derivation)),
            Answer::Over(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn log_in(&mut self) -> Result<(), SessionError> {
        let Login { credentials: Some(credentials), sasl: options, security } = &self.config.login else {
            return Err(SessionError::NoMechanism);
        };
        let capabilities = self.capabilities.as_ref();
        let offered = capabilities.and_then(Capabilities::sasl).unwrap_or_default();
        let client = match sasl::Client::negotiate(offered.iter().map(|name| &name[..]), credentials, options)
        {
            Ok(client) => Some(client),
            Err(SaslError::NoMechanism) => None,
            Err(error) => return Err(error.into()),
        };
        let in_the_clear = *security == Security::Plaintext;
        let apop = match self.config.apop {
            Apop::WithoutTls => in_the_clear,
            Apop::Always => true,
            Apop::Never => false,
        };
        let sends_password = client.as_ref().is_none_or(|client| client.mechanism().sends_password());
        if let (Credentials::Password { user, password }, Some(timestamp)) = (credentials, &self.timestamp)
            && apop
            && sends_password
            && options.mechanism.is_none()
            && options.authorization.is_none()
            && let Some(digest) = apop::digest(timestamp, password)
        {
            let command = Command::Apop { user: user.clone(), digest: digest.into() };
            return self.start_login(Phase::Login, command);
        }
        match (client, credentials) {
            (Some(client), _) => {
                let mut exchange = Exchange::new(client, credentials);
                let mechanism = Bytes::from_static(exchange.mechanism().as_bytes());
                let at_once = options.initial_response != Some(false);
                let initial = if at_once { exchange.initial_of_line(LONGEST_COMMAND) } else { None };
                let command = Command::Auth { mechanism, initial };
                self.exchange = Some(exchange);
                self.start_login(Phase::Login, command)
            }
            (None, Credentials::Password { user, .. }) if options.authorization.is_none() => {
                // Servers from before CAPA don't announce USER, and some that have it forget to.
                let command = Command::User(user.clone());
                self.start_login(Phase::User, command)
            }
            (None, _) => Err(SessionError::NoMechanism),
        }
    }

    fn start_login(&mut self, phase: Phase, command: Command) -> Result<(), SessionError> {
        self.phase = phase;
        self.start(Owner::Login, command)
            .map_err(|_| SaslError::BadText { what: "user name or password" }.into())
    }

    pub(super) fn ask(&mut self, phase: Phase, command: Command) {
        self.phase = phase;
        // These commands have no arguments that could fail to encode.
        let _ = self.start(Owner::Login, command);
    }

    /// Puts a command on the wire. Nothing of one that can't be encoded is written.
    pub(super) fn start(&mut self, owner: Owner, command: Command) -> Result<(), crate::ArgumentError> {
        self.out.extend_from_slice(&command.encode()?);
        self.flights.push_back(Flight { owner, command, reply: None });
        self.unwritten += 1;
        Ok(())
    }

    /// Whether the server takes commands before it has answered those before.
    pub(super) fn pipelines(&self) -> bool {
        self.capabilities.as_ref().is_some_and(|capabilities| capabilities.has(&Capability::Pipelining))
    }
}
