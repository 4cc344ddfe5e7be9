//! What a refusal is about: the account, the number of connections, or the server's day (rule P14).

use mail_proto::imap::{ResponseCode, Status};

/// Whether the status speaks of a limit on connections or traffic.
pub(crate) fn is_limit(status: &Status) -> bool {
    if matches!(status.code, Some(ResponseCode::Limit | ResponseCode::InUse)) {
        return true;
    }
    let text = status.text_lossy().to_ascii_lowercase();
    let many = text.contains("too many") || text.contains("maximum") || text.contains("exceeded");
    let what = ["connection", "session", "simultaneous"].iter().any(|word| text.contains(word));
    (many && what) || text.contains("concurrent") || text.contains("authenticated but not connected")
}

/// Whether the status says that the account is slowed down for what it did before.
pub(super) fn is_throttle(status: &Status) -> bool {
    let text = status.text_lossy().to_ascii_lowercase();
    matches!(status.code, Some(ResponseCode::Throttled))
        || (text.contains("too many") && (text.contains("attempt") || text.contains("failure")))
}

#[cfg(test)]
mod tests {
    use mail_proto::imap::StatusKind;

    use super::*;

    fn status(code: Option<ResponseCode>, text: &'static str) -> Status {
        Status { kind: StatusKind::No, code, text: text.into() }
    }

    #[test]
    fn a_limit_is_told_from_a_wrong_password() {
        for (code, text) in [
            (Some(ResponseCode::Alert), "Too many simultaneous connections. (Failure)"),
            (None, "User is authenticated but not connected."),
            (Some(ResponseCode::Limit), "no"),
            (Some(ResponseCode::InUse), "no"),
            (
                Some(ResponseCode::Unavailable),
                "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
            ),
        ] {
            assert!(is_limit(&status(code, text)), "{text}");
        }
        for text in ["wrong password", "try later", "Too many login failures"] {
            assert!(!is_limit(&status(None, text)), "{text}");
        }
        assert!(is_throttle(&status(None, "Too many login failures")));
        assert!(!is_throttle(&status(None, "Too many simultaneous connections")));
    }
}
