//! Commands on their way: waiting to be written, written in part, and waiting for their end.

use std::{collections::VecDeque, fmt, time::Duration};

use bytes::Bytes;

use super::{
    CommandId, Failure, Request, Selection, Timeouts,
    idle::Idle,
    pipeline::{self, Sharing},
    upload::{self, Source, Upload, UploadError},
};
use crate::{
    imap::{
        command::Command,
        encode::{EncodeError, EncodeOptions, Fragment},
        status_line::StatusKind,
    },
    session::pieces::{self, Pieces},
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
    /// How many messages in it come piece by piece.
    uploads: usize,
    idle: Idle,
}

/// A command that was written, or is about to be.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) owner: Owner,
    pub(super) command: Command,
    pub(super) selection: Option<Selection>,
    sharing: Sharing,
    /// Whether servers take long over it.
    takes_long: bool,
    tag: u64,
    written: bool,
    /// It was refused before all of it was written.
    answered: bool,
    stands: Stands,
}

/// Whether the mailbox that a command runs in is known to be the one that it needs.
#[derive(Debug)]
enum Stands {
    /// It is, or it needs none.
    Firm,
    /// It was written behind a selection that hasn't ended.
    Waits,
    /// It isn't, so whatever the answer is, it counts for nothing.
    ///
    /// Boxed, since it seldom is so and there are many commands.
    Void(Box<Failure>),
}

/// What the answer to a command ends.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
pub(super) enum Ending {
    /// This command.
    Of(Flight),
    /// This caller's command, of which the rest is still to be written.
    Early(Owner),
    /// The command with this name, which can't have gone well: what it was written behind hasn't ended.
    Premature(&'static str),
    /// None that was asked.
    NotAsked,
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
    /// A message that comes piece by piece: its pieces are put before this.
    Upload(Upload),
}

/// Shows how much there is, never what: it may be a password or somebody's mail.
impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Wait => f.write_str("Wait"),
            Self::Upload(upload) => upload.fmt(f),
        }
    }
}

impl Flight {
    /// Whether any of it was given to the socket.
    pub(super) fn is_written(&self) -> bool {
        self.written
    }

    /// Whether it was written behind a selection that hasn't ended, so that nothing can be its answer yet.
    pub(super) fn waits_for_selection(&self) -> bool {
        matches!(self.stands, Stands::Waits)
    }

    /// Whether its answer counts for nothing.
    pub(super) fn is_void(&self) -> bool {
        matches!(self.stands, Stands::Void(_))
    }

    /// Why its answer counts for nothing, if it does.
    pub(super) fn into_failure(self) -> Option<Failure> {
        match self.stands {
            Stands::Void(failure) => Some(*failure),
            Stands::Firm | Stands::Waits => None,
        }
    }

    /// The tag as on the wire.
    pub(super) fn tag(&self) -> String {
        tag_text(self.tag)
    }
}

/// A tag as on the wire: written digit by digit, since each command has one.
fn tag_text(number: u64) -> String {
    // As many as 64 bits may have.
    let (mut digits, mut rest, mut begin) = ([0; 20], number, 20);
    loop {
        begin -= 1;
        // A remainder of ten fits in a byte.
        digits[begin] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let mut text = String::with_capacity(1 + digits.len() - begin);
    text.push('A');
    text.extend(digits[begin..].iter().map(|digit| char::from(*digit)));
    text
}

/// So much of a message that comes piece by piece may lie unwritten.
const UNWRITTEN: usize = 256 * 1024;

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
        // There are many of these, each looked at for each that is on the wire.
        let is_indifferent = head.selection.is_none() && pipeline::is_indifferent(&head.command);
        self.flights.iter().all(|flight| {
            flight.sharing == Sharing::Shared
                && (is_indifferent
                    || pipeline::same_selection(flight.selection.as_ref(), head.selection.as_ref())
                        && !pipeline::conflict(&flight.command, &head.command))
        })
    }

    /// Whether the first command that waits may be written behind a selection, with at most so many others.
    pub(super) fn head_may_follow(&self, most: usize) -> bool {
        let Some(head) = self.head() else { return false };
        pipeline::sharing(&head.command) == Sharing::Shared
            && self.flights.len() <= most
            && self.flights.iter().all(|flight| match flight.owner {
                Owner::Selection(_) => true,
                _ => flight.waits_for_selection() && !pipeline::conflict(&flight.command, &head.command),
            })
    }

    /// The last command that was put on the wire stands behind the selection it needs.
    pub(super) fn depends_on_selection(&mut self) {
        if let Some(flight) =
            self.flights.back_mut().filter(|flight| matches!(flight.owner, Owner::Caller(_)))
        {
            flight.stands = Stands::Waits;
        }
    }

    /// The selection has ended: says of the commands behind it why they count for nothing, if they do.
    pub(super) fn resolve(&mut self, failure: impl Fn(&Selection) -> Option<Failure>) {
        for flight in self.flights.iter_mut().filter(|flight| flight.waits_for_selection()) {
            let failure = flight.selection.as_ref().and_then(&failure);
            flight.stands = failure.map_or(Stands::Firm, |failure| Stands::Void(Box::new(failure)));
        }
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
        let mut messages = uploads.into_iter().zip(upload::announced(&command)).enumerate();
        let tag = self.tags + 1;
        let encoded = command.encode(&tag_text(tag), options)?;
        for fragment in encoded.fragments {
            let piece = match fragment {
                Fragment::Bytes(bytes) => Piece::Bytes(bytes),
                Fragment::Wait => Piece::Wait,
                Fragment::Upload { len } => match messages.next() {
                    Some((_, (Source::Whole(whole), message)))
                        if whole.len() as u64 == len
                            && !(whole.has_nul() && upload::forbids_nul(message.form)) =>
                    {
                        Piece::Bytes(whole.into_bytes())
                    }
                    Some((index, (Source::Streamed, message))) => {
                        self.uploads += 1;
                        Piece::Upload(Upload::new(index, message))
                    }
                    wrong => {
                        self.drop_rest(tag);
                        return Err(match wrong {
                            Some((_, (Source::Whole(whole), _))) if whole.len() as u64 == len => {
                                EncodeError::Nul { what: "the message" }
                            }
                            _ => EncodeError::WrongLength { announced: len },
                        });
                    }
                },
            };
            self.out.push_back(Out { tag, piece });
        }
        self.tags = tag;
        if matches!(command, Command::Idle) {
            self.idle = Idle::Asked { leave: false };
        }
        self.flights.push_back(Flight {
            owner,
            sharing: pipeline::sharing(&command),
            takes_long: pipeline::takes_long(&command),
            command,
            selection,
            tag,
            written: false,
            answered: false,
            stands: Stands::Firm,
        });
        Ok(())
    }

    /// More bytes of the login's command, as its SASL exchange asks for them.
    pub(super) fn answer_login(&mut self, bytes: Bytes) {
        if let Some(flight) = self.flights.iter().find(|flight| flight.owner == Owner::Login) {
            self.out.push_back(Out { tag: flight.tag, piece: Piece::Bytes(bytes) });
        }
    }

    /// Whether what is written next belongs to a command that was begun.
    pub(super) fn goes_on(&self) -> bool {
        let next = self.out.front().and_then(|next| self.flight(next.tag));
        next.is_some_and(|at| self.flights[at].written)
    }

    /// The message whose pieces can be written, once what stands before them is.
    fn upload(&self) -> Option<usize> {
        if self.uploads == 0 {
            return None;
        }
        // Only what has to be waited for, and the first of the messages, can stand in the way of the others.
        let at = self.out.iter().position(|out| !matches!(out.piece, Piece::Bytes(_)))?;
        matches!(self.out[at].piece, Piece::Upload(_)).then_some(at)
    }

    /// The message to ask for, and whose it is, if that wasn't done yet.
    pub(super) fn wanted_upload(&mut self) -> Option<(CommandId, usize)> {
        let at = self.upload()?;
        let Out { tag, piece: Piece::Upload(upload) } = &mut self.out[at] else { return None };
        let flight = self.flights.binary_search_by_key(tag, |flight| flight.tag).ok()?;
        let Owner::Caller(id) = self.flights[flight].owner else { return None };
        upload.ask().map(|index| (id, index))
    }

    /// The message whose pieces can be written, if it is one of this command's.
    fn upload_of(&self, id: CommandId) -> Option<usize> {
        let at = self.upload()?;
        let flight = self.flight(self.out[at].tag)?;
        (self.flights[flight].owner == Owner::Caller(id)).then_some(at)
    }

    /// The command with this tag. Tags ascend.
    fn flight(&self, tag: u64) -> Option<usize> {
        self.flights.binary_search_by_key(&tag, |flight| flight.tag).ok()
    }

    /// Drops what is to be written of a command.
    fn drop_rest(&mut self, tag: u64) {
        self.out.retain(|out| out.tag != tag);
        self.uploads = self.out.iter().filter(|out| matches!(out.piece, Piece::Upload(_))).count();
    }

    pub(super) fn upload_room(&self, id: CommandId) -> usize {
        let Some(at) = self.upload_of(id) else { return 0 };
        let pieces = self.out.range(..at).rev().take_while(|out| out.tag == self.out[at].tag);
        let unwritten: usize = pieces
            .map(|out| match &out.piece {
                Piece::Bytes(bytes) => bytes.len(),
                Piece::Wait | Piece::Upload(_) => 0,
            })
            .sum();
        UNWRITTEN.saturating_sub(unwritten)
    }

    /// Whether a message of this command is still to come.
    pub(super) fn is_uploading_for(&self, id: CommandId) -> bool {
        let Some(flight) = self.flights.iter().find(|flight| flight.owner == Owner::Caller(id)) else {
            return false;
        };
        self.out.iter().any(|out| out.tag == flight.tag && matches!(out.piece, Piece::Upload(_)))
    }

    pub(super) fn write_upload(&mut self, id: CommandId, bytes: Bytes) -> Result<(), UploadError> {
        let Some(at) = self.upload_of(id) else { return Ok(()) };
        let Out { tag, piece: Piece::Upload(upload) } = &mut self.out[at] else { return Ok(()) };
        let (tag, bytes) = (*tag, upload.push(bytes)?);
        if !bytes.is_empty() {
            self.out.insert(at, Out { tag, piece: Piece::Bytes(bytes) });
        }
        Ok(())
    }

    pub(super) fn finish_upload(&mut self, id: CommandId) -> Result<(), UploadError> {
        let Some(at) = self.upload_of(id) else { return Ok(()) };
        let Piece::Upload(upload) = &mut self.out[at].piece else { return Ok(()) };
        let last = upload.finish()?;
        // The rest of the command stands behind it, if only the line's end.
        self.out[at].piece = Piece::Bytes(last);
        self.uploads -= 1;
        Ok(())
    }

    /// The server asks for what follows. Returns whether a literal waited for that.
    pub(super) fn go_on(&mut self) -> bool {
        let waits = matches!(self.out.front(), Some(Out { piece: Piece::Wait, .. }));
        if waits {
            self.out.pop_front();
        }
        waits
    }

    /// The command with this tag was answered.
    pub(super) fn complete(&mut self, tag: &[u8], kind: StatusKind) -> Ending {
        self.ending(tag, kind).unwrap_or(Ending::NotAsked)
    }

    /// `None` if the command wasn't written, or has ended before.
    fn ending(&mut self, tag: &[u8], kind: StatusKind) -> Option<Ending> {
        let number: u64 = std::str::from_utf8(tag.strip_prefix(b"A")?).ok()?.parse().ok()?;
        let at = self.flight(number)?;
        if !self.flights[at].written || self.flights[at].answered {
            return None;
        }
        if self.flights[at].waits_for_selection() && kind == StatusKind::Ok {
            return Some(Ending::Premature(self.flights[at].command.name()));
        }
        // A literal that the server doesn't want is answered before it is written; then the rest stays unwritten.
        let rest = self.out.iter().position(|out| out.tag == number);
        let is_idle = matches!(self.flights[at].command, Command::Idle);
        if is_idle {
            self.idle = Idle::No;
        }
        if let Some(rest) = rest {
            // An IDLE may end of its own accord, before its DONE is written.
            if !is_idle && !matches!(self.out[rest].piece, Piece::Wait) {
                // A literal that didn't wait may be refused before it is written; it is read all the same.
                if !matches!(kind, StatusKind::No | StatusKind::Bad) {
                    return None;
                }
                self.flights[at].answered = true;
                return Some(Ending::Early(self.flights[at].owner));
            }
            self.drop_rest(number);
        }
        self.flights.remove(at).map(Ending::Of)
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

    /// The commands that have no end yet.
    pub(super) fn flights(&self) -> impl Iterator<Item = &Flight> {
        self.flights.iter().filter(|flight| !flight.answered)
    }

    pub(super) fn cancel(&mut self, id: CommandId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(waiting, _)| *waiting != id);
        self.waiting.len() < before || self.take_back(id)
    }

    /// Takes a command back that is about to be written, if nothing depends on it.
    fn take_back(&mut self, id: CommandId) -> bool {
        let unwritten = |flight: &Flight| {
            flight.owner == Owner::Caller(id) && !flight.written && flight.sharing == Sharing::Shared
        };
        let Some(flight) = self.flights.iter().position(unwritten).and_then(|at| self.flights.remove(at))
        else {
            return false;
        };
        self.drop_rest(flight.tag);
        true
    }

    pub(super) fn take_lost(&mut self) -> Vec<(CommandId, bool)> {
        self.out.clear();
        self.uploads = 0;
        let flights = self.flights.drain(..).filter_map(|flight| match flight.owner {
            Owner::Caller(id) if !flight.answered => Some((id, flight.written)),
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
        // Nobody answers what isn't written, unless it is asked for first.
        let begun = self.out.front().filter(|next| !matches!(next.piece, Piece::Wait)).map(|next| next.tag);
        self.flights.iter().filter(move |flight| {
            flight.written
                && !flight.answered
                && Some(flight.tag) != begun
                && !(quiet && matches!(flight.command, Command::Idle))
        })
    }

    /// How long the replies that are due may keep silent: as long as the slowest of them may.
    pub(super) fn patience(&self, timeouts: &Timeouts) -> Option<Duration> {
        self.due().map(|flight| if flight.takes_long { timeouts.write } else { timeouts.read }).max()
    }

    pub(super) fn load(&self) -> (usize, usize) {
        (self.waiting.len(), self.flights.len())
    }
}

impl Pieces for Queue {
    fn take_piece(&mut self) -> Option<Bytes> {
        let Out { tag, piece: Piece::Bytes(bytes) } = self.out.front_mut()? else { return None };
        let tag = *tag;
        let bytes = match pieces::head(bytes) {
            Some(head) => head,
            None => {
                let bytes = std::mem::take(bytes);
                self.out.pop_front();
                bytes
            }
        };
        if let Some(at) = self.flight(tag) {
            let flight = &mut self.flights[at];
            flight.written = true;
            if matches!(flight.command, Command::Idle) && self.idle == Idle::Leaving {
                self.idle = Idle::Left;
            }
            if flight.answered && self.out.front().is_none_or(|next| next.tag != tag) {
                self.flights.remove(at);
            }
        }
        Some(bytes)
    }

    fn peek_piece(&mut self) -> Option<&Bytes> {
        match &self.out.front()?.piece {
            Piece::Bytes(bytes) => Some(bytes),
            Piece::Wait | Piece::Upload(_) => None,
        }
    }
}
