//! The charset of a search: which ones the server takes (RFC 9051 6.4.4).

use bytes::Bytes;
use mail_proto::imap::{ResponseCode, Status};

use super::{Session, bad, no};

impl Session<'_> {
    /// BADCHARSET, for a search that names one that isn't taken.
    pub(super) fn refuses_charset(&self, name: &str, frame: &[u8]) -> Option<Status> {
        let name = name.strip_prefix("UID ").unwrap_or(name);
        let is_known = match name {
            "SORT" => self.shared.has("SORT"),
            "THREAD" => self.shared.offer.value("THREAD").is_some(),
            "ESEARCH" => self.shared.has("MULTISEARCH"),
            _ => true,
        };
        if self.user.is_none() || !is_known {
            return None;
        }
        let named = match name {
            "SEARCH" | "ESEARCH" => behind_word(frame, b"CHARSET")?,
            "SORT" | "THREAD" if self.enabled.utf8_accept => return None,
            "SORT" => behind_lists(arguments(frame, b"SORT")?),
            "THREAD" => arguments(frame, b"THREAD")?.splitn(2, |octet| *octet == b' ').nth(1)?,
            _ => return None,
        };
        if self.enabled.utf8_accept {
            return Some(bad("with UTF-8 accepted, searches name no charset"));
        }
        let end = named.iter().position(|octet| matches!(octet, b' ' | b'\r')).unwrap_or(named.len());
        let charset = named[..end].trim_ascii();
        let charset =
            charset.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(charset);
        let taken = &self.shared.search_charsets;
        let is_taken = taken.iter().any(|taken| taken.as_bytes().eq_ignore_ascii_case(charset));
        let code = || ResponseCode::BadCharset(taken.iter().cloned().map(Bytes::from).collect());
        (!is_taken).then(|| no(code(), "this charset isn't known here"))
    }
}

/// What stands behind a word, if that stands before the first string: what is searched for may be the word too.
fn behind_word<'a>(frame: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let end = frame.iter().position(|octet| matches!(octet, b'"' | b'{' | b'\r')).unwrap_or(frame.len());
    let wanted = [b" ", word, b" "].concat();
    let at = frame[..end].windows(wanted.len()).position(|words| words.eq_ignore_ascii_case(&wanted))?;
    Some(&frame[at + wanted.len()..])
}

/// What stands behind the command's name and `RETURN (…)`.
fn arguments<'a>(frame: &'a [u8], command: &[u8]) -> Option<&'a [u8]> {
    let rest = behind_word(frame, command)?;
    match rest.get(..7) {
        Some(word) if word.eq_ignore_ascii_case(b"RETURN ") => {
            let close = memchr::memchr(b')', rest)?;
            Some(rest[close + 1..].trim_ascii_start())
        }
        _ => Some(rest),
    }
}

/// What stands behind the sort criteria.
fn behind_lists(arguments: &[u8]) -> &[u8] {
    memchr::memchr(b')', arguments).map_or(arguments, |close| arguments[close + 1..].trim_ascii_start())
}
