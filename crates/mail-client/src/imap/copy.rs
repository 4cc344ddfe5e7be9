//! COPY and MOVE: messages into another mailbox (RFC 9051 sections 6.4.7 and 6.4.8, RFC 6851).

use mail_proto::imap::{Capability, Command, MailboxName, ResponseCode, SequenceSet, response::Untagged};

use super::{Mailbox, copied::Copied, expunge::Removal, targets::Portions};
use crate::{
    error::{Cause, Error, Result},
    imap::connection::Answer,
};

/// How a move went.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "without UIDPLUS the messages are still here too"]
pub struct Moved {
    copied: Copied,
    removal: Removal,
}

impl Moved {
    /// Which message became which in the other mailbox.
    pub fn copied(&self) -> &Copied {
        &self.copied
    }

    /// Whether the messages are gone from here, as they are on any server with MOVE or UIDPLUS.
    pub fn removal(&self) -> Removal {
        self.removal
    }
}

impl Mailbox {
    /// Copies messages into another mailbox (RFC 9051 section 6.4.7): all of them or, if it fails, none.
    ///
    /// A UID that has no message is passed over, and nothing is sent if there is none at all. `n:*` means the messages
    /// from `n` on, and never one before it. A set that is too long for one command is sent in portions, each of which
    /// is copied whole or not at all.
    ///
    /// ```no_run
    /// # async fn example(inbox: mail_client::imap::Mailbox) -> mail_client::Result<()> {
    /// let copied = inbox.copy(vec![12, 15], "Archive").await?;
    /// for (uid, copy) in copied.pairs() {
    ///     println!("{uid} is {copy} there");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server refuses, with the code [`TryCreate`](ResponseCode::TryCreate) if there is no such mailbox but could
    /// be. Where some portions had been done, [`Error::done`] tells which messages.
    pub async fn copy(&self, uids: impl Into<SequenceSet>, to: impl Into<MailboxName>) -> Result<Copied> {
        let this = self.in_one_call();
        let mailbox = to.into();
        let mut portions = this.targets(uids.into(), "UID COPY").await?;
        let mut copied = Copied::default();
        while let Some(set) = portions.next() {
            let command = Command::Copy { uid: true, set, mailbox: mailbox.clone() };
            let answer = this.run(command).await.map_err(|error| portions.failed(error))?;
            learn(&mut copied, &answer);
        }
        Ok(copied)
    }

    /// Moves messages into another mailbox (RFC 6851).
    ///
    /// Where the server has no MOVE, they are copied, and only when the server has said that they are, marked
    /// `\Deleted` and expunged: just those that were there when the call began. Without UIDPLUS they stay, marked, and
    /// [`Moved::removal`] says so. Sets are taken as in [`copy`](Self::copy).
    ///
    /// ```no_run
    /// # async fn example(inbox: mail_client::imap::Mailbox) -> mail_client::Result<()> {
    /// use mail_client::{ErrorKind, imap::Removal};
    ///
    /// match inbox.move_to(12, "Archive").await {
    ///     Ok(moved) if moved.removal() == Removal::Expunged => println!("moved"),
    ///     Ok(_) => println!("copied; the one here has \\Deleted"),
    ///     Err(error) if error.kind() == ErrorKind::CopiedNotRemoved => println!("it is in both: {error}"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly) if the mailbox was opened so; the server refuses;
    /// [`CopiedNotRemoved`](crate::ErrorKind::CopiedNotRemoved) if it failed between copying and removing, which
    /// loses nothing and may leave messages in both mailboxes. Where some portions had been done, [`Error::done`]
    /// tells which messages.
    pub async fn move_to(&self, uids: impl Into<SequenceSet>, to: impl Into<MailboxName>) -> Result<Moved> {
        let this = self.in_one_call();
        self.check_writable("UID MOVE")?;
        let (uids, mailbox) = (uids.into(), to.into());
        let mut moved = Moved { copied: Copied::default(), removal: Removal::Expunged };
        if uids.is_empty() {
            return Ok(moved);
        }
        if !this.calls().supports(&Capability::Move).await? {
            return this.copy_and_remove(uids, mailbox).await;
        }
        let mut portions = this.targets(uids, "UID MOVE").await?;
        while let Some(set) = portions.next() {
            let command = Command::Move { uid: true, set, mailbox: mailbox.clone() };
            let answer = this.run(command).await.map_err(|error| portions.failed(error))?;
            learn(&mut moved.copied, &answer);
        }
        Ok(moved)
    }

    async fn copy_and_remove(&self, uids: SequenceSet, mailbox: MailboxName) -> Result<Moved> {
        // A message that comes between COPY and STORE must not be marked, so no set may hold a UID that is free yet.
        let mut portions = Portions::new(&self.existing(uids, "UID MOVE").await?);
        let mut moved = Moved { copied: Copied::default(), removal: Removal::Expunged };
        while let Some(set) = portions.next() {
            let command = Command::Copy { uid: true, set: set.clone(), mailbox: mailbox.clone() };
            let answer = self.run(command).await.map_err(|error| portions.failed(error))?;
            let mut copied = Copied::default();
            learn(&mut copied, &answer);
            learn(&mut moved.copied, &answer);
            let there = match copied.uid_validity() {
                Some(_) => copied.source().intersection(&set),
                None => set,
            };
            if there.is_empty() {
                continue;
            }
            moved.removal = self.mark_and_expunge(there).await.map_err(|reason| {
                let cause = Cause::CopiedNotRemoved { copied: Box::new(copied), reason: Box::new(reason) };
                portions.failed(Error::new(cause).in_command("UID MOVE", Some(&mailbox)))
            })?;
        }
        Ok(moved)
    }
}

/// Takes in the COPYUID of an answer: COPY has it in its end, MOVE before it or in its end.
fn learn(copied: &mut Copied, answer: &Answer) {
    let untagged = || {
        answer.data.iter().filter_map(|data| match data {
            Untagged::Status(status) => status.code.as_ref(),
            _ => None,
        })
    };
    match &answer.completion.status.code {
        Some(code @ ResponseCode::CopyUid { .. }) => copied.learn(code),
        _ => untagged().for_each(|code| copied.learn(code)),
    }
}
