//! REPLACE: a message in another's place (RFC 8508).

use mail_proto::imap::{Capability, Command, SequenceSet, client::Request};

use super::{
    Mailbox,
    append::{Appended, appended},
    expunge::Removal,
    message_source::NewMessage,
};
use crate::error::{Cause, Result};

/// What became of a message that was to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Where the new message is.
    pub new: Appended,
    /// What became of the old one.
    pub old: Removal,
}

impl Mailbox {
    /// Puts a message in another's place: a draft that was gone on with, say (RFC 8508). The old one goes only once the
    /// new one is stored.
    ///
    /// A server without REPLACE is told to store the new one, and then to remove the old, as
    /// [`delete`](Self::delete) does.
    ///
    /// # Errors
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly) if the mailbox was opened so; the server refuses. Where the new message
    /// was stored and the old one couldn't be removed, it is
    /// [`CopiedNotRemoved`](crate::ErrorKind::CopiedNotRemoved).
    pub async fn replace(&self, uid: u32, message: NewMessage) -> Result<Replaced> {
        self.check_writable("UID REPLACE")?;
        if !self.calls().supports(&Capability::Replace).await? {
            let new = self.append(message).await?;
            let old = self.delete(SequenceSet::from(uid)).await.map_err(|error| {
                error
                    .clone()
                    .with_cause(Cause::CopiedNotRemoved { copied: Box::default(), reason: Box::new(error) })
            })?;
            return Ok(Replaced { new, old });
        }
        let NewMessage { about, content } = message;
        self.calls().check_size(&about, "UID REPLACE", self.name()).await?;
        let command =
            Command::Replace { uid: true, number: uid, mailbox: self.name().clone(), message: about };
        let answer = self.calls().upload(Request::on(self.selection(), command), content).await?;
        let new = appended(&answer, 1).pop().unwrap_or_default();
        Ok(Replaced { new, old: Removal::Expunged })
    }
}
