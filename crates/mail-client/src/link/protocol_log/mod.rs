//! The protocol log: each line of a connection as a trace event, without secrets and without mail.
//!
//! What must not be shown never reaches the event.

mod imap;
mod lines;
mod login;
mod pop3;
mod smtp;

use std::fmt;

use tracing::{Level, enabled, trace};

use super::{Protocol, Spoken};

/// The target of the events, all at level TRACE.
pub(crate) const TARGET: &str = "mail_client::protocol";

/// The log of one connection.
#[derive(Debug)]
pub(crate) struct ProtocolLog {
    connection: u64,
    record: Box<dyn Record>,
}

/// What one connection's log keeps in mind, as its protocol needs it.
trait Record: fmt::Debug + Send {
    /// These bytes were sent.
    fn sent(&mut self, bytes: &[u8], tell: Tell<'_>);

    /// These bytes were received.
    fn received(&mut self, bytes: &[u8], tell: Tell<'_>);
}

/// Takes the name of the command that a line belongs to, and what is shown of the line.
type Tell<'a> = &'a mut dyn FnMut(Option<&str>, &str);

impl ProtocolLog {
    /// A log for this connection, if anybody listens.
    pub(crate) fn of<S: Spoken>(connection: u64) -> Option<Box<Self>> {
        enabled!(target: TARGET, Level::TRACE).then(|| {
            let record: Box<dyn Record> = match S::PROTOCOL {
                Protocol::Imap => Box::<imap::Imap>::default(),
                Protocol::Pop3 => Box::<pop3::Pop3>::default(),
                Protocol::Smtp => Box::<smtp::Smtp>::default(),
            };
            Box::new(Self { connection, record })
        })
    }

    /// These bytes were sent.
    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        let connection = self.connection;
        self.record.sent(bytes, &mut |command, shown| {
            trace!(target: TARGET, connection, command, "C: {shown}");
        });
    }

    /// These bytes were received.
    pub(crate) fn received(&mut self, bytes: &[u8]) {
        let connection = self.connection;
        self.record.received(bytes, &mut |command, shown| {
            trace!(target: TARGET, connection, command, "S: {shown}");
        });
    }
}
