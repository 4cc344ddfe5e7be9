//! STORE: flags of messages (RFC 9051 section 6.4.6), on condition that nobody else changed them (RFC 7162).

use std::collections::BTreeMap;

use mail_proto::{
    ParseError,
    imap::{Capability, Command, Flag, ResponseCode, SequenceSet, command::StoreAction, response::Untagged},
};

use super::{Mailbox, connection::Unread};
use crate::error::Result;

/// What is to become of the flags of messages.
///
/// ```
/// use mail_client::imap::{Flag, FlagChange};
///
/// let done = FlagChange::add([Flag::Answered, Flag::new("$Forwarded")]).unchanged_since(715_194_045_007);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagChange {
    action: StoreAction,
    flags: Vec<Flag>,
    unchanged_since: Option<u64>,
    silent: bool,
}

impl FlagChange {
    /// These flags are added to those that a message has.
    pub fn add(flags: impl IntoIterator<Item = Flag>) -> Self {
        Self::new(StoreAction::Add, flags)
    }

    /// These flags are removed from those that a message has.
    pub fn remove(flags: impl IntoIterator<Item = Flag>) -> Self {
        Self::new(StoreAction::Remove, flags)
    }

    /// A message has just these flags from now on, and no other.
    pub fn set(flags: impl IntoIterator<Item = Flag>) -> Self {
        Self::new(StoreAction::Replace, flags)
    }

    fn new(action: StoreAction, flags: impl IntoIterator<Item = Flag>) -> Self {
        Self { action, flags: flags.into_iter().collect(), unchanged_since: None, silent: true }
    }

    /// Messages that anybody has changed since this mod-sequence are left alone, and told as
    /// [`Stored::modified`] (RFC 7162 section 3.1.3). The server needs CONDSTORE.
    #[must_use]
    pub fn unchanged_since(mut self, mod_seq: u64) -> Self {
        self.unchanged_since = Some(mod_seq);
        self
    }

    /// The server tells the flags that each message has afterwards, in [`Stored::messages`].
    #[must_use]
    pub fn returning_flags(mut self) -> Self {
        self.silent = false;
        self
    }

    /// Whether it leaves every message as it is.
    fn is_nothing(&self) -> bool {
        self.flags.is_empty() && self.action != StoreAction::Replace
    }
}

/// How a change of flags went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    modified: SequenceSet,
    messages: Vec<StoredMessage>,
    unread: Unread,
}

/// What the server told of a message whose flags were changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredMessage {
    /// The message.
    pub uid: u32,
    /// The flags it has now, where they were told.
    pub flags: Option<Vec<Flag>>,
    /// Its mod-sequence now, where it was told (RFC 7162).
    pub mod_seq: Option<u64>,
}

impl Stored {
    /// The messages that were left alone, since somebody had changed them.
    pub fn modified(&self) -> &SequenceSet {
        &self.modified
    }

    /// What the server told of messages, in the order of their UIDs: the flags where they were asked for, and the
    /// mod-sequences where the change had a condition.
    pub fn messages(&self) -> &[StoredMessage] {
        &self.messages
    }

    /// What can't be read of what the server told: of the messages that are missing in
    /// [`messages`](Self::messages), perhaps. Their flags are changed all the same. Of many the first 100.
    pub fn unreadable(&self) -> &[ParseError] {
        self.unread.as_slice()
    }
}

/// Flags.
impl Mailbox {
    /// Adds flags to messages, such as `\Seen` (RFC 9051 section 6.4.6).
    ///
    /// ```no_run
    /// # async fn example(inbox: mail_client::imap::Mailbox) -> mail_client::Result<()> {
    /// use mail_client::imap::{Flag, SearchKey};
    ///
    /// let found = inbox.search(SearchKey::from_address("newsletter@")).await?;
    /// inbox.add_flags(found, [Flag::Seen]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub async fn add_flags(
        &self,
        uids: impl Into<SequenceSet>,
        flags: impl IntoIterator<Item = Flag>,
    ) -> Result<()> {
        self.store(uids, FlagChange::add(flags)).await.map(drop)
    }

    /// Removes flags from messages.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub async fn remove_flags(
        &self,
        uids: impl Into<SequenceSet>,
        flags: impl IntoIterator<Item = Flag>,
    ) -> Result<()> {
        self.store(uids, FlagChange::remove(flags)).await.map(drop)
    }

    /// Sets the flags of messages: they have these and no other from now on.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub async fn set_flags(
        &self,
        uids: impl Into<SequenceSet>,
        flags: impl IntoIterator<Item = Flag>,
    ) -> Result<()> {
        self.store(uids, FlagChange::set(flags)).await.map(drop)
    }

    /// Changes the flags of messages (RFC 9051 section 6.4.6, RFC 7162 section 3.1.3).
    ///
    /// A UID that has no message is passed over, and nothing is sent if there is none at all. `n:*` means the messages
    /// from `n` on, and never one before it. A set that is too long for one command is sent in portions.
    ///
    /// ```no_run
    /// # async fn example(inbox: mail_client::imap::Mailbox) -> mail_client::Result<()> {
    /// use mail_client::imap::{Flag, FlagChange};
    ///
    /// // What was known of message 12 when it was read:
    /// let mod_seq = 715_194_045_007;
    /// let change = FlagChange::add([Flag::Flagged]).unchanged_since(mod_seq).returning_flags();
    /// let stored = inbox.store(12, change).await?;
    /// if stored.modified().contains(12) {
    ///     println!("somebody else was quicker");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly) if the mailbox was opened so; [`Unsupported`](crate::ErrorKind::Unsupported)
    /// if the change has a condition and the server has no CONDSTORE; the server refuses. Where some portions had been
    /// done, [`Error::done`](crate::Error::done) tells which messages.
    pub async fn store(&self, uids: impl Into<SequenceSet>, change: FlagChange) -> Result<Stored> {
        let this = self.in_one_call();
        let name = "UID STORE";
        self.check_writable(name)?;
        let uids = uids.into();
        if uids.is_empty() || change.is_nothing() {
            return Ok(Stored::default());
        }
        if change.unchanged_since.is_some() {
            this.calls().need(Capability::CondStore, name).await?;
        }
        let mut portions = this.targets(uids, name).await?;
        let mut modified = SequenceSet::default();
        let (mut messages, mut unread) = (BTreeMap::new(), Unread::default());
        while let Some(set) = portions.next() {
            let only = set.numbers().filter(|_| set.len() == Some(1)).and_then(|mut uids| uids.next());
            let FlagChange { action, ref flags, unchanged_since, silent } = change;
            let flags = flags.clone();
            let command = Command::Store { uid: true, set, action, silent, flags, unchanged_since };
            let answer = this.run(command).await.map_err(|error| portions.failed(error))?;
            if let Some(ResponseCode::Modified(left)) = &answer.completion.status.code {
                left.ranges(0).for_each(|range| modified.insert_range(range));
            }
            unread.append(answer.unread);
            for data in answer.data {
                let Untagged::Fetch(fetch) = data else { continue };
                let Some(uid) = fetch.uid().or(only) else { continue };
                let message =
                    messages.entry(uid).or_insert_with(|| StoredMessage { uid, ..StoredMessage::default() });
                if let Some(flags) = fetch.flags() {
                    message.flags = Some(flags.to_vec());
                }
                message.mod_seq = fetch.mod_seq().or(message.mod_seq);
            }
        }
        let modified = modified.sorted().unwrap_or_default();
        Ok(Stored { modified, messages: messages.into_values().collect(), unread })
    }
}
