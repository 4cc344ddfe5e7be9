//! What a client is told unasked: what others did in the selected mailbox.

use mail_proto::imap::fetch::Fetch;
use mail_proto::imap::response::Untagged;
use mail_proto::imap::{Status, StatusKind};

use super::selected::Update;
use super::{End, Session, flag_list};

impl Session<'_> {
    /// Tells what others did in the selected mailbox, and after a NOTIFY elsewhere. Without `expunges` messages that are
    /// gone keep their numbers.
    pub(super) fn tell_news(&mut self, expunges: bool) -> Result<(), End> {
        self.tell_of_others();
        let wanted = self.selected_watch();
        let is_silent = self.watch.is_some() && !wanted.as_ref().is_some_and(|wanted| wanted.messages);
        let known = self.selected.as_ref().map_or(0, super::selected::Selected::exists);
        let (Some(user), Some(selected)) = (&self.user, &mut self.selected) else { return Ok(()) };
        let news = {
            let contents = user.account.lock();
            let mailbox = contents.mailboxes.get(&selected.id);
            mailbox.map(|mailbox| {
                let updates = if is_silent { Vec::new() } else { selected.catch_up(mailbox, expunges) };
                (updates, mailbox.keeps_modseqs)
            })
        };
        let Some((updates, keeps_modseqs)) = news else {
            self.say(Untagged::Status(Status::new(StatusKind::Bye, "the selected mailbox was deleted")));
            return Err(End::Said);
        };
        let mut vanished = Vec::new();
        let mut left = known;
        for update in updates {
            if !matches!(update, Update::Expunge(_)) {
                self.say_vanished(std::mem::take(&mut vanished), false);
            }
            match update {
                Update::Expunge(numbers) => {
                    left = left.saturating_sub(1);
                    if self.enabled.qresync {
                        vanished.push(numbers.uid);
                    } else {
                        self.say(Untagged::Expunge(numbers.seq));
                    }
                }
                Update::Exists(count) => {
                    self.say(Untagged::Exists(count));
                    if let Some(wanted) = wanted.as_ref().filter(|wanted| !wanted.items.is_empty()) {
                        self.tell_new(left + 1..=count, &wanted.items);
                    }
                }
                Update::Flags { .. } if wanted.as_ref().is_some_and(|wanted| !wanted.flags) => {}
                Update::Flags { numbers, flags, modseq } => {
                    let recent =
                        self.selected.as_ref().is_some_and(|selected| selected.is_recent(numbers.uid));
                    let flags = flag_list(&flags, recent);
                    let fetch = Fetch::build(numbers.seq).uid(numbers.uid).flags(&flags);
                    let tells = self.enabled.condstore && keeps_modseqs;
                    self.put(if tells { fetch.mod_seq(modseq) } else { fetch }.encode());
                }
            }
        }
        self.say_vanished(vanished, false);
        Ok(())
    }
}
