//! The stream of messages.

mod expiry;
mod silence;

use std::{
    collections::HashSet,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::{Stream, future::BoxFuture};
use mail_pool::{Extras, Kind};
use mail_proto::imap::{
    Command, ResponseCode, SearchKey, SequenceSet,
    client::{Request, Selection},
    fetch::FetchModifiers,
    response::Untagged,
};

use self::expiry::Expiry;
use super::{
    FetchItems, Message,
    joining::{Joined, Joining, another},
    lanes::{DEPTH, Lane, MOST_IN_PARTS, Missing},
    more::More,
    order::Order,
    windows::Windows,
};
use crate::{
    error::{Cause, Error, ErrorKind, Result},
    imap::{
        calls::Calls,
        connection::{FetchEvent, FetchEvents, FetchSender, Unread, fetch_events},
        manager::ImapManager,
    },
    link::Alarm,
};

/// Messages, as they come. See [`Mailbox::fetch`](crate::imap::Mailbox::fetch).
///
/// Messages are asked for in portions, the next before the last has ended, and no faster than the stream is read.
/// A portion whose connection was lost is asked for again, without what has come of it. Dropping the stream ends it.
#[must_use = "nothing is fetched until the stream is read"]
pub struct FetchStream {
    calls: Calls,
    selection: Selection,
    items: Arc<FetchItems>,
    modifiers: FetchModifiers,
    /// What is wanted, until it is cut into portions.
    wanted: Option<SequenceSet>,
    /// How many messages the mailbox had.
    exists: u32,
    /// The search for which of the wanted messages there are.
    search: Option<BoxFuture<'static, Result<Option<SequenceSet>>>>,
    windows: Windows,
    asked: u64,
    most: usize,
    lanes: Vec<Lane>,
    numbered: usize,
    first: Option<Joining>,
    extras: Option<Extras<ImapManager>>,
    coming: Vec<Joining>,
    sender: FetchSender,
    events: FetchEvents,
    /// Messages of a set that can't be told in numbers which came before its connection was lost.
    come: HashSet<u32>,
    /// What came before its turn; `None` where no order is wanted.
    order: Option<Order>,
    /// How often in a row a connection was lost without a message having come of it.
    failures: u32,
    /// Messages that were asked for and didn't come, while something came that can't be read.
    missed: SequenceSet,
    /// What that was.
    unread: Unread,
    asked_again: bool,
    alarm: Option<Alarm>,
    expiry: Expiry,
    ended: bool,
}

/// How many messages are asked for at once: few where bodies come, since other commands have to wait for them, and
/// else as many as fit in a command line that every server takes (8,192 bytes, RFC 7162 section 4), however far apart
/// their UIDs lie.
const WITH_CONTENT: u64 = 64;
const WITHOUT_CONTENT: u64 = 700;

/// About how many bytes are asked for at once: little where others wait in between (rule P35).
const AMONG_OTHERS: u64 = 1 << 20;
const ON_ITS_OWN: u64 = 4 << 20;

/// A connection that holds so much of what waits for its turn is asked for no more of it: with what is under way, it is
/// less than it holds for those who wait.
const MOST_AHEAD: usize = 2 << 20;

/// A stream survives this many lost connections in a row that brought nothing.
const MOST_FAILURES: u32 = 2;

impl FetchStream {
    pub(in crate::imap) fn new(
        calls: Calls,
        selection: Selection,
        exists: u32,
        uids: SequenceSet,
        items: FetchItems,
    ) -> Self {
        let (sender, events) = fetch_events();
        let largest = if items.has_content() { WITH_CONTENT } else { WITHOUT_CONTENT };
        let windows = Windows::new(SequenceSet::default(), largest);
        Self {
            calls,
            selection,
            items: Arc::new(items),
            modifiers: FetchModifiers::default(),
            wanted: Some(uids),
            exists,
            search: None,
            windows,
            asked: 0,
            most: 1,
            lanes: Vec::new(),
            numbered: 0,
            first: None,
            extras: None,
            coming: Vec::new(),
            sender,
            events,
            come: HashSet::new(),
            order: None,
            failures: 0,
            missed: SequenceSet::default(),
            unread: Unread::default(),
            asked_again: false,
            alarm: None,
            expiry: Expiry::default(),
            ended: false,
        }
    }

    /// Fetches over up to this many connections: over one at once, and over more as they come free within the quota.
    /// Messages then come in no order, unless it is [wanted](Self::in_order). 1 unless told; 0 counts as 1.
    ///
    /// Where nothing comes over one of them for 5 seconds and another has nothing to do, that one is asked instead.
    pub fn connections(mut self, most: usize) -> Self {
        self.most = most.max(1);
        self
    }

    /// Gives the messages by rising UID even if they come over several connections. What comes before its turn is
    /// held, as much as fits in a few portions. (Within a portion the order is the server's answer's, which is that of
    /// the mailbox with every server known.)
    pub fn in_order(mut self) -> Self {
        self.order = Some(Order::default());
        self
    }

    /// Only messages that have changed since the mailbox had this mod-sequence (`CHANGEDSINCE`, RFC 7162), which needs
    /// a server with CONDSTORE.
    pub fn changed_since(mut self, mod_seq: u64) -> Self {
        self.modifiers.changed_since = Some(mod_seq);
        self
    }

    /// Ends after this long, from when it is first read, whatever it waits for: a connection, the server, or whoever
    /// reads it, since the time that passes between two reads counts as well. It then ends in an error whose
    /// [`is_timeout`](crate::Error::is_timeout) is true. Content of messages that were given out before isn't concerned.
    ///
    /// `None` is as long as it takes. Unless told, a stream has as long as the other calls of its mailbox
    /// ([`ImapClient::with_deadline`](crate::imap::ImapClient::with_deadline)).
    pub fn deadline(mut self, limit: Option<Duration>) -> Self {
        self.expiry = Expiry::Told(limit);
        self
    }

    /// The next message; `None` behind the last.
    ///
    /// # Errors
    /// The server refuses, can't be reached, or was lost too often. The stream has then ended. Its last item is an error
    /// too where messages are missing for answers that can't be read, even when they are asked for again.
    pub async fn next(&mut self) -> Option<Result<Message>> {
        std::future::poll_fn(|cx| self.poll_message(cx)).await
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message>>> {
        let expired = if self.ended { None } else { self.expired(cx) };
        let next = match expired {
            Some(error) => Poll::Ready(Some(Err(error))),
            None => self.poll_step(cx),
        };
        let waits = next.is_pending();
        // Where messages wait for their turn, only the one whose turn it is is missed; and what stands before it has to
        // be taken in: on its connection, where it was asked for again behind others, or if it is still to be, on all.
        let turn = self.order.as_ref().filter(|order| !order.is_empty()).map(Order::turn);
        let is_missed = |lane: &Lane| turn.is_none_or(|turn| lane.has(turn));
        let is_lost = turn.is_some() && !self.lanes.iter().any(is_missed);
        for lane in &mut self.lanes {
            lane.starve(waits && is_missed(lane));
            lane.take_all(waits && turn.is_some() && (is_lost || is_missed(lane)));
        }
        if let Poll::Ready(None | Some(Err(_))) = next {
            self.ended = true;
            self.lanes.clear();
            self.coming.clear();
            self.first = None;
        }
        next
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            if let Err(error) = std::task::ready!(self.poll_wanted(cx)) {
                return Poll::Ready(Some(Err(error)));
            }
            if let Err(error) = self.ask() {
                return Poll::Ready(Some(Err(error)));
            }
            if let Some(message) = self.order.as_mut().and_then(Order::next) {
                return Poll::Ready(Some(Ok(message)));
            }
            if self.windows.is_empty() && self.lanes.iter().all(Lane::is_idle) {
                if self.unread.is_empty() {
                    return Poll::Ready(None);
                }
                let unread = std::mem::take(&mut self.unread);
                if !self.missed.is_empty() && !std::mem::replace(&mut self.asked_again, true) {
                    self.windows.put_last(std::mem::take(&mut self.missed));
                    continue;
                }
                let error = self.calls.here(unread.into_error());
                return Poll::Ready(Some(Err(error.in_command("UID FETCH", Some(&self.selection.mailbox)))));
            }
            // Also where there is always a message at hand: connections that are being opened get on only if polled.
            if !self.coming.is_empty() {
                match self.poll_extras(cx) {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
            }
            if let Poll::Ready(Some(event)) = self.events.poll_next(cx) {
                match self.told(event) {
                    Ok(Some(message)) => return Poll::Ready(Some(Ok(message))),
                    Ok(None) => continue,
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
            }
            if self.wants_first() {
                match self.poll_first(cx) {
                    Poll::Ready(Ok(())) => continue,
                    // The others do its work.
                    Poll::Ready(Err(error)) if !self.lanes.is_empty() && !is_about_all(&error) => {
                        self.failures = MOST_FAILURES;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                    Poll::Pending => {}
                }
            }
            match self.poll_extras(cx) {
                Ok(came) if came || self.poll_silent(cx) => {}
                Ok(_) => return Poll::Pending,
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }

    /// Cuts what is wanted into portions. Of a set that may hold far more numbers than there are messages, or that ends
    /// in `*`, the server is asked first which messages it has.
    fn poll_wanted(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Some(wanted) = &self.wanted else { return Poll::Ready(Ok(())) };
        let is_sparse = wanted.len().is_none_or(|len| len > 2 * u64::from(self.exists) + WITHOUT_CONTENT);
        // What has no content and goes over one connection may as well come in answer to one command.
        let has_portions = self.items.has_content() || self.most > 1;
        let set = if is_sparse && has_portions {
            let search = self.search.get_or_insert_with(|| {
                let calls = self.calls.clone();
                let request =
                    Request::on(self.selection.clone(), Command::uid_search(SearchKey::Uid(wanted.clone())));
                Box::pin(async move {
                    let answer = calls.run(request).await?;
                    // What some of can't be read doesn't say which there are.
                    Ok(answer.whole().ok().and_then(found))
                })
            });
            std::task::ready!(search.as_mut().poll(cx))?
        } else {
            Some(wanted.clone())
        };
        match set {
            Some(set) => self.windows.begin(set),
            // Without an answer that can be read, what is wanted is asked for as it is, in one command.
            None => self.windows.begin_whole(wanted.clone()),
        }
        (self.wanted, self.search) = (None, None);
        Poll::Ready(Ok(()))
    }

    /// Gives each connection something to do.
    fn ask(&mut self) -> Result<()> {
        let mut at = 0;
        while at < self.lanes.len() {
            while self.lanes[at].has_room() && self.may_ask(at) {
                let lane = &mut self.lanes[at];
                let (most, bytes) =
                    if lane.in_parts { (MOST_IN_PARTS, AMONG_OTHERS) } else { (WITH_CONTENT, ON_ITS_OWN) };
                let most = if self.items.has_content() { most } else { WITHOUT_CONTENT };
                let Some(portion) = self.windows.next(self.most, most, bytes) else { return Ok(()) };
                self.asked += 1;
                let asked = lane.ask(
                    &self.selection,
                    &self.items,
                    self.modifiers,
                    self.asked,
                    portion.clone(),
                    &self.sender,
                );
                if let Err(error) = asked {
                    // The connection has just gone: what was under way on it is told of through the channel.
                    self.windows.put_back(portion);
                    if lane.is_idle() {
                        self.lose(at, error)?;
                        at = at.wrapping_sub(1);
                    }
                    break;
                }
            }
            at = at.wrapping_add(1);
        }
        Ok(())
    }

    /// Whether this connection may be asked for the next portion: it isn't too far ahead of the one whose turn it is,
    /// and the connection doesn't hold too much already that waits for that.
    fn may_ask(&self, at: usize) -> bool {
        let Some(order) = &self.order else { return true };
        let place = self.windows.next_place();
        let ahead = 2 * DEPTH as u64 * self.most as u64;
        let holds_little = || self.lanes[at].connection.flow().held() < MOST_AHEAD;
        place == order.turn() || (place < order.turn() + ahead && holds_little())
    }

    fn told(&mut self, event: FetchEvent) -> Result<Option<Message>> {
        match event {
            FetchEvent::Message { lane, window, uid, told, credit } => {
                let Some(lane) = self.lanes.iter_mut().find(|known| known.number == lane) else {
                    return Ok(None);
                };
                let asked = lane.asked(window);
                if !lane.came(window, uid) || self.come.contains(&uid) {
                    return Ok(None);
                }
                self.failures = 0;
                let streamed = told.fetch.streamed().map_or(0, |streamed| streamed.len);
                let len = told.fetch.wire_len() as u64 + streamed;
                self.windows.learn(len);
                let (place, first) = asked.unwrap_or_default();
                // Whoever keeps a message keeps no connection, unless there may be more to come of it.
                let more = first.filter(|first| len >= u64::from(*first)).map(|first| More {
                    first,
                    calls: self.calls.clone(),
                    connection: lane.connection.clone(),
                    selection: self.selection.clone(),
                });
                let message = Message::new(uid, told, Arc::clone(&self.items), more);
                match &mut self.order {
                    Some(order) => {
                        order.add(place, message, credit);
                        Ok(None)
                    }
                    // From here on it is the reader's, who may keep it as long as they like.
                    None => Ok(Some(message)),
                }
            }
            FetchEvent::Done { lane, window, outcome, unread } => {
                let Some(at) = self.lanes.iter().position(|known| known.number == lane) else {
                    return Ok(None);
                };
                let Some(missing) = self.lanes[at].ended(window) else { return Ok(None) };
                match outcome {
                    // What is missing is not gone for that. Of a set with `*` in it nobody can tell what is.
                    Ok(()) if !unread.is_empty() && !missing.portion.set.is_empty() => {
                        if !missing.portion.set.is_open() {
                            missing.portion.set.ranges(0).for_each(|range| self.missed.insert_range(range));
                        }
                        self.unread.append(unread);
                    }
                    Ok(()) => {}
                    // What is missing was removed meanwhile; everything else has come (RFC 2180 section 4.1.2).
                    Err(error) if matches!(error.code(), Some(ResponseCode::ExpungeIssued)) => {}
                    Err(error) => {
                        if !matches!(error.cause(), Cause::Lost { .. }) {
                            return Err(error);
                        }
                        self.put_back(missing);
                        if self.lanes[at].is_idle() {
                            self.lose(at, error)?;
                        }
                        return Ok(None);
                    }
                }
                self.order.iter_mut().for_each(|order| order.end(missing.portion.place));
                self.make_way(at);
                Ok(None)
            }
        }
    }

    /// What a portion still owes is to be asked for again.
    fn put_back(&mut self, missing: Missing) {
        let place = missing.portion.place;
        if missing.portion.set.is_empty() {
            self.order.iter_mut().for_each(|order| order.end(place));
        }
        self.windows.put_back(missing.portion);
        self.come.extend(missing.but_not);
    }

    /// A connection was lost. Others take over its work, and another is taken in its place if it was of use. Where
    /// there are none, it is opened again, but not for ever, and not for a server that keeps silent.
    fn lose(&mut self, at: usize, error: Error) -> Result<()> {
        let lane = self.lanes.swap_remove(at);
        if let (true, true, Some(extras)) = (lane.extra.is_some(), lane.is_of_use, &self.extras) {
            self.coming.push(another(extras, self.selection.clone()));
        }
        if !self.lanes.is_empty() {
            return Ok(());
        }
        self.failures += 1;
        if self.failures > MOST_FAILURES || error.is_timeout() || error.kind() == ErrorKind::Protocol {
            return Err(error);
        }
        Ok(())
    }

    /// At a portion's end a connection beyond the first goes to those who wait for one.
    fn make_way(&mut self, at: usize) {
        let lane = &self.lanes[at];
        let wanted = self.extras.as_ref().is_some_and(Extras::others_wait);
        if lane.extra.is_some() && lane.is_idle() && (wanted || self.windows.is_empty()) {
            self.lanes.swap_remove(at);
        }
    }

    /// Whether the connection that the mode picks, or that was named, is to be had first or again.
    fn wants_first(&self) -> bool {
        let has_it = self.lanes.iter().any(|lane| lane.extra.is_none());
        let tries = self.failures < MOST_FAILURES && !self.windows.is_empty();
        self.first.is_some() || self.lanes.is_empty() || (!has_it && tries)
    }

    fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let calls = &self.calls;
        let first = self.first.get_or_insert_with(|| {
            let calls = calls.clone();
            // Whoever has nobody beside it selects its mailbox with what it is asked for.
            Box::pin(async move { Ok((calls.connection().await?, None)) })
        });
        let joined = std::task::ready!(first.as_mut().poll(cx));
        self.first = None;
        self.add_lane(joined?);
        Poll::Ready(Ok(()))
    }

    /// Takes on connections beyond the first as they come free. Says whether one did.
    fn poll_extras(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        if self.most == 1 {
            return Ok(false);
        }
        if self.windows.is_empty() && !self.has_silent() {
            // Nothing is left for one that would come now.
            self.coming.clear();
            return Ok(false);
        }
        if self.extras.is_none() {
            let extras = self.calls.pool().extras();
            self.coming.extend((1..self.most).map(|_| another(&extras, self.selection.clone())));
            self.extras = Some(extras);
        }
        let mut came = false;
        let mut at = 0;
        while at < self.coming.len() {
            match self.coming[at].as_mut().poll(cx) {
                Poll::Pending => at += 1,
                Poll::Ready(joined) => {
                    drop(self.coming.swap_remove(at));
                    match joined {
                        Ok(joined) => {
                            self.add_lane(joined);
                            came = true;
                        }
                        Err(error) if is_about_all(&error) => return Err(error),
                        // One that can't be had is done without.
                        Err(_) => {}
                    }
                }
            }
        }
        Ok(came)
    }

    fn add_lane(&mut self, (connection, extra): Joined) {
        self.numbered += 1;
        // What waits for its turn must never hold up what it waits for.
        let in_parts = self.order.is_some() || connection.kind() == Kind::Main;
        self.lanes.push(Lane::new(self.numbered, connection, extra, in_parts));
    }
}

/// Whether what one connection found out holds for all.
fn is_about_all(error: &Error) -> bool {
    error.kind() == ErrorKind::UidValidityChanged
}

/// The messages that a search found; `None` if no answer came that can be read, which doesn't mean that there are none.
fn found(data: Vec<Untagged>) -> Option<SequenceSet> {
    let mut found = None;
    for data in data {
        let part = match data {
            Untagged::Search(search) => SequenceSet::from(search.numbers),
            Untagged::ESearch(search) => search.all.unwrap_or_default(),
            _ => continue,
        };
        let found = found.get_or_insert_with(SequenceSet::default);
        part.ranges(0).for_each(|range| found.insert_range(range));
    }
    found
}

impl Stream for FetchStream {
    type Item = Result<Message>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_message(cx)
    }
}

impl fmt::Debug for FetchStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchStream")
            .field("mailbox", &self.selection.mailbox)
            .field("items", &self.items)
            .finish_non_exhaustive()
    }
}
