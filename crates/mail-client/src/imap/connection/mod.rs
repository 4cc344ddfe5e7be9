//! One connection: a task that owns the socket and drives the session, and the handle through which callers queue
//! commands.
//!
//! A caller that goes away leaves nothing half done: what it queued is either skipped or answered into the void.

mod answer;
mod flights;
mod news;
mod sink;
mod task;
mod turns;

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use mail_pool::Context;
use mail_proto::imap::{
    Capabilities, Capability, Command,
    client::{Request, Session},
};
use tokio::sync::{mpsc, oneshot};

pub(crate) use self::{
    answer::{Answer, Unread},
    news::News,
    sink::{BodyEvent, FetchEvent, FetchEvents, FetchSender, FetchSink, Following, Told, fetch_events},
};
use self::{
    sink::Sink,
    task::{Shared, Task},
};
use super::harmless::is_harmless;
use crate::{
    client::{About, Awaited, Deadline, Home, Subject, await_answer, goodbye},
    error::{Cause, Error, Result},
    link::{Flow, Intake, Socket},
};

/// A connection that is logged in. Dropping it cuts the socket.
#[derive(Debug)]
pub(crate) struct ImapConnection {
    id: u64,
    jobs: mpsc::UnboundedSender<Job>,
    tokens: AtomicU64,
    /// What it ended with.
    ended: Arc<OnceLock<Error>>,
    flow: Arc<Flow>,
    capabilities: Capabilities,
    enabled: Capabilities,
    /// Whether what is gone is told by UID (QRESYNC).
    tells_vanished: bool,
    news: Arc<News>,
}

/// What callers ask of the task.
pub(crate) enum Job {
    Run {
        token: u64,
        request: Box<Request>,
        sink: Sink,
        /// Who asks.
        context: Context,
    },
    /// Nobody waits for this command any more.
    Cancel {
        token: u64,
        /// Is told whether it was written, unless it has ended already.
        written: Option<oneshot::Sender<bool>>,
    },
    Logout {
        done: oneshot::Sender<()>,
    },
    Cut,
}

impl From<&Command> for About {
    fn from(command: &Command) -> Self {
        let subject = command.mailbox().cloned().map(Subject::Mailbox);
        Self { name: command.name(), subject, harmless: is_harmless(command) }
    }
}

/// Takes a command back when its caller goes away.
pub(crate) struct CancelOnDrop<'a> {
    jobs: &'a mpsc::UnboundedSender<Job>,
    token: Option<u64>,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            // The task is gone, and the command with it.
            let _ = self.jobs.send(Job::Cancel { token, written: None });
        }
    }
}

impl ImapConnection {
    /// Starts the task of a connection whose session is ready.
    pub(crate) fn start(id: u64, socket: Socket<Session>, home: Home) -> Self {
        let (jobs, received) = mpsc::unbounded_channel();
        let ended = Arc::new(OnceLock::new());
        let flow = Arc::new(Flow::default());
        let capabilities = socket.session.capabilities().cloned().unwrap_or_default();
        let enabled = socket.session.enabled().cloned().collect();
        let tells_vanished = socket.session.is_enabled(&Capability::QResync);
        let news = Arc::new(News::default());
        let shared = Shared { ended: Arc::clone(&ended), flow: Arc::clone(&flow), news: Arc::clone(&news) };
        tokio::spawn(Task::new(id, socket, received, shared, home).run());
        let tokens = AtomicU64::new(0);
        Self { id, jobs, tokens, ended, flow, capabilities, enabled, tells_vanished, news }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.ended.get().is_some()
    }

    /// What the server said after the login that it can do.
    pub(crate) fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// What was switched on after the login.
    pub(crate) fn enabled(&self) -> &Capabilities {
        &self.enabled
    }

    /// Whether what is gone is told by UID (QRESYNC).
    pub(crate) fn tells_vanished(&self) -> bool {
        self.tells_vanished
    }

    /// What the server tells unasked.
    pub(crate) fn news(&self) -> &News {
        &self.news
    }

    /// Runs a command and gathers its answer.
    pub(crate) async fn run(&self, request: Request, deadline: Option<Deadline>) -> Result<Answer> {
        self.run_fed(request, None, deadline).await
    }

    /// Runs a command whose messages come piece by piece.
    pub(crate) async fn run_fed(
        &self,
        request: Request,
        intake: Option<Intake>,
        deadline: Option<Deadline>,
    ) -> Result<Answer> {
        let (done, answer) = oneshot::channel();
        let token = self.queue(request, Sink::gather(done, intake))?;
        let mut guard = CancelOnDrop { jobs: &self.jobs, token: Some(token) };
        let cancel = |told| drop(self.jobs.send(Job::Cancel { token, written: Some(told) }));
        let answer = await_answer(answer, deadline, cancel).await;
        guard.token = None;
        match answer {
            Awaited::Answer(answer) => answer.unwrap_or_else(|| Err(self.gone())),
            Awaited::Passed(deadline, written) => Err(deadline.passed(written).on(self.id)),
        }
    }

    /// Queues a FETCH whose messages go to the sink as they come. Returns the token to cancel it by.
    pub(crate) fn fetch(&self, request: Request, sink: FetchSink) -> Result<u64> {
        self.queue(request, Sink::Fetch(Box::new(sink)))
    }

    pub(crate) fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// Says that nobody waits for this command any more.
    pub(crate) fn cancel(&self, token: u64) {
        let _ = self.jobs.send(Job::Cancel { token, written: None });
    }

    fn queue(&self, request: Request, sink: Sink) -> Result<u64> {
        let token = self.tokens.fetch_add(1, Ordering::Relaxed);
        let context = Context::current();
        let job = Job::Run { token, request: Box::new(request), sink, context };
        self.jobs.send(job).map_err(|unsent| match unsent.0 {
            Job::Run { request, .. } => self.gone().about(&request.command().into()),
            Job::Cancel { .. } | Job::Logout { .. } | Job::Cut => self.gone(),
        })?;
        Ok(token)
    }

    /// The task is gone and took nothing of this command.
    fn gone(&self) -> Error {
        let reason = self.ended.get().cloned().unwrap_or_else(|| Error::new(Cause::HungUp));
        Error::new(Cause::Lost { written: false, reason: Box::new(reason) }).on(self.id)
    }

    pub(crate) async fn check(&self) -> Result<()> {
        self.run(Request::new(Command::Noop), None).await.map(drop)
    }

    /// Says goodbye and waits until the server has, or cuts. The socket is closed when this ends: its place may be
    /// another's at once.
    pub(crate) async fn logout(&self) {
        let (done, ended) = oneshot::channel();
        if self.jobs.send(Job::Logout { done }).is_ok() {
            goodbye(ended, || self.cut()).await;
        }
    }

    /// Closes the socket under those who still use it.
    pub(crate) fn cut(&self) {
        let _ = self.ended.set(Error::new(Cause::Closed));
        let _ = self.jobs.send(Job::Cut);
    }
}
