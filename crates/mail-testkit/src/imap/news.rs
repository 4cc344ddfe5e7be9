//! What a client is told unasked: what others did in the selected mailbox.

use mail_proto::imap::fetch::Fetch;
use mail_proto::imap::response::Untagged;
use mail_proto::imap::{Status, StatusKind};

use super::selected::Update;
use super::{End, Session, flag_list};

impl Session<'_> {
    /// Tells what others did in the selected mailbox.
    pub(super) fn tell_news(&mut self, expunges: bool) -> Result<(), End> {
        let (Some(user), Some(selected)) = (&self.user, &mut self.selected) else { return Ok(()) };
        let news = {
            let contents = user.account.lock();
            let mailbox = contents.mailboxes.get(&selected.id);
            mailbox.map(|mailbox| (selected.catch_up(mailbox, expunges), mailbox.keeps_modseqs))
        };
        let Some((updates, keeps_modseqs)) = news else {
            self.say(Untagged::Status(Status::new(StatusKind::Bye, "the selected mailbox was deleted")));
            return Err(End::Said);
        };
        let mut vanished = Vec::new();
        for update in updates {
            if !matches!(update, Update::Expunge(_)) {
                self.say_vanished(std::mem::take(&mut vanished), false);
            }
            match update {
                Update::Expunge(numbers) if self.enabled.qresync => vanished.push(numbers.uid),
                Update::Expunge(numbers) => self.say(Untagged::Expunge(numbers.seq)),
                Update::Exists(count) => self.say(Untagged::Exists(count)),
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
