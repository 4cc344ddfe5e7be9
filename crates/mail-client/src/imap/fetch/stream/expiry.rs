//! How long a stream may take in all.

use std::{task::Context, time::Duration};

use mail_proto::imap::{Command, SequenceSet};
use tokio::time::Instant;

use super::FetchStream;
use crate::{
    client::{About, Deadline},
    error::Error,
    link::Alarm,
};

/// When a stream has to end.
#[derive(Debug, Default)]
pub(super) enum Expiry {
    /// It hasn't begun, and has as long as the call of its mailbox.
    #[default]
    OfCall,
    /// It hasn't begun, and has so long, or as long as it takes.
    Told(Option<Duration>),
    Never,
    At(Deadline, Alarm),
}

impl FetchStream {
    /// The error of a stream whose time is up.
    pub(super) fn expired(&mut self, cx: &mut Context<'_>) -> Option<Error> {
        let begins = match &self.expiry {
            Expiry::OfCall => Some(self.calls.deadline()),
            Expiry::Told(limit) => Some(limit.map(Deadline::after)),
            Expiry::Never | Expiry::At(..) => None,
        };
        match begins {
            Some(Some(deadline)) => self.expiry = Expiry::At(deadline, Alarm::new()),
            Some(None) => self.expiry = Expiry::Never,
            None => {}
        }
        let Expiry::At(deadline, alarm) = &mut self.expiry else { return None };
        while Instant::now() < deadline.at {
            if alarm.poll(cx, deadline.at).is_pending() {
                return None;
            }
        }
        let error = deadline.passed(self.asked > 0);
        let command = Command::uid_fetch(SequenceSet::default(), self.items.to_command(None));
        let about = About::from(&command);
        Some(self.calls.here(error).about(&about).in_command(about.name, Some(&self.selection.mailbox)))
    }
}
