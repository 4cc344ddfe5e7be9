//! Connections that somebody holds: one's own, and the context's default.

use super::manager::SmtpManager;
use crate::client::connection_handles;

connection_handles! {
    SmtpManager,
    via: "[`SmtpClient::via`](super::SmtpClient::via)"
}
