//! PLAIN: the name and the password in one message (RFC 4616).
//!
//! ```text
//! message = [authzid] UTF8NUL authcid UTF8NUL passwd
//! ```

use super::{Options, SaslError, text::without_nul};
use crate::secret::Secret;

pub(super) fn message(user: &[u8], password: &Secret, options: &Options) -> Result<Secret, SaslError> {
    let authorization = options.authorization.as_deref().unwrap_or_default();
    let authorization = without_nul(authorization, "authorization identity")?;
    let user = without_nul(user, "user name")?;
    let password = without_nul(password.expose(), "password")?;
    Ok(Secret::new([authorization, b"\0", user, b"\0", password].concat()))
}

/// The authorization identity (empty if there is none), the user and the password of a message.
pub(super) fn parse(message: &[u8]) -> Result<(&[u8], &[u8], Secret), SaslError> {
    let mut parts = message.split(|byte| *byte == 0);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(authorization), Some(user), Some(password), None) => {
            Ok((authorization, user, Secret::new(password)))
        }
        _ => Err(SaslError::Malformed { expected: "two NUL bytes" }),
    }
}
