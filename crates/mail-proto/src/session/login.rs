//! How a connection comes to be protected and logged in.

use bytes::Bytes;

use crate::{
    echo,
    sasl::{self, Credentials, exchange::Exchange},
    secret::Secret,
};

/// How a connection is to be protected, and who logs in how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Login {
    /// How the connection is protected.
    pub security: Security,
    /// Who logs in; `None` for nobody: an SMTP server that takes mail from anyone, or an IMAP server that greets with
    /// PREAUTH.
    pub credentials: Option<Credentials>,
    /// How the login may go. SCRAM needs its [`nonce`](sasl::Options::nonce).
    pub sasl: sasl::Options,
}

impl Login {
    /// A login by whatever mechanism fits these credentials, if there are any.
    pub fn new(security: Security, credentials: Option<Credentials>) -> Self {
        Self { security, credentials, sasl: sasl::Options::default() }
    }

    /// What a server says while the login goes on, without what it repeats of its secrets.
    pub(crate) fn conceal(&self, exchange: Option<&Exchange>, said: &mut Bytes) {
        let secret = self.credentials.as_ref().and_then(Credentials::secret).map(Secret::expose);
        // As it stands in a quoted string.
        let quoted = secret.filter(|secret| secret.iter().any(|byte| b"\"\\".contains(byte)));
        let quoted = quoted.map(|secret| {
            let escaped = secret.iter().flat_map(|byte| {
                let escape = b"\"\\".contains(byte).then_some(b'\\');
                escape.into_iter().chain([*byte])
            });
            Secret::new(escaped.collect::<Vec<_>>())
        });
        let secrets = secret.into_iter().chain(quoted.as_ref().map(Secret::expose));
        let of_exchange = exchange.into_iter().flat_map(Exchange::secrets);
        if let Some(shown) = echo::without(secrets.chain(of_exchange), said) {
            *said = shown;
        }
    }
}

/// How a connection is protected. Nothing in between: no "TLS if the server has it".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Security {
    /// The bytes already come through TLS.
    ImplicitTls,
    /// STARTTLS (POP3's STLS), which must succeed before anything else counts.
    StartTls,
    /// None: everything, the password too, is readable on the way.
    Plaintext,
}
