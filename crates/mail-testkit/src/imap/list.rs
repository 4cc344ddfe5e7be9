//! LIST and LSUB: which mailboxes there are (RFC 9051 6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 8440).

use std::collections::BTreeSet;

use bytes::Bytes;
use mail_proto::imap::response::Untagged;
use mail_proto::imap::{
    List, ListExtension, ListOptions, ListReturn, ListSelect, MailboxAttribute, MailboxName, MetadataOptions,
    Status,
};

use super::{Session, bad, done, pattern};
use crate::store::{Account, Contents};

/// The names of an account, as far as LIST looks at them.
struct Tree {
    existing: BTreeSet<Vec<u8>>,
    /// Levels above existing mailboxes.
    parents: BTreeSet<Vec<u8>>,
    subscribed: BTreeSet<Vec<u8>>,
    /// Mailboxes with a special use.
    special: BTreeSet<Vec<u8>>,
    delimiter: Option<u8>,
}

impl Tree {
    fn of(contents: &Contents, delimiter: Option<u8>) -> Self {
        let existing: BTreeSet<Vec<u8>> = contents.names.keys().cloned().collect();
        let parents = existing.iter().flat_map(|name| levels_above(name, delimiter)).map(<[u8]>::to_vec);
        let has_use =
            |name: &&Vec<u8>| contents.find(name).is_ok_and(|(_, mailbox)| !mailbox.special_use.is_empty());
        Self {
            parents: parents.collect(),
            subscribed: contents.subscriptions.clone(),
            special: existing.iter().filter(has_use).cloned().collect(),
            existing,
            delimiter,
        }
    }

    /// Whether a name is among those that these options select.
    fn is_selected(&self, name: &[u8], select: &[ListSelect]) -> bool {
        select.iter().all(|option| match option {
            ListSelect::Subscribed => self.subscribed.contains(name),
            ListSelect::SpecialUse => self.special.contains(name),
            _ => true,
        })
    }

    /// Whether something below a name is selected.
    fn is_selected_below(&self, name: &[u8], select: &[ListSelect]) -> bool {
        let all = self.existing.union(&self.subscribed);
        let mut below = all.filter(|other| levels_above(other, self.delimiter).any(|level| level == name));
        below.any(|other| self.is_selected(other, select))
    }
}

impl Session<'_> {
    pub(super) fn list(
        &mut self,
        account: &Account,
        reference: &[u8],
        patterns: &[Bytes],
        options: &ListOptions,
    ) -> Status {
        let delimiter = self.shared.delimiter;
        let is_plain = *options == ListOptions::default() && patterns.len() == 1;
        if is_plain && patterns[0].is_empty() {
            // What the delimiter is, and nothing else.
            let root = MailboxName::from_wire(Bytes::new());
            let list = List::new(root, delimiter);
            self.say(Untagged::List(List { attributes: [MailboxAttribute::NoSelect].into(), ..list }));
            return done();
        }
        let recursive = options.select.contains(&ListSelect::RecursiveMatch);
        let narrows = |option: &ListSelect| matches!(option, ListSelect::Subscribed | ListSelect::SpecialUse);
        if recursive && !options.select.iter().any(narrows) {
            return bad("RECURSIVEMATCH needs something to match");
        }
        let patterns: Vec<Vec<u8>> = patterns.iter().map(|pattern| [reference, pattern].concat()).collect();
        let tree = Tree::of(&account.lock(), delimiter);
        // A level that is no mailbox is told of only to who asks level by level.
        let by_level = patterns.iter().any(|pattern| pattern.ends_with(b"%"));
        let all: BTreeSet<&Vec<u8>> =
            tree.existing.iter().chain(&tree.parents).chain(&tree.subscribed).collect();
        for name in all {
            if !patterns.iter().any(|pattern| self.matches(pattern, name)) {
                continue;
            }
            let exists = tree.existing.contains(name);
            let selected = if options.select.iter().any(narrows) {
                tree.is_selected(name, &options.select)
            } else {
                exists || by_level && tree.parents.contains(name)
            };
            let below = recursive && tree.is_selected_below(name, &options.select);
            if !selected && !below {
                continue;
            }
            let mut list = List::new(MailboxName::from_wire(name.clone()), delimiter);
            list.attributes = self.attributes(account, &tree, name, options, is_plain).into_iter().collect();
            if below {
                let names = options.select.iter().filter_map(|option| match option {
                    ListSelect::Subscribed => Some(Bytes::from_static(b"SUBSCRIBED")),
                    ListSelect::SpecialUse => Some(Bytes::from_static(b"SPECIAL-USE")),
                    _ => None,
                });
                list.extended.push(ListExtension::ChildInfo(names.collect()));
            }
            let mailbox = list.mailbox.clone();
            self.say(Untagged::List(list));
            if exists {
                self.tell_with_list(account, &mailbox, options);
            }
        }
        done()
    }

    /// What is said of a name.
    fn attributes(
        &self,
        account: &Account,
        tree: &Tree,
        name: &[u8],
        options: &ListOptions,
        is_plain: bool,
    ) -> Vec<MailboxAttribute> {
        let mut attributes = Vec::new();
        if !tree.existing.contains(name) {
            attributes.push(if is_plain {
                MailboxAttribute::NoSelect
            } else {
                MailboxAttribute::NonExistent
            });
        }
        if options.returns.contains(&ListReturn::Children) || self.shared.has("CHILDREN") {
            let has_children = tree.parents.contains(name);
            attributes.push(if has_children {
                MailboxAttribute::HasChildren
            } else {
                MailboxAttribute::HasNoChildren
            });
        }
        let tells_subscribed = options.returns.contains(&ListReturn::Subscribed)
            || options.select.contains(&ListSelect::Subscribed);
        if tells_subscribed && tree.subscribed.contains(name) {
            attributes.push(MailboxAttribute::Subscribed);
        }
        let asks_use = options.returns.contains(&ListReturn::SpecialUse)
            || options.select.contains(&ListSelect::SpecialUse);
        if asks_use || is_plain && self.shared.has("SPECIAL-USE") {
            let contents = account.lock();
            let uses =
                contents.find(name).map(|(_, mailbox)| mailbox.special_use.clone()).unwrap_or_default();
            attributes.extend(uses.into_iter().map(MailboxAttribute::new));
        }
        attributes
    }

    /// What comes with a mailbox's LIST (RFC 5819, RFC 8440, RFC 9590).
    fn tell_with_list(&mut self, account: &Account, mailbox: &MailboxName, options: &ListOptions) {
        for option in &options.returns {
            // What can't be told of one mailbox fails nothing else.
            match option {
                ListReturn::Status(items) => drop(self.status(account, mailbox, items)),
                ListReturn::MyRights => drop(self.my_rights(account, mailbox)),
                ListReturn::Metadata(entries) => {
                    self.get_metadata(account, mailbox, MetadataOptions::default(), entries);
                }
                _ => {}
            }
        }
    }

    /// The mailboxes that are subscribed to, and to who asks level by level those above them (RFC 3501 6.3.9).
    pub(super) fn lsub(&mut self, account: &Account, reference: &[u8], wanted: &[u8]) -> Status {
        let wanted = [reference, wanted].concat();
        let delimiter = self.shared.delimiter;
        let subscribed = account.lock().subscriptions.clone();
        let above: BTreeSet<Vec<u8>> =
            subscribed.iter().flat_map(|name| levels_above(name, delimiter)).map(<[u8]>::to_vec).collect();
        for name in subscribed.union(&above) {
            let is_subscribed = subscribed.contains(name);
            if !self.matches(&wanted, name) || !(is_subscribed || wanted.ends_with(b"%")) {
                continue;
            }
            let mut list = List::new(MailboxName::from_wire(name.clone()), delimiter);
            if !is_subscribed {
                list.attributes.insert(MailboxAttribute::NoSelect);
            }
            self.say(Untagged::Lsub(list));
        }
        done()
    }

    fn matches(&self, pattern: &[u8], name: &[u8]) -> bool {
        let delimiter = self.shared.delimiter;
        let shown = self.shown_name(&MailboxName::from_wire(name.to_vec()));
        pattern::matches(pattern, shown.as_bytes(), delimiter)
            || name == b"INBOX" && pattern::matches(&pattern.to_ascii_uppercase(), name, delimiter)
    }
}

/// `a` and `a/b` for `a/b/c`.
pub(super) fn levels_above(name: &[u8], delimiter: Option<u8>) -> impl Iterator<Item = &[u8]> {
    let ends = name.iter().enumerate().filter(move |(_, octet)| Some(**octet) == delimiter);
    ends.map(|(at, _)| &name[..at]).filter(|level| !level.is_empty())
}
