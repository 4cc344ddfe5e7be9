//! Waiting for a future on the thread that calls.

use std::{
    cell::Cell,
    future::Future,
    panic::Location,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::{operation, runtime, seat::Signal};
use crate::{
    error::{Cause, Error, Result},
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
    let checked = match runtime::check(Location::caller()) {
        // It holds others up, and has no way to say that it would.
        Err(error) if !T::CAN_FAIL && matches!(error.cause(), Cause::InsideTask { .. }) => Ok(()),
        checked => checked,
    };
    let outcome = checked.and_then(|()| match T::CAN_FAIL {
        true => operation::unless_cancelled(call),
        false => block_on(call),
    });
    match outcome {
        Ok(outcome) => T::of(outcome),
        Err(error) => T::failed(error),
    }
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
    match runtime::check(Location::caller()).and_then(|()| operation::unless_cancelled(next)) {
        Ok(next) => Some(next?.map(Into::into)),
        Err(error) => {
            *gave_up = true;
            Some(Err(error))
        }
    }
}

/// Polls on this thread, and drives the runtime or sleeps in between. Unlike the `block_on` of a runtime it may be called
/// within itself, by what it polls.
///
/// # Errors
/// Nobody would wake it.
pub(super) fn block_on<F: Future>(future: F) -> Result<F::Output> {
    thread_local! {
        /// The last that was used on this thread, to be used again.
        static SPARE: Cell<Option<Arc<Signal>>> = const { Cell::new(None) };
    }
    let may_drive = runtime::may_drive();
    let _entered = runtime::enter();
    let mut future = pin!(future);
    let spare = SPARE.try_with(Cell::take).ok().flatten();
    let signal = spare.unwrap_or_else(|| Arc::new(Signal::here()));
    let waker = Waker::from(Arc::clone(&signal));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(outcome) = future.as_mut().poll(&mut cx) {
            let _ = SPARE.try_with(|spare| spare.set(Some(signal)));
            return Ok(outcome);
        }
        runtime::wait(&signal, may_drive)?;
    }
}
