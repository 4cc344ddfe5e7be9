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
        let updates = {
            let contents = user.account.lock();
            contents.mailboxes.get(&selected.id).map(|mailbox| selected.catch_up(mailbox, expunges))
        };
        let Some(updates) = updates else {
            self.say(Untagged::Status(Status::new(StatusKind::Bye, "the selected mailbox was deleted")));
            return Err(End::Said);
        };
        for update in updates {
            match update {
                Update::Expunge(seq) => self.say(Untagged::Expunge(seq)),
                Update::Exists(count) => self.say(Untagged::Exists(count)),
                Update::Flags(numbers, flags) => {
                    let recent =
                        self.selected.as_ref().is_some_and(|selected| selected.is_recent(numbers.uid));
                    let flags = flag_list(&flags, recent);
                    self.put(Fetch::build(numbers.seq).uid(numbers.uid).flags(&flags).encode());
                }
            }
        }
        Ok(())
    }
}
