//! Commands: everything a client sends (RFC 9051 section 6).

mod read;
mod write;

use std::fmt;

use bytes::Bytes;

pub use self::read::tag_of;
use super::{
    acl::RightsChange,
    append::AppendMessage,
    capability::Capabilities,
    fetch::{FetchItem, FetchModifiers},
    flags::Flag,
    list_command::ListOptions,
    mailbox::MailboxName,
    mailbox_attribute::MailboxAttribute,
    mailbox_status::StatusItem,
    metadata::MetadataOptions,
    multi_search::MultiSearch,
    notify::Notify,
    search::SearchReturn,
    search_key::SearchKey,
    select::SelectOptions,
    sequence_set::SequenceSet,
    sort::SortKey,
    thread::ThreadAlgorithm,
    uid_batches::UidBatchesQuery,
};
use crate::secret::Secret;

/// A command, without its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// What can the server do?
    Capability,
    /// Nothing, and news if there are any.
    Noop,
    /// The end of the connection.
    Logout,
    /// TLS from here on.
    StartTls,
    /// A name and a password in the clear.
    Login {
        /// The user's name.
        user: Bytes,
        /// The password.
        password: Secret,
    },
    /// A SASL exchange.
    Authenticate {
        /// The mechanism's name.
        mechanism: Bytes,
        /// The initial response (`SASL-IR`, RFC 4959), before base64.
        initial: Option<Secret>,
    },
    /// Which software this is, and which are you (RFC 2971)? An empty list is sent as NIL.
    Id(Vec<(Bytes, Option<Bytes>)>),
    /// Extensions that have to be switched on (RFC 5161).
    Enable(Capabilities),
    /// The login undone, and with it all that ENABLE switched on (RFC 8437).
    Unauthenticate,
    /// Compression from here on, by DEFLATE (RFC 4978).
    Compress,
    /// What is to be told unasked (RFC 5465).
    Notify(Notify),
    /// The URL of the JMAP session of this account (RFC 9698).
    GetJmapAccess,
    /// SELECT, or EXAMINE.
    Select {
        /// Which mailbox.
        mailbox: MailboxName,
        /// EXAMINE: nothing in the mailbox can be changed.
        read_only: bool,
        /// What else the selection is to bring (RFC 7162).
        options: SelectOptions,
    },
    /// Which mailboxes are there?
    List {
        /// What the patterns are relative to, in modified UTF-7 as names are.
        reference: Bytes,
        /// The patterns, in modified UTF-7, one unless the server has LIST-EXTENDED: `*` stands for anything, `%` for anything but the
        /// delimiter.
        patterns: Vec<Bytes>,
        /// Which of them, and what of them (RFC 5258).
        options: ListOptions,
    },
    /// Which mailboxes are subscribed to (RFC 3501)?
    Lsub {
        /// What the pattern is relative to.
        reference: Bytes,
        /// The pattern.
        pattern: Bytes,
    },
    /// Which mailboxes are there, and what are they for (Gmail, before RFC 6154)?
    XList {
        /// What the pattern is relative to.
        reference: Bytes,
        /// The pattern.
        pattern: Bytes,
    },
    /// Numbers of a mailbox.
    Status {
        /// Which mailbox.
        mailbox: MailboxName,
        /// Which numbers.
        items: Vec<StatusItem>,
    },
    /// A new mailbox.
    Create {
        /// Its name.
        mailbox: MailboxName,
        /// What it is for (`CREATE-SPECIAL-USE`, RFC 6154).
        special_use: Vec<MailboxAttribute>,
    },
    /// A mailbox less.
    Delete(MailboxName),
    /// Another name for a mailbox.
    Rename {
        /// The name so far.
        from: MailboxName,
        /// The name from now on.
        to: MailboxName,
    },
    /// A mailbox on the list of those the user wants to see.
    Subscribe(MailboxName),
    /// A mailbox off that list.
    Unsubscribe(MailboxName),
    /// Which namespaces are there (RFC 2342)?
    Namespace,
    /// News as it comes (RFC 2177), until [`Command::IDLE_DONE`].
    Idle,
    /// Messages into a mailbox. Their bytes follow: each literal is announced and comes from elsewhere.
    Append {
        /// Which mailbox.
        mailbox: MailboxName,
        /// The messages, of which there is one unless the server has MULTIAPPEND (RFC 3502): then all are stored or
        /// none is.
        messages: Vec<AppendMessage>,
    },
    /// A message into a mailbox, and another out of the selected one (RFC 8508).
    Replace {
        /// Whether the number is a UID.
        uid: bool,
        /// The message that goes.
        number: u32,
        /// Which mailbox.
        mailbox: MailboxName,
        /// The message that comes.
        message: AppendMessage,
    },
    /// The server's housekeeping for the selected mailbox (RFC 3501).
    Check,
    /// The selected mailbox is put away, and messages with `\Deleted` are removed.
    Close,
    /// The selected mailbox is put away (RFC 3691).
    Unselect,
    /// Messages with `\Deleted` are removed.
    Expunge,
    /// Of these messages, those with `\Deleted` are removed (RFC 4315).
    UidExpunge(SequenceSet),
    /// Which messages match?
    Search {
        /// Whether UIDs are asked for.
        uid: bool,
        /// What is to be told, in an ESEARCH response; in a SEARCH response if it isn't said (RFC 4731).
        returns: Option<Vec<SearchReturn>>,
        /// The condition.
        key: SearchKey,
    },
    /// Which messages of several mailboxes match (RFC 7377)?
    MultiSearch(MultiSearch),
    /// Which messages match, in this order (RFC 5256)?
    Sort {
        /// Whether UIDs are asked for.
        uid: bool,
        /// What is to be told, in an ESEARCH response; in a SORT response if it isn't said (RFC 5267).
        returns: Option<Vec<SearchReturn>>,
        /// The order: by the first, among equals by the second, and so on.
        order: Vec<SortKey>,
        /// The condition.
        key: SearchKey,
    },
    /// Which messages match, and which of them answers which (RFC 5256)?
    Thread {
        /// Whether UIDs are asked for.
        uid: bool,
        /// How threads are found.
        algorithm: ThreadAlgorithm,
        /// The condition.
        key: SearchKey,
    },
    /// No further news of the searches with these tags (RFC 5267).
    CancelUpdate(Vec<Bytes>),
    /// The selected mailbox' UIDs in batches.
    UidBatches(UidBatchesQuery),
    /// Tell of messages.
    Fetch {
        /// Whether the set is one of UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// What of them.
        items: Vec<FetchItem>,
        /// What limits it.
        modifiers: FetchModifiers,
    },
    /// Flags for messages.
    Store {
        /// Whether the set is one of UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// What to do with the flags.
        action: StoreAction,
        /// Whether the server need not tell the flags that result.
        silent: bool,
        /// Which flags.
        flags: Vec<Flag>,
        /// Messages with a higher mod-sequence than this are left alone (RFC 7162).
        unchanged_since: Option<u64>,
    },
    /// Gmail's labels for messages (`X-GM-EXT-1`).
    StoreLabels {
        /// Whether the set is one of UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// What to do with the labels.
        action: StoreAction,
        /// Whether the server need not tell the labels that result.
        silent: bool,
        /// Which labels, in modified UTF-7 unless UTF-8 is switched on; Gmail's own begin with a backslash.
        labels: Vec<Bytes>,
        /// Messages with a higher mod-sequence than this are left alone (RFC 7162).
        unchanged_since: Option<u64>,
    },
    /// Messages into another mailbox.
    Copy {
        /// Whether the set is one of UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// Into which mailbox.
        mailbox: MailboxName,
    },
    /// Messages into another mailbox, and out of this one (RFC 6851).
    Move {
        /// Whether the set is one of UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// Into which mailbox.
        mailbox: MailboxName,
    },
    /// The limits of a quota root (RFC 9208).
    GetQuota(Bytes),
    /// The quota roots of a mailbox, and their limits (RFC 9208).
    GetQuotaRoot(MailboxName),
    /// Other limits for a quota root (RFC 9208).
    SetQuota {
        /// The quota root.
        root: Bytes,
        /// Names of resources, and their limits.
        limits: Vec<(Bytes, u64)>,
    },
    /// Other rights for somebody in a mailbox (RFC 4314).
    SetAcl {
        /// The mailbox.
        mailbox: MailboxName,
        /// Who.
        identifier: Bytes,
        /// Which rights.
        change: RightsChange,
    },
    /// No rights of their own for somebody in a mailbox (RFC 4314).
    DeleteAcl {
        /// The mailbox.
        mailbox: MailboxName,
        /// Who.
        identifier: Bytes,
    },
    /// Who may do what in a mailbox (RFC 4314)?
    GetAcl(MailboxName),
    /// Which rights can somebody be given in a mailbox (RFC 4314)?
    ListRights {
        /// The mailbox.
        mailbox: MailboxName,
        /// Who.
        identifier: Bytes,
    },
    /// What may the user do in a mailbox (RFC 4314)?
    MyRights(MailboxName),
    /// Values kept with a mailbox, or with the server if the name is empty (RFC 5464).
    GetMetadata {
        /// The mailbox.
        mailbox: MailboxName,
        /// Which values, further.
        options: MetadataOptions,
        /// The names of the values.
        entries: Vec<Bytes>,
    },
    /// Other values with a mailbox, or with the server if the name is empty (RFC 5464).
    SetMetadata {
        /// The mailbox.
        mailbox: MailboxName,
        /// Names and values; `None` to have none.
        entries: Vec<(Bytes, Option<Bytes>)>,
    },
}

/// What STORE does with the flags or labels it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreAction {
    /// Adds them.
    Add,
    /// Removes them.
    Remove,
    /// Sets just these.
    Replace,
}

/// A command with its tag, as a server reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedCommand {
    /// The tag.
    pub tag: Bytes,
    /// The command.
    pub command: Command,
    /// The messages of an APPEND or a REPLACE that lie in the frame, in order. One that is streamed is the last.
    pub uploads: Vec<Bytes>,
}

/// Commands as they are mostly wanted, without extensions.
impl Command {
    /// The line that ends IDLE.
    pub const IDLE_DONE: &'static [u8] = b"DONE\r\n";

    /// SELECT: the mailbox to read and to change.
    pub fn select(mailbox: impl Into<MailboxName>) -> Self {
        Self::Select { mailbox: mailbox.into(), read_only: false, options: SelectOptions::default() }
    }

    /// EXAMINE: the mailbox to read only.
    pub fn examine(mailbox: impl Into<MailboxName>) -> Self {
        Self::Select { mailbox: mailbox.into(), read_only: true, options: SelectOptions::default() }
    }

    /// LIST: the mailboxes whose names match.
    pub fn list(reference: impl Into<Bytes>, pattern: impl Into<Bytes>) -> Self {
        let (reference, patterns) = (reference.into(), vec![pattern.into()]);
        Self::List { reference, patterns, options: ListOptions::default() }
    }

    /// CREATE: a mailbox of no special use.
    pub fn create(mailbox: impl Into<MailboxName>) -> Self {
        Self::Create { mailbox: mailbox.into(), special_use: Vec::new() }
    }

    /// APPEND: one message.
    pub fn append(mailbox: impl Into<MailboxName>, message: AppendMessage) -> Self {
        Self::Append { mailbox: mailbox.into(), messages: vec![message] }
    }

    /// SEARCH, for sequence numbers.
    pub fn search(key: SearchKey) -> Self {
        Self::Search { uid: false, returns: None, key }
    }

    /// UID SEARCH, for UIDs.
    pub fn uid_search(key: SearchKey) -> Self {
        Self::Search { uid: true, returns: None, key }
    }

    /// UID FETCH: these items of messages.
    pub fn uid_fetch(set: impl Into<SequenceSet>, items: impl Into<Vec<FetchItem>>) -> Self {
        let (set, items) = (set.into(), items.into());
        Self::Fetch { uid: true, set, items, modifiers: FetchModifiers::default() }
    }

    /// UID STORE: these flags for messages, whatever their mod-sequence, the flags that result being told.
    pub fn uid_store(set: impl Into<SequenceSet>, action: StoreAction, flags: impl Into<Vec<Flag>>) -> Self {
        let (set, flags) = (set.into(), flags.into());
        Self::Store { uid: true, set, action, silent: false, flags, unchanged_since: None }
    }
}

/// The mailbox of a command, borrowed as the command is.
macro_rules! mailbox_of {
    ($command:expr) => {
        match $command {
            Self::Select { mailbox, .. }
            | Self::Status { mailbox, .. }
            | Self::Create { mailbox, .. }
            | Self::Delete(mailbox)
            | Self::Rename { from: mailbox, .. }
            | Self::Subscribe(mailbox)
            | Self::Unsubscribe(mailbox)
            | Self::Append { mailbox, .. }
            | Self::Copy { mailbox, .. }
            | Self::Move { mailbox, .. }
            | Self::Replace { mailbox, .. }
            | Self::GetQuotaRoot(mailbox)
            | Self::SetAcl { mailbox, .. }
            | Self::DeleteAcl { mailbox, .. }
            | Self::GetAcl(mailbox)
            | Self::ListRights { mailbox, .. }
            | Self::MyRights(mailbox)
            | Self::GetMetadata { mailbox, .. }
            | Self::SetMetadata { mailbox, .. } => Some(mailbox),
            _ => None,
        }
    };
}

impl Command {
    /// The command's name, `UID` included.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Capability => "CAPABILITY",
            Self::Noop => "NOOP",
            Self::Logout => "LOGOUT",
            Self::StartTls => "STARTTLS",
            Self::Login { .. } => "LOGIN",
            Self::Authenticate { .. } => "AUTHENTICATE",
            Self::Id(_) => "ID",
            Self::Enable(_) => "ENABLE",
            Self::Unauthenticate => "UNAUTHENTICATE",
            Self::Compress => "COMPRESS",
            Self::Notify(_) => "NOTIFY",
            Self::GetJmapAccess => "GETJMAPACCESS",
            Self::Select { read_only: false, .. } => "SELECT",
            Self::Select { read_only: true, .. } => "EXAMINE",
            Self::List { .. } => "LIST",
            Self::Lsub { .. } => "LSUB",
            Self::XList { .. } => "XLIST",
            Self::Status { .. } => "STATUS",
            Self::Create { .. } => "CREATE",
            Self::Delete(_) => "DELETE",
            Self::Rename { .. } => "RENAME",
            Self::Subscribe(_) => "SUBSCRIBE",
            Self::Unsubscribe(_) => "UNSUBSCRIBE",
            Self::Namespace => "NAMESPACE",
            Self::Idle => "IDLE",
            Self::Append { .. } => "APPEND",
            Self::Replace { uid: true, .. } => "UID REPLACE",
            Self::Replace { uid: false, .. } => "REPLACE",
            Self::Check => "CHECK",
            Self::Close => "CLOSE",
            Self::Unselect => "UNSELECT",
            Self::Expunge => "EXPUNGE",
            Self::UidExpunge(_) => "UID EXPUNGE",
            Self::Search { uid: true, .. } => "UID SEARCH",
            Self::Search { uid: false, .. } => "SEARCH",
            Self::MultiSearch(_) => "ESEARCH",
            Self::Sort { uid: true, .. } => "UID SORT",
            Self::Sort { uid: false, .. } => "SORT",
            Self::Thread { uid: true, .. } => "UID THREAD",
            Self::Thread { uid: false, .. } => "THREAD",
            Self::CancelUpdate(_) => "CANCELUPDATE",
            Self::UidBatches(_) => "UIDBATCHES",
            Self::Fetch { uid: true, .. } => "UID FETCH",
            Self::Fetch { uid: false, .. } => "FETCH",
            Self::Store { uid: true, .. } | Self::StoreLabels { uid: true, .. } => "UID STORE",
            Self::Store { uid: false, .. } | Self::StoreLabels { uid: false, .. } => "STORE",
            Self::Copy { uid: true, .. } => "UID COPY",
            Self::Copy { uid: false, .. } => "COPY",
            Self::Move { uid: true, .. } => "UID MOVE",
            Self::Move { uid: false, .. } => "MOVE",
            Self::GetQuota(_) => "GETQUOTA",
            Self::GetQuotaRoot(_) => "GETQUOTAROOT",
            Self::SetQuota { .. } => "SETQUOTA",
            Self::SetAcl { .. } => "SETACL",
            Self::DeleteAcl { .. } => "DELETEACL",
            Self::GetAcl(_) => "GETACL",
            Self::ListRights { .. } => "LISTRIGHTS",
            Self::MyRights(_) => "MYRIGHTS",
            Self::GetMetadata { .. } => "GETMETADATA",
            Self::SetMetadata { .. } => "SETMETADATA",
        }
    }

    /// The mailbox that the command names, if it names one.
    pub fn mailbox(&self) -> Option<&MailboxName> {
        mailbox_of!(self)
    }

    pub(crate) fn mailbox_mut(&mut self) -> Option<&mut MailboxName> {
        mailbox_of!(self)
    }
}

/// The command's name and mailbox, for logs and errors: no argument that may be a secret.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self.mailbox() {
            Some(mailbox) => write!(f, " \"{}\"", mailbox.as_bytes().escape_ascii()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
