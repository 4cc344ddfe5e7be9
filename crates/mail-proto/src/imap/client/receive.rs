//! What is read: whose answer it is, and what it changes.

use bytes::Bytes;

use super::{
    CommandId, Completion, Event, Failure, SelectedMailbox, Selection, Session, SessionError,
    establish::Phase,
    gather::{Gathering, HELD, Read},
    queue::{Ending, Flight, Owner},
    routing::{self, Subject},
};
use crate::{
    error::ParseError,
    frame::{Lent, Segment},
    imap::{
        code::ResponseCode,
        command::Command,
        fetch::{Fetch, FetchItem, Item},
        response::{Parsed, Response, Untagged},
        status_line::{Status, StatusKind},
    },
};

/// A body that is coming in pieces.
#[derive(Debug)]
pub(super) enum Streaming {
    /// To this command, or nobody's.
    To(Option<CommandId>),
    /// It belongs to nothing that could be read.
    Lost,
    /// Its message's UID hasn't come yet, and nothing else tells whose it is: kept until it does.
    Held { head: Fetch, chunks: Vec<Bytes> },
}

/// Whose a piece of data is.
#[derive(Clone, Copy)]
enum Whose {
    Caller(CommandId),
    /// It is news.
    Nobody,
    /// It answers a command whose answer counts for nothing.
    Void,
}

impl Whose {
    fn of(flight: Option<&Flight>) -> Self {
        match flight {
            Some(flight) if flight.is_void() => Self::Void,
            Some(Flight { owner: Owner::Caller(id), .. }) => Self::Caller(*id),
            _ => Self::Nobody,
        }
    }

    fn caller(self) -> Option<CommandId> {
        match self {
            Self::Caller(id) => Some(id),
            Self::Nobody | Self::Void => None,
        }
    }
}

/// A piece of what was read.
enum Piece {
    /// A response that was read where it lay, as one can be that has no streamed literal.
    Response(Result<Parsed<Response>, ParseError>),
    /// A part of a response, with a streamed literal before or behind it.
    Segment(Segment),
    /// A part of a streamed literal.
    Chunk(Bytes),
}

impl Session {
    /// Reads one piece more. Returns whether there was one.
    pub(super) fn read_on(&mut self) -> Result<bool, SessionError> {
        // What comes now is for TLS or for the inflater to read.
        if matches!(self.phase, Phase::TlsHandshake | Phase::Compressing) {
            return Ok(false);
        }
        let piece = match self.framer.lend()? {
            Some(Lent::Segment(segment)) if !segment.continues() && segment.streamed().is_none() => {
                Piece::Response(self.reader.lent(segment))
            }
            Some(Lent::Segment(segment)) => Piece::Segment(segment.take()),
            Some(Lent::Chunk(bytes)) => Piece::Chunk(bytes),
            // Only servers are told of literals that wait.
            Some(Lent::LiteralWaits { .. }) => return Ok(true),
            None => return Ok(false),
        };
        match piece {
            Piece::Response(read) => self.take_in(read, None)?,
            Piece::Segment(segment) => self.segment(segment)?,
            Piece::Chunk(bytes) => self.chunk(bytes),
        }
        Ok(true)
    }

    fn segment(&mut self, segment: Segment) -> Result<(), SessionError> {
        if segment.continues && matches!(self.streaming, Some(Streaming::Lost)) {
            self.streaming = segment.streamed.map(|_| Streaming::Lost);
            return Ok(());
        }
        let streamed = segment.streamed;
        let read = match Gathering::read(self.gathering.take(), segment, &mut self.reader) {
            Read::Response(read) => read,
            Read::Gather(gathering) => {
                self.gathering = Some(gathering);
                return Ok(());
            }
        };
        self.take_in(read, streamed)
    }

    fn take_in(
        &mut self,
        read: Result<Parsed<Response>, ParseError>,
        streamed: Option<u64>,
    ) -> Result<(), SessionError> {
        match read {
            Ok(mut parsed) => {
                if self.phase == Phase::Login {
                    self.conceal(&mut parsed.value);
                }
                self.course.tell_all(parsed.quirks.into_iter().map(Event::Quirk));
                if streamed.is_some() && !matches!(&parsed.value, Response::Untagged(Untagged::Fetch(_))) {
                    self.streaming = Some(Streaming::Lost);
                }
                self.response(parsed.value)
            }
            Err(error) if self.phase == Phase::Greeting => Err(SessionError::NoGreeting(error.to_string())),
            Err(error) => {
                self.streaming = streamed.map(|_| Streaming::Lost);
                let subject = Subject::of(error.frame.as_bytes());
                let error = if self.phase == Phase::Login { error.withheld() } else { error };
                self.unreadable(subject, error);
                Ok(())
            }
        }
    }

    /// Takes out of a response to the login what it repeats of it.
    fn conceal(&self, response: &mut Response) {
        let conceal = |text: &mut Bytes| self.config.login.conceal(self.exchange.as_ref(), text);
        match response {
            Response::Tagged { status, .. } | Response::Untagged(Untagged::Status(status)) => {
                conceal(&mut status.text);
                if let Some(ResponseCode::Other { name, arguments }) = &mut status.code {
                    conceal(name);
                    arguments.iter_mut().for_each(conceal);
                }
            }
            Response::Untagged(Untagged::Unknown { keyword, raw }) => {
                conceal(keyword);
                conceal(raw);
            }
            Response::Untagged(_) | Response::Continue { .. } => {}
        }
    }

    /// Tells of a response that can't be read, with those whose answer it may have been part of.
    fn unreadable(&mut self, subject: Subject, error: ParseError) {
        let may_be_of = |flight: &&Flight| {
            flight.is_written() && !flight.is_void() && routing::may_answer(&flight.command, &subject)
        };
        let callers =
            self.queue.flights().filter(may_be_of).filter_map(|flight| Whose::of(Some(flight)).caller());
        let ids = callers.collect();
        self.course.tell(Event::Unreadable { ids, error });
    }

    fn chunk(&mut self, bytes: Bytes) {
        if let Some(gathering) = &mut self.gathering {
            gathering.chunk(&bytes);
            return;
        }
        match &mut self.streaming {
            Some(Streaming::To(id)) => self.course.tell(Event::Chunk { id: *id, bytes }),
            // As long as was announced, which is no more than may be held.
            Some(Streaming::Held { chunks, .. }) => chunks.push(bytes),
            Some(Streaming::Lost) | None => {}
        }
    }

    fn response(&mut self, response: Response) -> Result<(), SessionError> {
        match response {
            Response::Untagged(data) if self.phase == Phase::Greeting => self.greeted(data),
            Response::Untagged(Untagged::Status(status))
                if status.kind == StatusKind::Bye && !self.is_leaving() =>
            {
                Err(SessionError::Bye(status))
            }
            // Before TLS anyone may have said it.
            Response::Untagged(_) if self.is_before_tls() => Ok(()),
            Response::Untagged(data) => self.untagged(data),
            Response::Continue { text } => {
                if self.queue.go_on() {
                    Ok(())
                } else if self.queue.idle_begins() {
                    if let Some(Owner::Caller(id)) = self.queue.idling() {
                        self.course.tell(Event::Idling { id });
                    }
                    Ok(())
                } else {
                    self.challenged(&text)
                }
            }
            Response::Tagged { tag, status } => match self.queue.complete(&tag, status.kind) {
                Ending::Of(flight) => self.completed(flight, status),
                Ending::Early(Owner::Caller(id)) => {
                    self.course.tell(Event::Completed { id, outcome: Err(Failure::Refused(status)) });
                    Ok(())
                }
                Ending::Premature(name) => Err(SessionError::Premature(name)),
                Ending::Early(_) | Ending::NotAsked => {
                    Err(SessionError::UnexpectedTag(tag.escape_ascii().to_string()))
                }
            },
        }
    }

    fn completed(&mut self, flight: Flight, status: Status) -> Result<(), SessionError> {
        let went_well = status.kind == StatusKind::Ok;
        match flight.owner {
            Owner::Login => return self.step_completed(status),
            Owner::Nobody if matches!(flight.command, Command::Compress) && went_well => {
                self.phase = Phase::Compressing;
                self.course.tell(Event::Compress);
            }
            Owner::Nobody => {}
            Owner::Selection(id) => self.selection_ended(id, status, went_well),
            Owner::Caller(id) if flight.is_void() => {
                if let Some(failure) = flight.into_failure() {
                    self.course.tell(Event::Completed { id, outcome: Err(failure) });
                }
            }
            Owner::Caller(id) => {
                let mut selected = None;
                match &flight.command {
                    Command::Select { .. } => {
                        self.selected = self.selecting.take().filter(|_| went_well);
                        self.learn_selected(&status);
                        selected = self.selected.clone().map(Box::new);
                    }
                    Command::Close | Command::Unselect if went_well => self.selected = None,
                    Command::Unauthenticate if went_well => {
                        self.selected = None;
                        self.peer.forget();
                        self.phase = Phase::Unauthenticated;
                    }
                    Command::Compress if went_well => self.phase = Phase::Compressing,
                    _ => self.learn_selected(&status),
                }
                let outcome = if went_well {
                    Ok(Completion { status, selected })
                } else {
                    Err(Failure::Refused(status))
                };
                self.course.tell(Event::Completed { id, outcome });
                if self.phase == Phase::Compressing {
                    self.course.tell(Event::Compress);
                }
            }
        }
        self.pump();
        Ok(())
    }

    /// Whether the server was asked to end the connection.
    fn is_leaving(&self) -> bool {
        self.queue.flights().any(|flight| flight.is_written() && matches!(flight.command, Command::Logout))
    }

    pub(super) fn learn_selected(&mut self, status: &Status) {
        if let Some(selected) = &mut self.selected {
            selected.learn_code(status);
        }
    }

    fn untagged(&mut self, data: Untagged) -> Result<(), SessionError> {
        let data = match data {
            Untagged::Fetch(fetch) => return self.fetch(fetch),
            mut data if self.peer.options().utf8 => {
                data.names_from_utf8();
                data
            }
            data => data,
        };
        match &data {
            Untagged::Capability(capabilities) => self.peer.learn(capabilities.clone()),
            Untagged::Enabled(enabled)
                if self.queue.flights().any(|flight| matches!(flight.command, Command::Enable(_))) =>
            {
                self.peer.enable(enabled);
            }
            _ => {}
        }
        let whose = self.asker(&data)?;
        if let Some(selecting) = &mut self.selecting {
            if matches!(&data, Untagged::Status(Status { code: Some(ResponseCode::Closed), .. })) {
                // What came before was still about the mailbox before.
                let selection = Selection {
                    mailbox: selecting.mailbox.clone(),
                    read_only: selecting.examined,
                    uid_validity: None,
                };
                *selecting = SelectedMailbox::new(&selection);
            }
            selecting.learn(&data);
        } else if let Some(selected) = &mut self.selected {
            selected.learn(&data);
        }
        match whose {
            Whose::Void => {}
            whose => self.course.tell(Event::Data { id: whose.caller(), data }),
        }
        Ok(())
    }

    /// The caller whose command this answers.
    fn asker(&self, data: &Untagged) -> Result<Whose, SessionError> {
        let mut flights = self.queue.flights();
        let flight = flights.find(|flight| routing::answers(&flight.command, &flight.tag(), data));
        match flight {
            Some(flight) if flight.waits_for_selection() => {
                Err(SessionError::Premature(flight.command.name()))
            }
            flight => Ok(Whose::of(flight)),
        }
    }

    /// The UID of a message: as it was told, or as the mailbox' messages are known.
    fn uid_of(&mut self, fetch: &Fetch) -> Option<u32> {
        let mailbox = self.selecting.as_mut().or(self.selected.as_mut());
        if let Some(uid) = fetch.uid().filter(|_| fetch.is_uid_doubtful()) {
            // Whoever wrote the message may have written this. Another UID may follow behind the body.
            let known = mailbox.and_then(|mailbox| mailbox.uid_of(fetch.seq()));
            let stands = match known {
                Some(known) => known == uid,
                None => fetch.streamed().is_none(),
            };
            return stands.then_some(uid);
        }
        match (fetch.uid(), mailbox) {
            (Some(uid), mailbox) => {
                if let Some(mailbox) = mailbox {
                    mailbox.uids.learn(fetch.seq(), uid);
                }
                Some(uid)
            }
            (None, Some(mailbox)) => mailbox.uid_of(fetch.seq()),
            (None, None) => None,
        }
    }

    fn fetch(&mut self, fetch: Fetch) -> Result<(), SessionError> {
        let more = fetch.streamed().map(|streamed| streamed.len);
        let told = matches!(self.streaming, Some(Streaming::To(_)));
        if fetch.has_two_uids() && !told {
            // Nobody can say which message this is.
            self.unreadable(Subject::Message, fetch.two_uids());
            self.streaming = more.map(|_| Streaming::Lost);
            return Ok(());
        }
        let uid = self.uid_of(&fetch);
        if fetch.continues() {
            let id = match self.streaming.take() {
                Some(Streaming::Held { head, chunks, .. }) => {
                    let uid = uid.or_else(|| head.uid());
                    let whose = self.told_of(uid, &head)?;
                    if matches!(whose, Whose::Void) {
                        self.streaming = more.map(|_| Streaming::Lost);
                        return Ok(());
                    }
                    let id = whose.caller();
                    self.course.tell(Event::Data { id, data: Untagged::Fetch(head) });
                    self.course.tell_all(chunks.into_iter().map(|bytes| Event::Chunk { id, bytes }));
                    id
                }
                Some(Streaming::To(id)) => id,
                Some(Streaming::Lost) | None => None,
            };
            self.streaming = more.map(|_| Streaming::To(id));
            self.course.tell(Event::Data { id, data: Untagged::Fetch(fetch) });
            return Ok(());
        }
        let whose = self.told_of(uid, &fetch)?;
        if matches!(whose, Whose::Void) {
            self.streaming = more.map(|_| Streaming::Lost);
            return Ok(());
        }
        let id = whose.caller();
        match more {
            Some(len) if id.is_none() && uid.is_none() => {
                if len > HELD {
                    return Err(SessionError::Unroutable { len });
                }
                self.streaming = Some(Streaming::Held { head: fetch, chunks: Vec::new() });
            }
            more => {
                self.streaming = more.map(|_| Streaming::To(id));
                self.course.tell(Event::Data { id, data: Untagged::Fetch(fetch) });
            }
        }
        Ok(())
    }

    /// Who is to be told of this message.
    fn told_of(&self, uid: Option<u32>, fetch: &Fetch) -> Result<Whose, SessionError> {
        match self.owner_of(uid, fetch) {
            // What changed in the mailbox before is told until the selection ends.
            Some(flight) if flight.waits_for_selection() && tells_flags(fetch) => Ok(Whose::Nobody),
            Some(flight) if flight.waits_for_selection() => {
                Err(SessionError::Premature(flight.command.name()))
            }
            flight => Ok(Whose::of(flight)),
        }
    }

    /// The command that asked for this: for the message and for what is told of it. A message that nobody asked for is
    /// nobody's, whatever it says of itself.
    fn owner_of(&self, uid: Option<u32>, fetch: &Fetch) -> Option<&Flight> {
        let candidates = self.queue.flights().filter(|flight| asked_for_items(&flight.command, fetch));
        let mut fitting = candidates.filter(|flight| match (&flight.command, uid) {
            (
                Command::Fetch { uid: true, set, .. }
                | Command::Store { uid: true, set, .. }
                | Command::StoreLabels { uid: true, set, .. },
                Some(uid),
            ) => {
                // `n:*` holds the last message even if its UID is below n.
                set.contains(uid) || set.is_open()
            }
            (
                Command::Fetch { uid: false, set, .. }
                | Command::Store { uid: false, set, .. }
                | Command::StoreLabels { uid: false, set, .. },
                _,
            ) => set.contains(fetch.seq()) || set.is_open(),
            (Command::Fetch { uid: true, set, .. }, None) => {
                // The only message asked for, by the only command that asks for such a thing.
                set.len() == Some(1)
                    && self.queue.flights().filter(|other| asked_for_items(&other.command, fetch)).count()
                        == 1
            }
            // The changes since a client last knew the mailbox.
            (Command::Select { .. }, _) => true,
            _ => false,
        });
        let first = fitting.next()?;
        // Only commands for parts share the wire with another for the same message.
        if names_its_parts(&first.command, fetch) {
            return Some(first);
        }
        fitting.find(|flight| names_its_parts(&flight.command, fetch)).or(Some(first))
    }
}

/// Whether the command asks for what is told here. Flags that changed are told at any time, so they are the answer
/// only to a command that asks for nothing else.
fn asked_for_items(command: &Command, fetch: &Fetch) -> bool {
    let only_flags = tells_flags(fetch);
    match command {
        Command::Fetch { items, .. } => {
            !only_flags
                || items
                    .iter()
                    .all(|item| matches!(item, FetchItem::Uid | FetchItem::Flags | FetchItem::ModSeq))
        }
        Command::Store { .. } => only_flags,
        Command::StoreLabels { .. } => {
            let of_labels = |item| matches!(item, Item::Uid(_) | Item::GmailLabels(_) | Item::ModSeq(_));
            fetch.streamed().is_none() && fetch.items().all(of_labels)
        }
        Command::Select { options, .. } => only_flags && options.qresync.is_some(),
        _ => false,
    }
}

/// Whether all content that is told here is a part that the command asks for.
fn names_its_parts(command: &Command, fetch: &Fetch) -> bool {
    let Command::Fetch { items, .. } = command else { return true };
    let asks = |name: &[u8], origin: Option<u32>| {
        items.iter().any(|item| {
            let part = item.part().map(|part| part.offset);
            (part == origin || origin.is_none()) && item.is_answered_by(name)
        })
    };
    let streamed = fetch.streamed().is_none_or(|streamed| asks(streamed.name, streamed.origin));
    streamed
        && fetch.items().all(|item| !matches!(item, Item::Body(body) if !asks(body.name(), body.origin())))
}

/// Whether nothing but flags is told of the message.
fn tells_flags(fetch: &Fetch) -> bool {
    fetch.streamed().is_none()
        && fetch.items().all(|item| matches!(item, Item::Uid(_) | Item::Flags(_) | Item::ModSeq(_)))
}
