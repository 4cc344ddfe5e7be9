//! Holding new calls back because the server asked for it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::jitter::Jitter;
use crate::sync::{AtomicBool, Mutex, lock};

/// No wish of a server holds calls longer than this.
const LONGEST: Duration = Duration::from_secs(300);
/// The first wait where the server tells no time, and the longest that it doubles to.
const UNTOLD: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Until when new calls are held back.
pub(crate) struct Hold {
    /// Whether calls may be held back, so that most needn't look closer.
    any: AtomicBool,
    state: Mutex<State>,
}

struct State {
    until: Option<Instant>,
    untold: Duration,
    jitter: Jitter,
}

impl Hold {
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            any: AtomicBool::new(false),
            state: Mutex::new(State { until: None, untold: UNTOLD.0, jitter: Jitter::new(seed) }),
        }
    }

    /// Holds calls back for the time told, or for 1 s, doubling to 60 s each time that it is asked for anew once that has passed. Returns how long
    /// it will be, up to a tenth more than asked.
    pub(crate) fn hold(&self, told: Option<Duration>, now: Instant) -> Duration {
        let mut state = lock(&self.state);
        let wait = match told {
            Some(told) => told.min(LONGEST),
            None => {
                if let Some(until) = state.until {
                    // What is told while calls are held back already answers what was asked before.
                    if until > now {
                        return until - now;
                    }
                    // After a minute without a wish it begins anew.
                    if until + UNTOLD.1 <= now {
                        state.untold = UNTOLD.0;
                    }
                }
                let wait = state.untold;
                state.untold = (wait * 2).min(UNTOLD.1);
                wait
            }
        };
        let wait = wait.mul_f64(1.0 + state.jitter.share() / 10.0).min(LONGEST);
        let until = now + wait;
        state.until = Some(state.until.map_or(until, |at| at.max(until)));
        self.any.store(true, Ordering::Release);
        wait
    }

    /// Whether calls have ever been held back.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Until when calls are held back, if they are.
    pub(crate) fn until(&self, now: Instant) -> Option<Instant> {
        lock(&self.state).until.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::alone;

    const SECOND: Duration = Duration::from_secs(1);
    const INSTANT: Duration = Duration::from_nanos(1);

    #[test]
    fn calls_are_held_back_until_the_time_and_no_longer() {
        alone(|| {
            let hold = Hold::new(1);
            let begun = Instant::now();
            assert!(!hold.any());
            let wait = hold.hold(Some(SECOND), begun);
            assert!(hold.any());
            let end = begun + wait;
            for (now, until) in
                [(begun, Some(end)), (end - INSTANT, Some(end)), (end, None), (end + INSTANT, None)]
            {
                assert_eq!(hold.until(now), until);
            }
        });
    }

    #[test]
    fn the_longest_that_was_told_holds() {
        alone(|| {
            let hold = Hold::new(1);
            let begun = Instant::now();
            let long = begun + hold.hold(Some(SECOND * 9), begun);
            hold.hold(Some(SECOND), begun);
            assert_eq!(hold.until(begun), Some(long));
            let longer = begun + hold.hold(Some(SECOND * 20), begun);
            assert_eq!(hold.until(begun), Some(longer));
        });
    }

    #[test]
    fn a_wish_without_a_time_is_heard_anew_when_the_last_wait_is_over_and_forgotten_a_minute_later() {
        alone(|| {
            let waits = |later: Duration| {
                let hold = Hold::new(1);
                let begun = Instant::now();
                let first = hold.hold(None, begun);
                assert_eq!(hold.hold(None, begun + first - INSTANT), INSTANT, "the same wish");
                hold.hold(None, begun + first + later).as_secs()
            };
            assert_eq!(waits(Duration::ZERO), 2);
            assert_eq!(waits(SECOND * 60 - INSTANT), 2);
            assert_eq!(waits(SECOND * 60), 1);
        });
    }

    #[test]
    fn what_is_told_does_not_double_what_is_untold() {
        alone(|| {
            let hold = Hold::new(1);
            let begun = Instant::now();
            let told = hold.hold(Some(SECOND * 5), begun);
            assert_eq!(hold.hold(None, begun + told).as_secs(), 1);
        });
    }
}
