//! Where the answer to a command goes.

use std::sync::Arc;

use bytes::Bytes;
use mail_proto::{
    ParseError,
    pop3::client::{Completion, Item},
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    error::{Cause, Error, Result},
    link::{Credit, Flow},
};

/// How many bytes of a listing are gathered at most.
const GATHERED: usize = 128 << 20;

pub(super) enum Sink {
    /// Gathered, for one caller.
    Gather { answer: Box<Gathered>, len: usize, done: oneshot::Sender<Result<Answer>> },
    /// A message as it comes.
    Content(mpsc::UnboundedSender<Content>),
}

/// What came of an answer so far.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) items: Vec<Item>,
    /// The first line that couldn't be read. The listing isn't complete without it.
    pub(crate) unreadable: Option<ParseError>,
}

/// The answer to a command that went well.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) completion: Completion,
    pub(crate) told: Gathered,
}

/// What the reader of a message is told.
#[derive(Debug)]
pub(crate) enum Content {
    Chunk { bytes: Bytes, credit: Credit },
    End(Result<()>),
}

impl Sink {
    pub(super) fn gather(done: oneshot::Sender<Result<Answer>>) -> Self {
        Self::Gather { answer: Box::default(), len: 0, done }
    }

    /// Whether anybody still waits.
    pub(super) fn is_wanted(&self) -> bool {
        match self {
            Self::Gather { done, .. } => !done.is_closed(),
            Self::Content(content) => !content.is_closed(),
        }
    }

    /// Whether the caller reads at its own pace, so that what it doesn't read holds up the connection.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self, Self::Content(_))
    }

    /// Takes in a line of a listing.
    ///
    /// # Errors
    /// There are more than are gathered: the server would go on for ever.
    pub(super) fn item(&mut self, item: Item) -> Result<()> {
        if let Self::Gather { answer, len, .. } = self {
            *len += size_of::<Item>()
                + match &item {
                    Item::UniqueId(id) => id.uid.len(),
                    Item::Text(text) => text.len(),
                    _ => 0,
                };
            if *len > GATHERED {
                return Err(Error::new(Cause::TooMuch { limit: GATHERED }));
            }
            answer.items.push(item);
        }
        Ok(())
    }

    pub(super) fn unreadable(&mut self, error: ParseError) {
        if let Self::Gather { answer, .. } = self {
            answer.unreadable.get_or_insert(error);
        }
    }

    pub(super) fn chunk(&mut self, bytes: Bytes, flow: &Arc<Flow>) {
        if let Self::Content(content) = self {
            let credit = flow.hold(bytes.len());
            // A reader that is gone wants none of it.
            let _ = content.send(Content::Chunk { bytes, credit });
        }
    }

    pub(super) fn done(self, outcome: Result<Completion>) {
        match self {
            Self::Gather { answer, done, .. } => {
                let _ = done.send(outcome.map(|completion| Answer { completion, told: *answer }));
            }
            Self::Content(content) => {
                let _ = content.send(Content::End(outcome.map(drop)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mail_proto::pop3::UniqueId;

    use super::*;

    #[test]
    fn a_listing_without_end_is_not_gathered_for_ever() {
        // As much as a mebibyte each, with the item itself.
        let content = Bytes::from(vec![b'x'; (1 << 20) - size_of::<Item>()]);
        let text = Item::Text(content.clone());
        let name = Item::UniqueId(UniqueId { number: 1, uid: content });
        for item in [text, name] {
            let (done, _answer) = oneshot::channel();
            let mut sink = Sink::gather(done);
            let took = (0..1000).take_while(|_| sink.item(item.clone()).is_ok()).count();
            assert_eq!(took, 128);
        }
    }
}
