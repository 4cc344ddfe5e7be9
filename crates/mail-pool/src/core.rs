//! The pure core: which slot is in which state, who waits for what, and what follows from each event.
//!
//! Nothing here waits, does I/O, reads a clock or calls anybody: time comes in as an argument, and what must be done
//! (wake, dial, check, reset, close, drop) goes out in an [`Out`], for the caller to do once it has let go of the lock.
//! Links (`L`), errors (`E`) and wakers (`W`) are only moved and cloned in here; the last of its kind is never dropped.
//!
//! # Invariants
//! Asserted after every operation in debug builds ([`Core::assert_invariants`]):
//! 1. The extras that are taken, in whatever state, are at most `max − reserve` (after a shrink: none is added until they are).
//! 2. What counts at the server (dialling, held, idle, being checked, reset or closed) is at most `max`; after a fall of the
//!    effective quota nothing is dialled above it, but for one probe at a time.
//! 3. While somebody waits for an extra, nothing idle is left that could serve him.
//! 4. While somebody waits and a slot is free, something is under way for everybody, or the reason why not is on record: a
//!    handshake permit, a back-off, a throttle, a blocked login, the fallen quota.
//! 5. Every waiter stands in exactly one line, or holds an offer that a slot knows of, or has his verdict.
//! 6. The counts agree with the states of the slots.

#[cfg(test)]
mod answers;
mod asking;
mod counts;
#[cfg(test)]
mod desk;
mod dialling;
#[cfg(test)]
mod happenings;
mod holding;
mod invariants;
mod line;
mod machine;
#[cfg(test)]
mod model;
#[cfg(test)]
mod orderings;
mod orders;
mod outcomes;
mod placing;
mod refusals;
mod rules;
mod ruling;
mod slot;
mod snapshot;
mod timers;
mod waiter;

pub(crate) use line::Key;
pub(crate) use machine::Core;
pub(crate) use orders::{Job, Note, Out};
pub(crate) use rules::{Holder, Linked, MAIN, Rules, SlotId};
pub use slot::Phase;
pub(crate) use snapshot::{Refusal, SlotView, Snapshot};
pub(crate) use waiter::{Failure, Fate, Look, Take, Taken, Verdict};
