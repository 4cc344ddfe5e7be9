//! STORE: changing flags (RFC 9051 6.4.6), on condition that nobody else did (RFC 7162 section 3.1.3).

use mail_proto::imap::command::StoreAction;
use mail_proto::imap::fetch::Fetch;
use mail_proto::imap::{Flag, ResponseCode, SequenceSet};

use super::selected::Selected;
use super::{Session, Status, bad, done, flag_list, no, ok};
use crate::store::{Account, Flags};

/// What STORE is told to do.
pub(super) struct Change {
    pub(super) uid: bool,
    pub(super) set: SequenceSet,
    pub(super) action: StoreAction,
    pub(super) silent: bool,
    pub(super) flags: Vec<Flag>,
    pub(super) unchanged_since: Option<u64>,
}

impl Change {
    fn apply(&self, names: &[impl AsRef<str>], flags: &mut Flags) {
        match self.action {
            StoreAction::Add => flags.extend(names),
            StoreAction::Remove => names.iter().for_each(|name| flags.remove(name.as_ref())),
            StoreAction::Replace => *flags = Flags::from_iter(names),
        }
    }
}

impl Session<'_> {
    pub(super) fn store(&mut self, account: &Account, selected: &mut Selected, change: &Change) -> Status {
        let Some(messages) = selected.resolve(&change.set, change.uid) else {
            return bad("there is no such message");
        };
        if selected.read_only {
            return no(ResponseCode::ReadOnly, "the mailbox was selected for reading only");
        }
        if change.unchanged_since.is_some() {
            if !selected.keeps_modseqs(account) {
                return bad("this mailbox keeps no mod-sequences");
            }
            self.enable_condstore(account, Some(selected));
        }
        let names: Vec<_> =
            change.flags.iter().map(|flag| String::from_utf8_lossy(flag.as_bytes())).collect();
        let (mut results, mut modified, mut gone) = (Vec::new(), Vec::new(), false);
        let tells_modseqs = {
            let mut contents = account.lock();
            let Some(mailbox) = contents.mailboxes.get_mut(&selected.id) else { return done() };
            let up_to_date = selected.is_up_to_date(mailbox);
            for numbers in messages {
                let modseq = mailbox.get(numbers.uid).map(|entry| entry.modseq);
                if change.unchanged_since.zip(modseq).is_some_and(|(limit, modseq)| modseq > limit) {
                    modified.push(if change.uid { numbers.uid } else { numbers.seq });
                    continue;
                }
                mailbox.change_flags(numbers.uid, selected.author, |flags| change.apply(&names, flags));
                match mailbox.get(numbers.uid) {
                    Some(entry) => results.push((numbers, entry.flags.clone(), entry.modseq)),
                    None => gone = true,
                }
            }
            if up_to_date {
                // All that is new is this session's own doing.
                selected.is_told_all(mailbox);
            }
            self.enabled.condstore && mailbox.keeps_modseqs
        };
        account.announce();
        for (numbers, flags, modseq) in results {
            if change.silent && !tells_modseqs {
                continue;
            }
            let mut fetch = Fetch::build(numbers.seq);
            if change.uid || self.enabled.qresync {
                fetch = fetch.uid(numbers.uid);
            }
            if !change.silent {
                fetch = fetch.flags(&flag_list(&flags, selected.is_recent(numbers.uid)));
            }
            self.put(if tells_modseqs { fetch.mod_seq(modseq) } else { fetch }.encode());
        }
        let code = (!modified.is_empty()).then(|| ResponseCode::Modified(modified.into()));
        match code {
            code if gone && !change.uid => {
                let code = code.unwrap_or(ResponseCode::ExpungeIssued);
                no(code, "some of the messages are gone")
            }
            Some(code) => ok("some of the messages were changed by others").with_code(code),
            None => done(),
        }
    }
}
