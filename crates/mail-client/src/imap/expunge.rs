//! EXPUNGE: messages removed for good, and only those that were named (RFC 9051 section 6.4.9, RFC 4315).

use mail_proto::imap::{Capability, Command, Flag, SequenceSet, command::StoreAction};

use super::{Mailbox, targets::Portions};
use crate::error::Result;

/// What became of messages that were to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "without UIDPLUS the messages are still there"]
pub enum Removal {
    /// They are gone.
    Expunged,
    /// They have `\Deleted` and are still there: the server, lacking UIDPLUS, could only have removed them together
    /// with whatever else has `\Deleted`. [`Mailbox::expunge_all_deleted`] does that.
    MarkedOnly,
}

impl Mailbox {
    /// Removes messages for good: marks them `\Deleted` and expunges them, and no others (RFC 4315 section 2.1).
    ///
    /// On a server without UIDPLUS they stay, marked, and the result says so. A UID that has no message is passed over,
    /// and nothing is sent if there is none at all. `n:*` means the messages from `n` on, and never one before it. A
    /// set that is too long for one command is sent in portions.
    ///
    /// ```no_run
    /// # async fn example(inbox: mail_client::imap::Mailbox) -> mail_client::Result<()> {
    /// use mail_client::imap::Removal;
    ///
    /// match inbox.delete(vec![12, 15]).await? {
    ///     Removal::Expunged => println!("gone"),
    ///     Removal::MarkedOnly => println!("marked; this server removes only all that are marked"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly) if the mailbox was opened so; the server refuses. Messages may have
    /// been marked then. Where some portions had been done, [`Error::done`](crate::Error::done) tells which messages.
    pub async fn delete(&self, uids: impl Into<SequenceSet>) -> Result<Removal> {
        let this = self.in_one_call();
        self.check_writable("UID EXPUNGE")?;
        let mut portions = this.targets(uids.into(), "UID EXPUNGE").await?;
        this.each(&mut portions, true).await
    }

    /// Removes for good those of the messages that have `\Deleted` (RFC 4315 section 2.1). On a server without UIDPLUS
    /// nothing is sent, and they stay.
    ///
    /// ```no_run
    /// # async fn example(inbox: mail_client::imap::Mailbox) -> mail_client::Result<()> {
    /// use mail_client::imap::Flag;
    ///
    /// inbox.add_flags(12, [Flag::Deleted]).await?;
    /// // … and unless somebody has thought better of it:
    /// let removal = inbox.expunge(12).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub async fn expunge(&self, uids: impl Into<SequenceSet>) -> Result<Removal> {
        let this = self.in_one_call();
        self.check_writable("UID EXPUNGE")?;
        let mut portions = this.targets(uids.into(), "UID EXPUNGE").await?;
        this.each(&mut portions, false).await
    }

    /// Removes for good every message of the mailbox that has `\Deleted`, whoever marked it (RFC 9051 section 6.4.3).
    ///
    /// # Errors
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly) if the mailbox was opened so; the server refuses.
    pub async fn expunge_all_deleted(&self) -> Result<()> {
        self.check_writable("EXPUNGE")?;
        self.run(Command::Expunge).await.map(drop)
    }

    async fn each(&self, portions: &mut Portions, mark: bool) -> Result<Removal> {
        let mut removal = Removal::Expunged;
        while let Some(set) = portions.next() {
            let outcome =
                if mark { self.mark_and_expunge(set).await } else { self.expunge_marked(set).await };
            removal = outcome.map_err(|error| portions.failed(error))?;
        }
        Ok(removal)
    }

    /// Marks these messages `\Deleted` and expunges them if the server can expunge just them.
    pub(super) async fn mark_and_expunge(&self, set: SequenceSet) -> Result<Removal> {
        let marking = Command::Store {
            uid: true,
            set: set.clone(),
            action: StoreAction::Add,
            silent: true,
            flags: vec![Flag::Deleted],
            unchanged_since: None,
        };
        self.run(marking).await?;
        self.expunge_marked(set).await
    }

    async fn expunge_marked(&self, set: SequenceSet) -> Result<Removal> {
        if !self.calls().supports(&Capability::UidPlus).await? {
            return Ok(Removal::MarkedOnly);
        }
        self.run(Command::UidExpunge(set)).await?;
        Ok(Removal::Expunged)
    }
}
