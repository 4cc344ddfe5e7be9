//! A message on its way: sender, recipients, text, and what was answered to each.

use bytes::Bytes;

use super::{
    CommandId, Event, Failure, Loss, Request, Session, SessionError, establish::Phase, wire::Flight,
};
use crate::{
    dots::{LoneLineBreak, Stuffer, lone_line_break},
    smtp::{Address, Body, Command, Extension, MailParameters, RcptParameters, ReadError, Reply},
};

/// Who sends a message to whom, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// Who reports go to; `None` for nobody.
    pub from: Option<Address>,
    /// What MAIL says besides. SIZE is left out, and SMTPUTF8 added, as the server and the addresses have it.
    pub parameters: MailParameters,
    /// Who gets it.
    pub to: Vec<(Address, RcptParameters)>,
    /// What a refused recipient means for the others.
    pub on_refusal: OnRefusal,
    /// How the text goes.
    pub transfer: Transfer,
}

impl Envelope {
    /// An envelope without parameters.
    pub fn new(from: Option<Address>, to: impl IntoIterator<Item = Address>) -> Self {
        Self {
            from,
            parameters: MailParameters::default(),
            to: to.into_iter().map(|to| (to, RcptParameters::default())).collect(),
            on_refusal: OnRefusal::default(),
            transfer: Transfer::default(),
        }
    }
}

/// What a refused recipient means for the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnRefusal {
    /// They get the message.
    #[default]
    SendToOthers,
    /// Nobody gets it. It takes a round trip more.
    SendToNone,
}

/// How a message's text goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Transfer {
    /// By DATA, dots stuffed.
    #[default]
    Data,
    /// By BDAT where the server has CHUNKING, as it is, a chunk for each call of [`Session::write_body`]; else by DATA.
    /// Binary messages go by BDAT or not at all.
    Chunks,
}

/// So much of a message may lie unwritten.
const UNWRITTEN: usize = 256 * 1024;

/// The message that is being sent.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) id: CommandId,
    on_refusal: OnRefusal,
    /// Recipients that aren't answered yet.
    unanswered: usize,
    recipients: Vec<Reply>,
    refused: Option<Failure>,
    body: BodyState,
    chunks: bool,
    binary: bool,
}

#[derive(Debug)]
enum BodyState {
    /// DATA wasn't written, or not answered.
    NotYet {
        asked: bool,
    },
    Data(Stuffer),
    Chunks {
        last: Option<u8>,
        written: u64,
    },
    /// The end was written, or there is nothing to send.
    Over,
}

impl Current {
    /// Whether the server refused it already, whatever it says to its end.
    pub(super) fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    pub(super) fn recipients(&self) -> &[Reply] {
        &self.recipients
    }

    fn accepted(&self) -> usize {
        self.recipients.iter().filter(|reply| reply.is_positive()).count()
    }

    /// What the answers to sender and recipients mean.
    fn refusal(&self) -> Option<Failure> {
        let missing = self.recipients.iter().any(|reply| !reply.is_positive());
        match &self.refused {
            Some(failure) => Some(failure.clone()),
            None if self.accepted() == 0 || (missing && self.on_refusal == OnRefusal::SendToNone) => {
                Some(Failure::RecipientsRefused)
            }
            None => None,
        }
    }
}

impl Session {
    /// How many bytes of the message that [`Event::SendBody`] asked for may be given now, so that no more than 256 KiB
    /// of it lie unwritten. 0 while no message is asked for.
    pub fn body_room(&self) -> usize {
        match &self.current {
            Some(Current { body: BodyState::Data(_) | BodyState::Chunks { .. }, .. })
                if !self.course.has_ended() =>
            {
                UNWRITTEN.saturating_sub(self.wire.unwritten())
            }
            _ => 0,
        }
    }

    /// More of the message that [`Event::SendBody`] asked for. Its line breaks are CRLF.
    ///
    /// All that is given is kept until it is written; [`body_room`](Self::body_room) says how much that should be at
    /// most. Nothing happens if no message is asked for.
    pub fn write_body(&mut self, text: Bytes) {
        if text.is_empty() || self.course.has_ended() {
            return;
        }
        let Some(current) = &mut self.current else { return };
        let binary = current.binary;
        let result = match &mut current.body {
            BodyState::Data(stuffer) => {
                let mut pieces = Vec::new();
                let result = stuffer.push(text, &mut pieces);
                pieces.into_iter().for_each(|piece| self.wire.push_bytes(piece));
                result
            }
            BodyState::Chunks { last, written } => {
                // A server further on may have no BDAT, so what goes by it has to be fit for DATA.
                let found = if binary { None } else { lone_line_break(&text, *last) };
                let offset = *written;
                *written += text.len() as u64;
                *last = text.last().copied();
                let chunk = Command::Bdat { size: text.len() as u64, last: false };
                match found {
                    Some(at) => Err(LoneLineBreak { offset: offset + at as u64 }),
                    None => {
                        self.push_chunk(&chunk, text);
                        Ok(())
                    }
                }
            }
            BodyState::NotYet { .. } | BodyState::Over => Ok(()),
        };
        if let Err(error) = result {
            self.course.end(error.into());
        }
    }

    /// The message is complete.
    pub fn finish_body(&mut self) {
        if self.course.has_ended() {
            return;
        }
        let Some(current) = &mut self.current else { return };
        match std::mem::replace(&mut current.body, BodyState::Over) {
            BodyState::Data(stuffer) => {
                let mut pieces = Vec::new();
                match stuffer.finish(&mut pieces) {
                    Ok(()) => {
                        let end = pieces.pop().unwrap_or_default();
                        pieces.into_iter().for_each(|piece| self.wire.push_bytes(piece));
                        self.wire.push(Flight::End, end);
                    }
                    Err(error) => self.course.end(error.into()),
                }
            }
            BodyState::Chunks { last, .. } if last == Some(b'\r') && !current.binary => {
                self.course.end(SessionError::BrokenOff);
            }
            BodyState::Chunks { .. } => self.push_chunk(&Command::Bdat { size: 0, last: true }, Bytes::new()),
            state => current.body = state,
        }
    }

    /// The message that is being sent can't be completed, or nobody wants it any more. Says which it is, and what that
    /// means for it, if there is one:
    /// - [`Loss::Unwritten`]: it was taken back. The session goes on.
    /// - [`Loss::NotAccepted`]: only cutting the connection keeps the server from accepting half of it, so the session
    ///   ends.
    /// - [`Loss::OutcomeUnknown`]: it is too late. Nothing happens, and [`Event::Completed`] tells how it went.
    pub fn break_off(&mut self) -> Option<(CommandId, Loss)> {
        let loss = self.outlook()?;
        let id = self.current.as_ref()?.id;
        match loss {
            Loss::Unwritten => {
                self.wire.take_back();
                self.current = None;
                // The RSET before it, if there was one, went with it.
                self.dirty = true;
                self.pump();
            }
            Loss::NotAccepted => self.course.end(SessionError::BrokenOff),
            Loss::OutcomeUnknown => {}
        }
        Some((id, loss))
    }

    /// What the end of the connection would mean for the current message now.
    pub(super) fn outlook(&self) -> Option<Loss> {
        let current = self.current.as_ref()?;
        let mut written = self.wire.written();
        let end_written = written.any(|flight| matches!(flight, Flight::End | Flight::Chunk { last: true }));
        // What was refused already can't be accepted any more.
        let unknown = end_written && !current.is_refused();
        Some(match (unknown, self.wire.has_written_message()) {
            (true, _) => Loss::OutcomeUnknown,
            (false, true) => Loss::NotAccepted,
            (false, false) => Loss::Unwritten,
        })
    }

    fn push_chunk(&mut self, command: &Command, text: Bytes) {
        let Command::Bdat { last, .. } = *command else { return };
        // BDAT has no argument that could fail to encode.
        let Ok(line) = command.encode() else { return };
        if !self.pipelines() && self.wire.has_flights() {
            self.wire.wait();
        }
        if text.is_empty() {
            self.wire.push(Flight::Chunk { last }, line);
        } else {
            self.wire.push_bytes(line);
            self.wire.push(Flight::Chunk { last }, text);
        }
    }

    /// Reads one reply more. Returns whether there was one.
    pub(super) fn read_on(&mut self) -> Result<bool, SessionError> {
        if self.phase == Phase::TlsHandshake {
            return Ok(false);
        }
        let logs_in = self.phase == Phase::Login;
        let parsed = self.reader.next_reply().map_err(|error| match error {
            ReadError::Parse(error) if logs_in => ReadError::Parse(error.withheld()),
            error => error,
        })?;
        let Some(parsed) = parsed else { return Ok(false) };
        self.course.tell_all(parsed.quirks.into_iter().map(Event::Quirk));
        let mut reply = parsed.value;
        if logs_in && !reply.code.is_intermediate() {
            let conceal = |line| self.config.login.conceal(self.exchange.as_ref(), line);
            reply.lines.iter_mut().for_each(conceal);
        }
        if self.phase == Phase::Greeting {
            self.greeted(reply)?;
            return Ok(true);
        }
        let Some(flight) = self.wire.answered() else {
            // A server that gives up says so unasked.
            let gives_up = reply.code.is_transient() || reply.code.is_permanent();
            return Err(if gives_up { SessionError::Bye(reply) } else { SessionError::Unexpected(reply) });
        };
        let bye = (reply.code.get() == 421).then(|| reply.clone());
        match flight {
            Flight::Login => self.step_completed(reply)?,
            Flight::Caller(id) => {
                let outcome = if reply.is_positive() { Ok(reply) } else { Err(Failure::Refused(reply)) };
                self.course.tell(Event::Completed { id, outcome, recipients: Vec::new() });
            }
            Flight::Reset => {}
            Flight::Mail | Flight::Rcpt | Flight::Data | Flight::End | Flight::Chunk { .. } => {
                self.answered(&flight, reply);
            }
        }
        match bye {
            // 421 may answer anything, and the server closes behind it.
            Some(reply) => Err(SessionError::Bye(reply)),
            None => {
                self.pump();
                Ok(true)
            }
        }
    }

    /// A command of the current message was answered.
    fn answered(&mut self, flight: &Flight, reply: Reply) {
        // Chunks that were under way when an earlier one was refused are answered too.
        let Some(current) = &mut self.current else { return };
        match flight {
            Flight::Mail if !reply.is_positive() => {
                current.refused = Some(Failure::SenderRefused(reply));
                if !self.pipelines() {
                    self.wire.take_back();
                    self.complete(None);
                }
            }
            Flight::Rcpt => {
                current.unanswered -= 1;
                current.recipients.push(reply);
                let asked = matches!(current.body, BodyState::NotYet { asked: true });
                if current.unanswered > 0 || asked {
                    return;
                }
                if current.refusal().is_some() {
                    self.complete(None);
                } else if current.chunks {
                    current.body = BodyState::Chunks { last: None, written: 0 };
                    let id = current.id;
                    self.course.tell(Event::SendBody { id });
                } else {
                    current.body = BodyState::NotYet { asked: true };
                    self.command(Flight::Data, &Command::Data);
                }
            }
            Flight::Data if reply.code.is_intermediate() => {
                let refusal = current.refusal();
                if refusal.is_some() {
                    // The server waits for a message that goes to nobody: an empty one ends it (RFC 2920 section 3.1).
                    current.refused = refusal;
                    current.body = BodyState::Over;
                    self.wire.push(Flight::End, Bytes::from_static(b".\r\n"));
                } else {
                    current.body = BodyState::Data(Stuffer::new(self.config.lone_line_breaks));
                    let id = current.id;
                    self.course.tell(Event::SendBody { id });
                }
            }
            Flight::Data => {
                let refusal = current.refusal();
                current.refused = Some(refusal.unwrap_or(Failure::Refused(reply)));
                self.complete(None);
            }
            Flight::End | Flight::Chunk { last: true } => {
                if !reply.is_positive() && current.refused.is_none() {
                    current.refused = Some(Failure::Refused(reply.clone()));
                }
                self.complete(Some(reply));
            }
            Flight::Chunk { last: false } if !reply.is_positive() => {
                current.refused = Some(Failure::Refused(reply));
                self.complete(None);
            }
            _ => {}
        }
    }

    /// The end of the current message; `end` is the answer to its end, if that was sent.
    fn complete(&mut self, end: Option<Reply>) {
        let Some(current) = self.current.take() else { return };
        // Behind an answered end the server starts anew; elsewhere it still has the envelope.
        self.dirty = end.is_none() || current.refused.is_some();
        let outcome = match (current.refusal(), end) {
            (Some(failure), _) => Err(failure),
            (None, Some(reply)) => Ok(reply),
            (None, None) => Err(Failure::RecipientsRefused),
        };
        self.course.tell(Event::Completed { id: current.id, outcome, recipients: current.recipients });
    }

    /// Writes what may be written of what waits: one command or message at a time.
    pub(super) fn pump(&mut self) {
        while self.phase == Phase::Ready
            && !self.course.has_ended()
            && self.current.is_none()
            && self.wire.is_quiet()
        {
            let Some((id, request)) = self.waiting.pop_front() else { return };
            let started = match request {
                Request::Message(envelope) => self.begin(id, &envelope),
                Request::Command(command) => self.begin_command(id, &command),
            };
            if let Err(failure) = started {
                self.course.tell(Event::Completed { id, outcome: Err(failure), recipients: Vec::new() });
            }
        }
    }

    fn begin_command(&mut self, id: CommandId, command: &Command) -> Result<(), Failure> {
        if !matches!(command, Command::Rset | Command::Noop | Command::Vrfy(_) | Command::Quit) {
            return Err(Failure::NotHere(command.name()));
        }
        self.wire.push(Flight::Caller(id), command.encode()?);
        match command {
            Command::Quit => self.phase = Phase::Quit,
            Command::Rset => self.dirty = false,
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, id: CommandId, envelope: &Envelope) -> Result<(), Failure> {
        if envelope.to.is_empty() {
            return Err(Failure::NoRecipients);
        }
        let mut parameters = envelope.parameters.clone();
        let addresses = envelope.from.iter().chain(envelope.to.iter().map(|(to, _)| to));
        parameters.smtp_utf8 |= addresses.into_iter().any(Address::needs_utf8);
        let binary = parameters.body == Some(Body::BinaryMime);
        let chunks =
            (binary || envelope.transfer == Transfer::Chunks) && self.extensions.has(&Extension::Chunking);
        let needs = [
            (parameters.smtp_utf8, Extension::SmtpUtf8, "SMTPUTF8"),
            (parameters.body == Some(Body::EightBitMime), Extension::EightBitMime, "8BITMIME"),
            (binary, Extension::BinaryMime, "BINARYMIME"),
            (binary, Extension::Chunking, "CHUNKING"),
            (parameters.require_tls, Extension::RequireTls, "REQUIRETLS"),
            (
                parameters.needs_dsn() || envelope.to.iter().any(|(_, to)| to.needs_dsn()),
                Extension::Dsn,
                "DSN",
            ),
        ];
        if let Some((.., name)) =
            needs.iter().find(|(needed, extension, _)| *needed && !self.extensions.has(extension))
        {
            return Err(Failure::Unsupported(name));
        }
        match (parameters.size, self.extensions.size()) {
            (Some(size), Some(Some(limit))) if size > limit => return Err(Failure::TooLarge { size, limit }),
            (_, None) => parameters.size = None,
            _ => {}
        }
        // All of it is encoded before anything is written.
        let mail = Command::Mail { from: envelope.from.clone(), parameters }.encode()?;
        let rcpts: Result<Vec<_>, _> = envelope
            .to
            .iter()
            .map(|(to, parameters)| Command::Rcpt { to: to.clone(), parameters: parameters.clone() }.encode())
            .collect();
        let rcpts = rcpts?;
        self.wire.begin_message();
        if std::mem::take(&mut self.dirty) {
            self.command(Flight::Reset, &Command::Rset);
            self.separate();
        }
        self.wire.push(Flight::Mail, mail);
        let unanswered = rcpts.len();
        for rcpt in rcpts {
            self.separate();
            self.wire.push(Flight::Rcpt, rcpt);
        }
        // DATA ends a group (RFC 2920 section 3.1). It waits where a refusal would have to stop it.
        let asked = self.pipelines() && !chunks && envelope.on_refusal == OnRefusal::SendToOthers;
        if asked {
            self.command(Flight::Data, &Command::Data);
        }
        self.current = Some(Current {
            id,
            on_refusal: envelope.on_refusal,
            unanswered,
            recipients: Vec::new(),
            refused: None,
            body: BodyState::NotYet { asked },
            chunks,
            binary,
        });
        Ok(())
    }

    /// What follows waits for the answers, where the server has to be waited for.
    fn separate(&mut self) {
        if !self.pipelines() {
            self.wire.wait();
        }
    }

    /// A command without arguments.
    fn command(&mut self, flight: Flight, command: &Command) {
        if let Ok(line) = command.encode() {
            self.wire.push(flight, line);
        }
    }
}
