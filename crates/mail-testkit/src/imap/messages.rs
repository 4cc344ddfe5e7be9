//! Messages on their way out of the mailbox, or into another: EXPUNGE, COPY, MOVE.

use std::collections::HashSet;

use mail_proto::imap::response::Untagged;
use mail_proto::imap::{MailboxName, ResponseCode, SequenceSet, Status};

use super::refusal::refusal;
use super::selected::Selected;
use super::{Session, acl, bad, done, no, ok};
use crate::store::{Account, Message, StoreError};

/// Removes what is `\Deleted`, of these UIDs if they are given; what went.
pub(super) fn remove_deleted(account: &Account, selected: &Selected, uids: Option<&SequenceSet>) -> Vec<u32> {
    let only: Option<HashSet<u32>> = uids.map(|set| {
        let messages = selected.resolve(set, true).unwrap_or_default();
        messages.into_iter().map(|numbers| numbers.uid).collect()
    });
    let removed = account.lock().mailboxes.get_mut(&selected.id).map(|mailbox| {
        mailbox.remove(|entry| {
            entry.flags.contains("\\Deleted") && only.as_ref().is_none_or(|only| only.contains(&entry.uid))
        })
    });
    account.announce();
    removed.unwrap_or_default()
}

impl Session<'_> {
    /// EXPUNGE and UID EXPUNGE. The client is told what went with the command's end.
    pub(super) fn expunge(
        &self,
        account: &Account,
        selected: &Selected,
        uids: Option<&SequenceSet>,
    ) -> Status {
        if selected.read_only {
            return no(ResponseCode::ReadOnly, "the mailbox was selected for reading only");
        }
        let removed = remove_deleted(account, selected, uids);
        self.expunged(account, selected, &removed)
    }

    /// OK, with the highest mod-sequence for who resynchronises by it if anything went (RFC 7162 section 3.2.7).
    pub(super) fn expunged(&self, account: &Account, selected: &Selected, removed: &[u32]) -> Status {
        let contents = account.lock();
        let mailbox = contents.mailboxes.get(&selected.id);
        let mailbox = mailbox.filter(|mailbox| mailbox.keeps_modseqs);
        match mailbox.filter(|_| self.enabled.qresync && !removed.is_empty()) {
            Some(mailbox) => Status { code: Some(ResponseCode::HighestModSeq(mailbox.modseq)), ..done() },
            None => done(),
        }
    }

    pub(super) fn copy_messages(
        &self,
        account: &Account,
        selected: &Selected,
        by_uid: bool,
        set: &SequenceSet,
        target: &MailboxName,
    ) -> Status {
        match transfer(account, selected, by_uid, set, target, false) {
            Ok(moved) => {
                let code = moved.map(|moved| moved.code).filter(|_| self.shared.has("UIDPLUS"));
                Status { code, ..done() }
            }
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
            Ok(None) => done(),
            Ok(Some(moved)) => {
                // Before the EXPUNGEs, which come with the command's end (RFC 6851 4.3).
                if self.shared.has("UIDPLUS") {
                    self.say(Untagged::Status(ok("moved").with_code(moved.code)));
                }
                self.expunged(account, selected, &moved.uids)
            }
            Err(refused) => refused,
        }
    }
}

/// Messages that were copied or moved: their UIDs, and COPYUID.
struct Transferred {
    uids: Vec<u32>,
    code: ResponseCode,
}

/// Copies messages, all or none, and removes them here if they move.
fn transfer(
    account: &Account,
    selected: &Selected,
    by_uid: bool,
    set: &SequenceSet,
    target: &MailboxName,
    moves: bool,
) -> Result<Option<Transferred>, Status> {
    let messages = selected.resolve(set, by_uid).ok_or_else(|| bad("there is no such message"))?;
    if let Some(refused) = acl::refuses(account, target, 'i') {
        return Err(refused);
    }
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
    let octets = copies.iter().map(|(_, copy)| copy.body().len() as u64).sum();
    if !moves && contents.is_over_quota_with(octets, copies.len() as u64) {
        return Err(no(ResponseCode::OverQuota, "there is no room for that"));
    }
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
    let code = ResponseCode::CopyUid { uid_validity, source: from.clone().into(), target: to.into() };
    Ok(Some(Transferred { uids: from, code }))
}
