//! An IMAP connection at its client's side, without I/O and without a clock.
//!
//! A [`Session`] is fed what was read and is told the time; it gives what is to be written, [`Event`]s, and the next
//! deadline, as every [`ClientSession`] does. Tags, continuations, the wait before synchronising literals, login, which
//! commands may share the wire, which mailbox a command needs, and whose answer a piece of data is, are its business:
//!
//! ```
//! use std::time::Instant;
//! use mail_proto::imap::{Command, client::{ClientSession, Config, Credentials, Event, Request, Security, Session}};
//!
//! let mut session = Session::new(Config::new(Security::ImplicitTls, Credentials::password("kim", "secret")), Instant::now());
//! // What the socket gives goes in …
//! session.buffer().extend_from_slice(b"* PREAUTH [CAPABILITY IMAP4rev1] hello\r\n");
//! session.received(Instant::now());
//! assert!(matches!(session.next_event()?, Some(Event::Ready)));
//! // … and what is to be written comes out.
//! let id = session.submit(Request::new(Command::Noop));
//! assert_eq!(session.transmit().unwrap(), "A1 NOOP\r\n");
//! session.buffer().extend_from_slice(b"A1 OK done\r\n");
//! session.received(Instant::now());
//! let Some(Event::Completed { id: done, outcome }) = session.next_event()? else { panic!("an end") };
//! assert!(done == id && outcome.is_ok());
//! # Ok::<(), mail_proto::imap::client::SessionError>(())
//! ```
//!
//! Bytes that can't be read as a response are an event, never the end of the connection; a peer that exceeds a limit
//! or answers what it wasn't asked ends it with a [`SessionError`].

mod driven;
mod error;
mod establish;
mod gather;
mod idle;
mod peer;
mod pipeline;
mod queue;
mod receive;
mod routing;
mod selected;
mod uid_map;
mod upload;
mod writing;

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

pub use crate::{
    sasl::Credentials,
    session::{ClientSession, Security},
};
pub use error::{Failure, SessionError};
pub use establish::Config;
pub use selected::{SelectedMailbox, Selection};
pub use upload::{UploadError, WholeMessage};

use self::{
    establish::Phase,
    gather::Gathering,
    peer::Peer,
    queue::{Flight, Owner, Queue},
    receive::Streaming,
    upload::Source,
};
use super::{
    capability::{Capabilities, Capability},
    command::Command,
    response::{Reader, Untagged},
    status_line::Status,
};
use crate::{
    error::{ParseError, Quirk},
    frame::Framer,
    sasl::{Derivation, exchange::Exchange},
    session::Course,
};

/// A command on its way, by the order in which it was submitted to its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(u64);

/// A command to run.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) command: Command,
    pub(crate) selection: Option<Selection>,
    uploads: Vec<Source>,
}

impl Request {
    /// A command that needs no mailbox.
    pub fn new(command: Command) -> Self {
        Self { command, selection: None, uploads: Vec::new() }
    }

    /// A command that runs with this mailbox selected, or not at all.
    pub fn on(selection: Selection, command: Command) -> Self {
        Self { command, selection: Some(selection), uploads: Vec::new() }
    }

    /// The command.
    pub fn command(&self) -> &Command {
        &self.command
    }

    /// The mailbox that it needs selected.
    pub fn selection(&self) -> Option<&Selection> {
        self.selection.as_ref()
    }

    /// The next message of an APPEND, or the one of a REPLACE, whose length must be the one the command names.
    #[must_use]
    pub fn with_upload(self, message: Bytes) -> Self {
        self.with_whole_upload(WholeMessage::new(message))
    }

    /// As [`with_upload`](Self::with_upload), with a message that was looked through before.
    #[must_use]
    pub fn with_whole_upload(mut self, message: WholeMessage) -> Self {
        self.uploads.push(Source::Whole(message));
        self
    }

    /// The next message of an APPEND, or the one of a REPLACE, comes piece by piece, as [`Event::SendUpload`] asks for
    /// it. The command names its length.
    #[must_use]
    pub fn with_streamed_upload(mut self) -> Self {
        self.uploads.push(Source::Streamed);
        self
    }
}

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
    /// The server agreed to IDLE: news come as they happen, until [`Session::end_idle`] or the next command.
    Idling {
        /// The command, which ends when IDLE does.
        id: CommandId,
    },
    /// A message is wanted that comes piece by piece: [`Session::write_upload`] what there is of it as
    /// [`Session::upload_room`] allows, then [`Session::finish_upload`]; or [`Session::cancel`] the command if its
    /// source fails. One message is asked for at a time, the next, of the same command or another, only once this one
    /// is finished.
    ///
    /// A refusal may end its command early; what was announced is wanted all the same.
    SendUpload {
        /// The command.
        id: CommandId,
        /// Which of the command's messages, from 0 on.
        index: usize,
    },
    /// Everything is compressed from here on, both ways (RFC 4978). What was read behind the server's agreement is:
    /// take it with [`Session::take_compressed`], and call [`Session::compression_started`] before anything else is
    /// read or written.
    Compress,
    /// Data: the answer to a command, or news that nobody asked for.
    Data {
        /// The command it answers; `None` for news.
        id: Option<CommandId>,
        /// The data.
        data: Untagged,
    },
    /// A piece of the body that the last [`Event::Data`] of this command announced as streamed.
    Chunk {
        /// The command it answers.
        id: Option<CommandId>,
        /// The bytes, never empty.
        bytes: Bytes,
    },
    /// The end of a command: OK, or what became of it instead.
    Completed {
        /// Which command.
        id: CommandId,
        /// How it went.
        outcome: Result<Completion, Failure>,
    },
    /// A response that can't be read. Everything else can.
    Unreadable {
        /// The commands on their way whose answer it may have been part of, as far as can be told by its keyword: what
        /// they asked for isn't known to be all there.
        ids: Vec<CommandId>,
        /// What is wrong with it.
        error: ParseError,
    },
    /// The peer got something wrong that was read all the same.
    Quirk(Quirk),
}

/// What a command that went well brings with its end.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The server's OK.
    pub status: Status,
    /// The mailbox as SELECT or EXAMINE told of it, for those commands.
    ///
    /// Boxed, since every command has an end and few are these.
    pub selected: Option<Box<SelectedMailbox>>,
}

/// How long a reply may keep silent (P44 of the connection rules: 60 s for reads, 5 min for what takes a server long).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For commands that only read.
    pub read: Duration,
    /// For SELECT, SEARCH and whatever changes something, and for taking more of what is written.
    pub write: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { read: Duration::from_secs(60), write: Duration::from_secs(300) }
    }
}

/// An IMAP connection at its client's side. See the [module](self).
#[derive(Debug)]
pub struct Session {
    config: Config,
    phase: Phase,
    /// The login's exchange, while there is one.
    exchange: Option<Exchange>,
    framer: Framer,
    reader: Reader,
    queue: Queue,
    peer: Peer,
    /// Compression is still to be asked for.
    compresses: bool,
    selected: Option<SelectedMailbox>,
    /// The mailbox that is being selected, as far as the server has told of it.
    selecting: Option<SelectedMailbox>,
    streaming: Option<Streaming>,
    gathering: Option<Gathering>,
    course: Course<Event, SessionError>,
}

impl Session {
    /// A session that waits for the greeting.
    pub fn new(config: Config, now: Instant) -> Self {
        Self {
            framer: Framer::responses(config.limits.clone()),
            reader: Reader::new(config.parse),
            phase: Phase::Greeting,
            exchange: None,
            queue: Queue::default(),
            peer: Peer::default(),
            compresses: config.compress,
            selected: None,
            selecting: None,
            streaming: None,
            gathering: None,
            course: Course::new(now),
            config,
        }
    }

    /// Submits a command. It is written when those before it allow.
    pub fn submit(&mut self, request: Request) -> CommandId {
        let id = self.queue.submit(request);
        self.pump();
        id
    }

    /// Says that nobody waits for this command any more. Returns whether it was still unwritten, and so never runs.
    /// The answer to a written one is still read, and told as events; but where it has begun to upload a message that
    /// isn't complete, the connection ends, so that the server doesn't store half of it.
    pub fn cancel(&mut self, id: CommandId) -> bool {
        let unwritten = self.queue.cancel(id);
        if !unwritten && self.queue.is_uploading_for(id) {
            self.course.end(UploadError::BrokenOff.into());
        }
        if self.queue.idling() == Some(Owner::Caller(id)) {
            self.queue.end_idle();
        }
        self.pump();
        unwritten
    }

    /// Ends the IDLE that runs, or that was asked for; its command ends when the server says so. Any command that is
    /// submitted does the same.
    pub fn end_idle(&mut self) {
        self.queue.end_idle();
    }

    /// The tag of a command that is on its way, as ESEARCH responses name it and `CANCELUPDATE` wants it.
    pub fn tag_of(&self, id: CommandId) -> Option<String> {
        self.queue.flights().find(|flight| flight.owner == Owner::Caller(id)).map(Flight::tag)
    }

    /// What was read behind the answer to COMPRESS, compressed. See [`Event::Compress`].
    pub fn take_compressed(&mut self) -> BytesMut {
        let compressed = self.framer.buffer().split();
        self.framer.reset();
        compressed
    }

    /// From here on what is read goes in inflated, and what comes out is to be deflated.
    pub fn compression_started(&mut self) {
        if self.phase == Phase::Compressing {
            self.phase = Phase::Ready;
            self.pump();
        }
    }

    /// Logs in anew after UNAUTHENTICATE (RFC 8437), with these credentials. [`Event::Ready`] says when it is done.
    pub fn log_in_as(&mut self, credentials: Credentials) {
        if self.phase == Phase::Unauthenticated {
            self.config.login.credentials = Some(credentials);
            self.ask(Phase::Capability, Command::Capability);
        }
    }

    /// The commands that the end of the connection left without an answer, and whether each was written.
    pub fn take_lost(&mut self) -> Vec<(CommandId, bool)> {
        self.queue.take_lost()
    }

    /// What the server said it can do, once it did.
    pub fn capabilities(&self) -> Option<&Capabilities> {
        self.peer.capabilities()
    }

    /// Whether this extension was switched on by ENABLE (RFC 5161), on request or by [`Config::enable`].
    pub fn is_enabled(&self, extension: &Capability) -> bool {
        self.peer.is_enabled(extension)
    }

    /// All that was switched on by ENABLE.
    pub fn enabled(&self) -> impl Iterator<Item = &Capability> {
        self.peer.enabled().iter()
    }

    /// The mailbox that is selected, as far as is known.
    pub fn selected(&self) -> Option<&SelectedMailbox> {
        self.selected.as_ref()
    }

    /// How many commands wait to be written, and how many for their answer.
    pub fn load(&self) -> (usize, usize) {
        self.queue.load()
    }
}

#[cfg(test)]
mod tests;
