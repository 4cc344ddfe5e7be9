//! What comes behind the beginning of content that was asked for in parts.

use std::fmt;

use mail_pool::Conn;
use mail_proto::imap::{
    client::Selection,
    fetch::{self, FetchItem},
};

use super::{
    FetchItems,
    body::{Body, BodyReader, Incoming},
    parts::Parts,
};
use crate::imap::{calls::Calls, manager::ImapManager};

/// How more of a message's content is asked for.
#[derive(Clone)]
pub(super) struct More {
    /// So much was asked for at first: where less came, there is no more.
    pub(super) first: u32,
    pub(super) calls: Calls,
    pub(super) connection: Conn<ImapManager>,
    pub(super) selection: Selection,
}

impl More {
    /// What comes behind the beginning of this content, of which this much has come.
    pub(super) fn parts(self, uid: u32, item: &FetchItem, origin: Option<u32>, len: u64) -> Option<Parts> {
        let is_part = item.part().is_none() && origin == Some(0) && len >= u64::from(self.first);
        is_part.then(|| Parts::new(self.calls, self.connection, self.selection, uid, item.clone()))
    }

    /// Content that lies in its response, and what comes behind it.
    pub(super) fn with_bytes(
        more: Option<Self>,
        uid: u32,
        items: &FetchItems,
        content: &fetch::Body<'_>,
    ) -> Body {
        let Some(bytes) = content.to_bytes() else { return Body::Gone };
        let len = bytes.len() as u64;
        let parts =
            more.and_then(|more| more.parts(uid, items.asking_for(content.name())?, content.origin(), len));
        match parts {
            Some(parts) => Body::Stream(BodyReader::new(Incoming::Ready(bytes), len, Some(parts))),
            None => Body::Bytes(bytes),
        }
    }
}

impl fmt::Debug for More {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("More").field("connection", &self.connection).finish_non_exhaustive()
    }
}
