//! The session as whoever moves its bytes sees it.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::{Event, Session, SessionError, phase::Phase};
use crate::{
    pop3::Command,
    sasl::SaltedPassword,
    session::{ClientSession, Login, Step},
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
        if self.out.is_empty() || self.course.has_ended() {
            return None;
        }
        self.course.transmits(!self.reply_due());
        self.unwritten = 0;
        Some(self.out.split().freeze())
    }

    fn transmitted(&mut self, now: Instant) {
        self.course.transmitted(now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.patience().and_then(|within| self.course.heard().checked_add(within))
    }

    fn patience(&self) -> Option<Duration> {
        let timeouts = &self.config.timeouts;
        // Nothing is written behind QUIT.
        let commits = self.flights.back().is_some_and(|flight| flight.command == Command::Quit);
        self.reply_due().then_some(if commits { timeouts.commit } else { timeouts.reply })
    }

    fn write_patience(&self) -> Duration {
        self.config.timeouts.reply
    }

    fn login(&mut self) -> &mut Login {
        &mut self.config.login
    }

    fn tls_established(&mut self) {
        self.framer.reset();
        self.capabilities = None;
        self.ask(Phase::Capabilities, Command::Capa);
    }

    fn derived(&mut self, salted: &SaltedPassword) {
        let line = self.exchange.as_mut().and_then(|exchange| exchange.derived(salted));
        self.out.extend_from_slice(&line.unwrap_or_default());
    }

    /// Whether the login is done, and QUIT wasn't written.
    fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    fn is_idle(&self) -> bool {
        self.load() == (0, 0)
    }
}
