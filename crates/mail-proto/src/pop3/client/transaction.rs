//! The transaction: what is read, whose answer it is, and what it changes.

use super::{CommandId, Completion, Event, Failure, Item, Session, SessionError, phase::Phase};
use crate::{
    error::ParseError,
    pop3::{
        AnswerForm, Capability, Command, DropListing, Parsed, Reply, ReplyKind, ScanListing, UniqueId, framer,
    },
};

/// What waits to be written.
#[derive(Debug)]
pub(super) enum Request {
    Command(Command),
    /// QUIT, with RSET before it if messages are marked as deleted.
    Leave,
}

/// Who is told of a command's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Whoever submitted it.
    Caller(CommandId),
    /// Whoever wants to leave: QUIT follows.
    Leaving(CommandId),
    /// The login, which waits for it.
    Login,
}

impl Owner {
    pub(super) fn caller(self) -> Option<CommandId> {
        match self {
            Self::Caller(id) | Self::Leaving(id) => Some(id),
            Self::Login => None,
        }
    }
}

/// A command that was written, or is about to be.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) owner: Owner,
    pub(super) command: Command,
    /// The +OK, while what follows it is still coming.
    pub(super) reply: Option<Reply>,
}

impl Session {
    /// Reads one piece more. Returns whether there was one.
    pub(super) fn read_on(&mut self) -> Result<bool, SessionError> {
        if self.phase == Phase::TlsHandshake {
            return Ok(false);
        }
        match self.framer.next_event()? {
            Some(framer::Event::Status(line)) => {
                let logs_in = matches!(self.phase, Phase::User | Phase::Login);
                let mut parsed = Reply::parse(line, self.config.parse).map_err(|error| {
                    SessionError::Unreadable(if logs_in { error.withheld() } else { error })
                })?;
                if logs_in && parsed.value.kind != ReplyKind::Continue {
                    self.config.login.conceal(self.exchange.as_ref(), &mut parsed.value.text);
                }
                self.course.tell_all(parsed.quirks.into_iter().map(Event::Quirk));
                self.reply(parsed.value)?;
            }
            Some(framer::Event::Line(line)) => self.line(line),
            Some(framer::Event::Chunk(bytes)) => {
                if let Some(id) = self.flights.front().and_then(|flight| flight.owner.caller()) {
                    self.course.tell(Event::Chunk { id, bytes });
                }
            }
            Some(framer::Event::End) => {
                if let Some(mut flight) = self.flights.pop_front()
                    && let Some(reply) = flight.reply.take()
                {
                    self.completed(flight, reply)?;
                }
            }
            None => return Ok(false),
        }
        Ok(true)
    }

    fn reply(&mut self, reply: Reply) -> Result<(), SessionError> {
        if self.phase == Phase::Greeting {
            return self.greeted(&reply);
        }
        if !self.reply_due() {
            // A server that gives up says so unasked.
            return Err(match reply.kind {
                ReplyKind::Err => SessionError::Bye(reply),
                ReplyKind::Ok | ReplyKind::Continue => SessionError::Unexpected(reply),
            });
        }
        if reply.kind == ReplyKind::Continue {
            return self.challenged(reply);
        }
        if let Some(flight) = self.flights.front_mut().filter(|_| reply.is_ok()) {
            let form = flight.command.answer();
            if form != AnswerForm::Nothing {
                self.framer.expect(form);
                flight.reply = Some(reply);
                return Ok(());
            }
        }
        match self.flights.pop_front() {
            Some(flight) => self.completed(flight, reply),
            None => Ok(()),
        }
    }

    /// A line of the listing that the first command asked for.
    fn line(&mut self, line: bytes::Bytes) {
        let Some(flight) = self.flights.front() else { return };
        let options = self.config.parse;
        let item = match &flight.command {
            Command::List(_) => ScanListing::parse(line, options).map(|parsed| map(parsed, Item::Size)),
            Command::Uidl(_) => UniqueId::parse(line, options).map(|parsed| map(parsed, Item::UniqueId)),
            Command::Capa => {
                let capability = Capability::parse(line);
                self.announced.push(capability.clone());
                Ok(Parsed { value: Item::Capability(capability), quirks: Vec::new() })
            }
            _ => {
                let text = line.slice_ref(crate::lines::without_end(&line));
                Ok(Parsed { value: Item::Text(text), quirks: Vec::new() })
            }
        };
        let Some(id) = flight.owner.caller() else { return };
        match item {
            Ok(parsed) => {
                self.course.tell_all(parsed.quirks.into_iter().map(Event::Quirk));
                self.course.tell(Event::Item { id, item: parsed.value });
            }
            Err(error) => self.course.tell(Event::Unreadable { id, error }),
        }
    }

    fn completed(&mut self, flight: Flight, reply: Reply) -> Result<(), SessionError> {
        let went_well = reply.is_ok();
        let id = match flight.owner {
            Owner::Login => return self.step_completed(reply),
            Owner::Leaving(id) if went_well => {
                self.deleted = 0;
                self.quit(Owner::Caller(id));
                return Ok(());
            }
            Owner::Leaving(id) | Owner::Caller(id) => id,
        };
        match flight.command {
            Command::Dele(_) if went_well => self.deleted = self.deleted.saturating_add(1),
            Command::Rset if went_well => self.deleted = 0,
            Command::Quit => self.deleted = 0,
            Command::Capa if went_well => self.capabilities = Some(std::mem::take(&mut self.announced)),
            _ => {}
        }
        let outcome = if went_well {
            self.answer(&flight.command, id, &reply)
                .map_err(Failure::Unreadable)
                .map(|drop| Completion { reply, drop })
        } else {
            Err(Failure::Refused(reply))
        };
        self.course.tell(Event::Completed { id, outcome });
        self.pump();
        Ok(())
    }

    /// What a +OK says in its text.
    fn answer(
        &mut self,
        command: &Command,
        id: CommandId,
        reply: &Reply,
    ) -> Result<Option<DropListing>, ParseError> {
        let options = self.config.parse;
        let item = match command {
            Command::Stat => {
                let parsed = DropListing::parse(reply, options)?;
                self.course.tell_all(parsed.quirks.into_iter().map(Event::Quirk));
                return Ok(Some(parsed.value));
            }
            Command::List(Some(_)) => map(ScanListing::parse(reply.text.clone(), options)?, Item::Size),
            Command::Uidl(Some(_)) => map(UniqueId::parse(reply.text.clone(), options)?, Item::UniqueId),
            _ => return Ok(None),
        };
        self.course.tell_all(item.quirks.into_iter().map(Event::Quirk));
        self.course.tell(Event::Item { id, item: item.value });
        Ok(None)
    }

    /// Writes what may be written of what waits.
    pub(super) fn pump(&mut self) {
        while self.phase == Phase::Ready && !self.course.has_ended() {
            let Some((_, request)) = self.waiting.front() else { return };
            // QUIT commits what was marked, so all marks have to be known; nothing can follow it.
            let alone = matches!(request, Request::Leave | Request::Command(Command::Quit));
            let room = if alone {
                self.flights.is_empty()
            } else if self.pipelines() {
                // Nothing is written behind the RSET of who leaves, until QUIT is.
                self.flights.len() < self.config.pipeline.max(1)
                    && !self.flights.back().is_some_and(|flight| matches!(flight.owner, Owner::Leaving(_)))
            } else {
                self.flights.is_empty()
            };
            if !room {
                return;
            }
            let Some((id, request)) = self.waiting.pop_front() else { return };
            match request {
                Request::Command(Command::Quit) => self.quit(Owner::Caller(id)),
                Request::Leave if self.deleted == 0 => self.quit(Owner::Caller(id)),
                Request::Leave => {
                    // RSET has no argument that could fail to encode.
                    let _ = self.start(Owner::Leaving(id), Command::Rset);
                    return;
                }
                Request::Command(
                    command @ (Command::User(_)
                    | Command::Pass(_)
                    | Command::Apop { .. }
                    | Command::Auth { .. }
                    | Command::Stls),
                ) => {
                    let outcome = Err(Failure::NotHere(command.name()));
                    self.course.tell(Event::Completed { id, outcome });
                }
                Request::Command(command) => {
                    if let Err(error) = self.start(Owner::Caller(id), command) {
                        self.course.tell(Event::Completed { id, outcome: Err(error.into()) });
                    }
                }
            }
        }
    }

    fn quit(&mut self, owner: Owner) {
        self.phase = Phase::Quit;
        // QUIT has no argument that could fail to encode.
        let _ = self.start(owner, Command::Quit);
    }
}

fn map<T, U>(parsed: Parsed<T>, with: impl FnOnce(T) -> U) -> Parsed<U> {
    Parsed { value: with(parsed.value), quirks: parsed.quirks }
}
