//! One connection: a task that owns the socket and drives the session, and the handle through which callers queue
//! messages and commands.

mod task;
mod text;

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use mail_proto::smtp::{
    Command, Extensions, Reply,
    client::{Envelope, Loss, Session},
};
use tokio::sync::{mpsc, oneshot};

use self::task::{Shared, Task};
pub(super) use self::text::Text;
use crate::{
    client::{Awaited, Deadline, Home, await_answer, goodbye},
    error::{Cause, Error, Result},
    link::Socket,
    transport::Target,
};

/// A connection that is logged in. Dropping it cuts the socket.
#[derive(Debug)]
pub(crate) struct SmtpConnection {
    id: u64,
    jobs: mpsc::UnboundedSender<Job>,
    tokens: AtomicU64,
    /// What it ended with.
    ended: Arc<OnceLock<Error>>,
    /// Whether the server may have a message half-way.
    is_open: Arc<AtomicBool>,
    extensions: Extensions,
    target: Target,
}

/// What callers ask of the task.
enum Job {
    Run {
        token: u64,
        request: Request,
        done: oneshot::Sender<Answer>,
    },
    /// Nobody waits for this any more.
    Cancel {
        token: u64,
        /// Is told what that means for it, unless it has ended already.
        told: Option<oneshot::Sender<Loss>>,
    },
    Logout {
        done: oneshot::Sender<()>,
    },
    Cut,
}

/// What is to be done on a connection.
enum Request {
    Command(Command),
    Message(Box<Envelope>, Text),
}

/// What became of it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) outcome: Result<Reply>,
    /// What each recipient of a message was answered, in the envelope's order, as far as each was.
    pub(super) recipients: Vec<Reply>,
}

/// Takes a request back when its caller goes away.
struct CancelOnDrop<'a> {
    jobs: &'a mpsc::UnboundedSender<Job>,
    token: Option<u64>,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            // The task is gone, and the request with it.
            let _ = self.jobs.send(Job::Cancel { token, told: None });
        }
    }
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        Self { outcome: Err(error), recipients: Vec::new() }
    }
}

impl SmtpConnection {
    /// Starts the task of a connection whose session is ready.
    pub(super) fn start(id: u64, socket: Socket<Session>, home: Home) -> Self {
        let (jobs, received) = mpsc::unbounded_channel();
        let (ended, is_open) = (Arc::<OnceLock<Error>>::default(), Arc::<AtomicBool>::default());
        let extensions = socket.session.extensions().clone();
        let shared = Shared { ended: Arc::clone(&ended), is_open: Arc::clone(&is_open) };
        let target = home.target.clone();
        tokio::spawn(Task::new(id, socket, received, shared, home).run());
        Self { id, jobs, tokens: AtomicU64::new(0), ended, is_open, extensions, target }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.ended.get().is_some()
    }

    /// Whether the server may have a message half-way.
    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// What the server said that it can do.
    pub(super) fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Runs a command.
    pub(super) async fn run(&self, command: Command, deadline: Option<Deadline>) -> Result<Reply> {
        self.request(Request::Command(command), deadline).await.outcome
    }

    /// Sends a message.
    pub(super) async fn send(&self, envelope: Envelope, text: Text, deadline: Option<Deadline>) -> Answer {
        self.request(Request::Message(Box::new(envelope), text), deadline).await
    }

    async fn request(&self, request: Request, deadline: Option<Deadline>) -> Answer {
        let (done, answer) = oneshot::channel();
        let token = self.tokens.fetch_add(1, Ordering::Relaxed);
        let is_message = matches!(request, Request::Message(..));
        if self.jobs.send(Job::Run { token, request, done }).is_err() {
            return self.gone().into();
        }
        let mut guard = CancelOnDrop { jobs: &self.jobs, token: Some(token) };
        let cancel = |told| drop(self.jobs.send(Job::Cancel { token, told: Some(told) }));
        let answer = await_answer(answer, deadline, cancel).await;
        guard.token = None;
        match answer {
            Awaited::Answer(answer) => answer.unwrap_or_else(|| self.gone().into()),
            Awaited::Passed(deadline, loss) => out_of_time(deadline, loss, is_message).on(self.id).into(),
        }
    }

    /// The task is gone, and nothing of this request was written.
    fn gone(&self) -> Error {
        let reason = self.ended.get().cloned().unwrap_or_else(|| Error::new(Cause::HungUp));
        lost(Loss::Unwritten, &reason).at(&self.target).on(self.id)
    }

    /// Says goodbye and waits until the server has, or cuts. The socket is closed when this ends: its place may be
    /// another's at once.
    pub(super) async fn logout(&self) {
        let (done, ended) = oneshot::channel();
        if self.jobs.send(Job::Logout { done }).is_ok() {
            goodbye(ended, || self.cut()).await;
        }
    }

    /// Closes the socket under those who still use it.
    pub(super) fn cut(&self) {
        let _ = self.ended.set(Error::new(Cause::Closed));
        let _ = self.jobs.send(Job::Cut);
    }
}

/// Whether this happened is what nobody knows, where the end of a message has no answer.
const ACCEPTED: &str = "the message was accepted";

/// And this is what is known where its end wasn't written.
pub(super) const NOT_ACCEPTED: &str = "the message was not accepted";

/// The error of a request whose time was up.
fn out_of_time(deadline: Deadline, loss: Loss, is_message: bool) -> Error {
    match loss {
        Loss::OutcomeUnknown => {
            let reason = Box::new(deadline.passed(true));
            Error::new(Cause::OutcomeUnknown { whether: ACCEPTED, reason })
        }
        Loss::NotAccepted if is_message => {
            let reason = Box::new(deadline.passed(false));
            Error::new(Cause::NoEffect { but: NOT_ACCEPTED, reason })
        }
        loss => deadline.passed(loss == Loss::NotAccepted),
    }
}

/// The error of a request whose connection was lost.
fn lost(loss: Loss, reason: &Error) -> Error {
    let reason = Box::new(reason.clone());
    Error::new(match loss {
        Loss::OutcomeUnknown => Cause::OutcomeUnknown { whether: ACCEPTED, reason },
        loss => Cause::Lost { written: loss == Loss::NotAccepted, reason },
    })
}
