//! STORE: changing flags.

use mail_proto::imap::command::StoreAction;
use mail_proto::imap::fetch::Fetch;
use mail_proto::imap::{Flag, ResponseCode, SequenceSet};

use super::selected::Selected;
use super::{Session, Status, bad, done, flag_list, no};
use crate::store::{Account, Flags};

/// What STORE is told to do.
pub(super) struct Change {
    pub(super) action: StoreAction,
    pub(super) silent: bool,
    pub(super) flags: Vec<Flag>,
}

impl Session<'_> {
    pub(super) fn store(
        &mut self,
        account: &Account,
        selected: &mut Selected,
        by_uid: bool,
        set: &SequenceSet,
        change: &Change,
    ) -> Status {
        let Some(messages) = selected.resolve(set, by_uid) else { return bad("there is no such message") };
        if selected.read_only {
            return no(ResponseCode::ReadOnly, "the mailbox was selected for reading only");
        }
        let names: Vec<_> =
            change.flags.iter().map(|flag| String::from_utf8_lossy(flag.as_bytes())).collect();
        let mut results = Vec::new();
        let mut gone = false;
        {
            let mut contents = account.lock();
            let Some(mailbox) = contents.mailboxes.get_mut(&selected.id) else { return done() };
            let up_to_date = selected.is_up_to_date(mailbox);
            for numbers in messages {
                let found = mailbox.change_flags(numbers.uid, selected.author, |flags| match change.action {
                    StoreAction::Add => flags.extend(&names),
                    StoreAction::Remove => names.iter().for_each(|name| flags.remove(name)),
                    StoreAction::Replace => *flags = Flags::from_iter(&names),
                });
                match mailbox.get(numbers.uid) {
                    Some(entry) if found && !change.silent => results.push((numbers, entry.flags.clone())),
                    Some(_) => {}
                    None => gone = true,
                }
            }
            if up_to_date {
                // All that is new is this session's own doing.
                selected.is_told_all(mailbox);
            }
        }
        account.announce();
        for (numbers, flags) in results {
            let flags = flag_list(&flags, selected.is_recent(numbers.uid));
            let fetch = Fetch::build(numbers.seq);
            let fetch = if by_uid { fetch.uid(numbers.uid) } else { fetch };
            self.put(fetch.flags(&flags).encode());
        }
        if gone && !by_uid {
            return no(ResponseCode::ExpungeIssued, "some of the messages are gone");
        }
        done()
    }
}
