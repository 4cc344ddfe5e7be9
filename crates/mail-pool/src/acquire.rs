//! Asking for an extra of one's own.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::assignment::Assignment;
use crate::connection::Connection;
use crate::context::Context;
use crate::core::Holder;
use crate::error::Error;
use crate::inner::Inner;
use crate::manager::{Kind, Manager};
use crate::ready::ready;
use crate::wait::{Found, Ticket};

/// Who asks: the context that polls.
pub(crate) fn holder_here<M: Manager>(
    inner: &Inner<M>,
    kind: Kind,
    place: &'static Location<'static>,
) -> Holder {
    Holder {
        kind,
        context: inner.context(),
        place,
        group: 0,
        owned: false,
        fallback: false,
        brief: false,
        spares: false,
    }
}

/// An extra of one's own, its connection alive as far as is known.
pub(crate) async fn acquire<M: Manager>(
    inner: &Arc<Inner<M>>,
    holder: Holder,
    timeout: Option<Duration>,
) -> Result<Connection<M>, Error<M::Error>> {
    not_by_creator(inner, holder.context)?;
    finish(Ticket::take(inner, holder, timeout)).await
}

pub(crate) fn not_by_creator<M: Manager>(inner: &Inner<M>, context: Context) -> Result<(), Error<M::Error>> {
    let has_main = inner.options.assignment != Assignment::Default;
    if inner.options.main_for_creator && has_main && context == inner.creator {
        return Err(Error::CreatorContext);
    }
    Ok(())
}

pub(crate) async fn finish<M: Manager>(ticket: Ticket<M>) -> Result<Connection<M>, Error<M::Error>> {
    match ticket.found().await? {
        Found::Lease(lease) => {
            if lease.is_broken() {
                // It died while it lay idle. The slot is ours; it is dialled anew in it.
                ready(&lease).await?;
            }
            Ok(Connection { lease })
        }
        // Only begun operations are sent to main.
        Found::Ready | Found::NoExtras => Err(Error::QuotaReservedForMain),
    }
}
