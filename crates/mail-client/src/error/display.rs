//! An error in one line: where, what and why.

use std::{
    error::Error as StdError,
    fmt::{self, Write as _},
};

use mail_proto::smtp::client::Failure;

use super::{Cause, Error};
use crate::smtp::{Outcome, RecipientOutcome};

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The transport's errors name their server themselves.
        if let (Some(server), false) = (&self.0.server, matches!(self.0.cause, Cause::Transport(_))) {
            write!(f, "{server}: ")?;
        }
        if let Some(command) = &self.0.command {
            write!(f, "{}: ", Visible(command))?;
        }
        if let Some(offset) = self.0.offset {
            write!(f, "after {offset} bytes of the content: ")?;
        }
        match &self.0.cause {
            Cause::Transport(error) => error.fmt(f),
            Cause::HungUp => f.write_str("the server closed the connection"),
            Cause::TaskEnded => f.write_str("the runtime that served the connection has ended"),
            Cause::Session(error) => Visible(&error.to_string()).fmt(f),
            Cause::Pop3(error) => Visible(&error.to_string()).fmt(f),
            Cause::Smtp(error) => {
                Visible(&error.to_string()).fmt(f)?;
                // Whom it refused says more than that it did.
                match error {
                    Failure::RecipientsRefused => self.fmt_refused(f),
                    _ => Ok(()),
                }
            }
            Cause::Refused(status) => {
                write!(f, "the server refused: {}", Visible(&status.text_lossy()))
            }
            Cause::NotSelected(status) => {
                write!(f, "the mailbox can't be opened: {}", Visible(&status.text_lossy()))
            }
            Cause::Unsupported(capability) => write!(f, "the server doesn't have {capability}"),
            Cause::Lacks(what) => write!(f, "the server doesn't have {what}"),
            Cause::ReadOnly => f.write_str("the mailbox was opened to be read only"),
            Cause::Unanswered(what) => write!(f, "the server said OK and did not tell {what}"),
            Cause::Unread { lines, .. } => match &**lines {
                [line] => write!(f, "a response can't be read: {line}"),
                lines => {
                    write!(f, "{} responses can't be read", lines.len())?;
                    lines.first().map_or(Ok(()), |line| write!(f, ", the first: {line}"))
                }
            },
            Cause::CopiedNotRemoved { reason, .. } => {
                write!(f, "the messages were copied and not removed: {reason}")
            }
            Cause::Partly { done, reason } => {
                write!(f, "{} of the messages were done, then: {reason}", done.len().unwrap_or_default())
            }
            Cause::UidValidityChanged { expected, found: Some(found) } => {
                write!(f, "the mailbox is another one now: its UIDVALIDITY was {expected} and is {found}")
            }
            Cause::UidValidityChanged { expected, found: None } => {
                write!(f, "the mailbox is another one now: its UIDVALIDITY was {expected} and it has none")
            }
            Cause::Encode(error) => error.fmt(f),
            Cause::Lost { written, reason } => {
                let outcome = if *written { "the outcome is unknown" } else { "it was not sent" };
                write!(f, "the connection was lost and {outcome}: {reason}")
            }
            Cause::NoEffect { but, reason } => write!(f, "the connection was lost and {but}: {reason}"),
            Cause::OutcomeUnknown { whether, reason } => {
                write!(f, "the connection was lost and nobody knows whether {whether}: {reason}")
            }
            Cause::Occupied { after } => {
                write!(f, "another session has had the connection for itself for {after:?}")
            }
            Cause::Ambiguous { count } => write!(f, "{count} messages have this unique-id"),
            Cause::Silent { waited_for, after } => {
                write!(f, "the server sent nothing for {after:?} while {waited_for} was due")
            }
            Cause::Stalled { after } => {
                write!(f, "a stream was not read for {after:?} while other commands waited behind it")
            }
            Cause::Deadline { after, written } => {
                let outcome = if *written { "and its outcome is unknown" } else { "and it was not sent" };
                write!(f, "the call did not end within {after:?}, {outcome}")
            }
            Cause::Abandoned => {
                f.write_str("the connection was closed, since the rest of an answer was not wanted")
            }
            Cause::Gone => f.write_str("the message is gone"),
            Cause::Unreadable => {
                f.write_str("the server sent something that can't be read as the message's body")
            }
            Cause::Source(error) => write!(f, "the message can't be read: {error}"),
            Cause::Upload(error) => error.fmt(f),
            Cause::Mail(error) => Visible(&error.to_string()).fmt(f),
            Cause::TooLarge { len, limit } => {
                write!(f, "the message has {len} bytes and the server takes {limit}")
            }
            Cause::TooMuch { limit } => write!(f, "the answer is larger than {limit} bytes"),
            Cause::CutShort { len } => write!(f, "the connection was lost before all {len} bytes had come"),
            Cause::Io(error) => write!(f, "the connection broke: {error}"),
            Cause::Configuration(what) => f.write_str(what),
            Cause::Inflate(error) => error.fmt(f),
            Cause::NoToken(error) => write!(f, "there is no token to log in with: {error}"),
            Cause::Pool(error) => error.fmt(f),
            Cause::ConnectionClosed => f.write_str("the connection was closed by its owner"),
            Cause::Closed => f.write_str("the client was closed"),
            Cause::InsideTask { place } => write!(
                f,
                "the blocking call at {place} would hold up the async task that it is in: use the async client there, or \
                 spawn_blocking"
            ),
            Cause::Forked => f.write_str("the client was made before this process was forked off"),
            Cause::ThreadEnds => f.write_str("the thread is ending, and can't wait any more"),
            Cause::NoThread(error) => write!(f, "no thread can be started: {error}"),
        }
    }
}

impl Error {
    fn fmt_refused(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused = |recipient: &RecipientOutcome| match &recipient.outcome {
            Outcome::Refused(reply) => Some(format!("{}: {reply}", recipient.address)),
            _ => None,
        };
        let mut refused = self.recipients().iter().filter_map(refused);
        for (at, one) in refused.by_ref().take(SHOWN).enumerate() {
            write!(f, "{} {}", if at == 0 { ":" } else { "," }, one)?;
        }
        match refused.count() {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}

/// Of many recipients that were refused, so many are shown.
const SHOWN: usize = 3;

/// A server's words on one line: control characters are shown as escapes, and everything else as it is.
struct Visible<'a>(&'a str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '"' | '\'' => f.write_char(c),
            c => c.escape_debug().fmt(f),
        })
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}, {self})", self.kind())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.cause {
            Cause::Transport(error) => Some(error),
            Cause::Session(error) => Some(error.source()),
            Cause::Pop3(error) => Some(error),
            Cause::Smtp(error) => Some(error),
            Cause::Encode(error) => Some(error),
            Cause::Mail(error) => Some(error),
            Cause::Lost { reason, .. }
            | Cause::NoEffect { reason, .. }
            | Cause::OutcomeUnknown { reason, .. }
            | Cause::CopiedNotRemoved { reason, .. }
            | Cause::Partly { reason, .. } => Some(&**reason),
            Cause::Unread { lines, .. } => lines.first().map(|line| line as _),
            Cause::Io(error) | Cause::Source(error) | Cause::NoThread(error) => Some(&**error),
            Cause::Inflate(error) => Some(error),
            Cause::NoToken(error) => Some(&**error),
            Cause::Pool(error) => Some(&**error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use mail_proto::imap::{Status, StatusKind};

    use super::*;

    #[test]
    fn a_servers_words_are_shown_as_they_are_but_for_controls() {
        let text = "Mailbox doesn't exist: \"a\"\x1b[2J\u{202e}";
        let status = Status { kind: StatusKind::No, code: None, text: text.into() };
        let shown = Error::new(Cause::Refused(status)).to_string();
        assert_eq!(shown, "the server refused: Mailbox doesn't exist: \"a\"\\u{1b}[2J\\u{202e}");
    }
}
