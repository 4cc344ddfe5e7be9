//! Those who wait, and what they are told.

use std::time::Instant;

use super::line::Key;
use super::orders::Out;
use super::rules::{Holder, SlotId};
use super::snapshot::Snapshot;

/// What a waiter waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Any extra, in turn.
    Extra,
    /// This slot's connection, together with everybody else who wants it.
    Slot(SlotId),
}

#[derive(Debug)]
pub(super) struct Waiter<E, W> {
    pub want: Want,
    pub holder: Holder,
    /// The order of arrival.
    pub ticket: u64,
    pub since: Instant,
    pub deadline: Option<Instant>,
    pub waker: Option<W>,
    pub stage: Stage<E>,
    /// Let an offer lapse and has not been heard of since.
    pub lapsed: bool,
}

#[derive(Debug)]
pub(super) enum Stage<E> {
    Waiting,
    Offered(SlotId),
    Told(Verdict<E>),
}

/// What a waiter is told, other than that he has a slot.
#[derive(Clone, Debug)]
pub(crate) enum Verdict<E> {
    /// The slot waited for is as it should be: look again.
    Ready,
    /// There is no extra to be had: a begun operation is to run on main, or on the connection of whoever began it.
    NoExtras,
    Failed(Failure<E>),
}

#[derive(Clone, Debug)]
pub(crate) enum Failure<E> {
    Connect(E),
    Credentials { error: E, others_open: usize },
    Timeout(Box<Snapshot<E>>),
    ReservedForMain,
    NoneToSpare,
    WouldDeadlock,
    Closed,
}

/// An extra that was there for the taking.
#[derive(Debug)]
pub(crate) struct Taken<L> {
    pub slot: SlotId,
    pub link: L,
    /// The timer must be set anew.
    pub rouse: bool,
    /// Many were taken in a row without anybody waiting: let others run, as with any resource that is always ready.
    pub rest: bool,
}

/// What a caller gets who asks for an extra.
#[derive(Debug)]
pub(crate) enum Take<L, E> {
    Got { slot: SlotId, link: L },
    Wait(Key),
    Never(Failure<E>),
    NoExtras,
}

/// What a waiter finds when he looks.
#[derive(Debug)]
pub(crate) enum Look<L, E> {
    Pending,
    Got { slot: SlotId, link: L },
    Told(Verdict<E>),
}

/// What follows from a plain [`put_back`](Core::put_back).
#[derive(Debug)]
pub(crate) struct PutBack<W> {
    pub wake: Option<W>,
    /// The timer must be set anew.
    pub rouse: bool,
}

/// How a connection comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Keep,
    Reset,
    Close,
    Broken,
}

impl<E> Verdict<E> {
    /// Hands an error to those who may drop it.
    pub(super) fn leave<L, W>(self, out: &mut Out<L, E, W>) {
        if let Self::Failed(failure) = self {
            match failure {
                Failure::Connect(error) | Failure::Credentials { error, .. } => {
                    out.errors.push(error);
                }
                Failure::Timeout(snapshot) => {
                    out.errors.extend(snapshot.refusal.map(|refusal| refusal.error));
                }
                Failure::ReservedForMain
                | Failure::NoneToSpare
                | Failure::WouldDeadlock
                | Failure::Closed => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, by};
    use super::*;
    use crate::assignment::Assignment;
    use crate::manager::Class;

    #[test]
    fn the_error_of_a_verdict_that_nobody_takes_is_dropped_outside_the_lock() {
        for class in [Class::Permanent, Class::Refused] {
            let mut desk = Desk::new(Assignment::Default, 1);
            let key = desk.waits(by(1));
            let slot = desk.dialled_slot();
            desk.refused(slot, class);
            desk.out = Out::new();
            desk.core.cancel(key, desk.now, &mut desk.out);
            assert_eq!(desk.out.errors, [7], "{class:?}");
        }

        let mut out = Out::<u8, u32, u8>::new();
        let mut desk = Desk::new(Assignment::Default, 1);
        desk.waits(by(1));
        let slot = desk.dialled_slot();
        desk.refused(slot, Class::Limit);
        let snapshot = desk.core.snapshot(desk.now, std::time::Duration::ZERO);
        Verdict::Failed(Failure::Timeout(Box::new(snapshot))).leave(&mut out);
        assert_eq!(out.errors, [7]);
    }
}
