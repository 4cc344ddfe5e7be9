//! The maildrop as one session sees it: the messages that were in INBOX at the login, under numbers that stay.

use std::cell::OnceCell;
use std::collections::HashSet;

use bytes::Bytes;
use memchr::memchr2_iter;

use crate::store::{Account, MailboxId};

/// What a session has of the maildrop. Nothing is deleted before [`commit`](Self::commit).
#[derive(Debug)]
pub(super) struct Maildrop {
    /// INBOX as it was at the login: another of this name is another maildrop.
    mailbox: MailboxId,
    messages: Vec<Listed>,
}

/// One message.
#[derive(Debug)]
pub(super) struct Listed {
    /// From 1 on, for this session alone.
    pub(super) number: u32,
    uid: u32,
    uid_validity: u32,
    body: Bytes,
    octets: OnceCell<u64>,
    deleted: bool,
    retrieved: bool,
}

impl Maildrop {
    /// Takes down what is there now. `None` if the account has no INBOX.
    pub(super) fn open(account: &Account) -> Option<Self> {
        let contents = account.lock();
        let (id, mailbox) = contents.find(b"INBOX").ok()?;
        let messages = mailbox.entries().iter().zip(1..).map(|(entry, number)| Listed {
            number,
            uid: entry.uid,
            uid_validity: mailbox.uid_validity,
            body: entry.body.clone(),
            octets: OnceCell::new(),
            deleted: false,
            retrieved: false,
        });
        Some(Self { mailbox: id, messages: messages.collect() })
    }

    /// Those that aren't marked as deleted.
    pub(super) fn present(&self) -> impl Iterator<Item = &Listed> {
        self.messages.iter().filter(|message| !message.deleted)
    }

    /// The message of this number, unless it is marked as deleted.
    pub(super) fn get(&self, number: u32) -> Option<&Listed> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        self.messages.get(at).filter(|message| !message.deleted)
    }

    /// Marks a message as deleted; false if there is none that isn't.
    pub(super) fn delete(&mut self, number: u32) -> bool {
        let is_there = self.get(number).is_some();
        if is_there {
            self.messages[number as usize - 1].deleted = true;
        }
        is_there
    }

    /// Unmarks all.
    pub(super) fn reset(&mut self) {
        self.messages.iter_mut().for_each(|message| message.deleted = false);
    }

    /// The content of a message, for RETR. `None` if it was removed since the login, by another session or over IMAP.
    pub(super) fn content(&self, account: &Account, number: u32) -> Option<Bytes> {
        let message = self.get(number)?;
        let contents = account.lock();
        contents.mailboxes.get(&self.mailbox)?.get(message.uid)?;
        Some(message.body.clone())
    }

    /// Remembers that a message was retrieved as a whole.
    pub(super) fn was_retrieved(&mut self, number: u32) {
        if self.get(number).is_some() {
            self.messages[number as usize - 1].retrieved = true;
        }
    }

    /// Removes what is marked, and what was retrieved if that isn't kept. What went meanwhile is gone all the same.
    pub(super) fn commit(&self, account: &Account, keeps_retrieved: bool) {
        let goes = |message: &&Listed| message.deleted || message.retrieved && !keeps_retrieved;
        let uids: HashSet<u32> = self.messages.iter().filter(goes).map(|message| message.uid).collect();
        if uids.is_empty() {
            return;
        }
        if let Some(mailbox) = account.lock().mailboxes.get_mut(&self.mailbox) {
            mailbox.remove(|entry| uids.contains(&entry.uid));
        }
        account.announce();
    }
}

impl Listed {
    /// Its size as it is sent, without the dots that are stuffed in: line breaks are CRLF there, and the last line has one.
    pub(super) fn octets(&self) -> u64 {
        *self.octets.get_or_init(|| sent_len(&self.body))
    }

    /// Its name in all sessions: the same as long as it lies in this INBOX.
    pub(super) fn unique_id(&self) -> String {
        format!("{:08x}{:08x}", self.uid_validity, self.uid)
    }
}

fn sent_len(body: &[u8]) -> u64 {
    let mut len = body.len() as u64;
    let mut line_start = true;
    let mut next = 0;
    for at in memchr2_iter(b'\r', b'\n', body) {
        if at < next {
            // The second half of a CRLF.
            continue;
        }
        let is_whole = body[at..].starts_with(b"\r\n");
        len += u64::from(!is_whole);
        next = at + 1 + usize::from(is_whole);
        line_start = next == body.len();
    }
    if body.is_empty() || line_start && next == body.len() { len } else { len + 2 }
}

#[cfg(test)]
mod tests {
    use mail_proto::pop3::multi_line;

    use super::*;

    #[test]
    fn a_message_is_as_long_as_what_is_sent_of_it() {
        for body in ["", "a", "a\r\n", "a\nb", "\r", "\r\r\n", "a\r\n\n\r\nb\r", "\n\n", "\r\n"] {
            let sent: usize = multi_line(Bytes::from(body)).iter().map(Bytes::len).sum();
            assert_eq!(sent_len(body.as_bytes()), sent as u64 - 3, "{body:?}");
        }
    }
}
