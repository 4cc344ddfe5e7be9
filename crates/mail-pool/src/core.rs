//! The pure core: which slot is in which state, who waits for what, and what follows from each event.
//!
//! Nothing here waits, does I/O, reads a clock or calls anybody: time comes in as an argument, and what must be done
//! (wake, dial, check, reset, close, drop) goes out in an [`Out`], for the caller to do once it has let go of the lock.
//! Links (`L`), errors (`E`) and wakers (`W`) are only moved and cloned in here; the last of its kind is never dropped.
//!
//! # Invariants
//! Asserted after every operation in debug builds ([`Core::assert_invariants`]):
//! 1. The extras that are taken, in whatever state, are at most `max − reserve` (after a shrink: none is added until they are).
//! 2. What counts at the server (dialling, held, idle, being checked, reset or closed) is at most `max`; after a fall of the
//!    effective quota nothing is dialled above it, but for one probe at a time.
//! 3. While somebody waits for an extra, nothing idle is left that could serve him.
//! 4. While somebody waits and a slot is free, something is under way for everybody, or the reason why not is on record: a
//!    handshake permit, a back-off, a throttle, a blocked login, the fallen quota.
//! 5. Every waiter stands in exactly one line, or holds an offer that a slot knows of, or has his verdict.
//! 6. The counts agree with the states of the slots.

mod asking;
mod counts;
mod dialling;
mod holding;
mod invariants;
mod line;
#[cfg(test)]
mod model;
mod outcomes;
mod placing;
mod ruling;
mod timers;

use std::panic::Location;
use std::time::{Duration, Instant};

use counts::Counts;
use dialling::{Dialling, Leave};
use line::{Arena, Line};

pub(crate) use dialling::Refusal;
pub(crate) use line::Key;

use crate::config::Assignment;
use crate::context::Context;
use crate::manager::Kind;

/// Which slot. [`MAIN`] is main's; the others are extras.
pub(crate) type SlotId = usize;

pub(crate) const MAIN: SlotId = 0;

/// What tells two connections apart.
pub(crate) trait Linked: Clone {
    fn id(&self) -> u64;
}

/// The figures that the core goes by.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub assignment: Assignment,
    pub max: usize,
    pub max_handshakes: usize,
    pub idle_timeout: Duration,
    pub trust_idle: Duration,
    pub max_lifetime: Option<Duration>,
    pub take_up: Duration,
    pub cool_down: Duration,
    pub backoff: (Duration, Duration),
    pub throttle: Duration,
    pub logout_settles: Duration,
    pub renews_credentials: bool,
    pub seed: u64,
}

/// Who holds a slot, or wants to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    pub kind: Kind,
    pub context: Context,
    pub place: &'static Location<'static>,
    /// Tells one fan-out from another; 0 for everything else.
    pub group: u64,
    /// Whether the slot belongs to `context` beyond this use: an automatic default.
    pub owned: bool,
    /// Who asks has another connection to fall back on, and must not wait for others.
    pub fallback: bool,
}

#[derive(Debug)]
enum State<L> {
    Free,
    /// Being opened, for whoever is next in line.
    Dialling,
    /// Offered to a waiter who has not yet come for it.
    Offered {
        link: L,
        to: Key,
        since: Instant,
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
        owner: Option<Context>,
    },
    /// Idle for long; being asked whether it lives.
    Checking(L),
    Closing,
}

/// What is being done about the connection of a held slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repair {
    None,
    Checking,
    /// It shall be dialled as soon as that is allowed.
    Wanted,
    Dialling,
}

#[derive(Debug)]
struct Slot<L> {
    state: State<L>,
    holder: Option<Holder>,
    /// What it was last held as.
    kind: Kind,
    /// Since when it is held.
    since: Instant,
    /// Which dial, counted from the beginning, was the last for this slot.
    dial: u64,
    /// When the connection in it is too old to be used again.
    expires: Option<Instant>,
    /// Waiters for this slot's own connection: users of main, or of a handle that is being repaired.
    line: Line,
}

/// What a waiter waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Any extra, in turn.
    Extra,
    /// This slot's connection, together with everybody else who wants it.
    Slot(SlotId),
}

#[derive(Debug)]
struct Waiter<E, W> {
    want: Want,
    holder: Holder,
    /// The order of arrival.
    ticket: u64,
    since: Instant,
    deadline: Option<Instant>,
    waker: Option<W>,
    stage: Stage<E>,
    /// Let an offer lapse and has not been heard of since.
    lapsed: bool,
}

#[derive(Debug)]
enum Stage<E> {
    Waiting,
    Offered(SlotId),
    Told(Verdict<E>),
}

/// What a waiter is told, other than that he has a slot.
#[derive(Clone, Debug)]
pub(crate) enum Verdict<E> {
    /// The slot waited for is as it should be: look again.
    Ready,
    /// There is no extra to be had: a begun operation is to run on main, or on the connection of whoever began it.
    NoExtras,
    Failed(Failure<E>),
}

#[derive(Clone, Debug)]
pub(crate) enum Failure<E> {
    Connect(E),
    Credentials { error: E, others_open: usize },
    Timeout(Box<Snapshot<E>>),
    ReservedForMain,
    WouldDeadlock,
    Closed,
}

/// What the pool looked like at one instant.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot<E> {
    pub max: usize,
    pub effective: usize,
    pub slots: Vec<SlotView>,
    pub waiting: usize,
    pub waited: Duration,
    pub refusal: Option<Refusal<E>>,
    pub not_before: Option<Instant>,
    pub blocked: bool,
    pub closed: bool,
    pub opened_so_far: u64,
    pub closed_so_far: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct SlotView {
    pub id: SlotId,
    pub state: Phase,
    pub connection: Option<u64>,
    pub holder: Option<(Holder, Duration)>,
}

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

/// What has to be done once the lock is released.
#[derive(Debug)]
pub(crate) struct Out<L, E, W> {
    pub wake: Vec<W>,
    pub jobs: Vec<Job<L>>,
    /// To be dropped outside the lock.
    pub links: Vec<L>,
    pub errors: Vec<E>,
    pub wakers: Vec<W>,
    pub notes: Vec<Note>,
    /// The timer must be set anew.
    pub rouse: bool,
    /// The pool is closed and nothing is open any more.
    pub all_gone: bool,
}

#[derive(Debug)]
pub(crate) enum Job<L> {
    Dial { slot: SlotId, kind: Kind, fresh: bool },
    Check { slot: SlotId, link: L },
    Reset { slot: SlotId, link: L },
    Close { slot: SlotId, link: L, kind: Kind, why: Why },
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Asked,
    Idle,
    Unusable,
    Old,
    Shrunk,
    Shutdown,
}

/// Something worth a trace event.
#[derive(Clone, Debug)]
pub(crate) enum Note {
    Backoff {
        wait: Duration,
        why: &'static str,
    },
    Quota {
        effective: usize,
        max: usize,
    },
    TakenBack {
        slot: SlotId,
        connection: u64,
        owner: Context,
    },
    /// A connection died.
    Lost {
        slot: SlotId,
        connection: u64,
        kind: Kind,
    },
    TakenOver {
        slot: SlotId,
        connection: u64,
    },
    Lapsed {
        slot: SlotId,
        connection: u64,
    },
    LoginBlocked,
}

impl<L, E, W> Out<L, E, W> {
    pub(crate) const fn new() -> Self {
        Self {
            wake: Vec::new(),
            jobs: Vec::new(),
            links: Vec::new(),
            errors: Vec::new(),
            wakers: Vec::new(),
            notes: Vec::new(),
            rouse: false,
            all_gone: false,
        }
    }
}

/// What a caller gets who asks for an extra.
#[derive(Debug)]
pub(crate) enum Take<L, E> {
    Got { slot: SlotId, link: L },
    Wait(Key),
    Never(Failure<E>),
    NoExtras,
}

/// What a waiter finds when he looks.
#[derive(Debug)]
pub(crate) enum Look<L, E> {
    Pending,
    Got { slot: SlotId, link: L },
    Told(Verdict<E>),
}

/// What follows from a plain [`put_back`](Core::put_back).
#[derive(Debug)]
pub(crate) struct PutBack<W> {
    pub wake: Option<W>,
    /// The timer must be set anew.
    pub rouse: bool,
}

/// How a connection comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Keep,
    Reset,
    Close,
    Broken,
}

#[derive(Debug)]
pub(crate) struct Core<L, E, W> {
    rules: Rules,
    slots: Vec<Slot<L>>,
    /// Extras that are free, and those idle, the last given back at the end.
    free: Vec<SlotId>,
    idle: Vec<SlotId>,
    waiters: Arena<Waiter<E, W>>,
    line: Line,
    /// How many in `line` let an offer lapse.
    lapsed: usize,
    /// How many in `line` have something to fall back on.
    fallbacks: usize,
    tickets: u64,
    dialling: Dialling<E>,
    counts: Counts,
    closed: bool,
    opened_so_far: u64,
    closed_so_far: u64,
    /// When the timer rings next.
    alarm: Option<Instant>,
    /// No waiter's deadline is earlier.
    deadlines: Option<Instant>,
}

impl<L: Linked, E: Clone, W> Core<L, E, W> {
    pub(crate) fn new(rules: Rules, now: Instant) -> Self {
        let dialling = Dialling::new(rules.seed);
        let mut core = Self {
            rules,
            slots: Vec::new(),
            free: Vec::new(),
            idle: Vec::new(),
            waiters: Arena::new(),
            line: Line::new(),
            lapsed: 0,
            fallbacks: 0,
            tickets: 0,
            dialling,
            counts: Counts::default(),
            closed: false,
            opened_so_far: 0,
            closed_so_far: 0,
            alarm: None,
            deadlines: None,
        };
        core.slots.push(Slot::new(now));
        core
    }

    /// Slots kept for main.
    fn reserve(&self) -> usize {
        usize::from(self.rules.assignment != Assignment::Default)
    }

    fn extras_by_quota(&self) -> usize {
        self.rules.max.saturating_sub(self.reserve())
    }

    /// What the server lets us have, as far as we know.
    pub(crate) fn effective(&self) -> usize {
        self.dialling.effective(self.rules.max)
    }

    /// Whether the quota has a slot for another extra.
    fn room(&self) -> bool {
        self.counts.extras < self.extras_by_quota()
    }

    fn main_is_wanted(&self) -> bool {
        matches!(self.slots[MAIN].state, State::Held { link: None, repair: Repair::Wanted })
    }

    /// A slot whose state is `Free` goes back to the free ones.
    fn freed(&mut self, slot: SlotId) {
        self.slots[slot].holder = None;
        self.slots[slot].expires = None;
        if slot != MAIN {
            self.free.push(slot);
        }
    }

    /// A held slot is dialled no more; the next who asks for it starts anew.
    fn abandon_repair(&mut self, slot: SlotId) {
        if slot == MAIN && self.slots[MAIN].line.is_empty() {
            self.set(MAIN, State::Free);
            return;
        }
        let repair = if self.slots[slot].line.is_empty() { Repair::None } else { Repair::Wanted };
        self.set(slot, State::Held { link: None, repair });
    }

    /// Changes the state of a slot, keeps the counts right, and hands out the old state.
    fn set(&mut self, slot: SlotId, state: State<L>) -> State<L> {
        let new = Counts::of(slot, &state);
        let old = std::mem::replace(&mut self.slots[slot].state, state);
        self.counts.add(new);
        self.counts.subtract(Counts::of(slot, &old));
        old
    }
}

impl<L> Slot<L> {
    const fn new(now: Instant) -> Self {
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
    fn leave<E, W>(self, out: &mut Out<L, E, W>) {
        match self {
            Self::Offered { link, .. }
            | Self::Resetting(link)
            | Self::Idle { link, .. }
            | Self::Checking(link) => out.links.push(link),
            Self::Held { link, .. } => out.links.extend(link),
            Self::Free | Self::Dialling | Self::Closing => {}
        }
    }

    const fn peek(&self) -> Option<&L> {
        match self {
            Self::Offered { link, .. }
            | Self::Resetting(link)
            | Self::Idle { link, .. }
            | Self::Checking(link) => Some(link),
            Self::Held { link, .. } => link.as_ref(),
            Self::Free | Self::Dialling | Self::Closing => None,
        }
    }

    const fn phase(&self) -> Option<Phase> {
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

impl<E> Verdict<E> {
    /// Hands an error to those who may drop it.
    fn leave<L, W>(self, out: &mut Out<L, E, W>) {
        if let Self::Failed(failure) = self {
            match failure {
                Failure::Connect(error) | Failure::Credentials { error, .. } => {
                    out.errors.push(error);
                }
                Failure::Timeout(snapshot) => {
                    out.errors.extend(snapshot.refusal.map(|refusal| refusal.error));
                }
                Failure::ReservedForMain | Failure::WouldDeadlock | Failure::Closed => {}
            }
        }
    }
}
