//! Waiting for a future on the thread that calls.

use std::{
    cell::Cell,
    future::Future,
    panic::Location,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use super::{operation, runtime};
use crate::{
    error::{Error, Result},
    smtp::SentMail,
};

/// What a call gives, made of what its async sister gives.
pub(super) trait Outcome<Of>: Sized {
    /// Whether it can tell of a call that couldn't be made.
    const CAN_FAIL: bool;

    fn of(outcome: Of) -> Self;

    /// That the call couldn't be made, as far as it can tell.
    fn failed(error: Error) -> Self;
}

impl<T, Of: Into<T>> Outcome<Result<Of>> for Result<T> {
    const CAN_FAIL: bool = true;

    fn of(outcome: Result<Of>) -> Self {
        outcome.map(Into::into)
    }

    fn failed(error: Error) -> Self {
        Err(error)
    }
}

impl<T, Of: Into<T>> Outcome<Option<Result<Of>>> for Option<Result<T>> {
    const CAN_FAIL: bool = true;

    fn of(outcome: Option<Result<Of>>) -> Self {
        Some(outcome?.map(Into::into))
    }

    fn failed(error: Error) -> Self {
        Some(Err(error))
    }
}

/// What a call that can't fail gives. It is made wherever it is called.
macro_rules! never_fails {
    ($($type:ty),+) => {
        $(impl Outcome<Self> for $type {
            const CAN_FAIL: bool = false;

            fn of(outcome: Self) -> Self {
                outcome
            }

            fn failed(_: Error) -> Self {
                Self::default()
            }
        })+
    };
}
never_fails!((), Option<u64>, Option<SentMail>);

/// Waits for a call's outcome, on the calling thread and in its name: it is the thread that has or makes a default
/// connection.
#[track_caller]
pub(super) fn wait<T: Outcome<Of>, Of>(call: impl Future<Output = Of>) -> T {
    if !T::CAN_FAIL {
        return T::of(block_on(call));
    }
    match runtime::check(Location::caller()).and_then(|()| operation::unless_cancelled(call)) {
        Ok(outcome) => T::of(outcome),
        Err(error) => T::failed(error),
    }
}

/// Polls on this thread, and sleeps in between. Unlike the `block_on` of a runtime it may be called within itself, by what
/// it polls.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    thread_local! {
        /// The last that was used on this thread, to be used again.
        static SPARE: Cell<Option<Arc<Signal>>> = const { Cell::new(None) };
    }
    let _entered = runtime::enter();
    let mut future = pin!(future);
    let spare = SPARE.try_with(Cell::take).ok().flatten();
    let signal =
        spare.unwrap_or_else(|| Arc::new(Signal { thread: thread::current(), rung: AtomicBool::new(false) }));
    let waker = Waker::from(Arc::clone(&signal));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(outcome) = future.as_mut().poll(&mut cx) {
            let _ = SPARE.try_with(|spare| spare.set(Some(signal)));
            return outcome;
        }
        // What wakes the thread may have been meant for another wait, within or around this one.
        while !signal.rung.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

/// What wakes a thread that waits. One that is rung for a wait that has ended costs the next one a look.
struct Signal {
    thread: Thread,
    rung: AtomicBool,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::Release) {
            self.thread.unpark();
        }
    }
}
