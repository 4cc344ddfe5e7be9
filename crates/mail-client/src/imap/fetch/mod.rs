//! Fetching messages: what to ask for, in which portions, over how many connections, and the stream that comes of it.

mod lanes;
mod message;
mod stream;
mod windows;

use mail_proto::imap::fetch::FetchItem;

pub use self::{
    message::{Body, BodyReader, Message},
    stream::FetchStream,
};

/// What to fetch of each message. The UID always comes with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchItems {
    flags: bool,
    size: bool,
    internal_date: bool,
    body: bool,
}

impl FetchItems {
    /// Nothing but the UID.
    pub fn new() -> Self {
        Self::default()
    }

    /// And the flags.
    #[must_use]
    pub fn flags(mut self) -> Self {
        self.flags = true;
        self
    }

    /// And the size in bytes.
    #[must_use]
    pub fn size(mut self) -> Self {
        self.size = true;
        self
    }

    /// And the date at which the message came to the server.
    #[must_use]
    pub fn internal_date(mut self) -> Self {
        self.internal_date = true;
        self
    }

    /// And the whole message, without setting `\Seen`.
    #[must_use]
    pub fn body(mut self) -> Self {
        self.body = true;
        self
    }

    pub(super) fn has_body(&self) -> bool {
        self.body
    }

    /// The items in the order in which servers answer: the UID first, so that it is known before a body comes.
    pub(super) fn to_command(&self) -> Vec<FetchItem> {
        let mut items = vec![FetchItem::Uid];
        items.extend(self.flags.then_some(FetchItem::Flags));
        items.extend(self.size.then_some(FetchItem::Size));
        items.extend(self.internal_date.then_some(FetchItem::InternalDate));
        items.extend(self.body.then(FetchItem::message));
        items
    }
}
