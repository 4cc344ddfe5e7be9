//! Commands on their way: waiting to be written, and waiting for their replies, which come in the same order.

use std::collections::VecDeque;

use bytes::Bytes;

use super::CommandId;
use crate::{
    secret::Unshown,
    session::pieces::{self, Pieces},
};

/// What a reply answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Flight {
    /// A step of the login.
    Login,
    /// A command that was submitted.
    Caller(CommandId),
    /// RSET before a message.
    Reset,
    /// MAIL.
    Mail,
    /// The next RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The end of a message.
    End,
    /// A chunk of a message.
    Chunk { last: bool },
}

#[derive(Debug, Default)]
pub(super) struct Wire {
    flights: VecDeque<Flight>,
    /// How many of the first flights were written.
    written: usize,
    out: VecDeque<Out>,
    /// Whether MAIL was written since the last message began.
    message: bool,
}

#[derive(Debug)]
enum Out {
    Bytes {
        bytes: Unshown<Bytes>,
        /// Whether a flight is written with it.
        flies: bool,
    },
    /// All that was written has to be answered first.
    Wait,
}

impl Wire {
    /// A command, whose reply will be the flight's.
    pub(super) fn push(&mut self, flight: Flight, bytes: Bytes) {
        self.flights.push_back(flight);
        self.out.push_back(Out::Bytes { bytes: Unshown(bytes), flies: true });
    }

    /// Bytes that no reply answers.
    pub(super) fn push_bytes(&mut self, bytes: Bytes) {
        self.out.push_back(Out::Bytes { bytes: Unshown(bytes), flies: false });
    }

    /// What is pushed from here on waits until all is answered.
    pub(super) fn wait(&mut self) {
        self.out.push_back(Out::Wait);
    }

    /// A message begins.
    pub(super) fn begin_message(&mut self) {
        self.message = false;
    }

    /// Whether something of the message was written.
    pub(super) fn has_written_message(&self) -> bool {
        self.message
    }

    fn pass_waits(&mut self) {
        while self.written == 0 && matches!(self.out.front(), Some(Out::Wait)) {
            self.out.pop_front();
        }
    }

    /// How many bytes are to be written.
    pub(super) fn unwritten(&self) -> usize {
        let len = |out: &Out| match out {
            Out::Bytes { bytes, .. } => bytes.len(),
            Out::Wait => 0,
        };
        self.out.iter().map(len).sum()
    }

    /// What the reply that was just read answers; `None` if nothing was asked.
    pub(super) fn answered(&mut self) -> Option<Flight> {
        if self.written == 0 {
            return None;
        }
        self.written -= 1;
        self.flights.pop_front()
    }

    /// Takes back what wasn't written yet.
    pub(super) fn take_back(&mut self) {
        self.flights.truncate(self.written);
        self.out.clear();
    }

    /// What was written and isn't answered.
    pub(super) fn written(&self) -> impl Iterator<Item = &Flight> {
        self.flights.iter().take(self.written)
    }

    pub(super) fn reply_due(&self) -> bool {
        self.written > 0
    }

    /// Whether all is written and answered.
    pub(super) fn is_quiet(&self) -> bool {
        self.flights.is_empty() && self.out.is_empty()
    }

    /// Whether anything is written or to be written that a reply answers.
    pub(super) fn has_flights(&self) -> bool {
        !self.flights.is_empty()
    }

    /// Everything without an answer, and whether it was written.
    pub(super) fn drain(&mut self) -> Vec<(Flight, bool)> {
        self.out.clear();
        let written = std::mem::take(&mut self.written);
        self.flights.drain(..).enumerate().map(|(at, flight)| (flight, at < written)).collect()
    }
}

impl Pieces for Wire {
    fn take_piece(&mut self) -> Option<Bytes> {
        self.pass_waits();
        let Out::Bytes { bytes, flies } = self.out.front_mut()? else { return None };
        if let Some(head) = pieces::head(bytes) {
            return Some(head);
        }
        let (bytes, flies) = (std::mem::take(&mut bytes.0), *flies);
        self.out.pop_front();
        if flies {
            self.message |= matches!(self.flights.get(self.written), Some(Flight::Mail));
            self.written += 1;
        }
        Some(bytes)
    }

    fn peek_piece(&mut self) -> Option<&Bytes> {
        self.pass_waits();
        match self.out.front()? {
            Out::Bytes { bytes, .. } => Some(bytes),
            Out::Wait => None,
        }
    }
}
