//! A message that was fetched.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use mail_pool::Conn;
use mail_proto::imap::{
    BodyStructure, DateTime, Envelope, Flag,
    client::Selection,
    fetch::{Fetch, FetchItem, Flags, Item, Section},
};

use super::{
    FetchItems,
    body::{Body, BodyReader, Incoming},
    parts::Parts,
    sections::Sections,
};
use crate::{
    error::{Cause, Error},
    imap::{
        calls::Calls,
        connection::{Following, Told},
        manager::ImapManager,
    },
};

/// A message, with what was asked for of it.
#[derive(Debug)]
pub struct Message {
    pub(super) uid: u32,
    pub(super) told: Told,
    pub(super) items: Arc<FetchItems>,
    /// Where content was asked for in parts: how to ask for more.
    pub(super) more: Option<More>,
}

/// How more of a message's content is asked for.
#[derive(Clone)]
pub(super) struct More {
    /// So much was asked for at first: where less came, there is no more.
    pub(super) first: u32,
    pub(super) calls: Calls,
    pub(super) connection: Conn<ImapManager>,
    pub(super) selection: Selection,
}

impl Message {
    pub(super) fn new(uid: u32, told: Told, items: Arc<FetchItems>, more: Option<More>) -> Self {
        Self { uid, told, items, more }
    }

    /// Its UID.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Its flags, if they were asked for.
    pub fn flags(&self) -> Option<Flags<'_>> {
        self.data().flags()
    }

    /// Whether it has this flag; `false` if flags weren't asked for.
    pub fn has_flag(&self, flag: &Flag) -> bool {
        self.flags().is_some_and(|flags| flags.contains(flag))
    }

    /// Its size in bytes, if it was asked for.
    pub fn size(&self) -> Option<u64> {
        self.data().size()
    }

    /// When it came to the server, if that was asked for and can be read.
    pub fn internal_date(&self) -> Option<DateTime> {
        self.data().internal_date()?.parse()
    }

    /// Its mod-sequence, if it was asked for (RFC 7162).
    pub fn mod_seq(&self) -> Option<u64> {
        self.data().mod_seq()
    }

    /// Its envelope, if it was asked for and can be read.
    pub fn envelope(&self) -> Option<Envelope<'_>> {
        self.data().envelope()
    }

    /// Its structure, if it was asked for and can be read.
    pub fn body_structure(&self) -> Option<BodyStructure<'_>> {
        self.data().body_structure()
    }

    /// All that the server told of it at once: everything but content of more than 64 KiB, and what it told behind such
    /// content. [`Sections`] gives that too. What can't be read is among it, as
    /// [`Item::Invalid`].
    pub fn data(&self) -> &Fetch {
        &self.told.fetch
    }

    /// Its body, or if that wasn't asked for, the first section that was. Small ones are there at once; large ones are
    /// read as they come, and hold up the messages behind them on the same connection until they are read or dropped.
    pub fn into_body(self) -> Body {
        let Self { uid, told: Told { fetch, following }, items, more } = self;
        let whole = FetchItem::message();
        let is_wanted = |name: &[u8]| if items.has_body() { whole.is_answered_by(name) } else { true };
        if let (Some(Following { chunks, .. }), Some(streamed)) = (following, fetch.streamed())
            && items.asking_for(streamed.name).is_some()
            && is_wanted(streamed.name)
        {
            let parts = more.and_then(|more| {
                more.parts(uid, items.asking_for(streamed.name)?, streamed.origin, streamed.len)
            });
            return Body::Stream(BodyReader::new(Incoming::Chunks(chunks), streamed.len, parts));
        }
        let bodies = fetch.items().filter_map(|item| match item {
            Item::Body(body) => Some(body),
            _ => None,
        });
        let mut wanted = bodies.filter(|body| is_wanted(body.name()));
        match wanted.next() {
            Some(body) => More::with_bytes(more, uid, &items, &body),
            // It was asked for and something came in its place, which doesn't say that the message is gone.
            None if items.has_content() => Body::Unreadable(Error::new(Cause::Unreadable)),
            None => Body::Gone,
        }
    }

    /// The content of this section, if it was asked for and is small enough to have come at once; `None` as well for one
    /// of more than 64 KiB, which only [`into_sections`](Self::into_sections) gives.
    pub fn section(&self, section: &Section) -> Option<Bytes> {
        let wanted = FetchItem::Body { section: section.clone(), peek: true, partial: None };
        self.data().items().find_map(|item| match item {
            Item::Body(body) if wanted.is_answered_by(body.name()) => body.to_bytes(),
            _ => None,
        })
    }

    /// All content that was asked for, one section after the other.
    pub fn into_sections(self) -> Sections {
        Sections::new(self)
    }
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
        content: &mail_proto::imap::fetch::Body<'_>,
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
