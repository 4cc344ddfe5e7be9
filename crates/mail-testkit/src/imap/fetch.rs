//! FETCH: what a client asks of messages.

use std::time::{SystemTime, UNIX_EPOCH};

use mail_proto::imap::encode::{EncodeError, Encoded};
use mail_proto::imap::fetch::{Fetch, FetchItem};
use mail_proto::imap::{DateTime, ResponseCode, SequenceSet};

use super::selected::{Numbers, Selected};
use super::{Outcome, QUEUED, Session, bad, done, flag_list, no, section};
use crate::store::{Account, Entry};

/// So many messages are looked up at a time.
const BATCH: usize = 64;

impl Session<'_> {
    pub(super) async fn fetch(
        &mut self,
        account: &Account,
        selected: &mut Selected,
        by_uid: bool,
        set: &SequenceSet,
        items: &[FetchItem],
    ) -> Outcome {
        let Some(messages) = selected.resolve(set, by_uid) else {
            return Ok(bad("there is no such message"));
        };
        let is_known = |item: &FetchItem| {
            matches!(
                item,
                FetchItem::Uid
                    | FetchItem::Flags
                    | FetchItem::InternalDate
                    | FetchItem::Size
                    | FetchItem::Body { .. }
            )
        };
        if !items.iter().all(is_known) {
            return Ok(bad("this server doesn't know one of these items"));
        }
        let marks_seen = !selected.read_only
            && items.iter().any(|item| matches!(item, FetchItem::Body { peek: false, .. }));
        let mut gone = false;
        for batch in messages.chunks(BATCH) {
            for (numbers, entry, changed) in look_up(account, selected, batch, marks_seen) {
                match entry {
                    Some(entry) => {
                        let encoded = self.describe(selected, numbers, &entry, items, by_uid, changed);
                        self.put(encoded);
                    }
                    None => gone = true,
                }
                if self.channel.queued() >= QUEUED {
                    self.channel.flush().await?;
                }
            }
        }
        if gone && !by_uid {
            return Ok(no(ResponseCode::ExpungeIssued, "some of the messages are gone"));
        }
        Ok(done())
    }

    fn describe(
        &self,
        selected: &Selected,
        numbers: Numbers,
        entry: &Entry,
        items: &[FetchItem],
        by_uid: bool,
        changed: bool,
    ) -> Result<Encoded, EncodeError> {
        let flags = || flag_list(&entry.flags, selected.is_recent(entry.uid));
        let has_body = items.iter().any(|item| matches!(item, FetchItem::Body { .. }));
        let is_nil = has_body && self.shared.faults.is_nil(self.seat.number(), entry.uid);
        let mut fetch = Fetch::build(numbers.seq);
        if by_uid && !items.contains(&FetchItem::Uid) {
            fetch = fetch.uid(entry.uid);
        }
        for item in items {
            fetch = match item {
                FetchItem::Uid => fetch.uid(entry.uid),
                FetchItem::Flags => fetch.flags(&flags()),
                FetchItem::InternalDate => fetch.internal_date(&date(entry.internal_date)),
                FetchItem::Size => fetch.size(entry.body.len() as u64),
                FetchItem::Body { section, partial, .. } => {
                    let whole = if is_nil { None } else { section::section(&entry.body, section) };
                    let content = match partial {
                        Some(partial) => whole.map(|whole| section::partial(&whole, *partial)),
                        None => whole,
                    };
                    fetch.body(section, partial.as_ref().map(|partial| partial.offset), content)
                }
                // Others were refused before.
                _ => fetch,
            };
        }
        if changed && !items.contains(&FetchItem::Flags) {
            fetch = fetch.flags(&flags());
        }
        fetch.encode()
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

/// A moment as INTERNALDATE tells it, in UTC.
pub(super) fn date(time: SystemTime) -> DateTime {
    let seconds = match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
    };
    DateTime::from_unix_seconds(seconds)
}
