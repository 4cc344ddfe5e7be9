//! Logging in by SASL (RFC 4422): the mechanisms of mail, both sides, without I/O, clock or randomness.
//!
//! [`choose`] picks the mechanism, a [`Client`] runs it, message by message; a [`Server`] does the other side. The
//! messages are those of the mechanism: their base64 is the protocol's business ([`decode`] reads it). The sessions
//! for IMAP, POP3 and SMTP do all of this by themselves.
//!
//! ```
//! use mail_proto::sasl::{Client, Credentials, Mechanism, Options, choose};
//!
//! let (credentials, options) = (Credentials::password("tim", "tanstaaftanstaaf"), Options::default());
//! let mechanism = choose([&b"PLAIN"[..], b"LOGIN"], &credentials, &options)?;
//! assert_eq!(mechanism, Mechanism::Plain);
//! let mut client = Client::new(mechanism, &credentials, &options)?;
//! assert_eq!(client.initial().unwrap().expose(), b"\0tim\0tanstaaftanstaaf");
//! client.succeeded()?;
//! # Ok::<(), mail_proto::sasl::SaslError>(())
//! ```
//!
//! SCRAM proves the server too: [`Client::succeeded`] fails if the server reports success without having shown that
//! it knows the password. The work that it may ask for is bounded ([`Options::max_iterations`]) and can be done
//! elsewhere ([`Step::Derive`]).
//!
//! # What is not done: normalisation
//! RFC 4013 (SASLprep) and RFC 8265 have names and passwords normalised before they are compared. Here they go as they
//! are given: ASCII is the same in every form, most servers don't normalise either, and the tables weigh more than all
//! of the mechanisms. Whoever has a server that does, and a password beyond ASCII, gives it in Unicode's NFKC form.

mod client;
#[cfg(feature = "sasl")]
mod cram_md5;
mod credentials;
mod derivation;
mod error;
pub(crate) mod exchange;
mod mechanism;
mod oauth;
mod plain;
#[cfg(feature = "sasl")]
mod scram;
mod server;
mod text;

pub use client::{Client, Step};
#[cfg(feature = "sasl")]
pub(crate) use cram_md5::hex;
pub use credentials::{ChannelBinding, ChannelBindingKind, Credentials, Nonce, Options};
pub use derivation::{Derivation, SaltedPassword};
pub use error::SaslError;
pub use mechanism::{Mechanism, choose};
pub use oauth::TokenRefusal;
pub use server::{Server, ServerOptions, ServerStep};
pub use text::decode;

#[cfg(test)]
mod tests;
