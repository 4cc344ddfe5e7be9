//! The mailboxes as a whole: STATUS, SELECT, CREATE and their like.

use bytes::Bytes;
use mail_proto::imap::response::Untagged;
use mail_proto::imap::{
    Flag, List, MailboxAttribute, MailboxName, MailboxStatus, Namespace, Namespaces, ResponseCode,
    SelectOptions, Status, StatusItem, StatusValue,
};

use super::refusal::{changed, refusal};
use super::selected::Selected;
use super::{Session, acl, bad, done, flag_list, no, ok};
use crate::store::{Account, Flags, Mailbox, MailboxId};

impl Session<'_> {
    pub(super) fn namespace(&mut self) -> Status {
        let personal = vec![Namespace::new("", self.shared.delimiter)];
        self.say(Untagged::Namespace(Namespaces { personal, ..Namespaces::default() }));
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
            items.iter().filter_map(|item| Some((*item, self.value(id, mailbox, *item)?))).collect()
        };
        self.say(Untagged::MailboxStatus(MailboxStatus {
            mailbox: name.clone(),
            items: told,
            other: Vec::new(),
        }));
        done()
    }

    fn value(&self, id: MailboxId, mailbox: &Mailbox, item: StatusItem) -> Option<StatusValue> {
        match item {
            StatusItem::MailboxId => Some(StatusValue::Id(mailbox_id(id))),
            StatusItem::AppendLimit => {
                let limit = self.shared.offer.value("APPENDLIMIT").and_then(|limit| limit.parse().ok());
                Some(limit.map_or(StatusValue::Nil, StatusValue::Number))
            }
            item => number(mailbox, item).map(StatusValue::Number),
        }
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
        if let Some(refused) = acl::refuses(account, name, 'r') {
            return refused;
        }
        // Who may change nothing has it for reading only (RFC 4314 section 5.2).
        let read_only = read_only || !"swtei".chars().any(|right| account.may(name.as_bytes(), right));
        let selected = match Selected::open(account, name.as_bytes(), read_only, self.seat.number()) {
            Ok(selected) if self.enabled.rev2 => selected.without_recent(),
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
        if self.enabled.rev2 {
            self.say(Untagged::List(List::new(name.clone(), self.shared.delimiter)));
        } else {
            self.say(Untagged::Recent(selected.recent()));
        }
        if let Some(unseen) = unseen.filter(|_| !self.enabled.rev2) {
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
            done().with_code(ResponseCode::ReadOnly)
        } else {
            done().with_code(ResponseCode::ReadWrite)
        }
    }

    pub(super) fn create(
        &self,
        account: &Account,
        name: &MailboxName,
        special_use: &[MailboxAttribute],
    ) -> Status {
        // A trailing delimiter only says that there will be mailboxes below (RFC 9051 6.3.4).
        let name = match (name.as_bytes(), self.shared.delimiter) {
            ([name @ .., last], Some(delimiter)) if *last == delimiter => name,
            (name, _) => name,
        };
        if !special_use.iter().all(can_be_made) {
            return no(ResponseCode::UseAttr, "no mailbox can be made for that use");
        }
        let created = {
            let mut contents = account.lock();
            let created = contents.create(name);
            if let Ok(id) = &created
                && let Some(mailbox) = contents.mailboxes.get_mut(id)
            {
                let uses = special_use.iter().map(|special| String::from_utf8_lossy(special.as_bytes()));
                mailbox.special_use = uses.map(std::borrow::Cow::into_owned).collect();
            }
            created
        };
        match created {
            Ok(id) => {
                account.announce();
                let code = ResponseCode::MailboxId(mailbox_id(id));
                Status { code: Some(code).filter(|_| self.shared.has("OBJECTID")), ..done() }
            }
            Err(error) => refusal(&error),
        }
    }

    /// Renames a mailbox and those below it (RFC 9051 6.3.6).
    pub(super) fn rename(&self, account: &Account, from: &MailboxName, to: &MailboxName) -> Status {
        let (from, to) = (from.as_bytes(), to.as_bytes());
        let result = account.lock().rename_tree(from, to, self.shared.delimiter);
        account.announce();
        changed(result)
    }
}

/// Uses that a client may make a mailbox for: all but that of holding all messages, which is the server's to provide.
fn can_be_made(special_use: &MailboxAttribute) -> bool {
    matches!(
        special_use,
        MailboxAttribute::Archive
            | MailboxAttribute::Drafts
            | MailboxAttribute::Flagged
            | MailboxAttribute::Junk
            | MailboxAttribute::Sent
            | MailboxAttribute::Trash
            | MailboxAttribute::Important
    )
}

pub(super) fn subscribe(account: &Account, name: &MailboxName) -> Status {
    let result = account.lock().subscribe(name.as_bytes());
    account.announce();
    changed(result)
}

pub(super) fn unsubscribe(account: &Account, name: &MailboxName) -> Status {
    account.lock().unsubscribe(name.as_bytes());
    account.announce();
    done()
}

/// A mailbox's id as OBJECTID tells it (RFC 8474).
pub(super) fn mailbox_id(id: MailboxId) -> Bytes {
    format!("F{id}").into()
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
        StatusItem::DeletedStorage => {
            let deleted = entries.iter().filter(|entry| entry.flags.contains("\\Deleted"));
            deleted.map(|entry| entry.body.len() as u64).sum()
        }
        StatusItem::Size => entries.iter().map(|entry| entry.body.len() as u64).sum(),
        StatusItem::HighestModSeq if mailbox.keeps_modseqs => mailbox.modseq,
        StatusItem::HighestModSeq => 0,
        _ => return None,
    })
}
