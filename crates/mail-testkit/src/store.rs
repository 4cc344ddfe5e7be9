//! What the server holds: accounts with their mailboxes, in memory.

mod account;
mod flags;
mod mailbox;
mod maildrop_lock;
mod message;
mod quota;
mod rights;

pub use account::{Account, StoreError};
pub(crate) use account::{Contents, MailboxId};
pub use flags::Flags;
pub(crate) use mailbox::{Entry, Mailbox};
pub(crate) use maildrop_lock::{MaildropAccess, MaildropLock, NotOpened};
pub(crate) use message::Ids;
pub use message::{Message, StoredMessage};
pub(crate) use quota::Quota;
pub(crate) use rights::{ALL_RIGHTS, Acl, in_order};
