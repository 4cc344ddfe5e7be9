//! One timer for many deadlines, of which the next counts.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

/// A timer that is set again only where it has to be.
#[derive(Debug)]
pub(crate) struct Alarm(Pin<Box<Sleep>>);

impl Alarm {
    pub(crate) fn new() -> Self {
        Self(Box::pin(sleep(Duration::ZERO)))
    }

    /// Ready when it is time to look at the deadlines again: at this one, or at one before that has moved on.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if self.0.deadline() > deadline || self.0.is_elapsed() {
            self.0.as_mut().reset(deadline);
        }
        self.0.as_mut().poll(cx)
    }
}
