//! What the shell is built on: locks, atomics, background tasks and the clock. In this crate's unit tests they are those of a model checker,
//! which tries the interleavings of small cases (`interleavings`); everywhere else, tests of the whole crate included, they are the real ones.

use std::sync::PoisonError;

#[cfg(test)]
pub(crate) use checked::*;
#[cfg(not(test))]
pub(crate) use real::*;

/// Locks. Nothing foreign runs under our locks, so a panic can't leave what they guard half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(not(test))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
    pub(crate) use std::sync::{Mutex, MutexGuard};
    use std::time::{Duration, Instant};

    pub(crate) use tokio::time::timeout;

    /// Lets others run for a moment, and for a longer one if they are still not done.
    pub(crate) async fn pause(tries: u32) {
        if tries < 10 {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The time, as tokio sees it: it can be paused in tests.
    pub(crate) fn now() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    /// Starts a future in the background, if there is a runtime for it.
    pub(crate) fn start(
        runtime: Option<tokio::runtime::Handle>,
        future: impl Future<Output = ()> + Send + 'static,
    ) {
        if let Some(runtime) = runtime {
            runtime.spawn(future);
        }
    }
}

#[cfg(test)]
mod checked {
    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};

    /// No time ever runs out, but the compiler need not know.
    #[derive(Debug)]
    pub(crate) struct Never;

    pub(crate) async fn pause(_: u32) {
        shuttle::future::yield_now().await;
    }

    /// Runs a test that needs no more than one thread where these locks work.
    pub(crate) fn alone(test: fn()) {
        shuttle::check_random(test, 1);
    }

    /// Time stands still.
    pub(crate) fn now() -> Instant {
        static NOW: OnceLock<Instant> = OnceLock::new();
        *NOW.get_or_init(Instant::now)
    }

    pub(crate) async fn timeout<F: Future>(_: Duration, future: F) -> Result<F::Output, Never> {
        Ok(future.await)
    }

    pub(crate) fn start(
        _: Option<tokio::runtime::Handle>,
        future: impl Future<Output = ()> + Send + 'static,
    ) {
        drop(shuttle::future::spawn(future));
    }
}
