//! What a client missed: SELECT with QRESYNC, and what vanished (RFC 7162 sections 3.2.5 and 3.2.6).

use std::collections::BTreeSet;

use mail_proto::imap::fetch::Fetch;
use mail_proto::imap::response::Untagged;
use mail_proto::imap::{QResync, SequenceSet, Vanished};

use super::selected::{Numbers, Selected};
use super::{Session, flag_list};
use crate::store::{Account, Mailbox};

impl Session<'_> {
    /// Tells what changed in the mailbox, which was just selected, since the client knew it last.
    pub(super) fn resync(&mut self, account: &Account, selected: &Selected, known: &QResync) {
        let (vanished, changed) = {
            let contents = account.lock();
            let Some(mailbox) = contents.mailboxes.get(&selected.id) else { return };
            if !mailbox.keeps_modseqs || mailbox.uid_validity != known.uid_validity {
                return;
            }
            // Without the log, what the client is known to know needs not be told again.
            let from = known.known_pairs.as_ref().map_or(0, |pairs| common_prefix(selected, pairs));
            let uids = known.known_uids.clone().unwrap_or_else(SequenceSet::all);
            let vanished = vanished_since(mailbox, selected, known.modseq, &uids, from);
            let changed: Vec<_> = selected
                .all()
                .filter(|numbers| uids.contains(numbers.uid))
                .filter_map(|numbers| Some((numbers, mailbox.get(numbers.uid)?)))
                .filter(|(_, entry)| entry.modseq > known.modseq)
                .map(|(numbers, entry)| (numbers, entry.flags.clone(), entry.modseq))
                .collect();
            (vanished, changed)
        };
        self.say_vanished(vanished, true);
        for (numbers, flags, modseq) in changed {
            let flags = flag_list(&flags, selected.is_recent(numbers.uid));
            let Numbers { seq, uid } = numbers;
            self.put(Fetch::build(seq).uid(uid).flags(&flags).mod_seq(modseq).encode());
        }
    }

    /// Tells that messages are gone, if there are any.
    pub(super) fn say_vanished(&mut self, uids: Vec<u32>, earlier: bool) {
        if !uids.is_empty() {
            self.say(Untagged::Vanished(Vanished { earlier, uids: SequenceSet::from(uids) }));
        }
    }
}

/// Which of these UIDs went after this mod-sequence. If that was forgotten, all that aren't there and lie above `from`
/// are told, as a server does that keeps no log.
///
/// What the session still counts is left out: that it went is told with the next news.
pub(super) fn vanished_since(
    mailbox: &Mailbox,
    selected: &Selected,
    modseq: u64,
    uids: &SequenceSet,
    from: u32,
) -> Vec<u32> {
    let is_meant = |uid: &u32| uids.contains(*uid) && !selected.has(*uid);
    match mailbox.expunged_since(modseq) {
        Some(gone) => gone.filter(is_meant).collect::<BTreeSet<_>>().into_iter().collect(),
        None => {
            let all = from + 1..mailbox.uid_next;
            all.filter(is_meant).filter(|uid| mailbox.get(*uid).is_none()).collect()
        }
    }
}

/// The highest of the client's pairs of sequence number and UID up to which the two still belong together, so that
/// nothing below has gone.
fn common_prefix(selected: &Selected, (numbers, uids): &(SequenceSet, SequenceSet)) -> u32 {
    let (Some(numbers), Some(uids)) = (numbers.numbers(), uids.numbers()) else { return 0 };
    let matching = numbers.zip(uids).take_while(|(seq, uid)| selected.uid(*seq) == Some(*uid));
    matching.map(|(_, uid)| uid).last().unwrap_or(0)
}
