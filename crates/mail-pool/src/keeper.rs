//! Keeping the time.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use tokio::sync::Notify;

use crate::core::Core;
use crate::inner::Inner;
use crate::manager::Manager;

impl<M: Manager> Inner<M> {
    /// The timer is to be set anew.
    pub(crate) fn rouse(self: &Arc<Self>) {
        self.keeper.notify_one();
        self.ensure_keeper();
    }

    /// Sees to it that somebody keeps the time, if there is anything to keep it for.
    pub(crate) fn ensure_keeper(self: &Arc<Self>) {
        if self.keeping.load(Ordering::Acquire) {
            return;
        }
        let Some(runtime) = self.runtime() else {
            return;
        };
        if self.keeping.swap(true, Ordering::AcqRel) {
            return;
        }
        let post = Post(Arc::downgrade(self));
        runtime.spawn(keep(post, Arc::clone(&self.keeper)));
    }
}

/// The keeper's place. It is vacant again once this is dropped, whatever became of the keeper.
struct Post<M: Manager>(Weak<Inner<M>>);

impl<M: Manager> Drop for Post<M> {
    fn drop(&mut self) {
        if let Some(inner) = self.0.upgrade() {
            inner.keeping.store(false, Ordering::Release);
            // Those who wait find another keeper, on the runtime that they run on.
            inner.with(|core, _, out| core.rouse_all(out));
        }
    }
}

/// Keeps the time for one pool, and not the pool itself.
async fn keep<M: Manager>(post: Post<M>, bell: Arc<Notify>) {
    loop {
        let alarm = {
            let Some(inner) = post.0.upgrade() else {
                return;
            };
            inner.with(Core::tick)
        };
        match alarm {
            None => bell.notified().await,
            Some(at) => {
                tokio::select! {
                    () = tokio::time::sleep_until(at.into()) => {}
                    () = bell.notified() => {}
                }
            }
        }
    }
}
