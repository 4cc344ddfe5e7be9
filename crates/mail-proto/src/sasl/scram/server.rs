//! The server's side of SCRAM, for servers that have the passwords themselves.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;

use super::{Keys, attribute, channel_attribute, decode, same, xor};
use crate::{
    sasl::{
        ChannelBinding, Mechanism, SaslError, ServerOptions,
        credentials::is_nonce_byte,
        derivation::{Derivation, Hash},
        text,
    },
    secret::Secret,
};

#[derive(Debug)]
pub(in crate::sasl) struct Server {
    hash: Hash,
    plus: bool,
    /// Whether the server offers the PLUS mechanism of this hash.
    offers_plus: bool,
    binding: Option<ChannelBinding>,
    nonce: String,
    salt: Vec<u8>,
    iterations: u32,
}

/// An exchange of which the client's first message was read.
#[derive(Debug)]
pub(in crate::sasl) struct Exchange {
    hash: Hash,
    gs2_header: String,
    binding: Option<ChannelBinding>,
    first_bare: String,
    server_first: String,
    nonce: String,
    password: Secret,
    salt: Vec<u8>,
    iterations: u32,
    pub(in crate::sasl) user: Bytes,
    pub(in crate::sasl) authorization: Option<Bytes>,
}

impl Server {
    pub(in crate::sasl) fn new(
        mechanism: Mechanism,
        hash: Hash,
        options: &ServerOptions,
    ) -> Result<Self, SaslError> {
        let nonce = options.nonce.as_ref().ok_or(SaslError::Unsuitable { mechanism })?;
        let plus = mechanism.binds_channel();
        if plus && options.channel_binding.is_none() {
            return Err(SaslError::Unsuitable { mechanism });
        }
        Ok(Self {
            hash,
            plus,
            offers_plus: options.channel_binding.is_some(),
            binding: options.channel_binding.clone(),
            nonce: nonce.as_str().to_owned(),
            salt: options.salt.clone(),
            iterations: options.iterations,
        })
    }

    /// The client's first message, answered with salt and iterations.
    pub(in crate::sasl) fn first(
        &self,
        message: &[u8],
        password_of: &mut dyn FnMut(&[u8]) -> Option<Secret>,
    ) -> Result<(Exchange, Vec<u8>), SaslError> {
        let message = std::str::from_utf8(message).map_err(|_| SaslError::Malformed { expected: "UTF-8" })?;
        let expected = "the client's first message";
        let mut parts = message.splitn(3, ',');
        let flag = parts.next().unwrap_or_default();
        let name = parts.next().ok_or(SaslError::Malformed { expected })?;
        let first_bare = parts.next().ok_or(SaslError::Malformed { expected })?;
        let binding = match flag {
            "n" if !self.plus => None,
            // The client thinks that the server can't: someone took the offer away.
            "y" if !self.plus && !self.offers_plus => None,
            _ => {
                let kind = flag.strip_prefix("p=").filter(|_| self.plus);
                let binding = self.binding.as_ref().filter(|binding| Some(binding.kind.name()) == kind);
                Some(binding.ok_or(SaslError::ChannelBinding)?.clone())
            }
        };
        let authorization = match name.strip_prefix("a=") {
            Some(name) => Some(Bytes::from(text::parse_saslname(name)?)),
            None if name.is_empty() => None,
            None => return Err(SaslError::Malformed { expected }),
        };
        let mut attributes = first_bare.split(',');
        let user = Bytes::from(text::parse_saslname(attribute(&mut attributes, "n", "the user name")?)?);
        let theirs = attribute(&mut attributes, "r", "the nonce")?;
        if theirs.is_empty() || !theirs.bytes().all(is_nonce_byte) {
            return Err(SaslError::Malformed { expected: "the nonce" });
        }
        let password = password_of(&user).ok_or(SaslError::Refused)?;
        let nonce = format!("{theirs}{}", self.nonce);
        let server_first =
            format!("r={nonce},s={},i={}", BASE64_STANDARD.encode(&self.salt), self.iterations);
        let answer = server_first.clone().into_bytes();
        let exchange = Exchange {
            hash: self.hash,
            gs2_header: format!("{flag},{name},"),
            binding,
            first_bare: first_bare.to_owned(),
            server_first,
            nonce,
            password,
            salt: self.salt.clone(),
            iterations: self.iterations,
            user,
            authorization,
        };
        Ok((exchange, answer))
    }
}

impl Exchange {
    /// The client's final message, answered with the server's signature.
    pub(in crate::sasl) fn last(&self, message: &[u8]) -> Result<Vec<u8>, SaslError> {
        let message = std::str::from_utf8(message).map_err(|_| SaslError::Malformed { expected: "UTF-8" })?;
        let (without_proof, proof) =
            message.rsplit_once(",p=").ok_or(SaslError::Malformed { expected: "the proof" })?;
        let mut attributes = without_proof.split(',');
        let channel = attribute(&mut attributes, "c", "the channel binding")?;
        if channel != channel_attribute(&self.gs2_header, self.binding.as_ref()) {
            return Err(SaslError::ChannelBinding);
        }
        if attribute(&mut attributes, "r", "the nonce")? != self.nonce {
            return Err(SaslError::NonceMismatch);
        }
        let derivation = Derivation {
            hash: self.hash,
            password: self.password.clone(),
            salt: self.salt.clone(),
            iterations: self.iterations,
        };
        let keys = Keys::new(self.hash, &derivation.run());
        let signed = format!("{},{},{without_proof}", self.first_bare, self.server_first);
        let proof = decode(proof, "the proof in base64")?;
        let client_key = xor(&proof, &self.hash.hmac(&keys.stored, signed.as_bytes()));
        if proof.len() != self.hash.len() || !same(&self.hash.digest(&client_key), &keys.stored) {
            return Err(SaslError::Refused);
        }
        let signature = self.hash.hmac(&keys.server, signed.as_bytes());
        Ok(format!("v={}", BASE64_STANDARD.encode(signature)).into_bytes())
    }
}
