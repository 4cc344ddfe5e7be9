//! A selected mailbox as one session knows it: which message has which number, and what it was told so far.

use mail_proto::imap::{Command, Flag, ResponseCode, SequenceSet, Status};

use super::no;
use crate::store::{Account, Flags, Mailbox, MailboxId, StoreError};

/// A session's view of the mailbox that it has selected.
///
/// The mailbox itself moves on under it; the numbers here change only when the client is told.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) id: MailboxId,
    pub(super) read_only: bool,
    /// By sequence number.
    uids: Vec<u32>,
    /// Up to which of the mailbox's changes the client was told all.
    told: u64,
    /// Messages are gone of which the client wasn't told.
    owes_expunges: bool,
    /// Who this session is, so that it isn't told of its own doing.
    pub(super) author: u64,
    /// The UIDs that this session, and no other, sees as recent.
    recent: std::ops::Range<u32>,
    /// The UIDs of the result that was saved (RFC 5182), sorted.
    saved: Vec<u32>,
}

/// A message by both its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) seq: u32,
    pub(super) uid: u32,
}

/// Something to tell the client, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Update {
    Expunge(Numbers),
    Exists(u32),
    Flags { numbers: Numbers, flags: Flags, modseq: u64 },
}

impl Selected {
    pub(super) fn open(
        account: &Account,
        name: &[u8],
        read_only: bool,
        author: u64,
    ) -> Result<Self, StoreError> {
        let mut contents = account.lock();
        let (id, mailbox) = contents.find_mut(name)?;
        let recent = mailbox.first_recent..mailbox.uid_next;
        if !read_only {
            mailbox.first_recent = mailbox.uid_next;
        }
        let uids = mailbox.entries().iter().map(|entry| entry.uid).collect();
        Ok(Self {
            id,
            read_only,
            uids,
            told: mailbox.modseq,
            owes_expunges: false,
            author,
            recent,
            saved: Vec::new(),
        })
    }

    /// IMAP4rev2 knows of no recent messages.
    pub(super) fn without_recent(mut self) -> Self {
        self.recent = 0..0;
        self
    }

    /// How many messages the client knows of.
    pub(super) fn exists(&self) -> u32 {
        self.uids.len() as u32
    }

    pub(super) fn recent(&self) -> u32 {
        self.uids.iter().filter(|uid| self.recent.contains(uid)).count() as u32
    }

    pub(super) fn is_recent(&self, uid: u32) -> bool {
        self.recent.contains(&uid)
    }

    /// The messages of a set, each once, in the mailbox's order; numbers that there are none of are passed over if
    /// they are UIDs, and make it `None` if they are sequence numbers.
    pub(super) fn resolve(&self, set: &SequenceSet, uids: bool) -> Option<Vec<Numbers>> {
        if set.is_saved() {
            return Some(self.all().filter(|numbers| self.is_saved(numbers.uid)).collect());
        }
        let largest = if uids { self.uids.last().copied().unwrap_or(0) } else { self.exists() };
        let mut spans = Vec::new();
        for range in set.ranges(largest) {
            let (first, last) = (*range.start(), *range.end());
            let span = if uids {
                let begin = self.uids.partition_point(|uid| *uid < first);
                let end = self.uids.partition_point(|uid| *uid <= last);
                begin..end
            } else if first >= 1 && last <= largest {
                first as usize - 1..last as usize
            } else {
                return None;
            };
            if !span.is_empty() {
                spans.push(span);
            }
        }
        spans.sort_unstable_by_key(|span| span.start);
        let mut found = Vec::new();
        let mut next = 0;
        for span in spans {
            for at in span.start.max(next)..span.end {
                found.push(Numbers { seq: at as u32 + 1, uid: self.uids[at] });
            }
            next = next.max(span.end);
        }
        Some(found)
    }

    /// Keeps the result of a search.
    pub(super) fn save(&mut self, mut uids: Vec<u32>) {
        uids.sort_unstable();
        self.saved = uids;
    }

    pub(super) fn is_saved(&self, uid: u32) -> bool {
        self.saved.binary_search(&uid).is_ok()
    }

    /// All that the client knows of.
    pub(super) fn all(&self) -> impl Iterator<Item = Numbers> + '_ {
        self.uids.iter().zip(1..).map(|(uid, seq)| Numbers { seq, uid: *uid })
    }

    /// The UID of the message with this number.
    pub(super) fn uid(&self, seq: u32) -> Option<u32> {
        self.uids.get(usize::try_from(seq).ok()?.checked_sub(1)?).copied()
    }

    /// Whether the client knows of this message, be it there or not.
    pub(super) fn has(&self, uid: u32) -> bool {
        self.uids.binary_search(&uid).is_ok()
    }

    /// The mod-sequence up to which the client was told all.
    pub(super) fn told(&self) -> u64 {
        self.told
    }

    pub(super) fn keeps_modseqs(&self, account: &Account) -> bool {
        account.lock().mailboxes.get(&self.id).is_some_and(|mailbox| mailbox.keeps_modseqs)
    }

    /// NOPERM, if the user lacks a right that the command needs here (RFC 4314 section 4).
    pub(super) fn refuses(&self, account: &Account, command: &Command) -> Option<Status> {
        let contents = account.lock();
        let rights = contents.mailboxes.get(&self.id)?.acl.get(account.user().as_bytes())?;
        let needed = match command {
            Command::Expunge | Command::UidExpunge(_) => "e",
            Command::Move { .. } => "te",
            Command::Store { flags, .. } => {
                let right = |flag: &Flag| match flag {
                    Flag::Seen => "s",
                    Flag::Deleted => "t",
                    _ => "w",
                };
                flags.iter().map(right).find(|right| !rights.contains(right)).unwrap_or_default()
            }
            _ => "",
        };
        let lacking = needed.chars().find(|right| !rights.contains(*right))?;
        Some(no(ResponseCode::NoPerm, format!("that needs the right {lacking}")))
    }

    /// Whether the client was told all that there is to tell.
    pub(super) fn is_up_to_date(&self, mailbox: &Mailbox) -> bool {
        mailbox.modseq == self.told
    }

    /// The client knows all, or is about to, from the answer to its own command.
    pub(super) fn is_told_all(&mut self, mailbox: &Mailbox) {
        self.told = mailbox.modseq;
    }

    /// What changed since the client was told last. Without `expunges`, messages that are gone keep their numbers
    /// until next time, as RFC 9051 7.5.1 demands during FETCH, STORE and SEARCH.
    pub(super) fn catch_up(&mut self, mailbox: &Mailbox, expunges: bool) -> Vec<Update> {
        let mut updates = Vec::new();
        if mailbox.modseq == self.told && !(self.owes_expunges && expunges) {
            return updates;
        }
        let entries = mailbox.entries();
        let mut kept = Vec::with_capacity(entries.len());
        let mut flags = Vec::new();
        let mut behind = 0;
        self.owes_expunges = false;
        for uid in &self.uids {
            while entries.get(behind).is_some_and(|entry| entry.uid < *uid) {
                behind += 1;
            }
            let entry = entries.get(behind).filter(|entry| entry.uid == *uid);
            if entry.is_none() {
                if expunges {
                    updates.push(Update::Expunge(Numbers { seq: kept.len() as u32 + 1, uid: *uid }));
                    continue;
                }
                self.owes_expunges = true;
            }
            kept.push(*uid);
            if let Some(entry) = entry
                && entry.modseq > self.told
                && entry.changed_by != self.author
            {
                let numbers = Numbers { seq: kept.len() as u32, uid: *uid };
                flags.push(Update::Flags { numbers, flags: entry.flags.clone(), modseq: entry.modseq });
            }
        }
        let last = self.uids.last().copied().unwrap_or(0);
        let known = kept.len();
        kept.extend(entries.iter().map(|entry| entry.uid).filter(|uid| *uid > last));
        if kept.len() > known {
            updates.push(Update::Exists(kept.len() as u32));
        }
        updates.extend(flags);
        self.uids = kept;
        self.told = mailbox.modseq;
        updates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(count: u32) -> Account {
        let account = Account::new("alice".into(), "secret".into());
        for _ in 0..count {
            account.deliver("INBOX", "x").unwrap();
        }
        account
    }

    fn catch_up(selected: &mut Selected, account: &Account, expunges: bool) -> Vec<Update> {
        selected.catch_up(account.lock().find(b"INBOX").unwrap().1, expunges)
    }

    #[test]
    fn expunges_are_numbered_as_if_told_one_by_one() {
        let account = mailbox(5);
        let mut selected = Selected::open(&account, b"INBOX", true, 1).unwrap();
        account.expunge("INBOX", [2, 3, 5]).unwrap();
        account.deliver("INBOX", "y").unwrap();
        let updates = catch_up(&mut selected, &account, true);
        let gone = |seq, uid| Update::Expunge(Numbers { seq, uid });
        let expected = [gone(2, 2), gone(2, 3), gone(3, 5), Update::Exists(3)];
        assert_eq!(updates, expected);
        assert_eq!(selected.all().map(|numbers| numbers.uid).collect::<Vec<_>>(), [1, 4, 6]);
        assert!(catch_up(&mut selected, &account, true).is_empty());
    }

    #[test]
    fn a_number_stays_until_its_expunge_may_be_told() {
        let account = mailbox(3);
        let mut selected = Selected::open(&account, b"INBOX", true, 1).unwrap();
        account.expunge("INBOX", [1]).unwrap();
        assert!(catch_up(&mut selected, &account, false).is_empty());
        account.deliver("INBOX", "y").unwrap();
        assert_eq!(catch_up(&mut selected, &account, false), [Update::Exists(4)]);
        assert_eq!(catch_up(&mut selected, &account, true), [Update::Expunge(Numbers { seq: 1, uid: 1 })]);
    }

    #[test]
    fn flags_that_others_set_are_told() {
        let account = mailbox(2);
        let mut mine = Selected::open(&account, b"INBOX", false, 1).unwrap();
        let mut other = Selected::open(&account, b"INBOX", false, 2).unwrap();
        account.lock().find_mut(b"INBOX").unwrap().1.change_flags(2, 1, |flags| flags.insert("\\Seen"));
        assert!(catch_up(&mut mine, &account, true).is_empty());
        let flags = ["\\Seen"].into_iter().collect();
        let numbers = Numbers { seq: 2, uid: 2 };
        assert_eq!(catch_up(&mut other, &account, true), [Update::Flags { numbers, flags, modseq: 4 }]);
    }

    #[test]
    fn sets_resolve_in_the_mailbox_s_order() {
        let account = mailbox(6);
        account.expunge("INBOX", [2]).unwrap();
        let selected = Selected::open(&account, b"INBOX", true, 1).unwrap();
        let uids = |set: &str, by_uid| {
            let found = selected.resolve(&set.parse().unwrap(), by_uid)?;
            Some(found.iter().map(|numbers| numbers.uid).collect::<Vec<_>>())
        };
        assert_eq!(uids("5:3,1,4", true).unwrap(), [1, 3, 4, 5]);
        assert_eq!(
            uids("9:*", true).unwrap(),
            [6],
            "the star is the last message, whatever stands before it"
        );
        assert!(uids("2", true).unwrap().is_empty());
        assert_eq!(uids("2:*", false).unwrap(), [3, 4, 5, 6]);
        assert_eq!(uids("6", false), None);
    }

    #[test]
    fn recent_is_for_one_session() {
        let account = mailbox(2);
        assert_eq!(Selected::open(&account, b"INBOX", true, 1).unwrap().recent(), 2);
        assert_eq!(Selected::open(&account, b"INBOX", false, 2).unwrap().recent(), 2);
        assert_eq!(Selected::open(&account, b"INBOX", false, 3).unwrap().recent(), 0);
    }
}
