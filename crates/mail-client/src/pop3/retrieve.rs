//! Many messages, one after the other, asked for ahead.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::{Stream, future::BoxFuture};
use mail_proto::pop3::Capability;

use super::{
    MessageReader, Which,
    client::Calls,
    connection::Caller,
    directory::Directory,
    maildrop::{Extent, Maildrop},
};
use crate::{
    error::{Cause, Error, Result},
    link::Starved,
};

/// A message of a [`RetrieveStream`].
#[derive(Debug)]
#[non_exhaustive]
pub struct RetrievedMessage {
    /// Which it is.
    pub which: Which,
    /// What it says.
    pub content: MessageReader,
}

/// Messages in the order in which they were asked for. See [`Pop3Client::retrieve_all`](super::Pop3Client::retrieve_all).
///
/// A message that can't be had is an error in its place, and the others come all the same; the error's
/// [`command`](crate::Error::command) says which it is. Read each before the next: the server sends them one after the
/// other. Dropping the stream ends it.
#[must_use = "nothing is retrieved until the stream is read"]
pub struct RetrieveStream {
    source: Source,
    wanted: VecDeque<Which>,
    under_way: VecDeque<(Which, Result<MessageReader>)>,
    ready: Option<Ready>,
    preparing: Option<BoxFuture<'static, Result<Ready>>>,
    /// Says that this waits.
    starved: Option<Starved>,
    /// How often in a row a connection was lost without a message having come of it.
    failures: u32,
}

/// Where connections come from.
enum Source {
    /// Wherever calls run; what was lost is asked for again.
    Calls(Calls),
    /// A session, which ends with its connection.
    Session(Maildrop),
}

struct Ready {
    maildrop: Maildrop,
    /// What the server calls its messages, where they are wanted by that.
    directory: Option<Arc<Directory>>,
}

/// How many messages are asked for ahead of the one that is read: enough for a long way to the server where commands
/// share the wire, and where they don't, the next, so that it is asked for in time.
const AHEAD: usize = 64;
const AHEAD_ALONE: usize = 2;

/// A stream survives this many lost connections in a row that brought nothing.
const MOST_FAILURES: u32 = 2;

impl RetrieveStream {
    pub(super) fn of_calls(calls: Calls, wanted: VecDeque<Which>) -> Self {
        Self::new(Source::Calls(calls), wanted)
    }

    pub(super) fn of_session(maildrop: Maildrop, wanted: VecDeque<Which>) -> Self {
        Self::new(Source::Session(maildrop), wanted)
    }

    fn new(source: Source, wanted: VecDeque<Which>) -> Self {
        Self {
            source,
            wanted,
            under_way: VecDeque::new(),
            ready: None,
            preparing: None,
            starved: None,
            failures: 0,
        }
    }

    /// The next message; `None` behind the last.
    pub async fn next(&mut self) -> Option<Result<RetrievedMessage>> {
        std::future::poll_fn(|cx| self.poll_message(cx)).await
    }

    /// Finds out where messages come from, and what they are called there.
    fn prepare(&self) -> BoxFuture<'static, Result<Ready>> {
        let by_uid = self.wanted.iter().any(|which| matches!(which, Which::Unique(_)));
        let (calls, session) = match &self.source {
            Source::Calls(calls) => (Some(calls.clone()), None),
            Source::Session(maildrop) => (None, Some(maildrop.within(None))),
        };
        Box::pin(async move {
            let maildrop = match (calls, session) {
                (Some(calls), _) => Maildrop::new(calls.connection_in_time().await?, Caller::Anyone, None),
                (None, Some(maildrop)) => maildrop,
                (None, None) => return Err(Error::new(Cause::HungUp)),
            };
            let directory = if by_uid { Some(maildrop.directory().await?) } else { None };
            Ok(Ready { maildrop, directory })
        })
    }

    /// Asks for as many messages as may be under way, once half of them have come: what is asked for together goes in
    /// one write.
    fn ask(&mut self) {
        let Some(Ready { maildrop, directory }) = &self.ready else { return };
        let pipelines = maildrop.connection().capabilities().has(&Capability::Pipelining);
        let most = if pipelines { AHEAD } else { AHEAD_ALONE };
        if self.under_way.len() > most / 2 {
            return;
        }
        while self.under_way.len() < most {
            let Some(which) = self.wanted.pop_front() else { return };
            let number = match (&which, directory) {
                (Which::Number(number), _) => Ok(*number),
                (Which::Unique(uid), Some(directory)) => directory.number(uid),
                (Which::Unique(_), None) => Err(Error::new(Cause::Gone)),
            };
            let reader = number.and_then(|number| maildrop.ask_for(number, Extent::All));
            self.under_way.push_back((which, reader));
        }
    }

    /// The connection is lost, and with it all that was asked for and hasn't begun.
    fn ask_again(&mut self) {
        self.ready = None;
        for (which, _) in self.under_way.drain(..).rev() {
            self.wanted.push_front(which);
        }
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<RetrievedMessage>>> {
        loop {
            if self.ready.as_ref().is_some_and(|ready| ready.maildrop.is_broken())
                && self.under_way.is_empty()
            {
                self.ready = None;
            }
            if self.ready.is_none() && !self.wanted.is_empty() {
                if self.preparing.is_none() {
                    self.preparing = Some(self.prepare());
                }
                let Some(preparing) = &mut self.preparing else { continue };
                let prepared = ready!(preparing.as_mut().poll(cx));
                self.preparing = None;
                match prepared {
                    Ok(ready) => self.ready = Some(ready),
                    Err(error) => {
                        if let Some(error) = self.lost(error) {
                            self.wanted.clear();
                            return Poll::Ready(Some(Err(error)));
                        }
                        continue;
                    }
                }
            }
            self.ask();
            let Some((which, reader)) = self.under_way.front_mut() else { return Poll::Ready(None) };
            let begun = match reader {
                Ok(reader) => {
                    let begun = reader.poll_begun(cx);
                    if begun.is_pending() && self.starved.is_none() {
                        self.starved = reader.starve();
                    }
                    ready!(begun)
                }
                Err(error) => Err(error.clone()),
            };
            self.starved = None;
            let about = Extent::All.about(which);
            if let Err(error) = begun {
                let is_lost = matches!(error.cause(), Cause::Lost { .. });
                let Some(error) = self.lost(error) else { continue };
                self.under_way.pop_front();
                if is_lost {
                    self.ask_again();
                }
                return Poll::Ready(Some(Err(error.about(&about))));
            }
            self.failures = 0;
            if let Some((which, Ok(content))) = self.under_way.pop_front() {
                return Poll::Ready(Some(Ok(RetrievedMessage { which, content })));
            }
        }
    }

    /// What was lost with its connection is asked for again, unless it is this error's turn to be told.
    fn lost(&mut self, error: Error) -> Option<Error> {
        // The end of a connection by another's commit is no failure.
        let is_failure = !error.is_end_of_another();
        let again = matches!(self.source, Source::Calls(_))
            && matches!(error.cause(), Cause::Lost { .. })
            && !error.is_timeout()
            && (!is_failure || self.failures < MOST_FAILURES);
        if !again {
            return Some(error);
        }
        self.failures += u32::from(is_failure);
        self.ask_again();
        None
    }
}

impl Stream for RetrieveStream {
    type Item = Result<RetrievedMessage>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_message(cx)
    }
}

impl fmt::Debug for RetrieveStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetrieveStream")
            .field("to_come", &(self.wanted.len() + self.under_way.len()))
            .finish_non_exhaustive()
    }
}
