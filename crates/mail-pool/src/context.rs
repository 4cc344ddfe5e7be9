//! Who is calling: the tokio task, or, outside any task, the OS thread.

use std::cell::Cell;
use std::thread::{self, ThreadId};

thread_local! {
    /// In whose name this thread acts, if in somebody's.
    static ACTING: Cell<Option<Context>> = const { Cell::new(None) };
}

/// The caller of a pool, as far as connections belong to callers.
///
/// Inside a tokio task it is the task (every branch of a `join!` or `select!` shares it, spawned children
/// don't); anywhere else, the body of `#[tokio::main]` included, it is the OS thread, or the one in whose name that
/// [acts](crate::Caller). Neither tokio's task ids nor thread ids are ever used twice, so an old context is never
/// mistaken for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Context(Who);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    Task(tokio::task::Id),
    Thread(ThreadId),
    Custom(u64),
}

impl Context {
    /// The context of the code that calls this.
    pub fn current() -> Self {
        match tokio::task::try_id() {
            Some(id) => Self(Who::Task(id)),
            None => ACTING.try_with(Cell::get).ok().flatten().unwrap_or_else(Self::of_thread),
        }
    }

    /// The OS thread, whatever runs on it.
    pub(crate) fn of_thread() -> Self {
        Self(Who::Thread(thread::current().id()))
    }

    /// A context of one's own making, for [`Builder::context_source`](crate::Builder::context_source).
    pub const fn custom(key: u64) -> Self {
        Self(Who::Custom(key))
    }

    /// Has this thread act in this one's name until the guard is dropped.
    pub(crate) fn act(self) -> Acting {
        Acting { before: ACTING.replace(Some(self)) }
    }

    /// Whether this is an OS thread, not a task.
    pub const fn is_thread(&self) -> bool {
        matches!(self.0, Who::Thread(_))
    }
}

/// Acts in another's name until it is dropped.
pub(crate) struct Acting {
    before: Option<Context>,
}

impl Drop for Acting {
    fn drop(&mut self) {
        let _ = ACTING.try_with(|acting| acting.set(self.before));
    }
}

impl std::fmt::Display for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Who::Task(id) => write!(f, "task {id}"),
            Who::Thread(id) => write!(f, "thread {id:?}"),
            Who::Custom(key) => write!(f, "context {key}"),
        }
    }
}
