//! One connection: a task that owns the socket and drives the session, and the handle through which callers queue
//! commands.
//!
//! A caller that goes away leaves nothing half done: what it queued is either skipped or answered into the void. It
//! deletes nothing either: what marks messages has to see all marks, and QUIT, through to the end.

mod sink;
mod task;
mod turns;

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use mail_pool::Context;
use mail_proto::pop3::{Capabilities, Command, client::Session};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

use self::{
    sink::Sink,
    task::{Shared, Task},
    turns::{Applicant, Waiting},
};
pub(crate) use self::{
    sink::{Answer, Content, Gathered},
    task::Terms,
};
use super::directory::Directory;
use crate::{
    client::{About, Awaited, Deadline, Home, await_answer, goodbye},
    error::{Cause, Error, Result},
    link::{Flow, Socket},
    transport::Target,
};

/// A connection that is logged in. Dropping it cuts the socket.
#[derive(Debug)]
pub(crate) struct Pop3Connection {
    id: u64,
    jobs: mpsc::UnboundedSender<Job>,
    /// Numbers commands and sessions.
    tokens: AtomicU64,
    /// What it ended with.
    ended: Arc<OnceLock<Error>>,
    flow: Arc<Flow>,
    /// How many are in the middle of something that takes more than one command.
    users: Arc<AtomicUsize>,
    capabilities: Capabilities,
    /// What the server calls its messages: they keep their numbers for as long as the connection lasts.
    directory: Mutex<Option<Arc<Directory>>>,
    /// Who is asking for it, of those who have no session.
    asking: tokio::sync::Mutex<()>,
    target: Target,
}

/// Who a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    Anyone,
    /// Whoever has the connection for itself under this number.
    Session(u64),
}

/// What callers ask of the task.
enum Job {
    Run(Waiting),
    /// Nobody waits for this command any more.
    Cancel {
        token: u64,
        /// Is told whether it was written, unless it has ended already.
        written: Option<oneshot::Sender<bool>>,
    },
    /// Somebody wants the connection for himself.
    Begin(Applicant),
    /// He wants it no longer, and nothing is to be deleted. Who says so and waits wants the maildrop free for others.
    End {
        session: u64,
        gone: Option<oneshot::Sender<()>>,
    },
    /// Somebody ended what took more than one command.
    Rest,
    Logout {
        done: oneshot::Sender<()>,
    },
    Cut,
}

/// A use of a connection that takes more than one command: it isn't left amid it for lying idle.
#[derive(Debug)]
pub(crate) struct Use {
    users: Arc<AtomicUsize>,
    jobs: mpsc::UnboundedSender<Job>,
}

impl Drop for Use {
    fn drop(&mut self) {
        if self.users.fetch_sub(1, Ordering::AcqRel) == 1 {
            let _ = self.jobs.send(Job::Rest);
        }
    }
}

/// The connection for oneself. Dropping it gives it back, and undoes what wasn't committed.
#[derive(Debug)]
pub(crate) struct Tenure {
    pub(crate) session: u64,
    jobs: mpsc::UnboundedSender<Job>,
}

impl Tenure {
    /// Ends it, and the connection with it, without deleting anything; waits until the socket is closed.
    pub(crate) async fn end(self) {
        let (gone, told) = oneshot::channel();
        if self.jobs.send(Job::End { session: self.session, gone: Some(gone) }).is_ok() {
            let _ = told.await;
        }
    }
}

impl Drop for Tenure {
    fn drop(&mut self) {
        let _ = self.jobs.send(Job::End { session: self.session, gone: None });
    }
}

/// Takes a command back when its caller goes away.
#[derive(Debug)]
pub(crate) struct CancelOnDrop {
    jobs: mpsc::UnboundedSender<Job>,
    token: Option<u64>,
}

impl CancelOnDrop {
    /// It has ended.
    pub(crate) fn forget(&mut self) {
        self.token = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            // If the task is gone, the command is gone with it.
            let _ = self.jobs.send(Job::Cancel { token, written: None });
        }
    }
}

impl Pop3Connection {
    /// Starts the task of a connection whose session is ready.
    pub(crate) fn start(id: u64, socket: Socket<Session>, home: Home, terms: Terms) -> Self {
        let (jobs, received) = mpsc::unbounded_channel();
        let (ended, flow, users) = (Arc::default(), Arc::default(), Arc::default());
        let capabilities = socket.session.capabilities().cloned().unwrap_or_default();
        let shared = Shared { ended: Arc::clone(&ended), flow: Arc::clone(&flow), users: Arc::clone(&users) };
        let target = home.target.clone();
        tokio::spawn(Task::new(id, socket, received, shared, home, terms).run());
        Self {
            id,
            jobs,
            tokens: AtomicU64::new(0),
            ended,
            flow,
            users,
            capabilities,
            directory: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            target,
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.ended.get().is_some()
    }

    /// What the server said before the login that it can do.
    pub(crate) fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    pub(crate) fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// What the server calls its messages, if it was asked before.
    pub(crate) fn directory(&self) -> Option<Arc<Directory>> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn learn(&self, directory: &Arc<Directory>) {
        *self.directory.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(directory));
    }

    /// The right to ask for it, of which one caller without a session is enough.
    pub(crate) async fn ask(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.asking.lock().await
    }

    /// Says that more than one command is to come.
    pub(crate) fn enter(&self) -> Use {
        self.users.fetch_add(1, Ordering::AcqRel);
        Use { users: Arc::clone(&self.users), jobs: self.jobs.clone() }
    }

    /// Waits for the connection to be one's own, as somebody who has waited since then.
    pub(crate) async fn begin(&self, since: Instant, deadline: Option<Deadline>) -> Result<Tenure> {
        let session = self.tokens.fetch_add(1, Ordering::Relaxed);
        let (granted, told) = oneshot::channel();
        let applicant = Applicant { session, context: Context::current(), since, granted };
        self.jobs.send(Job::Begin(applicant)).map_err(|_| self.gone(Caller::Anyone))?;
        // From here on it may be granted at any time.
        let tenure = Tenure { session, jobs: self.jobs.clone() };
        let told = match deadline {
            None => told.await,
            Some(deadline) => {
                timeout_at(deadline.at, told).await.map_err(|_| deadline.passed(false).on(self.id))?
            }
        };
        told.unwrap_or_else(|_| Err(self.gone(Caller::Anyone)))?;
        Ok(tenure)
    }

    /// Runs a command of somebody who has waited since then, and gathers its answer.
    pub(crate) async fn run(
        &self,
        command: Command,
        caller: Caller,
        since: Instant,
        deadline: Option<Deadline>,
    ) -> Result<Answer> {
        let about = About::from(&command);
        let (done, answer) = oneshot::channel();
        let queued = self.queue(command, Sink::gather(done), caller, since);
        let mut guard = queued.map_err(|error| error.about(&about))?;
        let cancel = |told| {
            if let Some(token) = guard.token {
                let _ = self.jobs.send(Job::Cancel { token, written: Some(told) });
            }
        };
        let answer = await_answer(answer, deadline, cancel).await;
        guard.forget();
        let answer = match answer {
            Awaited::Answer(answer) => answer.unwrap_or_else(|| Err(self.gone(caller))),
            Awaited::Passed(deadline, written) => Err(deadline.passed(written).on(self.id)),
        };
        answer.map_err(|error| error.about(&about))
    }

    /// Asks for a message, which comes as it is read.
    pub(crate) fn open(
        &self,
        command: Command,
        caller: Caller,
        since: Instant,
    ) -> Result<(mpsc::UnboundedReceiver<Content>, CancelOnDrop)> {
        let (sender, content) = mpsc::unbounded_channel();
        Ok((content, self.queue(command, Sink::Content(sender), caller, since)?))
    }

    fn queue(&self, command: Command, sink: Sink, caller: Caller, since: Instant) -> Result<CancelOnDrop> {
        let token = self.tokens.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting { token, command, sink, caller, context: Context::current(), since };
        self.jobs.send(Job::Run(waiting)).map_err(|_| self.gone(caller))?;
        Ok(CancelOnDrop { jobs: self.jobs.clone(), token: Some(token) })
    }

    /// The task is gone and took nothing of this.
    pub(crate) fn gone(&self, caller: Caller) -> Error {
        let reason = self.ended.get().cloned().unwrap_or_else(|| Error::new(Cause::HungUp));
        unwritten(reason, caller).at(&self.target).on(self.id)
    }

    pub(crate) async fn check(&self) -> Result<()> {
        self.run(Command::Noop, Caller::Anyone, Instant::now(), None).await.map(drop)
    }

    /// Says goodbye, without deleting anything, and waits until the server has, or cuts. The socket is closed when this
    /// ends: its place may be another's at once.
    pub(crate) async fn logout(&self) {
        let (done, ended) = oneshot::channel();
        if self.jobs.send(Job::Logout { done }).is_ok() {
            goodbye(ended, || self.cut()).await;
        }
    }

    /// The same when it is one's turn: a session that somebody has isn't ended by it.
    pub(crate) async fn leave(&self) -> Result<()> {
        self.begin(Instant::now(), None).await?.end().await;
        Ok(())
    }

    /// Closes the socket under those who still use it.
    pub(crate) fn cut(&self) {
        let _ = self.ended.set(Error::new(Cause::Closed));
        let _ = self.jobs.send(Job::Cut);
    }
}

/// The error of what was never written. What belongs to a session is over with its connection.
fn unwritten(reason: Error, caller: Caller) -> Error {
    let reason = Box::new(reason);
    Error::new(match caller {
        Caller::Anyone => Cause::Lost { written: false, reason },
        Caller::Session(_) => Cause::NoEffect { but: NOTHING_DELETED, reason },
    })
}

/// What the end of a session means before its QUIT.
const NOTHING_DELETED: &str = "nothing was deleted";

impl From<&Command> for About {
    fn from(command: &Command) -> Self {
        Self { name: command.name(), subject: None, harmless: is_harmless(command) }
    }
}

/// Whether sending the command twice, on whatever connection, is as good as sending it once.
fn is_harmless(command: &Command) -> bool {
    matches!(
        command,
        Command::Noop
            | Command::Capa
            | Command::Stat
            | Command::List(_)
            | Command::Uidl(_)
            | Command::Retr(_)
            | Command::Top { .. }
            | Command::Lang(None)
    )
}
