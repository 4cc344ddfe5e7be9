//! Connections that somebody holds: one's own, and the context's default.

use super::manager::ImapManager;
use crate::client::connection_handles;

connection_handles! {
    ImapManager,
    via: "[`ImapClient::via`](super::ImapClient::via) or [`Mailbox::via`](super::Mailbox::via)"
}
