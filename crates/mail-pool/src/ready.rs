//! Making a connection ready for use: alive, as far as is known.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::conn::Conn;
use crate::core::{Holder, MAIN, SlotId};
use crate::error::Error;
use crate::inner::{Inner, LinkOf};
use crate::lease::Lease;
use crate::manager::Manager;
use crate::sync::now;
use crate::wait;

/// What is to be done before a connection can be used.
enum Need {
    Nothing,
    Check,
    Dial,
}

/// What a connection needs that was handed out at `since`, in good order.
fn need<M: Manager>(inner: &Inner<M>, link: &LinkOf<M>, since: Instant) -> Need {
    if inner.manager.is_broken(&link.connection) {
        return Need::Dial;
    }
    let (now, trust) = (now(), inner.options.trust_idle);
    if now.saturating_duration_since(since) >= trust && link.is_stale(now, trust) {
        Need::Check
    } else {
        Need::Nothing
    }
}

/// The connection of a lease, made ready for use.
pub(crate) async fn ready<M: Manager>(lease: &Arc<Lease<M>>) -> Result<Conn<M>, Error<M::Error>> {
    let inner = &lease.inner;
    inner.held_back().await;
    let mut replaced = None;
    loop {
        if inner.ending.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        let context = inner.context();
        let Some(link) = lease.enter(context) else {
            lease.admission(context).await?;
            continue;
        };
        if let Some(link) = link {
            match need(inner, &link, lease.since) {
                Need::Nothing => return Ok(Conn::new(link, Some(Arc::clone(lease)))),
                // Opened for this call and dead already: its use tells why. Else a peer that drops everybody would be dialled for ever.
                Need::Dial if replaced.is_some_and(|dead| dead != link.id) => {
                    return Ok(Conn::new(link, Some(Arc::clone(lease))));
                }
                need => {
                    replaced = Some(link.id);
                    lease.forget();
                    tend(inner, lease.slot, link, &need);
                }
            }
        }
        wait::slot(inner, lease.slot, lease.holder).await?;
        lease.refresh();
    }
}

/// Main, made ready for use.
pub(crate) async fn main<M: Manager>(
    inner: &Arc<Inner<M>>,
    holder: Holder,
) -> Result<Conn<M>, Error<M::Error>> {
    inner.held_back().await;
    let mut replaced = None;
    loop {
        if let Some(link) = inner.peek(|core| core.link(MAIN)) {
            match need(inner, &link, inner.epoch) {
                Need::Nothing => return Ok(Conn::new(link, None)),
                // As above.
                Need::Dial if replaced.is_some_and(|dead| dead != link.id) => {
                    return Ok(Conn::new(link, None));
                }
                need => {
                    replaced = Some(link.id);
                    tend(inner, MAIN, link, &need);
                }
            }
        }
        wait::slot(inner, MAIN, holder).await?;
    }
}

/// Sets off what a connection needs before it can be used. Ours is let go of first, so that a dead one is gone when its successor is dialled.
fn tend<M: Manager>(inner: &Arc<Inner<M>>, slot: SlotId, link: LinkOf<M>, need: &Need) {
    let id = link.id;
    drop(link);
    match need {
        Need::Nothing => {}
        Need::Check => inner.with(|core, _, out| core.check_held(slot, id, out)),
        Need::Dial => inner.with(|core, now, out| core.lost(slot, id, now, out)),
    }
}
