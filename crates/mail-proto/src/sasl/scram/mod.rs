//! SCRAM: both sides know the password without sending it (RFC 5802, RFC 7677).
//!
//! ```text
//! client-first-message = gs2-cbind-flag "," [authzid] "," "n=" saslname ",r=" c-nonce
//! server-first-message = "r=" c-nonce s-nonce ",s=" base64 ",i=" posit-number
//! client-final-message = "c=" base64 ",r=" nonce ",p=" base64
//! server-final-message = "e=" server-error-value / "v=" base64
//! ```
//!
//! Names and passwords go as they were given, see [the module above](super#what-is-not-done-normalisation).

mod client;
mod server;

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

pub(super) use client::Client;
pub(super) use server::{Exchange, Server};

use super::{
    ChannelBinding, Mechanism, SaslError,
    derivation::{Hash, SaltedPassword},
};

impl Hash {
    pub(super) fn of(mechanism: Mechanism) -> Option<Self> {
        match mechanism {
            Mechanism::ScramSha1 | Mechanism::ScramSha1Plus => Some(Self::Sha1),
            Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => Some(Self::Sha256),
            _ => None,
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(data).to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        fn run<M: Mac + hmac::digest::KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
            // A key of any length is taken.
            let Ok(mut mac) = <M as Mac>::new_from_slice(key) else { return Vec::new() };
            mac.update(data);
            mac.finalize().into_bytes().to_vec()
        }
        match self {
            Self::Sha1 => run::<Hmac<Sha1>>(key, data),
            Self::Sha256 => run::<Hmac<Sha256>>(key, data),
        }
    }
}

/// What both sides work out from the salted password (RFC 5802 section 3).
struct Keys {
    client: Vec<u8>,
    stored: Vec<u8>,
    server: Vec<u8>,
}

impl Keys {
    fn new(hash: Hash, salted: &SaltedPassword) -> Self {
        let client = hash.hmac(salted.0.expose(), b"Client Key");
        let stored = hash.digest(&client);
        let server = hash.hmac(salted.0.expose(), b"Server Key");
        Self { client, stored, server }
    }
}

fn xor(left: &[u8], right: &[u8]) -> Vec<u8> {
    left.iter().zip(right).map(|(left, right)| left ^ right).collect()
}

/// Compares without telling by the time it takes where the first difference is.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).fold(0, |bits, (left, right)| bits | (left ^ right)) == 0
}

/// The base64 of an attribute's value.
fn decode(value: &str, expected: &'static str) -> Result<Vec<u8>, SaslError> {
    BASE64_STANDARD.decode(value).map_err(|_| SaslError::Malformed { expected })
}

/// Takes the attribute `name` off the front of a message.
fn attribute<'a>(
    attributes: &mut impl Iterator<Item = &'a str>,
    name: &str,
    expected: &'static str,
) -> Result<&'a str, SaslError> {
    attributes
        .next()
        .and_then(|attribute| attribute.strip_prefix(name))
        .and_then(|attribute| attribute.strip_prefix('='))
        .ok_or(SaslError::Malformed { expected })
}

/// The base64 of what ties the exchange to its channel: the header of the first message, and the channel's data.
fn channel_attribute(gs2_header: &str, binding: Option<&ChannelBinding>) -> String {
    let mut input = gs2_header.as_bytes().to_vec();
    input.extend_from_slice(binding.map(|binding| binding.data.as_slice()).unwrap_or_default());
    BASE64_STANDARD.encode(input)
}

#[cfg(test)]
mod tests;
