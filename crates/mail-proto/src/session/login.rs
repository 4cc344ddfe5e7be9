//! How a connection comes to be protected and logged in.

use crate::sasl::{self, Credentials};

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
