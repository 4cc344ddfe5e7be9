//! FETCH: what a client asks of messages.

use std::ops::RangeInclusive;

use bytes::Bytes;
use mail_proto::imap::encode::{EncodeError, Encoded};
use mail_proto::imap::fetch::{Fetch, FetchBuilder, FetchItem, FetchModifiers, Partial};
use mail_proto::imap::{ResponseCode, SequenceSet, Status};

use super::ids_and_dates::{GMAIL, date, email_id, thread_id};
use super::selected::{Numbers, Selected};
use super::{Outcome, QUEUED, Session, bad, done, flag_list, no, resync, search};
use crate::mime;
use crate::store::{Account, Entry};

/// So many messages are looked up at a time.
const BATCH: usize = 64;

/// What FETCH is told.
pub(super) struct Wanted {
    pub(super) uid: bool,
    pub(super) set: SequenceSet,
    pub(super) items: Vec<FetchItem>,
    pub(super) modifiers: FetchModifiers,
}

/// What went wrong on the way, which the tagged response tells.
#[derive(Default)]
struct Troubles {
    gone: bool,
    unknown_encoding: bool,
}

impl Session<'_> {
    pub(super) async fn fetch(
        &mut self,
        account: &Account,
        selected: &mut Selected,
        mut wanted: Wanted,
    ) -> Outcome {
        let Some(mut messages) = selected.resolve(&wanted.set, wanted.uid) else {
            return Ok(bad("there is no such message"));
        };
        if let Some(refused) = self.limit(account, selected, &mut wanted, &mut messages) {
            return Ok(refused);
        }
        let marks_seen = !selected.read_only && wanted.items.iter().any(reads);
        let adds_uid = wanted.uid || self.enabled.qresync;
        let tells_modseqs = self.enabled.condstore && selected.keeps_modseqs(account);
        let mut troubles = Troubles::default();
        for batch in messages.chunks(BATCH) {
            for (numbers, entry, changed) in look_up(account, selected, batch, marks_seen) {
                match entry {
                    Some(entry) => {
                        let mut fetch = Fetch::build(numbers.seq);
                        if adds_uid && !wanted.items.contains(&FetchItem::Uid) {
                            fetch = fetch.uid(entry.uid);
                        }
                        let told = Told {
                            session: self,
                            selected,
                            entry: &entry,
                            tells_modseqs,
                            troubles: &mut troubles,
                        };
                        let encoded = told.describe(fetch, &wanted.items, changed);
                        self.put(encoded);
                    }
                    None => troubles.gone = true,
                }
                if self.channel.queued() >= QUEUED {
                    self.channel.flush().await?;
                }
            }
        }
        if troubles.unknown_encoding {
            return Ok(no(ResponseCode::UnknownCte, "a part's encoding isn't known"));
        }
        if troubles.gone && !wanted.uid {
            return Ok(no(ResponseCode::ExpungeIssued, "some of the messages are gone"));
        }
        Ok(done())
    }
}

impl Session<'_> {
    /// Keeps the messages that the modifiers leave, and tells what vanished; or says what is wrong with them.
    fn limit(
        &mut self,
        account: &Account,
        selected: &Selected,
        wanted: &mut Wanted,
        messages: &mut Vec<Numbers>,
    ) -> Option<Status> {
        let FetchModifiers { changed_since, vanished, partial } = wanted.modifiers;
        if partial.is_some() && !wanted.uid {
            return Some(bad("PARTIAL needs UIDs"));
        }
        if changed_since.is_some() && !wanted.items.contains(&FetchItem::ModSeq) {
            wanted.items.push(FetchItem::ModSeq);
        }
        let speaks_of_modseqs = wanted.items.contains(&FetchItem::ModSeq);
        if vanished && !(wanted.uid && changed_since.is_some() && self.enabled.qresync) {
            return Some(bad("VANISHED needs UIDs, CHANGEDSINCE, and QRESYNC enabled"));
        }
        if speaks_of_modseqs {
            if !selected.keeps_modseqs(account) {
                return Some(bad("this mailbox keeps no mod-sequences"));
            }
            self.enable_condstore(account, Some(selected));
        }
        if let Some(since) = changed_since {
            let gone = {
                let contents = account.lock();
                let mailbox = contents.mailboxes.get(&selected.id)?;
                messages.retain(|numbers| mailbox.get(numbers.uid).is_some_and(|entry| entry.modseq > since));
                if vanished {
                    resync::vanished_since(mailbox, selected, since, &wanted.set, 0)
                } else {
                    Vec::new()
                }
            };
            self.say_vanished(gone, true);
        }
        if let Some(range) = partial {
            *messages = search::part(messages, range).to_vec();
        }
        None
    }
}

impl Session<'_> {
    /// Tells these items of new messages, as NOTIFY asks for (RFC 5465 section 5.2).
    pub(super) fn tell_new(&mut self, numbers: RangeInclusive<u32>, items: &[FetchItem]) {
        let (Some(user), Some(selected)) = (&self.user, &self.selected) else { return };
        let mut told = Vec::new();
        for seq in numbers {
            let Some(uid) = selected.uid(seq) else { continue };
            let entry =
                user.account.lock().mailboxes.get(&selected.id).and_then(|mailbox| mailbox.get(uid).cloned());
            let Some(entry) = entry else { continue };
            let message = Told {
                session: self,
                selected,
                entry: &entry,
                tells_modseqs: false,
                troubles: &mut Troubles::default(),
            };
            told.push(message.describe(Fetch::build(seq), items, false));
        }
        told.into_iter().for_each(|encoded| self.put(encoded));
    }
}

/// Whether this marks a message as seen.
fn reads(item: &FetchItem) -> bool {
    match item {
        FetchItem::Body { peek, .. } | FetchItem::Binary { peek, .. } => !peek,
        FetchItem::Rfc822(which) => which.sets_seen(),
        _ => false,
    }
}

/// One message as it is told.
struct Told<'a, 'b> {
    session: &'a Session<'b>,
    selected: &'a Selected,
    entry: &'a Entry,
    tells_modseqs: bool,
    troubles: &'a mut Troubles,
}

impl Told<'_, '_> {
    fn describe(
        mut self,
        mut fetch: FetchBuilder,
        items: &[FetchItem],
        changed: bool,
    ) -> Result<Encoded, EncodeError> {
        let is_body = |item: &FetchItem| {
            matches!(item, FetchItem::Body { .. } | FetchItem::Binary { .. } | FetchItem::Rfc822(_))
        };
        let has_body = items.iter().any(is_body);
        let is_nil = has_body && self.session.shared.faults.is_nil(self.session.seat, self.entry.uid);
        for item in items {
            fetch = self.item(fetch, item, is_nil);
        }
        if changed && !items.contains(&FetchItem::Flags) {
            fetch = self.flags(fetch);
        }
        if changed && self.tells_modseqs && !items.contains(&FetchItem::ModSeq) {
            fetch = fetch.mod_seq(self.entry.modseq);
        }
        fetch.encode()
    }

    fn flags(&self, fetch: FetchBuilder) -> FetchBuilder {
        fetch.flags(&flag_list(&self.entry.flags, self.selected.is_recent(self.entry.uid)))
    }

    fn item(&mut self, fetch: FetchBuilder, item: &FetchItem, is_nil: bool) -> FetchBuilder {
        let Entry { uid, body, ids, .. } = self.entry;
        match item {
            FetchItem::Uid => fetch.uid(*uid),
            FetchItem::Flags => self.flags(fetch),
            FetchItem::InternalDate => fetch.internal_date(&date(self.entry.internal_date)),
            FetchItem::Size => fetch.size(body.len() as u64),
            FetchItem::ModSeq => fetch.mod_seq(self.entry.modseq),
            FetchItem::Envelope => fetch.envelope(&mime::envelope(&mime::split(body).0)),
            FetchItem::BodyStructure => fetch.body_structure(&mime::structure(body)),
            FetchItem::BodyBasic => fetch.body_basic(&mime::structure(body)),
            FetchItem::EmailId => fetch.email_id(email_id(ids.email).as_bytes()),
            FetchItem::ThreadId => fetch.thread_id(Some(thread_id(ids.thread).as_bytes())),
            FetchItem::Preview { .. } => {
                fetch.preview(Some(mime::preview(body).unwrap_or_default().as_bytes()))
            }
            FetchItem::SaveDate => fetch.save_date(Some(&date(self.entry.save_date))),
            FetchItem::GmailMessageId => fetch.gmail_message_id(GMAIL + ids.email),
            FetchItem::GmailThreadId => fetch.gmail_thread_id(GMAIL + ids.thread),
            FetchItem::GmailLabels => fetch.gmail_labels(&self.entry.labels),
            FetchItem::Binary { part, partial, .. } => {
                let content = match mime::binary(body, part) {
                    Some(Err(_)) => {
                        self.troubles.unknown_encoding = true;
                        return fetch;
                    }
                    Some(Ok(content)) if !is_nil => Some(content),
                    _ => None,
                };
                fetch.binary(part, origin(*partial), cut(content, *partial))
            }
            FetchItem::BinarySize { part } => match mime::binary(body, part) {
                Some(Ok(content)) => fetch.binary_size(part, content.len() as u64),
                Some(Err(_)) => {
                    self.troubles.unknown_encoding = true;
                    fetch
                }
                None => fetch.binary_size(part, 0),
            },
            FetchItem::Body { section, partial, .. } => {
                let content = if is_nil { None } else { mime::section(body, section) };
                fetch.body(section, origin(*partial), cut(content, *partial))
            }
            FetchItem::Rfc822(which) => {
                let content = if is_nil { None } else { mime::section(body, &which.section()) };
                fetch.rfc822(*which, content)
            }
            // There are no others that the server shows to know.
            _ => fetch,
        }
    }
}

fn origin(partial: Option<Partial>) -> Option<u32> {
    partial.map(|partial| partial.offset)
}

fn cut(content: Option<Bytes>, partial: Option<Partial>) -> Option<Bytes> {
    match partial {
        Some(partial) => content.map(|content| mime::partial(&content, partial)),
        None => content,
    }
}

/// The messages as they are now, `\Seen` set on them if that is asked for, and whether that changed them.
fn look_up(
    account: &Account,
    selected: &mut Selected,
    batch: &[Numbers],
    marks_seen: bool,
) -> Vec<(Numbers, Option<Entry>, bool)> {
    let mut contents = account.lock();
    let Some(mailbox) = contents.mailboxes.get_mut(&selected.id) else { return Vec::new() };
    let up_to_date = selected.is_up_to_date(mailbox);
    let mut any_changed = false;
    let found = batch.iter().map(|numbers| {
        let unseen =
            marks_seen && mailbox.get(numbers.uid).is_some_and(|entry| !entry.flags.contains("\\Seen"));
        if unseen {
            mailbox.change_flags(numbers.uid, selected.author, |flags| flags.insert("\\Seen"));
            any_changed = true;
        }
        (*numbers, mailbox.get(numbers.uid).cloned(), unseen)
    });
    let found = found.collect();
    if up_to_date {
        // All that is new is this session's own doing.
        selected.is_told_all(mailbox);
    }
    drop(contents);
    if any_changed {
        account.announce();
    }
    found
}
