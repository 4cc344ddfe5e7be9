//! A message that was fetched.

use std::sync::Arc;

use bytes::Bytes;
use mail_proto::imap::{
    BodyStructure, DateTime, Envelope, Flag,
    fetch::{Fetch, FetchItem, Flags, Item, Section},
};

use super::{
    FetchItems,
    body::{Body, BodyReader, Incoming},
    more::More,
    sections::Sections,
};
use crate::{
    error::{Cause, Error},
    imap::connection::{Following, Told},
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
        Sections::new(self.uid, self.told, self.items, self.more)
    }
}
