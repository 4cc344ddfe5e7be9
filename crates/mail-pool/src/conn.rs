//! Using a connection.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::inner::{Inner, LinkOf};
use crate::lease::Lease;
use crate::link::Use;
use crate::manager::{Kind, Manager};
use crate::sync::now;

/// The use of a connection: it isn't closed, and doesn't go to another, while this exists.
pub struct Conn<M: Manager> {
    // Dropped in this order: the use ends before the slot comes back.
    using: Use<M::Connection, Arc<Inner<M>>>,
    lease: Option<Arc<Lease<M>>>,
    kind: Kind,
}

impl<M: Manager> Conn<M> {
    pub(crate) fn new(link: LinkOf<M>, lease: Option<Arc<Lease<M>>>) -> Self {
        let kind = lease.as_ref().map_or(Kind::Main, |lease| lease.holder.kind);
        Self { using: Use::new(link), lease, kind }
    }

    /// The connection's number, unique within its pool.
    pub fn id(&self) -> u64 {
        self.using.link().id
    }

    /// What kind of connection this is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The connection must not be used by anybody else after its present holder: it is closed when it is given back. Main, which
    /// everybody shares, isn't given back, and this does nothing to it.
    pub fn taint(&self) {
        if let Some(lease) = &self.lease {
            lease.taint();
        }
    }
}

impl<M: Manager> Deref for Conn<M> {
    type Target = M::Connection;

    fn deref(&self) -> &M::Connection {
        &self.using.link().connection
    }
}

impl<M: Manager> Clone for Conn<M> {
    fn clone(&self) -> Self {
        Self { using: self.using.clone(), lease: self.lease.clone(), kind: self.kind }
    }
}

impl<M: Manager> Drop for Conn<M> {
    fn drop(&mut self) {
        if let Some(lease) = &self.lease
            && Arc::strong_count(lease) == 1
        {
            // The slot goes back with this, and the time is noted there.
            return;
        }
        self.using.link().touch(now());
    }
}

impl<M: Manager> fmt::Debug for Conn<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn").field("id", &self.id()).field("kind", &self.kind).finish_non_exhaustive()
    }
}
