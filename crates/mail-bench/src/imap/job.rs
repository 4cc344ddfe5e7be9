//! One contender's share of a run.

use serde_json::{Value, json};

use crate::{
    account::Account,
    child,
    contest::{self, Contender as _},
    failure::Failed,
    meter::Taken,
};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// ENVELOPE, BODYSTRUCTURE and FLAGS of all messages, every value walked.
    List,
    /// The content of all messages.
    Bodies,
    /// A message goes up.
    Upload,
    /// NOOP, one by one or from many tasks.
    Noop,
    /// Connecting, logging in, selecting, logging out.
    Connect,
    /// Many messages go up.
    Append,
}

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    /// Over a connection of one's own.
    Ours,
    /// Over main.
    OursMain,
    /// From the root of `block_on` instead of a task.
    OursRoot,
    /// With the login that comes unasked, SCRAM.
    OursScram,
    /// The client for threads.
    Blocking,
    AsyncImap,
    SyncImap,
    ImapNext,
    /// The raw socket.
    Reader,
}

impl Task {
    const ALL: [Self; 6] = [Self::List, Self::Bodies, Self::Upload, Self::Noop, Self::Connect, Self::Append];

    fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Bodies => "bodies",
            Self::Upload => "upload",
            Self::Noop => "noop",
            Self::Connect => "connect",
            Self::Append => "append",
        }
    }
}

impl Contender {
    const ALL: [Self; 9] = [
        Self::Ours,
        Self::OursMain,
        Self::OursRoot,
        Self::OursScram,
        Self::Blocking,
        Self::AsyncImap,
        Self::SyncImap,
        Self::ImapNext,
        Self::Reader,
    ];
}

impl contest::Contender for Contender {
    fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursMain => "main",
            Self::OursRoot => "root",
            Self::OursScram => "scram",
            Self::Blocking => "blocking",
            Self::AsyncImap => "async-imap",
            Self::SyncImap => "imap",
            Self::ImapNext => "imap-next",
            Self::Reader => "floor",
        }
    }

    fn as_rival(self) -> &'static str {
        if self == Self::Ours { ASYNC } else { self.name() }
    }

    fn is_variant(self) -> bool {
        matches!(self, Self::OursMain | Self::OursRoot | Self::OursScram)
    }

    fn is_floor(self) -> bool {
        self == Self::Reader
    }
}

/// The client for tasks, as a rival of the one for threads.
pub(super) const ASYNC: &str = "async";

/// A piece of work, and where to do it.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) contender: Contender,
    pub(super) account: Account,
    pub(super) mailbox: String,
    /// Messages, commands or connections.
    pub(super) count: usize,
    /// Bytes of each message that goes up.
    pub(super) size: usize,
    pub(super) connections: usize,
    /// How many tasks, or how many commands in a window where there are no tasks.
    pub(super) tasks: usize,
}

/// The argument that makes this program do one.
pub(crate) const CHILD: &str = "imap-child";

impl Job {
    /// Has it done by a process of its own.
    pub(super) fn run(&self) -> Result<Taken, Failed> {
        child::run(child::this_program(CHILD)?, &self.to_json())
    }

    fn to_json(&self) -> Value {
        json!({
            "task": self.task.name(),
            "contender": self.contender.name(),
            "account": self.account.to_json(),
            "mailbox": self.mailbox,
            "count": self.count,
            "size": self.size,
            "connections": self.connections,
            "tasks": self.tasks,
        })
    }

    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let number = |name: &str| value[name].as_u64().and_then(|number| usize::try_from(number).ok());
        Some(Self {
            task: Task::ALL.into_iter().find(|task| value["task"] == task.name())?,
            contender: Contender::ALL.into_iter().find(|one| value["contender"] == one.name())?,
            account: Account::from_json(&value["account"])?,
            mailbox: value["mailbox"].as_str()?.to_owned(),
            count: number("count")?,
            size: number("size")?,
            connections: number("connections")?,
            tasks: number("tasks")?,
        })
    }
}
