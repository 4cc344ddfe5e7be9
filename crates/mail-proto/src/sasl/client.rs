//! The client's side of an exchange.

use super::{
    Credentials, Derivation, Mechanism, Options, SaltedPassword, SaslError, TokenRefusal, choose, oauth,
    plain, text::without_nul,
};
#[cfg(feature = "sasl")]
use super::{cram_md5, derivation::Hash, scram};
use crate::secret::Secret;

/// One exchange, at the client's side.
///
/// After an error the exchange is over: it is to be called off (`*` in IMAP, POP3 and SMTP), whatever the server says.
#[derive(Debug)]
pub struct Client {
    mechanism: Mechanism,
    state: State,
}

/// What follows from a challenge.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step {
    /// Send this.
    Respond(Secret),
    /// Run the derivation, here or on another thread, and hand its outcome to [`Client::derived`].
    Derive(Derivation),
}

#[derive(Debug)]
enum State {
    /// One message, which may have been sent.
    Single(Option<Secret>),
    Login {
        user: Option<Secret>,
        password: Option<Secret>,
    },
    #[cfg(feature = "sasl")]
    CramMd5(Option<(Vec<u8>, Secret)>),
    #[cfg(feature = "sasl")]
    Scram(Box<scram::Client>),
    Token {
        message: Option<Secret>,
        goodbye: &'static [u8],
        refusal: Option<TokenRefusal>,
    },
}

impl Client {
    /// An exchange by the strongest mechanism that the server offers, as [`choose`] finds it.
    ///
    /// Unlike with [`new`](Self::new), a server whose offer to bind the channel was taken away on the way finds out.
    ///
    /// # Errors
    /// As [`choose`] and [`new`](Self::new).
    pub fn negotiate<'a>(
        offered: impl IntoIterator<Item = &'a [u8]>,
        credentials: &Credentials,
        options: &Options,
    ) -> Result<Self, SaslError> {
        let offered: Vec<_> = offered.into_iter().collect();
        let mechanism = choose(offered.iter().copied(), credentials, options)?;
        let binds = |name: &&[u8]| Mechanism::from_name(name).is_some_and(Mechanism::binds_channel);
        let downgraded = options.channel_binding.is_some() && !offered.iter().any(binds);
        Self::build(mechanism, credentials, options, downgraded)
    }

    /// An exchange by this mechanism.
    ///
    /// # Errors
    /// [`SaslError::Unsuitable`] if mechanism, credentials and options don't go together, [`SaslError::BadText`] if a
    /// name, password or token can't be carried.
    pub fn new(
        mechanism: Mechanism,
        credentials: &Credentials,
        options: &Options,
    ) -> Result<Self, SaslError> {
        Self::build(mechanism, credentials, options, false)
    }

    fn build(
        mechanism: Mechanism,
        credentials: &Credentials,
        options: &Options,
        downgraded: bool,
    ) -> Result<Self, SaslError> {
        let only = Options { mechanism: Some(mechanism), ..options.clone() };
        choose([], credentials, &only)?;
        let state = match (mechanism, credentials) {
            (Mechanism::Plain, Credentials::Password { user, password }) => {
                State::Single(Some(plain::message(user, password, options)?))
            }
            (Mechanism::Login, Credentials::Password { user, password }) => State::Login {
                user: Some(Secret::new(without_nul(user, "user name")?)),
                password: Some(Secret::new(without_nul(password.expose(), "password")?)),
            },
            #[cfg(feature = "sasl")]
            (Mechanism::CramMd5, Credentials::Password { user, password }) => {
                without_nul(user, "user name")?;
                State::CramMd5(Some((user.to_vec(), password.clone())))
            }
            #[cfg(feature = "sasl")]
            (mechanism, Credentials::Password { user, password }) => {
                let hash = Hash::of(mechanism).ok_or(SaslError::Unsuitable { mechanism })?;
                let client = scram::Client::new(mechanism, hash, user, password, options, downgraded)?;
                State::Scram(Box::new(client))
            }
            (Mechanism::OAuthBearer, Credentials::Token { user, token }) => State::Token {
                message: Some(oauth::bearer(user, token, options)?),
                goodbye: b"\x01",
                refusal: None,
            },
            (Mechanism::XOAuth2, Credentials::Token { user, token }) => {
                State::Token { message: Some(oauth::xoauth2(user, token)?), goodbye: b"", refusal: None }
            }
            (Mechanism::External, Credentials::External) => {
                let name = options.authorization.as_deref().unwrap_or_default();
                State::Single(Some(Secret::new(without_nul(name, "authorization identity")?)))
            }
            (Mechanism::Anonymous, Credentials::Anonymous { trace }) => {
                State::Single(Some(Secret::new(without_nul(trace, "trace")?)))
            }
            (mechanism, _) => return Err(SaslError::Unsuitable { mechanism }),
        };
        #[cfg(not(feature = "sasl"))]
        let _ = downgraded;
        Ok(Self { mechanism, state })
    }

    /// The mechanism.
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The first message, where the client speaks first: the initial response, or the answer to an empty challenge.
    /// `None` where the server does, and when it was taken.
    pub fn initial(&mut self) -> Option<Secret> {
        let initial = self.peek_initial()?;
        match &mut self.state {
            State::Single(message) | State::Token { message, .. } => *message = None,
            #[cfg(feature = "sasl")]
            State::Scram(client) => client.greeted(),
            #[cfg(feature = "sasl")]
            State::CramMd5(_) => {}
            State::Login { .. } => {}
        }
        Some(initial)
    }

    /// What [`initial`](Self::initial) would give.
    pub(crate) fn peek_initial(&self) -> Option<Secret> {
        match &self.state {
            State::Single(message) | State::Token { message, .. } => message.clone(),
            #[cfg(feature = "sasl")]
            State::Scram(client) => client.peek_initial(),
            #[cfg(feature = "sasl")]
            State::CramMd5(_) => None,
            State::Login { .. } => None,
        }
    }

    /// The server's next message.
    ///
    /// Where the client speaks first and [`initial`](Self::initial) wasn't taken, the first challenge asks for it,
    /// whatever it holds.
    ///
    /// # Errors
    /// The message isn't one that the mechanism has here, or the server isn't to be trusted: call the exchange off.
    pub fn challenge(&mut self, message: &[u8]) -> Result<Step, SaslError> {
        if let Some(initial) = self.initial() {
            return Ok(Step::Respond(initial));
        }
        let over = SaslError::Malformed { expected: "no further challenge" };
        match &mut self.state {
            State::Single(_) => Err(over),
            // The prompts are for people, in whatever words and language.
            State::Login { user, password } => {
                user.take().or_else(|| password.take()).map(Step::Respond).ok_or(over)
            }
            #[cfg(feature = "sasl")]
            State::CramMd5(login) => match login.take() {
                Some((user, password)) => Ok(Step::Respond(cram_md5::response(message, &user, &password))),
                None => Err(over),
            },
            #[cfg(feature = "sasl")]
            State::Scram(client) => match client.challenge(message)? {
                Some(derivation) => Ok(Step::Derive(derivation)),
                None => Ok(Step::Respond(Secret::new([]))),
            },
            State::Token { goodbye, refusal, .. } => {
                if refusal.is_some() {
                    return Err(over);
                }
                *refusal = Some(TokenRefusal::parse(message));
                Ok(Step::Respond(Secret::new(*goodbye)))
            }
        }
    }

    /// The outcome of [`Step::Derive`]: gives the next message to send.
    ///
    /// # Errors
    /// Nothing was to be derived.
    pub fn derived(&mut self, salted: &SaltedPassword) -> Result<Secret, SaslError> {
        match &mut self.state {
            #[cfg(feature = "sasl")]
            State::Scram(client) => client.prove(salted),
            _ => {
                let _ = salted;
                Err(SaslError::Malformed { expected: "no key" })
            }
        }
    }

    /// The server reports success.
    ///
    /// # Errors
    /// [`SaslError::NotVerified`]: it didn't prove that it knows the password, though the mechanism has it do so, or
    /// not all of the exchange took place.
    pub fn succeeded(&self) -> Result<(), SaslError> {
        let complete = match &self.state {
            State::Single(message) => message.is_none(),
            State::Login { password, .. } => password.is_none(),
            #[cfg(feature = "sasl")]
            State::CramMd5(login) => login.is_none(),
            #[cfg(feature = "sasl")]
            State::Scram(client) => client.is_verified(),
            State::Token { message, refusal, .. } => message.is_none() && refusal.is_none(),
        };
        if complete { Ok(()) } else { Err(SaslError::NotVerified) }
    }

    /// Whether the server was shown that we know the password, so that it can refuse it.
    pub(crate) fn has_proved(&self) -> bool {
        match &self.state {
            #[cfg(feature = "sasl")]
            State::Scram(client) => client.has_proved(),
            _ => true,
        }
    }

    /// What the server said of a token that it refuses.
    pub fn refusal(&self) -> Option<&TokenRefusal> {
        match &self.state {
            State::Token { refusal, .. } => refusal.as_ref(),
            _ => None,
        }
    }
}
