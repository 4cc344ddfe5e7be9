//! Whether what a thread does is still wanted: a begun operation may be cancelled, its thread can't be stopped.

use std::cell::RefCell;

use tokio::sync::watch;

use crate::error::{Error, Result};

thread_local! {
    /// The operation that this thread was started for: closed once nobody wants it any more.
    static WANTED: RefCell<Option<watch::Receiver<()>>> = const { RefCell::new(None) };
}

/// This thread does the work of an operation, which is wanted until the sender is dropped.
pub(super) fn set(wanted: watch::Receiver<()>) {
    WANTED.set(Some(wanted));
}

/// The operation that this thread does the work of, if of one.
pub(super) fn here() -> Option<watch::Receiver<()>> {
    WANTED.try_with(|wanted| wanted.borrow().clone()).ok().flatten()
}

/// Fails if this thread does the work of an operation that is cancelled.
pub(super) fn check() -> Result<()> {
    here().is_none_or(|wanted| wanted.has_changed().is_ok()).then_some(()).ok_or_else(cancelled)
}

/// The error of what was cancelled.
pub(super) fn cancelled() -> Error {
    mail_pool::Error::Cancelled.into()
}
