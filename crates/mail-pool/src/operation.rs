//! Begun operations: work in the background that is handed a connection of its own.

use std::any::Any;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use tokio::task::{AbortHandle, JoinHandle};

use crate::acquire::holder_here;
use crate::conn::Conn;
use crate::core::Holder;
use crate::defaults;
use crate::error::Error;
use crate::inner::Inner;
use crate::inside::{Frame, INSIDE, Own, inside};
use crate::lease::Lease;
use crate::manager::{Kind, Manager};
use crate::sync::AtomicUsize;
use crate::wait::{Found, Ticket};

/// The connection of a begun operation: an extra of its own, or one that it shares where there is none.
pub struct Operation<M: Manager> {
    own: Own<M>,
}

impl<M: Manager> Operation<M> {
    /// The connection, alive as far as is known. See [`Connection::get`](crate::Connection::get).
    ///
    /// # Errors
    /// As there.
    pub async fn get(&self) -> Result<Conn<M>, Error<M::Error>> {
        self.own.get().await
    }

    /// Begins an operation inside this one, also from another task than this one's own: it gets a connection of its own if one is free at once,
    /// and else runs on this one's.
    ///
    /// # Errors
    /// As [`Pool::begin`](crate::Pool::begin).
    #[track_caller]
    pub fn begin<F, R>(&self, operation: F) -> Begun<M, R::Output>
    where
        F: FnOnce(Self) -> R + Send + 'static,
        R: Future<Output: Send + 'static> + Send + 'static,
    {
        let inner = match &self.own {
            Own::Lease(lease) => &lease.inner,
            Own::Main(inner, _) => inner,
        };
        begin(inner, None, Location::caller(), Some(self.own.clone()), operation)
    }

    /// Whether it runs on main, shared with everybody.
    pub const fn is_on_main(&self) -> bool {
        matches!(self.own, Own::Main(..))
    }
}

impl<M: Manager> fmt::Debug for Operation<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("is_on_main", &self.is_on_main()).finish()
    }
}

/// What beginning an operation gives, `T` being the operation's own result.
pub type Begun<M, T> = Result<Pending<T, <M as Manager>::Error>, Error<<M as Manager>::Error>>;

/// A begun operation. Awaited it gives the operation's own result; dropped, the operation runs on.
#[must_use = "an operation runs by itself, but how it ended is known only here"]
pub struct Pending<T, E> {
    task: JoinHandle<Result<T, Error<E>>>,
}

impl<T, E> Pending<T, E> {
    /// Stops the operation, wherever it is. Awaiting it gives [`Error::Cancelled`], unless it had ended before.
    pub fn cancel(&self) {
        self.task.abort();
    }

    /// A handle that can stop the operation while somebody else awaits it.
    pub fn canceller(&self) -> Canceller {
        Canceller(self.task.abort_handle())
    }

    /// Whether the operation has ended.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl<T, E> Future for Pending<T, E> {
    type Output = Result<T, Error<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready!(Pin::new(&mut self.task).poll(cx)) {
            Ok(result) => result,
            Err(failure) => Err(match failure.try_into_panic() {
                Ok(panic) => Error::Panicked(message(&*panic)),
                Err(_) => Error::Cancelled,
            }),
        })
    }
}

impl<T, E> fmt::Debug for Pending<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("is_finished", &self.is_finished()).finish()
    }
}

/// Stops a begun operation.
#[derive(Clone, Debug)]
pub struct Canceller(AbortHandle);

impl Canceller {
    /// Stops the operation, wherever it is.
    pub fn cancel(&self) {
        self.0.abort();
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "no message".to_owned()
    }
}

/// One of the operations that may be unfinished at once, counted from its beginning to its end.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take<M: Manager>(inner: &Inner<M>) -> Result<Self, Error<M::Error>> {
        let limit = inner.options.max_operations.unwrap_or(usize::MAX);
        let count = Arc::clone(&inner.operations);
        if count.fetch_add(1, Ordering::AcqRel) >= limit {
            count.fetch_sub(1, Ordering::AcqRel);
            return Err(Error::QueueFull { limit });
        }
        Ok(Self(count))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Begins an operation, within another if its connection is given. Its place in the line is taken before this returns.
pub(crate) fn begin<M, F, R>(
    inner: &Arc<Inner<M>>,
    timeout: Option<Duration>,
    place: &'static Location<'static>,
    within: Option<Own<M>>,
    operation: F,
) -> Begun<M, R::Output>
where
    M: Manager,
    F: FnOnce(Operation<M>) -> R + Send + 'static,
    R: Future<Output: Send + 'static> + Send + 'static,
{
    let counted = Place::take(inner)?;
    let holder = holder_here(inner, Kind::Operation, place);
    let has_already =
        within.or_else(|| inside(inner)).or_else(|| defaults::of(inner, holder.context).map(Own::Lease));
    let (ticket, fallback) = match has_already {
        // Who holds a connection doesn't wait for others to make progress.
        Some(own) => {
            let holder = Holder { fallback: true, ..holder };
            (Ticket::take_if_free(inner, holder), Some(own))
        }
        None => (Some(Ticket::take(inner, holder, timeout)), None),
    };
    if let Some(Ticket::Now(Err(error))) = ticket {
        return Err(error);
    }
    let main = Own::Main(Arc::clone(inner), holder);
    start(inner, counted, operation, async move {
        let found = match ticket {
            Some(ticket) => ticket.found().await?,
            None => Found::NoExtras,
        };
        Ok(match found {
            Found::Lease(lease) => Own::Lease(lease),
            Found::Ready | Found::NoExtras => fallback.unwrap_or(main),
        })
    })
}

/// Begins an operation on a connection that exists.
pub(crate) fn begin_on<M, F, R>(lease: &Arc<Lease<M>>, operation: F) -> Begun<M, R::Output>
where
    M: Manager,
    F: FnOnce(Operation<M>) -> R + Send + 'static,
    R: Future<Output: Send + 'static> + Send + 'static,
{
    let inner = &lease.inner;
    let counted = Place::take(inner)?;
    let own = Own::Lease(Arc::clone(lease));
    start(inner, counted, operation, async move { Ok(own) })
}

fn start<M, F, R>(
    inner: &Arc<Inner<M>>,
    counted: Place,
    operation: F,
    own: impl Future<Output = Result<Own<M>, Error<M::Error>>> + Send + 'static,
) -> Begun<M, R::Output>
where
    M: Manager,
    F: FnOnce(Operation<M>) -> R + Send + 'static,
    R: Future<Output: Send + 'static> + Send + 'static,
{
    let runtime = inner.runtime().ok_or(Error::NoRuntime)?;
    let pool = inner.id;
    let outer = INSIDE.try_with(Arc::clone).ok();
    let task = runtime.spawn(async move {
        // Counted until the operation is over, however it ends.
        let _counted = counted;
        let own = own.await?;
        if let Own::Lease(lease) = &own {
            // From now on it is this task that holds it.
            lease.enter(lease.inner.context());
        }
        let frame = Frame { pool, own: Box::new(own.clone()), outer };
        Ok(INSIDE.scope(Arc::new(frame), async move { operation(Operation { own }).await }).await)
    });
    Ok(Pending { task })
}
