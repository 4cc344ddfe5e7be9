//! Which context has a default connection.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use tokio::sync::Notify;

use crate::context::Context;
use crate::sync::{Mutex, lock};

/// What a context was given. Only those who put it in know its type; the table is a part of what that type is made of.
pub(crate) type Given = dyn Any + Send + Sync;

/// The default connection of each context that has one.
pub(crate) struct Table(Mutex<HashMap<Context, Entry>>);

enum Entry {
    /// Somebody of that context is making it.
    Making(Arc<Notify>),
    Made(Weak<Given>),
}

/// What a context has already.
pub(crate) enum Had {
    Made(Arc<Given>),
    Coming(Arc<Notify>),
}

impl Table {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    /// Enters a context that has no default; else says what it has. `made` is rung when it has been made or given up.
    pub(crate) fn enter(&self, context: Context, made: &Arc<Notify>) -> Result<(), Had> {
        let mut entries = lock(&self.0);
        match entries.get(&context) {
            Some(Entry::Making(made)) => return Err(Had::Coming(Arc::clone(made))),
            Some(Entry::Made(given)) => {
                if let Some(given) = given.upgrade() {
                    return Err(Had::Made(given));
                }
            }
            None => {}
        }
        let old = entries.insert(context, Entry::Making(Arc::clone(made)));
        drop(entries);
        drop(old);
        Ok(())
    }

    pub(crate) fn made(&self, context: Context, given: Weak<Given>) {
        let old = lock(&self.0).insert(context, Entry::Made(given));
        drop(old);
    }

    /// What a context has been given.
    pub(crate) fn of(&self, context: Context) -> Option<Arc<Given>> {
        match lock(&self.0).get(&context)? {
            Entry::Making(_) => None,
            Entry::Made(given) => given.upgrade(),
        }
    }

    /// Whether a context's default is still being made by whoever rings `coming`.
    pub(crate) fn is_coming(&self, context: Context, coming: &Arc<Notify>) -> bool {
        matches!(lock(&self.0).get(&context), Some(Entry::Making(same)) if Arc::ptr_eq(same, coming))
    }

    pub(crate) fn remove(&self, context: Context) {
        let old = lock(&self.0).remove(&context);
        if let Some(Entry::Making(made)) = old {
            made.notify_waiters();
        }
    }

    /// What was given ends: if it is what this context was given, that context has none any more.
    pub(crate) fn ended(&self, context: Context, given: *const ()) {
        let mut entries = lock(&self.0);
        if let Some(Entry::Made(made)) = entries.get(&context)
            && std::ptr::addr_eq(made.as_ptr(), given)
        {
            let old = entries.remove(&context);
            drop(entries);
            drop(old);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::alone;

    fn made(table: &Table, key: u64) -> Arc<Given> {
        let given: Arc<Given> = Arc::new(key);
        assert!(table.enter(Context::custom(key), &Arc::new(Notify::new())).is_ok());
        table.made(Context::custom(key), Arc::downgrade(&given));
        given
    }

    #[test]
    fn contexts_that_end_leave_no_entry() {
        alone(|| {
            let table = Table::new();
            let [one, two] = [1, 2].map(|key| made(&table, key));
            table.ended(Context::custom(1), Arc::as_ptr(&one).cast());
            assert_eq!(lock(&table.0).len(), 1);
            // Not if it has been given another since.
            table.ended(Context::custom(2), Arc::as_ptr(&one).cast());
            assert_eq!(lock(&table.0).len(), 1);
            table.ended(Context::custom(2), Arc::as_ptr(&two).cast());
            assert!(lock(&table.0).is_empty());
        });
    }
}
