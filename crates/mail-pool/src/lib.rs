//! A pool for connections that log in slowly and are limited in number.
//!
//! Mail servers let an account have some ten connections at once, take their time over a login, and show their limit as something that looks
//! like a wrong password. This pool is made for such servers, and knows nothing of mail: a [`Manager`] opens, checks and closes its connections
//! and says what a failure means.
//!
//! - **Never more than the quota**: what is being opened, idle or still saying goodbye counts. When all are taken, requests wait, first come first
//!   served, and a connection given back goes straight to the oldest of them.
//! - **Main, default, independent**: one *main* connection comes and goes with the pool and is shared by all. A context (a task, or outside any
//!   task an OS thread) may have a *default* connection. *Independent* ones belong to nobody. [`Pool::get`] picks by [`Assignment`].
//! - **Brief uses are quick**: [`Pool::checkout`] takes a connection for one use and gives it back, without a handle in between.
//! - **A limit is not a wrong password**: refusals are classed ([`Class`]). At a limit the pool lives with what is open and tries again after a
//!   cool-down; a wrong password is sent once.
//! - **Nothing is lost**: callers, tasks and runtimes may go away at any point. A dial that nobody waits for any more serves the next; a slot
//!   always comes back.
//!
//! # Example
//! ```
//! use std::convert::Infallible;
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use std::time::Duration;
//!
//! use mail_pool::{Attempt, Class, Manager, Pool};
//!
//! /// Opens connections that are but numbers.
//! struct Numbers(AtomicU32);
//!
//! impl Manager for Numbers {
//!     type Connection = u32;
//!     type Error = Infallible;
//!
//!     async fn connect(&self, attempt: Attempt) -> Result<u32, Infallible> {
//!         let number = self.0.fetch_add(1, Ordering::Relaxed);
//!         println!("number {number} is opened as {}", attempt.kind);
//!         Ok(number)
//!     }
//!
//!     fn is_broken(&self, _: &u32) -> bool {
//!         false
//!     }
//!
//!     async fn check(&self, _: &u32) -> Result<(), Infallible> {
//!         Ok(())
//!     }
//!
//!     async fn close(&self, number: u32) {
//!         println!("number {number} says goodbye");
//!     }
//!
//!     fn classify(&self, error: &Infallible) -> Class {
//!         match *error {}
//!     }
//!
//!     fn connect_timed_out(&self, _: Duration) -> Infallible {
//!         unreachable!("opening a number takes no time")
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::builder(Numbers(AtomicU32::new(1))).max_connections(3).build()?;
//!
//! // Whoever names no connection shares main.
//! assert_eq!(*pool.get().await?, 1);
//! assert_eq!(*pool.get().await?, 1);
//!
//! // A connection of one's own; dropping the handle gives it back, and the next one gets it.
//! let own = pool.create_connection().await?;
//! assert_eq!(*own.get().await?, 2);
//! drop(own);
//!
//! // Work in the background is handed a connection, which its nameless calls use too.
//! let inner = pool.clone();
//! let sum = pool.begin(move |operation| async move {
//!     let (named, nameless) = (operation.get().await?, inner.get().await?);
//!     Ok::<_, mail_pool::Error<Infallible>>(*named + *nameless)
//! })?;
//! assert_eq!(sum.await??, 4);
//!
//! pool.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The states of a slot
//! A connection lives in a slot, and a slot counts from the moment it is dialled until the goodbye is over.
//! ```text
//!              nobody idle, and it may be dialled                  refused
//!    ┌──────┐ ────────────────────────────────────▶ ┌──────────┐ ──────────▶ (free)
//!    │ free │                                       │ dialling │
//!    └──────┘ ◀───────────────┐                     └──────────┘
//!        ▲                    │                           │ logged in
//!        │ gone               │ dead                      ▼
//!   ┌─────────┐  no good  ┌──────────┐   alive     ╔═════════════════╗
//!   │ closing │ ◀──────── │ checking │ ──────────▶ ║ a place for it: ║
//!   └─────────┘           └──────────┘             ╚═════════════════╝
//!        ▲                    ▲                      │      │      │ too old, or above the quota
//!        │                    │ idle for long        │      │      └──────────▶ (closing)
//!        │ kept for too long  │ and wanted           │      │
//!        │                ┌──────┐  nobody waits     │      │ somebody waits
//!        └─────────────── │ idle │ ◀─────────────────┘      ▼
//!                         └──────┘                     ┌─────────┐  not taken up in 1 s
//!                             │ taken                  │ offered │ ─────────▶ (a place for it)
//!                             ▼                        └─────────┘
//!    dead: dialled anew   ┌──────┐      taken up           │
//!       inside the slot ⟲ │ held │ ◀───────────────────────┘
//!                         └──────┘
//!                             │ given back            ┌───────────┐  as if new
//!                             ├─ needs clearing ────▶ │ resetting │ ──────────▶ (a place for it)
//!                             ├─ clean ─────────────▶ (a place for it)
//!                             └─ tainted ───────────▶ (closing)
//! ```
//! Main's slot is held from its first use to the pool's end.
//!
//! # Waiting for each other
//! Whoever holds a connection shouldn't wait for another. The pool sees to it where it can know: an operation begun by somebody who has a connection
//! runs on that one if nothing is free at once; a request by a context that itself holds every extra, and a call on a connection that the context holds
//! [exclusively](Connection::exclusive), fail with [`Error::WouldDeadlock`]. What a watcher keeps for days it asks for with
//! [`create_connection_leaving_one`](Pool::create_connection_leaving_one), so that one is left to do the work.
//!
//! Contexts that each hold a connection and wait for another may be waiting for each other, and may not: a task has branches, and one may be at work and
//! about to give its connection back while another waits. So nobody is refused for it. The deadline ends the wait, and
//! [`AcquireTimeout::holders_wait`] tells what it looked like.
//!
//! # Runtimes
//! The pool runs on tokio, with time enabled, and starts no thread. Dialling, closing and timekeeping run on the runtime of whoever sets them off,
//! or on the one that [`Builder::runtime`] names; that runtime must be driven. If it ends, the next caller's takes over. Handles may be dropped
//! anywhere, outside any runtime too: then their connections are cut instead of logged out if no runtime is left to do it on.

mod acquire;
mod assignment;
mod builder;
mod caller;
mod checkout;
mod closing;
mod conn;
mod connection;
mod context;
mod core;
mod defaults;
mod error;
mod extras;
mod hold;
mod inner;
mod inside;
#[cfg(test)]
mod interleavings;
mod jitter;
mod keeper;
mod lease;
mod link;
mod manager;
mod operation;
mod options;
mod pool;
mod quota;
mod ready;
mod status;
mod steps;
mod sync;
mod table;
mod wait;
mod work;

pub use assignment::Assignment;
pub use builder::Builder;
pub use caller::Caller;
pub use checkout::Checkout;
pub use conn::Conn;
pub use connection::{Connection, Exclusive};
pub use context::Context;
pub use core::Phase;
pub use defaults::DefaultConnection;
pub use error::{AcquireTimeout, ConfigError, Error};
pub use extras::Extras;
pub use manager::{AfterUse, Attempt, Class, Kind, Manager};
pub use operation::{Begun, Canceller, Operation, Pending};
pub use pool::{Pool, WeakPool};
pub use quota::{Permit, Quota, SharedQuota, Taken};
pub use status::{ConnectionStatus, Counts, LastRefusal, Status};
