//! A POP3 connection at its client's side, without I/O and without a clock.
//!
//! A [`Session`] is fed what was read and is told the time; it gives what is to be written, [`Event`]s, and the next
//! deadline, as every [`ClientSession`] does. STLS, the login, which commands may share the wire, which message a piece
//! of data belongs to, and what is marked as deleted, are its business:
//!
//! ```
//! use std::time::Instant;
//! use mail_proto::pop3::{Command, client::{ClientSession, Config, Credentials, Event, Security, Session}};
//!
//! let config = Config::new(Security::ImplicitTls, Credentials::password("kim", "secret"));
//! let mut session = Session::new(config, Instant::now());
//! let mut talk = |server: &str| -> Result<Vec<u8>, mail_proto::pop3::client::SessionError> {
//!     session.buffer().extend_from_slice(server.as_bytes());
//!     session.received(Instant::now());
//!     while session.next_event()?.is_some() {}
//!     Ok(session.transmit().map(|bytes| bytes.to_vec()).unwrap_or_default())
//! };
//! assert_eq!(talk("+OK hello\r\n")?, b"CAPA\r\n");
//! assert_eq!(talk("+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n")?, b"AUTH PLAIN AGtpbQBzZWNyZXQ=\r\n");
//! assert_eq!(talk("+OK logged in\r\n")?, b"");
//! assert!(session.is_ready());
//! let id = session.submit(Command::Retr(1));
//! assert_eq!(session.transmit().unwrap(), "RETR 1\r\n");
//! # Ok::<(), mail_proto::pop3::client::SessionError>(())
//! ```
//!
//! A connection is a transaction: DELE only marks, and QUIT commits. [`Session::take_lost`] says what the end of a
//! connection means for that, and [`Session::leave`] ends one without committing anything.

mod driven;
mod error;
mod establish;
mod phase;
mod transaction;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};

pub use crate::{
    sasl::Credentials,
    session::{ClientSession, Security},
};
pub use error::{Failure, SessionError};
pub use establish::{Apop, Config};

use self::{
    phase::Phase,
    transaction::{Flight, Request},
};
use super::{Capabilities, Capability, Command, DropListing, Framer, Reply, ScanListing, UniqueId};
use crate::{
    error::{ParseError, Quirk},
    sasl::{Derivation, exchange::Exchange},
    secret::Unshown,
    session::Course,
};

/// A command on its way, by the order in which it was submitted to its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(u64);

/// What a session tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Do the TLS handshake now, before anything else is read or written, and call [`ClientSession::tls_established`].
    StartTls,
    /// The login needs a key that takes long to derive: run the derivation where it holds up nobody, and hand its
    /// outcome to [`ClientSession::derived`]. Only servers that ask for more than 16,384 iterations make this happen.
    DeriveKey(Derivation),
    /// The login is done.
    Ready,
    /// A line of a command's answer.
    Item {
        /// The command it answers.
        id: CommandId,
        /// What it says.
        item: Item,
    },
    /// A piece of the message that a command asked for.
    Chunk {
        /// The command it answers.
        id: CommandId,
        /// The bytes, never empty.
        bytes: Bytes,
    },
    /// The end of a command: +OK, or what became of it instead.
    Completed {
        /// Which command.
        id: CommandId,
        /// How it went.
        outcome: Result<Completion, Failure>,
    },
    /// A line of a command's answer that can't be read. The listing isn't complete without it.
    Unreadable {
        /// The command it answers.
        id: CommandId,
        /// What is wrong with it.
        error: ParseError,
    },
    /// The peer got something wrong that was read all the same.
    Quirk(Quirk),
}

/// A line of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// Of LIST.
    Size(ScanListing),
    /// Of UIDL.
    UniqueId(UniqueId),
    /// Of CAPA.
    Capability(Capability),
    /// Of LANG: a language tag and what it is called.
    Text(Bytes),
}

/// What a command that went well brings with its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The server's +OK.
    pub reply: Reply,
    /// What STAT says.
    pub drop: Option<DropListing>,
}

/// What the end of the connection means for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// It wasn't written.
    Unwritten,
    /// It was written, and had no lasting effect: without QUIT nothing is deleted.
    NoEffect,
    /// It was a QUIT with messages marked as deleted: they may be gone, all, some or none.
    OutcomeUnknown,
}

/// How long a reply may keep silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For all commands but QUIT, and for taking more of what is written.
    pub reply: Duration,
    /// For QUIT, which may have much to delete.
    pub commit: Duration,
}

impl Default for Timeouts {
    /// 60 s, and 5 minutes.
    fn default() -> Self {
        Self { reply: Duration::from_secs(60), commit: Duration::from_secs(300) }
    }
}

/// A POP3 connection at its client's side. See the [module](self).
#[derive(Debug)]
pub struct Session {
    config: Config,
    phase: Phase,
    framer: Framer,
    /// The greeting's timestamp, if APOP is possible.
    timestamp: Option<Bytes>,
    capabilities: Option<Capabilities>,
    /// What CAPA's answer has told so far.
    announced: Capabilities,
    /// The login's exchange, while there is one.
    exchange: Option<Exchange>,
    submitted: u64,
    waiting: VecDeque<(CommandId, Request)>,
    flights: VecDeque<Flight>,
    /// What is to be written, and how many of the last flights are in it.
    out: Unshown<BytesMut>,
    unwritten: usize,
    /// DELEs that the server has confirmed, and that no RSET has undone.
    deleted: u32,
    course: Course<Event, SessionError>,
}

impl Session {
    /// A session that waits for the greeting.
    pub fn new(config: Config, now: Instant) -> Self {
        Self {
            framer: Framer::new(config.limits.clone()),
            phase: Phase::Greeting,
            timestamp: None,
            capabilities: None,
            announced: Capabilities::default(),
            exchange: None,
            submitted: 0,
            waiting: VecDeque::new(),
            flights: VecDeque::new(),
            out: Unshown::default(),
            unwritten: 0,
            deleted: 0,
            course: Course::new(now),
            config,
        }
    }

    /// Submits a command of the transaction. It is written when those before it allow.
    ///
    /// USER, PASS, APOP, AUTH and STLS are the login's, and refused here. Behind QUIT nothing is written.
    pub fn submit(&mut self, command: Command) -> CommandId {
        self.enqueue(Request::Command(command))
    }

    /// Ends the connection without deleting anything: with messages marked, RSET first, and QUIT only if that went
    /// well. The end of both is one [`Event::Completed`]; if it is an error, cut the connection.
    pub fn leave(&mut self) -> CommandId {
        self.enqueue(Request::Leave)
    }

    fn enqueue(&mut self, request: Request) -> CommandId {
        self.submitted += 1;
        let id = CommandId(self.submitted);
        self.waiting.push_back((id, request));
        self.pump();
        id
    }

    /// Says that nobody waits for this command any more. Returns whether it was still unwritten, and so never runs.
    /// The answer to a written one is still read, and told as events.
    pub fn cancel(&mut self, id: CommandId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(waiting, _)| *waiting != id);
        let unwritten = self.waiting.len() < before;
        self.pump();
        unwritten
    }

    /// Whether the next answer is that of a command that was written.
    fn reply_due(&self) -> bool {
        self.flights.len() > self.unwritten
    }

    /// The commands that the end of the connection left without an answer, and what that means for each.
    pub fn take_lost(&mut self) -> Vec<(CommandId, Loss)> {
        self.out.clear();
        let written = self.flights.len() - self.unwritten;
        let deleted = self.deleted > 0;
        let mut lost: Vec<_> = Vec::new();
        for (at, flight) in self.flights.drain(..).enumerate() {
            let Some(id) = flight.owner.caller() else { continue };
            let loss = match flight.command {
                _ if at >= written => Loss::Unwritten,
                Command::Quit if deleted => Loss::OutcomeUnknown,
                _ => Loss::NoEffect,
            };
            lost.push((id, loss));
        }
        self.unwritten = 0;
        lost.extend(self.waiting.drain(..).map(|(id, _)| (id, Loss::Unwritten)));
        lost
    }

    /// What the server said it can do, once it did.
    pub fn capabilities(&self) -> Option<&Capabilities> {
        self.capabilities.as_ref()
    }

    /// How many messages are marked as deleted, as far as the server has confirmed it.
    pub fn marked_as_deleted(&self) -> u32 {
        self.deleted
    }

    /// How many commands wait to be written, and how many for their answer.
    pub fn load(&self) -> (usize, usize) {
        (self.waiting.len(), self.flights.len())
    }
}

#[cfg(test)]
mod tests;
