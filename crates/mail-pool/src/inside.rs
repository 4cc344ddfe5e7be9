//! Being inside a begun operation, and what it runs on.

use std::any::Any;
use std::sync::Arc;

use crate::conn::Conn;
use crate::core::Holder;
use crate::error::Error;
use crate::inner::Inner;
use crate::lease::Lease;
use crate::manager::Manager;
use crate::ready;

/// On what an operation runs.
pub(crate) enum Own<M: Manager> {
    Lease(Arc<Lease<M>>),
    Main(Arc<Inner<M>>, Holder),
}

impl<M: Manager> Clone for Own<M> {
    fn clone(&self) -> Self {
        match self {
            Self::Lease(lease) => Self::Lease(Arc::clone(lease)),
            Self::Main(inner, holder) => Self::Main(Arc::clone(inner), *holder),
        }
    }
}

impl<M: Manager> Own<M> {
    /// The connection, made ready for use.
    pub(crate) async fn get(&self) -> Result<Conn<M>, Error<M::Error>> {
        match self {
            Self::Lease(lease) => ready::ready(lease).await,
            Self::Main(inner, holder) => ready::main(inner, *holder).await,
        }
    }
}

/// The operation that the calling task is inside of, and the one that it is nested in.
pub(crate) struct Frame {
    pub pool: u64,
    pub own: Box<dyn Any + Send + Sync>,
    pub outer: Option<Arc<Self>>,
}

tokio::task_local! {
    pub(crate) static INSIDE: Arc<Frame>;
}

/// What the operation runs on that the caller is inside of, if it is one of this pool.
pub(crate) fn inside<M: Manager>(inner: &Inner<M>) -> Option<Own<M>> {
    INSIDE
        .try_with(|frame| {
            let mut frame = Some(frame);
            while let Some(at) = frame {
                if at.pool == inner.id {
                    return at.own.downcast_ref::<Own<M>>().cloned();
                }
                frame = at.outer.as_ref();
            }
            None
        })
        .ok()
        .flatten()
}
