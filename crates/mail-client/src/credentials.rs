//! Who logs in, and where tokens come from.

use std::{
    error::Error as StdError,
    fmt,
    future::Future,
    io,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use futures_core::future::BoxFuture;
use mail_proto::{Secret, sasl::Credentials};
use tokio::time::timeout;

use crate::error::{Cause, Error, Result};

/// Gives OAuth 2 access tokens, for each login anew. A closure that returns a future is one:
///
/// ```
/// use mail_client::{Secret, TokenError, imap::ImapClient};
///
/// # async fn ask_the_provider() -> Result<String, TokenError> { Ok(String::from("ya29")) }
/// # fn example() -> mail_client::Result<ImapClient> {
/// ImapClient::builder("imap.example.org", "kim@example.org")
///     .token_provider(|request: mail_client::TokenRequest| async move {
///         // A token that was refused is of no use, however long it should be good for.
///         let _ask_anew = request.fresh;
///         Ok(Secret::from(ask_the_provider().await?))
///     })
///     .build()
/// # }
/// ```
pub trait TokenProvider: Send + Sync + 'static {
    /// A token, as it stands behind `Bearer`. It has to come within the
    /// [login's deadline](crate::imap::ImapClientBuilder::login_timeout).
    fn token(&self, request: TokenRequest) -> BoxFuture<'_, Result<Secret, TokenError>>;
}

/// What kind of token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenRequest {
    /// The server refused the last one: only a new one is of use.
    pub fresh: bool,
}

/// Why a [`TokenProvider`] has no token. It counts as a failure that passes.
pub type TokenError = Box<dyn StdError + Send + Sync>;

impl<F, R> TokenProvider for F
where
    F: Fn(TokenRequest) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Secret, TokenError>> + Send + 'static,
{
    fn token(&self, request: TokenRequest) -> BoxFuture<'_, Result<Secret, TokenError>> {
        Box::pin(self(request))
    }
}

/// What a client logs in with.
pub(crate) struct Identity(RwLock<Source>);

#[derive(Clone)]
pub(crate) enum Source {
    /// The server takes anyone.
    Nobody,
    Fixed(Credentials),
    Tokens {
        user: Bytes,
        provider: Arc<dyn TokenProvider>,
    },
}

impl Identity {
    pub(crate) fn new(source: Source) -> Self {
        Self(RwLock::new(source))
    }

    fn source(&self) -> Source {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the password of the same user.
    pub(crate) fn set_password(&self, new: Secret) -> Result<()> {
        match &mut *self.0.write().unwrap_or_else(PoisonError::into_inner) {
            Source::Fixed(Credentials::Password { password, .. }) => *password = new,
            Source::Fixed(Credentials::Token { token, .. }) => *token = new,
            _ => return Err(Error::new(Cause::Configuration("this client doesn't log in with a password"))),
        }
        Ok(())
    }

    /// Whether a refused login may go well with other credentials.
    pub(crate) fn renews(&self) -> bool {
        matches!(self.source(), Source::Tokens { .. })
    }

    /// The credentials for one login, if there is to be one.
    pub(crate) async fn credentials(&self, fresh: bool, within: Duration) -> Result<Option<Credentials>> {
        let (user, provider) = match self.source() {
            Source::Nobody => return Ok(None),
            Source::Fixed(credentials) => return Ok(Some(credentials)),
            Source::Tokens { user, provider } => (user, provider),
        };
        let token = timeout(within, provider.token(TokenRequest { fresh })).await;
        let token = token.unwrap_or_else(|_| {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("none came within {within:?}")).into())
        });
        match token {
            Ok(token) => Ok(Some(Credentials::Token { user, token })),
            Err(error) => Err(Error::new(Cause::NoToken(error.into()))),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source() {
            Source::Nobody => f.write_str("Identity(nobody)"),
            Source::Fixed(credentials) => f.debug_tuple("Identity").field(&credentials).finish(),
            Source::Tokens { user, .. } => {
                f.debug_struct("Identity").field("user", &user).finish_non_exhaustive()
            }
        }
    }
}
