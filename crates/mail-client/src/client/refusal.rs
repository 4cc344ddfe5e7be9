//! What a refusal is about: the account, the number of connections, or the server's day (rules P14 and P41).

use std::time::Duration;

use mail_pool::Class;

use super::said::{Manner, Reason, Said};

/// What a server says on a working connection, and so asks of the whole client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To wait before the next command; for so long, if that is told.
    Wait(Option<Duration>),
    /// To have fewer connections.
    Fewer,
}

/// The class of a refused login.
pub(crate) fn class_at_login<'a>(said: impl Into<Said<'a>>) -> Class {
    let said = said.into();
    let text = lower(said);
    let told = told(&text);
    let reason = said.reason();
    if is_about_connections(&text) || matches!(reason, Some(Reason::Limit | Reason::InUse)) {
        Class::Limit
    } else if reason == Some(Reason::Attempts)
        || (text.contains("too many") && (text.contains("attempt") || text.contains("failure")))
    {
        Class::Throttled(told)
    } else if told.is_some()
        || is_throttled(reason, &text)
        || matches!(reason, Some(Reason::OverQuota | Reason::LoginDelay))
    {
        Class::Throttled(told.or(Some(THROTTLED)))
    } else if matches!(reason, Some(Reason::Unavailable | Reason::Busy)) || text.contains("[sys/temp]") {
        Class::Outage
    } else if reason == Some(Reason::Broken) {
        Class::Permanent
    } else {
        Class::Refused
    }
}

/// How long a server that throttles a login, and doesn't say for how long, is left alone.
const THROTTLED: Duration = Duration::from_secs(60);

/// What the answer to a command, or one that nobody asked for, wishes.
pub(crate) fn wish<'a>(said: impl Into<Said<'a>>) -> Option<Wish> {
    let said = said.into();
    let manner = said.manner();
    // Most have no such text, and there are many.
    if manner == Manner::Agrees && !said.mentions(b"[THROTTLED]") && !said.has_code() {
        return None;
    }
    let text = lower(said);
    let told = told(&text);
    let reason = said.reason();
    let by_quota =
        reason == Some(Reason::OverQuota) && (text.contains("bandwidth") || text.contains("command"));
    // Exchange's way of ending a connection that it throttles.
    let ends = manner == Manner::Leaves && text.trim_end().ends_with("connection closed. 14");
    if told.is_some() || is_throttled(reason, &text) || by_quota || ends {
        Some(Wish::Wait(told))
    } else if manner != Manner::Agrees && said.can_limit_connections() && is_about_connections(&text) {
        Some(Wish::Fewer)
    } else if matches!(reason, Some(Reason::Busy | Reason::Attempts | Reason::LoginDelay)) {
        Some(Wish::Wait(None))
    } else {
        None
    }
}

/// Whether the server speaks of a limit on connections or traffic.
pub(crate) fn is_limit<'a>(said: impl Into<Said<'a>>) -> bool {
    wish(said).is_some()
}

/// Whether a login was refused for a limit on connections or traffic.
pub(crate) fn is_limit_at_login<'a>(said: impl Into<Said<'a>>) -> bool {
    matches!(class_at_login(said), Class::Limit | Class::Throttled(_))
}

/// Whether the same may go well later, by what the code says.
pub(crate) fn passes<'a>(said: impl Into<Said<'a>>) -> bool {
    let passing = |reason| {
        matches!(
            reason,
            Reason::InUse
                | Reason::Throttled
                | Reason::LoginDelay
                | Reason::Attempts
                | Reason::Busy
                | Reason::Unavailable
        )
    };
    said.into().reason().is_some_and(passing)
}

/// How long the server asks to be left alone.
pub(crate) fn wait_told<'a>(said: impl Into<Said<'a>>) -> Option<Duration> {
    told(&lower(said.into()))
}

fn lower(said: Said<'_>) -> String {
    said.text().to_ascii_lowercase()
}

fn is_throttled(reason: Option<Reason>, text: &str) -> bool {
    reason == Some(Reason::Throttled) || text.contains("[throttled]") || text.contains("request is throttled")
}

fn is_about_connections(text: &str) -> bool {
    let many = text.contains("too many") || text.contains("maximum") || text.contains("exceeded");
    let what = ["connection", "session", "simultaneous"].iter().any(|word| text.contains(word));
    // Too many of these, though perhaps "in this session".
    let other =
        ["messages", "recipients", "errors"].iter().any(|what| text.contains(&format!("too many {what}")));
    (many && what && !other)
        || text.contains("concurrent")
        || text.contains("authenticated but not connected")
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

#[cfg(test)]
mod tests {
    use mail_proto::{
        imap::{ResponseCode, Status, StatusKind},
        pop3, smtp,
    };

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

    /// The class of a login that a POP3 server refuses so.
    fn by_pop3(line: &'static str) -> Class {
        class_at_login(&pop3::Reply::parse(line.as_bytes(), Default::default()).unwrap().value)
    }

    #[test]
    fn p14_pop3s_codes_are_told_apart() {
        assert_eq!(by_pop3("-ERR [IN-USE] Maildrop already locked\r\n"), Class::Limit);
        assert_eq!(by_pop3("-ERR [LOGIN-DELAY] wait\r\n"), Class::Throttled(Some(THROTTLED)));
        assert_eq!(by_pop3("-ERR [SYS/TEMP] later\r\n"), Class::Outage);
        assert_eq!(by_pop3("-ERR [SYS/PERM] call us\r\n"), Class::Permanent);
        assert_eq!(by_pop3("-ERR [AUTH] wrong\r\n"), Class::Refused);
        assert_eq!(by_pop3("-ERR too many connections\r\n"), Class::Limit);
    }

    fn smtp(text: &str) -> smtp::Reply {
        let mut reader = smtp::ReplyReader::new(Default::default(), Default::default());
        reader.buffer().extend_from_slice(text.as_bytes());
        reader.next_reply().unwrap().unwrap().value
    }

    #[test]
    fn p14_p41_smtps_numbers_are_told_apart() {
        let concurrent = smtp("432 4.3.2 STOREDRV; concurrent connection limit exceeded\r\n");
        assert_eq!((class_at_login(&concurrent), wish(&concurrent)), (Class::Limit, Some(Wish::Fewer)));
        let busy = smtp("421-4.3.0 busy\r\n421 4.3.0 come back\r\n");
        assert_eq!((class_at_login(&busy), wish(&busy)), (Class::Outage, Some(Wish::Wait(None))));
        assert_eq!(class_at_login(&smtp("454 4.7.0 Temporary failure\r\n")), Class::Throttled(None));
        assert_eq!(wish(&smtp("421 4.4.2 idle for too long\r\n")), None);
        assert_eq!(class_at_login(&smtp("535 5.7.8 no\r\n")), Class::Refused);
        assert_eq!(class_at_login(&smtp("432 4.7.12 password transition\r\n")), Class::Refused);
        // What there is too much of on this connection says nothing about others.
        assert_eq!(wish(&smtp("452 4.5.3 Too many recipients received this session\r\n")), None);
        assert_eq!(wish(&smtp("451 4.7.1 Too many connections to that domain\r\n")), None);
        let messages = smtp("421 4.7.0 Too many messages in this session\r\n");
        assert_eq!(wish(&messages), Some(Wish::Wait(None)));
        let greylisted = smtp("451 4.7.1 later\r\n");
        assert!(wish(&greylisted).is_none() && passes(&greylisted));
        assert!(!passes(&smtp("550 5.1.1 nobody\r\n")));
    }
}
