//! Extras for work that is spread over several connections.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::acquire::{finish, holder_here};
use crate::connection::Connection;
use crate::core::Holder;
use crate::error::Error;
use crate::inner::Inner;
use crate::manager::{Kind, Manager};
use crate::wait::Ticket;

/// Extra connections for one piece of work that is spread over several: it begins with what it has, takes more as they come free, and gives them
/// back when others wait.
///
/// ```no_run
/// # async fn example<M: mail_pool::Manager>(pool: mail_pool::Pool<M>) {
/// let extras = pool.extras();
/// // One more, if it is to be had without making anybody wait; else the work goes on with what it has.
/// if let Some(extra) = extras.try_next().await {
///     // … a window of work on `extra` …
///     if extras.others_wait() {
///         drop(extra);
///     }
/// }
/// # }
/// ```
pub struct Extras<M: Manager> {
    inner: Arc<Inner<M>>,
    group: u64,
}

impl<M: Manager> Extras<M> {
    pub(crate) fn new(inner: &Arc<Inner<M>>) -> Self {
        static GROUPS: AtomicU64 = AtomicU64::new(1);
        Self { inner: Arc::clone(inner), group: GROUPS.fetch_add(1, Ordering::Relaxed) }
    }

    fn holder(&self, place: &'static Location<'static>) -> Holder {
        Holder { group: self.group, ..holder_here(&self.inner, Kind::FanOut, place) }
    }

    /// One more, as soon as one comes free: stands in line with all others, without a time limit. Dropping the future leaves the line.
    ///
    /// # Errors
    /// As [`Pool::create_connection`](crate::Pool::create_connection), but for the time limit.
    #[track_caller]
    pub fn next(&self) -> impl Future<Output = Result<Connection<M>, Error<M::Error>>> + Send + use<M> {
        let holder = self.holder(Location::caller());
        let inner = Arc::clone(&self.inner);
        async move { finish(Ticket::take(&inner, holder, None)).await }
    }

    /// One more, if one is idle or may be opened right now and nobody else waits; opening it may take its time. `None` if not, or if the
    /// server refused it.
    #[track_caller]
    pub fn try_next(&self) -> impl Future<Output = Option<Connection<M>>> + Send + use<M> {
        // It must not end up waiting for others, should the server refuse.
        let holder = Holder { fallback: true, ..self.holder(Location::caller()) };
        let inner = Arc::clone(&self.inner);
        async move {
            let ticket = Ticket::take_if_free(&inner, holder)?;
            finish(ticket).await.ok()
        }
    }

    /// Whether anybody else waits for a connection: then one should be given back at the next opportunity.
    pub fn others_wait(&self) -> bool {
        self.inner.peek(|core| core.waiting_but(self.group)) > 0
    }
}
