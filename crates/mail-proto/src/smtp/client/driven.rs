//! The session as whoever moves its bytes sees it.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::{Event, Session, SessionError, establish::Phase, wire::Flight};
use crate::{
    sasl::SaltedPassword,
    session::{ClientSession, Login, Step, pieces::Pieces},
    smtp::Extensions,
};

impl ClientSession for Session {
    type Event = Event;
    type Error = SessionError;

    fn buffer(&mut self) -> &mut BytesMut {
        self.reader.buffer()
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
        let starts_clock = !self.wire.reply_due();
        let bytes = self.wire.transmit()?;
        self.course.transmits(starts_clock);
        Some(bytes)
    }

    fn transmitted(&mut self, now: Instant) {
        self.course.transmitted(now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.patience().and_then(|within| self.course.heard().checked_add(within))
    }

    fn patience(&self) -> Option<Duration> {
        let timeouts = &self.config.timeouts;
        if self.phase == Phase::Greeting {
            return Some(timeouts.command);
        }
        let patience = |flight: &Flight| match flight {
            Flight::Data => timeouts.data,
            Flight::End | Flight::Chunk { .. } => timeouts.end,
            Flight::Login | Flight::Caller(_) | Flight::Reset | Flight::Mail | Flight::Rcpt => {
                timeouts.command
            }
        };
        self.wire.written().map(patience).max()
    }

    fn write_patience(&self) -> Duration {
        self.config.timeouts.text
    }

    fn login(&mut self) -> &mut Login {
        &mut self.config.login
    }

    fn tls_established(&mut self) {
        self.reader.reset();
        self.extensions = Extensions::default();
        // The same name was written before.
        let _ = self.hello(Phase::Hello);
    }

    fn derived(&mut self, salted: &SaltedPassword) {
        if let Some(line) = self.exchange.as_mut().and_then(|exchange| exchange.derived(salted)) {
            self.wire.push(Flight::Login, line);
        }
    }

    fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    fn is_idle(&self) -> bool {
        self.load() == (0, false)
    }
}
