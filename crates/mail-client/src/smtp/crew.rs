//! Work that several do at a time.

use std::{
    future::{Future, pending},
    task::{Context, Poll},
};

use futures_core::future::BoxFuture;
use futures_util::{StreamExt, stream::FuturesUnordered};

/// Futures that are polled as they are woken, one of which never ends.
///
/// Where as many futures were polled as there are, [`FuturesUnordered`] wakes its own task, so that others have a turn.
/// With a message on each connection that is so at each message, and it costs more than the rest: tokio wakes another
/// thread to share a load that isn't there. With one that nobody wakes there is always one more than are polled.
pub(super) struct Crew<T> {
    working: FuturesUnordered<BoxFuture<'static, T>>,
}

impl<T: Send + 'static> Default for Crew<T> {
    fn default() -> Self {
        Self { working: FuturesUnordered::from_iter([Box::pin(pending()) as BoxFuture<'static, T>]) }
    }
}

impl<T> Crew<T> {
    pub(super) fn push(&self, work: impl Future<Output = T> + Send + 'static) {
        self.working.push(Box::pin(work));
    }

    /// How many work.
    pub(super) fn len(&self) -> usize {
        self.working.len() - 1
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the next of them has done.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        match self.working.poll_next_unpin(cx) {
            Poll::Ready(Some(done)) => Poll::Ready(done),
            // The one that never ends is always there.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::Wake,
    };

    use tokio::sync::oneshot;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn work_wakes_its_task_only_when_there_is_something_to_do() {
        let wakes = Arc::new(Wakes::default());
        let waker = Arc::clone(&wakes).into();
        let mut cx = Context::from_waker(&waker);
        let mut crew = Crew::default();
        assert!(crew.poll_next(&mut cx).is_pending());
        let before = wakes.0.load(Ordering::Relaxed);
        for lanes in 1..4 {
            let mut all = Vec::new();
            for _ in 0..lanes {
                let (done, work) = oneshot::channel::<()>();
                all.push(done);
                crew.push(work);
            }
            assert!(crew.poll_next(&mut cx).is_pending());
            assert_eq!(crew.len(), lanes);
            assert_eq!(wakes.0.load(Ordering::Relaxed), before, "{lanes} lanes");
            drop(all);
            for _ in 0..lanes {
                assert!(crew.poll_next(&mut cx).is_ready());
            }
            assert!(crew.is_empty());
            wakes.0.store(before, Ordering::Relaxed);
        }
    }
}
