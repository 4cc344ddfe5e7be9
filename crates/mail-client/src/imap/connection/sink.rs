//! Where the answer to a command goes.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
    vec,
};

use bytes::Bytes;
use mail_proto::{
    ParseError,
    imap::{
        client::Completion,
        fetch::Fetch,
        response::{Response, Untagged},
    },
};
use tokio::sync::{mpsc, oneshot};

use super::{Answer, Unread};
use crate::{
    error::{Cause, Error},
    link::{Credit, Flow, Intake},
};

/// How many bytes of an answer are gathered at most.
const GATHERED: usize = 128 << 20;

pub(crate) enum Sink {
    /// Gathered, for one caller.
    Gather {
        data: Vec<Untagged>,
        len: usize,
        unread: Unread,
        done: oneshot::Sender<Result<Answer, Error>>,
        /// Where messages come from that the command uploads piece by piece.
        intake: Option<Box<Intake>>,
    },
    /// Messages as they come.
    Fetch(Box<FetchSink>),
}

/// Where the messages of one FETCH go.
pub(crate) struct FetchSink {
    events: FetchSender,
    /// What is to be told once all is looked at that was read: messages come in numbers, and one that waits for the
    /// next would be woken for each.
    ready: Vec<FetchEvent>,
    /// Which lane and window of the stream this is.
    lane: usize,
    window: u64,
    /// The only message that was asked for: it needs no UID to be known.
    only: Option<u32>,
    /// Where the content goes that is coming in pieces.
    content: Option<mpsc::UnboundedSender<BodyEvent>>,
    /// Where that goes which the server tells behind it.
    behind: Option<oneshot::Sender<Result<Told, Error>>>,
    /// A message whose UID stands behind its content.
    unknown: Option<Told>,
    /// What came meanwhile that can't be read, and that may have been a message.
    unread: Unread,
}

/// What a server told of a message: all of it, or up to content that is too large to lie in it.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) fetch: Fetch,
    pub(crate) following: Option<Following>,
}

/// What follows: content in pieces, and what the server tells behind it.
#[derive(Debug)]
pub(crate) struct Following {
    pub(crate) chunks: mpsc::UnboundedReceiver<BodyEvent>,
    pub(crate) behind: oneshot::Receiver<Result<Told, Error>>,
}

/// Tells a stream of messages, several things at once.
pub(crate) type FetchSender = mpsc::UnboundedSender<Vec<FetchEvent>>;

/// What a stream of messages is told, one thing after the other.
pub(crate) struct FetchEvents {
    told: mpsc::UnboundedReceiver<Vec<FetchEvent>>,
    next: vec::IntoIter<FetchEvent>,
}

/// The two ends of a way to a stream of messages.
pub(crate) fn fetch_events() -> (FetchSender, FetchEvents) {
    let (sender, told) = mpsc::unbounded_channel();
    (sender, FetchEvents { told, next: Vec::new().into_iter() })
}

impl FetchEvents {
    /// The next thing that is told; `None` once there is nobody to tell anything.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<FetchEvent>> {
        loop {
            if let Some(event) = self.next.next() {
                return Poll::Ready(Some(event));
            }
            match ready!(self.told.poll_recv(cx)) {
                Some(told) => self.next = told.into_iter(),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// What a stream of messages is told.
pub(crate) enum FetchEvent {
    Message {
        lane: usize,
        window: u64,
        uid: u32,
        told: Told,
        credit: Credit,
    },
    /// What is missing may have come as one of the `unread`.
    Done {
        lane: usize,
        window: u64,
        outcome: Result<(), Error>,
        unread: Unread,
    },
}

/// What the reader of content is told.
#[derive(Debug)]
pub(crate) enum BodyEvent {
    Chunk { bytes: Bytes, _credit: Credit },
    Failed(Error),
}

impl FetchSink {
    /// `only` is the message that was asked for, if it is one.
    pub(crate) fn new(events: FetchSender, lane: usize, window: u64, only: Option<u32>) -> Self {
        Self {
            events,
            ready: Vec::new(),
            lane,
            window,
            only,
            content: None,
            behind: None,
            unknown: None,
            unread: Unread::default(),
        }
    }
}

impl Sink {
    pub(super) fn gather(done: oneshot::Sender<Result<Answer, Error>>, intake: Option<Intake>) -> Self {
        let (data, unread) = (Vec::new(), Unread::default());
        Self::Gather { data, len: 0, unread, done, intake: intake.map(Box::new) }
    }

    /// Where messages come from that the command uploads piece by piece.
    pub(super) fn intake(&mut self) -> Option<&mut Intake> {
        match self {
            Self::Gather { intake, .. } => intake.as_deref_mut(),
            Self::Fetch(_) => None,
        }
    }

    /// Whether anybody still waits.
    pub(super) fn is_wanted(&self) -> bool {
        match self {
            Self::Gather { done, .. } => !done.is_closed(),
            Self::Fetch(sink) => !sink.events.is_closed(),
        }
    }

    /// Whether the caller reads at its own pace, so that what it doesn't read holds up the connection.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self, Self::Fetch(_))
    }

    /// Takes in a piece of the answer.
    ///
    /// # Errors
    /// There is more of it than is gathered: the server would go on for ever.
    pub(super) fn data(&mut self, data: Untagged, flow: &Arc<Flow>) -> Result<(), Error> {
        match (self, data) {
            (Self::Gather { data: all, len, .. }, data) => {
                *len += size_of::<Untagged>() + held(&data);
                if *len > GATHERED {
                    return Err(Error::new(Cause::TooMuch { limit: GATHERED }));
                }
                all.push(data);
            }
            (Self::Fetch(sink), Untagged::Fetch(fetch)) => sink.message(fetch, flow),
            (Self::Fetch(_), _) => {}
        }
        Ok(())
    }

    /// Something came that can't be read, and that may have been part of the answer.
    pub(super) fn unreadable(&mut self, error: ParseError) {
        match self {
            Self::Gather { unread, .. } => unread.push(error),
            Self::Fetch(sink) => sink.unread.push(error),
        }
    }

    /// Tells what was kept until all was looked at that was read.
    pub(super) fn tell(&mut self) {
        if let Self::Fetch(sink) = self
            && !sink.ready.is_empty()
        {
            // A stream that is gone wants none of it.
            let _ = sink.events.send(std::mem::take(&mut sink.ready));
        }
    }

    pub(super) fn chunk(&mut self, bytes: Bytes, flow: &Arc<Flow>) {
        if let Self::Fetch(sink) = self
            && let Some(content) = &sink.content
        {
            let credit = flow.hold(bytes.len());
            // A reader that is gone wants none of it.
            let _ = content.send(BodyEvent::Chunk { bytes, _credit: credit });
        }
    }

    pub(super) fn done(self, outcome: Result<Completion, Error>) {
        match self {
            Self::Gather { data, unread, done, .. } => {
                let _ = done.send(outcome.map(|completion| Answer { completion, data, unread }));
            }
            Self::Fetch(sink) => {
                let FetchSink { events, mut ready, lane, window, content, behind, unread, .. } = *sink;
                if let (Some(content), Err(error)) = (content, &outcome) {
                    let _ = content.send(BodyEvent::Failed(error.clone()));
                }
                if let (Some(behind), Err(error)) = (behind, &outcome) {
                    let _ = behind.send(Err(error.clone()));
                }
                let outcome = outcome.map(drop);
                ready.push(FetchEvent::Done { lane, window, outcome, unread });
                let _ = events.send(ready);
            }
        }
    }
}

/// About how many bytes a piece of an answer holds beside itself.
pub(super) fn held(data: &Untagged) -> usize {
    match data {
        Untagged::List(list) | Untagged::Lsub(list) if list.extended.is_empty() => {
            list.mailbox.as_bytes().len() + 64 * list.attributes.len()
        }
        Untagged::Search(search) | Untagged::Sort(search) => 4 * search.numbers.len(),
        Untagged::Fetch(fetch) => fetch.wire_len(),
        Untagged::Unknown { raw, .. } => raw.len(),
        Untagged::Exists(_) | Untagged::Recent(_) | Untagged::Expunge(_) => 0,
        // They come singly, so that it may take a while: what stands on the wire in two bytes, as a number does, takes
        // up to four times as many here.
        other => {
            let encoded = Response::Untagged(other.clone()).encode();
            let len = encoded.map_or(0, |encoded| encoded.to_bytes().len());
            64 + 4 * len
        }
    }
}

impl FetchSink {
    fn message(&mut self, fetch: Fetch, flow: &Arc<Flow>) {
        let (continues, uid) = (fetch.continues(), fetch.uid());
        let told = self.told(fetch);
        if continues {
            if let (Some(head), Some(uid)) = (self.unknown.take(), uid) {
                self.send(uid, head, flow);
            }
            if let Some(behind) = told.1 {
                // A reader that is gone wants none of it.
                let _ = behind.send(Ok(told.0));
            }
            return;
        }
        match uid.or(self.only) {
            Some(uid) => {
                self.unknown = None;
                self.send(uid, told.0, flow);
            }
            None => self.unknown = Some(told.0),
        }
    }

    /// Opens the way for what follows, and gives the one that led here.
    fn told(&mut self, fetch: Fetch) -> (Told, Option<oneshot::Sender<Result<Told, Error>>>) {
        let before = self.behind.take();
        self.content = None;
        let following = fetch.streamed().is_some().then(|| {
            let (content, chunks) = mpsc::unbounded_channel();
            let (behind, told) = oneshot::channel();
            (self.content, self.behind) = (Some(content), Some(behind));
            Following { chunks, behind: told }
        });
        (Told { fetch, following }, before)
    }

    fn send(&mut self, uid: u32, told: Told, flow: &Arc<Flow>) {
        let credit = flow.hold(told.fetch.wire_len());
        let (lane, window) = (self.lane, self.window);
        self.ready.push(FetchEvent::Message { lane, window, uid, told, credit });
    }
}

#[cfg(test)]
mod tests {
    use mail_proto::{ParseOptions, imap::response::parse};

    use super::*;

    /// How many such pieces of an answer are gathered.
    fn took(data: &Untagged) -> usize {
        let (done, _answer) = oneshot::channel();
        let mut sink = Sink::gather(done, None);
        let flow = Arc::new(Flow::default());
        (0..1000).take_while(|_| sink.data(data.clone(), &flow).is_ok()).count()
    }

    #[test]
    fn an_answer_without_end_is_not_gathered_for_ever() {
        let raw = vec![b'x'; (1 << 20) - size_of::<Untagged>()].into();
        assert_eq!(took(&Untagged::Unknown { keyword: "X".into(), raw }), 128);
    }

    #[test]
    fn what_is_gathered_counts_for_what_it_holds() {
        let long = "x".repeat(1 << 20);
        let attributes: Vec<_> = (0..(1 << 20) / 64).map(|number| format!("\\X{number}")).collect();
        let attributes = attributes.join(" ");
        let numbers = " 1".repeat((1 << 20) / 4);
        for line in [
            format!("* LIST () \"/\" {long}\r\n"),
            format!("* LIST ({attributes}) \"/\" x\r\n"),
            format!("* LSUB () \"/\" {long}\r\n"),
            format!("* SEARCH{numbers}\r\n"),
            format!("* 1 FETCH (X-LONG \"{long}\")\r\n"),
        ] {
            let Response::Untagged(data) = parse(line, ParseOptions::default()).unwrap().value else {
                panic!("it is untagged")
            };
            // A mebibyte each, and what it lies in.
            let took = took(&data);
            assert!((100..128).contains(&took), "{took} of {}", &format!("{data:?}")[..20]);
        }
    }

    #[test]
    fn what_comes_singly_counts_for_more_than_its_length() {
        let long = "x".repeat(1 << 20);
        let odd: Vec<_> = (0..1 << 17).map(|number| (2 * number + 1).to_string()).collect();
        let odd = odd.join(",");
        for line in [
            format!("* LIST () \"/\" x (\"X-LONG\" (\"{long}\"))\r\n"),
            format!("* METADATA \"\" (/shared/comment \"{long}\")\r\n"),
            format!("* ESEARCH UID ALL {odd}\r\n"),
            format!("* VANISHED (EARLIER) {odd}\r\n"),
            format!("* THREAD {}\r\n", "(1)".repeat(1 << 18)),
            format!("* ID (\"name\" \"{long}\")\r\n"),
        ] {
            let Response::Untagged(data) = parse(line, ParseOptions::default()).unwrap().value else {
                panic!("it is untagged")
            };
            let took = took(&data);
            assert!((8..=128).contains(&took), "{took} of {}", &format!("{data:?}")[..20]);
        }
    }
}
