//! The session as whoever moves its bytes sees it.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::{Event, Session, SessionError, establish::Phase};
use crate::{
    imap::{command::Command, response::Reader},
    sasl::SaltedPassword,
    session::{ClientSession, Login, Step, pieces::Pieces},
};

impl ClientSession for Session {
    type Event = Event;
    type Error = SessionError;

    fn buffer(&mut self) -> &mut BytesMut {
        self.framer.buffer()
    }

    fn received(&mut self, now: Instant) {
        self.course.received(now);
    }

    fn closed(&mut self) {
        self.course.end(SessionError::Closed);
    }

    fn next_event(&mut self) -> Result<Option<Event>, SessionError> {
        loop {
            if let Some(event) = self.course.next()? {
                return Ok(Some(event));
            }
            if let Some(event) = self.ask_for_upload() {
                return Ok(Some(event));
            }
            match self.read_on() {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => self.course.end(error),
            }
        }
    }

    fn step(event: Event) -> Step<Event> {
        match event {
            Event::StartTls => Step::StartTls,
            Event::DeriveKey(derivation) => Step::DeriveKey(derivation),
            Event::Ready => Step::Ready,
            event => Step::Event(event),
        }
    }

    fn transmit(&mut self) -> Option<Bytes> {
        if self.course.has_ended() {
            return None;
        }
        let starts_clock = !self.queue.reply_due() || self.queue.goes_on();
        let (_, before) = self.queue.load();
        let bytes = self.queue.transmit()?;
        self.course.transmits(starts_clock);
        if self.queue.load().1 < before {
            // The rest of a command that was refused early is written: what it held up may go.
            self.pump();
        }
        Some(bytes)
    }

    fn transmitted(&mut self, now: Instant) {
        self.course.transmitted(now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.patience().and_then(|within| self.course.heard().checked_add(within))
    }

    fn patience(&self) -> Option<Duration> {
        self.queue.patience(&self.config.timeouts)
    }

    fn write_patience(&self) -> Duration {
        self.config.timeouts.write
    }

    fn login(&mut self) -> &mut Login {
        &mut self.config.login
    }

    fn tls_established(&mut self) {
        self.framer.reset();
        self.reader = Reader::new(self.config.parse);
        self.peer.forget();
        (self.streaming, self.gathering) = (None, None);
        self.ask(Phase::Capability, Command::Capability);
    }

    fn derived(&mut self, salted: &SaltedPassword) {
        let line = self.exchange.as_mut().and_then(|exchange| exchange.derived(salted));
        if let Some(line) = line {
            self.queue.answer_login(line);
        }
    }

    fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    fn is_idle(&self) -> bool {
        self.load() == (0, 0)
    }
}
