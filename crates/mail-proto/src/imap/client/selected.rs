//! What is known of the selected mailbox.

use bytes::Bytes;

use super::uid_map::UidMap;
use crate::imap::{
    code::ResponseCode,
    flags::Flag,
    mailbox::MailboxName,
    response::Untagged,
    status_line::{Status, StatusKind},
};

/// The mailbox that a command needs selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Which mailbox.
    pub mailbox: MailboxName,
    /// Whether by EXAMINE, so that nothing in it can be changed.
    pub read_only: bool,
    /// The UIDVALIDITY it must have, if there is one to compare with.
    pub uid_validity: Option<u32>,
}

/// What SELECT or EXAMINE told of a mailbox, and what has changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SelectedMailbox {
    /// Which mailbox.
    pub mailbox: MailboxName,
    /// Whether nothing in it can be changed: by EXAMINE, or because the server says so.
    pub read_only: bool,
    /// Whether it was opened by EXAMINE.
    pub examined: bool,
    /// How many messages it has.
    pub exists: u32,
    /// How many of them are recent.
    pub recent: u32,
    /// The value that UIDs belong to; `None` if the server keeps none.
    pub uid_validity: Option<u32>,
    /// The UID that the next message will have at least.
    pub uid_next: Option<u32>,
    /// The sequence number of the first message without `\Seen`.
    pub unseen: Option<u32>,
    /// The highest mod-sequence (RFC 7162).
    pub highest_mod_seq: Option<u64>,
    /// The mailbox' id, which it keeps when it is renamed (RFC 8474).
    pub mailbox_id: Option<Bytes>,
    /// The flags that its messages may have.
    pub flags: Vec<Flag>,
    /// Those of them that can be changed for good; `None` if the server doesn't say.
    pub permanent_flags: Option<Vec<Flag>>,
    pub(super) uids: UidMap,
}

impl SelectedMailbox {
    pub(super) fn new(selection: &Selection) -> Self {
        Self {
            mailbox: selection.mailbox.clone(),
            read_only: selection.read_only,
            examined: selection.read_only,
            exists: 0,
            recent: 0,
            uid_validity: None,
            uid_next: None,
            unseen: None,
            highest_mod_seq: None,
            mailbox_id: None,
            flags: Vec::new(),
            permanent_flags: None,
            uids: UidMap::default(),
        }
    }

    /// The UID of the message with this sequence number, as far as the server has told.
    pub fn uid_of(&self, seq: u32) -> Option<u32> {
        self.uids.uid_of(seq)
    }

    /// Takes in what the server tells, whether while selecting or later.
    pub(super) fn learn(&mut self, data: &Untagged) {
        match data {
            Untagged::Exists(number) => {
                self.exists = *number;
                self.uids.exists(*number);
            }
            Untagged::Recent(number) => self.recent = *number,
            Untagged::Expunge(number) => {
                self.exists = self.exists.saturating_sub(1);
                self.uids.expunge(*number);
            }
            Untagged::Vanished(vanished) if !vanished.earlier => {
                let gone = vanished.uids.len().and_then(|gone| u32::try_from(gone).ok());
                self.exists = self.exists.saturating_sub(gone.unwrap_or(0));
                self.uids.vanish(&vanished.uids);
            }
            Untagged::Flags(flags) => self.flags.clone_from(flags),
            Untagged::Status(status) => self.learn_code(status),
            _ => {}
        }
    }

    /// A code in a status response, the tagged OK of SELECT among them.
    pub(super) fn learn_code(&mut self, status: &Status) {
        if status.kind != StatusKind::Ok {
            return;
        }
        match &status.code {
            Some(ResponseCode::UidValidity(value)) => {
                self.uid_validity = Some(*value).filter(|value| *value > 0)
            }
            Some(ResponseCode::UidNext(value)) => self.uid_next = Some(*value).filter(|value| *value > 0),
            Some(ResponseCode::Unseen(value)) => self.unseen = Some(*value).filter(|value| *value > 0),
            Some(ResponseCode::HighestModSeq(value)) => self.highest_mod_seq = Some(*value),
            Some(ResponseCode::MailboxId(id)) => self.mailbox_id = Some(id.clone()),
            Some(ResponseCode::NoModSeq) => self.highest_mod_seq = None,
            Some(ResponseCode::PermanentFlags(flags)) => self.permanent_flags = Some(flags.clone()),
            Some(ResponseCode::ReadOnly) => self.read_only = true,
            Some(ResponseCode::ReadWrite) => self.read_only = self.examined,
            _ => {}
        }
    }

    /// Whether commands that need this selection may run on it.
    pub(super) fn serves(&self, selection: &Selection) -> bool {
        self.mailbox == selection.mailbox && self.examined == selection.read_only
    }
}
