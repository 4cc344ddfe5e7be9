//! The runtime behind all blocking clients of the process, and where calls can't be made that wait for it.

use std::{
    cell::Cell,
    io,
    panic::Location,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    task::{Context, Poll, Waker},
    thread,
};

use tokio::{
    runtime::{Builder, EnterGuard, Handle, Runtime},
    task::coop,
};

use super::seat::{Keeper, Seat};
use crate::error::{Cause, Error, Result};

/// It lives as long as the process: whoever drops the last client mustn't wait for it to end.
static RUNTIME: OnceLock<Running> = OnceLock::new();

pub(super) struct Running {
    pub(super) runtime: Runtime,
    /// From which it is driven.
    pub(super) seat: Seat,
    /// The keeper is there only.
    process: u32,
}

/// The runtime, which the first client starts.
///
/// # Errors
/// The keeper can't be started; or it is in the process that this one was forked off, and whoever waits here would do so
/// for ever.
pub(super) fn running() -> Result<&'static Running> {
    static STARTING: Mutex<()> = Mutex::new(());
    let running = match RUNTIME.get() {
        Some(running) => running,
        None => {
            let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
            match RUNTIME.get() {
                Some(running) => running,
                None => {
                    let running =
                        Running::start().map_err(|error| Error::new(Cause::NoThread(Arc::new(error))))?;
                    RUNTIME.get_or_init(|| running)
                }
            }
        }
    };
    running.check_process()?;
    Ok(running)
}

impl Running {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("mail-client".into()).spawn(|| RUNTIME.wait().keep())?;
        Ok(Self { runtime, seat: Seat::new(), process: std::process::id() })
    }

    fn keep(&self) -> ! {
        let _busy = Busy::begin();
        let mut keeper = Keeper::new(&self.seat);
        loop {
            keeper.look(|signal| self.runtime.block_on(signal.rung()));
        }
    }

    fn check_process(&self) -> Result<()> {
        if self.process == std::process::id() { Ok(()) } else { Err(Error::new(Cause::Forked)) }
    }
}

/// Until the guard is dropped, timers and tasks of this thread are the runtime's. No client is there without it.
pub(super) fn enter() -> Option<EnterGuard<'static>> {
    let is_ending = Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed());
    let running = RUNTIME.get().filter(|_| !is_ending)?;
    Some(running.runtime.enter())
}

/// What a thread can do while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Footing {
    /// Drive the runtime.
    Drives,
    /// Sleep: it has to do with a runtime already, and one can't be driven within another.
    Sleeps,
}

/// What this thread can do while a call waits that is made at this place. One that can't fail is made even where others
/// are held up.
///
/// # Errors
/// It can't wait.
pub(super) fn footing(place: &'static Location<'static>, can_fail: bool) -> Result<Footing> {
    match Handle::try_current() {
        _ if BUSY.get() => Err(Error::new(Cause::InsideTask { place })),
        Ok(_) if can_fail && is_inside_task() => Err(Error::new(Cause::InsideTask { place })),
        Ok(_) => Ok(Footing::Sleeps),
        Err(error) if error.is_thread_local_destroyed() => Err(Error::new(Cause::ThreadEnds)),
        Err(_) => Ok(Footing::Drives),
    }
}

thread_local! {
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// Until it is dropped, no call can wait on this thread: it may be the one that drives, and what else is there to wait
/// for would never come.
pub(super) struct Busy(());

impl Busy {
    pub(super) fn begin() -> Self {
        BUSY.set(true);
        Self(())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        BUSY.set(false);
    }
}

/// Whether a runtime of tokio's runs a task here just now, or the root of `block_on`, which is to let others run too.
///
/// What tokio runs so it bounds: so many steps, then it is to be the others' turn. What may block (`spawn_blocking`,
/// `block_in_place`, threads that have entered a runtime) it doesn't.
fn is_inside_task() -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    // Puts back, when it is dropped, what the steps below have used up.
    let Poll::Ready(_unused) = coop::poll_proceed(&mut cx) else { return true };
    (0..=u8::MAX).any(|_| match coop::poll_proceed(&mut cx) {
        Poll::Ready(step) => {
            step.made_progress();
            false
        }
        Poll::Pending => true,
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use tokio::task::{LocalSet, block_in_place, spawn_blocking, spawn_local};

    use super::*;

    fn current_thread() -> Runtime {
        Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn tasks_and_what_may_block_are_told_apart() {
        assert!(!is_inside_task());
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        for runtime in [current_thread(), Builder::new_multi_thread().worker_threads(1).build().unwrap()] {
            assert!(runtime.block_on(async { is_inside_task() }));
            assert!(runtime.block_on(runtime.spawn(async { is_inside_task() })).unwrap());
            assert!(!runtime.block_on(async { spawn_blocking(is_inside_task).await.unwrap() }));
            let _entered = runtime.enter();
            assert!(!is_inside_task());
        }
        let in_place = runtime.spawn(async { block_in_place(is_inside_task) });
        assert!(!runtime.block_on(in_place).unwrap());
        assert!(!runtime.block_on(async { block_in_place(is_inside_task) }));
        let set = LocalSet::new();
        let local = set.run_until(async { spawn_local(async { is_inside_task() }).await.unwrap() });
        assert!(current_thread().block_on(local));
    }

    #[test]
    fn to_ask_leaves_a_task_its_steps() {
        current_thread().block_on(async {
            assert!((0..10_000).all(|_| is_inside_task()));
            assert!(coop::has_budget_remaining());
            // And when none are left.
            let mut cx = Context::from_waker(Waker::noop());
            while let Poll::Ready(step) = coop::poll_proceed(&mut cx) {
                step.made_progress();
            }
            assert!(is_inside_task());
        });
    }

    #[test]
    fn a_process_that_was_forked_off_has_none_of_the_threads() {
        let running = Running::start().unwrap();
        running.check_process().unwrap();
        let forked = Running { process: running.process.wrapping_add(1), ..running };
        assert!(matches!(forked.check_process().unwrap_err().cause(), Cause::Forked));
    }

    #[test]
    fn the_first_to_come_start_one_for_all() {
        let starting: Vec<_> =
            (0..8).map(|_| thread::spawn(|| running().unwrap().runtime.handle().id())).collect();
        let ids: Vec<_> = starting.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(ids.iter().all(|id| *id == ids[0]));
    }
}
