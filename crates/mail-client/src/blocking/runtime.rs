//! The runtime behind all blocking clients of the process, and where calls can't be made that wait for it.

use std::{
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

use super::seat::{Keeper, Seat, Signal};
use crate::error::{Cause, Error, Result};

/// It lives as long as the process: whoever drops the last client mustn't wait for it to end.
static RUNTIME: OnceLock<Running> = OnceLock::new();

struct Running {
    runtime: Runtime,
    /// From which it is driven.
    seat: Seat,
    /// The keeper is there only.
    process: u32,
}

/// The runtime, which the first client starts.
pub(super) fn start() -> Result<&'static Handle> {
    let running = match RUNTIME.get() {
        Some(running) => running,
        None => {
            static STARTING: Mutex<()> = Mutex::new(());
            let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
            match RUNTIME.get() {
                Some(running) => running,
                None => {
                    let running =
                        Running::new().map_err(|error| Error::new(Cause::NoThread(Arc::new(error))))?;
                    RUNTIME.get_or_init(|| running)
                }
            }
        }
    };
    running.check_process()?;
    Ok(running.runtime.handle())
}

impl Running {
    fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("mail-client".into()).spawn(|| RUNTIME.wait().keep())?;
        Ok(Self { runtime, seat: Seat::new(), process: std::process::id() })
    }

    fn keep(&self) -> ! {
        let mut keeper = Keeper::new(&self.seat);
        loop {
            keeper.look(|signal| self.drive(signal));
        }
    }

    fn drive(&self, until: &Signal) {
        self.runtime.block_on(until.rung());
    }

    fn check_process(&self) -> Result<()> {
        if self.process == std::process::id() { Ok(()) } else { Err(Error::new(Cause::Forked)) }
    }
}

/// Until the guard is dropped, timers and tasks of this thread are the runtime's. No client is there without it.
pub(super) fn enter() -> Option<EnterGuard<'static>> {
    let running = RUNTIME.get()?;
    (!is_ending()).then(|| running.runtime.enter())
}

/// Whether this thread may drive the runtime: it has nothing to do with any other, and hasn't [entered](enter) this one.
pub(super) fn may_drive() -> bool {
    Handle::try_current().is_err_and(|error| error.is_missing_context())
}

/// Waits until the signal of this thread is rung, and drives the runtime meanwhile if it [may](may_drive).
///
/// # Errors
/// In a process without the keeper, where whoever waits would do so for ever.
pub(super) fn wait(signal: &Arc<Signal>, may_drive: bool) -> Result<()> {
    // Without a client nothing is waited for.
    let Some(running) = RUNTIME.get() else { return Ok(()) };
    running.check_process()?;
    running.seat.wait(signal, may_drive.then_some(|signal: &Signal| running.drive(signal)));
    Ok(())
}

/// Fails where a call can't wait.
pub(super) fn check(place: &'static Location<'static>) -> Result<()> {
    match Handle::try_current() {
        Ok(_) if is_inside_task() => Err(Error::new(Cause::InsideTask { place })),
        Err(error) if error.is_thread_local_destroyed() => Err(Error::new(Cause::ThreadEnds)),
        // Where there is no runtime, as on most threads, there are no tasks to be held up.
        _ => Ok(()),
    }
}

/// Whether this thread is about to end, so that it can enter no runtime any more.
fn is_ending() -> bool {
    Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed())
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
        let running = Running::new().unwrap();
        running.check_process().unwrap();
        let forked = Running { process: running.process.wrapping_add(1), ..running };
        assert!(matches!(forked.check_process().unwrap_err().cause(), Cause::Forked));
    }

    #[test]
    fn the_first_to_come_start_one_for_all() {
        let starting: Vec<_> = (0..8).map(|_| thread::spawn(|| start().unwrap().id())).collect();
        let ids: Vec<_> = starting.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(ids.iter().all(|id| *id == ids[0]));
    }
}
