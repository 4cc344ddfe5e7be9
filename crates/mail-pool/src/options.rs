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
    pub(crate) const fn rules(&self, renews_credentials: bool, seed: u64) -> Rules {
        Rules {
            assignment: self.assignment,
            max: self.max_connections,
            max_handshakes: self.max_handshakes,
            idle_timeout: self.idle_timeout,
            trust_idle: self.trust_idle,
            max_lifetime: self.max_lifetime,
            take_up: self.take_up_timeout,
            cool_down: self.cool_down,
            backoff: self.backoff,
            throttle: self.throttle,
            logout_settles: self.logout_settles,
            renews_credentials,
            seed,
        }
    }
}
