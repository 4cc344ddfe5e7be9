//! The task that owns a connection.

use std::{
    sync::{Arc, OnceLock},
    task::{self, Poll, Waker},
    time::Duration,
};

use mail_proto::imap::{
    Command, Status,
    client::{ClientSession, CommandId, Event, Failure, Request, Session},
    response::Untagged,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tracing::{debug, trace};

use super::{
    Job, News,
    flights::{Flight, Flights},
    news, sink,
    turns::{Load, Turn, Turns, Waiting},
};
use crate::{
    client::{About, Home},
    error::{Cause, Error, Result},
    link::{Alarm, Flow, Piece, Socket},
};

/// What is held for readers before the socket is left unread: while they have enough to read, little enough to lie in
/// the processor's cache until they do; while one waits for what stands behind what it left unread; while others wait.
const HELD_ALONE: usize = 256 << 10;
const HELD_FOR_ITSELF: usize = 1 << 20;
const HELD_FOR_OTHERS: usize = 8 << 20;

/// Of an answer that nobody wants any more, this much is read before the connection is given up instead.
const THROWN_AWAY: usize = 1 << 20;

/// And for so long.
const UNWANTED: Duration = Duration::from_secs(5);

/// What the task shares with those who use the connection.
pub(super) struct Shared {
    pub(super) ended: Arc<OnceLock<Error>>,
    pub(super) flow: Arc<Flow>,
    pub(super) news: Arc<News>,
}

pub(super) struct Task {
    id: u64,
    socket: Socket<Session>,
    jobs: mpsc::UnboundedReceiver<Job>,
    /// Commands that the session doesn't have yet.
    turns: Turns,
    flights: Flights,
    flow: Arc<Flow>,
    ended: Arc<OnceLock<Error>>,
    news: Arc<News>,
    home: Home,
    alarm: Alarm,
    /// When the next command may go, if that is known.
    next_turn: Option<Instant>,
    /// Since when nobody has wanted any answer that is due.
    unwanted_since: Option<Instant>,
    /// Since when the socket has been left unread for a reader.
    unread_since: Option<Instant>,
    /// Whether others had a turn to queue what they have since the socket was last looked at.
    gave_way: bool,
    goodbyes: Vec<oneshot::Sender<()>>,
    leaving: bool,
    thrown_away: usize,
    /// The commands that the end of the connection left without an answer, and whether each was written.
    lost: Vec<(CommandId, bool)>,
    /// Whether all were told of the end.
    is_over: bool,
}

/// What a look at callers and socket came to.
enum Seen {
    /// Something to dispatch or to write.
    Work,
    /// Commands, behind which others are likely to be queued.
    Callers,
}

impl Task {
    pub(super) fn new(
        id: u64,
        socket: Socket<Session>,
        jobs: mpsc::UnboundedReceiver<Job>,
        shared: Shared,
        home: Home,
    ) -> Self {
        let Shared { ended, flow, news } = shared;
        Self {
            id,
            socket,
            jobs,
            turns: Turns::new(),
            flights: Flights::default(),
            flow,
            ended,
            news,
            home,
            alarm: Alarm::new(),
            next_turn: None,
            unwanted_since: None,
            unread_since: None,
            gave_way: false,
            goodbyes: Vec::new(),
            leaving: false,
            thrown_away: 0,
            lost: Vec::new(),
            is_over: false,
        }
    }

    pub(super) async fn run(mut self) {
        let ended = self.serve().await.map_err(|error| {
            let wait = error.goodbye().and_then(|said| self.home.heed(self.id, said));
            error.retry_in(wait)
        });
        self.note_losses();
        let error = self.socket.end(ended).await;
        self.tell(&error);
    }

    /// Notes which commands the end of the connection left without an answer, and whether each was written.
    fn note_losses(&mut self) {
        self.lost.append(&mut self.socket.session.take_lost());
    }

    /// Tells all who still want something that the connection has ended.
    fn tell(&mut self, error: &Error) {
        debug!(connection = self.id, %error, "connection ended");
        let _ = self.ended.set(error.clone());
        // There will be none, which is worth a look too.
        self.news.add();
        let (id, target) = (self.id, &self.home.target);
        let lost = |written, about: &About| {
            let lost = Cause::Lost { written, reason: Box::new(error.clone()) };
            Err(Error::new(lost).at(target).on(id).about(about))
        };
        for (id, written) in std::mem::take(&mut self.lost) {
            if let Some(flight) = self.flights.remove(id) {
                flight.sink.done(lost(written, &flight.about));
            }
        }
        for waiting in self.turns.take_all() {
            waiting.sink.done(lost(false, &waiting.request.command().into()));
        }
        // Those still in the channel were never taken.
        self.jobs.close();
        while let Ok(job) = self.jobs.try_recv() {
            if let Job::Run { request, sink, .. } = job {
                sink.done(lost(false, &request.command().into()));
            }
        }
        // Whoever waits for the end sees that nobody answers.
        self.goodbyes.clear();
        self.is_over = true;
    }

    /// Serves until the connection ends: `Ok` if that was asked for.
    async fn serve(&mut self) -> Result<()> {
        loop {
            let dispatched = self.dispatch();
            self.flights.iter_mut().for_each(|(_, flight)| flight.sink.tell());
            if let Err(error) = dispatched {
                return if self.leaving { Ok(()) } else { Err(error) };
            }
            // A command that can't be sent has an end at once.
            if self.give_turns() {
                continue;
            }
            match std::future::poll_fn(|cx| self.poll(cx)).await {
                Ok(Seen::Work) => {}
                // With others under way, a turn for them to queue what they have makes one write of many.
                Ok(Seen::Callers) => {
                    tokio::task::yield_now().await;
                    if let Err(error) = self.take_jobs(Waker::noop()) {
                        return if self.leaving { Ok(()) } else { Err(error) };
                    }
                }
                Err(error) => return if self.leaving { Ok(()) } else { Err(error) },
            }
        }
    }

    /// Ready when there is something to dispatch or to write.
    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<Seen>> {
        // Once only: callers that queue at every turn mustn't keep the socket waiting.
        if !std::mem::take(&mut self.gave_way) && !self.jobs.is_empty() {
            // They wake nobody meanwhile: with many of them, each would do so for its own command, one after the other.
            self.gave_way = self.take_jobs(Waker::noop())?;
            if self.gave_way {
                return Poll::Ready(Ok(if self.is_shared() { Seen::Callers } else { Seen::Work }));
            }
        }
        let queued = self.take_jobs(cx.waker())?;
        let reads = self.reads(cx);
        if let Poll::Ready(done) = self.socket.poll(cx, reads) {
            done?;
            return Poll::Ready(Ok(Seen::Work));
        }
        if queued || self.poll_uploads(cx) {
            return Poll::Ready(Ok(Seen::Work));
        }
        self.poll_deadline(cx, reads).map_ok(|()| Seen::Work)
    }

    /// Takes in what callers have asked for. The next who does wakes this one. Says whether there were commands.
    fn take_jobs(&mut self, waker: &Waker) -> Result<bool> {
        let mut queued = false;
        let mut came = None;
        let mut cx = task::Context::from_waker(waker);
        while let Poll::Ready(job) = self.jobs.poll_recv(&mut cx) {
            match job {
                Some(job) => queued |= self.accept(job, *came.get_or_insert_with(Instant::now))?,
                // The last handle is gone: nobody is left to serve.
                None => return Err(self.cut()),
            }
        }
        Ok(queued)
    }

    /// Hands what callers have of their messages to the session, as far as it has room. Says whether they had any.
    fn poll_uploads(&mut self, cx: &mut task::Context<'_>) -> bool {
        let mut took_in = false;
        for (id, flight) in self.flights.iter_mut() {
            let Some(intake) = flight.sink.intake().filter(|intake| intake.is_open) else { continue };
            while intake.is_open && self.socket.session.upload_room(id) > 0 {
                match intake.pieces.poll_recv(cx) {
                    Poll::Pending => break,
                    Poll::Ready(Some(Piece::Bytes(bytes))) => self.socket.session.write_upload(id, bytes),
                    Poll::Ready(Some(Piece::End)) => {
                        intake.is_open = false;
                        self.socket.session.finish_upload(id);
                    }
                    // Its source failed, or its caller is gone: there is no way to end it but to cut (rule P28).
                    Poll::Ready(None) => {
                        intake.is_open = false;
                        self.socket.session.cancel(id);
                    }
                }
                took_in = true;
            }
        }
        took_in
    }

    /// Whether more than one command is on its way, or about to be.
    fn is_shared(&self) -> bool {
        self.flights.len() + self.turns.len() > 1
    }

    /// Gives the session the commands whose turn it is. Returns whether there were any.
    fn give_turns(&mut self) -> bool {
        self.next_turn = None;
        if self.turns.len() == 0 {
            return false;
        }
        // The connection is lent no longer than nobody wants it, whoever's turn is next.
        self.socket.session.end_idle();
        let now = Instant::now();
        let mut gave = false;
        loop {
            match self.turns.next(self.load(), now) {
                Turn::Now(waiting) => self.submit(waiting),
                Turn::At(time) => {
                    self.next_turn = Some(time);
                    return gave;
                }
                Turn::Nobodys => return gave,
            }
            gave = true;
        }
    }

    fn load(&self) -> Load {
        let (blocked, on_the_wire) = self.socket.session.load();
        Load { blocked, on_the_wire }
    }

    fn submit(&mut self, waiting: Waiting) {
        let context = Some(waiting.context()).filter(|_| waiting.request.selection().is_some());
        let Waiting { token, request, sink, .. } = waiting;
        let about = About::from(request.command());
        let id = self.socket.session.submit(*request);
        self.flights.push(id, Flight { token, about, context, sink });
    }

    /// Whether to read: not while callers hold more than they may. Others that wait behind them are worth more memory.
    fn reads(&mut self, cx: &task::Context<'_>) -> bool {
        let reads = self.flow.has_room(HELD_ALONE, cx.waker())
            || (self.flow.is_starved() && self.flow.has_room(HELD_FOR_ITSELF, cx.waker()))
            || (self.has_waiting_callers() && self.flow.has_room(HELD_FOR_OTHERS, cx.waker()));
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
        self.flow.is_thirsty()
            || self.flights.values().any(|flight| !flight.sink.is_stream())
            || self.turns.iter().any(|waiting| !waiting.sink.is_stream())
    }

    /// Waits for whatever ends first: the peer's patience with us or ours with it, or the wait for the next turn.
    fn poll_deadline(&mut self, cx: &mut task::Context<'_>, reads: bool) -> Poll<Result<()>> {
        self.note_unwanted();
        loop {
            let silence = match self.unread_since {
                _ if reads => self.socket.session.deadline().map(Instant::from_std),
                Some(since) if self.others_wait() => Some(since + self.home.stall_timeout),
                _ => None,
            };
            let unwanted = self.unwanted_since.map(|since| since + UNWANTED);
            let Some(deadline) = [silence, unwanted, self.next_turn].into_iter().flatten().min() else {
                return Poll::Pending;
            };
            if self.alarm.poll(cx, deadline).is_pending() {
                return Poll::Pending;
            }
            if deadline <= Instant::now() {
                return Poll::Ready(match self.socket.session.patience() {
                    _ if self.next_turn == Some(deadline) => Ok(()),
                    _ if unwanted == Some(deadline) => Err(Error::new(Cause::Abandoned)),
                    Some(after) if reads => Err(Error::new(Cause::Silent { waited_for: "an answer", after })),
                    _ => Err(Error::new(Cause::Stalled { after: self.home.stall_timeout })),
                });
            }
        }
    }

    /// Notes since when every answer that is due is one that nobody wants.
    fn note_unwanted(&mut self) {
        let is_unwanted = !self.flights.is_empty()
            && self.turns.len() == 0
            && self.flights.values().all(|flight| !flight.sink.is_wanted());
        if is_unwanted {
            self.unwanted_since.get_or_insert_with(Instant::now);
        } else {
            self.unwanted_since = None;
        }
    }

    /// Takes a job in. Returns whether it was a command.
    fn accept(&mut self, job: Job, now: Instant) -> Result<bool> {
        match job {
            Job::Run { token, request, sink, context } => {
                if !sink.is_wanted() {
                    return Ok(false);
                }
                self.turns.push(Waiting::new(token, request, sink, context, now));
                Ok(true)
            }
            Job::Cancel { token, written } => {
                if self.turns.cancel(token) {
                    if let Some(told) = written {
                        let _ = told.send(false);
                    }
                    return Ok(true);
                }
                if let Some(id) = self.flights.with_token(token) {
                    let unwritten = self.socket.session.cancel(id);
                    if unwritten {
                        self.flights.remove(id);
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
            Job::Cut => Err(self.cut()),
        }
    }

    /// The end without a word, also for a server that still owes the answer to a goodbye.
    fn cut(&mut self) -> Error {
        self.leaving = false;
        Error::new(Cause::Closed)
    }

    /// Hands on what the session has.
    fn dispatch(&mut self) -> Result<()> {
        while let Some(event) = self.socket.session.next_event()? {
            match event {
                Event::Data { id: None, data: Untagged::Status(status) } => {
                    trace!(connection = self.id, ?status, "news");
                    self.heed(&status);
                }
                Event::Data { id: Some(id), data } => match self.flights.get_mut(id) {
                    Some(flight) if flight.sink.is_wanted() => flight.sink.data(data, &self.flow)?,
                    _ => self.throw_away(sink::held(&data))?,
                },
                Event::Chunk { id: Some(id), bytes } => match self.flights.get_mut(id) {
                    Some(flight) if flight.sink.is_wanted() => flight.sink.chunk(bytes, &self.flow),
                    _ => self.throw_away(bytes.len())?,
                },
                Event::SendUpload { id, .. } => {
                    match self.flights.get_mut(id).and_then(|flight| flight.sink.intake()) {
                        Some(intake) => intake.open(),
                        // Whoever had it is gone.
                        None => drop(self.socket.session.cancel(id)),
                    }
                }
                Event::Completed { id, outcome } => {
                    self.thrown_away = 0;
                    if let Some(flight) = self.flights.remove(id) {
                        if let Some(context) = flight.context {
                            self.turns.ended(context, Instant::now());
                        }
                        let outcome = match outcome {
                            Ok(completion) => {
                                self.heed(&completion.status);
                                Ok(completion)
                            }
                            Err(failure) => Err(self.refused(failure, &flight.about)),
                        };
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
                Event::Unreadable { ids, error } => {
                    debug!(connection = self.id, %error, "a response can't be read");
                    for id in ids {
                        if let Some(flight) = self.flights.get_mut(id) {
                            flight.sink.unreadable(error.clone());
                        }
                    }
                }
                Event::Quirk(quirk) => trace!(connection = self.id, kind = %quirk.kind, "quirk"),
                Event::Data { id: None, data } => {
                    trace!(connection = self.id, ?data, "news");
                    if news::is_change(&data) {
                        self.news.add();
                        // Whoever watches looks at once.
                        self.socket.session.end_idle();
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What nobody wants is read on, so that the connection stays of use, but not for long: past a bound it is given
    /// up, unless others have commands behind it.
    fn throw_away(&mut self, len: usize) -> Result<()> {
        self.thrown_away += len;
        let others = self.turns.len() > 0 || self.flights.values().any(|flight| flight.sink.is_wanted());
        if self.thrown_away > THROWN_AWAY && !others {
            return Err(Error::new(Cause::Abandoned));
        }
        Ok(())
    }

    /// What became of a command that didn't go well.
    fn refused(&mut self, failure: Failure, about: &About) -> Error {
        let wait = match &failure {
            Failure::Refused(status) | Failure::NotSelected(status) => self.heed(status),
            _ => None,
        };
        Error::from(failure).at(&self.home.target).on(self.id).about(about).retry_in(wait)
    }

    /// Does what the server wishes of the whole client. Says for how long nothing goes to it.
    fn heed(&mut self, status: &Status) -> Option<Duration> {
        let wait = self.home.heed(self.id, status)?;
        self.turns.hold_until(Instant::now() + wait);
        Some(wait)
    }
}

/// A runtime that ends drops its tasks as they are: even then those who wait elsewhere learn what was written.
impl Drop for Task {
    fn drop(&mut self) {
        if !self.is_over {
            self.socket.close();
            self.note_losses();
            self.tell(&Error::new(Cause::TaskEnded));
        }
    }
}
