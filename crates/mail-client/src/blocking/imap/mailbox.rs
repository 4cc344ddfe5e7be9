//! A mailbox that was opened.

use std::time::Instant;

use super::FetchStream;
use crate::{
    blocking::{
        Pending,
        facade::{facade, sister},
        operation::on_a_thread,
        runtime,
    },
    error::Result,
    imap::{
        self, Appended, Copied, FetchItems, Flag, FlagChange, MailboxName, Moved, NewMessage, PartialRange,
        Removal, Replaced, SearchKey, SearchResult, SearchSummary, SequenceSet, SortKey, Stored,
        ThreadAlgorithm, Threads,
    },
};

/// A mailbox that was opened by [`ImapClient::select`](super::ImapClient::select) or
/// [`ImapClient::examine`](super::ImapClient::examine). See [`imap::Mailbox`].
#[derive(Clone)]
pub struct Mailbox(pub(super) imap::Mailbox);

sister!(Mailbox(imap::Mailbox));

facade! {
    impl Mailbox for "imap::Mailbox" {
        fn name(&self) -> &MailboxName;
        fn exists(&self) -> u32;
        fn uid_validity(&self) -> Option<u32>;
        fn uid_next(&self) -> Option<u32>;
        fn highest_mod_seq(&self) -> Option<u64>;
        fn flags(&self) -> &[Flag];
        fn permanent_flags(&self) -> Option<&[Flag]>;
        fn is_read_only(&self) -> bool;
        fn selected_at(&self) -> Instant;

        fn fetch(&self, uids: impl Into<SequenceSet>, items: FetchItems) -> FetchStream;

        async fn search(&self, key: SearchKey) -> Result<SearchResult>;
        async fn search_summary(&self, key: SearchKey) -> Result<SearchSummary>;
        async fn search_partial(&self, key: SearchKey, part: PartialRange) -> Result<SequenceSet>;
        async fn sort(&self, order: impl IntoIterator<Item = SortKey>, key: SearchKey) -> Result<Vec<u32>>;
        async fn thread(&self, algorithm: ThreadAlgorithm, key: SearchKey) -> Result<Threads>;

        async fn store(&self, uids: impl Into<SequenceSet>, change: FlagChange) -> Result<Stored>;
        async fn add_flags(&self, uids: impl Into<SequenceSet>, flags: impl IntoIterator<Item = Flag>) -> Result<()>;
        async fn remove_flags(&self, uids: impl Into<SequenceSet>, flags: impl IntoIterator<Item = Flag>) -> Result<()>;
        async fn set_flags(&self, uids: impl Into<SequenceSet>, flags: impl IntoIterator<Item = Flag>) -> Result<()>;
        async fn copy(&self, uids: impl Into<SequenceSet>, to: impl Into<MailboxName>) -> Result<Copied>;
        async fn move_to(&self, uids: impl Into<SequenceSet>, to: impl Into<MailboxName>) -> Result<Moved>;
        async fn delete(&self, uids: impl Into<SequenceSet>) -> Result<Removal>;
        async fn expunge(&self, uids: impl Into<SequenceSet>) -> Result<Removal>;
        async fn expunge_all_deleted(&self) -> Result<()>;
        async fn append(&self, message: NewMessage) -> Result<Appended>;
        async fn replace(&self, uid: u32, message: NewMessage) -> Result<Replaced>;
    }
}

impl Mailbox {
    /// Begins an operation on this mailbox in the background, as [`imap::Mailbox::begin`] does: once it has a
    /// connection, it runs on a thread of its own.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn begin<T, F>(&self, operation: F) -> Result<Pending<T>>
    where
        F: FnOnce(Self) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let _entered = runtime::enter();
        self.0.begin(|mailbox| on_a_thread(|| operation(mailbox.into()))).map(Into::into)
    }
}
