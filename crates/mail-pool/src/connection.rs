//! A connection of one's own.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::conn::Conn;
use crate::error::Error;
use crate::lease::Lease;
use crate::manager::{Kind, Manager};
use crate::ready::ready;

/// A connection of one's own, for as long as this is held.
///
/// It may be used by several tasks at once, through [`get`](Self::get). When the connection dies the handle keeps its slot,
/// and the next `get` opens another connection in it. Dropping the handle gives the slot back, wherever that happens.
pub struct Connection<M: Manager> {
    pub(crate) lease: Arc<Lease<M>>,
}

impl<M: Manager> Connection<M> {
    /// The connection, alive as far as is known: opened anew if it was lost, asked for a sign of life if it lay idle for long.
    ///
    /// # Errors
    /// When it had to be opened anew and couldn't be, or when the pool is closed.
    pub async fn get(&self) -> Result<Conn<M>, Error<M::Error>> {
        ready(&self.lease).await
    }

    /// The connection for oneself alone: until the guard is dropped, other calls of this handle (and of the context whose default it is) wait.
    /// Calls of one's own context fail with [`Error::WouldDeadlock`]. Commands that run already aren't waited for. The connection is closed when it
    /// is given back, since nobody knows what was done to it.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn exclusive(&self) -> Result<Exclusive<M>, Error<M::Error>> {
        loop {
            let conn = self.get().await?;
            if self.lease.begin_exclusive(self.lease.inner.context()) {
                conn.taint();
                return Ok(Exclusive { conn, lease: Arc::clone(&self.lease) });
            }
        }
    }

    /// What kind of connection this is.
    pub fn kind(&self) -> Kind {
        self.lease.holder.kind
    }

    /// The number of the connection as it is now; `None` while it is lost. A lost one is opened anew under another number.
    pub fn id(&self) -> Option<u64> {
        self.lease.inner.peek(|core| core.link(self.lease.slot)).map(|link| link.id)
    }

    /// Logs this connection out, once nobody uses it any more, instead of keeping it for the next user. Returns when it is done, within
    /// [`close_timeout`](crate::Builder::close_timeout) after its last use.
    pub async fn close(self) {
        self.lease.taint();
        let gone = self.lease.link().map(|link| link.alive.subscribe());
        drop(self);
        if let Some(mut gone) = gone {
            while gone.changed().await.is_ok() {}
        }
    }
}

impl<M: Manager> fmt::Debug for Connection<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("kind", &self.lease.holder.kind)
            .field("slot", &self.lease.slot)
            .finish_non_exhaustive()
    }
}

/// The use of a connection by one caller alone. See [`Connection::exclusive`].
pub struct Exclusive<M: Manager> {
    conn: Conn<M>,
    lease: Arc<Lease<M>>,
}

impl<M: Manager> Deref for Exclusive<M> {
    type Target = Conn<M>;

    fn deref(&self) -> &Conn<M> {
        &self.conn
    }
}

impl<M: Manager> Drop for Exclusive<M> {
    fn drop(&mut self) {
        self.lease.end_exclusive();
    }
}

impl<M: Manager> fmt::Debug for Exclusive<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exclusive").field(&self.conn).finish()
    }
}
