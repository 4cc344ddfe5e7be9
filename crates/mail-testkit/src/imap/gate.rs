//! What a command needs the server to have: without it the server is one that never heard of it.

use mail_proto::imap::command::{Command, TaggedCommand};
use mail_proto::imap::fetch::{FetchItem, FetchModifiers};
use mail_proto::imap::{
    AppendForm, AppendMessage, ListOptions, ListReturn, ListSelect, SearchKey, SearchReturn, SequenceSet,
    SortBy, StatusItem, ThreadAlgorithm,
};

use crate::capabilities::imap::Offer;

/// The first capability that a command needs and the server doesn't have.
pub(super) fn lacks(offer: &Offer, parsed: &TaggedCommand) -> Option<&'static str> {
    let mut needs = Needs { offer, lacking: None };
    needs.command(&parsed.command);
    needs.lacking
}

/// Whether one of these messages needs what the server doesn't have.
pub(super) fn lacks_for_messages(offer: &Offer, messages: &[AppendMessage]) -> bool {
    let mut needs = Needs { offer, lacking: None };
    needs.messages(messages);
    needs.lacking.is_some()
}

struct Needs<'a> {
    offer: &'a Offer,
    lacking: Option<&'static str>,
}

impl Needs<'_> {
    fn one(&mut self, capability: &'static str) {
        self.either(&[capability]);
    }

    /// Any of these will do.
    fn either(&mut self, capabilities: &[&'static str]) {
        if self.lacking.is_none() && !capabilities.iter().any(|name| self.offer.has(name)) {
            self.lacking = capabilities.first().copied();
        }
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Id(_) => self.one("ID"),
            Command::Enable(_) => self.one("ENABLE"),
            Command::Unauthenticate => self.one("UNAUTHENTICATE"),
            Command::Compress => self.one("COMPRESS=DEFLATE"),
            Command::Notify(_) => self.one("NOTIFY"),
            Command::GetJmapAccess => self.one("JMAPACCESS"),
            Command::Select { options, .. } => {
                if options.condstore {
                    self.one("CONDSTORE");
                }
                if options.qresync.is_some() {
                    self.one("QRESYNC");
                }
            }
            Command::List { patterns, options, .. } => self.list(patterns.len(), options),
            Command::XList { .. } => self.one("XLIST"),
            Command::Status { items, .. } => items.iter().for_each(|item| self.status_item(*item)),
            Command::Create { special_use, .. } if !special_use.is_empty() => self.one("CREATE-SPECIAL-USE"),
            Command::Namespace => self.one("NAMESPACE"),
            Command::Idle => self.one("IDLE"),
            Command::Append { messages, .. } => self.messages(messages),
            Command::Replace { message, .. } => {
                self.one("REPLACE");
                self.messages(std::slice::from_ref(message));
            }
            Command::Unselect => self.one("UNSELECT"),
            Command::UidExpunge(set) => {
                self.one("UIDPLUS");
                self.set(set);
            }
            Command::Search { returns, key, .. } => {
                self.returns(returns.as_deref(), "ESEARCH");
                self.key(key);
            }
            Command::MultiSearch(multi) => {
                self.one("MULTISEARCH");
                self.returns(multi.returns.as_deref(), "MULTISEARCH");
                self.key(&multi.key);
            }
            Command::Sort { returns, order, key, .. } => {
                self.one("SORT");
                self.returns(returns.as_deref(), "ESORT");
                if order.iter().any(|order| matches!(order.by, SortBy::DisplayFrom | SortBy::DisplayTo)) {
                    self.one("SORT=DISPLAY");
                }
                self.key(key);
            }
            Command::Thread { algorithm, key, .. } => {
                self.one(match algorithm {
                    ThreadAlgorithm::OrderedSubject => "THREAD=ORDEREDSUBJECT",
                    ThreadAlgorithm::References => "THREAD=REFERENCES",
                    ThreadAlgorithm::Refs => "THREAD=REFS",
                    _ => "THREAD",
                });
                self.key(key);
            }
            Command::CancelUpdate(_) => self.either(&["CONTEXT=SEARCH", "CONTEXT=SORT"]),
            Command::UidBatches(_) => self.one("UIDBATCHES"),
            Command::Fetch { set, items, modifiers, .. } => {
                self.set(set);
                items.iter().for_each(|item| self.fetch_item(item));
                self.modifiers(modifiers);
            }
            Command::Store { set, unchanged_since, .. } => {
                self.set(set);
                if unchanged_since.is_some() {
                    self.one("CONDSTORE");
                }
            }
            Command::Copy { set, .. } => self.set(set),
            Command::Move { set, .. } => {
                self.one("MOVE");
                self.set(set);
            }
            Command::GetQuota(_) | Command::GetQuotaRoot(_) => self.one("QUOTA"),
            Command::SetQuota { .. } => self.one("QUOTASET"),
            Command::SetAcl { .. }
            | Command::DeleteAcl { .. }
            | Command::GetAcl(_)
            | Command::ListRights { .. }
            | Command::MyRights(_) => self.one("ACL"),
            Command::GetMetadata { mailbox, .. } | Command::SetMetadata { mailbox, .. } => {
                let with_mailboxes = !mailbox.as_bytes().is_empty();
                self.either(if with_mailboxes { &["METADATA"] } else { &["METADATA", "METADATA-SERVER"] });
            }
            _ => {}
        }
    }

    fn list(&mut self, patterns: usize, options: &ListOptions) {
        if patterns != 1 {
            self.one("LIST-EXTENDED");
        }
        for option in &options.select {
            self.one(match option {
                ListSelect::SpecialUse => "SPECIAL-USE",
                _ => "LIST-EXTENDED",
            });
        }
        for option in &options.returns {
            self.one(match option {
                ListReturn::SpecialUse => "SPECIAL-USE",
                ListReturn::MyRights => "LIST-MYRIGHTS",
                ListReturn::Status(_) => "LIST-STATUS",
                ListReturn::Metadata(_) => "LIST-METADATA",
                _ => "LIST-EXTENDED",
            });
            if let ListReturn::Status(items) = option {
                items.iter().for_each(|item| self.status_item(*item));
            }
        }
    }

    fn status_item(&mut self, item: StatusItem) {
        match item {
            StatusItem::Deleted => self.either(&["IMAP4rev2", "QUOTA=RES-MESSAGE"]),
            StatusItem::Size => self.one("STATUS=SIZE"),
            StatusItem::HighestModSeq => self.one("CONDSTORE"),
            StatusItem::MailboxId => self.one("OBJECTID"),
            StatusItem::AppendLimit => self.one("APPENDLIMIT"),
            StatusItem::DeletedStorage => self.one("QUOTA=RES-STORAGE"),
            _ => {}
        }
    }

    fn messages(&mut self, messages: &[AppendMessage]) {
        if messages.len() > 1 {
            self.one("MULTIAPPEND");
        }
        for message in messages {
            match message.form {
                AppendForm::Text => {}
                AppendForm::Binary => self.one("BINARY"),
                AppendForm::Utf8 => self.one("UTF8=ACCEPT"),
                AppendForm::Catenate => self.one("CATENATE"),
            }
        }
    }

    fn returns(&mut self, returns: Option<&[SearchReturn]>, command: &'static str) {
        let Some(returns) = returns else { return };
        self.one(command);
        for option in returns {
            match option {
                SearchReturn::Save => self.one("SEARCHRES"),
                SearchReturn::Partial(_) => self.either(&["PARTIAL", "CONTEXT=SEARCH"]),
                SearchReturn::Update | SearchReturn::Context => self.one("CONTEXT=SEARCH"),
                SearchReturn::Relevancy => self.one("SEARCH=FUZZY"),
                _ => {}
            }
        }
    }

    fn set(&mut self, set: &SequenceSet) {
        if set.is_saved() {
            self.one("SEARCHRES");
        }
    }

    fn key(&mut self, key: &SearchKey) {
        match key {
            SearchKey::Sequence(set) | SearchKey::Uid(set) => self.set(set),
            SearchKey::Older(_) | SearchKey::Younger(_) => self.one("WITHIN"),
            SearchKey::ModSeq { .. } => self.one("CONDSTORE"),
            SearchKey::SavedBefore(_)
            | SearchKey::SavedOn(_)
            | SearchKey::SavedSince(_)
            | SearchKey::SaveDateSupported => self.one("SAVEDATE"),
            SearchKey::EmailId(_) | SearchKey::ThreadId(_) => self.one("OBJECTID"),
            SearchKey::Filter(_) => self.one("FILTERS"),
            SearchKey::Fuzzy(key) => {
                self.one("SEARCH=FUZZY");
                self.key(key);
            }
            SearchKey::GmailRaw(_)
            | SearchKey::GmailMessageId(_)
            | SearchKey::GmailThreadId(_)
            | SearchKey::GmailLabel(_) => self.one("X-GM-EXT-1"),
            SearchKey::Or(keys) => {
                self.key(&keys.0);
                self.key(&keys.1);
            }
            SearchKey::Not(key) => self.key(key),
            SearchKey::And(keys) => keys.iter().for_each(|key| self.key(key)),
            _ => {}
        }
    }

    fn fetch_item(&mut self, item: &FetchItem) {
        match item {
            FetchItem::ModSeq => self.one("CONDSTORE"),
            FetchItem::EmailId | FetchItem::ThreadId => self.one("OBJECTID"),
            FetchItem::Preview { .. } => self.one("PREVIEW"),
            FetchItem::SaveDate => self.one("SAVEDATE"),
            FetchItem::GmailMessageId | FetchItem::GmailThreadId | FetchItem::GmailLabels => {
                self.one("X-GM-EXT-1");
            }
            FetchItem::Binary { .. } | FetchItem::BinarySize { .. } => self.one("BINARY"),
            _ => {}
        }
    }

    fn modifiers(&mut self, modifiers: &FetchModifiers) {
        if modifiers.changed_since.is_some() {
            self.one("CONDSTORE");
        }
        if modifiers.vanished {
            self.one("QRESYNC");
        }
        if modifiers.partial.is_some() {
            self.one("PARTIAL");
        }
    }
}
