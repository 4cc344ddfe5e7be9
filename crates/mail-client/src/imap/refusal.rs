//! What a refusal is about: the account, the number of connections, or the server's day (rule P14).

use mail_pool::Class;
use mail_proto::imap::{ResponseCode, Status, client::SessionError};

use crate::error::{Cause, Error};

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

fn is_throttle(status: &Status) -> bool {
    let text = status.text_lossy().to_ascii_lowercase();
    matches!(status.code, Some(ResponseCode::Throttled))
        || (text.contains("too many") && (text.contains("attempt") || text.contains("failure")))
}

/// The class of a failed dial or login.
pub(crate) fn classify(error: &Error) -> Class {
    match error.cause() {
        Cause::Transport(error) if error.is_permanent() => Class::Permanent,
        Cause::Session(SessionError::LoginRefused(status)) => match status {
            status if is_limit(status) => Class::Limit,
            status if is_throttle(status) => Class::Throttled(None),
            Status { code: Some(ResponseCode::Unavailable), .. } => Class::Outage,
            _ => Class::Refused,
        },
        Cause::Session(SessionError::Bye(status)) => match status {
            status if is_limit(status) => Class::Limit,
            status if is_throttle(status) => Class::Throttled(None),
            _ => Class::Outage,
        },
        // Closed before the login's answer: a limit if others are open, which the pool knows.
        Cause::Session(SessionError::Closed) | Cause::Io(_) => Class::Outage,
        Cause::Session(_) | Cause::Configuration(_) | Cause::Encode(_) => Class::Permanent,
        _ => Class::Transient,
    }
}

#[cfg(test)]
mod tests {
    use mail_proto::imap::StatusKind;

    use super::*;

    fn refused(code: Option<ResponseCode>, text: &'static str) -> Class {
        let status = Status { kind: StatusKind::No, code, text: text.into() };
        classify(&Error::from(SessionError::LoginRefused(status)))
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
            assert!(matches!(refused(code, text), Class::Limit), "{text}");
        }
        assert!(matches!(refused(Some(ResponseCode::AuthenticationFailed), "wrong"), Class::Refused));
        assert!(matches!(refused(Some(ResponseCode::Unavailable), "try later"), Class::Outage));
        assert!(matches!(refused(None, "Too many login failures"), Class::Throttled(None)));
    }
}
