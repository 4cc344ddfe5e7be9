//! Names and messages as text.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::SaslError;
use crate::secret::Secret;

/// Tolerant of missing padding and of bits behind the end.
const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The longest base64 of a challenge or response that is read, in bytes (RFC 4954 section 4 has 12,288).
pub(super) const LONGEST: usize = 64 * 1024;

/// Reads the base64 of a challenge or a response: white space around it, and the `=` of an empty one, are taken off.
///
/// # Errors
/// It isn't base64, or longer than 64 KiB.
pub fn decode(line: &[u8]) -> Result<Secret, SaslError> {
    let line = line.trim_ascii();
    if line.is_empty() || line == b"=" {
        return Ok(Secret::new([]));
    }
    if line.len() > LONGEST {
        return Err(SaslError::Malformed { expected: "at most 64 KiB" });
    }
    TOLERANT.decode(line).map(Secret::new).map_err(|_| SaslError::Malformed { expected: "base64" })
}

/// Takes a name or password that NUL would cut short.
pub(super) fn without_nul<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a [u8], SaslError> {
    if bytes.contains(&0) { Err(SaslError::BadText { what }) } else { Ok(bytes) }
}

/// `saslname`: UTF-8 without NUL, comma and equals sign as `=2C` and `=3D` (RFC 5802 section 7).
pub(super) fn saslname(name: &[u8], what: &'static str) -> Result<String, SaslError> {
    let name = std::str::from_utf8(without_nul(name, what)?).map_err(|_| SaslError::BadText { what })?;
    Ok(name.replace('=', "=3D").replace(',', "=2C"))
}

/// Reads a `saslname`.
pub(super) fn parse_saslname(text: &str) -> Result<String, SaslError> {
    let mut parts = text.split('=');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (byte, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(SaslError::Malformed { expected: "=2C or =3D" }),
        };
        name.push(byte);
        name.push_str(rest);
    }
    Ok(name)
}
