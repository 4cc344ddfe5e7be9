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
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, PoisonError, atomic::Ordering},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures_util::task::AtomicWaker;

use super::sync::{AtomicU8, Mutex, MutexGuard, Thread, current, park, park_timeout};

/// How often the keeper looks while threads come and go: for at most twice as long nobody drives. The longer the more
/// often they come, for then somebody drives most of the time, and to look isn't cheap.
const TICK: Duration = Duration::from_millis(1);
const LONGEST_TICK: Duration = Duration::from_millis(8);

/// So many turns between two looks are often.
const OFTEN: u64 = 8;

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

    /// Takes the seat, if it is free, for a thread that is going to wait.
    pub(super) fn sit(&self) -> Option<Seated<'_>> {
        self.lock().sit(Holder::Caller).then(|| Seated(self, Holder::Caller))
    }

    /// Waits for a future, which is polled on the thread that calls, until it drives, if it can: then whatever does so
    /// polls it. The signal is this thread's.
    pub(super) fn wait<F: Future>(
        &self,
        signal: &Arc<Signal>,
        mut future: Pin<&mut F>,
        may_drive: bool,
        drive: impl FnOnce(Pin<&mut F>) -> F::Output,
    ) -> F::Output {
        let waker = Waker::from(Arc::clone(signal));
        let mut cx = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(outcome) = future.as_mut().poll(&mut cx) {
                return outcome;
            }
            if let Some(_seated) = self.sleep(signal, may_drive) {
                return drive(future);
            }
        }
    }

    /// Sleeps until the signal has been rung, which is then as if it hadn't, or until the thread has the seat, if it may.
    fn sleep(&self, signal: &Arc<Signal>, may_drive: bool) -> Option<Seated<'_>> {
        if signal.take() {
            return None;
        }
        let mut state = self.lock();
        if !may_drive {
            state.passengers += 1;
            if state.holder.is_none() {
                state.rouse_keeper();
            }
            drop(state);
            signal.park(None);
            self.lock().passengers -= 1;
        } else if state.sit(Holder::Caller) {
            return Some(Seated(self, Holder::Caller));
        } else {
            let number = state.queue(signal);
            drop(state);
            signal.park(None);
            // Whoever offered the seat has taken the signal out.
            if self.lock().waiting.remove(&number).is_none() {
                signal.forget(OFFERED);
                return Some(Seated(self, Holder::Caller));
            }
        }
        signal.take();
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever has it drives, and nobody else. Dropped, it is the next one's turn.
#[must_use]
pub(super) struct Seated<'a>(&'a Seat, Holder);

impl Drop for Seated<'_> {
    fn drop(&mut self) {
        self.0.lock().stand_up(self.1);
    }
}

impl State {
    /// Whether the seat was free, and is taken now.
    fn sit(&mut self, holder: Holder) -> bool {
        let is_free = self.holder.is_none();
        if is_free {
            self.holder = Some(holder);
            self.turns += u64::from(holder == Holder::Caller);
        }
        is_free
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
    tick: Duration,
}

impl<'a> Keeper<'a> {
    /// For the thread that calls.
    pub(super) fn new(seat: &'a Seat) -> Self {
        let signal = Arc::new(Signal::here());
        let mut state = seat.lock();
        state.keeper = Some(Arc::clone(&signal));
        Self { seat, signal, turns: state.turns, tick: TICK }
    }

    /// Looks who drives: if nobody does, and nobody has lately, it drives itself, which is to end when [`Signal::rung`]
    /// does, for then a thread has come that waits. Else it rests.
    pub(super) fn look(&mut self, drive: impl FnOnce(&Signal)) {
        let mut state = self.seat.lock();
        let turns = state.turns - std::mem::replace(&mut self.turns, state.turns);
        let all_quiet = turns == 0;
        self.tick = if turns < OFTEN { TICK } else { LONGEST_TICK.min(self.tick * 2) };
        match state.holder {
            None if all_quiet || state.passengers > 0 => {
                state.sit(Holder::Keeper);
                drop(state);
                let _seated = Seated(self.seat, Holder::Keeper);
                drive(&self.signal);
            }
            // It may well go on for hours.
            Some(_) if all_quiet => {
                state.keeper_sleeps = true;
                drop(state);
                self.signal.park(None);
            }
            _ => {
                drop(state);
                self.signal.park(Some(self.tick));
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

    /// Ends once it has been rung: for how long the keeper drives.
    pub(super) async fn rung(&self) {
        poll_fn(|cx| {
            self.driving.register(cx.waker());
            if self.is(RUNG) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        self.driving.take();
    }

    fn ring(&self) {
        let before = self.note(RUNG);
        if before & RUNG == 0 {
            self.driving.wake();
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
