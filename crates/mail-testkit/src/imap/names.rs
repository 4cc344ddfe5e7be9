//! Mailbox names as the client spells them: in UTF-8 once that was switched on (RFC 6855, RFC 9051 5.1), else as they are
//! stored, which is in modified UTF-7.

use mail_proto::imap::response::Untagged;
use mail_proto::imap::{Command, MailboxFilter, MailboxName, Notify};

use super::Session;

impl Session<'_> {
    /// The name under which a mailbox is stored.
    pub(super) fn stored_name(&self, name: &MailboxName) -> MailboxName {
        let text = std::str::from_utf8(name.as_bytes()).ok().filter(|_| self.enabled.utf8_names);
        let (Some(text), Some(user)) = (text, &self.user) else { return name.clone() };
        // A name that was made of octets that make no sense is found by them.
        if user.account.lock().find(name.as_bytes()).is_ok() { name.clone() } else { MailboxName::new(text) }
    }

    /// A stored name as the client is told it.
    pub(super) fn shown_name(&self, name: &MailboxName) -> MailboxName {
        match name.to_text().filter(|_| self.enabled.utf8_names) {
            Some(text) => MailboxName::from_wire(text),
            None => name.clone(),
        }
    }

    /// Puts the stored names into a command.
    pub(super) fn store_names(&self, command: &mut Command) {
        if !self.enabled.utf8_names {
            return;
        }
        let change = |name: &mut MailboxName| *name = self.stored_name(name);
        match command {
            Command::Select { mailbox, .. }
            | Command::Status { mailbox, .. }
            | Command::Create { mailbox, .. }
            | Command::Delete(mailbox)
            | Command::Subscribe(mailbox)
            | Command::Unsubscribe(mailbox)
            | Command::Append { mailbox, .. }
            | Command::Replace { mailbox, .. }
            | Command::Copy { mailbox, .. }
            | Command::Move { mailbox, .. }
            | Command::GetQuotaRoot(mailbox)
            | Command::SetAcl { mailbox, .. }
            | Command::DeleteAcl { mailbox, .. }
            | Command::GetAcl(mailbox)
            | Command::ListRights { mailbox, .. }
            | Command::MyRights(mailbox)
            | Command::GetMetadata { mailbox, .. }
            | Command::SetMetadata { mailbox, .. } => change(mailbox),
            Command::Rename { from, to } => [from, to].into_iter().for_each(change),
            Command::MultiSearch(multi) => {
                multi.mailboxes.iter_mut().flat_map(names_of).for_each(change);
            }
            Command::Notify(Notify::Set { groups, .. }) => {
                groups.iter_mut().flat_map(|group| names_of(&mut group.mailboxes)).for_each(change);
            }
            _ => {}
        }
    }

    /// Puts the names that the client knows into a response.
    pub(super) fn show_names(&self, response: &mut Untagged) {
        if !self.enabled.utf8_names {
            return;
        }
        let change = |name: &mut MailboxName| *name = self.shown_name(name);
        match response {
            Untagged::List(list) | Untagged::Lsub(list) | Untagged::XList(list) => change(&mut list.mailbox),
            Untagged::MailboxStatus(status) => change(&mut status.mailbox),
            Untagged::ESearch(found) => found.mailbox.iter_mut().for_each(change),
            Untagged::QuotaRoot(root) => change(&mut root.mailbox),
            Untagged::Acl(acl) => change(&mut acl.mailbox),
            Untagged::ListRights(rights) => change(&mut rights.mailbox),
            Untagged::MyRights(rights) => change(&mut rights.mailbox),
            Untagged::Metadata(metadata) => change(&mut metadata.mailbox),
            _ => {}
        }
    }
}

fn names_of(filter: &mut MailboxFilter) -> &mut [MailboxName] {
    match filter {
        MailboxFilter::Subtree(names)
        | MailboxFilter::SubtreeOne(names)
        | MailboxFilter::Mailboxes(names) => names,
        _ => &mut [],
    }
}
