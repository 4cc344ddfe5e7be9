//! The forms in which bytes stand in a text.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;

/// Each form with what it is called, none twice.
pub(super) fn forms(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex = |separator: &str| list(secret, separator, |byte| format!("{byte:02x}"));
    let mut forms = vec![
        ("as it is", secret.to_vec()),
        ("escaped", secret.escape_ascii().collect()),
        ("as a list of numbers", list(secret, ", ", |byte| byte.to_string())),
        ("in hexadecimal", hex("")),
        ("in hexadecimal", hex("").to_ascii_uppercase()),
        ("as a list in hexadecimal", list(secret, ", ", |byte| format!("{byte:x}"))),
        ("as a list in hexadecimal", list(secret, ", ", |byte| format!("{byte:X}"))),
        ("in percent-encoding", list(secret, "", percent_encoded)),
    ];
    if let Ok(text) = std::str::from_utf8(secret) {
        forms.push(("escaped", text.escape_debug().to_string().into_bytes()));
        forms.push(("as a form field", text.replace(' ', "+").into_bytes()));
    }
    for before in 0..3 {
        let encoded = base64_behind(before, secret);
        let for_urls = encoded.replace('+', "-").replace('/', "_");
        forms.push(("in Base64", encoded.into_bytes()));
        forms.push(("in Base64", for_urls.into_bytes()));
    }
    let mut known = std::collections::BTreeSet::new();
    forms.retain(|(_, form)| known.insert(form.clone()));
    forms
}

fn list(bytes: &[u8], separator: &str, shown: fn(u8) -> String) -> Vec<u8> {
    let shown: Vec<String> = bytes.iter().map(|byte| shown(*byte)).collect();
    shown.join(separator).into_bytes()
}

fn percent_encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

/// What Base64 makes of bytes that stand behind so many others, without the letters that depend on what is around them.
fn base64_behind(before: usize, bytes: &[u8]) -> String {
    let padded = [&[0; 2][..before], bytes].concat();
    let encoded = BASE64_STANDARD_NO_PAD.encode(&padded);
    encoded[(before * 8).div_ceil(6)..padded.len() * 8 / 6].to_owned()
}
