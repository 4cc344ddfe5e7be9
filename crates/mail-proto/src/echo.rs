//! What a server's words repeat of a login's secrets is left out of them: they end up in errors and logs.
//!
//! Some servers quote what they didn't understand, as in `500 unrecognized command 'AGtpbQBzZWNyZXQ='`.

use std::collections::HashSet;

use bytes::Bytes;

/// So much of a secret in a row counts as repeated: a server may quote a part.
const RUN: usize = 8;

/// A secret shorter than this stands in many a text by chance.
const SHORTEST: usize = 4;

/// What stands for what is left out.
const LEFT_OUT: &[u8] = "…".as_bytes();

/// The text without what it repeats of the secrets, in whatever case; `None` if that is nothing.
pub(crate) fn without<'a>(secrets: impl IntoIterator<Item = &'a [u8]>, text: &[u8]) -> Option<Bytes> {
    let lower = text.to_ascii_lowercase();
    let mut repeated = vec![false; text.len()];
    for secret in secrets.into_iter().filter(|secret| secret.len() >= SHORTEST) {
        let secret = secret.to_ascii_lowercase();
        let run = secret.len().min(RUN);
        let runs: HashSet<&[u8]> = secret.windows(run).collect();
        for (at, found) in lower.windows(run).enumerate() {
            if runs.contains(found) {
                repeated[at..at + run].fill(true);
            }
        }
    }
    if !repeated.contains(&true) {
        return None;
    }
    let mut shown = Vec::with_capacity(text.len());
    let mut rest = text;
    for piece in repeated.chunk_by(|one, next| one == next) {
        let (head, behind) = rest.split_at(piece.len());
        shown.extend_from_slice(if piece[0] { LEFT_OUT } else { head });
        rest = behind;
    }
    Some(shown.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(secret: &str, text: &str) -> String {
        let shown = without([secret.as_bytes()], text.as_bytes());
        String::from_utf8(shown.unwrap_or_else(|| text.to_owned().into()).to_vec()).unwrap()
    }

    #[test]
    fn a_secret_and_what_is_long_of_it_are_left_out_and_nothing_else() {
        for (text, expected) in [
            ("no such user", "no such user"),
            ("what is PASS hunter2-top-secret", "what is PASS …"),
            ("WHAT IS PASS HUNTER2-TOP-SECRET?", "WHAT IS PASS …?"),
            ("hunter2-top-secret hunter2-top-secret", "… …"),
            ("cut off: hunter2-to", "cut off: …"),
            ("hunter2", "hunter2"),
        ] {
            assert_eq!(shown("hunter2-top-secret", text), expected);
        }
        assert_eq!(shown("four", "one two four"), "one two …");
        assert_eq!(shown("one", "one two four"), "one two four");
        assert_eq!(shown("", ""), "");
    }
}
