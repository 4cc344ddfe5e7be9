//! Which mailboxes NOTIFY and ESEARCH mean (RFC 5465 section 6, RFC 7377 section 2.2).

use mail_proto::imap::{MailboxFilter, MailboxName};

use super::list::levels_above;
use crate::store::Contents;

/// Whether the filter means the mailbox of this name; the selected one is for others to know.
pub(super) fn means(filter: &MailboxFilter, contents: &Contents, name: &[u8], delimiter: Option<u8>) -> bool {
    let is_named = |names: &[MailboxName], level: &[u8]| names.iter().any(|name| name.as_bytes() == level);
    match filter {
        MailboxFilter::Inboxes => name == b"INBOX",
        MailboxFilter::Personal => true,
        MailboxFilter::Subscribed => contents.subscriptions.contains(name),
        MailboxFilter::Mailboxes(names) => is_named(names, name),
        MailboxFilter::Subtree(names) => {
            is_named(names, name) || levels_above(name, delimiter).any(|level| is_named(names, level))
        }
        MailboxFilter::SubtreeOne(names) => {
            is_named(names, name)
                || levels_above(name, delimiter).last().is_some_and(|level| is_named(names, level))
        }
        _ => false,
    }
}
