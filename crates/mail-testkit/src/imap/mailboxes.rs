//! The mailboxes as a whole: LIST, STATUS, SELECT, CREATE and their like.

use std::collections::BTreeSet;

use bytes::Bytes;
use mail_proto::imap::response::Untagged;
use mail_proto::imap::{
    Flag, List, MailboxAttribute, MailboxAttributes, MailboxName, MailboxStatus, Namespace, Namespaces,
    ResponseCode, SelectOptions, Status, StatusItem, StatusValue,
};

use super::selected::Selected;
use super::{Session, bad, done, flag_list, no, ok, pattern};
use crate::store::{Account, Flags, Mailbox, MailboxId, StoreError};

impl Session<'_> {
    pub(super) fn namespace(&mut self) -> Status {
        let personal = vec![Namespace::new("", self.shared.delimiter)];
        self.say(Untagged::Namespace(Namespaces { personal, ..Namespaces::default() }));
        done()
    }

    pub(super) fn list(&mut self, account: &Account, reference: &[u8], wanted: &[u8]) -> Status {
        let delimiter = self.shared.delimiter;
        if wanted.is_empty() {
            // What the delimiter is, and nothing else.
            let root = MailboxName::from_wire(Bytes::new());
            let list = List::new(root, delimiter);
            self.say(Untagged::List(List { attributes: [MailboxAttribute::NoSelect].into(), ..list }));
            return done();
        }
        let wanted = [reference, wanted].concat();
        let names = account.mailboxes();
        let existing: BTreeSet<&[u8]> = names.iter().map(Vec::as_slice).collect();
        let parents: BTreeSet<&[u8]> = names.iter().flat_map(|name| levels_above(name, delimiter)).collect();
        // A level that is no mailbox is told of only to who asks level by level.
        let by_level = wanted.ends_with(b"%");
        for name in existing.union(&parents) {
            let is_inbox = *name == b"INBOX";
            let matches = pattern::matches(&wanted, name, delimiter)
                || is_inbox && pattern::matches(&wanted.to_ascii_uppercase(), name, delimiter);
            if !matches || !(by_level || existing.contains(name)) {
                continue;
            }
            let mut attributes = MailboxAttributes::default();
            if !existing.contains(name) {
                attributes.insert(MailboxAttribute::NoSelect);
            }
            let has_children = parents.contains(name);
            attributes.insert(if has_children {
                MailboxAttribute::HasChildren
            } else {
                MailboxAttribute::HasNoChildren
            });
            let mailbox = MailboxName::from_wire(Bytes::copy_from_slice(name));
            self.say(Untagged::List(List { attributes, ..List::new(mailbox, delimiter) }));
        }
        done()
    }

    /// The mailboxes that are subscribed to; all are until UNSUBSCRIBE.
    pub(super) fn lsub(&mut self, account: &Account, reference: &[u8], wanted: &[u8]) -> Status {
        let wanted = [reference, wanted].concat();
        let delimiter = self.shared.delimiter;
        let subscribed: Vec<Vec<u8>> = {
            let contents = account.lock();
            let is_subscribed = |id| contents.mailboxes.get(id).is_some_and(|mailbox| mailbox.subscribed);
            let names = contents.names.iter().filter(|(_, id)| is_subscribed(id)).map(|(name, _)| name);
            names.filter(|name| pattern::matches(&wanted, name, delimiter)).cloned().collect()
        };
        for name in subscribed {
            let mailbox = MailboxName::from_wire(name);
            self.say(Untagged::Lsub(List::new(mailbox, delimiter)));
        }
        done()
    }

    pub(super) fn status(&mut self, account: &Account, name: &MailboxName, items: &[StatusItem]) -> Status {
        if items.contains(&StatusItem::HighestModSeq) {
            let selected = self.selected.take();
            self.enable_condstore(account, selected.as_ref());
            self.selected = selected;
        }
        let told = {
            let contents = account.lock();
            let (id, mailbox) = match contents.find(name.as_bytes()) {
                Ok(found) => found,
                Err(error) => return refusal(&error),
            };
            items.iter().filter_map(|item| Some((*item, value(id, mailbox, *item)?))).collect()
        };
        self.say(Untagged::MailboxStatus(MailboxStatus {
            mailbox: name.clone(),
            items: told,
            other: Vec::new(),
        }));
        done()
    }

    pub(super) fn select(
        &mut self,
        account: &Account,
        name: &MailboxName,
        read_only: bool,
        options: &SelectOptions,
    ) -> Status {
        if options.qresync.is_some() && !self.enabled.qresync {
            return bad("QRESYNC isn't enabled");
        }
        // A SELECT that fails leaves nothing selected.
        if self.selected.take().is_some() && (self.shared.has("QRESYNC") || self.shared.has("IMAP4rev2")) {
            self.say(Untagged::Status(
                ok("the mailbox selected before isn't any more").with_code(ResponseCode::Closed),
            ));
        }
        if options.condstore || options.qresync.is_some() {
            self.enable_condstore(account, None);
        }
        let selected = match Selected::open(account, name.as_bytes(), read_only, self.seat.number()) {
            Ok(selected) => selected,
            Err(error) => return refusal(&error),
        };
        let (flags, uid_validity, uid_next, unseen) = {
            let contents = account.lock();
            let Some(mailbox) = contents.mailboxes.get(&selected.id) else {
                return no(ResponseCode::NonExistent, "the mailbox was deleted");
            };
            let mut flags = Flags::from_iter(["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"]);
            mailbox.entries().iter().for_each(|entry| flags.extend(entry.flags.keywords()));
            let unseen = mailbox.entries().iter().position(|entry| !entry.flags.contains("\\Seen"));
            (flags, mailbox.uid_validity, mailbox.uid_next, unseen)
        };
        let flags = flag_list(&flags, false);
        let permanent =
            if read_only { Vec::new() } else { flags.iter().cloned().chain([Flag::Wildcard]).collect() };
        self.say(Untagged::Flags(flags));
        let notice = |code, text: &'static str| Untagged::Status(ok(text).with_code(code));
        self.say(notice(ResponseCode::PermanentFlags(permanent), "flags that stay"));
        self.say(Untagged::Exists(selected.exists()));
        self.say(Untagged::Recent(selected.recent()));
        if let Some(unseen) = unseen {
            self.say(notice(ResponseCode::Unseen(unseen as u32 + 1), "the first that wasn't seen"));
        }
        self.say(notice(ResponseCode::UidValidity(uid_validity), "UIDs are valid"));
        self.say(notice(ResponseCode::UidNext(uid_next), "the next UID"));
        if self.shared.has("OBJECTID") {
            self.say(notice(ResponseCode::MailboxId(mailbox_id(selected.id)), "the mailbox's id"));
        }
        if self.shared.has("CONDSTORE") {
            self.say(if selected.keeps_modseqs(account) {
                notice(ResponseCode::HighestModSeq(selected.told()), "the highest mod-sequence")
            } else {
                notice(ResponseCode::NoModSeq, "no mod-sequences are kept")
            });
        }
        if let Some(known) = &options.qresync {
            self.resync(account, &selected, known);
        }
        self.selected = Some(selected);
        if read_only {
            ok("EXAMINE completed").with_code(ResponseCode::ReadOnly)
        } else {
            ok("SELECT completed").with_code(ResponseCode::ReadWrite)
        }
    }

    pub(super) fn create(&self, account: &Account, name: &MailboxName) -> Status {
        // A trailing delimiter only says that there will be mailboxes below (RFC 9051 6.3.4).
        let name = match (name.as_bytes(), self.shared.delimiter) {
            ([name @ .., last], Some(delimiter)) if *last == delimiter => name,
            (name, _) => name,
        };
        if let Err(error) = account.create(name) {
            return refusal(&error);
        }
        let id = account.lock().find(name).map(|(id, _)| id).ok();
        let code =
            id.filter(|_| self.shared.has("OBJECTID")).map(|id| ResponseCode::MailboxId(mailbox_id(id)));
        Status { code, ..done() }
    }
}

pub(super) fn subscribe(account: &Account, name: &MailboxName, subscribed: bool) -> Status {
    match account.lock().find_mut(name.as_bytes()) {
        Ok((_, mailbox)) => {
            mailbox.subscribed = subscribed;
            done()
        }
        Err(error) => refusal(&error),
    }
}

/// How a change of the store went.
pub(super) fn changed(result: Result<(), StoreError>) -> Status {
    match result {
        Ok(()) => done(),
        Err(error) => refusal(&error),
    }
}

pub(super) fn refusal(error: &StoreError) -> Status {
    let code = match error {
        StoreError::NoMailbox { .. } => ResponseCode::NonExistent,
        StoreError::MailboxExists { .. } => ResponseCode::AlreadyExists,
        StoreError::NoUidsLeft { .. } => ResponseCode::Limit,
        _ => ResponseCode::Cannot,
    };
    no(code, error.to_string())
}

/// A mailbox's id as OBJECTID tells it (RFC 8474).
pub(super) fn mailbox_id(id: MailboxId) -> Bytes {
    format!("F{id}").into()
}

fn value(id: MailboxId, mailbox: &Mailbox, item: StatusItem) -> Option<StatusValue> {
    match item {
        StatusItem::MailboxId => Some(StatusValue::Id(mailbox_id(id))),
        item => number(mailbox, item).map(StatusValue::Number),
    }
}

fn number(mailbox: &Mailbox, item: StatusItem) -> Option<u64> {
    let entries = mailbox.entries();
    let count =
        |counts: &dyn Fn(&Flags) -> bool| entries.iter().filter(|entry| counts(&entry.flags)).count() as u64;
    Some(match item {
        StatusItem::Messages => entries.len() as u64,
        StatusItem::Recent => entries.iter().filter(|entry| entry.uid >= mailbox.first_recent).count() as u64,
        StatusItem::UidNext => u64::from(mailbox.uid_next),
        StatusItem::UidValidity => u64::from(mailbox.uid_validity),
        StatusItem::Unseen => count(&|flags| !flags.contains("\\Seen")),
        StatusItem::Deleted => count(&|flags| flags.contains("\\Deleted")),
        StatusItem::Size => entries.iter().map(|entry| entry.body.len() as u64).sum(),
        StatusItem::HighestModSeq if mailbox.keeps_modseqs => mailbox.modseq,
        StatusItem::HighestModSeq => 0,
        _ => return None,
    })
}

/// `a` and `a/b` for `a/b/c`.
fn levels_above(name: &[u8], delimiter: Option<u8>) -> impl Iterator<Item = &[u8]> {
    let ends = name.iter().enumerate().filter(move |(_, octet)| Some(**octet) == delimiter);
    ends.map(|(at, _)| &name[..at]).filter(|level| !level.is_empty())
}
