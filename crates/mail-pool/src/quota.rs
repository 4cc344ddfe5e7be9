//! A quota besides the pool's own: one that several pools, or several processes, share.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Says whether one more connection may be opened.
///
/// It is asked on the dialling task, outside every lock, before anything is dialled. The pool's own
/// [`max_connections`](crate::Builder::max_connections) holds beside it.
pub trait Quota: Send + Sync + 'static {
    /// Takes a permit, or says how to wait for one.
    fn try_take(&self) -> Taken;
}

/// The answer of a [`Quota`].
pub enum Taken {
    /// One more connection may be opened.
    Permit(Permit),
    /// Not now: the future ends when there is a permit. It is dropped when nobody needs the connection any more.
    Wait(Pin<Box<dyn Future<Output = Permit> + Send>>),
}

/// Leave to have one connection. Dropping it gives it back, which the pool does once the connection is closed.
pub struct Permit(#[expect(dead_code, reason = "held for its drop")] Box<dyn Any + Send + Sync>);

impl Permit {
    /// Wraps whatever gives the permit back when it is dropped.
    pub fn new(permit: impl Any + Send + Sync) -> Self {
        Self(Box::new(permit))
    }
}

/// A quota of connections shared by the pools of one process.
#[derive(Clone, Debug)]
pub struct SharedQuota(Arc<Semaphore>);

impl SharedQuota {
    /// A quota of `max` connections.
    pub fn new(max: usize) -> Self {
        Self(Arc::new(Semaphore::new(max)))
    }
}

impl Quota for SharedQuota {
    fn try_take(&self) -> Taken {
        match Arc::clone(&self.0).try_acquire_owned() {
            Ok(permit) => Taken::Permit(Permit::new(permit)),
            Err(_) => {
                let semaphore = Arc::clone(&self.0);
                Taken::Wait(Box::pin(async move {
                    // The semaphore is never closed.
                    Permit::new(semaphore.acquire_owned().await)
                }))
            }
        }
    }
}
