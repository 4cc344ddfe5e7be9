//! The server's side of an exchange, for servers that have their users' passwords.

use bytes::Bytes;

use super::{ChannelBinding, Mechanism, Nonce, SaslError, oauth, plain};
#[cfg(feature = "sasl")]
use super::{cram_md5, derivation::Hash, scram};
use crate::secret::Secret;

/// One exchange, at the server's side.
#[derive(Debug)]
pub struct Server {
    state: State,
}

/// What a server's exchange has to know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerOptions {
    /// The server's part of SCRAM's nonce, fresh for each exchange.
    pub nonce: Option<Nonce>,
    /// CRAM-MD5's challenge, of the form `<unique@host>`, fresh for each exchange.
    pub challenge: Option<String>,
    /// SCRAM's salt.
    pub salt: Vec<u8>,
    /// SCRAM's iterations.
    pub iterations: u32,
    /// What ties SCRAM-…-PLUS to the TLS connection beneath. Only a server that offers the PLUS mechanisms gives one.
    pub channel_binding: Option<ChannelBinding>,
}

impl Default for ServerOptions {
    /// 4,096 iterations, as RFC 7677 has it, and nothing else.
    fn default() -> Self {
        Self { nonce: None, challenge: None, salt: Vec::new(), iterations: 4096, channel_binding: None }
    }
}

/// What follows from a response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerStep {
    /// Send this, and wait for the response.
    Challenge(Vec<u8>),
    /// The login is done.
    Done {
        /// Who logged in. Empty for ANONYMOUS and EXTERNAL.
        user: Bytes,
        /// Whom to act as, if not as the user. It is the server's to allow that. The trace of ANONYMOUS.
        authorization: Option<Bytes>,
    },
}

#[derive(Debug)]
enum State {
    Plain,
    LoginUser,
    LoginPassword(Bytes),
    #[cfg(feature = "sasl")]
    CramMd5(String),
    #[cfg(feature = "sasl")]
    Scram(Box<scram::Server>),
    #[cfg(feature = "sasl")]
    ScramProof(Box<scram::Exchange>),
    #[cfg(feature = "sasl")]
    /// All is well; an empty response acknowledges the server's last message.
    Acknowledge {
        user: Bytes,
        authorization: Option<Bytes>,
    },
    Token,
    /// The client was told why its token is refused.
    TokenRefused,
    Name,
    Over,
}

impl Server {
    /// An exchange by this mechanism.
    ///
    /// # Errors
    /// [`SaslError::Unsuitable`] if the mechanism isn't built in or needs an option that isn't there.
    pub fn new(mechanism: Mechanism, options: &ServerOptions) -> Result<Self, SaslError> {
        let state = match mechanism {
            Mechanism::Plain => State::Plain,
            Mechanism::Login => State::LoginUser,
            #[cfg(feature = "sasl")]
            Mechanism::CramMd5 => {
                State::CramMd5(options.challenge.clone().ok_or(SaslError::Unsuitable { mechanism })?)
            }
            Mechanism::OAuthBearer | Mechanism::XOAuth2 => State::Token,
            Mechanism::External | Mechanism::Anonymous => State::Name,
            #[cfg(feature = "sasl")]
            mechanism => {
                let hash = Hash::of(mechanism).ok_or(SaslError::Unsuitable { mechanism })?;
                State::Scram(Box::new(scram::Server::new(mechanism, hash, options)?))
            }
            #[cfg(not(feature = "sasl"))]
            mechanism => {
                let _ = options;
                return Err(SaslError::Unsuitable { mechanism });
            }
        };
        Ok(Self { state })
    }

    /// The challenge to begin with if the client sent no initial response; empty where the client speaks first.
    ///
    /// Where the server speaks first, an initial response is an error, but for LOGIN's name, which clients send so.
    pub fn opening(&self) -> Vec<u8> {
        match &self.state {
            State::LoginUser => b"Username:".to_vec(),
            #[cfg(feature = "sasl")]
            State::CramMd5(challenge) => challenge.clone().into_bytes(),
            _ => Vec::new(),
        }
    }

    /// The client's next message. `secret_of` gives the password or token of a user, if there is such a user.
    ///
    /// # Errors
    /// [`SaslError::Refused`] and others: the exchange is over. SCRAM tells at once that a user doesn't exist.
    pub fn response(
        &mut self,
        message: &[u8],
        mut secret_of: impl FnMut(&[u8]) -> Option<Secret>,
    ) -> Result<ServerStep, SaslError> {
        let named = |name: &[u8]| (!name.is_empty()).then(|| Bytes::copy_from_slice(name));
        match std::mem::replace(&mut self.state, State::Over) {
            State::Plain => {
                let (authorization, user, password) = plain::parse(message)?;
                check(secret_of(user).as_ref(), &password)?;
                Ok(ServerStep::Done {
                    user: Bytes::copy_from_slice(user),
                    authorization: named(authorization),
                })
            }
            State::LoginUser => {
                self.state = State::LoginPassword(Bytes::copy_from_slice(message));
                Ok(ServerStep::Challenge(b"Password:".to_vec()))
            }
            State::LoginPassword(user) => {
                check(secret_of(&user).as_ref(), &Secret::new(message))?;
                Ok(ServerStep::Done { user, authorization: None })
            }
            #[cfg(feature = "sasl")]
            State::CramMd5(challenge) => {
                let (user, digest) = cram_md5::parse(message)?;
                let password = secret_of(user).ok_or(SaslError::Refused)?;
                let expected = Secret::from(cram_md5::digest(challenge.as_bytes(), &password));
                check(Some(&expected), &Secret::new(digest.to_ascii_lowercase()))?;
                Ok(ServerStep::Done { user: Bytes::copy_from_slice(user), authorization: None })
            }
            #[cfg(feature = "sasl")]
            State::Scram(server) => {
                let (exchange, answer) = server.first(message, &mut secret_of)?;
                self.state = State::ScramProof(Box::new(exchange));
                Ok(ServerStep::Challenge(answer))
            }
            #[cfg(feature = "sasl")]
            State::ScramProof(exchange) => {
                let answer = exchange.last(message)?;
                let (user, authorization) = (exchange.user.clone(), exchange.authorization.clone());
                self.state = State::Acknowledge { user, authorization };
                Ok(ServerStep::Challenge(answer))
            }
            #[cfg(feature = "sasl")]
            State::Acknowledge { user, authorization } if message.is_empty() => {
                Ok(ServerStep::Done { user, authorization })
            }
            State::Token => {
                let (user, token) = oauth::parse(message)?;
                if check(secret_of(&user).as_ref(), &token).is_ok() {
                    return Ok(ServerStep::Done { user: user.into(), authorization: None });
                }
                self.state = State::TokenRefused;
                Ok(ServerStep::Challenge(br#"{"status":"invalid_token"}"#.to_vec()))
            }
            State::TokenRefused => Err(SaslError::Refused),
            State::Name => Ok(ServerStep::Done { user: Bytes::new(), authorization: named(message) }),
            #[cfg(feature = "sasl")]
            State::Acknowledge { .. } => Err(SaslError::Malformed { expected: "an empty response" }),
            State::Over => Err(SaslError::Malformed { expected: "no further response" }),
        }
    }
}

/// Compares without telling by the time it takes where the first difference is.
fn check(expected: Option<&Secret>, given: &Secret) -> Result<(), SaslError> {
    let expected = expected.ok_or(SaslError::Refused)?.expose();
    let same = expected.len() == given.expose().len()
        && expected.iter().zip(given.expose()).fold(0, |bits, (left, right)| bits | (left ^ right)) == 0;
    if same { Ok(()) } else { Err(SaslError::Refused) }
}
