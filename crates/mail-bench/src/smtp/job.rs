//! One contender's share of a run: so many messages are sent.

use serde_json::{Value, json};

use crate::{
    account::Account,
    child,
    contest::{self, Contender as _},
    failure::Failed,
    mail,
    meter::Taken,
};

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    Ours,
    /// The client for threads.
    OursBlocking,
    Lettre,
    /// The raw socket.
    Writer,
}

impl Contender {
    const ALL: [Self; 4] = [Self::Ours, Self::OursBlocking, Self::Lettre, Self::Writer];
}

impl contest::Contender for Contender {
    fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursBlocking => "blocking",
            Self::Lettre => "lettre",
            Self::Writer => "floor",
        }
    }

    fn is_variant(self) -> bool {
        self == Self::OursBlocking
    }

    fn is_floor(self) -> bool {
        self == Self::Writer
    }
}

/// A piece of work, and where to do it.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) contender: Contender,
    pub(super) account: Account,
    /// Messages.
    pub(super) count: usize,
    /// Bytes of each.
    pub(super) size: usize,
    pub(super) connections: usize,
}

/// The argument that makes this program do one.
pub(crate) const CHILD: &str = "smtp-child";

/// Who sends all of it, and to whom.
pub(super) const FROM: &str = "tester@example.org";
pub(super) const TO: &str = "tester@example.org";

impl Job {
    /// Has it done by a process of its own.
    pub(super) fn run(&self) -> Result<Taken, Failed> {
        child::run(child::this_program(CHILD)?, &self.to_json())
    }

    /// What is sent.
    pub(super) fn messages(&self) -> Vec<Vec<u8>> {
        (0..self.count).map(|number| mail::of_size(number, self.size)).collect()
    }

    /// The share of each connection.
    pub(super) fn shares<T: Clone>(&self, messages: &[T]) -> Vec<Vec<T>> {
        messages.chunks(self.count.div_ceil(self.connections)).map(<[T]>::to_vec).collect()
    }

    fn to_json(&self) -> Value {
        json!({
            "contender": self.contender.name(),
            "account": self.account.to_json(),
            "count": self.count,
            "size": self.size,
            "connections": self.connections,
        })
    }

    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let number = |name: &str| value[name].as_u64().and_then(|number| usize::try_from(number).ok());
        Some(Self {
            contender: Contender::ALL.into_iter().find(|one| value["contender"] == one.name())?,
            account: Account::from_json(&value["account"])?,
            count: number("count")?,
            size: number("size")?,
            connections: number("connections")?,
        })
    }
}
