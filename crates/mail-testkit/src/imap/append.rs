//! APPEND and REPLACE: messages from the client (RFC 9051 6.3.12, RFC 3502, RFC 3516, RFC 7889, RFC 8508).

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use mail_proto::frame::Segment;
use mail_proto::imap::command::TaggedCommand;
use mail_proto::imap::response::{ParseOptions, Untagged};
use mail_proto::imap::{
    AppendForm, AppendMessage, Command, DateTime, MailboxName, ResponseCode, SequenceSet, Status,
};

use super::refusal::refusal;
use super::selected::Numbers;
use super::{End, Outcome, Session, acl, bad, gate, no, ok};
use crate::store::{Account, Message, StoreError};

/// What APPEND or REPLACE says of its messages, and those of them that came with it.
pub(super) struct Upload {
    mailbox: MailboxName,
    about: Vec<AppendMessage>,
    contents: Vec<Bytes>,
    /// REPLACE: the message that goes, and whether by its UID.
    replaces: Option<(u32, bool)>,
}

impl Upload {
    /// None if the command is another one.
    pub(super) fn of(parsed: &TaggedCommand) -> Option<Self> {
        let (mailbox, about, replaces) = match &parsed.command {
            Command::Append { mailbox, messages } => (mailbox, messages.clone(), None),
            Command::Replace { uid, number, mailbox, message } => {
                (mailbox, vec![message.clone()], Some((*number, *uid)))
            }
            _ => return None,
        };
        Some(Self { mailbox: mailbox.clone(), about, contents: parsed.uploads.clone(), replaces })
    }

    /// The same for what came behind a streamed message.
    fn extend(&mut self, more: Vec<AppendMessage>, contents: Vec<Bytes>) {
        self.about.extend(more);
        self.contents.extend(contents);
    }
}

impl Session<'_> {
    /// Reads the messages, and stores them unless they are refused: all or none.
    pub(super) async fn upload(
        &mut self,
        mut upload: Upload,
        segment: &Segment,
        refused: Option<Status>,
    ) -> Outcome {
        let mut segment = segment.clone();
        let mut refused = refused.or_else(|| self.refuses(&upload));
        // What is refused is read all the same, if it isn't waiting to be asked for: the next command is behind it.
        while let Some(len) = segment.streamed {
            if let Some(refused) = refused {
                self.skip_literal(&segment).await?;
                return Ok(refused);
            }
            let Some((content, rest)) = self.streamed(len).await? else { return Err(End::Cut) };
            upload.contents.push(content);
            let form = upload.about.last().map(|about| about.form).unwrap_or_default();
            match AppendMessage::parse_more(rest.bytes.clone(), form, ParseOptions::STRICT) {
                _ if !self.takes_literals_of(&rest) => {
                    refused = Some(bad("this literal must wait to be asked for"));
                }
                Ok(more) => {
                    upload.extend(more.value.messages, more.value.uploads);
                    refused = self.refuses(&upload);
                }
                Err(error) => refused = Some(bad(error.to_string())),
            }
            segment = rest;
        }
        if let Some(refused) = refused {
            return Ok(refused);
        }
        let Some(user) = &self.user else { return Ok(bad("log in first")) };
        let account = user.account.clone();
        Ok(self.store_upload(&account, upload))
    }

    /// Why a message that waits to be asked for isn't, given the command so far.
    pub(super) fn refuses_announced(&self, command: &[u8]) -> Option<Status> {
        let mut parsed = TaggedCommand::parse(Bytes::copy_from_slice(command), ParseOptions::STRICT).ok()?;
        self.store_names(&mut parsed.value.command);
        self.refuses(&Upload::of(&parsed.value)?)
    }

    /// Why these messages can't go there, as far as that is known before they come.
    fn refuses(&self, upload: &Upload) -> Option<Status> {
        let Some(user) = &self.user else { return Some(bad("log in first")) };
        if upload.replaces.is_some() {
            match &self.selected {
                None => return Some(bad("select a mailbox first")),
                Some(selected) if selected.read_only => {
                    return Some(no(ResponseCode::ReadOnly, "the mailbox was selected for reading only"));
                }
                Some(_) => {}
            }
        }
        let is_utf8 = |about: &AppendMessage| about.form == AppendForm::Utf8;
        if upload.about.iter().any(is_utf8) && !self.enabled.utf8_accept {
            return Some(bad("UTF8=ACCEPT isn't enabled"));
        }
        if gate::lacks_for_messages(&self.shared.offer, &upload.about) {
            return Some(bad("this server doesn't take such messages"));
        }
        let limit = self.shared.offer.value("APPENDLIMIT").and_then(|limit| limit.parse().ok());
        if limit.is_some_and(|limit: u64| upload.about.iter().any(|about| about.len > limit)) {
            return Some(no(ResponseCode::TooBig, "the message is too large"));
        }
        if let Some(refused) = acl::refuses(&user.account, &upload.mailbox, 'i') {
            return Some(refused);
        }
        let contents = user.account.lock();
        match contents.find(upload.mailbox.as_bytes()) {
            Ok(_) => {
                let octets = upload.about.iter().map(|about| about.len).sum();
                let is_over = contents.is_over_quota_with(octets, upload.about.len() as u64);
                is_over.then(|| no(ResponseCode::OverQuota, "there is no room for that"))
            }
            Err(error @ StoreError::NoMailbox { .. }) => Some(no(ResponseCode::TryCreate, error.to_string())),
            Err(error) => Some(refusal(&error)),
        }
    }

    fn store_upload(&mut self, account: &Account, upload: Upload) -> Status {
        let replaced = match self.replaced(&upload) {
            Ok(replaced) => replaced,
            Err(refused) => return refused,
        };
        let messages = upload.about.iter().zip(upload.contents).map(|(about, content)| {
            let flags = about.flags.iter().map(|flag| String::from_utf8_lossy(flag.as_bytes()));
            let date = about.date.map_or_else(SystemTime::now, moment);
            Message::new(content).with_flags(flags).with_internal_date(date)
        });
        let (uid_validity, uids) = match account.append(upload.mailbox.as_bytes(), messages.collect()) {
            Ok(stored) => stored,
            Err(error) => return refusal(&error),
        };
        let code = ResponseCode::AppendUid { uid_validity, uids: SequenceSet::from(uids) };
        let code = Some(code).filter(|_| self.shared.has("UIDPLUS"));
        let Some(numbers) = replaced else { return Status { code, ..ok("APPEND completed") } };
        if let Some(code) = code {
            // Before the EXPUNGE, which comes with the command's end (RFC 8508 section 4.3).
            self.say(Untagged::Status(ok("replaced").with_code(code)));
        }
        if let Some(selected) = &self.selected
            && let Some(mailbox) = account.lock().mailboxes.get_mut(&selected.id)
        {
            mailbox.remove(|entry| entry.uid == numbers.uid);
        }
        account.announce();
        super::done()
    }

    /// The message that REPLACE removes.
    fn replaced(&self, upload: &Upload) -> Result<Option<Numbers>, Status> {
        let Some((number, by_uid)) = upload.replaces else { return Ok(None) };
        let Some(selected) = &self.selected else { return Err(bad("select a mailbox first")) };
        let found = selected.resolve(&SequenceSet::from(number), by_uid);
        match found.as_deref() {
            Some([numbers]) => Ok(Some(*numbers)),
            Some(_) => Err(no(ResponseCode::NonExistent, "there is no such message")),
            None => Err(bad("there is no such message")),
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
