//! What a refusal is about: the account, the number of connections, or the server's day (rules P14 and P41).

use std::time::Duration;

use mail_pool::Class;
use mail_proto::imap::{ResponseCode, Status, StatusKind};

/// What a status that comes on a working connection asks of the whole client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// To wait before the next command; for so long, if that is told.
    Wait(Option<Duration>),
    /// To have fewer connections.
    Fewer,
}

/// The class of a refused login.
pub(super) fn class_at_login(status: &Status) -> Class {
    let text = lower(status);
    let told = told(&text);
    if is_about_connections(&text) || matches!(status.code, Some(ResponseCode::Limit | ResponseCode::InUse)) {
        Class::Limit
    } else if text.contains("too many") && (text.contains("attempt") || text.contains("failure")) {
        Class::Throttled(told)
    } else if told.is_some() || is_throttled(status, &text) || status.code == Some(ResponseCode::OverQuota) {
        Class::Throttled(told.or(Some(THROTTLED)))
    } else if status.code == Some(ResponseCode::Unavailable) || text.contains("[sys/temp]") {
        Class::Outage
    } else {
        Class::Refused
    }
}

/// How long a server that throttles a login, and doesn't say for how long, is left alone.
const THROTTLED: Duration = Duration::from_secs(60);

/// What the status of a command, or one that nobody asked for, wishes.
pub(super) fn wish(status: &Status) -> Option<Wish> {
    // Most have no such text, and there are many.
    if status.kind == StatusKind::Ok && !has(&status.text, b"[THROTTLED]") && status.code.is_none() {
        return None;
    }
    let text = lower(status);
    let told = told(&text);
    let by_quota = status.code == Some(ResponseCode::OverQuota)
        && (text.contains("bandwidth") || text.contains("command"));
    // Exchange's way of ending a connection that it throttles.
    let ends = status.kind == StatusKind::Bye && text.trim_end().ends_with("connection closed. 14");
    if told.is_some() || is_throttled(status, &text) || by_quota || ends {
        Some(Wish::Wait(told))
    } else if status.kind != StatusKind::Ok && is_about_connections(&text) {
        Some(Wish::Fewer)
    } else {
        None
    }
}

/// Whether the status speaks of a limit on connections or traffic.
pub(crate) fn is_limit(status: &Status) -> bool {
    wish(status).is_some()
}

/// Whether a login was refused for a limit on connections or traffic.
pub(crate) fn is_limit_at_login(status: &Status) -> bool {
    matches!(class_at_login(status), Class::Limit | Class::Throttled(_))
}

/// How long the server asks to be left alone.
pub(crate) fn wait_told(status: &Status) -> Option<Duration> {
    told(&lower(status))
}

fn lower(status: &Status) -> String {
    status.text_lossy().to_ascii_lowercase()
}

fn is_throttled(status: &Status, text: &str) -> bool {
    status.code == Some(ResponseCode::Throttled)
        || text.contains("[throttled]")
        || text.contains("request is throttled")
}

fn is_about_connections(text: &str) -> bool {
    let many = text.contains("too many") || text.contains("maximum") || text.contains("exceeded");
    let what = ["connection", "session", "simultaneous"].iter().any(|word| text.contains(word));
    (many && what) || text.contains("concurrent") || text.contains("authenticated but not connected")
}

/// `Suggested Backoff Time: 299961 milliseconds`, as Exchange says.
fn told(text: &str) -> Option<Duration> {
    let (_, told) = text.split_once("backoff time: ")?;
    let (number, unit) = told.split_once(' ')?;
    let number = number.parse().ok()?;
    match unit {
        unit if unit.starts_with("millisecond") => Some(Duration::from_millis(number)),
        unit if unit.starts_with("second") => Some(Duration::from_secs(number)),
        _ => None,
    }
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(kind: StatusKind, code: Option<ResponseCode>, text: &'static str) -> Status {
        Status { kind, code, text: text.into() }
    }

    fn no(code: Option<ResponseCode>, text: &'static str) -> Status {
        status(StatusKind::No, code, text)
    }

    #[test]
    fn p14_a_limit_is_told_from_a_wrong_password() {
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
            assert_eq!(class_at_login(&no(code, text)), Class::Limit, "{text}");
        }
        for text in ["wrong password", "try later", "LOGIN failed."] {
            assert_eq!(class_at_login(&no(None, text)), Class::Refused, "{text}");
        }
        assert_eq!(class_at_login(&no(None, "Too many login failures")), Class::Throttled(None));
        assert_eq!(class_at_login(&no(None, "Too many simultaneous connections")), Class::Limit);
        assert_eq!(class_at_login(&no(Some(ResponseCode::Unavailable), "later")), Class::Outage);
        let over = no(Some(ResponseCode::OverQuota), "Account exceeded command or bandwidth limits.");
        assert_eq!(class_at_login(&over), Class::Throttled(Some(THROTTLED)));
    }

    #[test]
    fn p41_a_wish_is_heard_with_its_time() {
        let told = "Request is throttled. Suggested Backoff Time: 1500 milliseconds";
        for kind in [StatusKind::Bad, StatusKind::No, StatusKind::Bye] {
            let wait = Some(Wish::Wait(Some(Duration::from_millis(1500))));
            assert_eq!(wish(&status(kind, None, told)), wait);
        }
        let untold = Some(Wish::Wait(None));
        assert_eq!(wish(&status(StatusKind::Ok, None, "Success [THROTTLED]")), untold);
        assert_eq!(wish(&status(StatusKind::Ok, Some(ResponseCode::Throttled), "Success")), untold);
        assert_eq!(wish(&status(StatusKind::Bye, None, "Connection closed. 14")), untold);
        assert_eq!(wish(&no(Some(ResponseCode::OverQuota), "Account exceeded bandwidth limits")), untold);
        assert_eq!(wish(&no(None, "User is authenticated but not connected.")), Some(Wish::Fewer));
    }

    #[test]
    fn p41_what_concerns_one_command_is_no_wish() {
        for (code, text) in [
            (Some(ResponseCode::OverQuota), "Mailbox is full"),
            (Some(ResponseCode::Limit), "Too many flags in the mailbox"),
            (Some(ResponseCode::InUse), "Mailbox is locked"),
            (None, "Unknown command"),
        ] {
            assert_eq!(wish(&no(code, text)), None, "{text}");
        }
        assert_eq!(wish(&status(StatusKind::Ok, None, "Fetch completed, maximum connections 10")), None);
        assert_eq!(wish(&status(StatusKind::Bye, None, "Logging out")), None);
    }
}
