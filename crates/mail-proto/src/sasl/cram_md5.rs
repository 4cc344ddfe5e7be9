//! CRAM-MD5: a keyed hash of what the server just made up (RFC 2195).

use hmac::{Hmac, Mac};
use md5::Md5;

use super::SaslError;
use crate::secret::Secret;

/// The name, a space, and the hash of the challenge in hexadecimal digits.
pub(super) fn response(challenge: &[u8], user: &[u8], password: &Secret) -> Secret {
    Secret::new([user, b" ", digest(challenge, password).as_bytes()].concat())
}

/// The user and the hash of a response.
pub(super) fn parse(response: &[u8]) -> Result<(&[u8], &[u8]), SaslError> {
    let space = response.iter().rposition(|byte| *byte == b' ');
    let space = space.ok_or(SaslError::Malformed { expected: "a name and a hash" })?;
    Ok((&response[..space], &response[space + 1..]))
}

/// The hash of the challenge with this password, in hexadecimal digits.
pub(super) fn digest(challenge: &[u8], password: &Secret) -> String {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(password.expose()) else { return String::new() };
    mac.update(challenge);
    hex(&mac.finalize().into_bytes())
}

/// In lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_2195() {
        let challenge = b"<1896.697170952@postoffice.reston.mci.net>";
        let response = response(challenge, b"tim", &Secret::from("tanstaaftanstaaf"));
        assert_eq!(response.expose(), b"tim b913a602c7eda7a495b4e6e7334d3890");
        assert_eq!(parse(b"a b c"), Ok((&b"a b"[..], &b"c"[..])), "a name may have spaces");
    }
}
