//! One user's mailboxes, and the handle by which a test changes them while clients are connected.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use mail_proto::Secret;
use thiserror::Error;
use tokio::sync::watch;

use super::{Flags, Ids, Mailbox, MaildropAccess, Message, Quota, StoredMessage};
use crate::mime;

/// A mailbox keeps it when it is renamed, and loses it when it is deleted.
pub(crate) type MailboxId = u64;

/// The mail of one user: a handle, of which every clone means the same mail.
///
/// Sessions that have a mailbox selected hear of what is changed here as they would of another client's doing.
///
/// Mailbox names are octets, as they stand on the wire: in modified UTF-7, in UTF-8 or in nothing that makes
/// sense, so that hostile names can be served as well.
#[derive(Clone)]
pub struct Account(Arc<Shared>);

struct Shared {
    user: String,
    secrets: Mutex<Secrets>,
    contents: Mutex<Contents>,
    maildrop: MaildropAccess,
    changes: watch::Sender<u64>,
}

/// What proves that somebody is the user.
struct Secrets {
    password: Secret,
    token: Option<Secret>,
}

/// All mailboxes of an account. One lock covers them, so that what moves mail between two is atomic.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) names: BTreeMap<Vec<u8>, MailboxId>,
    pub(crate) mailboxes: HashMap<MailboxId, Mailbox>,
    /// Names that are subscribed to, those of mailboxes that went included.
    pub(crate) subscriptions: BTreeSet<Vec<u8>>,
    pub(crate) quota: Quota,
    /// Values that are kept with no mailbox, by their names in lower case (RFC 5464).
    pub(crate) metadata: BTreeMap<Vec<u8>, Bytes>,
    last_id: MailboxId,
    next_uid_validity: u32,
    last_email_id: u64,
    /// The threads by the ids of their messages, and of those that these refer to.
    threads: HashMap<Vec<u8>, u64>,
}

/// Why the store can't do that.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no mailbox of this name.
    #[error("no mailbox {:?}", .name.escape_ascii().to_string())]
    NoMailbox {
        /// The name asked for.
        name: Vec<u8>,
    },
    /// There is a mailbox of this name already.
    #[error("mailbox {:?} exists already", .name.escape_ascii().to_string())]
    MailboxExists {
        /// The name asked for.
        name: Vec<u8>,
    },
    /// The name can't be one: it is empty, or it has a NUL, CR or LF, which no form of an IMAP string but a literal
    /// holds and which no mailbox may have.
    #[error("{:?} can't be a mailbox name", .name.escape_ascii().to_string())]
    InvalidName {
        /// The name asked for.
        name: Vec<u8>,
    },
    /// INBOX can't be deleted.
    #[error("INBOX can't be deleted")]
    Inbox,
    /// No message has this UID.
    #[error("no message with UID {uid} in {:?}", .name.escape_ascii().to_string())]
    NoMessage {
        /// The mailbox.
        name: Vec<u8>,
        /// The UID asked for.
        uid: u32,
    },
    /// All UIDs of the mailbox are given away.
    #[error("mailbox {:?} has no UIDs left", .name.escape_ascii().to_string())]
    NoUidsLeft {
        /// The mailbox.
        name: Vec<u8>,
    },
}

impl Account {
    pub(crate) fn new(user: String, password: String) -> Self {
        let contents = Contents {
            names: BTreeMap::new(),
            mailboxes: HashMap::new(),
            subscriptions: BTreeSet::from([b"INBOX".to_vec()]),
            quota: Quota::default(),
            metadata: BTreeMap::new(),
            last_id: 0,
            next_uid_validity: 1_700_000_001,
            last_email_id: 0,
            threads: HashMap::new(),
        };
        let account = Self(Arc::new(Shared {
            user,
            secrets: Mutex::new(Secrets { password: Secret::from(password), token: None }),
            contents: Mutex::new(contents),
            maildrop: MaildropAccess::default(),
            changes: watch::Sender::new(0),
        }));
        account.lock().insert(b"INBOX".to_vec());
        account
    }

    /// The user's name.
    pub fn user(&self) -> &str {
        &self.0.user
    }

    /// Changes the password; who is logged in stays.
    pub fn set_password(&self, password: impl Into<String>) {
        self.secrets().password = Secret::from(password.into());
    }

    /// Changes the token by which OAUTHBEARER and XOAUTH2 let the user in; with none they don't.
    pub fn set_token(&self, token: Option<&str>) {
        self.secrets().token = token.map(Secret::from);
    }

    pub(crate) fn password(&self) -> Secret {
        self.secrets().password.clone()
    }

    pub(crate) fn token(&self) -> Option<Secret> {
        self.secrets().token.clone()
    }

    fn secrets(&self) -> MutexGuard<'_, Secrets> {
        self.0.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names of all mailboxes, sorted by their octets.
    pub fn mailboxes(&self) -> Vec<Vec<u8>> {
        self.lock().names.keys().cloned().collect()
    }

    /// The messages of a mailbox, by UID.
    pub fn messages(&self, mailbox: impl AsRef<[u8]>) -> Result<Vec<StoredMessage>, StoreError> {
        let contents = self.lock();
        let (_, mailbox) = contents.find(mailbox.as_ref())?;
        Ok(mailbox.entries().iter().map(|entry| entry.to_stored()).collect())
    }

    /// The UIDVALIDITY of a mailbox.
    pub fn uid_validity(&self, mailbox: impl AsRef<[u8]>) -> Result<u32, StoreError> {
        Ok(self.lock().find(mailbox.as_ref())?.1.uid_validity)
    }

    /// Puts a message into a mailbox; its UID.
    pub fn deliver(&self, mailbox: impl AsRef<[u8]>, message: impl Into<Message>) -> Result<u32, StoreError> {
        let name = mailbox.as_ref();
        let uids = self.append(name, vec![message.into()])?.1;
        uids.first().copied().ok_or_else(|| StoreError::NoUidsLeft { name: name.to_vec() })
    }

    /// Puts messages into a mailbox, all or none; the UIDVALIDITY and their UIDs.
    pub(crate) fn append(&self, name: &[u8], messages: Vec<Message>) -> Result<(u32, Vec<u32>), StoreError> {
        let stored = {
            let mut contents = self.lock();
            let (id, mailbox) = contents.find(name)?;
            let uid_validity = mailbox.uid_validity;
            if mailbox.uids_left() < messages.len() as u64 {
                return Err(StoreError::NoUidsLeft { name: name.to_vec() });
            }
            let uids = messages.into_iter().filter_map(|message| contents.add(id, message)).collect();
            (uid_validity, uids)
        };
        self.announce();
        Ok(stored)
    }

    /// Replaces the flags of a message.
    pub fn set_flags<S: AsRef<str>>(
        &self,
        mailbox: impl AsRef<[u8]>,
        uid: u32,
        flags: impl IntoIterator<Item = S>,
    ) -> Result<(), StoreError> {
        let name = mailbox.as_ref();
        let new: Flags = flags.into_iter().collect();
        if !self.lock().find_mut(name)?.1.change_flags(uid, 0, |flags| *flags = new) {
            return Err(StoreError::NoMessage { name: name.to_vec(), uid });
        }
        self.announce();
        Ok(())
    }

    /// Removes messages, `\Deleted` or not; those that were there.
    pub fn expunge(
        &self,
        mailbox: impl AsRef<[u8]>,
        uids: impl IntoIterator<Item = u32>,
    ) -> Result<Vec<u32>, StoreError> {
        let uids: BTreeSet<u32> = uids.into_iter().collect();
        let removed = self.lock().find_mut(mailbox.as_ref())?.1.remove(|entry| uids.contains(&entry.uid));
        self.announce();
        Ok(removed)
    }

    /// The highest mod-sequence of a mailbox (RFC 7162).
    pub fn highest_mod_sequence(&self, mailbox: impl AsRef<[u8]>) -> Result<u64, StoreError> {
        Ok(self.lock().find(mailbox.as_ref())?.1.modseq)
    }

    /// Whether a mailbox keeps mod-sequences, as each does until told otherwise. One that doesn't says NOMODSEQ when it is
    /// selected (RFC 7162 section 3.1.2.2).
    pub fn set_mod_sequences(&self, mailbox: impl AsRef<[u8]>, kept: bool) -> Result<(), StoreError> {
        self.lock().find_mut(mailbox.as_ref())?.1.keeps_modseqs = kept;
        Ok(())
    }

    /// Forgets which messages went so far, as servers do that keep no log: who asks what vanished since then is told of
    /// all UIDs that aren't there (RFC 7162 section 3.2.5.1).
    pub fn forget_expunged(&self, mailbox: impl AsRef<[u8]>) -> Result<(), StoreError> {
        self.lock().find_mut(mailbox.as_ref())?.1.forget_expunged();
        Ok(())
    }

    /// Makes an empty mailbox and subscribes to it.
    pub fn create(&self, mailbox: impl AsRef<[u8]>) -> Result<(), StoreError> {
        {
            let mut contents = self.lock();
            contents.create(mailbox.as_ref())?;
            contents.subscribe(mailbox.as_ref())?;
        }
        self.announce();
        Ok(())
    }

    /// Deletes a mailbox with all that is in it. Sessions that have it selected are closed.
    pub fn delete(&self, mailbox: impl AsRef<[u8]>) -> Result<(), StoreError> {
        self.lock().delete(mailbox.as_ref())?;
        self.announce();
        Ok(())
    }

    /// Deletes a mailbox and makes an empty one of the same name; its new UIDVALIDITY. INBOX too can be
    /// made anew.
    pub fn recreate(&self, mailbox: impl AsRef<[u8]>) -> Result<u32, StoreError> {
        let uid_validity = {
            let mut contents = self.lock();
            let name = normal(mailbox.as_ref());
            let (id, _) = contents.find(&name)?;
            contents.mailboxes.remove(&id);
            let id = contents.insert(name);
            contents.mailboxes[&id].uid_validity
        };
        self.announce();
        Ok(uid_validity)
    }

    /// Renames a mailbox alone, without those below it.
    pub fn rename(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<(), StoreError> {
        self.lock().rename(from.as_ref(), to.as_ref())?;
        self.announce();
        Ok(())
    }

    /// What a mailbox is for, told by LIST (RFC 6154): `\Sent`, `\Trash` and so on.
    pub fn set_special_use<S: Into<String>>(
        &self,
        mailbox: impl AsRef<[u8]>,
        uses: impl IntoIterator<Item = S>,
    ) -> Result<(), StoreError> {
        let uses = uses.into_iter().map(Into::into).collect();
        self.lock().find_mut(mailbox.as_ref())?.1.special_use = uses;
        self.announce();
        Ok(())
    }

    /// The names that are subscribed to, sorted by their octets.
    pub fn subscriptions(&self) -> Vec<Vec<u8>> {
        self.lock().subscriptions.iter().cloned().collect()
    }

    /// Tells every session that something changed.
    pub(crate) fn announce(&self) {
        self.0.changes.send_modify(|version| *version += 1);
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    pub(crate) fn maildrop(&self) -> &MaildropAccess {
        &self.0.maildrop
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Contents> {
        // Nothing under this lock leaves the contents half changed.
        self.0.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("user", &self.0.user).finish_non_exhaustive()
    }
}

impl Contents {
    pub(crate) fn find(&self, name: &[u8]) -> Result<(MailboxId, &Mailbox), StoreError> {
        let name = normal(name);
        let found = self.names.get(&name).and_then(|id| Some((*id, self.mailboxes.get(id)?)));
        found.ok_or(StoreError::NoMailbox { name })
    }

    pub(crate) fn find_mut(&mut self, name: &[u8]) -> Result<(MailboxId, &mut Mailbox), StoreError> {
        let name = normal(name);
        let found = self.names.get(&name).and_then(|id| Some((*id, self.mailboxes.get_mut(id)?)));
        found.ok_or(StoreError::NoMailbox { name })
    }

    /// Puts a message into a mailbox; its UID, or none if the mailbox has given all away or is gone.
    pub(crate) fn add(&mut self, mailbox: MailboxId, message: Message) -> Option<u32> {
        let ids = match message.ids {
            Some(ids) => ids,
            None => self.identify(&message),
        };
        self.mailboxes.get_mut(&mailbox)?.add(message, ids)
    }

    /// A new message's id, and that of its thread, to which belongs what it refers to.
    fn identify(&mut self, message: &Message) -> Ids {
        self.last_email_id += 1;
        let email = self.last_email_id;
        let related = mime::related_ids(&message.body);
        let thread = related.iter().find_map(|id| self.threads.get(id)).copied().unwrap_or(email);
        self.threads.extend(related.into_iter().map(|id| (id, thread)));
        Ids { email, thread }
    }

    pub(crate) fn create(&mut self, name: &[u8]) -> Result<MailboxId, StoreError> {
        let name = normal(name);
        if name.is_empty() || name.iter().any(|octet| matches!(octet, 0 | b'\r' | b'\n')) {
            return Err(StoreError::InvalidName { name });
        }
        if self.names.contains_key(&name) {
            return Err(StoreError::MailboxExists { name });
        }
        Ok(self.insert(name))
    }

    pub(crate) fn subscribe(&mut self, name: &[u8]) -> Result<(), StoreError> {
        self.find(name)?;
        self.subscriptions.insert(normal(name));
        Ok(())
    }

    pub(crate) fn unsubscribe(&mut self, name: &[u8]) {
        self.subscriptions.remove(&normal(name));
    }

    pub(crate) fn delete(&mut self, name: &[u8]) -> Result<(), StoreError> {
        let name = normal(name);
        if name == b"INBOX" {
            return Err(StoreError::Inbox);
        }
        let Some(id) = self.names.remove(&name) else { return Err(StoreError::NoMailbox { name }) };
        self.mailboxes.remove(&id);
        Ok(())
    }

    /// Renaming INBOX moves its messages and leaves it empty (RFC 9051 6.3.6).
    pub(crate) fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), StoreError> {
        let from = normal(from);
        let (id, _) = self.find(&from)?;
        self.create(to)?;
        let to = normal(to);
        if let Some(placeholder) = self.names.insert(to, id) {
            self.mailboxes.remove(&placeholder);
        }
        self.names.remove(&from);
        if from == b"INBOX" {
            self.insert(from);
        }
        Ok(())
    }

    /// The same with those below it, except for INBOX, whose messages alone move.
    pub(crate) fn rename_tree(
        &mut self,
        from: &[u8],
        to: &[u8],
        delimiter: Option<u8>,
    ) -> Result<(), StoreError> {
        let from = normal(from);
        let is_below =
            |name: &Vec<u8>| name.strip_prefix(from.as_slice()).and_then(<[u8]>::first).copied() == delimiter;
        let below: Vec<Vec<u8>> = match delimiter {
            Some(_) if from != b"INBOX" => self.names.keys().filter(|name| is_below(name)).cloned().collect(),
            _ => Vec::new(),
        };
        let moved = below.into_iter().map(|name| {
            let new = [to, &name[from.len()..]].concat();
            (name, new)
        });
        let moved: Vec<(Vec<u8>, Vec<u8>)> = moved.collect();
        if let Some((_, taken)) = moved.iter().find(|(_, to)| self.names.contains_key(to)) {
            return Err(StoreError::MailboxExists { name: taken.clone() });
        }
        if self.names.contains_key(&from) {
            self.rename(&from, to)?;
        } else if moved.is_empty() {
            return Err(StoreError::NoMailbox { name: from });
        }
        moved.into_iter().try_for_each(|(name, to)| self.rename(&name, &to))
    }

    fn insert(&mut self, name: Vec<u8>) -> MailboxId {
        self.last_id += 1;
        self.mailboxes.insert(self.last_id, Mailbox::new(self.next_uid_validity));
        self.next_uid_validity += 1;
        self.names.insert(name, self.last_id);
        self.last_id
    }
}

/// INBOX is INBOX in any case (RFC 9051 5.1).
fn normal(name: &[u8]) -> Vec<u8> {
    if name.eq_ignore_ascii_case(b"INBOX") { b"INBOX".to_vec() } else { name.to_vec() }
}
