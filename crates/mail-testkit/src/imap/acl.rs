//! ACL (RFC 4314): who may do what in a mailbox.

use bytes::Bytes;
use mail_proto::imap::response::Untagged;
use mail_proto::imap::{Acl, ListRights, MailboxName, MyRights, ResponseCode, Rights, RightsChange, Status};

use super::refusal::{changed, refusal};
use super::{Session, done, no};
use crate::store::{ALL_RIGHTS, Account, in_order};

impl Session<'_> {
    pub(super) fn get_acl(&mut self, account: &Account, name: &MailboxName) -> Status {
        if let Some(refused) = refuses(account, name, 'a') {
            return refused;
        }
        let entries = {
            let contents = account.lock();
            let mailbox = match contents.find(name.as_bytes()) {
                Ok((_, mailbox)) => mailbox,
                Err(error) => return refusal(&error),
            };
            let owner = (account.user().as_bytes().to_vec(), ALL_RIGHTS.to_owned());
            let has_own = mailbox.acl.contains_key(account.user().as_bytes());
            let entries = (!has_own).then_some(owner).into_iter().chain(mailbox.acl.clone());
            entries.map(|(who, rights)| (Bytes::from(who), Rights::new(rights))).collect()
        };
        self.say(Untagged::Acl(Acl { mailbox: name.clone(), entries }));
        done()
    }

    pub(super) fn my_rights(&mut self, account: &Account, name: &MailboxName) -> Status {
        let rights = match account.lock().find(name.as_bytes()) {
            Ok((_, mailbox)) => mailbox.acl.get(account.user().as_bytes()).cloned(),
            Err(error) => return refusal(&error),
        };
        let rights = Rights::new(rights.unwrap_or_else(|| ALL_RIGHTS.to_owned()));
        self.say(Untagged::MyRights(MyRights { mailbox: name.clone(), rights }));
        done()
    }

    pub(super) fn list_rights(&mut self, account: &Account, name: &MailboxName, who: &Bytes) -> Status {
        if let Some(refused) = refuses(account, name, 'a') {
            return refused;
        }
        if let Err(error) = account.uid_validity(name.as_bytes()) {
            return refusal(&error);
        }
        let optional = ALL_RIGHTS.chars().map(|right| Rights::new(right.to_string())).collect();
        let (mailbox, identifier) = (name.clone(), who.clone());
        self.say(Untagged::ListRights(ListRights {
            mailbox,
            identifier,
            required: Rights::default(),
            optional,
        }));
        done()
    }
}

pub(super) fn set_acl(account: &Account, name: &MailboxName, who: &[u8], change: &RightsChange) -> Status {
    if let Some(refused) = refuses(account, name, 'a') {
        return refused;
    }
    let letters = |rights: &Rights| String::from_utf8_lossy(rights.as_bytes()).into_owned();
    let result = account.lock().find_mut(name.as_bytes()).map(|(_, mailbox)| {
        let own = if who == account.user().as_bytes() { ALL_RIGHTS } else { "" };
        let rights = mailbox.acl.entry(who.to_vec()).or_insert_with(|| own.to_owned());
        *rights = match change {
            RightsChange::Add(more) => in_order(&format!("{rights}{}", letters(more))),
            RightsChange::Remove(fewer) => rights.replace(|right| letters(fewer).contains(right), ""),
            RightsChange::Replace(new) => in_order(&letters(new)),
        };
    });
    changed(result)
}

pub(super) fn delete_acl(account: &Account, name: &MailboxName, who: &[u8]) -> Status {
    if let Some(refused) = refuses(account, name, 'a') {
        return refused;
    }
    let own = who == account.user().as_bytes();
    let result = account.lock().find_mut(name.as_bytes()).map(|(_, mailbox)| {
        if own {
            // Without an entry the owner has all rights; without rights there is an entry that says so.
            mailbox.acl.insert(who.to_vec(), String::new());
        } else {
            mailbox.acl.remove(who);
        }
    });
    changed(result)
}

/// NOPERM, if the user lacks this right.
pub(super) fn refuses(account: &Account, name: &MailboxName, right: char) -> Option<Status> {
    let refused = || no(ResponseCode::NoPerm, format!("that needs the right {right}"));
    (!account.may(name.as_bytes(), right)).then(refused)
}
