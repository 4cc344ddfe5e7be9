//! From the greeting to the login: which step follows which, and what counts for nothing before TLS.

use bytes::Bytes;

use super::{Event, Request, Session, SessionError, Timeouts, queue::Owner};
use crate::{
    frame::Limits,
    imap::{
        capability::{Capabilities, Capability},
        code::ResponseCode,
        command::Command,
        encode::EncodeOptions,
        response::{ParseOptions, Untagged},
        status_line::{Status, StatusKind},
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
    /// What `ID` tells the server of this program (RFC 2971), after the login, where the server takes it.
    pub id: Option<Vec<(Bytes, Option<Bytes>)>>,
    /// What is switched on after the login of what the server has: `CONDSTORE`, `QRESYNC`, `UTF8=ACCEPT`, `IMAP4rev2`
    /// and the like (RFC 5161). [`Session::is_enabled`] says what was.
    pub enable: Vec<Capability>,
    /// Whether both sides compress after the login, where the server has COMPRESS (RFC 4978): see [`Event::Compress`].
    pub compress: bool,
    /// The bounds of a response.
    pub limits: Limits,
    /// How tolerant the reading is.
    pub parse: ParseOptions,
    /// How long replies may keep silent.
    pub timeouts: Timeouts,
}

impl Config {
    /// The defaults, with this protection and these credentials.
    pub fn new(security: Security, credentials: Credentials) -> Self {
        Self {
            login: Login::new(security, Some(credentials)),
            id: None,
            enable: Vec::new(),
            compress: false,
            limits: Limits::RESPONSES,
            parse: ParseOptions::default(),
            timeouts: Timeouts::default(),
        }
    }
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Greeting,
    StartTls,
    TlsHandshake,
    Capability,
    Login,
    CapabilityAfterLogin,
    Ready,
    /// Compression is agreed upon, and not begun.
    Compressing,
    /// The login is undone.
    Unauthenticated,
}

impl Session {
    /// Whether TLS doesn't protect the connection yet and has to.
    pub(super) fn is_before_tls(&self) -> bool {
        self.config.login.security == Security::StartTls
            && matches!(self.phase, Phase::Greeting | Phase::StartTls | Phase::TlsHandshake)
    }

    /// The first response.
    pub(super) fn greeted(&mut self, data: Untagged) -> Result<(), SessionError> {
        let Untagged::Status(status) = data else {
            return Err(SessionError::NoGreeting(format!("{data:?}")));
        };
        match (status.kind, self.config.login.security) {
            (StatusKind::Bye, _) => return Err(SessionError::Bye(status)),
            (StatusKind::PreAuth, Security::StartTls) => return Err(SessionError::PreAuthBeforeTls),
            (StatusKind::Ok, Security::StartTls) => {
                self.ask(Phase::StartTls, Command::StartTls);
                return Ok(());
            }
            (StatusKind::Ok | StatusKind::PreAuth, _) => {}
            (StatusKind::No | StatusKind::Bad, _) => {
                return Err(SessionError::NoGreeting(status.text_lossy().into_owned()));
            }
        }
        self.learn_capabilities(&status);
        if status.kind == StatusKind::PreAuth {
            self.logged_in();
            return Ok(());
        }
        match self.peer.capabilities() {
            Some(_) => self.log_in(),
            None => {
                self.ask(Phase::Capability, Command::Capability);
                Ok(())
            }
        }
    }

    /// The command of a step has ended.
    pub(super) fn step_completed(&mut self, status: Status) -> Result<(), SessionError> {
        let went_well = status.kind == StatusKind::Ok;
        match self.phase {
            Phase::StartTls if went_well => {
                // Whatever stands behind the answer came in the clear, and may be an attacker's.
                if self.framer.buffered() > 0 {
                    return Err(SessionError::DataBeforeTls);
                }
                self.phase = Phase::TlsHandshake;
                self.course.tell(Event::StartTls);
                Ok(())
            }
            Phase::StartTls => Err(SessionError::StartTlsRefused(status)),
            Phase::Capability => {
                self.peer.asked();
                self.log_in()
            }
            Phase::Login => {
                let sasl = &mut self.config.login.sasl;
                if !went_well && Exchange::gives_up_binding(&mut self.exchange, &status.text, sasl) {
                    self.ask(Phase::Capability, Command::Capability);
                    return Ok(());
                }
                let refusal = match self.exchange.take() {
                    Some(exchange) => exchange.ended(went_well)?,
                    None => None,
                };
                match refusal {
                    _ if went_well => {}
                    Some(refusal) => {
                        return Err(SessionError::TokenRefused { status, refusal: Box::new(refusal) });
                    }
                    None => return Err(SessionError::LoginRefused(status)),
                }
                self.learn_capabilities(&status);
                self.logged_in();
                Ok(())
            }
            Phase::CapabilityAfterLogin => {
                self.peer.asked();
                self.logged_in();
                Ok(())
            }
            Phase::Greeting
            | Phase::TlsHandshake
            | Phase::Ready
            | Phase::Compressing
            | Phase::Unauthenticated => Ok(()),
        }
    }

    /// The server asks for a SASL response.
    pub(super) fn challenged(&mut self, challenge: &[u8]) -> Result<(), SessionError> {
        let Some(exchange) = &mut self.exchange else { return Ok(()) };
        match exchange.challenge(challenge) {
            Answer::Line(line) => self.queue.answer_login(line),
            Answer::Derive(derivation) => self.course.tell(Event::DeriveKey(derivation)),
            Answer::Over(error) => return Err(error.into()),
        }
        Ok(())
    }

    pub(super) fn learn_capabilities(&mut self, status: &Status) {
        if let Some(ResponseCode::Capability(capabilities)) = &status.code {
            self.peer.learn(capabilities.clone());
        }
    }

    fn log_in(&mut self) -> Result<(), SessionError> {
        let capabilities = self.peer.take_capabilities();
        let offered = capabilities.iter().filter_map(|capability| match capability {
            Capability::Auth(mechanism) => Some(mechanism.as_bytes()),
            _ => None,
        });
        let Login { credentials: Some(credentials), sasl: options, .. } = &self.config.login else {
            return Err(SessionError::NoMechanism);
        };
        let command = match sasl::Client::negotiate(offered, credentials, options) {
            Ok(client) => {
                let mut exchange = Exchange::new(client, credentials);
                let takes_initial = capabilities.has(&Capability::SaslIr);
                let initial = options.initial_response.unwrap_or(takes_initial).then(|| exchange.initial());
                let initial = initial.flatten();
                let mechanism = Bytes::from_static(exchange.mechanism().as_bytes());
                self.exchange = Some(exchange);
                Command::Authenticate { mechanism, initial }
            }
            Err(SaslError::NoMechanism) => match credentials {
                Credentials::Password { user, password }
                    if options.allows_login_command() && !capabilities.has(&Capability::LoginDisabled) =>
                {
                    Command::Login { user: user.clone(), password: password.clone() }
                }
                _ => return Err(SessionError::NoMechanism),
            },
            Err(error) => return Err(error.into()),
        };
        // What the server can do before the login need not be what it can do after it; how it takes literals is.
        let options = EncodeOptions::literals(capabilities.literals());
        self.phase = Phase::Login;
        self.queue
            .start(Owner::Login, Request::new(command), options)
            .map_err(|_| SaslError::BadText { what: "user name or password" }.into())
    }

    fn logged_in(&mut self) {
        let Some(capabilities) = self.peer.capabilities() else {
            self.ask(Phase::CapabilityAfterLogin, Command::Capability);
            return;
        };
        let takes_id = capabilities.has(&Capability::Id);
        let enables = capabilities.supports(&Capability::Enable);
        let has = |extension: &&Capability| {
            capabilities.supports(extension)
                // A server that takes nothing but UTF-8 takes UTF-8 (RFC 6855 section 6).
                || **extension == Capability::Utf8Accept && capabilities.has(&Capability::Utf8Only)
        };
        let enable: Capabilities = self.config.enable.iter().filter(has).cloned().collect();
        self.phase = Phase::Ready;
        if let Some(id) = self.config.id.clone().filter(|_| takes_id) {
            // Some servers refuse SELECT before it. Nothing depends on the answer.
            let _ = self.queue.start(Owner::Nobody, Request::new(Command::Id(id)), self.options());
        }
        if enables && enable.iter().next().is_some() {
            let _ = self.queue.start(Owner::Nobody, Request::new(Command::Enable(enable)), self.options());
        }
        self.course.tell(Event::Ready);
        self.pump();
    }

    /// Asks for compression, once all before it is answered. Returns whether all that follows has to wait for that.
    pub(super) fn ask_for_compression(&mut self) -> bool {
        if !self.compresses || !self.peer.has(&Capability::CompressDeflate) {
            return false;
        }
        if self.queue.is_quiet() {
            self.compresses = false;
            // COMPRESS has no argument that could fail to encode.
            let _ = self.queue.start(Owner::Nobody, Request::new(Command::Compress), self.options());
        }
        true
    }

    pub(super) fn ask(&mut self, phase: Phase, command: Command) {
        self.phase = phase;
        // These commands have no arguments that could fail to encode.
        let _ = self.queue.start(Owner::Login, Request::new(command), EncodeOptions::default());
    }

    pub(super) fn options(&self) -> EncodeOptions {
        self.peer.options()
    }
}
