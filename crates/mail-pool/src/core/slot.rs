//! A slot and the states that it goes through.

use std::time::Instant;

use super::line::{Key, Line};
use super::orders::Out;
use super::rules::Holder;
use crate::context::Context;
use crate::manager::Kind;

/// The state of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Being opened, or opened anew for its holder.
    Dialling,
    /// In use, offered to somebody, or main.
    InUse,
    /// Held by somebody, its connection lost and not yet asked for again.
    Lost,
    /// Given back, being cleared of what the last user left.
    Resetting,
    /// Open and free for the next.
    Idle,
    /// Open, being asked whether it is alive.
    Checking,
    /// Saying goodbye.
    Closing,
}

/// `since` is when the connection came back, or somewhat before: not every user tells the time. `noted` is when the keeper knew of it at the
/// latest: its own clock for what may not end too early, empty until its next round.
#[derive(Debug)]
pub(super) enum State<L> {
    Free,
    /// Being opened, for whoever is next in line.
    Dialling,
    /// Offered to a waiter who has not yet come for it.
    Offered {
        link: L,
        to: Key,
        since: Instant,
        noted: Option<Instant>,
    },
    /// Somebody's, or main.
    Held {
        link: Option<L>,
        repair: Repair,
    },
    /// Given back; what the last user left is being cleared.
    Resetting(L),
    Idle {
        link: L,
        since: Instant,
        noted: Option<Instant>,
        owner: Option<Context>,
    },
    /// Idle for long; being asked whether it lives.
    Checking(L),
    Closing,
}

/// What is being done about the connection of a held slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repair {
    None,
    Checking,
    /// It shall be dialled as soon as that is allowed.
    Wanted,
    Dialling,
}

#[derive(Debug)]
pub(super) struct Slot<L> {
    pub state: State<L>,
    pub holder: Option<Holder>,
    /// What it was last held as.
    pub kind: Kind,
    /// Since when it is held.
    pub since: Instant,
    /// Which dial, counted from the beginning, was the last for this slot.
    pub dial: u64,
    /// When the connection in it is too old to be used again.
    pub expires: Option<Instant>,
    /// Waiters for this slot's own connection: users of main, or of a handle that is being repaired.
    pub line: Line,
}

impl<L> Slot<L> {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            state: State::Free,
            holder: None,
            kind: Kind::Independent,
            since: now,
            dial: 0,
            expires: None,
            line: Line::new(),
        }
    }
}

impl<L> State<L> {
    /// Hands a link to those who may drop it.
    pub(super) fn leave<E, W>(self, out: &mut Out<L, E, W>) {
        match self {
            Self::Offered { link, .. }
            | Self::Resetting(link)
            | Self::Idle { link, .. }
            | Self::Checking(link) => out.links.push(link),
            Self::Held { link, .. } => out.links.extend(link),
            Self::Free | Self::Dialling | Self::Closing => {}
        }
    }

    pub(super) const fn peek(&self) -> Option<&L> {
        match self {
            Self::Offered { link, .. }
            | Self::Resetting(link)
            | Self::Idle { link, .. }
            | Self::Checking(link) => Some(link),
            Self::Held { link, .. } => link.as_ref(),
            Self::Free | Self::Dialling | Self::Closing => None,
        }
    }

    pub(super) const fn phase(&self) -> Option<Phase> {
        Some(match self {
            Self::Free => return None,
            Self::Dialling
            | Self::Held { link: None, repair: Repair::Dialling | Repair::Wanted | Repair::Checking } => {
                Phase::Dialling
            }
            Self::Held { link: None, repair: Repair::None } => Phase::Lost,
            Self::Held { repair: Repair::Checking, .. } | Self::Checking(_) => Phase::Checking,
            Self::Held { .. } | Self::Offered { .. } => Phase::InUse,
            Self::Resetting(_) => Phase::Resetting,
            Self::Idle { .. } => Phase::Idle,
            Self::Closing => Phase::Closing,
        })
    }
}
