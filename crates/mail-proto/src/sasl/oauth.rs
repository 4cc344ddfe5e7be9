//! Tokens: OAUTHBEARER (RFC 7628) and XOAUTH2, and what servers say of a token they refuse.
//!
//! ```text
//! client-resp = gs2-header kvsep *kvpair kvsep       ; OAUTHBEARER
//! kvpair      = key "=" value kvsep                  ; kvsep is %x01
//! "user=" name kvsep "auth=Bearer " token kvsep kvsep ; XOAUTH2
//! ```

use super::{Options, SaslError, text};
use crate::{echo, secret::Secret};

pub(super) fn bearer(user: &[u8], token: &Secret, options: &Options) -> Result<Secret, SaslError> {
    let user = text::saslname(printable(user, "user name")?, "user name")?;
    let mut message = format!("n,a={user},\u{1}").into_bytes();
    if let Some((host, port)) = &options.server {
        printable(host.as_bytes(), "server name")?;
        message.extend_from_slice(format!("host={host}\u{1}port={port}\u{1}").as_bytes());
    }
    with_token(message, token)
}

pub(super) fn xoauth2(user: &[u8], token: &Secret) -> Result<Secret, SaslError> {
    with_token([b"user=", printable(user, "user name")?, b"\x01"].concat(), token)
}

fn with_token(message: Vec<u8>, token: &Secret) -> Result<Secret, SaslError> {
    let token = printable(token.expose(), "token")?;
    Ok(Secret::new([&message[..], b"auth=Bearer ", token, b"\x01\x01"].concat()))
}

/// Takes what holds no control character, so that it can't end its field.
fn printable<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a [u8], SaslError> {
    if bytes.iter().any(u8::is_ascii_control) { Err(SaslError::BadText { what }) } else { Ok(bytes) }
}

/// The user and the token of either message.
pub(super) fn parse(message: &[u8]) -> Result<(Vec<u8>, Secret), SaslError> {
    let malformed = SaslError::Malformed { expected: "a user and a token" };
    let mut fields = message.split(|byte| *byte == 1);
    let head = fields.next().unwrap_or_default();
    let user = if let Some(user) = head.strip_prefix(b"user=") {
        user.to_vec()
    } else {
        let head = std::str::from_utf8(head).map_err(|_| malformed.clone())?;
        let name = head
            .strip_prefix("n,")
            .and_then(|head| head.strip_suffix(','))
            .ok_or_else(|| malformed.clone())?;
        text::parse_saslname(name.strip_prefix("a=").unwrap_or(name))?.into_bytes()
    };
    let token = fields
        .find_map(|field| field.strip_prefix(b"auth="))
        .and_then(|auth| auth.split_at_checked(7))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
        .ok_or(malformed)?
        .1;
    Ok((user, Secret::new(token)))
}

/// What a server says of a token that it refuses (RFC 7628 section 3.2.2), as far as it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenRefusal {
    /// What is wrong: `invalid_token`, `insufficient_scope` (OAUTHBEARER), or an HTTP status (XOAUTH2).
    pub status: Option<String>,
    /// The scope that a token has to have.
    pub scope: Option<String>,
    /// Where the server's OpenID configuration is found.
    pub openid_configuration: Option<String>,
    /// The whole of it, normally a JSON object.
    pub raw: Vec<u8>,
}

impl TokenRefusal {
    /// Without what it repeats of these secrets.
    pub(super) fn without<'a>(&self, secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let shown = echo::without(secrets, &self.raw);
        shown.map_or_else(|| self.clone(), |shown| Self::parse(&shown))
    }

    pub(super) fn parse(raw: &[u8]) -> Self {
        let mut refusal = Self { raw: raw.to_vec(), ..Self::default() };
        let Ok(text) = std::str::from_utf8(raw) else { return refusal };
        for (key, value) in members(text) {
            match key.as_str() {
                "status" => refusal.status = Some(value),
                "scope" => refusal.scope = Some(value),
                "openid-configuration" => refusal.openid_configuration = Some(value),
                _ => {}
            }
        }
        refusal
    }
}

/// The members of a flat JSON object whose values are strings or numbers, up to what isn't such a one.
fn members(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Some(mut rest) = text.trim().strip_prefix('{') else { return found };
    while let Some((key, behind)) = string(rest) {
        let Some(behind) = behind.trim_start().strip_prefix(':') else { break };
        let behind = behind.trim_start();
        let (value, behind) = match string(behind) {
            Some(found) => found,
            None => {
                let len = behind.find([',', '}', '[', '{', '"']).unwrap_or(behind.len());
                (behind[..len].trim_end().to_owned(), &behind[len..])
            }
        };
        found.push((key, value));
        let Some(behind) = behind.trim_start().strip_prefix(',') else { break };
        rest = behind;
    }
    found
}

/// A JSON string, and what is behind it.
fn string(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start().strip_prefix('"')?;
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'r' => value.push('\r'),
                'b' => value.push('\u{8}'),
                'f' => value.push('\u{c}'),
                'u' => {
                    let code =
                        (0..4).try_fold(0, |code, _| Some(code * 16 + chars.next()?.1.to_digit(16)?))?;
                    // Half of a surrogate pair is no character.
                    value.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specifications() {
        let options = Options { server: Some(("server.example.com".to_owned(), 143)), ..Options::default() };
        let token = Secret::from("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
        let message = bearer(b"user@example.com", &token, &options).unwrap();
        assert_eq!(
            message.expose(),
            b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
        );
        assert_eq!(parse(message.expose()).unwrap(), (b"user@example.com".to_vec(), token));
        let token = Secret::from("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");
        let message = xoauth2(b"someuser@example.com", &token).unwrap();
        assert_eq!(
            message.expose(),
            b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01"
        );
        assert_eq!(parse(message.expose()).unwrap(), (b"someuser@example.com".to_vec(), token));
    }

    #[test]
    fn no_field_can_be_smuggled_in() {
        let token = Secret::from("t");
        assert!(xoauth2(b"kim\x01auth=Bearer x", &token).is_err());
        assert!(bearer(b"kim", &Secret::from("t\x01x=y"), &Options::default()).is_err());
        let message = bearer(b"k,a=x", &token, &Options::default()).unwrap();
        assert_eq!(parse(message.expose()).unwrap().0, b"k,a=x");
    }

    #[test]
    fn a_refusal_is_read_as_far_as_it_can_be() {
        let refusal = TokenRefusal::parse(
            br#"{"status":"invalid_token", "scope": "mail\u0020\"x\"","openid-configuration":"https:\/\/x","n":[1]}"#,
        );
        assert_eq!(refusal.status.as_deref(), Some("invalid_token"));
        assert_eq!(refusal.scope.as_deref(), Some("mail \"x\""));
        assert_eq!(refusal.openid_configuration.as_deref(), Some("https://x"));
        let google = TokenRefusal::parse(br#"{"status":400,"schemes":"Bearer","scope":"https://mail/"}"#);
        assert_eq!((google.status.as_deref(), google.scope.as_deref()), (Some("400"), Some("https://mail/")));
        for broken in
            [&b""[..], b"{", b"{\"", b"{\"status\"", b"{\"status\":\"\\u12", b"\xff", b"{\"status\":\"a"]
        {
            assert_eq!(TokenRefusal::parse(broken).raw, broken);
        }
    }
}
