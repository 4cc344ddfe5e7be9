//! What anyone can see of a pool.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::core::{MAIN, Phase, Refusal, SlotView, Snapshot};
use crate::manager::{Class, Kind};

/// A pool at one instant.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status<E> {
    /// How many connections the pool may have.
    pub max_connections: usize,
    /// How many the server seems to let it have: less than `max_connections` after a refusal for want of places.
    pub effective: usize,
    /// Connections by state.
    pub counts: Counts,
    /// Each connection.
    pub connections: Vec<ConnectionStatus>,
    /// How many wait for a connection.
    pub waiting: usize,
    /// Connections opened so far.
    pub opened: u64,
    /// Connections closed or lost so far.
    pub closed: u64,
    /// For how long nothing will be dialled.
    pub backoff: Option<Duration>,
    /// For how long new calls are held back at the server's wish.
    pub held_back: Option<Duration>,
    /// The last dial that failed.
    pub last_refusal: Option<LastRefusal<E>>,
    /// The login is refused, and nothing is dialled until [`Pool::retry_login`](crate::Pool::retry_login).
    pub login_blocked: bool,
    /// The pool is closed, or being closed.
    pub is_closed: bool,
}

/// How many connections are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Being opened.
    pub dialling: usize,
    /// Held by somebody, or main.
    pub in_use: usize,
    /// Open and free.
    pub idle: usize,
    /// Being checked or reset.
    pub tended: usize,
    /// Saying goodbye.
    pub closing: usize,
    /// Slots held by somebody whose connection was lost.
    pub lost: usize,
}

impl Counts {
    /// All that count at the server.
    pub const fn open(&self) -> usize {
        self.dialling + self.in_use + self.idle + self.tended + self.closing
    }
}

/// One connection of a pool.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionStatus {
    /// Its number, unless it is still being opened.
    pub id: Option<u64>,
    /// Its kind, if somebody holds it.
    pub kind: Option<Kind>,
    /// Its state.
    pub state: Phase,
    /// Who holds it.
    pub holder: Option<Context>,
    /// Since how long it is held.
    pub held_for: Option<Duration>,
    /// Where in the code it was asked for.
    pub place: Option<&'static std::panic::Location<'static>>,
}

/// A dial that failed.
#[derive(Debug)]
#[non_exhaustive]
pub struct LastRefusal<E> {
    /// What it failed with.
    pub error: Arc<E>,
    /// What that was taken for.
    pub class: Class,
    /// How long ago it was.
    pub ago: Duration,
    /// How many connections were open then.
    pub others_open: usize,
}

impl<E> Clone for LastRefusal<E> {
    fn clone(&self) -> Self {
        Self {
            error: Arc::clone(&self.error),
            class: self.class,
            ago: self.ago,
            others_open: self.others_open,
        }
    }
}

impl fmt::Display for ConnectionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(kind) = self.kind {
            write!(f, "{kind} ")?;
        }
        write!(f, "{}", self.state)?;
        if let (Some(holder), Some(held_for), false) =
            (self.holder, self.held_for, self.kind == Some(Kind::Main))
        {
            write!(f, " for {held_for:.1?} by {holder}")?;
        }
        if let Some(place) = self.place {
            write!(f, " at {place}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dialling => "dialling",
            Self::InUse => "in use",
            Self::Lost => "lost",
            Self::Resetting => "being reset",
            Self::Idle => "idle",
            Self::Checking => "being checked",
            Self::Closing => "closing",
        })
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} open", self.open())?;
        let states = [
            (self.dialling, "dialling"),
            (self.in_use, "in use"),
            (self.idle, "idle"),
            (self.tended, "being checked"),
            (self.closing, "closing"),
            (self.lost, "lost"),
        ];
        let mut separator = " (";
        for (count, state) in states.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{separator}{count} {state}")?;
            separator = ", ";
        }
        if separator == ", " { f.write_str(")") } else { Ok(()) }
    }
}

/// One line a fact: how many are open of how many, each connection, who waits, and what the server refused.
impl<E: fmt::Display> fmt::Display for Status<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.counts, self.max_connections)?;
        if self.effective < self.max_connections {
            write!(f, ", of which the server seems to allow {}", self.effective)?;
        }
        write!(f, "; {} waiting; {} opened and {} closed so far", self.waiting, self.opened, self.closed)?;
        if self.is_closed {
            f.write_str("; the pool is closed")?;
        }
        for connection in &self.connections {
            match connection.id {
                Some(id) => write!(f, "\n  {id}: {connection}")?,
                None => write!(f, "\n  -: {connection}")?,
            }
        }
        if let Some(wait) = self.backoff {
            write!(f, "\nnothing is dialled for {wait:.1?}")?;
        }
        if let Some(wait) = self.held_back {
            write!(f, "\ncalls are held back for {wait:.1?}")?;
        }
        if let Some(refusal) = &self.last_refusal {
            let LastRefusal { error, class, ago, others_open } = refusal;
            write!(f, "\nlast refused {ago:.1?} ago, {others_open} others open ({class:?}): {error}")?;
        }
        if self.login_blocked {
            f.write_str("\nthe login is refused, and nothing is dialled until it is to be tried again")?;
        }
        Ok(())
    }
}

pub(crate) fn view(slot: &SlotView) -> ConnectionStatus {
    let holder = slot.holder.as_ref();
    ConnectionStatus {
        id: slot.connection,
        kind: if slot.id == MAIN { Some(Kind::Main) } else { holder.map(|(holder, _)| holder.kind) },
        state: slot.state,
        holder: holder.map(|(holder, _)| holder.context),
        held_for: holder.map(|(_, time)| *time),
        place: holder.map(|(holder, _)| holder.place),
    }
}

pub(crate) fn count(slots: &[SlotView]) -> Counts {
    let mut counts = Counts::default();
    for slot in slots {
        match slot.state {
            Phase::Dialling => counts.dialling += 1,
            Phase::InUse => counts.in_use += 1,
            Phase::Idle => counts.idle += 1,
            Phase::Checking | Phase::Resetting => counts.tended += 1,
            Phase::Closing => counts.closing += 1,
            Phase::Lost => counts.lost += 1,
        }
    }
    counts
}

pub(crate) fn refusal<E>(refusal: Refusal<Arc<E>>, now: Instant) -> LastRefusal<E> {
    LastRefusal {
        error: refusal.error,
        class: refusal.class,
        ago: now.saturating_duration_since(refusal.at),
        others_open: refusal.others_open,
    }
}

impl<E> Status<E> {
    pub(crate) fn new(snapshot: Snapshot<Arc<E>>, held_back: Option<Duration>, now: Instant) -> Self {
        Self {
            max_connections: snapshot.max,
            effective: snapshot.effective,
            counts: count(&snapshot.slots),
            connections: snapshot.slots.iter().map(view).collect(),
            waiting: snapshot.waiting,
            opened: snapshot.opened_so_far,
            closed: snapshot.closed_so_far,
            backoff: snapshot.not_before.map(|at| at.saturating_duration_since(now)),
            held_back,
            last_refusal: snapshot.refusal.map(|found| refusal(found, now)),
            login_blocked: snapshot.blocked,
            is_closed: snapshot.closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_counts_and_all_but_the_lost_are_open() {
        let phases = [
            Phase::Dialling,
            Phase::InUse,
            Phase::Idle,
            Phase::Checking,
            Phase::Resetting,
            Phase::Closing,
            Phase::Lost,
        ];
        let slot = |(id, state)| SlotView { id, state, connection: None, holder: None };
        let slots: Vec<_> = phases.into_iter().chain(phases).chain(phases).enumerate().map(slot).collect();
        let counts = count(&slots);
        let each = [counts.dialling, counts.in_use, counts.idle, counts.tended, counts.closing, counts.lost];
        assert_eq!(each, [3, 3, 3, 6, 3, 3]);
        assert_eq!(counts.open(), 18);
    }
}
