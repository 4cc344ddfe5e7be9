//! From the greeting to the login: which step follows which, and what counts for nothing before TLS.

use bytes::Bytes;

use super::{Event, Session, SessionError, Timeouts, wire::Flight};
use crate::{
    dots::LoneLineBreaks,
    sasl::{
        self, Credentials, SaslError,
        exchange::{Answer, Exchange},
    },
    session::{Login, Security},
    smtp::{Command, Extension, Extensions, LONGEST_COMMAND, Limits, ParseOptions, Reply},
};

/// What a session is to do until the login is done, and how it reads and writes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How the connection is protected, and who logs in how.
    pub login: Login,
    /// What the client calls itself in EHLO: a domain name, or an address in brackets.
    pub hello: Bytes,
    /// What to do with a CR or LF that stands alone in a message.
    pub lone_line_breaks: LoneLineBreaks,
    /// The bounds of a reply.
    pub limits: Limits,
    /// How tolerant the reading is.
    pub parse: ParseOptions,
    /// How long replies may keep silent.
    pub timeouts: Timeouts,
}

impl Config {
    /// The defaults, with this protection and these credentials. The client calls itself `localhost`.
    pub fn new(security: Security, credentials: Option<Credentials>) -> Self {
        Self {
            login: Login::new(security, credentials),
            hello: Bytes::from_static(b"localhost"),
            lone_line_breaks: LoneLineBreaks::default(),
            limits: Limits::default(),
            parse: ParseOptions::default(),
            timeouts: Timeouts::default(),
        }
    }
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Greeting,
    /// EHLO in the clear, before STARTTLS.
    HelloBeforeTls,
    StartTls,
    TlsHandshake,
    Hello,
    /// HELO, since the server doesn't know EHLO.
    OldHello,
    Login,
    Ready,
    /// QUIT was written.
    Quit,
}

impl Session {
    pub(super) fn greeted(&mut self, reply: Reply) -> Result<(), SessionError> {
        if !reply.is_positive() {
            return Err(SessionError::Bye(reply));
        }
        let starts_tls = self.config.login.security == Security::StartTls;
        self.hello(if starts_tls { Phase::HelloBeforeTls } else { Phase::Hello })
    }

    pub(super) fn hello(&mut self, phase: Phase) -> Result<(), SessionError> {
        let name = self.config.hello.clone();
        let command = if phase == Phase::OldHello { Command::Helo(name) } else { Command::Ehlo(name) };
        self.ask(phase, &command)
    }

    fn ask(&mut self, phase: Phase, command: &Command) -> Result<(), SessionError> {
        self.phase = phase;
        self.wire.push(Flight::Login, command.encode()?);
        Ok(())
    }

    /// A step of the login was answered.
    pub(super) fn step_completed(&mut self, reply: Reply) -> Result<(), SessionError> {
        match self.phase {
            // Whatever EHLO says in the clear, STARTTLS has to succeed.
            Phase::HelloBeforeTls => self.ask(Phase::StartTls, &Command::StartTls),
            Phase::StartTls if reply.is_positive() => {
                // Whatever stands behind the answer came in the clear, and may be an attacker's.
                if !self.reader.is_at_reply() {
                    return Err(SessionError::DataBeforeTls);
                }
                self.phase = Phase::TlsHandshake;
                self.course.tell(Event::StartTls);
                Ok(())
            }
            Phase::StartTls => Err(SessionError::StartTlsRefused(reply)),
            Phase::Hello if reply.is_positive() => {
                self.extensions = Extensions::of(&reply);
                self.log_in()
            }
            Phase::Hello if reply.code.is_permanent() => self.hello(Phase::OldHello),
            Phase::OldHello if reply.is_positive() => self.log_in(),
            Phase::Hello | Phase::OldHello => Err(SessionError::HelloRefused(reply)),
            Phase::Login if reply.code.is_intermediate() => self.challenged(reply),
            Phase::Login => {
                let went_well = reply.is_positive();
                let sasl = &mut self.config.login.sasl;
                if !went_well && Exchange::gives_up_binding(&mut self.exchange, &reply.lines.concat(), sasl) {
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
                self.ready();
                Ok(())
            }
            Phase::Greeting | Phase::TlsHandshake | Phase::Ready | Phase::Quit => Ok(()),
        }
    }

    /// The server asks for a SASL response (334).
    fn challenged(&mut self, reply: Reply) -> Result<(), SessionError> {
        let challenge = reply.lines.first().cloned().unwrap_or_default();
        let Some(exchange) = &mut self.exchange else { return Err(SessionError::Unexpected(reply)) };
        match exchange.challenge(&challenge) {
            Answer::Line(line) => self.wire.push(Flight::Login, line),
            Answer::Derive(derivation) => self.course.tell(Event::DeriveKey(derivation)),
            Answer::Over(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn log_in(&mut self) -> Result<(), SessionError> {
        let Some(credentials) = &self.config.login.credentials else {
            self.ready();
            return Ok(());
        };
        let client =
            match sasl::Client::negotiate(self.extensions.auth(), credentials, &self.config.login.sasl) {
                Ok(client) => client,
                Err(SaslError::NoMechanism) => return Err(SessionError::NoMechanism),
                Err(error) => return Err(error.into()),
            };
        let mut exchange = Exchange::new(client, credentials);
        let mechanism = Bytes::from_static(exchange.mechanism().as_bytes());
        let at_once = self.config.login.sasl.initial_response != Some(false);
        let initial = if at_once { exchange.initial_of_line(LONGEST_COMMAND) } else { None };
        let command = Command::Auth { mechanism, initial };
        self.exchange = Some(exchange);
        self.ask(Phase::Login, &command)
    }

    fn ready(&mut self) {
        self.phase = Phase::Ready;
        self.course.tell(Event::Ready);
        self.pump();
    }

    /// Whether the server takes commands before it has answered those before.
    pub(super) fn pipelines(&self) -> bool {
        self.extensions.has(&Extension::Pipelining)
    }
}
