//! ESEARCH, the command: a search of several mailboxes (RFC 7377).

use mail_proto::imap::response::Untagged;
use mail_proto::imap::{MailboxFilter, MailboxName, MultiSearch, SearchReturn, Status};

use super::selected::Selected;
use super::{Session, bad, done, filter, query, search};
use crate::store::Account;

impl Session<'_> {
    pub(super) fn multi_search(&mut self, account: &Account, multi: &MultiSearch) -> Status {
        let returns = multi.returns.clone().unwrap_or_default();
        if returns.contains(&SearchReturn::Save) {
            return bad("no result of several mailboxes is saved");
        }
        let names = {
            let contents = account.lock();
            let selected = self.selected.as_ref().map(|selected| selected.id);
            let wants_selected =
                multi.mailboxes.is_empty() || multi.mailboxes.contains(&MailboxFilter::Selected);
            if wants_selected && selected.is_none() {
                return bad("select a mailbox first");
            }
            let means = |name: &[u8]| {
                multi
                    .mailboxes
                    .iter()
                    .any(|wanted| filter::means(wanted, &contents, name, self.shared.delimiter))
            };
            let names = contents.names.iter();
            let wanted = names.filter(|(name, id)| wants_selected && selected == Some(**id) || means(name));
            wanted.map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        for name in names {
            let Ok(opened) = Selected::open(account, &name, true, self.seat.number()) else { continue };
            let found = query::find(account, &opened, &multi.key);
            let uid_validity = account.uid_validity(&name).ok();
            let told = search::tell(&found, &returns, true, query::speaks_of_modseqs(&multi.key));
            // Of a mailbox where nothing is found nothing is told (RFC 7377 section 2.1).
            if let Some(mut told) = told.filter(|_| !found.is_empty()) {
                told.tag = Some(self.tag.clone());
                told.mailbox = Some(MailboxName::from_wire(name));
                told.uid_validity = uid_validity;
                self.say(Untagged::ESearch(Box::new(told)));
            }
        }
        done()
    }
}
