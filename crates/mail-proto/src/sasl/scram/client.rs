//! The client's side of SCRAM.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{Keys, attribute, channel_attribute, decode, same, xor};
use crate::{
    sasl::{
        ChannelBinding, Mechanism, Options, SaslError,
        credentials::is_nonce_byte,
        derivation::{Derivation, Hash, SaltedPassword},
        text,
    },
    secret::Secret,
};

#[derive(Debug)]
pub(in crate::sasl) struct Client {
    hash: Hash,
    password: Secret,
    gs2_header: String,
    binding: Option<ChannelBinding>,
    nonce: String,
    first_bare: String,
    max_iterations: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    Started,
    /// The first message was sent.
    Greeted,
    /// The key is being derived.
    Deriving {
        server_first: String,
        nonce: String,
    },
    /// The proof was sent; the server has to answer with this signature.
    Proved {
        signature: Vec<u8>,
    },
    Verified,
}

impl Client {
    /// `downgraded`: the client could bind the channel, and the server didn't offer to.
    pub(in crate::sasl) fn new(
        mechanism: Mechanism,
        hash: Hash,
        user: &[u8],
        password: &Secret,
        options: &Options,
        downgraded: bool,
    ) -> Result<Self, SaslError> {
        let nonce = options.nonce.as_ref().ok_or(SaslError::Unsuitable { mechanism })?.as_str().to_owned();
        let mut binding = None;
        let flag = if mechanism.binds_channel() {
            let channel = options.channel_binding.clone().ok_or(SaslError::Unsuitable { mechanism })?;
            let flag = format!("p={}", channel.kind.name());
            binding = Some(channel);
            flag
        } else if downgraded {
            "y".to_owned()
        } else {
            "n".to_owned()
        };
        let authorization = match &options.authorization {
            Some(name) => format!("a={}", text::saslname(name, "authorization identity")?),
            None => String::new(),
        };
        let first_bare = format!("n={},r={nonce}", text::saslname(user, "user name")?);
        Ok(Self {
            hash,
            password: password.clone(),
            gs2_header: format!("{flag},{authorization},"),
            binding,
            nonce,
            first_bare,
            max_iterations: options.max_iterations(),
            state: State::Started,
        })
    }

    /// The client's first message, until it was sent.
    pub(in crate::sasl) fn peek_initial(&self) -> Option<Secret> {
        matches!(self.state, State::Started)
            .then(|| Secret::from(format!("{}{}", self.gs2_header, self.first_bare)))
    }

    /// The first message was sent.
    pub(in crate::sasl) fn greeted(&mut self) {
        self.state = State::Greeted;
    }

    /// The server's first message: what to derive the key from.
    fn first(&mut self, message: &str) -> Result<Derivation, SaslError> {
        let mut attributes = message.split(',');
        if message.starts_with("m=") {
            // "The presence of an m attribute MUST cause authentication failure" (RFC 5802 section 5.1).
            return Err(SaslError::Malformed { expected: "no mandatory extension" });
        }
        let nonce = attribute(&mut attributes, "r", "the nonce")?;
        let added = nonce.strip_prefix(&self.nonce).ok_or(SaslError::NonceMismatch)?;
        if added.is_empty() || !added.bytes().all(is_nonce_byte) {
            return Err(SaslError::NonceMismatch);
        }
        let salt = decode(attribute(&mut attributes, "s", "the salt")?, "the salt in base64")?;
        let digits = attribute(&mut attributes, "i", "the iteration count")?;
        let expected = "the iteration count";
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SaslError::Malformed { expected });
        }
        // What doesn't fit is beyond every limit.
        let iterations = digits.parse().unwrap_or(u32::MAX);
        if iterations == 0 {
            return Err(SaslError::Malformed { expected });
        }
        if iterations > self.max_iterations {
            return Err(SaslError::Iterations { asked: iterations, limit: self.max_iterations });
        }
        self.state = State::Deriving { server_first: message.to_owned(), nonce: nonce.to_owned() };
        Ok(Derivation { hash: self.hash, password: self.password.clone(), salt, iterations })
    }

    /// The key is there: the proof, in the client's final message.
    pub(in crate::sasl) fn prove(&mut self, salted: &SaltedPassword) -> Result<Secret, SaslError> {
        let State::Deriving { server_first, nonce } = &self.state else {
            return Err(SaslError::Malformed { expected: "no key" });
        };
        let channel = channel_attribute(&self.gs2_header, self.binding.as_ref());
        let without_proof = format!("c={channel},r={nonce}");
        let signed = format!("{},{server_first},{without_proof}", self.first_bare);
        let keys = Keys::new(self.hash, salted);
        let proof = xor(&keys.client, &self.hash.hmac(&keys.stored, signed.as_bytes()));
        let signature = self.hash.hmac(&keys.server, signed.as_bytes());
        self.state = State::Proved { signature };
        Ok(Secret::from(format!("{without_proof},p={}", BASE64_STANDARD.encode(proof))))
    }

    /// The server's final message: it has to show that it knows the password too.
    fn last(&mut self, message: &str) -> Result<(), SaslError> {
        let State::Proved { signature } = &self.state else {
            return Err(SaslError::Malformed { expected: "no further message" });
        };
        if let Some(error) = message.strip_prefix("e=") {
            let error = error.split(',').next().unwrap_or_default();
            return Err(SaslError::Rejected {
                error: error.chars().take(80).collect::<String>().escape_default().to_string(),
            });
        }
        let verifier = attribute(&mut message.split(','), "v", "the server's signature")?;
        if !same(&decode(verifier, "the server's signature in base64")?, signature) {
            return Err(SaslError::ServerSignature);
        }
        self.state = State::Verified;
        Ok(())
    }

    pub(in crate::sasl) fn challenge(&mut self, message: &[u8]) -> Result<Option<Derivation>, SaslError> {
        let message = std::str::from_utf8(message).map_err(|_| SaslError::Malformed { expected: "UTF-8" })?;
        match self.state {
            State::Greeted => self.first(message).map(Some),
            State::Started | State::Deriving { .. } | State::Verified => {
                Err(SaslError::Malformed { expected: "no further message" })
            }
            State::Proved { .. } => self.last(message).map(|()| None),
        }
    }

    pub(in crate::sasl) fn has_proved(&self) -> bool {
        matches!(self.state, State::Proved { .. } | State::Verified)
    }

    pub(in crate::sasl) fn is_verified(&self) -> bool {
        matches!(self.state, State::Verified)
    }
}
