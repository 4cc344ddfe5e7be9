//! An SMTP connection at its client's side, without I/O and without a clock.
//!
//! A [`Session`] is fed what was read and is told the time; it gives what is to be written, [`Event`]s, and the next
//! deadline, as every [`ClientSession`] does. STARTTLS, the login, which commands may share the wire, dots, chunks, and
//! what each recipient was answered, are its business:
//!
//! ```
//! use std::time::Instant;
//! use mail_proto::smtp::{Address, client::{ClientSession, Config, Envelope, Event, Security, Session}};
//!
//! let mut session = Session::new(Config::new(Security::ImplicitTls, None), Instant::now());
//! session.buffer().extend_from_slice(b"220 hi\r\n");
//! session.received(Instant::now());
//! assert!(session.next_event()?.is_none());
//! assert_eq!(session.transmit().unwrap(), "EHLO localhost\r\n");
//! session.buffer().extend_from_slice(b"250-hi\r\n250 PIPELINING\r\n");
//! assert!(matches!(session.next_event()?, Some(Event::Ready)));
//! let id = session.send(Envelope::new(Some(Address::new("kim@x")?), [Address::new("bob@y")?]));
//! assert_eq!(session.transmit().unwrap(), "MAIL FROM:<kim@x>\r\nRCPT TO:<bob@y>\r\nDATA\r\n");
//! session.buffer().extend_from_slice(b"250 ok\r\n250 ok\r\n354 go\r\n");
//! assert!(matches!(session.next_event()?, Some(Event::SendBody { id: wanted }) if wanted == id));
//! session.write_body("Subject: hi\r\n\r\n.dot\r\n".into());
//! session.finish_body();
//! assert_eq!(session.transmit().unwrap(), "Subject: hi\r\n\r\n..dot\r\n.\r\n");
//! session.buffer().extend_from_slice(b"250 queued\r\n");
//! assert!(matches!(session.next_event()?, Some(Event::Completed { outcome: Ok(_), .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What the end of a connection means for a message, [`Session::take_lost`] says: until its end was written the server
//! can't have accepted it, and behind that nobody knows without the answer.

mod driven;
mod error;
mod establish;
mod message;
mod wire;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

pub use crate::{
    dots::LoneLineBreaks,
    sasl::Credentials,
    session::{ClientSession, Security},
};
pub use error::{Failure, SessionError};
pub use establish::Config;
pub use message::{Envelope, OnRefusal, Transfer};

use self::{
    establish::Phase,
    message::Current,
    wire::{Flight, Wire},
};
use super::{Command, Extensions, Reply, ReplyReader};
use crate::{
    error::Quirk,
    sasl::{Derivation, exchange::Exchange},
    session::Course,
};

/// A command or message on its way, by the order in which it was submitted to its session.
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
    /// The login is done, if there was to be one.
    Ready,
    /// The server waits for this message: [`Session::write_body`] what there is of it, and [`Session::finish_body`].
    SendBody {
        /// Which message.
        id: CommandId,
    },
    /// The end of a command or message.
    Completed {
        /// Which.
        id: CommandId,
        /// The server's last answer, or what became of it instead.
        outcome: Result<Reply, Failure>,
        /// What each recipient of a message was answered, in the envelope's order, as far as each was.
        recipients: Vec<Reply>,
    },
    /// The peer got something wrong that was read all the same.
    Quirk(Quirk),
}

/// What the end of the connection means for a command or message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// Nothing of it was written.
    Unwritten,
    /// It was written, and has no lasting effect: of a message the end wasn't, so it can't have been accepted.
    NotAccepted,
    /// All of it was written: it may be accepted, or not.
    OutcomeUnknown,
}

/// How long replies may keep silent, as RFC 5321 section 4.5.3.2 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the greeting and for all commands but these: 5 minutes.
    pub command: Duration,
    /// For the answer to DATA: 2 minutes.
    pub data: Duration,
    /// For taking more of what is written, a message's text for one: 3 minutes.
    pub text: Duration,
    /// For the answer to a message's end: 10 minutes.
    pub end: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            command: Duration::from_secs(300),
            data: Duration::from_secs(120),
            text: Duration::from_secs(180),
            end: Duration::from_secs(600),
        }
    }
}

#[derive(Debug)]
enum Request {
    Command(Command),
    Message(Box<Envelope>),
}

/// An SMTP connection at its client's side. See the [module](self).
#[derive(Debug)]
pub struct Session {
    config: Config,
    phase: Phase,
    reader: ReplyReader,
    extensions: Extensions,
    /// The login's exchange, while there is one.
    exchange: Option<Exchange>,
    submitted: u64,
    waiting: VecDeque<(CommandId, Request)>,
    wire: Wire,
    /// The message that is being sent.
    current: Option<Current>,
    /// A message was left half-way: RSET comes before the next.
    dirty: bool,
    course: Course<Event, SessionError>,
}

impl Session {
    /// A session that waits for the greeting.
    pub fn new(config: Config, now: Instant) -> Self {
        Self {
            reader: ReplyReader::new(config.limits.clone(), config.parse),
            phase: Phase::Greeting,
            extensions: Extensions::default(),
            exchange: None,
            submitted: 0,
            waiting: VecDeque::new(),
            wire: Wire::default(),
            current: None,
            dirty: false,
            course: Course::new(now),
            config,
        }
    }

    /// Submits a message. [`Event::SendBody`] asks for its text; [`Event::Completed`] tells how it went.
    pub fn send(&mut self, envelope: Envelope) -> CommandId {
        self.enqueue(Request::Message(Box::new(envelope)))
    }

    /// Submits RSET, NOOP, VRFY or QUIT. Others are the login's or a message's, and refused here. Behind QUIT nothing
    /// is written.
    pub fn submit(&mut self, command: Command) -> CommandId {
        self.enqueue(Request::Command(command))
    }

    fn enqueue(&mut self, request: Request) -> CommandId {
        self.submitted += 1;
        let id = CommandId(self.submitted);
        self.waiting.push_back((id, request));
        self.pump();
        id
    }

    /// Says that nobody waits for this command or message any more. Returns whether it was still unwritten, and so
    /// never runs. A message that was begun is another matter: [`break_off`](Self::break_off).
    pub fn cancel(&mut self, id: CommandId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(waiting, _)| *waiting != id);
        self.waiting.len() < before
    }

    /// The commands and messages that the end of the connection left without an answer, and what that means for each.
    pub fn take_lost(&mut self) -> Vec<(CommandId, Loss)> {
        let mut lost = Vec::new();
        let outlook = self.outlook();
        if let (Some(current), Some(loss)) = (self.current.take(), outlook) {
            lost.push((current.id, loss));
        }
        for (flight, written) in self.wire.drain() {
            if let Flight::Caller(id) = flight {
                lost.push((id, if written { Loss::NotAccepted } else { Loss::Unwritten }));
            }
        }
        lost.extend(self.waiting.drain(..).map(|(id, _)| (id, Loss::Unwritten)));
        lost
    }

    /// What the recipients of the message that is being sent were answered so far, in the envelope's order: all that is
    /// known of them if the connection ends.
    pub fn answered_recipients(&self) -> &[Reply] {
        self.current.as_ref().map_or(&[], |current| current.recipients())
    }

    /// What the server said it can do.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Whether the server may have a message half-way, of which the next user of the connection should know nothing:
    /// RSET clears it, and comes by itself before the next message.
    pub fn needs_reset(&self) -> bool {
        self.dirty || self.current.is_some()
    }

    /// How many commands and messages wait to be written, and whether one is on its way.
    pub fn load(&self) -> (usize, bool) {
        (self.waiting.len(), self.current.is_some() || !self.wire.is_quiet())
    }
}

#[cfg(test)]
mod tests;
