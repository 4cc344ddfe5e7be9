//! What is known of the server's willingness to let us in.

use std::time::{Duration, Instant};

use super::rules::SlotId;
use super::snapshot::Refusal;
use crate::jitter::Jitter;
use crate::manager::Class;

/// Whether a dial may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    Yes,
    /// Above the effective quota, to see whether there is a place again.
    Probe,
    No,
}

#[derive(Debug)]
pub(super) struct Dialling<E> {
    /// A login has succeeded since the last doubt.
    pub proven: bool,
    /// Back-off, a throttle or a cool-down: nothing is dialled before.
    pub not_before: Option<Instant>,
    /// The back-off is a throttle that lasts until then.
    pub throttled: Option<Instant>,
    /// Failures in a row, for the length of the back-off.
    pub failures: u32,
    /// Failures in a row of which nobody was told.
    pub untold: u32,
    /// What is left of the quota after a refusal.
    pub fallen: Option<Fallen>,
    pub probe: Option<SlotId>,
    /// Dials started so far.
    pub dials: u64,
    /// Dials up to this one know nothing of the last fall of the quota, or of the last doubt about the login: what they
    /// bring is part of the same news.
    pub fell_at: u64,
    pub doubted_at: u64,
    /// A refused login was taken for a limit.
    pub suspected: bool,
    pub fresh: Fresh,
    /// The login is refused for good.
    pub blocked: Option<(E, usize)>,
    pub refusal: Option<Refusal<E>>,
    pub logged_out: Option<Instant>,
    /// The last refusal was perhaps no limit, and is tried once more.
    pub doubt: Option<Doubt>,
    pub jitter: Jitter,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Fallen {
    pub effective: usize,
    pub probe_at: Instant,
}

/// A refusal that may be a limit: soon after our own logout, or without a word of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    /// Dials up to this one were on their way when it came: what they bring is part of the same news.
    pub dials: u64,
    /// A refusal after that isn't the second in a row.
    pub until: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fresh {
    No,
    Next,
    Tried,
}

impl<E: Clone> Dialling<E> {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            proven: false,
            not_before: None,
            throttled: None,
            failures: 0,
            untold: 0,
            fallen: None,
            probe: None,
            dials: 0,
            fell_at: 0,
            doubted_at: 0,
            suspected: false,
            fresh: Fresh::No,
            blocked: None,
            refusal: None,
            logged_out: None,
            doubt: None,
            jitter: Jitter::new(seed),
        }
    }

    pub(super) fn effective(&self, max: usize) -> usize {
        self.fallen.map_or(max, |fallen| fallen.effective.min(max))
    }

    pub(super) fn refusal(&self) -> Option<Refusal<E>> {
        self.refusal.clone()
    }

    pub(super) const fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    pub(super) const fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// Whether dials fail at the moment for a reason that may pass and is no limit.
    pub(super) fn is_down(&self) -> bool {
        self.failures > 0
            && self.refusal.as_ref().is_some_and(|refusal| {
                matches!(refusal.class, Class::Transient)
                    || (refusal.class == Class::Outage && refusal.others_open == 0)
            })
    }

    pub(super) fn blocked(&self) -> Option<(E, usize)> {
        self.blocked.clone()
    }

    pub(super) fn probe_due(&self, now: Instant) -> bool {
        self.probe.is_none() && self.fallen.is_some_and(|fallen| fallen.probe_at <= now)
    }

    pub(super) fn probe_at(&self) -> Option<Instant> {
        self.fallen.map(|fallen| fallen.probe_at)
    }

    pub(super) fn logged_out(&mut self, now: Instant) {
        self.logged_out = Some(now);
    }

    pub(super) fn forget_probe(&mut self, slot: SlotId) {
        if self.probe == Some(slot) {
            self.probe = None;
        }
    }

    /// A time within a quarter of `wait`, so that many pools don't act in step.
    pub(super) fn jitter(&mut self, wait: Duration) -> Duration {
        wait.mul_f64(0.75 + self.jitter.share() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_a_quarter_more_or_less() {
        let mut dialling = Dialling::<()>::new(1);
        let waits: Vec<f64> =
            (0..1_000).map(|_| dialling.jitter(Duration::from_secs(4)).as_secs_f64()).collect();
        assert!(waits.iter().all(|wait| (3.0..5.0).contains(wait)));
        assert!(waits.iter().any(|wait| *wait < 3.1) && waits.iter().any(|wait| *wait > 4.9));
    }
}
