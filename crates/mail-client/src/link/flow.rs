//! How much was read and nobody has taken yet: what lets a slow reader slow down the server instead of filling memory.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::Waker,
};

/// The bytes that one connection has read for its callers and that they still hold.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    held: AtomicUsize,
    /// How often something was given back.
    given_back: AtomicUsize,
    /// How many streams wait for a message that is still to be read.
    starved: AtomicUsize,
    /// How many readers wait for what is still to be read, with other things unread before it.
    thirsty: AtomicUsize,
    /// How many streams take whatever comes.
    open: AtomicUsize,
    /// The connection's task, while it waits for callers to take what they have.
    waiting: Mutex<Option<Waker>>,
}

/// A share of what is held, given back when dropped.
#[derive(Debug)]
pub(crate) struct Credit {
    flow: Arc<Flow>,
    len: usize,
}

impl Flow {
    pub(crate) fn hold(self: &Arc<Self>, len: usize) -> Credit {
        self.held.fetch_add(len, Ordering::AcqRel);
        Credit { flow: Arc::clone(self), len }
    }

    /// Notes that a stream waits for its next message, until the value is dropped.
    pub(crate) fn starve(self: &Arc<Self>) -> Starved {
        self.starved.fetch_add(1, Ordering::AcqRel);
        self.wake();
        Starved(Arc::clone(self))
    }

    /// Notes that a reader waits for what may stand behind things that others haven't read, until the value is dropped.
    pub(crate) fn thirst(self: &Arc<Self>) -> Thirst {
        self.thirsty.fetch_add(1, Ordering::AcqRel);
        self.wake();
        Thirst(Arc::clone(self))
    }

    /// Whether a reader waits.
    pub(crate) fn is_thirsty(&self) -> bool {
        self.thirsty.load(Ordering::Acquire) > 0
    }

    /// Lets everything in until the value is dropped, for a stream that knows how much that is at most.
    pub(crate) fn open_gate(self: &Arc<Self>) -> Gate {
        self.open.fetch_add(1, Ordering::AcqRel);
        self.wake();
        Gate(Arc::clone(self))
    }

    /// Whether a stream waits for a message, so that what it left unread holds up itself.
    pub(crate) fn is_starved(&self) -> bool {
        self.starved.load(Ordering::Acquire) > 0
    }

    /// How many bytes are held.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Acquire)
    }

    /// How often something was given back so far: readers that read, however slowly, make it move.
    pub(crate) fn given_back(&self) -> usize {
        self.given_back.load(Ordering::Acquire)
    }

    fn wake(&self) {
        let waker = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether less than `limit` is held; if not, the task is woken when something is given back.
    pub(crate) fn has_room(&self, limit: usize, waker: &Waker) -> bool {
        let has_room = || self.held.load(Ordering::Acquire) < limit || self.open.load(Ordering::Acquire) > 0;
        if has_room() {
            return true;
        }
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
        // What was given back before the waker stood there has woken nobody.
        has_room()
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        self.flow.held.fetch_sub(self.len, Ordering::AcqRel);
        self.flow.given_back.fetch_add(1, Ordering::AcqRel);
        self.flow.wake();
    }
}

/// A stream that waits for its next message.
#[derive(Debug)]
pub(crate) struct Starved(Arc<Flow>);

impl Drop for Starved {
    fn drop(&mut self) {
        self.0.starved.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A reader that waits.
#[derive(Debug)]
pub(crate) struct Thirst(Arc<Flow>);

impl Drop for Thirst {
    fn drop(&mut self) {
        self.0.thirsty.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A stream that takes whatever comes.
#[derive(Debug)]
pub(crate) struct Gate(Arc<Flow>);

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_makes_room() {
        let flow = Arc::new(Flow::default());
        let (one, two) = (flow.hold(6), flow.hold(4));
        assert!(!flow.has_room(10, Waker::noop()));
        drop(one);
        assert!(flow.has_room(10, Waker::noop()));
        drop(two);
        assert_eq!(flow.held.load(Ordering::Relaxed), 0);
        let gate = (flow.hold(20), flow.open_gate());
        assert!(flow.has_room(10, Waker::noop()));
        drop(gate.1);
        assert!(!flow.has_room(10, Waker::noop()));
    }
}
