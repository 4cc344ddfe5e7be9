//! One contender's share of a run: so many messages are retrieved.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    account::Account,
    child,
    contest::{self, Contender as _},
    failure::Failed,
    meter::Taken,
};

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    /// By the names of the messages.
    Ours,
    /// By their numbers, in a session.
    OursSession,
    /// The client for threads.
    OursBlocking,
    AsyncPop,
    /// Python's.
    Poplib,
    /// The raw socket, asking for a message when the one before has come.
    OneByOne,
    /// The raw socket, asking ahead.
    Reader,
}

impl Contender {
    const ALL: [Self; 7] = [
        Self::Ours,
        Self::OursSession,
        Self::OursBlocking,
        Self::AsyncPop,
        Self::Poplib,
        Self::OneByOne,
        Self::Reader,
    ];
}

impl contest::Contender for Contender {
    fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursSession => "session",
            Self::OursBlocking => "blocking",
            Self::AsyncPop => "async-pop",
            Self::Poplib => "poplib",
            Self::OneByOne => "one-by-one",
            Self::Reader => "floor",
        }
    }

    fn is_variant(self) -> bool {
        matches!(self, Self::OursSession | Self::OursBlocking)
    }

    fn is_floor(self) -> bool {
        self == Self::Reader
    }
}

/// A piece of work, and where to do it.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) contender: Contender,
    pub(super) account: Account,
    /// Messages 1 to this.
    pub(super) count: usize,
}

/// The argument that makes this program do one.
pub(crate) const CHILD: &str = "pop3-child";

/// Does one too, and says as much of it.
const POPLIB: &str = include_str!("poplib.py");

impl Job {
    /// Has it done by a process of its own.
    pub(super) fn run(&self) -> Result<Taken, Failed> {
        let command = if self.contender == Contender::Poplib {
            let mut python = Command::new("python3");
            python.args(["-I", "-c", POPLIB]);
            python
        } else {
            child::this_program(CHILD)?
        };
        child::run(command, &self.to_json())
    }

    fn to_json(&self) -> Value {
        json!({ "contender": self.contender.name(), "account": self.account.to_json(), "count": self.count })
    }

    pub(super) fn from_json(value: &Value) -> Option<Self> {
        Some(Self {
            contender: Contender::ALL.into_iter().find(|one| value["contender"] == one.name())?,
            account: Account::from_json(&value["account"])?,
            count: value["count"].as_u64()?.try_into().ok()?,
        })
    }
}
