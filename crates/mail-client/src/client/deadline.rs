//! How long a call may take in all.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, timeout_at};

use crate::error::{Cause, Error, Result};

/// What is longer comes to the same, and can't be told in time.
pub(crate) const NEVER: Duration = Duration::from_secs(86_400 * 365 * 30);

/// When a call has to end, and how long that gave it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) within: Duration,
}

impl Deadline {
    pub(crate) fn after(within: Duration) -> Self {
        Self { at: Instant::now() + within.min(NEVER), within }
    }

    /// The error of a call whose deadline has passed.
    pub(crate) fn passed(self, written: bool) -> Error {
        Error::new(Cause::Deadline { after: self.within, written })
    }
}

/// Waits until the deadline of a call of which nothing was written yet.
pub(super) async fn bounded<T>(
    deadline: Option<Deadline>,
    future: impl Future<Output = Result<T>>,
) -> Result<T> {
    let Some(deadline) = deadline else { return future.await };
    match timeout_at(deadline.at, future).await {
        Ok(result) => result,
        Err(_) => Err(deadline.passed(false)),
    }
}
