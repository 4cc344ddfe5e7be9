//! What the shell goes by.

use std::sync::Arc;
use std::time::Duration;

use crate::assignment::Assignment;
use crate::context::Context;
use crate::core::Rules;
use crate::quota::Quota;

/// Where contexts come from, if not from tokio and the operating system.
pub(crate) type ContextSource = Arc<dyn Fn() -> Context + Send + Sync>;

/// What the shell goes by.
#[derive(Clone)]
pub(crate) struct Options {
    pub assignment: Assignment,
    pub max_connections: usize,
    pub max_handshakes: usize,
    pub idle_timeout: Duration,
    pub trust_idle: Duration,
    pub max_lifetime: Option<Duration>,
    pub acquire_timeout: Option<Duration>,
    pub take_up_timeout: Duration,
    pub cool_down: Duration,
    pub backoff: (Duration, Duration),
    pub throttle: Duration,
    pub logout_settles: Duration,
    pub connect_timeout: Duration,
    pub check_timeout: Duration,
    pub close_timeout: Duration,
    pub grace: Duration,
    pub main_for_creator: bool,
    pub max_operations: Option<usize>,
    pub quota: Option<Arc<dyn Quota>>,
    pub contexts: Option<ContextSource>,
    pub runtime: Option<tokio::runtime::Handle>,
}

impl Options {
    pub(crate) fn rules(&self, renews_credentials: bool, seed: u64) -> Rules {
        let bounded = |time: Duration| time.min(Rules::NEVER);
        Rules {
            assignment: self.assignment,
            max: self.max_connections,
            max_handshakes: self.max_handshakes,
            idle_timeout: bounded(self.idle_timeout),
            trust_idle: bounded(self.trust_idle),
            max_lifetime: self.max_lifetime.map(bounded),
            take_up: bounded(self.take_up_timeout),
            cool_down: bounded(self.cool_down),
            backoff: (bounded(self.backoff.0), bounded(self.backoff.1)),
            throttle: bounded(self.throttle),
            logout_settles: bounded(self.logout_settles),
            renews_credentials,
            seed,
        }
    }
}
