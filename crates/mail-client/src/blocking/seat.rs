//! Who drives the runtime, for it has no thread that does nothing else.
//!
//! A thread that waits drives it meanwhile: it takes in what has come for all connections and runs their tasks, until it
//! is told that what it waits for is there. So in a program that makes one call after the other, a call wakes no other
//! thread. Only one can drive at a time. Others that wait are told by the one that does, and when that stops it offers
//! its seat to one of them.
//!
//! While nobody waits, the keeper drives, a thread of its own. Between two calls that follow each other closely it is
//! better not woken, so it looks only now and then whether anybody has been there since it last looked.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    sync::{Arc, PoisonError, atomic::Ordering},
    task::{Poll, Wake},
    time::Duration,
};

use futures_util::task::AtomicWaker;

use super::sync::{AtomicU8, Mutex, MutexGuard, Thread, current, park, park_timeout};

/// How often the keeper looks while threads come and go: for at most twice as long nobody drives.
const TICK: Duration = Duration::from_millis(1);

/// The one place from which the runtime is driven.
pub(super) struct Seat(Mutex<State>);

struct State {
    holder: Option<Holder>,
    /// How often a thread that waits has sat down or stood up.
    turns: u64,
    /// Threads that wait while another drives, and could, in the order in which they came.
    waiting: BTreeMap<u64, Arc<Signal>>,
    came: u64,
    /// How many threads wait that can't drive.
    passengers: usize,
    keeper: Option<Arc<Signal>>,
    /// The keeper looks only when it is told to.
    keeper_sleeps: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// A thread that waits for something.
    Caller,
    Keeper,
}

impl Seat {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            holder: None,
            turns: 0,
            waiting: BTreeMap::new(),
            came: 0,
            passengers: 0,
            keeper: None,
            keeper_sleeps: false,
        }))
    }

    /// Waits until the signal of this thread has been rung, which is then as if it hadn't. If the thread can, it drives,
    /// which is to end when [`Signal::rung`] does.
    pub(super) fn wait(&self, signal: &Arc<Signal>, drive: Option<impl FnOnce(&Signal)>) {
        if signal.take() {
            return;
        }
        let mut state = self.lock();
        match drive {
            Some(drive) if state.holder.is_none() => {
                state.sit(Holder::Caller);
                drop(state);
                self.drive(Holder::Caller, signal, drive);
            }
            Some(drive) => {
                let number = state.queue(signal);
                drop(state);
                signal.park(None);
                // Whoever offered the seat has taken the signal out.
                if self.lock().waiting.remove(&number).is_none() {
                    signal.forget(OFFERED);
                    self.drive(Holder::Caller, signal, drive);
                }
            }
            None => {
                state.passengers += 1;
                if state.holder.is_none() {
                    state.rouse_keeper();
                }
                drop(state);
                signal.park(None);
                self.lock().passengers -= 1;
            }
        }
        signal.take();
    }

    /// Drives on a seat that was taken, and leaves it, in a panic too.
    fn drive(&self, holder: Holder, signal: &Signal, drive: impl FnOnce(&Signal)) {
        struct Seated<'a>(&'a Seat, Holder);
        impl Drop for Seated<'_> {
            fn drop(&mut self) {
                self.0.lock().stand_up(self.1);
            }
        }
        let _seated = Seated(self, holder);
        if !signal.is(RUNG) {
            signal.note(DRIVES);
            drive(signal);
            signal.forget(DRIVES);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn sit(&mut self, holder: Holder) {
        self.holder = Some(holder);
        self.turns += u64::from(holder == Holder::Caller);
    }

    /// Offers the seat to the one who came last of those who still wait, for what it needs is the most likely to be
    /// at hand yet. All are served by whoever drives, so there is nothing unfair about it.
    fn stand_up(&mut self, holder: Holder) {
        self.turns += u64::from(holder == Holder::Caller);
        self.holder = None;
        let next = self.waiting.iter().rev().find(|(_, signal)| !signal.is(RUNG)).map(|(number, _)| *number);
        if let Some(next) = next.and_then(|next| self.waiting.remove(&next)) {
            self.sit(Holder::Caller);
            next.offer();
        } else if self.passengers > 0 || self.keeper_sleeps {
            self.rouse_keeper();
        }
    }

    /// Notes that a thread would like to drive, in place of the keeper unless that drives for others too.
    fn queue(&mut self, signal: &Arc<Signal>) -> u64 {
        self.came += 1;
        self.waiting.insert(self.came, Arc::clone(signal));
        if self.holder == Some(Holder::Keeper) && self.passengers == 0 {
            self.rouse_keeper();
        }
        self.came
    }

    fn rouse_keeper(&mut self) {
        self.keeper_sleeps = false;
        if let Some(keeper) = &self.keeper {
            keeper.ring();
        }
    }
}

/// The thread that drives while nobody waits.
pub(super) struct Keeper<'a> {
    seat: &'a Seat,
    signal: Arc<Signal>,
    /// The number of turns when it last looked.
    turns: u64,
}

impl<'a> Keeper<'a> {
    /// For the thread that calls.
    pub(super) fn new(seat: &'a Seat) -> Self {
        let signal = Arc::new(Signal::here());
        let mut state = seat.lock();
        state.keeper = Some(Arc::clone(&signal));
        Self { seat, signal, turns: state.turns }
    }

    /// Looks who drives: if nobody does, and nobody has lately, it drives itself until a thread comes that waits. Else it
    /// rests.
    pub(super) fn look(&mut self, drive: impl FnOnce(&Signal)) {
        let mut state = self.seat.lock();
        let all_quiet = std::mem::replace(&mut self.turns, state.turns) == state.turns;
        match state.holder {
            None if all_quiet || state.passengers > 0 => {
                state.sit(Holder::Keeper);
                drop(state);
                self.seat.drive(Holder::Keeper, &self.signal, drive);
            }
            // It may well go on for hours.
            Some(_) if all_quiet => {
                state.keeper_sleeps = true;
                drop(state);
                self.signal.park(None);
            }
            _ => {
                drop(state);
                self.signal.park(Some(TICK));
            }
        }
        self.signal.take();
    }
}

/// It was told that what the thread waits for may be there.
const RUNG: u8 = 1;
/// It may drive, and must.
const OFFERED: u8 = 2;
/// It sleeps, or is about to.
const PARKS: u8 = 4;
/// It drives, or is about to.
const DRIVES: u8 = 8;

/// What wakes a thread that waits. One that is rung for a wait that has ended costs the next one a look.
pub(super) struct Signal {
    thread: Thread,
    state: AtomicU8,
    driving: AtomicWaker,
}

impl Signal {
    /// For the thread that calls.
    pub(super) fn here() -> Self {
        Self { thread: current(), state: AtomicU8::new(0), driving: AtomicWaker::new() }
    }

    /// Ends once it has been rung: for how long a thread drives.
    pub(super) async fn rung(&self) {
        poll_fn(|cx| {
            self.driving.register(cx.waker());
            if self.is(RUNG) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn ring(&self) {
        let before = self.note(RUNG);
        if before & RUNG == 0 {
            if before & DRIVES != 0 {
                self.driving.wake();
            }
            self.unpark(before);
        }
    }

    fn offer(&self) {
        let before = self.note(OFFERED);
        self.unpark(before);
    }

    fn unpark(&self, before: u8) {
        if before & PARKS != 0 {
            self.thread.unpark();
        }
    }

    /// Sleeps until it has been rung or was offered the seat, or for so long.
    fn park(&self, limit: Option<Duration>) {
        self.note(PARKS);
        match limit {
            Some(limit) if !self.is(RUNG | OFFERED) => park_timeout(limit),
            Some(_) => {}
            None => {
                while !self.is(RUNG | OFFERED) {
                    park();
                }
            }
        }
        self.forget(PARKS);
    }

    /// Whether it was rung, which is then as if it hadn't been.
    fn take(&self) -> bool {
        self.forget(RUNG) & RUNG != 0
    }

    fn is(&self, any: u8) -> bool {
        self.state.load(Ordering::Acquire) & any != 0
    }

    fn note(&self, what: u8) -> u8 {
        self.state.fetch_or(what, Ordering::AcqRel)
    }

    fn forget(&self, what: u8) -> u8 {
        self.state.fetch_and(!what, Ordering::AcqRel)
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
