//! Commands on their way: waiting to be written, written in part, and waiting for their end.

use std::{collections::VecDeque, fmt, time::Duration};

use bytes::{Bytes, BytesMut};

use super::{
    CommandId, Failure, Request, Selection, Timeouts,
    idle::Idle,
    pipeline::{self, Sharing},
};
use crate::imap::{
    command::Command,
    encode::{EncodeError, EncodeOptions, Fragment},
};

/// Who is told of a command's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Whoever submitted it.
    Caller(CommandId),
    /// The login, which waits for it.
    Login,
    /// Nobody: whatever comes of it, the session goes on.
    Nobody,
    /// This command, which waits for the mailbox.
    Selection(CommandId),
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    submitted: u64,
    tags: u64,
    waiting: VecDeque<(CommandId, Request)>,
    flights: VecDeque<Flight>,
    out: VecDeque<Out>,
    idle: Idle,
}

/// A command that was written, or is about to be.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) owner: Owner,
    pub(super) command: Command,
    pub(super) selection: Option<Selection>,
    tag: u64,
    written: bool,
}

#[derive(Debug)]
struct Out {
    tag: u64,
    piece: Piece,
}

enum Piece {
    Bytes(Bytes),
    /// The server has to ask for what follows.
    Wait,
}

/// Shows how much there is, never what: it may be a password or somebody's mail.
impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Wait => f.write_str("Wait"),
        }
    }
}

impl Flight {
    /// Whether any of it was given to the socket.
    pub(super) fn is_written(&self) -> bool {
        self.written
    }

    /// The tag as on the wire.
    pub(super) fn tag(&self) -> String {
        format!("A{}", self.tag)
    }
}

/// Pieces below this size are written together.
const JOIN_BELOW: usize = 16 * 1024;

impl Queue {
    pub(super) fn submit(&mut self, request: Request) -> CommandId {
        self.submitted += 1;
        let id = CommandId(self.submitted);
        self.waiting.push_back((id, request));
        id
    }

    /// The first command that waits.
    pub(super) fn head(&self) -> Option<&Request> {
        self.waiting.front().map(|(_, request)| request)
    }

    /// Which command is the first that waits.
    pub(super) fn head_id(&self) -> Option<CommandId> {
        self.waiting.front().map(|(id, _)| *id)
    }

    /// Takes the first command that waits off the queue, since it won't run.
    pub(super) fn drop_head(&mut self) -> Option<CommandId> {
        self.waiting.pop_front().map(|(id, _)| id)
    }

    /// Whether nothing was written that has no end yet.
    pub(super) fn is_quiet(&self) -> bool {
        self.flights.is_empty()
    }

    /// Whether the first command that waits may share the wire with those on it.
    pub(super) fn head_may_go(&self) -> bool {
        let Some(head) = self.head() else { return false };
        if pipeline::sharing(&head.command) != Sharing::Shared {
            return self.flights.is_empty();
        }
        self.flights.iter().all(|flight| {
            pipeline::sharing(&flight.command) == Sharing::Shared
                && pipeline::same_selection(flight.selection.as_ref(), head.selection.as_ref())
                && !pipeline::conflict(&flight.command, &head.command)
        })
    }

    /// Puts the first command that waits on the wire.
    pub(super) fn start_head(&mut self, options: EncodeOptions) -> Option<(CommandId, Result<(), Failure>)> {
        let (id, request) = self.waiting.pop_front()?;
        Some((id, self.start(Owner::Caller(id), request, options).map_err(Failure::from)))
    }

    /// Puts a command on the wire. Nothing of one that can't be encoded is written.
    pub(super) fn start(
        &mut self,
        owner: Owner,
        request: Request,
        options: EncodeOptions,
    ) -> Result<(), EncodeError> {
        let Request { command, selection, uploads } = request;
        let mut uploads = uploads.into_iter();
        let tag = self.tags + 1;
        let encoded = command.encode(&format!("A{tag}"), options)?;
        for fragment in encoded.fragments {
            let piece = match fragment {
                Fragment::Bytes(bytes) => Piece::Bytes(bytes),
                Fragment::Wait => Piece::Wait,
                Fragment::Upload { len } => match uploads.next() {
                    Some(message) if message.len() as u64 == len => Piece::Bytes(message),
                    _ => {
                        self.out.retain(|out| out.tag != tag);
                        return Err(EncodeError::WrongLength { announced: len });
                    }
                },
            };
            self.out.push_back(Out { tag, piece });
        }
        self.tags = tag;
        if matches!(command, Command::Idle) {
            self.idle = Idle::Asked { leave: false };
        }
        self.flights.push_back(Flight { owner, command, selection, tag, written: false });
        Ok(())
    }

    /// More bytes of the login's command, as its SASL exchange asks for them.
    pub(super) fn answer_login(&mut self, bytes: Bytes) {
        if let Some(flight) = self.flights.iter().find(|flight| flight.owner == Owner::Login) {
            self.out.push_back(Out { tag: flight.tag, piece: Piece::Bytes(bytes) });
        }
    }

    /// What may be written now, small pieces joined.
    pub(super) fn transmit(&mut self) -> Option<Bytes> {
        let first = self.next_piece()?;
        if first.len() >= JOIN_BELOW || !self.has_small_piece() {
            return Some(first);
        }
        let mut joined = BytesMut::from(&first[..]);
        while joined.len() < JOIN_BELOW && self.has_small_piece() {
            let Some(piece) = self.next_piece() else { break };
            joined.extend_from_slice(&piece);
        }
        Some(joined.freeze())
    }

    fn has_small_piece(&self) -> bool {
        matches!(self.out.front(), Some(Out { piece: Piece::Bytes(bytes), .. }) if bytes.len() < JOIN_BELOW)
    }

    fn next_piece(&mut self) -> Option<Bytes> {
        if !matches!(self.out.front()?.piece, Piece::Bytes(_)) {
            return None;
        }
        let Out { tag, piece: Piece::Bytes(bytes) } = self.out.pop_front()? else { return None };
        if let Some(flight) = self.flights.iter_mut().find(|flight| flight.tag == tag) {
            flight.written = true;
            if matches!(flight.command, Command::Idle) && self.idle == Idle::Leaving {
                self.idle = Idle::Left;
            }
        }
        Some(bytes)
    }

    /// The server asks for what follows. Returns whether a literal waited for that.
    pub(super) fn go_on(&mut self) -> bool {
        let waits = matches!(self.out.front(), Some(Out { piece: Piece::Wait, .. }));
        if waits {
            self.out.pop_front();
        }
        waits
    }

    /// The command with this tag has ended. `None` if it wasn't written, or has ended before.
    pub(super) fn complete(&mut self, tag: &[u8]) -> Option<Flight> {
        let number: u64 = std::str::from_utf8(tag.strip_prefix(b"A")?).ok()?.parse().ok()?;
        let at = self.flights.iter().position(|flight| flight.tag == number && flight.written)?;
        // A literal that the server doesn't want is answered before it is written; then the rest stays unwritten.
        let rest = self.out.iter().position(|out| out.tag == number);
        let is_idle = matches!(self.flights[at].command, Command::Idle);
        if is_idle {
            self.idle = Idle::No;
        }
        if let Some(rest) = rest {
            // An IDLE may end of its own accord, before its DONE is written.
            if !is_idle && !matches!(self.out[rest].piece, Piece::Wait) {
                return None;
            }
            self.out.retain(|out| out.tag != number);
        }
        self.flights.remove(at)
    }

    /// The server agrees to the IDLE that it was asked for. Returns whether there is one.
    pub(super) fn idle_begins(&mut self) -> bool {
        let Idle::Asked { leave } = self.idle else { return false };
        self.idle = Idle::Running;
        if leave {
            self.end_idle();
        }
        true
    }

    /// Ends the IDLE, if there is one, as soon as it has begun.
    pub(super) fn end_idle(&mut self) {
        match self.idle {
            Idle::Asked { .. } => self.idle = Idle::Asked { leave: true },
            Idle::Running => {
                if let Some(flight) =
                    self.flights.iter().find(|flight| matches!(flight.command, Command::Idle))
                {
                    let piece = Piece::Bytes(Bytes::from_static(Command::IDLE_DONE));
                    self.out.push_back(Out { tag: flight.tag, piece });
                    self.idle = Idle::Leaving;
                }
            }
            Idle::No | Idle::Leaving | Idle::Left => {}
        }
    }

    /// The command that lends the connection, if one does.
    pub(super) fn idling(&self) -> Option<Owner> {
        let idle = |flight: &&Flight| matches!(flight.command, Command::Idle);
        self.flights.iter().find(idle).map(|flight| flight.owner)
    }

    pub(super) fn flights(&self) -> impl Iterator<Item = &Flight> {
        self.flights.iter()
    }

    pub(super) fn cancel(&mut self, id: CommandId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(waiting, _)| *waiting != id);
        self.waiting.len() < before
    }

    pub(super) fn take_lost(&mut self) -> Vec<(CommandId, bool)> {
        self.out.clear();
        let flights = self.flights.drain(..).filter_map(|flight| match flight.owner {
            Owner::Caller(id) => Some((id, flight.written)),
            _ => None,
        });
        let mut lost: Vec<_> = flights.collect();
        lost.extend(self.waiting.drain(..).map(|(id, _)| (id, false)));
        lost
    }

    /// Whether a reply is due.
    pub(super) fn reply_due(&self) -> bool {
        self.due().next().is_some()
    }

    /// The commands whose reply is due.
    fn due(&self) -> impl Iterator<Item = &Flight> {
        let quiet = self.idle.is_quiet();
        self.flights
            .iter()
            .filter(move |flight| flight.written && !(quiet && matches!(flight.command, Command::Idle)))
    }

    /// How long the replies that are due may keep silent: as long as the slowest of them may.
    pub(super) fn patience(&self, timeouts: &Timeouts) -> Option<Duration> {
        self.due()
            .map(|flight| if pipeline::takes_long(&flight.command) { timeouts.write } else { timeouts.read })
            .max()
    }

    pub(super) fn load(&self) -> (usize, usize) {
        (self.waiting.len(), self.flights.len())
    }
}
