//! Who has a user's maildrop open over POP3, and since when.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What an account knows of its maildrop.
#[derive(Debug, Default)]
pub(crate) struct MaildropAccess(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    locked: bool,
    /// When it was opened last.
    opened: Option<Instant>,
}

/// The lock on a maildrop (RFC 1939 section 4), for as long as this is there.
pub(crate) struct MaildropLock(Arc<Mutex<State>>);

/// Why a maildrop can't be opened now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotOpened {
    /// A session has it.
    Locked,
    /// It was opened a short while ago; this long it must wait.
    TooSoon(Duration),
}

impl MaildropAccess {
    /// Opens it; exclusively if a lock is wanted, and not before `delay` has passed since it was opened last.
    pub(crate) fn open(&self, exclusive: bool, delay: Duration) -> Result<Option<MaildropLock>, NotOpened> {
        let mut state = lock(&self.0);
        let now = Instant::now();
        let left =
            state.opened.map_or(Duration::ZERO, |opened| (opened + delay).saturating_duration_since(now));
        if !left.is_zero() {
            return Err(NotOpened::TooSoon(left));
        }
        if exclusive && state.locked {
            return Err(NotOpened::Locked);
        }
        state.opened = Some(now);
        state.locked |= exclusive;
        Ok(exclusive.then(|| MaildropLock(self.0.clone())))
    }
}

impl Drop for MaildropLock {
    fn drop(&mut self) {
        lock(&self.0).locked = false;
    }
}

impl fmt::Debug for MaildropLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaildropLock")
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Each change is whole.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
