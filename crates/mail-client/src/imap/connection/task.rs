//! The task that owns a connection.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use mail_proto::imap::{
    Command,
    client::{ClientSession, CommandId, Event, Request, Session},
    response::Untagged,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, Sleep, timeout},
};
use tracing::{debug, trace};

use super::{About, Flow, Job, sink::Sink};
use crate::{
    error::{Cause, Error, Result},
    link::Socket,
    transport::Target,
};

/// What a connection's task goes by.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) target: Target,
    /// How long commands may wait behind a stream that nobody reads.
    pub(crate) stall_timeout: Duration,
}

/// What is held for readers before the socket is left unread: while only they wait, and while others do.
const HELD_ALONE: usize = 1 << 20;
const HELD_FOR_OTHERS: usize = 8 << 20;

/// Of an answer that nobody wants any more, this much is read before the connection is given up instead.
const THROWN_AWAY: usize = 1 << 20;

/// How long the server gets to close a connection that was logged out.
const SEEN_OFF: Duration = Duration::from_secs(1);

pub(super) struct Task {
    id: u64,
    socket: Socket<Session>,
    jobs: mpsc::UnboundedReceiver<Job>,
    flights: HashMap<CommandId, Flight>,
    flow: Arc<Flow>,
    broken: Arc<AtomicBool>,
    settings: Settings,
    timer: Pin<Box<Sleep>>,
    /// Since when the socket has been left unread for a reader.
    unread_since: Option<Instant>,
    /// Whether others had a turn to queue what they have since the socket was last looked at.
    gave_way: bool,
    goodbyes: Vec<oneshot::Sender<()>>,
    leaving: bool,
    thrown_away: usize,
}

struct Flight {
    token: u64,
    about: About,
    sink: Sink,
}

impl Task {
    pub(super) fn new(
        id: u64,
        socket: Socket<Session>,
        jobs: mpsc::UnboundedReceiver<Job>,
        broken: Arc<AtomicBool>,
        flow: Arc<Flow>,
        settings: Settings,
    ) -> Self {
        Self {
            id,
            socket,
            jobs,
            flights: HashMap::new(),
            flow,
            broken,
            settings,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            unread_since: None,
            gave_way: false,
            goodbyes: Vec::new(),
            leaving: false,
            thrown_away: 0,
        }
    }

    pub(super) async fn run(mut self) {
        let ended = self.serve().await;
        let Self { id, mut socket, jobs, flights, broken, settings, goodbyes, .. } = self;
        let lost = socket.session.take_lost();
        let error = match ended {
            Ok(()) => {
                see_off(&mut socket).await;
                socket.shut_down().await;
                Error::new(Cause::Closed)
            }
            // Its place is taken by another as soon as anybody learns of it, so it has to be gone by then.
            Err(error) => {
                drop(socket);
                error
            }
        };
        debug!(connection = id, %error, "connection ended");
        broken.store(true, Ordering::Release);
        let bereaved = Bereaved { id, target: settings.target, error };
        bereaved.tell(lost, flights, jobs);
        for goodbye in goodbyes {
            let _ = goodbye.send(());
        }
    }

    /// Serves until the connection ends: `Ok` if that was asked for.
    async fn serve(&mut self) -> Result<()> {
        loop {
            if let Err(error) = self.dispatch() {
                return if self.leaving { Ok(()) } else { Err(error) };
            }
            let queued = match std::future::poll_fn(|cx| self.poll(cx)).await {
                Ok(queued) => queued,
                Err(error) => return if self.leaving { Ok(()) } else { Err(error) },
            };
            // With others under way, a turn for them to queue what they have makes one write of many.
            if queued && self.flights.len() > 1 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Ready when there is something to dispatch or to write. Says whether commands were queued.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool>> {
        let mut queued = false;
        while let Poll::Ready(job) = self.jobs.poll_recv(cx) {
            match job {
                Some(job) => queued |= self.accept(job)?,
                // The last handle is gone: nobody is left to serve.
                None => return Poll::Ready(Err(Error::new(Cause::Closed))),
            }
        }
        // Once only: callers that queue at every turn mustn't keep the socket waiting.
        if queued && self.flights.len() > 1 && !std::mem::replace(&mut self.gave_way, true) {
            return Poll::Ready(Ok(true));
        }
        self.gave_way = false;
        let reads = self.reads(cx);
        if let Poll::Ready(done) = self.socket.poll(cx, reads) {
            done?;
            return Poll::Ready(Ok(false));
        }
        if queued {
            return Poll::Ready(Ok(true));
        }
        self.poll_deadline(cx, reads).map_ok(|()| false)
    }

    /// Whether to read: not while callers hold more than they may. Others that wait behind them are worth more memory.
    fn reads(&mut self, cx: &Context<'_>) -> bool {
        let limit = if self.has_waiting_callers() { HELD_FOR_OTHERS } else { HELD_ALONE };
        let reads = self.flow.has_room(limit, cx.waker());
        if reads {
            if self.unread_since.take().is_some() {
                self.socket.session.reading_resumed(Instant::now().into_std());
            }
        } else {
            self.unread_since.get_or_insert_with(Instant::now);
        }
        reads
    }

    /// Whether somebody waits for what stands behind that which is not read: another caller, or the stream itself.
    fn others_wait(&self) -> bool {
        self.flow.is_starved() || self.has_waiting_callers()
    }

    fn has_waiting_callers(&self) -> bool {
        self.flow.is_thirsty() || self.flights.values().any(|flight| !flight.sink.is_stream())
    }

    /// The deadline that runs: the peer's while a reply is due and we read, the reader's while we don't.
    fn poll_deadline(&mut self, cx: &mut Context<'_>, reads: bool) -> Poll<Result<()>> {
        loop {
            let deadline = match self.unread_since {
                _ if reads => self.socket.session.deadline().map(Instant::from_std),
                Some(since) if self.others_wait() => Some(since + self.settings.stall_timeout),
                _ => None,
            };
            let Some(deadline) = deadline else { return Poll::Pending };
            if deadline <= Instant::now() {
                let error = match self.socket.session.patience() {
                    Some(after) if reads => Cause::Silent { waited_for: "an answer", after },
                    _ => Cause::Stalled { after: self.settings.stall_timeout },
                };
                return Poll::Ready(Err(Error::new(error)));
            }
            // Armed for a deadline that has moved on, the timer just looks again.
            let armed = self.timer.deadline();
            if armed > deadline || self.timer.is_elapsed() {
                self.timer.as_mut().reset(deadline);
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Takes a job in. Returns whether it was a command.
    fn accept(&mut self, job: Job) -> Result<bool> {
        match job {
            Job::Run { token, request, sink } => {
                if !sink.is_wanted() {
                    return Ok(false);
                }
                let about = About::from(request.command());
                let id = self.socket.session.submit(*request);
                self.flights.insert(id, Flight { token, about, sink });
                Ok(true)
            }
            Job::Cancel { token, written } => {
                let found = self.flights.iter().find(|(_, flight)| flight.token == token);
                if let Some(id) = found.map(|(id, _)| *id) {
                    let unwritten = self.socket.session.cancel(id);
                    if unwritten {
                        self.flights.remove(&id);
                    }
                    if let Some(told) = written {
                        let _ = told.send(!unwritten);
                    }
                }
                // Without it, what waited behind it may have its turn.
                Ok(true)
            }
            Job::Logout { done } => {
                self.goodbyes.push(done);
                if !std::mem::replace(&mut self.leaving, true) {
                    self.socket.session.submit(Request::new(Command::Logout));
                }
                Ok(true)
            }
            Job::Cut => Err(Error::new(Cause::Closed)),
        }
    }

    /// Hands on what the session has.
    fn dispatch(&mut self) -> Result<()> {
        while let Some(event) = self.socket.session.next_event()? {
            match event {
                Event::Data { id: Some(id), data } => match self.flights.get_mut(&id) {
                    Some(flight) if flight.sink.is_wanted() => flight.sink.data(data, &self.flow)?,
                    _ => self.throw_away(match &data {
                        Untagged::Fetch(fetch) => fetch.wire_len(),
                        _ => 0,
                    })?,
                },
                Event::Chunk { id: Some(id), bytes } => match self.flights.get_mut(&id) {
                    Some(flight) if flight.sink.is_wanted() => flight.sink.chunk(bytes, &self.flow),
                    _ => self.throw_away(bytes.len())?,
                },
                Event::Completed { id, outcome } => {
                    self.thrown_away = 0;
                    if let Some(flight) = self.flights.remove(&id) {
                        let outcome =
                            outcome.map_err(|failure| self.blame(Error::failure(failure), &flight.about));
                        trace!(
                            connection = self.id,
                            command = flight.about.name,
                            ok = outcome.is_ok(),
                            "command ended"
                        );
                        flight.sink.done(outcome);
                    } else if self.leaving {
                        return Err(Error::new(Cause::Closed));
                    }
                }
                Event::Unreadable(error) => {
                    debug!(connection = self.id, %error, "a response can't be read");
                }
                Event::Quirk(quirk) => trace!(connection = self.id, kind = %quirk.kind, "quirk"),
                Event::Data { id: None, data } => trace!(connection = self.id, ?data, "news"),
                _ => {}
            }
        }
        Ok(())
    }

    /// What nobody wants is read on, so that the connection stays of use, but not for long: past a bound it is given
    /// up, unless others have commands behind it.
    fn throw_away(&mut self, len: usize) -> Result<()> {
        self.thrown_away += len;
        let others = self.flights.values().any(|flight| flight.sink.is_wanted());
        if self.thrown_away > THROWN_AWAY && !others {
            return Err(Error::new(Cause::Abandoned));
        }
        Ok(())
    }

    fn blame(&self, error: Error, about: &About) -> Error {
        error.at(&self.settings.target).on(self.id).about(about)
    }
}

/// Waits a little for the server to close first: until it has, it counts the connection.
async fn see_off(socket: &mut Socket<Session>) {
    let closed = async {
        while let Ok(event) = socket.session.next_event() {
            if event.is_none() && std::future::poll_fn(|cx| socket.poll(cx, true)).await.is_err() {
                return;
            }
        }
    };
    let _ = timeout(SEEN_OFF, closed).await;
}

/// What those are told whose connection has ended.
struct Bereaved {
    id: u64,
    target: Target,
    error: Error,
}

impl Bereaved {
    fn tell(
        &self,
        lost: Vec<(CommandId, bool)>,
        mut flights: HashMap<CommandId, Flight>,
        mut jobs: mpsc::UnboundedReceiver<Job>,
    ) {
        for (id, written) in lost {
            if let Some(flight) = flights.remove(&id) {
                flight.sink.done(Err(self.lost(written, &flight.about)));
            }
        }
        // Those still in the channel were never taken.
        jobs.close();
        while let Ok(job) = jobs.try_recv() {
            match job {
                Job::Run { request, sink, .. } => sink.done(Err(self.lost(false, &request.command().into()))),
                Job::Logout { done } => drop(done.send(())),
                Job::Cancel { .. } | Job::Cut => {}
            }
        }
    }

    fn lost(&self, written: bool, about: &About) -> Error {
        let lost = Cause::Lost { written, reason: Box::new(self.error.clone()) };
        Error::new(lost).at(&self.target).on(self.id).about(about)
    }
}
