//! The task that owns a connection.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{self, Poll},
    time::Duration,
};

use mail_proto::smtp::{
    Command, Reply,
    client::{ClientSession, CommandId, Event, Failure, Loss, Session},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tracing::{debug, trace};

use super::{
    Answer, Job, Request, lost,
    text::{Progress, Text},
};
use crate::{
    client::Home,
    error::{Cause, Error, Result},
    link::{Alarm, Socket},
};

/// How long an answer is waited for that nobody wants any more, and that nobody waits behind.
const UNWANTED: Duration = Duration::from_secs(5);

/// What the task shares with those who use the connection.
pub(super) struct Shared {
    pub(super) ended: Arc<OnceLock<Error>>,
    /// Whether the server may have a message half-way.
    pub(super) is_open: Arc<AtomicBool>,
}

pub(super) struct Task {
    id: u64,
    socket: Socket<Session>,
    jobs: mpsc::UnboundedReceiver<Job>,
    /// Requests that the session doesn't have yet.
    waiting: VecDeque<Waiting>,
    /// The one that it has.
    under_way: Option<UnderWay>,
    shared: Shared,
    home: Home,
    alarm: Alarm,
    /// Until when the server wants to be left alone.
    held_until: Option<Instant>,
    /// Since when nobody has wanted the answer that is due.
    unwanted_since: Option<Instant>,
    goodbyes: Vec<oneshot::Sender<()>>,
    leaving: bool,
    /// Whether all were told of the end.
    is_over: bool,
}

struct Waiting {
    token: u64,
    request: Request,
    done: oneshot::Sender<Answer>,
}

struct UnderWay {
    id: CommandId,
    token: u64,
    /// Of a message, its text.
    text: Option<Text>,
    done: oneshot::Sender<Answer>,
    /// What the end of the connection means for it, and what each recipient was answered by then.
    loss: Loss,
    recipients: Vec<Reply>,
}

impl Task {
    pub(super) fn new(
        id: u64,
        socket: Socket<Session>,
        jobs: mpsc::UnboundedReceiver<Job>,
        shared: Shared,
        home: Home,
    ) -> Self {
        Self {
            id,
            socket,
            jobs,
            waiting: VecDeque::new(),
            under_way: None,
            shared,
            home,
            alarm: Alarm::new(),
            held_until: None,
            unwanted_since: None,
            goodbyes: Vec::new(),
            leaving: false,
            is_over: false,
        }
    }

    pub(super) async fn run(mut self) {
        let ended = self.serve().await.map_err(|error| {
            let wait = error.goodbye().and_then(|said| self.home.heed(self.id, said));
            error.retry_in(wait)
        });
        self.note_loss();
        let error = self.socket.end(ended).await;
        self.tell(&error);
    }

    /// Notes what the end of the connection means for the request that is under way.
    fn note_loss(&mut self) {
        let Some(request) = &mut self.under_way else { return };
        request.recipients.extend_from_slice(self.socket.session.answered_recipients());
        let lost = self.socket.session.take_lost();
        if let Some((_, loss)) = lost.into_iter().find(|(id, _)| *id == request.id) {
            request.loss = loss;
        }
    }

    /// Tells all who still want something that the connection has ended.
    fn tell(&mut self, error: &Error) {
        debug!(connection = self.id, %error, "connection ended");
        let _ = self.shared.ended.set(error.clone());
        if let Some(UnderWay { loss, recipients, done, .. }) = self.under_way.take() {
            let outcome = Err(lost(loss, error).at(&self.home.target).on(self.id));
            let _ = done.send(Answer { outcome, recipients });
        }
        // Nothing was written of what waits. Whoever waits for it sees that nobody answers, and knows the error by now.
        self.waiting.clear();
        self.goodbyes.clear();
        self.is_over = true;
    }

    /// Serves until the connection ends: `Ok` if that was asked for.
    async fn serve(&mut self) -> Result<()> {
        loop {
            let mut done = self.dispatch();
            if done.is_ok() {
                // A message that can't be sent has an end at once.
                if self.give_turn() {
                    continue;
                }
                done = poll_fn(|cx| self.poll(cx)).await;
            }
            match done {
                Ok(()) => {}
                Err(_) if self.leaving => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Ready when there is something to dispatch or to write.
    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<()>> {
        let mut changed = false;
        while let Poll::Ready(job) = self.jobs.poll_recv(cx) {
            match job {
                Some(job) => self.accept(job)?,
                // The last handle is gone: nobody is left to serve.
                None => return Poll::Ready(Err(Error::new(Cause::Closed))),
            }
            changed = true;
        }
        if changed {
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(done) = self.socket.poll(cx, true) {
            return Poll::Ready(done);
        }
        let text = self.under_way.as_mut().and_then(|request| request.text.as_mut());
        match text.map(|text| text.pass_on(&mut self.socket.session, cx)) {
            Some(Progress::More) => return Poll::Ready(Ok(())),
            // There is no way to end it but to cut (rule P28).
            Some(Progress::Broken) => {
                self.socket.session.break_off();
                return Poll::Ready(Ok(()));
            }
            Some(Progress::Wait) | None => {}
        }
        self.poll_deadline(cx)
    }

    /// Gives the session the next request, if it has none. Returns whether it got one.
    fn give_turn(&mut self) -> bool {
        if self.under_way.is_some() || self.leaving {
            return false;
        }
        self.held_until = self.held_until.filter(|until| *until > Instant::now());
        if self.held_until.is_some() {
            return false;
        }
        while let Some(Waiting { token, request, done }) = self.waiting.pop_front() {
            if done.is_closed() {
                continue;
            }
            let (id, text) = match request {
                Request::Command(command) => (self.socket.session.submit(command), None),
                Request::Message(envelope, text) => {
                    self.shared.is_open.store(true, Ordering::Release);
                    (self.socket.session.send(*envelope), Some(text))
                }
            };
            let (loss, recipients) = (Loss::NotAccepted, Vec::new());
            self.under_way = Some(UnderWay { id, token, text, done, loss, recipients });
            return true;
        }
        false
    }

    /// Waits for whatever ends first: the peer's patience with us or ours with it, or the wait that it asked for.
    fn poll_deadline(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<()>> {
        let is_unwanted = self.waiting.is_empty()
            && self.under_way.as_ref().is_some_and(|request| request.done.is_closed());
        if is_unwanted {
            self.unwanted_since.get_or_insert_with(Instant::now);
        } else {
            self.unwanted_since = None;
        }
        loop {
            let silence = self.socket.session.deadline().map(Instant::from_std);
            let unwanted = self.unwanted_since.map(|since| since + UNWANTED);
            // Nothing has been given its turn since.
            let held = self.held_until.filter(|_| !self.waiting.is_empty());
            let Some(deadline) = [silence, unwanted, held].into_iter().flatten().min() else {
                return Poll::Pending;
            };
            if deadline <= Instant::now() {
                return Poll::Ready(match self.socket.session.patience() {
                    _ if held == Some(deadline) => Ok(()),
                    _ if unwanted == Some(deadline) => Err(Error::new(Cause::Abandoned)),
                    after => {
                        let after = after.unwrap_or_default();
                        Err(Error::new(Cause::Silent { waited_for: "an answer", after }))
                    }
                });
            }
            if self.alarm.poll(cx, deadline).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn accept(&mut self, job: Job) -> Result<()> {
        match job {
            Job::Run { token, request, done } => self.waiting.push_back(Waiting { token, request, done }),
            Job::Cancel { token, told } => {
                if let Some(loss) = self.cancel(token)
                    && let Some(told) = told
                {
                    let _ = told.send(loss);
                }
            }
            Job::Logout { done } => {
                self.goodbyes.push(done);
                if !std::mem::replace(&mut self.leaving, true) {
                    self.socket.session.submit(Command::Quit);
                }
            }
            Job::Cut => {
                // Nobody waits for a goodbye any more.
                self.leaving = false;
                return Err(Error::new(Cause::Closed));
            }
        }
        Ok(())
    }

    /// Nobody waits for this request any more. Says what that means for it, unless it has ended.
    fn cancel(&mut self, token: u64) -> Option<Loss> {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.token != token);
        if self.waiting.len() < before {
            return Some(Loss::Unwritten);
        }
        let request = self.under_way.as_ref().filter(|request| request.token == token)?;
        if request.text.is_none() {
            // A command that has no effect; its answer is waited for.
            return Some(Loss::NotAccepted);
        }
        let (_, loss) = self.socket.session.break_off()?;
        if loss == Loss::Unwritten {
            self.under_way = None;
            self.note_openness();
        }
        Some(loss)
    }

    fn note_openness(&self) {
        self.shared.is_open.store(self.socket.session.needs_reset(), Ordering::Release);
    }

    /// Hands on what the session has.
    fn dispatch(&mut self) -> Result<()> {
        while let Some(event) = self.socket.session.next_event()? {
            match event {
                Event::SendBody { id } => {
                    let wanted = self.under_way.as_mut().filter(|request| request.id == id);
                    match wanted.and_then(|request| request.text.as_mut()) {
                        Some(text) => text.open(),
                        None => drop(self.socket.session.break_off()),
                    }
                }
                Event::Completed { id, outcome, recipients } => {
                    self.note_openness();
                    let request = self.under_way.take_if(|request| request.id == id);
                    let Some(UnderWay { done, .. }) = request else {
                        // QUIT was answered.
                        return Err(Error::new(Cause::Closed));
                    };
                    let outcome = self.judge(outcome, &recipients);
                    trace!(connection = self.id, ok = outcome.is_ok(), "command ended");
                    // A caller that is gone wants no answer.
                    let _ = done.send(Answer { outcome, recipients });
                }
                Event::Quirk(quirk) => trace!(connection = self.id, kind = %quirk.kind, "quirk"),
                _ => {}
            }
        }
        Ok(())
    }

    /// What became of a request, once the client does what the server wishes of it.
    fn judge(&mut self, outcome: Result<Reply, Failure>, recipients: &[Reply]) -> Result<Reply> {
        let of_all = match &outcome {
            Ok(reply) | Err(Failure::Refused(reply) | Failure::SenderRefused(reply)) => Some(reply),
            Err(_) => None,
        };
        let mut replies = of_all.into_iter().chain(recipients);
        let wait = replies.find_map(|reply| self.home.heed(self.id, reply));
        if let Some(wait) = wait {
            self.held_until = self.held_until.max(Some(Instant::now() + wait));
        }
        outcome.map_err(|failure| Error::from(failure).at(&self.home.target).on(self.id).retry_in(wait))
    }
}

/// A runtime that ends drops its tasks as they are: even then those who wait elsewhere learn what was written.
impl Drop for Task {
    fn drop(&mut self) {
        if !self.is_over {
            self.socket.close();
            self.note_loss();
            self.tell(&Error::new(Cause::TaskEnded));
        }
    }
}
