//! What a session keeps beside its protocol.

use std::{collections::VecDeque, time::Instant};

/// What is to be told, since when the peer is silent, and how the session ended.
#[derive(Debug)]
pub(crate) struct Course<Event, Error> {
    events: VecDeque<Event>,
    /// When something was last read, or when a reply first became due.
    heard: Instant,
    clock_starts: bool,
    ended: Option<Error>,
}

impl<Event, Error: Clone> Course<Event, Error> {
    pub(crate) fn new(now: Instant) -> Self {
        Self { events: VecDeque::new(), heard: now, clock_starts: false, ended: None }
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(crate) fn tell_all(&mut self, events: impl IntoIterator<Item = Event>) {
        self.events.extend(events);
    }

    /// The next event, until there is none. What was read before the end is told first.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, Error> {
        match (self.events.pop_front(), &self.ended) {
            (Some(event), _) => Ok(Some(event)),
            (None, Some(error)) => Err(error.clone()),
            (None, None) => Ok(None),
        }
    }

    /// The session can't go on. What ended it first stays the reason.
    pub(crate) fn end(&mut self, error: Error) {
        self.ended.get_or_insert(error);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    pub(crate) fn received(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Something is given away to be written. Where no reply was due before it, the clock starts when it is written,
    /// not when anything was last read.
    pub(crate) fn transmits(&mut self, starts_clock: bool) {
        self.clock_starts = starts_clock;
    }

    pub(crate) fn transmitted(&mut self, now: Instant) {
        if self.clock_starts {
            self.heard = now;
        }
    }

    /// When something was last read, or when a reply first became due.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }
}
