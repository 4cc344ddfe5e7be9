//! What a server said, whichever protocol it speaks: its text and, where it has one, a code that tells the reason.

use std::borrow::Cow;

use mail_proto::{
    imap::{ResponseCode, Status, StatusKind},
    pop3, smtp,
};
use memchr::memchr2_iter;

/// A server's words.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Said<'a> {
    Imap(&'a Status),
    Pop3(&'a pop3::Reply),
    Smtp(&'a smtp::Reply),
}

/// How it said them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Agrees,
    Refuses,
    /// It ends the connection.
    Leaves,
}

/// Why, by a code that programs are meant to act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// There is a limit on something.
    Limit,
    /// Somebody else has it, a maildrop for one.
    InUse,
    OverQuota,
    Throttled,
    /// The last login was too short a time ago.
    LoginDelay,
    /// Too much was tried in vain.
    Attempts,
    /// The server has more to do than it can.
    Busy,
    /// Something is out of order for now.
    Unavailable,
    /// Something is out of order until somebody sees to it.
    Broken,
}

impl<'a> Said<'a> {
    /// The text, with anything that isn't UTF-8 replaced.
    pub(crate) fn text(self) -> Cow<'a, str> {
        match self {
            Self::Imap(status) => status.text_lossy(),
            Self::Pop3(reply) => reply.text_lossy(),
            Self::Smtp(reply) => reply.text_lossy().into(),
        }
    }

    /// Whether this stands in the text, in ASCII of whatever case.
    pub(super) fn mentions(self, part: &[u8]) -> bool {
        // Every command's end is looked through: by its first byte, which few texts have.
        let Some(first) = part.first() else { return true };
        let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
        let has = |text: &[u8]| {
            let mut begins = memchr2_iter(lower, upper, text).map(|at| &text[at..]);
            begins.any(|rest| rest.get(..part.len()).is_some_and(|found| found.eq_ignore_ascii_case(part)))
        };
        match self {
            Self::Imap(status) => has(&status.text),
            Self::Pop3(reply) => has(&reply.text),
            Self::Smtp(reply) => reply.lines.iter().any(|line| has(line)),
        }
    }

    pub(super) fn manner(self) -> Manner {
        match self {
            Self::Imap(status) => match status.kind {
                StatusKind::Ok | StatusKind::PreAuth => Manner::Agrees,
                StatusKind::Bye => Manner::Leaves,
                _ => Manner::Refuses,
            },
            Self::Pop3(reply) => match reply.kind {
                pop3::ReplyKind::Err => Manner::Refuses,
                _ => Manner::Agrees,
            },
            Self::Smtp(reply) => match reply.code.get() {
                421 => Manner::Leaves,
                _ if reply.code.is_positive() || reply.code.is_intermediate() => Manner::Agrees,
                _ => Manner::Refuses,
            },
        }
    }

    /// Whether there is a code at all that says more than the manner.
    pub(super) fn has_code(self) -> bool {
        match self {
            Self::Imap(status) => status.code.is_some(),
            Self::Pop3(reply) => reply.code.is_some(),
            Self::Smtp(_) => self.manner() != Manner::Agrees,
        }
    }

    /// Whether it may be the client's connections that are too many. SMTP has numbers for that: with others its servers
    /// speak of recipients, of messages, or of what is not theirs.
    pub(super) fn can_limit_connections(self) -> bool {
        match self {
            Self::Smtp(reply) => matches!(reply.code.get(), 421 | 432),
            Self::Imap(_) | Self::Pop3(_) => true,
        }
    }

    pub(super) fn reason(self) -> Option<Reason> {
        match self {
            Self::Imap(status) => match status.code.as_ref()? {
                ResponseCode::Limit => Some(Reason::Limit),
                ResponseCode::InUse => Some(Reason::InUse),
                ResponseCode::OverQuota => Some(Reason::OverQuota),
                ResponseCode::Throttled => Some(Reason::Throttled),
                ResponseCode::Unavailable => Some(Reason::Unavailable),
                _ => None,
            },
            Self::Pop3(reply) => match reply.code.as_ref()? {
                pop3::Code::InUse => Some(Reason::InUse),
                pop3::Code::LoginDelay => Some(Reason::LoginDelay),
                pop3::Code::SysTemp => Some(Reason::Unavailable),
                pop3::Code::SysPerm => Some(Reason::Broken),
                pop3::Code::Other(name) => match &**name {
                    // Dovecot and others know them from IMAP.
                    "LIMIT" => Some(Reason::Limit),
                    "INUSE" => Some(Reason::InUse),
                    "UNAVAILABLE" => Some(Reason::Unavailable),
                    "THROTTLED" => Some(Reason::Throttled),
                    _ => None,
                },
                _ => None,
            },
            Self::Smtp(reply) => {
                let enhanced = |subject, detail| {
                    reply.enhanced.is_some_and(|code| (code.subject, code.detail) == (subject, detail))
                };
                match reply.code.get() {
                    // The connection was idle for too long.
                    421 if enhanced(4, 2) => Some(Reason::Unavailable),
                    // The password has to be changed over (RFC 4954 section 6).
                    432 if enhanced(7, 12) => None,
                    421 | 432 => Some(Reason::Busy),
                    454 => Some(Reason::Attempts),
                    _ if reply.code.is_transient() => Some(Reason::Unavailable),
                    _ => None,
                }
            }
        }
    }
}

impl<'a> From<&'a Status> for Said<'a> {
    fn from(status: &'a Status) -> Self {
        Self::Imap(status)
    }
}

impl<'a> From<&'a pop3::Reply> for Said<'a> {
    fn from(reply: &'a pop3::Reply) -> Self {
        Self::Pop3(reply)
    }
}

impl<'a> From<&'a smtp::Reply> for Said<'a> {
    fn from(reply: &'a smtp::Reply) -> Self {
        Self::Smtp(reply)
    }
}
