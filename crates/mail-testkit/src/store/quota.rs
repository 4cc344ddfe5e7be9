//! How much mail an account may hold (RFC 9208).

use super::account::{Account, Contents};

/// What is limited, for all mailboxes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Quota {
    /// In units of 1,024 octets.
    pub(crate) storage: Option<u64>,
    pub(crate) messages: Option<u64>,
}

impl Account {
    /// How much the account may hold from now on: kibioctets of mail, and messages. What exceeds it is refused with
    /// `NO [OVERQUOTA]`; what is there stays.
    pub fn set_quota(&self, storage: Option<u64>, messages: Option<u64>) {
        self.lock().quota = Quota { storage, messages };
    }

    /// Whether so much more is too much.
    pub(crate) fn is_over_quota_with(&self, octets: u64, messages: u64) -> bool {
        self.lock().is_over_quota_with(octets, messages)
    }
}

impl Contents {
    /// The octets and the messages of all mailboxes.
    pub(crate) fn usage(&self) -> (u64, u64) {
        let entries = || self.mailboxes.values().flat_map(|mailbox| mailbox.entries());
        (entries().map(|entry| entry.body.len() as u64).sum(), entries().count() as u64)
    }

    /// Whether so much more is too much.
    pub(crate) fn is_over_quota_with(&self, octets: u64, messages: u64) -> bool {
        if self.quota == Quota::default() {
            return false;
        }
        let (used, count) = self.usage();
        let over = |limit: Option<u64>, wanted: u64| limit.is_some_and(|limit| wanted > limit);
        over(self.quota.storage, (used + octets).div_ceil(1024))
            || over(self.quota.messages, count + messages)
    }
}
