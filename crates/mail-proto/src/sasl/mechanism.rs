//! The mechanisms' names, and which one is used.

use std::fmt;

use super::{Credentials, Options, SaslError};

macro_rules! mechanisms {
    ($($(#[$doc:meta])* $name:ident = $wire:literal,)*) => {
        /// A SASL mechanism.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Mechanism {
            $($(#[$doc])* $name,)*
        }

        impl Mechanism {
            /// All of them, the strongest first.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name as registered.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $wire,)*
                }
            }
        }
    };
}

mechanisms! {
    /// RFC 7677, tied to the TLS connection
    ScramSha256Plus = "SCRAM-SHA-256-PLUS",
    /// RFC 5802, tied to the TLS connection
    ScramSha1Plus = "SCRAM-SHA-1-PLUS",
    /// RFC 7677
    ScramSha256 = "SCRAM-SHA-256",
    /// RFC 5802
    ScramSha1 = "SCRAM-SHA-1",
    /// RFC 2195: the password isn't sent, but the server isn't proved to know it
    CramMd5 = "CRAM-MD5",
    /// RFC 4616: the server gets the password
    Plain = "PLAIN",
    /// The same in two steps; never standardised, and all that some servers have
    Login = "LOGIN",
    /// RFC 7628
    OAuthBearer = "OAUTHBEARER",
    /// Google's and Microsoft's own way of sending a token
    XOAuth2 = "XOAUTH2",
    /// RFC 4422 appendix A
    External = "EXTERNAL",
    /// RFC 4505
    Anonymous = "ANONYMOUS",
}

impl Mechanism {
    /// The mechanism of this name, found without regard to case.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Whether the client speaks first, so that the exchange may begin with an initial response.
    pub fn is_client_first(self) -> bool {
        !matches!(self, Self::CramMd5 | Self::Login)
    }

    /// Whether the exchange is tied to the TLS connection beneath.
    pub fn binds_channel(self) -> bool {
        matches!(self, Self::ScramSha256Plus | Self::ScramSha1Plus)
    }

    /// Whether the server gets the password itself.
    pub fn sends_password(self) -> bool {
        matches!(self, Self::Plain | Self::Login)
    }

    /// Whether it is built in: the mechanisms that need hashes are only with the feature `sasl`.
    pub fn is_built_in(self) -> bool {
        cfg!(feature = "sasl") || !(self.is_scram() || self == Self::CramMd5)
    }

    pub(super) fn is_scram(self) -> bool {
        matches!(self, Self::ScramSha256Plus | Self::ScramSha1Plus | Self::ScramSha256 | Self::ScramSha1)
    }

    /// Whether it can be used with these credentials, and with what is known besides.
    fn serves(self, credentials: &Credentials, options: &Options) -> bool {
        let fits = match credentials {
            Credentials::Password { .. } => {
                self.is_scram() || matches!(self, Self::CramMd5 | Self::Plain | Self::Login)
            }
            Credentials::Token { .. } => matches!(self, Self::OAuthBearer | Self::XOAuth2),
            Credentials::External => self == Self::External,
            Credentials::Anonymous { .. } => self == Self::Anonymous,
        };
        // These can't say whom to act as, and acting as somebody else than was asked is no login.
        let acts = options.authorization.is_none()
            || !matches!(
                self,
                Self::CramMd5 | Self::Login | Self::XOAuth2 | Self::OAuthBearer | Self::Anonymous
            );
        fits && acts
            && self.is_built_in()
            && (!self.is_scram() || options.nonce.is_some())
            && (!self.binds_channel() || options.channel_binding.is_some())
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The mechanism to use: the strongest that the server offers and that serves these credentials, or the first such of
/// [`Options::among`], or the one that [`Options::mechanism`] names.
///
/// `offered` are the names as the server announced them; unknown ones are passed over.
///
/// # Errors
/// [`SaslError::NoMechanism`] if there is none, [`SaslError::Unsuitable`] if the one that was named doesn't serve.
pub fn choose<'a>(
    offered: impl IntoIterator<Item = &'a [u8]>,
    credentials: &Credentials,
    options: &Options,
) -> Result<Mechanism, SaslError> {
    if let Some(mechanism) = options.mechanism {
        let suitable = mechanism.serves(credentials, options);
        return if suitable { Ok(mechanism) } else { Err(SaslError::Unsuitable { mechanism }) };
    }
    let mut offered_here = Vec::new();
    for mechanism in offered.into_iter().filter_map(Mechanism::from_name) {
        if !offered_here.contains(&mechanism) {
            offered_here.push(mechanism);
        }
    }
    options
        .among
        .as_deref()
        .unwrap_or(Mechanism::ALL)
        .iter()
        .copied()
        .find(|mechanism| offered_here.contains(mechanism) && mechanism.serves(credentials, options))
        .ok_or(SaslError::NoMechanism)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password() -> Credentials {
        Credentials::password("kim", "secret")
    }

    fn chosen(offered: &str, credentials: &Credentials, options: &Options) -> Result<Mechanism, SaslError> {
        choose(offered.split(' ').map(str::as_bytes), credentials, options)
    }

    #[test]
    fn names_are_found_without_regard_to_case() {
        for mechanism in Mechanism::ALL {
            assert_eq!(Mechanism::from_name(mechanism.name().as_bytes()), Some(*mechanism));
            assert_eq!(Mechanism::from_name(mechanism.name().to_lowercase().as_bytes()), Some(*mechanism));
        }
        assert_eq!(Mechanism::from_name(b"GSSAPI"), None);
    }

    #[cfg(feature = "sasl")]
    #[test]
    fn the_strongest_that_both_sides_have_is_chosen() {
        use crate::sasl::{ChannelBinding, ChannelBindingKind, Nonce};
        let all =
            "LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1 scram-sha-256 SCRAM-SHA-256-PLUS XOAUTH2 OAUTHBEARER GSSAPI";
        let mut options = Options::default();
        assert_eq!(chosen(all, &password(), &options), Ok(Mechanism::CramMd5), "no nonce, no SCRAM");
        options.nonce = Some(Nonce::from_random([7; 18]));
        assert_eq!(chosen(all, &password(), &options), Ok(Mechanism::ScramSha256));
        options.channel_binding =
            Some(ChannelBinding { kind: ChannelBindingKind::TlsExporter, data: vec![1; 32] });
        assert_eq!(chosen(all, &password(), &options), Ok(Mechanism::ScramSha256Plus));
        assert_eq!(chosen("LOGIN PLAIN", &password(), &options), Ok(Mechanism::Plain));
        assert_eq!(chosen(all, &Credentials::token("kim", "t"), &options), Ok(Mechanism::OAuthBearer));
        assert_eq!(chosen("XOAUTH2", &Credentials::token("kim", "t"), &options), Ok(Mechanism::XOAuth2));
        assert_eq!(chosen(all, &Credentials::External, &options), Err(SaslError::NoMechanism));
        options.among = Some(vec![Mechanism::Login, Mechanism::ScramSha1, Mechanism::Plain]);
        assert_eq!(chosen(all, &password(), &options), Ok(Mechanism::Login), "the first on the list");
        assert_eq!(chosen("PLAIN CRAM-MD5", &password(), &options), Ok(Mechanism::Plain));
        assert_eq!(chosen("CRAM-MD5", &password(), &options), Err(SaslError::NoMechanism));
        assert!(options.allows_login_command());
        options.among = Some(vec![Mechanism::ScramSha256]);
        assert!(!options.allows_login_command(), "the password isn't sent by another way either");
        options.among = None;
        options.mechanism = Some(Mechanism::Plain);
        assert_eq!(chosen(all, &password(), &options), Ok(Mechanism::Plain), "the one that was asked for");
        assert_eq!(
            chosen(all, &Credentials::token("kim", "t"), &options),
            Err(SaslError::Unsuitable { mechanism: Mechanism::Plain })
        );
    }

    #[test]
    fn a_mechanism_that_cannot_say_whom_to_act_as_is_passed_over() {
        let options = Options { authorization: Some("boss".into()), ..Options::default() };
        assert_eq!(chosen("CRAM-MD5 LOGIN PLAIN", &password(), &options), Ok(Mechanism::Plain));
        assert_eq!(chosen("CRAM-MD5 LOGIN", &password(), &options), Err(SaslError::NoMechanism));
    }
}
