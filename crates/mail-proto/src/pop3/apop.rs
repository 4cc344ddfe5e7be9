//! APOP: a hash of the greeting's timestamp and the password (RFC 1939 section 7).

use crate::secret::Secret;

/// The digest in lower-case hexadecimal digits. `None` without the feature `sasl`.
#[cfg(feature = "sasl")]
pub(crate) fn digest(timestamp: &[u8], password: &Secret) -> Option<String> {
    use md5::{Digest, Md5};
    let mut hash = Md5::new();
    hash.update(timestamp);
    hash.update(password.expose());
    Some(crate::sasl::hex(&hash.finalize()))
}

#[cfg(not(feature = "sasl"))]
pub(crate) fn digest(_: &[u8], _: &Secret) -> Option<String> {
    None
}

#[cfg(all(test, feature = "sasl"))]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1939() {
        let digest = digest(b"<1896.697170952@dbc.mtview.ca.us>", &Secret::from("tanstaaf"));
        assert_eq!(digest.as_deref(), Some("c4c9334bac560ecc979e58001b3e22fb"));
    }
}
