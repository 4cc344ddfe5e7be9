//! STATUS: numbers of a mailbox that need not be selected (RFC 9051 section 6.3.11).

use mail_proto::imap::{
    Capabilities, Capability, Command, MailboxName, MailboxStatus, StatusItem, client::Request,
    response::Untagged,
};

use super::{ImapClient, calls::Calls};
use crate::error::Result;

impl ImapClient {
    /// Asks for numbers of a mailbox without selecting it (RFC 9051 section 6.3.11).
    ///
    /// An item that this server doesn't have is left out, and has no value in the answer.
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// use mail_client::imap::StatusItem;
    ///
    /// let status = client.status("Archive", &[StatusItem::Messages, StatusItem::Size]).await?;
    /// println!("{:?} messages", status.get(StatusItem::Messages));
    /// if let Some(bytes) = status.get(StatusItem::Size) {
    ///     println!("{bytes} bytes");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server refuses, as it does for a mailbox that isn't there; it doesn't answer with the mailbox asked for; or
    /// it knows none of the items ([`Unsupported`](crate::ErrorKind::Unsupported)).
    pub async fn status(
        &self,
        mailbox: impl Into<MailboxName>,
        items: &[StatusItem],
    ) -> Result<MailboxStatus> {
        let this = self.in_one_call();
        let calls = this.calls();
        let items = {
            let connection = calls.connection_in_time().await?;
            known(items, connection.capabilities())
                .map_err(|capability| calls.unsupported(capability, "STATUS"))?
        };
        ask(calls, &mailbox.into(), &items).await
    }
}

/// One STATUS.
pub(super) async fn ask(calls: &Calls, mailbox: &MailboxName, items: &[StatusItem]) -> Result<MailboxStatus> {
    let command = Command::Status { mailbox: mailbox.clone(), items: items.to_vec() };
    calls
        .ask(Request::new(command), "its status", |data| match data {
            Untagged::MailboxStatus(status) => Some(status),
            _ => None,
        })
        .await
}

/// Those of the items that the server has, since it would refuse the others and all with them. If it has none of them,
/// the error is what it would need for the first.
pub(super) fn known(
    items: &[StatusItem],
    capabilities: &Capabilities,
) -> std::result::Result<Vec<StatusItem>, Capability> {
    let missing = |item: &StatusItem| needed(*item).filter(|needed| !has(capabilities, needed));
    let known: Vec<_> = items.iter().filter(|item| missing(item).is_none()).copied().collect();
    match items.first().and_then(missing) {
        Some(capability) if known.is_empty() => Err(capability),
        _ => Ok(known),
    }
}

/// The extension that an item comes with.
fn needed(item: StatusItem) -> Option<Capability> {
    Some(match item {
        StatusItem::Recent => Capability::Imap4Rev1,
        StatusItem::Deleted => Capability::Imap4Rev2,
        StatusItem::Size => Capability::StatusSize,
        StatusItem::HighestModSeq => Capability::CondStore,
        StatusItem::MailboxId => Capability::ObjectId,
        StatusItem::AppendLimit => Capability::AppendLimit(None),
        StatusItem::DeletedStorage => Capability::QuotaResource("STORAGE".into()),
        _ => return None,
    })
}

fn has(capabilities: &Capabilities, needed: &Capability) -> bool {
    match needed {
        // A limit that is the same for all mailboxes stands in the capability.
        Capability::AppendLimit(_) => {
            capabilities.iter().any(|capability| matches!(capability, Capability::AppendLimit(_)))
        }
        // Only a server that says it is of the other revision alone lacks this one's items.
        Capability::Imap4Rev1 => capabilities.has(needed) || !capabilities.has(&Capability::Imap4Rev2),
        // RFC 9051 has the item, and RFC 9208 too.
        Capability::Imap4Rev2 => {
            capabilities.has(needed) || capabilities.has(&Capability::QuotaResource("MESSAGE".into()))
        }
        needed => capabilities.supports(needed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_left_out_that_would_spoil_the_others() {
        let of = |names: &[&'static str]| names.iter().map(|name| Capability::new(*name)).collect();
        let (messages, size, recent) = (StatusItem::Messages, StatusItem::Size, StatusItem::Recent);
        let rev1: Capabilities = of(&["IMAP4rev1"]);
        assert_eq!(known(&[size, messages, recent], &rev1), Ok(vec![messages, recent]));
        assert_eq!(known(&[size, StatusItem::Deleted], &rev1), Err(Capability::StatusSize));
        let rev2: Capabilities = of(&["IMAP4rev2"]);
        assert_eq!(known(&[size, messages, recent], &rev2), Ok(vec![size, messages]));
        assert_eq!(
            known(&[StatusItem::AppendLimit], &of(&["APPENDLIMIT=5"])),
            Ok(vec![StatusItem::AppendLimit])
        );
        assert_eq!(known(&[], &rev1), Ok(vec![]));
    }
}
