//! The content of a message, section by section, whatever is large among it.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use mail_proto::imap::fetch::{Fetch, Item};

use super::{
    FetchItems,
    body::{Body, BodyReader, Incoming},
    more::More,
};
use crate::{
    error::{Cause, Error, Result},
    imap::connection::{Following, Told},
};

/// The content that was asked for of a message, in the order in which the server sends it. See
/// [`Message::into_sections`](super::Message::into_sections).
#[derive(Debug)]
pub struct Sections {
    uid: u32,
    items: Arc<FetchItems>,
    more: Option<More>,
    told: Vec<Fetch>,
    ready: VecDeque<SectionContent>,
    following: Option<Following>,
}

/// A section of a message.
#[derive(Debug)]
pub struct SectionContent {
    /// Its name as the server tells it, as `BODY[HEADER]` or `BINARY[1.2]`.
    pub name: Bytes,
    /// The offset of its first byte, if only a part of it was asked for.
    pub origin: Option<u32>,
    /// The content.
    pub body: Body,
}

impl Sections {
    pub(super) fn new(uid: u32, told: Told, items: Arc<FetchItems>, more: Option<More>) -> Self {
        let mut sections =
            Self { uid, items, more, told: Vec::new(), ready: VecDeque::new(), following: None };
        sections.learn(told);
        sections
    }

    /// The next section; `None` behind the last. One that comes in pieces is to be read or dropped before the next is
    /// asked for: it stands in its way.
    ///
    /// # Errors
    /// The connection was lost before all sections had come.
    pub async fn next(&mut self) -> Result<Option<SectionContent>> {
        loop {
            if let Some(section) = self.ready.pop_front() {
                return Ok(Some(section));
            }
            let Some(Following { behind, .. }) = self.following.take() else { return Ok(None) };
            let told = behind.await.map_err(|_| Error::new(Cause::Unreadable))??;
            self.learn(told);
        }
    }

    /// What the server has told of the message so far, in one piece for each piece of large content and one more.
    pub fn data(&self) -> impl Iterator<Item = &Fetch> {
        self.told.iter()
    }

    fn learn(&mut self, Told { fetch, following }: Told) {
        for item in fetch.items() {
            if let Item::Body(body) = item {
                self.ready.push_back(SectionContent {
                    name: Bytes::copy_from_slice(body.name()),
                    origin: self.origin(body.name(), body.origin()),
                    body: More::with_bytes(self.more.clone(), self.uid, &self.items, &body),
                });
            }
        }
        self.following = following.map(|Following { chunks, behind }| {
            let chunks = match fetch.streamed().filter(|streamed| streamed.section.is_some()) {
                None => chunks,
                Some(streamed) => {
                    let origin = self.origin(streamed.name, streamed.origin);
                    let parts = self.more.clone().and_then(|more| {
                        let item = self.items.asking_for(streamed.name)?;
                        more.parts(self.uid, item, streamed.origin, streamed.len)
                    });
                    self.ready.push_back(SectionContent {
                        name: Bytes::copy_from_slice(streamed.name),
                        origin,
                        body: Body::Stream(BodyReader::new(Incoming::Chunks(chunks), streamed.len, parts)),
                    });
                    tokio::sync::mpsc::unbounded_channel().1
                }
            };
            Following { chunks, behind }
        });
        self.told.push(fetch);
    }

    /// The offset that was asked for: a first part that was asked for unasked is the beginning of the whole.
    fn origin(&self, name: &[u8], origin: Option<u32>) -> Option<u32> {
        match self.items.asking_for(name) {
            Some(item) if item.part().is_none() && origin == Some(0) => None,
            _ => origin,
        }
    }
}
