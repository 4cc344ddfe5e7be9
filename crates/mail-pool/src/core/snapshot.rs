//! What the pool looks like at one instant.

use std::time::{Duration, Instant};

use super::rules::{Holder, SlotId};
use super::slot::Phase;
use crate::manager::Class;

/// What the pool looked like at one instant.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot<E> {
    pub max: usize,
    pub effective: usize,
    pub slots: Vec<SlotView>,
    pub waiting: usize,
    pub waited: Duration,
    /// Everybody who holds an extra waits for one; looked at only when somebody's time is up.
    pub holders_wait: bool,
    pub refusal: Option<Refusal<E>>,
    pub not_before: Option<Instant>,
    pub blocked: bool,
    pub closed: bool,
    pub opened_so_far: u64,
    pub closed_so_far: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct SlotView {
    pub id: SlotId,
    pub state: Phase,
    pub connection: Option<u64>,
    pub holder: Option<(Holder, Duration)>,
}

/// A dial that failed.
#[derive(Clone, Debug)]
pub(crate) struct Refusal<E> {
    pub error: E,
    pub class: Class,
    pub at: Instant,
    /// How many other connections were open.
    pub others_open: usize,
}
