//! NOTIFY: news as they come, of the selected mailbox and of others (RFC 5465).

use std::collections::BTreeMap;

use bytes::Bytes;
use mail_proto::frame::Segment;
use mail_proto::imap::fetch::FetchItem;
use mail_proto::imap::response::Untagged;
use mail_proto::imap::{
    EventGroup, List, ListExtension, MailboxAttribute, MailboxFilter, MailboxName, Notify, NotifyEvent,
    ResponseCode, Status, StatusItem,
};

use super::{End, Session, bad, done, filter, no};
use crate::store::{Account, Contents, MailboxId};

/// What the client wants to be told, and what it was told of the mailboxes that aren't selected.
pub(super) struct Watch {
    groups: Vec<EventGroup>,
    seen: BTreeMap<MailboxId, Seen>,
}

/// A mailbox as the client was told of it last.
#[derive(Clone, PartialEq, Eq)]
struct Seen {
    name: Vec<u8>,
    modseq: u64,
    uid_next: u32,
    messages: usize,
    subscribed: bool,
}

/// What of the selected mailbox is told.
pub(super) struct SelectedWatch {
    pub(super) messages: bool,
    pub(super) flags: bool,
    /// Expunges too at any time.
    at_once: bool,
    /// What is told of a new message.
    pub(super) items: Vec<FetchItem>,
}

/// The events that the server knows.
const EVENTS: [&str; 5] = ["MessageNew", "MessageExpunge", "FlagChange", "MailboxName", "SubscriptionChange"];

/// What is told of a mailbox that isn't selected.
const ITEMS: [StatusItem; 4] =
    [StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity, StatusItem::Unseen];

impl Session<'_> {
    pub(super) fn notify(&mut self, account: &Account, notify: Notify) -> Status {
        let (status, groups) = match notify {
            Notify::None => (false, Vec::new()),
            Notify::Set { status, groups } => (status, groups),
        };
        for group in &groups {
            let has = |wanted: fn(&NotifyEvent) -> bool| group.events.iter().any(wanted);
            let is_unknown = |event: &NotifyEvent| {
                !matches!(
                    event,
                    NotifyEvent::MessageNew(_)
                        | NotifyEvent::MessageExpunge
                        | NotifyEvent::FlagChange
                        | NotifyEvent::MailboxName
                        | NotifyEvent::SubscriptionChange
                )
            };
            if has(is_unknown) {
                let events = EVENTS.map(|event| Bytes::from_static(event.as_bytes()));
                return no(ResponseCode::BadEvent(events.into()), "there are events that aren't known here");
            }
            let is_new = |event: &NotifyEvent| matches!(event, NotifyEvent::MessageNew(_));
            let is_gone = |event: &NotifyEvent| *event == NotifyEvent::MessageExpunge;
            if has(is_new) != has(is_gone) || has(|event| *event == NotifyEvent::FlagChange) && !has(is_new) {
                return bad("MessageNew and MessageExpunge go together, and FlagChange with them");
            }
        }
        let seen = look(&account.lock());
        let selected = self.selected.as_ref().map(|selected| selected.id);
        let watch = Watch { groups, seen };
        if status {
            let of_messages = |(id, name): &(MailboxId, Vec<u8>)| {
                Some(*id) != selected
                    && watch.wants(&account.lock(), name, self.shared.delimiter, is_of_messages)
            };
            let all: Vec<_> = watch.seen.iter().map(|(id, seen)| (*id, seen.name.clone())).collect();
            for (_, name) in all.into_iter().filter(of_messages).collect::<Vec<_>>() {
                self.tell_numbers(account, &name);
            }
        }
        self.watch = Some(watch);
        done()
    }

    /// The next command; meanwhile what NOTIFY asked for is told as it comes.
    pub(super) async fn next_command_or_news(&mut self) -> Result<Option<Segment>, End> {
        loop {
            let changes = self.user.as_ref().map(|user| user.changes.clone());
            let (Some(mut changes), Some(_)) = (changes, &self.watch) else {
                return self.next_command().await;
            };
            changes.mark_unchanged();
            self.tell_news(self.selected_watch().is_some_and(|watch| watch.at_once))?;
            tokio::select! {
                segment = self.next_command() => return segment,
                // The account lives as long as the session, so this says only that there is news.
                _ = changes.changed() => {}
            }
        }
    }

    /// What is told of the selected mailbox after a NOTIFY; none if it doesn't speak of it.
    pub(super) fn selected_watch(&self) -> Option<SelectedWatch> {
        let is_selected = |group: &&EventGroup| {
            matches!(group.mailboxes, MailboxFilter::Selected | MailboxFilter::SelectedDelayed)
        };
        let group = self.watch.as_ref()?.groups.iter().find(is_selected)?;
        let items = group.events.iter().find_map(|event| match event {
            NotifyEvent::MessageNew(items) => Some(items.clone()),
            _ => None,
        });
        Some(SelectedWatch {
            messages: items.is_some(),
            flags: group.events.contains(&NotifyEvent::FlagChange),
            at_once: group.mailboxes == MailboxFilter::Selected,
            items: items.unwrap_or_default(),
        })
    }

    /// Tells what happened to mailboxes that aren't selected.
    pub(super) fn tell_of_others(&mut self) {
        let (Some(user), Some(mut watch)) = (&self.user, self.watch.take()) else { return };
        let account = user.account.clone();
        let selected = self.selected.as_ref().map(|selected| selected.id);
        let delimiter = self.shared.delimiter;
        let now = look(&account.lock());
        let before = std::mem::replace(&mut watch.seen, now.clone());
        let wants = |name: &[u8], wanted: fn(&NotifyEvent) -> bool| {
            watch.wants(&account.lock(), name, delimiter, wanted)
        };
        let is_name = |event: &NotifyEvent| *event == NotifyEvent::MailboxName;
        let is_subscription = |event: &NotifyEvent| *event == NotifyEvent::SubscriptionChange;
        let name_of = |name: &[u8]| MailboxName::from_wire(name.to_vec());
        for (id, gone) in before.iter().filter(|(id, _)| !now.contains_key(id)) {
            if Some(*id) != selected && wants(&gone.name, is_name) {
                let mut list = List::new(name_of(&gone.name), delimiter);
                list.attributes.insert(MailboxAttribute::NonExistent);
                self.say(Untagged::List(list));
            }
        }
        for (id, seen) in &now {
            let was = before.get(id);
            if was.is_none_or(|was| was.name != seen.name) && wants(&seen.name, is_name) {
                let mut list = List::new(name_of(&seen.name), delimiter);
                list.extended.extend(was.map(|was| ListExtension::OldName(name_of(&was.name))));
                self.say(Untagged::List(list));
            }
            if was.is_some_and(|was| was.name == seen.name && was.subscribed != seen.subscribed)
                && wants(&seen.name, is_subscription)
            {
                let mut list = List::new(name_of(&seen.name), delimiter);
                list.attributes.extend(seen.subscribed.then_some(MailboxAttribute::Subscribed));
                self.say(Untagged::List(list));
            }
            let Some(was) = was.filter(|was| was.modseq != seen.modseq && Some(*id) != selected) else {
                continue;
            };
            let only_flags = was.uid_next == seen.uid_next && was.messages == seen.messages;
            let wanted = if only_flags {
                |event: &NotifyEvent| *event == NotifyEvent::FlagChange
            } else {
                is_of_messages
            };
            if wants(&seen.name, wanted) {
                self.tell_numbers(&account, &seen.name);
            }
        }
        self.watch = Some(watch);
    }

    fn tell_numbers(&mut self, account: &Account, name: &[u8]) {
        let mut items = ITEMS.to_vec();
        if self.shared.has("CONDSTORE") && self.enabled.condstore {
            items.push(StatusItem::HighestModSeq);
        }
        // A mailbox that went meanwhile is told of as gone next.
        self.status(account, &MailboxName::from_wire(name.to_vec()), &items);
    }
}

fn is_of_messages(event: &NotifyEvent) -> bool {
    matches!(event, NotifyEvent::MessageNew(_) | NotifyEvent::MessageExpunge)
}

impl Watch {
    /// Whether such an event of this mailbox is to be told: the first group that means the mailbox decides.
    fn wants(
        &self,
        contents: &Contents,
        name: &[u8],
        delimiter: Option<u8>,
        wanted: fn(&NotifyEvent) -> bool,
    ) -> bool {
        let group =
            self.groups.iter().find(|group| filter::means(&group.mailboxes, contents, name, delimiter));
        group.is_some_and(|group| group.events.iter().any(wanted))
    }
}

fn look(contents: &Contents) -> BTreeMap<MailboxId, Seen> {
    let seen = contents.names.iter().filter_map(|(name, id)| {
        let mailbox = contents.mailboxes.get(id)?;
        let seen = Seen {
            name: name.clone(),
            modseq: mailbox.modseq,
            uid_next: mailbox.uid_next,
            messages: mailbox.entries().len(),
            subscribed: contents.subscriptions.contains(name),
        };
        Some((*id, seen))
    });
    seen.collect()
}
