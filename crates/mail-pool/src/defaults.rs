//! Default connections: one for each context that has made one, or in `Assignment::Default` for each that calls.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::{Arc, Weak};

use tokio::sync::Notify;

use crate::acquire::{acquire, holder_here};
use crate::assignment::Assignment;
use crate::conn::Conn;
use crate::connection::Connection;
use crate::context::Context;
use crate::core::Holder;
use crate::error::Error;
use crate::inner::Inner;
use crate::inside::inside;
use crate::lease::Lease;
use crate::manager::{Kind, Manager};
use crate::ready;
use crate::table::{Given, Had};

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
    /// What others of the context wait for while it is being made.
    made: Arc<Notify>,
    /// It ends with its lease, not with this.
    kept: bool,
}

impl<M: Manager> Entry<M> {
    /// Enters a context that has no default; else says what it has.
    fn new(inner: &Arc<Inner<M>>, context: Context) -> Result<Self, Had> {
        let made = Arc::new(Notify::new());
        inner.defaults.enter(context, &made)?;
        Ok(Self { inner: Arc::clone(inner), context, made, kept: false })
    }

    fn made(&self, lease: &Arc<Lease<M>>) {
        let given: Weak<Given> = Arc::<Lease<M>>::downgrade(lease);
        self.inner.defaults.made(self.context, given);
        self.made.notify_waiters();
    }
}

impl<M: Manager> Drop for Entry<M> {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        self.inner.defaults.remove(self.context);
        self.made.notify_waiters();
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
    // Entered first, so that of two branches of one task only one makes a default.
    let Ok(entry) = Entry::new(inner, holder.context) else {
        return Err(Error::DefaultExists);
    };
    let connection = acquire(inner, holder, inner.options.acquire_timeout).await?;
    entry.made(&connection.lease);
    Ok(DefaultConnection { connection, entry })
}

/// The connection for a call that names none.
pub(crate) async fn nameless<M: Manager>(
    inner: &Arc<Inner<M>>,
    place: &'static Location<'static>,
) -> Result<Conn<M>, Error<M::Error>> {
    if let Some(own) = inside(inner) {
        return own.get().await;
    }
    let holder = holder_here(inner, Kind::Default, place);
    match inner.options.assignment {
        Assignment::Main => ready::main(inner, holder).await,
        Assignment::MainOrDefault => match of(inner, holder.context) {
            Some(lease) => ready::ready(&lease).await,
            None => ready::main(inner, holder).await,
        },
        Assignment::Default => automatic(inner, holder).await,
    }
}

/// The default that a context has.
pub(crate) fn of<M: Manager>(inner: &Inner<M>, context: Context) -> Option<Arc<Lease<M>>> {
    lease(inner.defaults.of(context)?)
}

fn lease<M: Manager>(given: Arc<Given>) -> Option<Arc<Lease<M>>> {
    given.downcast().ok()
}

/// In `Assignment::Default`: the default that the caller has, else one that is made for it. Between two calls it lies idle, still the caller's, and
/// may be taken back by whoever waits.
async fn automatic<M: Manager>(inner: &Arc<Inner<M>>, holder: Holder) -> Result<Conn<M>, Error<M::Error>> {
    let holder = Holder { owned: true, ..holder };
    loop {
        let coming = match Entry::new(inner, holder.context) {
            Err(Had::Coming(made)) => made,
            Err(Had::Made(given)) => match lease(given) {
                Some(lease) => return ready::ready(&lease).await,
                None => unreachable!("only leases are put into the table"),
            },
            Ok(mut entry) => {
                release_at_thread_exit(inner, holder.context);
                let connection = acquire(inner, holder, inner.options.acquire_timeout).await?;
                entry.made(&connection.lease);
                // From here on it lasts as long as the lease does.
                entry.kept = true;
                return ready::ready(&connection.lease).await;
            }
        };
        // Another branch of the same task is making it.
        let made = coming.notified();
        tokio::pin!(made);
        made.as_mut().enable();
        if inner.defaults.is_coming(holder.context, &coming) {
            made.await;
        }
    }
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
        leave(&self.inner, self.context);
    }
}

/// A context's automatic default is its own no longer.
fn leave<M: Manager>(inner: &Arc<Inner<M>>, context: Context) {
    if inner.options.assignment == Assignment::Default {
        inner.defaults.remove(context);
        inner.with(|core, now, out| core.disown(context, now, out));
    }
}

/// What is to be done when a thread ends.
trait AtExit {
    fn leave(&self);
    fn is_over(&self) -> bool;
}

struct Visit<M: Manager> {
    inner: Weak<Inner<M>>,
    context: Context,
}

impl<M: Manager> AtExit for Visit<M> {
    fn leave(&self) {
        if let Some(inner) = self.inner.upgrade() {
            leave(&inner, self.context);
        }
    }

    fn is_over(&self) -> bool {
        self.inner.strong_count() == 0
    }
}

/// The pools in which this thread has had an automatic default, by number.
struct Visits(BTreeMap<u64, Box<dyn AtExit>>);

impl Drop for Visits {
    fn drop(&mut self) {
        for visit in self.0.values() {
            visit.leave();
        }
    }
}

thread_local! {
    static VISITS: RefCell<Visits> = const { RefCell::new(Visits(BTreeMap::new())) };
}

/// A thread gives its automatic default back when it ends.
fn release_at_thread_exit<M: Manager>(inner: &Arc<Inner<M>>, context: Context) {
    if context != Context::of_thread() {
        return;
    }
    // A thread that is ending already has nothing left to register with.
    let _ = VISITS.try_with(|visits| {
        let mut visits = visits.borrow_mut();
        if !visits.0.contains_key(&inner.id) {
            visits.0.retain(|_, visit| !visit.is_over());
            visits.0.insert(inner.id, Box::new(Visit { inner: Arc::downgrade(inner), context }));
        }
    });
}
