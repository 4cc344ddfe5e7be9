//! What a server tells unasked: for whoever waits for it.

use std::sync::atomic::{AtomicU64, Ordering};

use mail_proto::imap::response::Untagged;
use tokio::sync::Notify;

/// How often the server has told of a change in the selected mailbox, and a way to wait for the next time.
#[derive(Debug, Default)]
pub(crate) struct News {
    count: AtomicU64,
    changed: Notify,
}

impl News {
    /// How often it has, so far.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// It has once more.
    pub(super) fn add(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_waiters();
    }

    /// Waits until it has more often than `seen`.
    pub(crate) async fn after(&self, seen: u64) {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // Registered before the look, so that nothing is missed in between.
            changed.as_mut().enable();
            if self.count() != seen {
                return;
            }
            changed.await;
        }
    }
}

/// Whether this tells of a change in the selected mailbox.
pub(super) fn is_change(data: &Untagged) -> bool {
    matches!(data, Untagged::Exists(_) | Untagged::Expunge(_) | Untagged::Vanished(_) | Untagged::Fetch(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn news_between_the_look_and_the_wait_are_not_missed() {
        let news = News::default();
        let seen = news.count();
        news.add();
        news.after(seen).await;
        let seen = news.count();
        let (waited, ()) = tokio::join!(news.after(seen), async { news.add() });
        assert_eq!((waited, news.count()), ((), 2));
    }
}
