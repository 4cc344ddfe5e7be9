//! Sending many messages over several connections.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    iter::Peekable,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::{Stream, future::BoxFuture};
use futures_util::StreamExt;
use mail_pool::Extras;

use super::{client::SmtpClient, crew::Crew, mail::Mail, manager::SmtpManager, outcome::Sent, ready::Ready};
use crate::{
    client::{Calls, Held},
    error::{Error, ErrorKind, Result},
};

/// Messages on their way, over as many connections as [were asked for](Self::connections): a stream of what became of
/// each. It works while it is read. Dropped, it sends no more: what is being sent is broken off as when
/// [one message's](SmtpClient::send) future is dropped.
#[must_use = "nothing is sent unless it is read"]
pub struct SendMany {
    calls: Calls<SmtpManager>,
    mails: Peekable<Box<dyn Iterator<Item = Mail> + Send>>,
    /// How many there are, as far as that is known.
    total: (usize, Option<usize>),
    /// Those that a connection was no good for.
    again: VecDeque<Task>,
    connections: usize,
    order: Option<Order>,
    free: Vec<Lane>,
    /// The first lane, if it was no good: until another has got on with something.
    resting: Option<Lane>,
    working: Crew<Done>,
    extras: Option<Extras<SmtpManager>>,
    coming: Vec<BoxFuture<'static, Result<Lane>>>,
    progress: Progress,
}

/// What became of one of many messages.
#[derive(Debug)]
#[non_exhaustive]
pub struct SentMail {
    /// Which of them, counted from 0.
    pub index: usize,
    /// What became of it. See [`SmtpClient::send`].
    pub outcome: Result<Sent>,
}

/// How far the sending of many messages has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Messages that were begun.
    pub begun: usize,
    /// Messages that the server took, for one recipient at least.
    pub sent: usize,
    /// Messages that weren't sent, or of which nobody knows whether they were.
    pub failed: usize,
    /// Connections in use.
    pub connections: usize,
    /// How many messages there are, where whatever gives them knows it beforehand.
    pub total: Option<usize>,
}

/// A connection, or for the first of them wherever calls run.
struct Lane {
    calls: Calls<SmtpManager>,
    is_extra: bool,
    is_of_use: bool,
}

/// A message for one of the lanes.
struct Task {
    index: usize,
    /// How many lanes were no good for it.
    failures: u32,
    mail: Work,
}

enum Work {
    New(Mail),
    Again(Box<Ready>),
}

struct Done {
    lane: Lane,
    index: usize,
    failures: u32,
    outcome: Result<Sent>,
    /// The message, if it was made ready.
    ready: Option<Box<Ready>>,
}

/// What waits for its turn.
#[derive(Default)]
struct Order {
    turn: usize,
    held: BTreeMap<usize, Result<Sent>>,
}

/// A message survives so many connections that were no good for it.
const MOST_FAILURES: u32 = 3;

impl SmtpClient {
    /// Sends many messages, each to whom it says, and tells what became of each as it is known. A message is taken from
    /// the iterator when a connection is free for it.
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::smtp::SmtpClient, mails: Vec<mail_client::smtp::Mail>) {
    /// let mut sending = client.send_many(mails).connections(4);
    /// while let Some(mail) = sending.next().await {
    ///     match mail.outcome {
    ///         Ok(sent) if sent.is_complete() => {}
    ///         Ok(sent) => println!("message {} was refused for {}", mail.index, sent.refused().count()),
    ///         Err(error) => println!("message {}: {error}", mail.index),
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// It begins on the connection that a call uses, and takes others as they come free, never waiting for them; at each
    /// message's end one is given back if somebody waits for it. A connection that is lost, or that the server says is
    /// one too many, costs no message: what wasn't accepted goes over another.
    pub fn send_many<I>(&self, mails: I) -> SendMany
    where
        I: IntoIterator<Item = Mail>,
        I::IntoIter: Send + 'static,
    {
        let mails: Box<dyn Iterator<Item = Mail> + Send> = Box::new(mails.into_iter());
        let first = Lane { calls: self.calls().clone(), is_extra: false, is_of_use: false };
        SendMany {
            calls: self.calls().clone(),
            total: mails.size_hint(),
            mails: mails.peekable(),
            again: VecDeque::new(),
            connections: 1,
            order: None,
            free: vec![first],
            resting: None,
            working: Crew::default(),
            extras: None,
            coming: Vec::new(),
            progress: Progress::default(),
        }
    }
}

impl SendMany {
    /// Over up to so many connections; 1 unless told. The pool's quota stands above it.
    pub fn connections(mut self, most: usize) -> Self {
        self.connections = most.max(1);
        self
    }

    /// Tells what became of them in their order, and not as it is known. They aren't sent in order, but none is begun
    /// long before its turn.
    pub fn in_order(mut self) -> Self {
        self.order = Some(Order::default());
        self
    }

    /// What became of the next message; `None` when all were told of.
    pub async fn next(&mut self) -> Option<SentMail> {
        StreamExt::next(self).await
    }

    /// How far it has got.
    pub fn progress(&self) -> Progress {
        let (least, most) = self.total;
        let lanes = self.free.len() + self.working.len() + usize::from(self.resting.is_some());
        Progress { connections: lanes, total: most.filter(|most| *most == least), ..self.progress }
    }

    fn has_more(&mut self) -> bool {
        !self.again.is_empty() || self.mails.peek().is_some()
    }

    /// Gives each free lane a message.
    fn give_work(&mut self) {
        while let Some(lane) = self.free.pop() {
            let is_near = self.order.as_ref().is_none_or(|order| {
                // Lanes that wait for one slow message have so much to do meanwhile.
                self.progress.begun < order.turn + 4 * self.connections
            });
            let new = |mails: &mut Peekable<_>, progress: &mut Progress| {
                let mail = Iterator::next(mails)?;
                let index = progress.begun;
                progress.begun += 1;
                Some(Task { index, failures: 0, mail: Work::New(mail) })
            };
            let task = match self.again.pop_front() {
                None if is_near => new(&mut self.mails, &mut self.progress),
                task => task,
            };
            match task {
                Some(task) => self.working.push(lane.run(task)),
                None if lane.is_extra && self.mails.peek().is_none() => drop(lane),
                None => {
                    self.free.push(lane);
                    return;
                }
            }
        }
    }

    /// What became of a message, unless it is tried once more.
    fn ended(&mut self, done: Done) -> Option<(usize, Result<Sent>)> {
        let Done { mut lane, index, failures, outcome, ready } = done;
        self.free.extend(self.resting.take());
        let others = !self.working.is_empty() || !self.free.is_empty() || lane.is_extra;
        match (outcome, ready) {
            (Err(error), Some(ready))
                if others && failures < MOST_FAILURES && ready.is_whole() && is_the_lanes(&error) =>
            {
                tracing::debug!(%error, index, "a message goes over another connection");
                self.again.push_back(Task { index, failures: failures + 1, mail: Work::Again(ready) });
                if lane.is_extra {
                    self.stand_in_line_for(&lane);
                } else if self.working.is_empty() {
                    self.free.push(lane);
                } else {
                    self.resting = Some(lane);
                }
                None
            }
            (outcome, _) => {
                lane.is_of_use |= outcome.is_ok();
                if lane.is_extra && self.extras.as_ref().is_some_and(Extras::others_wait) {
                    self.stand_in_line_for(&lane);
                } else {
                    self.free.push(lane);
                }
                Some((index, outcome))
            }
        }
    }

    /// Asks for another extra instead of this one, if that was of use.
    fn stand_in_line_for(&mut self, lane: &Lane) {
        if let (true, Some(extras)) = (lane.is_of_use, &self.extras) {
            self.coming.push(coming(&self.calls, extras));
        }
    }

    /// Takes extras as they come. Says whether one did.
    fn poll_extras(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.has_more() {
            self.coming.clear();
            return false;
        }
        if self.extras.is_none() && self.connections > 1 {
            let extras = self.calls.pool().extras();
            self.coming.extend((1..self.connections).map(|_| coming(&self.calls, &extras)));
            self.extras = Some(extras);
        }
        let mut at = 0;
        while at < self.coming.len() {
            let Poll::Ready(lane) = self.coming[at].as_mut().poll(cx) else {
                at += 1;
                continue;
            };
            drop(self.coming.swap_remove(at));
            // Without it the work goes on with what there is.
            if let Ok(lane) = lane {
                self.free.push(lane);
                return true;
            }
        }
        false
    }

    fn tell(&mut self, index: usize, outcome: Result<Sent>) -> SentMail {
        match &outcome {
            Ok(_) => self.progress.sent += 1,
            Err(_) => self.progress.failed += 1,
        }
        SentMail { index, outcome }
    }
}

impl Stream for SendMany {
    type Item = SentMail;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SentMail>> {
        let this = &mut *self;
        loop {
            this.give_work();
            if let Some((index, outcome)) = this.order.as_mut().and_then(Order::next) {
                return Poll::Ready(Some(this.tell(index, outcome)));
            }
            if let Poll::Ready(done) = this.working.poll_next(cx) {
                if let Some((index, outcome)) = this.ended(done) {
                    match &mut this.order {
                        Some(order) => drop(order.held.insert(index, outcome)),
                        None => return Poll::Ready(Some(this.tell(index, outcome))),
                    }
                }
                continue;
            }
            if this.poll_extras(cx) {
                continue;
            }
            if this.working.is_empty() {
                return Poll::Ready(None);
            }
            return Poll::Pending;
        }
    }
}

impl Lane {
    async fn run(self, Task { index, failures, mail }: Task) -> Done {
        let ready = match mail {
            Work::New(mail) => self.calls.ready(mail).await.map(Box::new),
            Work::Again(ready) => Ok(ready),
        };
        match ready {
            Err(error) => Done { lane: self, index, failures, outcome: Err(error), ready: None },
            Ok(ready) => {
                let outcome = self.calls.send(&ready).await;
                Done { lane: self, index, failures, outcome, ready: Some(ready) }
            }
        }
    }
}

fn coming(calls: &Calls<SmtpManager>, extras: &Extras<SmtpManager>) -> BoxFuture<'static, Result<Lane>> {
    let (calls, next) = (calls.clone(), extras.next());
    Box::pin(async move {
        let extra = next.await?;
        Ok(Lane { calls: calls.via(&Held::new(extra)), is_extra: true, is_of_use: false })
    })
}

/// Whether it is the connection that failed, or is one too many for the server, and the message wasn't accepted.
fn is_the_lanes(error: &Error) -> bool {
    use ErrorKind::{ConnectionLost, Login, Pool, Transport};

    error.is_limit() || matches!(error.kind(), ConnectionLost | Login | Pool | Transport)
}

impl Order {
    /// What became of the one whose turn it is, if that is known.
    fn next(&mut self) -> Option<(usize, Result<Sent>)> {
        let index = self.turn;
        let outcome = self.held.remove(&index)?;
        self.turn += 1;
        Some((index, outcome))
    }
}

impl fmt::Debug for SendMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendMany").field("progress", &self.progress()).finish_non_exhaustive()
    }
}
