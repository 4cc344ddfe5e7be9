//! Who logs in, and what the exchange has to know besides.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;

use super::{Mechanism, SaslError};
use crate::secret::Secret;

/// Who logs in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credentials {
    /// A name and a password.
    Password {
        /// The name.
        user: Bytes,
        /// The password.
        password: Secret,
    },
    /// A name and an OAuth 2 access token (OAUTHBEARER, XOAUTH2).
    Token {
        /// The name.
        user: Bytes,
        /// The access token, as it stands behind `Bearer`.
        token: Secret,
    },
    /// Whoever the connection already shows, as by a client certificate (EXTERNAL).
    External,
    /// Nobody (ANONYMOUS, RFC 4505).
    Anonymous {
        /// What the server may note down of the visitor, as a mail address; may be empty.
        trace: Bytes,
    },
}

impl Credentials {
    /// A name and a password.
    pub fn password(user: impl Into<Bytes>, password: impl Into<Secret>) -> Self {
        Self::Password { user: user.into(), password: password.into() }
    }

    /// A name and an OAuth 2 access token.
    pub fn token(user: impl Into<Bytes>, token: impl Into<Secret>) -> Self {
        Self::Token { user: user.into(), token: token.into() }
    }

    /// The password or token.
    pub(crate) fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Password { password: secret, .. } | Self::Token { token: secret, .. } => Some(secret),
            Self::External | Self::Anonymous { .. } => None,
        }
    }
}

/// What an exchange has to know besides the credentials. The default is what a program without special wishes needs,
/// but for the [`nonce`](Self::nonce), without which there is no SCRAM.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// This mechanism and no other, whatever the server announces. `None` takes the strongest that both sides have.
    pub mechanism: Option<Mechanism>,
    /// Only these, and of those that the server announces the first. IMAP's LOGIN command counts as PLAIN and as LOGIN
    /// here; with an empty list nothing else is left.
    pub among: Option<Vec<Mechanism>>,
    /// Whether to send an initial response, for servers that announce wrongly whether they take one. `None` goes by
    /// what the server announces.
    pub initial_response: Option<bool>,
    /// Whom to act as, if not as the user who logs in (the authorization identity).
    pub authorization: Option<Bytes>,
    /// What SCRAM needs of chance, fresh for each exchange. Without one SCRAM isn't chosen.
    pub nonce: Option<Nonce>,
    /// What ties SCRAM-…-PLUS to the TLS connection beneath. Without one the PLUS mechanisms aren't chosen.
    pub channel_binding: Option<ChannelBinding>,
    /// The server's name and port, which OAUTHBEARER may tell (RFC 7628 section 3.1).
    pub server: Option<(String, u16)>,
    /// The most iterations of SCRAM's key derivation that are done for a server; [`Options::MOST_ITERATIONS`] at most
    /// and by default. More fail the login.
    pub max_iterations: Option<u32>,
}

impl Options {
    /// No server gets more iterations than this: a tenth of a second of a core with SHA instructions, half a second of
    /// one without.
    pub const MOST_ITERATIONS: u32 = 1_000_000;

    /// Goes on without what ties the login to its TLS connection, for a server that offers such mechanisms and can't do
    /// ours: Cyrus offers them over TLS 1.3 too, and knows a kind of binding alone that TLS 1.3 doesn't have. Returns
    /// whether there is another way, which is not so where a caller named this one.
    pub(crate) fn give_up_binding(&mut self) -> bool {
        let unbound = |among: &Vec<Mechanism>| among.iter().any(|mechanism| !mechanism.binds_channel());
        if self.mechanism.is_some() || !self.among.as_ref().is_none_or(unbound) {
            return false;
        }
        // No two exchanges have the same.
        if let Some(nonce) = &mut self.nonce {
            nonce.0.push('2');
        }
        self.channel_binding.take().is_some()
    }

    /// Whether a password may be sent by a command that is no SASL exchange, where the server offers none of use.
    pub fn allows_login_command(&self) -> bool {
        let sends = |mechanism: &Mechanism| mechanism.sends_password();
        self.authorization.is_none()
            && self.among.as_ref().is_none_or(|among| among.is_empty() || among.iter().any(sends))
    }

    /// The bound in force.
    pub fn max_iterations(&self) -> u32 {
        self.max_iterations.unwrap_or(Self::MOST_ITERATIONS).min(Self::MOST_ITERATIONS)
    }
}

/// Chance for one SCRAM exchange, as printable text without commas (RFC 5802 section 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// From bytes of a cryptographic random number generator.
    pub fn from_random(bytes: [u8; 18]) -> Self {
        Self(BASE64_STANDARD.encode(bytes))
    }

    /// From text that is printable already.
    ///
    /// # Errors
    /// It is empty, or holds a comma or what isn't printable ASCII.
    pub fn from_text(text: impl Into<String>) -> Result<Self, SaslError> {
        let text = text.into();
        if text.is_empty() || !text.bytes().all(is_nonce_byte) {
            return Err(SaslError::BadText { what: "nonce" });
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `printable`: `%x21-2B / %x2D-7E`, no comma (RFC 5802 section 7).
pub(super) fn is_nonce_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b','
}

/// What ties an exchange to the TLS connection that it runs in (RFC 5056).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelBinding {
    /// How the data was got.
    pub kind: ChannelBindingKind,
    /// The data: for `tls-exporter` 32 bytes of keying material exported with the label
    /// `EXPORTER-Channel-Binding` and an empty context, for `tls-server-end-point` the hash of the server's certificate.
    pub data: Vec<u8>,
}

/// The kinds of [`ChannelBinding`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChannelBindingKind {
    /// RFC 9266; for TLS 1.3, and TLS 1.2 with extended master secrets.
    TlsExporter,
    /// RFC 5929 section 4.
    TlsServerEndPoint,
}

impl ChannelBindingKind {
    /// The name as registered.
    pub fn name(self) -> &'static str {
        match self {
            Self::TlsExporter => "tls-exporter",
            Self::TlsServerEndPoint => "tls-server-end-point",
        }
    }
}
