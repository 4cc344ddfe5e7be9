//! Default connections: one for each context that has made one, or in `Assignment::Default` for each that calls.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::{Arc, Weak};

use crate::config::Assignment;
use crate::context::Context;
use crate::core::Holder;
use crate::error::Error;
use crate::handle::{self, Conn, Connection, Lease};
use crate::inner::{Inner, lock};
use crate::manager::{Kind, Manager};
use crate::pool::{acquire, holder_here};

/// The default connection of the context that created it. Calls of that context that name no connection use it. It can be dropped anywhere;
/// the context then has no default any more.
pub struct DefaultConnection<M: Manager> {
    connection: Connection<M>,
    entry: Entry<M>,
}

/// A context's entry among the defaults. Dropping it takes it out.
struct Entry<M: Manager> {
    inner: Arc<Inner<M>>,
    context: Context,
}

impl<M: Manager> Drop for Entry<M> {
    fn drop(&mut self) {
        let old = lock(&self.inner.defaults).remove(&self.context);
        drop(old);
    }
}

impl<M: Manager> DefaultConnection<M> {
    /// The context that this is the default of.
    pub const fn context(&self) -> Context {
        self.entry.context
    }

    /// Ends being a default and logs the connection out. See [`Connection::close`].
    pub async fn close(self) {
        let Self { connection, entry } = self;
        drop(entry);
        connection.close().await;
    }
}

impl<M: Manager> Deref for DefaultConnection<M> {
    type Target = Connection<M>;

    fn deref(&self) -> &Connection<M> {
        &self.connection
    }
}

impl<M: Manager> fmt::Debug for DefaultConnection<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefaultConnection")
            .field("context", &self.entry.context)
            .field("connection", &self.connection)
            .finish()
    }
}

/// Makes the caller's default by hand.
pub(crate) async fn create<M: Manager>(
    inner: &Arc<Inner<M>>,
    place: &'static Location<'static>,
) -> Result<DefaultConnection<M>, Error<M::Error>> {
    if inner.options.assignment != Assignment::MainOrDefault {
        return Err(Error::DefaultForbidden);
    }
    let holder = holder_here(inner, Kind::Default, place);
    let context = holder.context;
    // Entered first, so that of two branches of one task only one makes a default.
    if !enter(inner, context) {
        return Err(Error::DefaultExists);
    }
    let entry = Entry { inner: Arc::clone(inner), context };
    let connection = acquire(inner, holder, inner.options.acquire_timeout).await?;
    lock(&inner.defaults).insert(context, Arc::downgrade(&connection.lease));
    Ok(DefaultConnection { connection, entry })
}

fn enter<M: Manager>(inner: &Inner<M>, context: Context) -> bool {
    let mut defaults = lock(&inner.defaults);
    if defaults.contains_key(&context) {
        return false;
    }
    defaults.insert(context, Weak::new());
    true
}

/// The connection for a call that names none.
pub(crate) async fn nameless<M: Manager>(
    inner: &Arc<Inner<M>>,
    place: &'static Location<'static>,
) -> Result<Conn<M>, Error<M::Error>> {
    let holder = holder_here(inner, Kind::Default, place);
    match inner.options.assignment {
        Assignment::Main => main(inner, holder).await,
        Assignment::MainOrDefault => match of(inner, holder.context) {
            Some(lease) => handle::ready(&lease).await,
            None => main(inner, holder).await,
        },
        Assignment::Default => automatic(inner, holder).await,
    }
}

async fn main<M: Manager>(inner: &Arc<Inner<M>>, holder: Holder) -> Result<Conn<M>, Error<M::Error>> {
    let holder = Holder { kind: Kind::Main, ..holder };
    handle::main(inner, holder).await
}

/// The default that a context has.
fn of<M: Manager>(inner: &Inner<M>, context: Context) -> Option<Arc<Lease<M>>> {
    let defaults = lock(&inner.defaults);
    defaults.get(&context).and_then(Weak::upgrade)
}

/// In `Assignment::Default`: the default that the caller has, else one that is made for it. Between two calls it lies idle, still the caller's, and
/// may be taken back by whoever waits.
async fn automatic<M: Manager>(inner: &Arc<Inner<M>>, holder: Holder) -> Result<Conn<M>, Error<M::Error>> {
    let context = holder.context;
    if let Some(lease) = of(inner, context) {
        return handle::ready(&lease).await;
    }
    let holder = Holder { owned: true, ..holder };
    let connection = acquire(inner, holder, inner.options.acquire_timeout).await?;
    let lease = {
        let mut defaults = lock(&inner.defaults);
        match defaults.get(&context).and_then(Weak::upgrade) {
            // Another branch of the same task was faster.
            Some(lease) => lease,
            None => {
                defaults.insert(context, Arc::downgrade(&connection.lease));
                Arc::clone(&connection.lease)
            }
        }
    };
    drop(connection);
    handle::ready(&lease).await
}

/// Ends what belongs to a context when a scope ends, however it ends.
pub(crate) struct Scope<M: Manager> {
    inner: Arc<Inner<M>>,
    context: Context,
}

impl<M: Manager> Scope<M> {
    pub(crate) fn enter(inner: &Arc<Inner<M>>) -> Self {
        Self { inner: Arc::clone(inner), context: inner.context() }
    }
}

impl<M: Manager> Drop for Scope<M> {
    fn drop(&mut self) {
        if self.inner.options.assignment != Assignment::Default {
            return;
        }
        let old = lock(&self.inner.defaults).remove(&self.context);
        self.inner.with(|core, now, out| core.disown(self.context, now, out));
        drop(old);
    }
}
