//! What a caller asks of an error: what the server said, and what to do.

use std::time::Duration;

use mail_proto::{
    ParseError,
    imap::{Capability, ResponseCode, SequenceSet, Status, StatusKind},
    pop3, smtp,
};

use super::{Cause, End, Error, ErrorKind};
use crate::{
    client::{Said, refusal},
    imap::{ListedMailbox, copied::Copied},
    smtp::Outcome,
};

impl Error {
    /// What the server said to cause it.
    pub(crate) fn said(&self) -> Option<Said<'_>> {
        match self.cause() {
            Cause::Refused(status) | Cause::NotSelected(status) => Some(Said::Imap(status)),
            Cause::Pop3(pop3::client::Failure::Refused(reply)) => Some(Said::Pop3(reply)),
            Cause::Smtp(
                smtp::client::Failure::Refused(reply) | smtp::client::Failure::SenderRefused(reply),
            ) => Some(Said::Smtp(reply)),
            Cause::Smtp(smtp::client::Failure::RecipientsRefused) => self.refusals().next().map(Said::Smtp),
            Cause::Session(session) => session.said(),
            Cause::Lost { reason, .. }
            | Cause::NoEffect { reason, .. }
            | Cause::OutcomeUnknown { reason, .. }
            | Cause::CopiedNotRemoved { reason, .. }
            | Cause::Partly { reason, .. } => reason.said(),
            Cause::Pool(error) => match &**error {
                mail_pool::Error::Credentials { source, .. } => source.said(),
                mail_pool::Error::AcquireTimeout(timeout) => {
                    timeout.last_refusal.as_ref().and_then(|refusal| refusal.error.said())
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The server's last words on a connection that it ended.
    pub(crate) fn goodbye(&self) -> Option<Said<'_>> {
        match self.cause() {
            Cause::Session(session) if session.end() == End::Goodbye => session.said(),
            _ => None,
        }
    }

    /// The response code of an IMAP server.
    pub fn code(&self) -> Option<&ResponseCode> {
        match self.said()? {
            Said::Imap(status) => status.code.as_ref(),
            _ => None,
        }
    }

    /// The response code of a POP3 server (RFC 2449 section 8).
    pub fn pop3_code(&self) -> Option<&pop3::Code> {
        match self.said()? {
            Said::Pop3(reply) => reply.code.as_ref(),
            _ => None,
        }
    }

    /// The whole reply of an SMTP server, with its code.
    pub fn smtp_reply(&self) -> Option<&smtp::Reply> {
        match self.said()? {
            Said::Smtp(reply) => Some(reply),
            _ => None,
        }
    }

    /// The server's own words.
    pub fn text(&self) -> Option<String> {
        Some(self.said()?.text().into_owned())
    }

    /// The extension that the server lacks, if that is why.
    pub fn missing(&self) -> Option<&Capability> {
        match self.cause() {
            Cause::Unsupported(capability) => Some(capability),
            Cause::Partly { reason, .. } => reason.missing(),
            _ => None,
        }
    }

    /// The extension that an SMTP server lacks, if that is why: `8BITMIME`, say.
    pub fn missing_smtp(&self) -> Option<&'static str> {
        match self.cause() {
            Cause::Smtp(smtp::client::Failure::Unsupported(name)) => Some(name),
            _ => None,
        }
    }

    /// What was copied before it failed, if it was a move that copied and did not remove.
    pub fn copied(&self) -> Option<&Copied> {
        match self.cause() {
            Cause::CopiedNotRemoved { copied, .. } => Some(copied),
            Cause::Partly { reason, .. } => reason.copied(),
            _ => None,
        }
    }

    /// The messages that were done before it failed, if a set so long that it had to be sent in portions failed at a
    /// later one.
    pub fn done(&self) -> Option<&SequenceSet> {
        match self.cause() {
            Cause::Partly { done, .. } => Some(done),
            _ => None,
        }
    }

    /// The responses that can't be read, if that is why; of many the first 100.
    pub fn unreadable(&self) -> &[ParseError] {
        match self.cause() {
            Cause::Unread { lines, .. } => lines,
            Cause::CopiedNotRemoved { reason, .. } | Cause::Partly { reason, .. } => reason.unreadable(),
            _ => &[],
        }
    }

    /// The mailboxes that could be read, if that failed which was told of others. Those others are missing here, and
    /// [`unreadable`](Self::unreadable) is all there is of them.
    pub fn listed(&self) -> Option<&[ListedMailbox]> {
        match self.cause() {
            Cause::Unread { listed, .. } if !listed.is_empty() => Some(listed),
            _ => None,
        }
    }

    /// Whether a deadline passed.
    pub fn is_timeout(&self) -> bool {
        match self.cause() {
            Cause::Transport(error) => error.is_timeout(),
            Cause::Silent { .. }
            | Cause::Stalled { .. }
            | Cause::Deadline { .. }
            | Cause::Occupied { .. } => true,
            Cause::Lost { reason, .. }
            | Cause::NoEffect { reason, .. }
            | Cause::OutcomeUnknown { reason, .. }
            | Cause::CopiedNotRemoved { reason, .. }
            | Cause::Partly { reason, .. } => reason.is_timeout(),
            Cause::Pool(error) => matches!(**error, mail_pool::Error::AcquireTimeout(_)),
            _ => false,
        }
    }

    /// Whether nothing was written, because the connection was ended before, by whoever used it or for lying idle.
    pub(crate) fn is_end_of_another(&self) -> bool {
        matches!(self.cause(), Cause::Lost { written: false, reason } if matches!(reason.cause(), Cause::Closed))
    }

    /// Whether the server said NO: it understood, and won't.
    pub(crate) fn is_no(&self) -> bool {
        matches!(self.cause(), Cause::Refused(Status { kind: StatusKind::No, .. }))
    }

    /// Whether the server refuses for the number of connections or the amount of traffic, not for what was asked.
    pub fn is_limit(&self) -> bool {
        let Some(said) = self.said() else { return false };
        if self.kind() == ErrorKind::Login || self.is_about_a_login() {
            refusal::is_limit_at_login(said)
        } else {
            refusal::is_limit(said)
        }
    }

    /// Whether it is a login that was refused, or the last that was while a call waited for a connection.
    fn is_about_a_login(&self) -> bool {
        match self.cause() {
            Cause::Pool(error) => error.connect_error().is_some(),
            _ => false,
        }
    }

    /// How long to wait before the same call is worth a try, where the server or the client's own rules say so. The
    /// client holds its commands back for so long by itself: a call made earlier waits.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Some(wait) = self.0.retry_in {
            return Some(wait);
        }
        match self.cause() {
            Cause::Lost { reason, .. } | Cause::NoEffect { reason, .. } => reason.retry_after(),
            // What was refused before is waited for already.
            Cause::Pool(error) => match &**error {
                mail_pool::Error::AcquireTimeout(timeout) => {
                    let refusal = timeout.last_refusal.as_ref()?;
                    Some(refusal.error.retry_after()?.saturating_sub(refusal.ago))
                }
                _ => refusal::wait_told(self.said()?),
            },
            _ => refusal::wait_told(self.said()?),
        }
    }

    /// Whether the same call may go well later, without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        match self.cause() {
            Cause::Transport(error) => !error.is_permanent(),
            Cause::Io(_)
            | Cause::NoToken(_)
            | Cause::NoThread(_)
            | Cause::Silent { .. }
            | Cause::Stalled { .. }
            | Cause::Abandoned
            | Cause::Occupied { .. }
            | Cause::CutShort { .. } => true,
            // What was written may have been done.
            Cause::Lost { written, reason } => (!written || self.0.harmless) && reason.is_retryable(),
            Cause::Deadline { written, .. } => !written || self.0.harmless,
            Cause::NoEffect { reason, .. } => reason.is_retryable(),
            Cause::Smtp(smtp::client::Failure::RecipientsRefused) => self.recipients_may_be_taken(),
            Cause::HungUp | Cause::TaskEnded => true,
            // An SMTP server that says 5xx means it.
            Cause::Session(session) if session.end() == End::Goodbye => {
                !matches!(session.said(), Some(Said::Smtp(reply)) if reply.code.is_permanent())
            }
            Cause::Refused(_)
            | Cause::NotSelected(_)
            | Cause::Pop3(_)
            | Cause::Smtp(_)
            | Cause::Session(_) => self.is_limit() || self.said().is_some_and(refusal::passes),
            Cause::Pool(error) => error.is_retryable(None),
            _ => false,
        }
    }

    /// Why the pool had no connection to give, with all that it knows.
    pub fn pool(&self) -> Option<&mail_pool::Error<Self>> {
        match self.cause() {
            Cause::Pool(error) => Some(error),
            _ => None,
        }
    }

    /// What the server said to each recipient that it refused.
    fn refusals(&self) -> impl Iterator<Item = &smtp::Reply> {
        self.recipients().iter().filter_map(|recipient| match &recipient.outcome {
            Outcome::Refused(reply) => Some(reply),
            _ => None,
        })
    }

    /// Whether refused recipients may be taken later: one of them, or where all have to be, all.
    fn recipients_may_be_taken(&self) -> bool {
        let needs_all = self.recipients().iter().any(|recipient| recipient.outcome == Outcome::NotSent);
        let passes = |reply: &smtp::Reply| reply.code.is_transient();
        if needs_all { self.refusals().all(passes) } else { self.refusals().any(passes) }
    }

    /// Whether the command was given to the socket before the connection ended or the call's time was up, so that the
    /// server may have done it.
    pub fn was_written(&self) -> bool {
        match self.cause() {
            Cause::Lost { written, .. } | Cause::Deadline { written, .. } => *written,
            Cause::OutcomeUnknown { .. } | Cause::CopiedNotRemoved { .. } => true,
            Cause::Partly { reason, .. } => reason.was_written(),
            _ => false,
        }
    }
}
