//! A pool for connections that log in slowly and are limited in number.
//!
//! Under construction.

mod checkout;
mod config;
mod context;
mod core;
mod defaults;
mod error;
mod handle;
mod hold;
mod inner;
#[cfg(test)]
mod interleavings;
mod link;
mod manager;
mod operation;
mod pool;
mod quota;
mod status;
mod sync;
mod wait;
mod work;

pub use checkout::Checkout;
pub use config::{Assignment, Builder};
pub use context::Context;
pub use core::Phase;
pub use defaults::DefaultConnection;
pub use error::{AcquireTimeout, ConfigError, Error, LastRefusal};
pub use handle::{Conn, Connection, Exclusive};
pub use manager::{AfterUse, Attempt, Class, Kind, Manager};
pub use operation::{Begun, Canceller, Operation, Pending};
pub use pool::{Extras, Pool};
pub use quota::{Permit, Quota, SharedQuota, Taken};
pub use status::{ConnectionStatus, Counts, Status};
