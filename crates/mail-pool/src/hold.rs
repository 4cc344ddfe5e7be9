//! Holding new calls back because the server asked for it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

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
    random: u64,
}

impl Hold {
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            any: AtomicBool::new(false),
            state: Mutex::new(State { until: None, untold: UNTOLD.0, random: seed | 1 }),
        }
    }

    /// Holds calls back for the time told, or for 1 s, doubling to 60 s each time that it is asked for anew once that has passed. Returns how long
    /// it will be, up to a tenth more than asked.
    pub(crate) fn hold(&self, told: Option<Duration>, now: Instant) -> Duration {
        let mut state = lock(&self.state);
        let wait = match told {
            Some(told) => told.min(LONGEST),
            // What is told while calls are held back already answers what was asked before.
            None if state.until.is_some_and(|until| until > now) => {
                return state.until.map_or(Duration::ZERO, |until| until - now);
            }
            None => {
                // After a minute without a wish it begins anew.
                if state.until.is_none_or(|until| until + UNTOLD.1 < now) {
                    state.untold = UNTOLD.0;
                }
                let wait = state.untold;
                state.untold = (wait * 2).min(UNTOLD.1);
                wait
            }
        };
        state.random ^= state.random << 13;
        state.random ^= state.random >> 7;
        state.random ^= state.random << 17;
        let share = (state.random >> 11) as f64 / (1u64 << 53) as f64;
        let wait = wait.mul_f64(1.0 + share / 10.0).min(LONGEST);
        let until = now + wait;
        if state.until.is_none_or(|at| at < until) {
            state.until = Some(until);
        }
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
