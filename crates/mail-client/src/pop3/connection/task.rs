//! The task that owns a connection.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{self, Poll},
    time::Duration,
};

use mail_proto::pop3::{
    Command, Reply,
    client::{ClientSession, CommandId, Completion, Event, Failure, Loss, Session},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tracing::{debug, trace};

use super::{
    Caller, Job, NOTHING_DELETED,
    sink::Sink,
    turns::{Turn, Turns, Waiting},
    unwritten,
};
use crate::{
    client::{About, GOODBYE, Home},
    error::{Cause, Error, Result},
    link::{Alarm, Flow, Socket},
};

/// What a connection keeps to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// How long it is kept open, and with it the maildrop locked, while nobody uses it.
    pub(crate) idle_timeout: Duration,
    /// How long callers wait for the end of a session that has it for itself.
    pub(crate) patience: Option<Duration>,
}

/// What is held for readers before the socket is left unread: while only they wait, and while others do.
const HELD_ALONE: usize = 1 << 20;
const HELD_FOR_OTHERS: usize = 8 << 20;

/// So long a message may lie unread where nobody else of this client waits: other programs may wait for the maildrop.
const UNREAD: Duration = Duration::from_secs(300);

/// Whoever had the connection opened gets so long to come and use it.
const FETCHED: Duration = Duration::from_secs(1);

/// Of an answer that nobody wants any more, this much is read before the connection is given up instead.
const THROWN_AWAY: usize = 1 << 20;

/// And for so long.
const UNWANTED: Duration = Duration::from_secs(5);

/// What the task shares with those who use the connection.
pub(super) struct Shared {
    pub(super) ended: Arc<OnceLock<Error>>,
    pub(super) flow: Arc<Flow>,
    pub(super) users: Arc<AtomicUsize>,
}

pub(super) struct Task {
    id: u64,
    socket: Socket<Session>,
    jobs: mpsc::UnboundedReceiver<Job>,
    turns: Turns,
    flights: HashMap<CommandId, Flight>,
    shared: Shared,
    home: Home,
    terms: Terms,
    alarm: Alarm,
    /// When the next command may go, if that is known.
    next_turn: Option<Instant>,
    /// Since when nobody uses the connection.
    idle_since: Option<Instant>,
    /// Whether anybody ever did.
    was_used: bool,
    /// Since when nobody has wanted any answer that is due.
    unwanted_since: Option<Instant>,
    /// Since when the socket has been left unread for a reader.
    unread_since: Option<Instant>,
    /// Since when no reader has taken anything either, and how often one had before.
    untouched_since: Option<(Instant, usize)>,
    /// Whether others had a turn to queue what they have since the socket was last looked at.
    gave_way: bool,
    thrown_away: usize,
    leaving: Option<Leaving>,
    /// Who is told that the connection is gone.
    goodbyes: Vec<oneshot::Sender<()>>,
    /// The answer to a QUIT that commits, for whom the maildrop is to be free by then.
    committed: Option<(Sink, Result<Completion>)>,
    /// The commands that the end of the connection left without an answer.
    lost: Vec<(CommandId, Loss)>,
    /// Whether all were told of the end.
    is_over: bool,
}

/// A goodbye without deleting anything.
struct Leaving {
    id: CommandId,
    until: Instant,
}

struct Flight {
    token: u64,
    about: About,
    caller: Caller,
    kind: FlightKind,
    sink: Sink,
}

/// What a command has to do with deleting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FlightKind {
    Reads,
    Marks,
    Commits,
}

/// Whether the connection goes on.
enum Next {
    On,
    /// It is over, as was asked for.
    Over,
}

impl Task {
    pub(super) fn new(
        id: u64,
        socket: Socket<Session>,
        jobs: mpsc::UnboundedReceiver<Job>,
        shared: Shared,
        home: Home,
        terms: Terms,
    ) -> Self {
        Self {
            id,
            socket,
            jobs,
            turns: Turns::new(terms.patience),
            flights: HashMap::new(),
            shared,
            home,
            terms,
            alarm: Alarm::new(),
            next_turn: None,
            idle_since: None,
            was_used: false,
            unwanted_since: None,
            unread_since: None,
            untouched_since: None,
            gave_way: false,
            thrown_away: 0,
            leaving: None,
            goodbyes: Vec::new(),
            committed: None,
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

    /// Notes what the end of the connection means for the commands that have no answer.
    fn note_losses(&mut self) {
        self.lost.append(&mut self.socket.session.take_lost());
    }

    /// Tells all who still want something that the connection has ended.
    fn tell(&mut self, error: &Error) {
        debug!(connection = self.id, %error, "connection ended");
        let _ = self.shared.ended.set(error.clone());
        if let Some((sink, outcome)) = self.committed.take() {
            sink.done(outcome);
        }
        let (id, target) = (self.id, &self.home.target);
        let said_of = |error: Error, about: &About| error.at(target).on(id).about(about);
        for (id, loss) in std::mem::take(&mut self.lost) {
            if let Some(Flight { about, caller, sink, .. }) = self.flights.remove(&id) {
                sink.done(Err(said_of(lost(loss, caller, error), &about)));
            }
        }
        let tell = |waiting: Waiting| {
            let error = unwritten(error.clone(), waiting.caller);
            waiting.sink.done(Err(said_of(error, &About::from(&waiting.command))));
        };
        self.turns.tell_all(tell);
        // Those still in the channel were never taken.
        self.jobs.close();
        while let Ok(job) = self.jobs.try_recv() {
            if let Job::Run(waiting) = job {
                tell(waiting);
            }
        }
        // Whoever waits for the connection, or for its end, sees that nobody answers.
        self.goodbyes.clear();
        self.is_over = true;
    }

    /// Serves until the connection ends: `Ok` if that was asked for.
    async fn serve(&mut self) -> Result<()> {
        loop {
            if let Next::Over = self.dispatch()? {
                return Ok(());
            }
            // A command that can't be sent has an end at once.
            if self.give_turns() {
                continue;
            }
            let queued = std::future::poll_fn(|cx| self.poll(cx)).await?;
            // With others under way, a turn for them to queue what they have makes one write of many.
            if queued && self.is_shared() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Ready when there is something to dispatch or to write. Says whether commands were queued.
    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<bool>> {
        let mut queued = false;
        while let Poll::Ready(job) = self.jobs.poll_recv(cx) {
            match job {
                Some(job) => queued |= self.accept(job)?,
                // The last handle is gone: nobody is left to serve.
                None => return Poll::Ready(Err(Error::new(Cause::Closed))),
            }
        }
        // Once only: callers that queue at every turn mustn't keep the socket waiting.
        if queued && self.is_shared() && !std::mem::replace(&mut self.gave_way, true) {
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

    /// Whether more than one command is on its way, or about to be.
    fn is_shared(&self) -> bool {
        self.flights.len() + self.turns.len() > 1
    }

    /// Gives the session the commands whose turn it is. Returns whether there were any.
    fn give_turns(&mut self) -> bool {
        self.next_turn = None;
        let mut gave = false;
        while self.leaving.is_none() {
            match self.turns.next(self.flights.len(), Instant::now()) {
                Turn::Now(waiting) => self.submit(waiting),
                Turn::Goodbye => self.leave(),
                Turn::At(time) => {
                    self.next_turn = Some(time);
                    return gave;
                }
                Turn::Nobodys => return gave,
            }
            gave = true;
        }
        gave
    }

    fn submit(&mut self, waiting: Waiting) {
        let Waiting { token, command, sink, caller, .. } = waiting;
        let kind = match command {
            Command::Dele(_) => FlightKind::Marks,
            Command::Quit => FlightKind::Commits,
            _ => FlightKind::Reads,
        };
        let about = About::from(&command);
        let id = self.socket.session.submit(command);
        self.flights.insert(id, Flight { token, about, caller, kind, sink });
    }

    /// Ends the connection without deleting anything: RSET and its +OK come before QUIT (rule P36).
    fn leave(&mut self) {
        if self.leaving.is_none() {
            let id = self.socket.session.leave();
            self.leaving = Some(Leaving { id, until: Instant::now() + GOODBYE });
        }
    }

    /// Whether to read: not while callers hold more than they may. Others that wait behind them are worth more memory.
    fn reads(&mut self, cx: &task::Context<'_>) -> bool {
        let limit = if self.has_waiting_callers() { HELD_FOR_OTHERS } else { HELD_ALONE };
        let reads = self.shared.flow.has_room(limit, cx.waker());
        if reads {
            self.untouched_since = None;
            if self.unread_since.take().is_some() {
                self.socket.session.reading_resumed(Instant::now().into_std());
            }
        } else {
            self.unread_since.get_or_insert_with(Instant::now);
            let given_back = self.shared.flow.given_back();
            if self.untouched_since.is_none_or(|(_, before)| before != given_back) {
                self.untouched_since = Some((Instant::now(), given_back));
            }
        }
        reads
    }

    fn has_waiting_callers(&self) -> bool {
        self.leaving.is_some()
            || self.shared.flow.is_starved()
            || self.turns.has_waiting_callers()
            || self.flights.values().any(|flight| !flight.sink.is_stream())
    }

    /// Until when a message may lie unread, and how long that is: not for long while somebody waits behind it, and for
    /// some time that nobody takes anything of it where nobody does.
    fn unread_until(&self) -> Option<(Instant, Duration)> {
        let stall_timeout = self.home.stall_timeout;
        let (since, patience) = if self.has_waiting_callers() {
            (self.unread_since?, stall_timeout)
        } else {
            (self.untouched_since?.0, stall_timeout.max(UNREAD))
        };
        Some((since + patience, patience))
    }

    /// Waits for whatever ends first: the peer's patience with us or ours with it, or the wait for the next turn.
    fn poll_deadline(&mut self, cx: &mut task::Context<'_>, reads: bool) -> Poll<Result<()>> {
        self.note_idle();
        loop {
            let (unread, patience) = self.unread_until().filter(|_| !reads).unzip();
            let silence = self.socket.session.deadline().filter(|_| reads).map(Instant::from_std);
            let unwanted = self.unwanted_since.map(|since| since + UNWANTED);
            let kept = self.terms.idle_timeout;
            let kept = if self.was_used { kept } else { kept.max(FETCHED) };
            let idle = self.idle_since.map(|since| since + kept);
            let left = self.leaving.as_ref().map(|leaving| leaving.until);
            let all = [unread, silence, unwanted, idle, left, self.next_turn];
            let Some(deadline) = all.into_iter().flatten().min() else { return Poll::Pending };
            if deadline <= Instant::now() {
                let after = self.socket.session.patience().unwrap_or_default();
                return Poll::Ready(match Some(deadline) {
                    // The server doesn't let go, and no QUIT was written that could delete anything.
                    time if time == left => Err(Error::new(Cause::Closed)),
                    time if time == self.next_turn => Ok(()),
                    time if time == idle => {
                        debug!(connection = self.id, "nobody uses the maildrop: it is unlocked");
                        self.idle_since = None;
                        self.leave();
                        Ok(())
                    }
                    time if time == unwanted => Err(Error::new(Cause::Abandoned)),
                    time if time == unread => {
                        Err(Error::new(Cause::Stalled { after: patience.unwrap_or_default() }))
                    }
                    _ => Err(Error::new(Cause::Silent { waited_for: "an answer", after })),
                });
            }
            if self.alarm.poll(cx, deadline).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Notes since when nobody uses the connection, and since when every answer that is due is one that nobody wants.
    fn note_idle(&mut self) {
        let is_quiet = self.turns.is_empty() && self.leaving.is_none();
        let is_idle = is_quiet && self.flights.is_empty() && self.shared.users.load(Ordering::Acquire) == 0;
        note(&mut self.idle_since, is_idle);
        let is_unwanted = is_quiet
            && !self.flights.is_empty()
            && self.flights.values().all(|flight| !flight.sink.is_wanted());
        note(&mut self.unwanted_since, is_unwanted);
    }

    /// Takes a job in. Returns whether there may be something to do for it.
    fn accept(&mut self, job: Job) -> Result<bool> {
        self.was_used = true;
        match job {
            Job::Run(waiting) => {
                if waiting.sink.is_wanted() {
                    self.turns.push(waiting);
                }
            }
            Job::Cancel { token, written } => self.cancel(token, written),
            Job::Begin(applicant) => self.turns.apply(applicant),
            Job::End { session, gone } => {
                let marks = |flight: &Flight| flight.kind == FlightKind::Marks;
                let dirty = self.socket.session.marked_as_deleted() > 0 || self.flights.values().any(marks);
                // What was marked, or is to be, must not be there for whoever comes next.
                if self.turns.end(session) && (dirty || gone.is_some()) {
                    self.leave();
                }
                self.goodbyes.extend(gone);
            }
            Job::Rest => {}
            Job::Logout { done } => {
                self.goodbyes.push(done);
                self.turns.say_goodbye();
            }
            Job::Cut => return Err(Error::new(Cause::Closed)),
        }
        Ok(true)
    }

    fn cancel(&mut self, token: u64, written: Option<oneshot::Sender<bool>>) {
        let was_written = if self.turns.cancel(token) {
            Some(false)
        } else {
            let found = self.flights.iter().find(|(_, flight)| flight.token == token);
            found.map(|(id, _)| *id).map(|id| {
                let unwritten = self.socket.session.cancel(id);
                if unwritten {
                    self.flights.remove(&id);
                }
                !unwritten
            })
        };
        if let (Some(told), Some(was_written)) = (written, was_written) {
            let _ = told.send(was_written);
        }
    }

    /// Hands on what the session has.
    fn dispatch(&mut self) -> Result<Next> {
        while let Some(event) = self.socket.session.next_event()? {
            match event {
                Event::Item { id, item } => match self.wanted(id) {
                    Some(sink) => sink.item(item)?,
                    None => self.throw_away(32)?,
                },
                Event::Chunk { id, bytes } => {
                    let flow = Arc::clone(&self.shared.flow);
                    match self.wanted(id) {
                        Some(sink) => sink.chunk(bytes, &flow),
                        None => self.throw_away(bytes.len())?,
                    }
                }
                Event::Unreadable { id, error } => {
                    debug!(connection = self.id, %error, "a line can't be read");
                    if let Some(sink) = self.wanted(id) {
                        sink.unreadable(error);
                    }
                }
                Event::Completed { id, outcome } => {
                    self.thrown_away = 0;
                    if let Next::Over = self.completed(id, outcome)? {
                        return Ok(Next::Over);
                    }
                }
                Event::Quirk(quirk) => trace!(connection = self.id, kind = %quirk.kind, "quirk"),
                _ => {}
            }
        }
        Ok(Next::On)
    }

    fn wanted(&mut self, id: CommandId) -> Option<&mut Sink> {
        self.flights.get_mut(&id).map(|flight| &mut flight.sink).filter(|sink| sink.is_wanted())
    }

    fn completed(&mut self, id: CommandId, outcome: Result<Completion, Failure>) -> Result<Next> {
        if self.leaving.as_ref().is_some_and(|leaving| leaving.id == id) {
            // Where RSET was refused nothing but the end of the connection undoes what was marked.
            return outcome.map(|_| Next::Over).map_err(|_| Error::new(Cause::Closed));
        }
        let Some(flight) = self.flights.remove(&id) else { return Ok(Next::On) };
        let outcome = match outcome {
            Ok(completion) => {
                self.heed(&completion.reply);
                Ok(completion)
            }
            Err(failure) => Err(self.refused(failure, &flight.about)),
        };
        trace!(connection = self.id, command = flight.about.name, ok = outcome.is_ok(), "command ended");
        if flight.kind == FlightKind::Commits {
            self.committed = Some((flight.sink, outcome));
            return Ok(Next::Over);
        }
        flight.sink.done(outcome);
        Ok(Next::On)
    }

    /// What nobody wants is read on, so that the connection stays of use, but not for long: past a bound it is given
    /// up, unless others have commands behind it, or a session would be lost with it.
    fn throw_away(&mut self, len: usize) -> Result<()> {
        self.thrown_away += len;
        let others = !self.turns.is_empty() || self.flights.values().any(|flight| flight.sink.is_wanted());
        if self.thrown_away > THROWN_AWAY && !others {
            return Err(Error::new(Cause::Abandoned));
        }
        Ok(())
    }

    /// What became of a command that didn't go well.
    fn refused(&mut self, failure: Failure, about: &About) -> Error {
        let wait = match &failure {
            Failure::Refused(reply) => self.heed(reply),
            _ => None,
        };
        Error::from(failure).at(&self.home.target).on(self.id).about(about).retry_in(wait)
    }

    /// Does what the server wishes of the whole client. Says for how long nothing goes to it.
    fn heed(&mut self, reply: &Reply) -> Option<Duration> {
        let wait = self.home.heed(self.id, reply)?;
        self.turns.hold_until(Instant::now() + wait);
        Some(wait)
    }
}

/// Since when something is so.
fn note(since: &mut Option<Instant>, is_so: bool) {
    if is_so {
        since.get_or_insert_with(Instant::now);
    } else {
        *since = None;
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

/// The error of a command whose connection was lost.
fn lost(loss: Loss, caller: Caller, reason: &Error) -> Error {
    let reason = Box::new(reason.clone());
    match (loss, caller) {
        (Loss::OutcomeUnknown, _) => {
            Error::new(Cause::OutcomeUnknown { whether: "the messages were deleted", reason })
        }
        (Loss::Unwritten, caller) => unwritten(*reason, caller),
        (Loss::NoEffect, Caller::Session(_)) => Error::new(Cause::NoEffect { but: NOTHING_DELETED, reason }),
        (Loss::NoEffect, Caller::Anyone) => Error::new(Cause::Lost { written: true, reason }),
    }
}
