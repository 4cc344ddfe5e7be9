//! APPEND: a message from the client.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use mail_proto::frame::Segment;
use mail_proto::imap::{AppendForm, AppendMessage, DateTime, MailboxName, ResponseCode, SequenceSet, Status};

use super::mailboxes::refusal;
use super::{End, Outcome, Session, bad, no, ok};
use crate::store::{Message, StoreError};

/// What APPEND says of its messages, and those of them that came with it.
pub(super) struct Wanted {
    pub(super) mailbox: MailboxName,
    pub(super) messages: Vec<AppendMessage>,
    pub(super) uploads: Vec<Bytes>,
}

impl Session<'_> {
    /// Reads the message, and stores it unless it is refused already.
    pub(super) async fn append(
        &mut self,
        wanted: Wanted,
        segment: &Segment,
        refused: Option<Status>,
    ) -> Outcome {
        let refused = refused.or_else(|| self.refuses(&wanted.mailbox));
        if let Some(refused) = refused {
            self.skip_literal(segment).await?;
            return Ok(refused);
        }
        let content = match segment.streamed {
            None => <[Bytes; 1]>::try_from(wanted.uploads).ok().map(|[content]| content),
            Some(len) => {
                let Some((content, rest)) = self.streamed(len).await? else { return Err(End::Cut) };
                self.skip_literal(&rest).await?;
                rest.bytes.trim_ascii().is_empty().then_some(content)
            }
        };
        let (Some(content), [about]) = (content, wanted.messages.as_slice()) else {
            return Ok(bad("one message at a time"));
        };
        if about.form != AppendForm::Text {
            return Ok(bad("this server takes plain literals only"));
        }
        let Some(user) = &self.user else { return Ok(bad("log in first")) };
        let flags = about.flags.iter().map(|flag| String::from_utf8_lossy(flag.as_bytes()));
        let date = about.date.map_or_else(SystemTime::now, moment);
        let message = Message::new(content).with_flags(flags).with_internal_date(date);
        match user.account.append(wanted.mailbox.as_bytes(), message) {
            Ok((uid_validity, uid)) if self.shared.has("UIDPLUS") => {
                let code = ResponseCode::AppendUid { uid_validity, uids: SequenceSet::from(uid) };
                Ok(ok("APPEND completed").with_code(code))
            }
            Ok(_) => Ok(ok("APPEND completed")),
            Err(error) => Ok(refusal(&error)),
        }
    }

    /// Why no message can go there, known before it comes.
    fn refuses(&self, mailbox: &MailboxName) -> Option<Status> {
        let Some(user) = &self.user else { return Some(bad("log in first")) };
        match user.account.lock().find(mailbox.as_bytes()) {
            Ok(_) => None,
            Err(error @ StoreError::NoMailbox { .. }) => Some(no(ResponseCode::TryCreate, error.to_string())),
            Err(error) => Some(refusal(&error)),
        }
    }
}

fn moment(date: DateTime) -> SystemTime {
    let seconds = Duration::from_secs(date.unix_seconds().unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let moment =
        if date.unix_seconds() < 0 { epoch.checked_sub(seconds) } else { epoch.checked_add(seconds) };
    // Not every system's clock goes back to the year 0.
    moment.unwrap_or(epoch)
}
