//! The end of a pool.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::inner::{End, Inner};
use crate::manager::Manager;
use crate::sync::timeout;

/// How long tasks get to see that they are cut off.
const A_MOMENT: Duration = Duration::from_millis(100);

impl<M: Manager> Inner<M> {
    /// Stops taking work.
    pub(crate) fn shut_down(self: &Arc<Self>) {
        self.ending.store(true, Ordering::Release);
        self.end.send_if_modified(|end| {
            let first = *end == End::No;
            if first {
                *end = End::Closing;
            }
            first
        });
        self.with(|core, now, out| core.shut_down(now, out));
    }

    /// Cuts whatever is open.
    fn cut(self: &Arc<Self>) {
        self.end.send_replace(End::Cut);
        for link in self.peek(crate::core::Core::still_held) {
            tracing::info!(pool = self.id, connection = link.id, "cut");
            self.manager.cut(&link.connection);
        }
    }

    pub(crate) async fn close(self: &Arc<Self>) {
        self.shut_down();
        if timeout(self.options.grace, self.all_gone()).await.is_err() {
            self.cut();
            // What was saying goodbye is gone when this returns; who holds a connection still is not waited for.
            let _ = timeout(A_MOMENT, self.all_gone()).await;
        }
    }
}
