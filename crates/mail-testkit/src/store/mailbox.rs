//! One mailbox: its messages by UID, and what changed when.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;

use super::{Acl, Flags, Ids, Message, StoredMessage};

/// Who changed a message: a session, or nobody's session.
pub(crate) type Author = u64;

#[derive(Debug)]
pub(crate) struct Mailbox {
    pub(crate) uid_validity: u32,
    pub(crate) uid_next: u32,
    /// Grows with every change.
    pub(crate) modseq: u64,
    /// The first UID that no session was told of as recent.
    pub(crate) first_recent: u32,
    /// What it is for (RFC 6154), `\Sent` for example.
    pub(crate) special_use: Vec<String>,
    /// Who may do what; an owner who isn't named may do all.
    pub(crate) acl: Acl,
    /// Values by their names in lower case (RFC 5464).
    pub(crate) metadata: BTreeMap<Vec<u8>, Bytes>,
    /// Whether clients are told of mod-sequences here (RFC 7162 section 3.1.2.2 has NOMODSEQ for those that aren't).
    pub(crate) keeps_modseqs: bool,
    /// Which UID went at which mod-sequence, in this order.
    expunged: Vec<(u64, u32)>,
    /// What went up to this mod-sequence was forgotten.
    forgotten: u64,
    /// By UID.
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) uid: u32,
    pub(crate) modseq: u64,
    pub(crate) changed_by: Author,
    pub(crate) flags: Flags,
    pub(crate) internal_date: SystemTime,
    /// When it was put into this mailbox (RFC 8514).
    pub(crate) save_date: SystemTime,
    pub(crate) ids: Ids,
    pub(crate) labels: Vec<String>,
    pub(crate) body: Bytes,
}

impl Mailbox {
    pub(crate) fn new(uid_validity: u32) -> Self {
        Self {
            uid_validity,
            uid_next: 1,
            modseq: 1,
            first_recent: 1,
            special_use: Vec::new(),
            acl: Acl::new(),
            metadata: BTreeMap::new(),
            keeps_modseqs: true,
            expunged: Vec::new(),
            forgotten: 0,
            entries: Vec::new(),
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn get(&self, uid: u32) -> Option<&Entry> {
        self.position(uid).map(|at| &self.entries[at])
    }

    /// How many messages more can have a UID.
    pub(super) fn uids_left(&self) -> u64 {
        u64::from(u32::MAX - self.uid_next)
    }

    /// Adds a message; its UID, or none if the mailbox has given all UIDs away.
    pub(super) fn add(&mut self, message: Message, ids: Ids) -> Option<u32> {
        let uid = self.uid_next;
        self.uid_next = uid.checked_add(1)?;
        self.modseq += 1;
        let Message { body, flags, internal_date, labels, ids: _ } = message;
        self.entries.push(Entry {
            uid,
            modseq: self.modseq,
            changed_by: 0,
            flags,
            internal_date,
            save_date: SystemTime::now(),
            ids,
            labels,
            body,
        });
        Some(uid)
    }

    /// Changes the flags of one message; false if it isn't there.
    pub(crate) fn change_flags(&mut self, uid: u32, author: Author, change: impl FnOnce(&mut Flags)) -> bool {
        let Some(at) = self.position(uid) else { return false };
        let entry = &mut self.entries[at];
        let before = entry.flags.clone();
        change(&mut entry.flags);
        if entry.flags != before {
            self.modseq += 1;
            entry.modseq = self.modseq;
            entry.changed_by = author;
        }
        true
    }

    /// Removes those that `goes` picks; their UIDs.
    pub(crate) fn remove(&mut self, mut goes: impl FnMut(&Entry) -> bool) -> Vec<u32> {
        let mut removed = Vec::new();
        self.entries.retain(|entry| {
            let goes = goes(entry);
            if goes {
                removed.push(entry.uid);
            }
            !goes
        });
        if !removed.is_empty() {
            self.modseq += 1;
            self.expunged.extend(removed.iter().map(|uid| (self.modseq, *uid)));
        }
        removed
    }

    /// The UIDs that went after this mod-sequence; none if that was forgotten.
    pub(crate) fn expunged_since(&self, modseq: u64) -> Option<impl Iterator<Item = u32>> {
        let begin = self.expunged.partition_point(|(at, _)| *at <= modseq);
        (modseq >= self.forgotten).then(|| self.expunged[begin..].iter().map(|(_, uid)| *uid))
    }

    /// Keeps no account of what went so far.
    pub(super) fn forget_expunged(&mut self) {
        self.expunged.clear();
        self.forgotten = self.modseq;
    }

    fn position(&self, uid: u32) -> Option<usize> {
        self.entries.binary_search_by_key(&uid, |entry| entry.uid).ok()
    }
}

impl Entry {
    /// The same message, to put elsewhere.
    pub(crate) fn to_copy(&self) -> Message {
        let Self { flags, internal_date, labels, body, ids, .. } = self.clone();
        Message { body, flags, internal_date, labels, ids: Some(ids) }
    }

    pub(crate) fn to_stored(&self) -> StoredMessage {
        let Self { uid, flags, internal_date, body, .. } = self.clone();
        StoredMessage { uid, flags, internal_date, body }
    }
}
