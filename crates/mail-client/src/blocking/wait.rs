//! Waiting for a future on the thread that calls.

use std::{
    cell::Cell,
    future::Future,
    panic::Location,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::{
    runtime::{self, Busy, Footing, Running},
    seat::Signal,
    wanted::{self, cancelled},
};
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

/// What a call gives that can't fail: it is made inside tasks too, and gives nothing where there is no way to wait at all.
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
    let footing = runtime::footing(Location::caller(), T::CAN_FAIL);
    let outcome = footing.and_then(|footing| match T::CAN_FAIL {
        true => unless_cancelled(footing, call),
        // It may well be an iterator that makes calls of its own.
        false => Ok(doze(runtime::running()?, pin!(call), false)),
    });
    match outcome {
        Ok(outcome) => T::of(outcome),
        Err(error) => T::failed(error),
    }
}

/// Waits for something that comes in pieces, of which there may be more than one at hand.
#[track_caller]
pub(super) fn wait_for_piece<T>(piece: impl Future<Output = T>) -> Result<T> {
    let footing = runtime::footing(Location::caller(), true)?;
    wanted::check()?;
    let mut piece = pin!(piece);
    let at_hand = {
        let _busy = Busy::begin();
        let _entered = runtime::enter();
        piece.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    };
    match at_hand {
        Poll::Ready(piece) => Ok(piece),
        Poll::Pending => unless_cancelled(footing, piece),
    }
}

/// Waits, unless this thread does the work of an operation that is cancelled.
fn unless_cancelled<F: Future>(footing: Footing, call: F) -> Result<F::Output> {
    let Some(mut wanted) = wanted::here() else { return block_on(footing, call) };
    let outcome = block_on(footing, async {
        tokio::select! {
            biased;
            _ = wanted.changed() => Err(cancelled()),
            outcome = call => Ok(outcome),
        }
    });
    outcome?
}

/// Whether an iterator has said that it can't wait, which is its last item: else whoever goes on after errors would do so
/// for ever.
pub(super) type GaveUp = bool;

/// Waits for the next item of an iterator.
#[track_caller]
pub(super) fn wait_for_next<T, Of: Into<T>>(
    gave_up: &mut GaveUp,
    next: impl Future<Output = Option<Result<Of>>>,
) -> Option<Result<T>> {
    if *gave_up {
        return None;
    }
    match wait_for_piece(next) {
        Ok(next) => Some(next?.map(Into::into)),
        Err(error) => {
            *gave_up = true;
            Some(Err(error))
        }
    }
}

/// Waits on this thread, which drives the runtime if it can. What is waited for makes no calls of its own.
///
/// # Errors
/// Nobody would wake it.
pub(super) fn block_on<F: Future>(footing: Footing, future: F) -> Result<F::Output> {
    let _busy = Busy::begin();
    let running = runtime::running()?;
    let future = pin!(future);
    let may_drive = footing == Footing::Drives;
    if may_drive && let Some(_seated) = running.seat.sit() {
        return Ok(running.runtime.block_on(future));
    }
    Ok(doze(running, future, may_drive))
}

/// Polls on this thread, which sleeps in between, until it drives the runtime if it may.
fn doze<F: Future>(running: &Running, future: Pin<&mut F>, may_drive: bool) -> F::Output {
    thread_local! {
        /// The last that was used on this thread, to be used again.
        static SPARE: Cell<Option<Arc<Signal>>> = const { Cell::new(None) };
    }
    let _entered = runtime::enter();
    let spare = SPARE.try_with(Cell::take).ok().flatten();
    let signal = spare.unwrap_or_else(|| Arc::new(Signal::here()));
    let outcome = running.seat.wait(&signal, future, may_drive, |future| running.runtime.block_on(future));
    let _ = SPARE.try_with(|spare| spare.set(Some(signal)));
    outcome
}
