//! Messages on their way out of the mailbox, or into another: EXPUNGE, COPY, MOVE.

use std::collections::HashSet;

use mail_proto::imap::response::Untagged;
use mail_proto::imap::{MailboxName, ResponseCode, SequenceSet, Status};

use super::mailboxes::refusal;
use super::selected::Selected;
use super::{Session, bad, done, no, ok};
use crate::store::{Account, Message, StoreError};

/// Removes what is `\Deleted`, of these UIDs if they are given. The client is told with the command's end.
pub(super) fn expunge(account: &Account, selected: &Selected, uids: Option<&SequenceSet>) -> Status {
    if selected.read_only {
        return no(ResponseCode::ReadOnly, "the mailbox was selected for reading only");
    }
    let only: Option<HashSet<u32>> = uids.map(|set| {
        let messages = selected.resolve(set, true).unwrap_or_default();
        messages.into_iter().map(|numbers| numbers.uid).collect()
    });
    if let Some(mailbox) = account.lock().mailboxes.get_mut(&selected.id) {
        mailbox.remove(|entry| {
            entry.flags.contains("\\Deleted") && only.as_ref().is_none_or(|only| only.contains(&entry.uid))
        });
    }
    account.announce();
    done()
}

impl Session<'_> {
    pub(super) fn copy_messages(
        &self,
        account: &Account,
        selected: &Selected,
        by_uid: bool,
        set: &SequenceSet,
        target: &MailboxName,
    ) -> Status {
        match transfer(account, selected, by_uid, set, target, false) {
            Ok(code) => Status { code: code.filter(|_| self.shared.has("UIDPLUS")), ..done() },
            Err(refused) => refused,
        }
    }

    pub(super) fn move_messages(
        &mut self,
        account: &Account,
        selected: &Selected,
        by_uid: bool,
        set: &SequenceSet,
        target: &MailboxName,
    ) -> Status {
        if selected.read_only {
            return no(ResponseCode::ReadOnly, "the mailbox was selected for reading only");
        }
        match transfer(account, selected, by_uid, set, target, true) {
            Ok(code) => {
                // Before the EXPUNGEs, which come with the command's end (RFC 6851 4.3).
                if let Some(code) = code.filter(|_| self.shared.has("UIDPLUS")) {
                    self.say(Untagged::Status(ok("moved").with_code(code)));
                }
                done()
            }
            Err(refused) => refused,
        }
    }
}

/// Copies messages, all or none, and removes them here if they move. COPYUID if there were any.
fn transfer(
    account: &Account,
    selected: &Selected,
    by_uid: bool,
    set: &SequenceSet,
    target: &MailboxName,
    moves: bool,
) -> Result<Option<ResponseCode>, Status> {
    let messages = selected.resolve(set, by_uid).ok_or_else(|| bad("there is no such message"))?;
    let mut contents = account.lock();
    let contents = &mut *contents;
    let target_id = match contents.find(target.as_bytes()) {
        Ok((id, _)) => id,
        Err(error @ StoreError::NoMailbox { .. }) => {
            return Err(no(ResponseCode::TryCreate, error.to_string()));
        }
        Err(error) => return Err(refusal(&error)),
    };
    let source = contents.mailboxes.get(&selected.id);
    let copies: Vec<(u32, Message)> = messages
        .iter()
        .filter_map(|numbers| source?.get(numbers.uid))
        .map(|entry| (entry.uid, entry.to_copy()))
        .collect();
    let Some(mailbox) = contents.mailboxes.get(&target_id) else { return Ok(None) };
    let uid_validity = mailbox.uid_validity;
    let (mut from, mut to) = (Vec::new(), Vec::new());
    for (uid, copy) in copies {
        // There are as many UIDs as messages by far; a test that exhausts them sees the rest stay.
        let Some(new) = contents.add(target_id, copy) else { break };
        from.push(uid);
        to.push(new);
    }
    if moves && let Some(source) = contents.mailboxes.get_mut(&selected.id) {
        let moved: HashSet<u32> = from.iter().copied().collect();
        source.remove(|entry| moved.contains(&entry.uid));
    }
    account.announce();
    if from.is_empty() {
        return Ok(None);
    }
    Ok(Some(ResponseCode::CopyUid { uid_validity, source: from.into(), target: to.into() }))
}
