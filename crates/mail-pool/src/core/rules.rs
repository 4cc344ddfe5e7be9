//! What the core goes by, and who asks it.

use std::panic::Location;
use std::time::Duration;

use crate::assignment::Assignment;
use crate::context::Context;
use crate::manager::Kind;

/// Which slot. [`MAIN`] is main's; the others are extras.
pub(crate) type SlotId = usize;

pub(crate) const MAIN: SlotId = 0;

/// What tells two connections apart.
pub(crate) trait Linked: Clone {
    fn id(&self) -> u64;
}

/// The figures that the core goes by.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub assignment: Assignment,
    pub max: usize,
    pub max_handshakes: usize,
    pub idle_timeout: Duration,
    pub trust_idle: Duration,
    pub max_lifetime: Option<Duration>,
    pub take_up: Duration,
    pub cool_down: Duration,
    pub backoff: (Duration, Duration),
    pub throttle: Duration,
    pub logout_settles: Duration,
    pub renews_credentials: bool,
    pub seed: u64,
}

impl Rules {
    /// What is longer comes to the same, and can't be told in time.
    pub(crate) const NEVER: Duration = Duration::from_secs(86_400 * 365 * 30);
}

/// Who holds a slot, or wants to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    pub kind: Kind,
    pub context: Context,
    pub place: &'static Location<'static>,
    /// Tells one fan-out from another; 0 for everything else.
    pub group: u64,
    /// Whether the slot belongs to `context` beyond this use: an automatic default.
    pub owned: bool,
    /// Who asks has another connection to fall back on, and must not wait for others.
    pub fallback: bool,
    /// Takes it for a moment and tells no time when he gives it back.
    pub brief: bool,
    /// Leaves the last extra to others.
    pub spares: bool,
}
