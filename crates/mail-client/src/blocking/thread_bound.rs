//! What belongs to a thread, and ends with it at the latest.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// Something that belongs to the thread that made it: it is dropped with this, or when that thread or a [`Scope`] there
/// ends.
pub(super) struct ThreadBound<T>(Arc<Mutex<Option<T>>>);

impl<T: Send + 'static> ThreadBound<T> {
    /// Binds a client's value to this thread.
    pub(super) fn new(value: T, client: usize) -> Self {
        let bound = Arc::new(Mutex::new(Some(value)));
        let value: Weak<dyn Release> = Arc::<Mutex<Option<T>>>::downgrade(&bound);
        // A thread that is ending already has nothing left to note it in; the guard is all there is.
        let _ = HERE.try_with(|here| {
            let mut here = here.borrow_mut();
            here.last += 1;
            let number = here.last;
            here.values.retain(|bound| bound.value.strong_count() > 0);
            here.values.push(Bound { number, client, value });
        });
        Self(bound)
    }

    /// Looks at the value, if it is there still.
    pub(super) fn look<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        lock(&self.0).as_ref().map(look)
    }

    /// The value, if it is there still.
    pub(super) fn take(self) -> Option<T> {
        lock(&self.0).take()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    static HERE: RefCell<Here> = const { RefCell::new(Here { last: 0, values: Vec::new() }) };
}

/// The values that belong to a thread.
struct Here {
    /// They are numbered as they come.
    last: u64,
    values: Vec<Bound>,
}

struct Bound {
    number: u64,
    client: usize,
    value: Weak<dyn Release>,
}

trait Release: Send + Sync {
    fn release(&self);
}

impl<T: Send> Release for Mutex<Option<T>> {
    fn release(&self) {
        let value = lock(self).take();
        drop(value);
    }
}

fn release(values: Vec<Bound>) {
    values.iter().filter_map(|bound| bound.value.upgrade()).for_each(|value| value.release());
}

impl Drop for Here {
    fn drop(&mut self) {
        release(std::mem::take(&mut self.values));
    }
}

/// Ends what is bound to this thread for a client while it lasts.
pub(super) struct Scope {
    client: usize,
    since: u64,
}

impl Scope {
    pub(super) fn enter(client: usize) -> Self {
        Self { client, since: HERE.try_with(|here| here.borrow().last).unwrap_or(u64::MAX) }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let mine = |bound: &mut Bound| bound.client == self.client && bound.number > self.since;
        let ended = HERE.try_with(|here| here.borrow_mut().values.extract_if(.., mine).collect::<Vec<_>>());
        release(ended.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn it_ends_with_the_thread_the_guard_or_the_scope() {
        let value = Arc::new(());
        let (kept, dropped) = thread::spawn({
            let value = Arc::clone(&value);
            move || {
                let dropped = ThreadBound::new(Arc::clone(&value), 1);
                drop(dropped);
                assert_eq!(Arc::strong_count(&value), 2);
                let kept = ThreadBound::new(Arc::clone(&value), 1);
                assert_eq!(kept.look(|_| ()), Some(()));
                (kept, ThreadBound::new(value, 2).take())
            }
        })
        .join()
        .unwrap();
        assert_eq!((kept.look(|_| ()), dropped.is_some()), (None, true));
        drop(dropped);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn a_scope_ends_what_its_client_made_within_it() {
        let before = ThreadBound::new((), 1);
        let (inside, others) = {
            let _scope = Scope::enter(1);
            (ThreadBound::new((), 1), ThreadBound::new((), 2))
        };
        assert_eq!(
            [&before, &inside, &others].map(|bound| bound.look(|_| ()).is_some()),
            [true, false, true]
        );
    }
}
