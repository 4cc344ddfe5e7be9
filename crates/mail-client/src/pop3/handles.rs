//! Connections that somebody holds: one's own, and the context's default.

use super::manager::Pop3Manager;
use crate::client::connection_handles;

connection_handles! { Pop3Manager, via: "[`Pop3Client::via`](super::Pop3Client::via)" }
