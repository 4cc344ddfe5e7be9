//! Content in parts, asked for while it is read, on connections that others share (rule P35).

use std::{
    collections::VecDeque,
    fmt,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::future::BoxFuture;
use mail_pool::Conn;
use mail_proto::imap::{
    Command,
    client::{Request, Selection},
    fetch::FetchItem,
};
use tokio::sync::mpsc;

use super::items::part;
use crate::{
    error::{Cause, Error, Result},
    imap::{
        calls::Calls,
        connection::{BodyEvent, FetchEvent, FetchEvents, FetchSink, Following, Told, fetch_events},
        manager::ImapManager,
    },
    link::Thirst,
};

/// How large a part is in bytes, but for the first.
pub(super) const PART: u32 = 1 << 20;

/// So often content is asked for again whose connection was lost, without a part of it having come in between.
const MOST_FAILURES: u32 = 1;

/// What comes behind a part of some content.
pub(super) struct Parts {
    calls: Calls,
    connection: Conn<ImapManager>,
    selection: Selection,
    uid: u32,
    item: FetchItem,
    asked: VecDeque<Asked>,
    /// The part that is being read: its answer is wanted as long as this is kept.
    reading: Option<Asked>,
    reconnecting: Option<BoxFuture<'static, Result<Conn<ImapManager>>>>,
    failures: u32,
    /// Where it broke off last.
    lost_at: u64,
    thirst: Option<Thirst>,
}

struct Asked {
    offset: u64,
    token: u64,
    events: FetchEvents,
}

/// A part that has come, or is coming.
pub(super) struct Piece {
    pub(super) content: std::result::Result<Bytes, mpsc::UnboundedReceiver<BodyEvent>>,
    pub(super) len: u64,
    pub(super) is_last: bool,
}

impl Parts {
    /// Of this message's content, on this connection.
    pub(super) fn new(
        calls: Calls,
        connection: Conn<ImapManager>,
        selection: Selection,
        uid: u32,
        item: FetchItem,
    ) -> Self {
        Self {
            calls,
            connection,
            selection,
            uid,
            item,
            asked: VecDeque::new(),
            reading: None,
            reconnecting: None,
            failures: 0,
            lost_at: 0,
            thirst: None,
        }
    }

    /// Sees that the part from this offset on is asked for.
    ///
    /// # Errors
    /// Offsets of IMAP end at 4 GiB.
    pub(super) fn ask(&mut self, from: u64) -> Result<()> {
        if self.reconnecting.is_some() || self.asked.iter().any(|asked| asked.offset == from) {
            return Ok(());
        }
        let offset =
            u32::try_from(from).map_err(|_| Error::new(Cause::TooMuch { limit: u32::MAX as usize }))?;
        let command = Command::uid_fetch(self.uid, vec![FetchItem::Uid, part(&self.item, offset, PART)]);
        let (sender, events) = fetch_events();
        let sink = FetchSink::new(sender, 0, from, Some(self.uid));
        match self.connection.fetch(Request::on(self.selection.clone(), command), sink) {
            Ok(token) => self.asked.push_back(Asked { offset: from, token, events }),
            Err(error) => self.lost(error, from)?,
        }
        Ok(())
    }

    /// The connection was lost before the part's end: what is missing is asked for on another.
    ///
    /// # Errors
    /// It was lost too often, or this was no such error.
    pub(super) fn lost(&mut self, error: Error, offset: u64) -> Result<()> {
        if self.reconnecting.is_some() {
            return Ok(());
        }
        if offset >= self.lost_at + u64::from(PART) {
            self.failures = 0;
        }
        (self.failures, self.lost_at) = (self.failures + 1, offset);
        if self.failures > MOST_FAILURES || !matches!(error.cause(), Cause::Lost { .. }) || error.is_timeout()
        {
            return Err(error.with_offset(offset));
        }
        self.forget();
        let calls = self.calls.clone();
        self.reconnecting = Some(Box::pin(async move { calls.connection().await }));
        Ok(())
    }

    /// Says whether the reader waits, so that what stands before it on the connection is to be taken in.
    pub(super) fn thirst(&mut self, waits: bool) {
        match (waits, &self.thirst) {
            (true, None) => self.thirst = Some(self.connection.flow().thirst()),
            (false, Some(_)) => self.thirst = None,
            _ => {}
        }
    }

    /// The part from this offset on.
    ///
    /// # Errors
    /// The message is gone, or the connection was lost too often.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>, offset: u64) -> Poll<Result<Piece>> {
        loop {
            if let Some(reconnecting) = &mut self.reconnecting {
                let connection = ready!(reconnecting.as_mut().poll(cx));
                self.reconnecting = None;
                (self.connection, self.thirst) = (connection?, None);
            }
            // What was asked for elsewhere is of no use.
            self.reading = None;
            if self.asked.front().is_some_and(|asked| asked.offset != offset) {
                self.forget();
            }
            self.ask(offset)?;
            let Some(asked) = self.asked.front_mut() else { continue };
            match ready!(asked.events.poll_next(cx)) {
                Some(FetchEvent::Message { told, .. }) => {
                    let Some(piece) = self.piece(told, offset) else { continue };
                    self.reading = self.asked.pop_front();
                    return Poll::Ready(piece);
                }
                Some(FetchEvent::Done { outcome: Err(error), .. }) => {
                    self.asked.pop_front();
                    self.lost(error, offset)?;
                }
                Some(FetchEvent::Done { outcome: Ok(()), unread, .. }) if !unread.is_empty() => {
                    return Poll::Ready(Err(unread.into_error().with_offset(offset)));
                }
                // It was there when the part before was read.
                Some(FetchEvent::Done { outcome: Ok(()), .. }) | None => {
                    return Poll::Ready(Err(Error::new(Cause::Gone).with_offset(offset)));
                }
            }
        }
    }

    /// What the answer holds of the part from this offset on; `None` if it tells of something else.
    fn piece(&self, told: Told, offset: u64) -> Option<Result<Piece>> {
        let Told { fetch, following } = told;
        let is_part = |name: &[u8], origin: Option<u32>| {
            self.item.is_answered_by(name) && origin.map(u64::from) == Some(offset)
        };
        if let Some(streamed) = fetch.streamed()
            && is_part(streamed.name, streamed.origin)
            && let Some(Following { chunks, .. }) = following
        {
            let len = streamed.len;
            return Some(Ok(Piece { content: Err(chunks), len, is_last: len < u64::from(PART) }));
        }
        let bodies = fetch.items().filter_map(|item| match item {
            mail_proto::imap::fetch::Item::Body(body) => Some(body),
            _ => None,
        });
        let mut parts = bodies.filter(|body| is_part(body.name(), body.origin()));
        let body = parts.next()?;
        Some(match body.to_bytes() {
            Some(bytes) => {
                let len = bytes.len() as u64;
                Ok(Piece { content: Ok(bytes), len, is_last: len < u64::from(PART) })
            }
            None => Err(Error::new(Cause::Gone).with_offset(offset)),
        })
    }

    fn forget(&mut self) {
        for asked in self.reading.take().into_iter().chain(self.asked.drain(..)) {
            self.connection.cancel(asked.token);
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.forget();
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("uid", &self.uid).field("item", &self.item).finish_non_exhaustive()
    }
}
