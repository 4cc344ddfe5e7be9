//! The pure core: which slot is in which state, who waits for what, and what follows from each event.
//!
//! Nothing here waits, does I/O, reads a clock or calls anybody: time comes in as an argument, and what must be done
//! (wake, dial, check, reset, close, drop) goes out in an [`Out`], for the caller to do once it has let go of the lock.
//! Links (`L`), errors (`E`) and wakers (`W`) are only moved and cloned in here, never dropped.
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

mod dialling;
mod invariants;
mod line;
mod timers;

use std::panic::Location;
use std::time::{Duration, Instant};

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
    /// No extras are left: a begun operation is to run on main.
    UseMain,
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
    Close { slot: SlotId, link: L, why: Why },
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
    Backoff { wait: Duration, why: &'static str },
    Quota { effective: usize, max: usize },
    TakenBack { slot: SlotId, owner: Context },
    TakenOver { slot: SlotId },
    Lapsed { slot: SlotId },
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
    UseMain,
}

/// What a waiter finds when he looks.
#[derive(Debug)]
pub(crate) enum Look<L, E> {
    Pending,
    Got { slot: SlotId, link: L },
    Told(Verdict<E>),
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

/// How many slots are in which condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Extras that are not free.
    extras: usize,
    /// What counts at the server.
    open: usize,
    /// Logged in.
    established: usize,
    /// Being dialled, main not counted.
    dialling: usize,
    dialling_main: usize,
    checking: usize,
    closing: usize,
    /// Extras that will soon serve the next in line.
    coming: usize,
    /// Held slots whose connection shall be dialled anew.
    wanted: usize,
}

impl Counts {
    fn of<L>(slot: SlotId, state: &State<L>) -> Self {
        let mut counts = Self { extras: usize::from(slot != MAIN), ..Self::default() };
        let dialling = |counts: &mut Self| {
            counts.open = 1;
            if slot == MAIN {
                counts.dialling_main = 1;
            } else {
                counts.dialling = 1;
            }
        };
        match state {
            State::Free => return Self::default(),
            State::Dialling => {
                dialling(&mut counts);
                counts.coming = 1;
            }
            State::Held { link: None, repair: Repair::Dialling } => dialling(&mut counts),
            State::Held { link: None, repair } => {
                counts.wanted = usize::from(*repair == Repair::Wanted);
            }
            State::Closing => {
                counts.open = 1;
                counts.closing = 1;
            }
            State::Checking(_) => {
                counts.open = 1;
                counts.established = 1;
                counts.checking = 1;
                counts.coming = 1;
            }
            State::Resetting(_) => {
                counts.open = 1;
                counts.established = 1;
                counts.coming = 1;
            }
            State::Offered { .. } | State::Held { link: Some(_), .. } | State::Idle { .. } => {
                counts.open = 1;
                counts.established = 1;
            }
        }
        counts
    }

    fn add(&mut self, other: Self) {
        self.extras += other.extras;
        self.open += other.open;
        self.established += other.established;
        self.dialling += other.dialling;
        self.dialling_main += other.dialling_main;
        self.checking += other.checking;
        self.closing += other.closing;
        self.coming += other.coming;
        self.wanted += other.wanted;
    }

    fn subtract(&mut self, other: Self) {
        self.extras -= other.extras;
        self.open -= other.open;
        self.established -= other.established;
        self.dialling -= other.dialling;
        self.dialling_main -= other.dialling_main;
        self.checking -= other.checking;
        self.closing -= other.closing;
        self.coming -= other.coming;
        self.wanted -= other.wanted;
    }
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

    // ---- asking ----

    /// Takes an extra that is there for the taking, without waiting and without dialling.
    pub(crate) fn take_idle(
        &mut self,
        holder: Holder,
        now: Instant,
        out: &mut Out<L, E, W>,
    ) -> Option<(SlotId, L)> {
        if self.closed || self.line.len() > self.lapsed {
            return None;
        }
        let slot = self.fit(&holder, now)?;
        let link = self.hold_idle(slot, holder, now, out);
        self.assert_invariants(now);
        Some((slot, link))
    }

    /// Takes an extra, or stands in line for one.
    pub(crate) fn acquire(
        &mut self,
        holder: Holder,
        deadline: Option<Instant>,
        waker: Option<W>,
        now: Instant,
        out: &mut Out<L, E, W>,
    ) -> Take<L, E> {
        if let Some((slot, link)) = self.take_idle(holder, now, out) {
            out.wakers.extend(waker);
            return Take::Got { slot, link };
        }
        if let Some(never) = self.why_never(&holder, now) {
            out.wakers.extend(waker);
            return never;
        }
        let key = self.enqueue(Want::Extra, holder, deadline, waker, now, out);
        self.pump(now, out);
        Take::Wait(key)
    }

    /// Like [`acquire`](Self::acquire), but only if something is idle, or may be dialled, right now and with nobody waiting.
    pub(crate) fn acquire_if_free(
        &mut self,
        holder: Holder,
        now: Instant,
        out: &mut Out<L, E, W>,
    ) -> Option<Take<L, E>> {
        if let Some((slot, link)) = self.take_idle(holder, now, out) {
            return Some(Take::Got { slot, link });
        }
        if self.closed || !self.line.is_empty() || self.why_never(&holder, now).is_some() {
            return None;
        }
        let stale = self.counts.dialling + self.counts.dialling_main + self.counts.checking == 0
            && !self.idle.is_empty();
        let dial = self.room() && self.may_dial(false, now) != Leave::No;
        if !stale && !dial {
            return None;
        }
        let key = self.enqueue(Want::Extra, holder, None, None, now, out);
        self.pump(now, out);
        Some(Take::Wait(key))
    }

    /// Stands in line for the connection of a slot: main's, or one's own that is being repaired.
    pub(crate) fn await_slot(
        &mut self,
        slot: SlotId,
        holder: Holder,
        deadline: Option<Instant>,
        waker: Option<W>,
        now: Instant,
        out: &mut Out<L, E, W>,
    ) -> Result<Key, Failure<E>> {
        if self.closed {
            out.wakers.extend(waker);
            return Err(Failure::Closed);
        }
        if slot == MAIN && matches!(self.slots[MAIN].state, State::Free) {
            self.set(MAIN, State::Held { link: None, repair: Repair::Wanted });
            self.slots[MAIN].holder = Some(Holder { kind: Kind::Main, ..holder });
            self.slots[MAIN].since = now;
        }
        if let State::Held { link: None, repair: Repair::None } = &self.slots[slot].state {
            self.set(slot, State::Held { link: None, repair: Repair::Wanted });
        }
        let key = self.enqueue(Want::Slot(slot), holder, deadline, waker, now, out);
        if self.link(slot).is_some() {
            self.tell(key, Verdict::Ready, out);
        }
        self.pump(now, out);
        Ok(key)
    }

    /// What a waiter finds when he looks; his new waker replaces the old one if there is nothing yet.
    pub(crate) fn look(&mut self, key: Key, waker: W, now: Instant, out: &mut Out<L, E, W>) -> Look<L, E> {
        let Some(waiter) = self.waiters.get_mut(key) else {
            out.wakers.push(waker);
            return Look::Told(Verdict::Failed(Failure::Closed));
        };
        match waiter.stage {
            Stage::Waiting => {
                out.wakers.extend(waiter.waker.replace(waker));
                if waiter.lapsed {
                    waiter.lapsed = false;
                    self.lapsed -= 1;
                }
                self.pump(now, out);
                // Looking may itself have brought the waiter something.
                let waiter = self.waiters.get_mut(key);
                match waiter.map(|waiter| &waiter.stage) {
                    Some(Stage::Waiting) | None => Look::Pending,
                    Some(_) => self.collect(key, now, out),
                }
            }
            Stage::Offered(_) | Stage::Told(_) => {
                out.wakers.push(waker);
                self.collect(key, now, out)
            }
        }
    }

    fn collect(&mut self, key: Key, now: Instant, out: &mut Out<L, E, W>) -> Look<L, E> {
        let Some(waiter) = self.waiters.remove(key) else {
            return Look::Pending;
        };
        out.wakers.extend(waiter.waker);
        let found = match waiter.stage {
            Stage::Waiting => unreachable!("only those who have something collect"),
            Stage::Told(verdict) => Look::Told(verdict),
            Stage::Offered(slot) => {
                let State::Offered { link, .. } = self.set(slot, State::Free) else {
                    unreachable!("an offer is known to its slot");
                };
                self.set(slot, State::Held { link: Some(link.clone()), repair: Repair::None });
                self.slots[slot].holder = Some(waiter.holder);
                self.slots[slot].since = now;
                Look::Got { slot, link }
            }
        };
        self.assert_invariants(now);
        found
    }

    /// A waiter goes away. What he was offered goes to the next.
    pub(crate) fn cancel(&mut self, key: Key, now: Instant, out: &mut Out<L, E, W>) {
        let Some(waiter) = self.waiters.get(key) else {
            return;
        };
        match waiter.stage {
            Stage::Waiting => self.leave_line(key),
            Stage::Offered(slot) => {
                if let State::Offered { link, .. } = self.set(slot, State::Free) {
                    self.settle(slot, link, now, out);
                }
            }
            Stage::Told(_) => {}
        }
        if let Some(waiter) = self.waiters.remove(key) {
            out.wakers.extend(waiter.waker);
            if let Stage::Told(verdict) = waiter.stage {
                verdict.leave(out);
            }
        }
        self.pump(now, out);
    }

    // ---- using ----

    /// The connection of a held slot, if it is there and nothing is being done about it.
    pub(crate) fn link(&self, slot: SlotId) -> Option<L> {
        match &self.slots[slot].state {
            State::Held { link: Some(link), repair: Repair::None } => Some(link.clone()),
            _ => None,
        }
    }

    /// The connection with this id was found dead in a held slot. The slot stays with its holder.
    pub(crate) fn lost(&mut self, slot: SlotId, id: u64, now: Instant, out: &mut Out<L, E, W>) {
        if let State::Held { link: Some(link), repair: Repair::None } = &self.slots[slot].state
            && link.id() == id
        {
            self.closed_so_far += 1;
            let repair = if self.slots[slot].line.is_empty() { Repair::None } else { Repair::Wanted };
            let emptied = if slot == MAIN && repair == Repair::None {
                State::Free
            } else {
                State::Held { link: None, repair }
            };
            let old = self.set(slot, emptied);
            old.leave(out);
            self.pump(now, out);
        }
    }

    /// Asks for a check of a held connection that lay idle. False if somebody else is at it, or it has changed.
    pub(crate) fn check_held(&mut self, slot: SlotId, id: u64, now: Instant, out: &mut Out<L, E, W>) {
        if let State::Held { link: Some(link), repair: repair @ Repair::None } = &mut self.slots[slot].state
            && link.id() == id
        {
            *repair = Repair::Checking;
            out.jobs.push(Job::Check { slot, link: link.clone() });
        }
        self.assert_invariants(now);
    }

    /// The caller now using the slot is another one than before.
    pub(crate) fn used_by(&mut self, slot: SlotId, context: Context) {
        if let Some(holder) = &mut self.slots[slot].holder {
            holder.context = context;
        }
    }

    /// A holder lets go of his slot.
    pub(crate) fn release(&mut self, slot: SlotId, fate: Fate, now: Instant, out: &mut Out<L, E, W>) {
        let (link, repair) = match self.set(slot, State::Free) {
            State::Held { link, repair } => (link, repair),
            other => {
                debug_assert!(false, "released a slot that nobody holds");
                self.set(slot, other);
                return;
            }
        };
        let owner = self.slots[slot].holder.take().filter(|holder| holder.owned).map(|holder| holder.context);
        match (link, repair) {
            (None, Repair::Dialling) => {
                // The dial goes on, for whoever is next.
                self.set(slot, State::Dialling);
            }
            (None, _) => self.freed(slot),
            (Some(link), Repair::Checking) if fate == Fate::Keep => {
                self.set(slot, State::Checking(link));
            }
            (Some(link), _) => match fate {
                Fate::Broken => {
                    out.links.push(link);
                    self.closed_so_far += 1;
                    self.freed(slot);
                }
                Fate::Close => self.start_close(slot, link, Why::Asked, out),
                Fate::Reset if self.closed => {
                    self.start_close(slot, link, Why::Shutdown, out);
                }
                Fate::Reset => {
                    out.jobs.push(Job::Reset { slot, link: link.clone() });
                    self.set(slot, State::Resetting(link));
                }
                Fate::Keep => self.settle_owned(slot, link, owner, now, out),
            },
        }
        self.pump(now, out);
    }

    /// A context is gone: nothing belongs to it any more.
    pub(crate) fn disown(&mut self, context: Context, now: Instant, out: &mut Out<L, E, W>) {
        for slot in &mut self.slots {
            if let State::Idle { owner, .. } = &mut slot.state
                && *owner == Some(context)
            {
                *owner = None;
            }
            if let Some(holder) = &mut slot.holder
                && holder.owned
                && holder.context == context
            {
                holder.owned = false;
            }
        }
        self.pump(now, out);
    }

    // ---- what background work reports ----

    /// A dial has brought a connection.
    pub(crate) fn dialled(&mut self, slot: SlotId, link: L, now: Instant, out: &mut Out<L, E, W>) {
        self.opened_so_far += 1;
        self.slots[slot].expires = self.rules.max_lifetime.map(|life| now + self.dialling.jitter(life));
        match self.set(slot, State::Free) {
            State::Dialling => {
                // Counted before it is placed, so that the quota rises on it.
                self.set(slot, State::Resetting(link));
                self.login_succeeded(slot, now, out);
                if let State::Resetting(link) = self.set(slot, State::Free) {
                    self.settle(slot, link, now, out);
                }
            }
            State::Held { link: None, repair: Repair::Dialling } => {
                self.set(slot, State::Held { link: Some(link), repair: Repair::None });
                self.login_succeeded(slot, now, out);
                if self.closed && slot == MAIN {
                    self.close_main(out);
                } else {
                    self.tell_slot(slot, &Verdict::Ready, out);
                }
            }
            other => {
                debug_assert!(false, "a dial ended in a slot that was not dialling");
                self.set(slot, other);
                out.links.push(link);
            }
        }
        self.pump(now, out);
    }

    /// A dial that was never started, or whose task was dropped or panicked. Nothing is known of the server.
    pub(crate) fn undialled(&mut self, slot: SlotId, panicked: bool, now: Instant, out: &mut Out<L, E, W>) {
        if panicked {
            self.back_off(now, "the manager panicked", out);
        }
        self.dialling.forget_probe(slot);
        match &self.slots[slot].state {
            State::Dialling => {
                self.set(slot, State::Free);
                self.freed(slot);
            }
            State::Held { link: None, repair: Repair::Dialling } => {
                self.abandon_repair(slot);
            }
            _ => debug_assert!(false, "a dial was lost in a slot that was not dialling"),
        }
        // Whoever looks next does so on a runtime that lives, and starts it anew.
        self.rouse_oldest(slot, out);
        out.all_gone |= self.closed && self.all_gone();
        self.assert_accounts(now);
    }

    /// A check has ended.
    pub(crate) fn checked(
        &mut self,
        slot: SlotId,
        id: u64,
        alive: bool,
        now: Instant,
        out: &mut Out<L, E, W>,
    ) {
        if self.slots[slot].state.peek().is_none_or(|link| link.id() != id) {
            return;
        }
        match &self.slots[slot].state {
            State::Checking(_) => {
                let State::Checking(link) = self.set(slot, State::Free) else {
                    return;
                };
                if alive {
                    self.settle(slot, link, now, out);
                } else {
                    self.start_close(slot, link, Why::Unusable, out);
                }
            }
            State::Held { link: Some(_), repair: Repair::Checking } => {
                if let State::Held { link: Some(link), .. } = self.set(slot, State::Free) {
                    if alive {
                        self.set(slot, State::Held { link: Some(link), repair: Repair::None });
                        self.tell_slot(slot, &Verdict::Ready, out);
                    } else {
                        // Its users find it gone: the link is cut when the last of them lets go.
                        self.closed_so_far += 1;
                        out.links.push(link);
                        let repair =
                            if self.slots[slot].line.is_empty() { Repair::None } else { Repair::Wanted };
                        if slot != MAIN || repair == Repair::Wanted {
                            self.set(slot, State::Held { link: None, repair });
                        }
                    }
                }
            }
            _ => {}
        }
        self.pump(now, out);
    }

    /// A reset has ended.
    pub(crate) fn reset(&mut self, slot: SlotId, keep: bool, now: Instant, out: &mut Out<L, E, W>) {
        if let State::Resetting(_) = &self.slots[slot].state
            && let State::Resetting(link) = self.set(slot, State::Free)
        {
            if keep {
                self.settle(slot, link, now, out);
            } else {
                self.start_close(slot, link, Why::Unusable, out);
            }
        }
        self.pump(now, out);
    }

    /// A connection has said goodbye, or was cut.
    pub(crate) fn closed(&mut self, slot: SlotId, now: Instant, out: &mut Out<L, E, W>) {
        if let State::Closing = &self.slots[slot].state {
            self.closed_so_far += 1;
            self.dialling.logged_out(now);
            self.set(slot, State::Free);
            self.freed(slot);
        }
        self.pump(now, out);
    }

    // ---- ruling ----

    /// Changes the quota.
    pub(crate) fn set_max(&mut self, max: usize, now: Instant, out: &mut Out<L, E, W>) {
        self.rules.max = max;
        self.dialling.clamp(max);
        if max <= self.reserve() {
            while let Some(key) = self.waiters.front(&self.line) {
                let verdict = if self.waiters.get(key).is_some_and(|w| w.holder.kind == Kind::Operation) {
                    Verdict::UseMain
                } else {
                    Verdict::Failed(Failure::ReservedForMain)
                };
                self.tell(key, verdict, out);
            }
        }
        while self.counts.extras > self.extras_by_quota() && !self.idle.is_empty() {
            let slot = self.idle.remove(0);
            self.close_idle(slot, Why::Shrunk, out);
        }
        self.pump(now, out);
    }

    /// No new work: waiters are told, what is idle is closed, main too.
    pub(crate) fn shut_down(&mut self, now: Instant, out: &mut Out<L, E, W>) {
        if self.closed {
            return;
        }
        self.closed = true;
        while let Some(key) = self.waiters.front(&self.line) {
            self.tell(key, Verdict::Failed(Failure::Closed), out);
        }
        for slot in 0..self.slots.len() {
            self.tell_slot(slot, &Verdict::Failed(Failure::Closed), out);
            if let State::Offered { to, .. } = self.slots[slot].state
                && let State::Offered { link, .. } = self.set(slot, State::Free)
            {
                if let Some(waiter) = self.waiters.get_mut(to) {
                    waiter.stage = Stage::Told(Verdict::Failed(Failure::Closed));
                }
                self.start_close(slot, link, Why::Shutdown, out);
            }
        }
        for slot in std::mem::take(&mut self.idle) {
            self.close_idle(slot, Why::Shutdown, out);
        }
        self.close_main(out);
        self.pump(now, out);
    }

    /// The grace period is over: the links of whatever is still held, to be cut.
    pub(crate) fn still_held(&self) -> Vec<L> {
        self.slots
            .iter()
            .filter_map(|slot| match &slot.state {
                State::Held { link, .. } => link.clone(),
                _ => None,
            })
            .collect()
    }

    /// Whether nothing is open any more.
    pub(crate) fn all_gone(&self) -> bool {
        self.counts.open == 0
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// How many wait for an extra, other than the fan-out `group`.
    pub(crate) fn waiting_but(&self, group: u64) -> usize {
        if group == 0 {
            return self.line.len();
        }
        let mut count = 0;
        let mut at = self.waiters.front(&self.line);
        while let Some(key) = at {
            if self.waiters.get(key).is_some_and(|w| w.holder.group != group) {
                count += 1;
            }
            at = self.waiters.after(key);
        }
        count
    }

    pub(crate) fn snapshot(&self, now: Instant, waited: Duration) -> Snapshot<E> {
        let slots = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(id, slot)| {
                let state = slot.state.phase()?;
                Some(SlotView {
                    id,
                    state,
                    connection: slot.state.peek().map(Linked::id),
                    holder: slot.holder.map(|holder| (holder, now.saturating_duration_since(slot.since))),
                })
            })
            .collect();
        Snapshot {
            max: self.rules.max,
            effective: self.effective(),
            slots,
            waiting: self.line.len(),
            waited,
            refusal: self.dialling.refusal(),
            not_before: self.dialling.not_before().filter(|at| *at > now),
            blocked: self.dialling.is_blocked(),
            closed: self.closed,
            opened_so_far: self.opened_so_far,
            closed_so_far: self.closed_so_far,
        }
    }

    // ---- inside ----

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

    /// Why waiting would be pointless.
    fn why_never(&self, holder: &Holder, now: Instant) -> Option<Take<L, E>> {
        if self.closed {
            return Some(Take::Never(Failure::Closed));
        }
        let operation = holder.kind == Kind::Operation;
        if self.extras_by_quota() == 0 {
            return Some(if operation { Take::UseMain } else { Take::Never(Failure::ReservedForMain) });
        }
        if operation && self.reserve() > 0 && self.effective() <= self.reserve() {
            return Some(Take::UseMain);
        }
        if let Some((error, others_open)) = self.dialling.blocked()
            && self.counts.established == usize::from(self.slots[MAIN].state.peek().is_some())
        {
            return Some(Take::Never(Failure::Credentials { error, others_open }));
        }
        let mut own = 0;
        for slot in &self.slots[1..] {
            match (&slot.state, &slot.holder) {
                (State::Free, _) => {}
                (State::Held { .. }, Some(other)) if other.context == holder.context => own += 1,
                _ => return None,
            }
        }
        let stuck = own > 0
            && (own >= self.extras_by_quota()
                || (self.counts.open >= self.effective() && !self.dialling.probe_due(now)));
        stuck.then_some(Take::Never(Failure::WouldDeadlock))
    }

    fn enqueue(
        &mut self,
        want: Want,
        holder: Holder,
        deadline: Option<Instant>,
        waker: Option<W>,
        now: Instant,
        out: &mut Out<L, E, W>,
    ) -> Key {
        self.tickets += 1;
        let key = self.waiters.insert(Waiter {
            want,
            holder,
            ticket: self.tickets,
            since: now,
            deadline,
            waker,
            stage: Stage::Waiting,
            lapsed: false,
        });
        let line = match want {
            Want::Extra => &mut self.line,
            Want::Slot(slot) => &mut self.slots[slot].line,
        };
        self.waiters.push_back(line, key);
        if let Some(deadline) = deadline {
            self.deadlines = Some(self.deadlines.map_or(deadline, |at| at.min(deadline)));
            self.due(deadline, out);
        }
        // These matter only while somebody waits, so nobody may have set the alarm for them.
        let held_up = [self.dialling.not_before(), self.dialling.probe_at()];
        for at in held_up.into_iter().flatten().filter(|at| *at > now) {
            self.due(at, out);
        }
        self.tell_if_throttled(key, now, out);
        key
    }

    fn leave_line(&mut self, key: Key) {
        let Some(waiter) = self.waiters.get_mut(key) else {
            return;
        };
        if std::mem::take(&mut waiter.lapsed) {
            self.lapsed -= 1;
        }
        let line = match waiter.want {
            Want::Extra => &mut self.line,
            Want::Slot(slot) => &mut self.slots[slot].line,
        };
        self.waiters.unlink(line, key);
    }

    /// Gives a waiter his verdict. He leaves the line and is woken.
    fn tell(&mut self, key: Key, verdict: Verdict<E>, out: &mut Out<L, E, W>) {
        self.leave_line(key);
        if let Some(waiter) = self.waiters.get_mut(key) {
            waiter.stage = Stage::Told(verdict);
            out.wake.extend(waiter.waker.take());
        }
    }

    fn tell_slot(&mut self, slot: SlotId, verdict: &Verdict<E>, out: &mut Out<L, E, W>) {
        while let Some(key) = self.waiters.front(&self.slots[slot].line) {
            self.tell(key, verdict.clone(), out);
        }
    }

    /// Wakes the one who waits longest for what a slot was dialled for.
    fn rouse_oldest(&mut self, slot: SlotId, out: &mut Out<L, E, W>) {
        let own = self.waiters.front(&self.slots[slot].line);
        let oldest = own.or_else(|| self.waiters.front(&self.line));
        if let Some(waiter) = oldest.and_then(|key| self.waiters.get_mut(key)) {
            out.wake.extend(waiter.waker.take());
        }
    }

    /// Wakes everybody who waits, to look for himself.
    pub(crate) fn rouse_all(&mut self, out: &mut Out<L, E, W>) {
        for key in self.everybody() {
            if let Some(waiter) = self.waiters.get_mut(key) {
                out.wake.extend(waiter.waker.take());
            }
        }
    }

    /// The oldest waiter for an extra to whom an offer can be made.
    fn next_in_line(&self) -> Option<Key> {
        let mut at = self.waiters.front(&self.line);
        while let Some(key) = at {
            if self.waiters.get(key).is_some_and(|waiter| !waiter.lapsed) {
                return Some(key);
            }
            at = self.waiters.after(key);
        }
        None
    }

    /// An idle slot that may be handed to `holder` as it is: its own default, else the last given back.
    fn fit(&self, holder: &Holder, now: Instant) -> Option<SlotId> {
        let trusted = |slot: SlotId| match &self.slots[slot].state {
            State::Idle { since, .. } => now.saturating_duration_since(*since) < self.rules.trust_idle,
            _ => false,
        };
        let owner = |slot: SlotId| match &self.slots[slot].state {
            State::Idle { owner, .. } => *owner,
            _ => None,
        };
        if holder.owned
            && let Some(own) =
                self.idle.iter().rev().copied().find(|slot| owner(*slot) == Some(holder.context))
        {
            return trusted(own).then_some(own);
        }
        let last = *self.idle.last()?;
        if owner(last).is_none() && trusted(last) {
            return Some(last);
        }
        // Other contexts' idle defaults are taken back last.
        let unowned = self.idle.iter().rev().copied().find(|slot| owner(*slot).is_none());
        if let Some(slot) = unowned {
            return trusted(slot).then_some(slot);
        }
        // A default of another context is taken back only if nothing new may be opened.
        (!self.room() && trusted(last)).then_some(last)
    }

    /// Turns an idle slot into one that `holder` holds.
    fn hold_idle(&mut self, slot: SlotId, holder: Holder, now: Instant, out: &mut Out<L, E, W>) -> L {
        if self.idle.last() == Some(&slot) {
            self.idle.pop();
        } else {
            self.idle.retain(|other| *other != slot);
        }
        let State::Idle { link, owner, .. } = self.set(slot, State::Free) else {
            unreachable!("the list of the idle holds idle slots only");
        };
        if let Some(owner) = owner
            && owner != holder.context
        {
            out.notes.push(Note::TakenBack { slot, owner });
        }
        self.set(slot, State::Held { link: Some(link.clone()), repair: Repair::None });
        self.slots[slot].holder = Some(holder);
        self.slots[slot].since = now;
        link
    }

    fn settle(&mut self, slot: SlotId, link: L, now: Instant, out: &mut Out<L, E, W>) {
        self.settle_owned(slot, link, None, now, out);
    }

    /// Finds a place for a connection that is free now: main, the next in line, the idle ones, or the way out.
    fn settle_owned(
        &mut self,
        slot: SlotId,
        link: L,
        owner: Option<Context>,
        now: Instant,
        out: &mut Out<L, E, W>,
    ) {
        if self.closed {
            return self.start_close(slot, link, Why::Shutdown, out);
        }
        // This slot is not counted at the moment.
        if self.counts.extras >= self.extras_by_quota() {
            if self.main_is_wanted() {
                return self.become_main(slot, link, out);
            }
            return self.start_close(slot, link, Why::Shrunk, out);
        }
        if self.slots[slot].expires.is_some_and(|at| at <= now) {
            return self.start_close(slot, link, Why::Old, out);
        }
        // Main comes first if it can't be dialled beside this one.
        if self.main_is_wanted() && self.counts.open + 1 >= self.effective() {
            return self.become_main(slot, link, out);
        }
        if let Some(key) = self.next_in_line() {
            return self.offer(slot, link, key, now, out);
        }
        if self.rules.idle_timeout.is_zero() {
            return self.start_close(slot, link, Why::Idle, out);
        }
        self.set(slot, State::Idle { link, since: now, owner });
        self.idle.push(slot);
        self.due(now + self.rules.idle_timeout, out);
    }

    fn offer(&mut self, slot: SlotId, link: L, key: Key, now: Instant, out: &mut Out<L, E, W>) {
        self.leave_line(key);
        if let Some(waiter) = self.waiters.get_mut(key) {
            waiter.stage = Stage::Offered(slot);
            out.wake.extend(waiter.waker.take());
        }
        self.set(slot, State::Offered { link, to: key, since: now });
        self.due(now + self.rules.take_up, out);
    }

    /// Main takes over the connection of an extra.
    fn become_main(&mut self, slot: SlotId, link: L, out: &mut Out<L, E, W>) {
        self.slots[MAIN].expires = self.slots[slot].expires.take();
        self.set(MAIN, State::Held { link: Some(link), repair: Repair::None });
        self.freed(slot);
        out.notes.push(Note::TakenOver { slot });
        self.tell_slot(MAIN, &Verdict::Ready, out);
    }

    fn start_close(&mut self, slot: SlotId, link: L, why: Why, out: &mut Out<L, E, W>) {
        let old = self.set(slot, State::Closing);
        old.leave(out);
        out.jobs.push(Job::Close { slot, link, why });
    }

    /// Closes a slot that was just taken off the list of the idle.
    fn close_idle(&mut self, slot: SlotId, why: Why, out: &mut Out<L, E, W>) {
        match self.set(slot, State::Free) {
            State::Idle { link, .. } => self.start_close(slot, link, why, out),
            other => {
                debug_assert!(false, "the list of the idle holds idle slots only");
                self.set(slot, other);
            }
        }
    }

    fn close_main(&mut self, out: &mut Out<L, E, W>) {
        match self.set(MAIN, State::Free) {
            State::Held { link: Some(link), .. } => self.start_close(MAIN, link, Why::Shutdown, out),
            State::Held { link: None, repair: Repair::Wanted | Repair::None } => {}
            other => {
                self.set(MAIN, other);
            }
        }
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

    /// Starts whatever may be started for those who wait.
    fn pump(&mut self, now: Instant, out: &mut Out<L, E, W>) {
        if self.closed {
            out.all_gone |= self.all_gone();
            return self.assert_invariants(now);
        }
        self.pump_main(now, out);
        self.pump_repairs(now, out);
        self.pump_line(now, out);
        self.assert_invariants(now);
    }

    fn pump_main(&mut self, now: Instant, out: &mut Out<L, E, W>) {
        if !self.main_is_wanted() {
            return;
        }
        if self.slots[MAIN].line.is_empty() {
            // Those who wanted it are gone.
            self.set(MAIN, State::Free);
            return;
        }
        if let Some((error, others_open)) = self.dialling.blocked() {
            self.set(MAIN, State::Free);
            let verdict = Verdict::Failed(Failure::Credentials { error, others_open });
            self.tell_slot(MAIN, &verdict, out);
            verdict.leave(out);
            return;
        }
        if self.may_dial(true, now) != Leave::No {
            self.set(MAIN, State::Held { link: None, repair: Repair::Dialling });
            self.start_dial(MAIN, Kind::Main, out);
        } else if self.counts.open >= self.effective()
            && let Some(slot) = self.idle.pop()
            && let State::Idle { link, .. } = self.set(slot, State::Free)
        {
            self.become_main(slot, link, out);
        }
    }

    fn pump_repairs(&mut self, now: Instant, out: &mut Out<L, E, W>) {
        if self.counts.wanted == 0 {
            return;
        }
        for slot in 1..self.slots.len() {
            if !matches!(self.slots[slot].state, State::Held { repair: Repair::Wanted, .. }) {
                continue;
            }
            if self.slots[slot].line.is_empty() {
                self.abandon_repair(slot);
            } else if let Some((error, others_open)) = self.dialling.blocked() {
                let verdict = Verdict::Failed(Failure::Credentials { error, others_open });
                self.tell_slot(slot, &verdict, out);
                verdict.leave(out);
                self.abandon_repair(slot);
            } else if self.may_dial(false, now) != Leave::No {
                let kind = self.slots[slot].holder.map_or(Kind::Independent, |h| h.kind);
                self.set(slot, State::Held { link: None, repair: Repair::Dialling });
                self.start_dial(slot, kind, out);
            }
        }
    }

    fn pump_line(&mut self, now: Instant, out: &mut Out<L, E, W>) {
        if self.reserve() > 0 && self.effective() <= self.reserve() {
            self.send_operations_to_main(out);
        }
        while let Some(key) = self.next_in_line() {
            let Some(holder) = self.waiters.get(key).map(|waiter| waiter.holder) else {
                return;
            };
            if let Some(slot) = self.fit(&holder, now) {
                let owner = self.take_off_idle(slot);
                if let State::Idle { link, .. } = self.set(slot, State::Free) {
                    if let Some(owner) = owner.filter(|owner| *owner != holder.context) {
                        out.notes.push(Note::TakenBack { slot, owner });
                    }
                    self.offer(slot, link, key, now, out);
                }
                continue;
            }
            if self.counts.coming >= self.line.len() - self.lapsed {
                return;
            }
            if let Some(slot) = self.stale() {
                self.take_off_idle(slot);
                if let State::Idle { link, .. } = self.set(slot, State::Free) {
                    out.jobs.push(Job::Check { slot, link: link.clone() });
                    self.set(slot, State::Checking(link));
                }
                continue;
            }
            if self.dialling.is_blocked() {
                return self.fail_blocked(out);
            }
            if !self.room() || self.may_dial(false, now) == Leave::No {
                return;
            }
            let slot = self.free_slot(now);
            self.set(slot, State::Dialling);
            self.start_dial(slot, holder.kind, out);
        }
    }

    /// The idle connection to check next: one that belongs to nobody, unless nothing new may be opened.
    fn stale(&self) -> Option<SlotId> {
        let unowned = self
            .idle
            .iter()
            .rev()
            .copied()
            .find(|slot| matches!(self.slots[*slot].state, State::Idle { owner: None, .. }));
        unowned.or_else(|| if self.room() { None } else { self.idle.last().copied() })
    }

    fn take_off_idle(&mut self, slot: SlotId) -> Option<Context> {
        self.idle.retain(|other| *other != slot);
        match &self.slots[slot].state {
            State::Idle { owner, .. } => *owner,
            _ => None,
        }
    }

    fn send_operations_to_main(&mut self, out: &mut Out<L, E, W>) {
        let mut at = self.waiters.front(&self.line);
        while let Some(key) = at {
            at = self.waiters.after(key);
            if self.waiters.get(key).is_some_and(|w| w.holder.kind == Kind::Operation) {
                self.tell(key, Verdict::UseMain, out);
            }
        }
    }

    /// The login is refused for good. Whoever can't be served by what is open is told so.
    fn fail_blocked(&mut self, out: &mut Out<L, E, W>) {
        if self.counts.established > usize::from(self.slots[MAIN].state.peek().is_some()) {
            return;
        }
        self.tell_all_blocked(out);
    }

    fn free_slot(&mut self, now: Instant) -> SlotId {
        if let Some(slot) = self.free.pop() {
            return slot;
        }
        self.slots.push(Slot::new(now));
        self.slots.len() - 1
    }
}

impl<L> Slot<L> {
    const fn new(now: Instant) -> Self {
        Self { state: State::Free, holder: None, since: now, dial: 0, expires: None, line: Line::new() }
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
