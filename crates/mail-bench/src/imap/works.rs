//! What is measured, and what ours is to reach.

use super::job::{ASYNC, Contender, Task};
use crate::{
    dovecot::INBOX,
    extent::Extent,
    failure::Failed,
    mail,
    meter::{Done, Taken},
    report::Reach,
};

/// Mailboxes full of mail.
pub(super) const LIST: &str = "list";
pub(super) const BODIES: &str = "bodies";
pub(super) const LARGE: &str = "large";

/// A piece of work that all contenders do.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) name: String,
    pub(super) task: Task,
    pub(super) tls: bool,
    pub(super) mailbox: &'static str,
    /// Messages, commands or connections.
    pub(super) count: usize,
    /// Bytes of a message, where they are all of one size.
    pub(super) size: usize,
    pub(super) connections: usize,
    pub(super) tasks: usize,
    pub(super) contenders: &'static [Contender],
    pub(super) reach: &'static [(&'static str, Reach)],
}

use Contender::{AsyncImap, Blocking, ImapNext, Ours, OursMain, OursRoot, OursScram, Reader, SyncImap};

const EVERYBODY: &[Contender] = &[Ours, OursMain, OursRoot, AsyncImap, SyncImap, ImapNext, Reader];
const OVER_ONE: &[Contender] = &[Ours, OursMain, AsyncImap, SyncImap, ImapNext, Reader];
const WITH_SCRAM: &[Contender] = &[Ours, OursScram, AsyncImap, SyncImap, ImapNext, Reader];
const WHO_PIPELINE: &[Contender] = &[Ours, OursMain, ImapNext, Reader];
const BUT_IMAP_NEXT: &[Contender] = &[Ours, OursMain, AsyncImap, SyncImap, Reader];
const OVER_SEVERAL: &[Contender] = &[Ours, Reader];

const FOR_THREADS: &[Contender] = &[Blocking, Ours];

const FLOOR: &str = "floor";

/// What is measured of the client for threads: it is to take no more than the one for tasks, give or
/// take a tenth. Not so of many threads that share a connection: for each answer a thread is woken, which costs more than
/// a small command does.
pub(super) fn blocking(extent: Extent<'_>) -> Vec<Work> {
    let is_measured = |work: &Work| matches!(work.task, Task::List | Task::Bodies | Task::Noop);
    let one_thread: &[(&str, Reach)] =
        &[("wall", Reach::Times(ASYNC, 1.1)), ("cpu", Reach::Times(ASYNC, 1.1))];
    let works = all(extent).into_iter().filter(is_measured);
    let compare = |work: Work| {
        let reach = if work.tasks == 1 { one_thread } else { &[] };
        Work { contenders: FOR_THREADS, reach, ..work }
    };
    works.map(compare).collect()
}

/// All of them.
pub(super) fn all(extent: Extent<'_>) -> Vec<Work> {
    let scaled = |count| extent.scaled(count);
    let basis = |name: &str, tls: bool, task: Task, mailbox: &'static str| Work {
        name: format!("{name}{}", if tls { "-tls" } else { "" }),
        task,
        tls,
        mailbox,
        count: 1,
        size: 0,
        connections: 1,
        tasks: 1,
        contenders: OVER_ONE,
        reach: &[],
    };
    let mut all = Vec::new();
    for tls in [false, true] {
        all.push(Work {
            count: scaled(20_000),
            contenders: EVERYBODY,
            reach: &[
                ("cpu", Reach::Times(FLOOR, 3.5)),
                ("cpu", Reach::Times("async-imap", 1.0 / 3.0)),
                ("rss", Reach::AtMost(2.0)),
            ],
            ..basis("list", tls, Task::List, LIST)
        });
    }
    for (connections, contenders) in [(1, OVER_ONE), (4, OVER_SEVERAL), (10, OVER_SEVERAL)] {
        for tls in [false, true] {
            all.push(Work {
                count: scaled(10_000),
                connections,
                contenders,
                reach: match (connections, tls) {
                    (1, false) => &[
                        ("wall", Reach::Times(FLOOR, 1.3)),
                        ("cpu", Reach::Times(FLOOR, 1.2)),
                        ("rss", Reach::AtMost(16.0)),
                    ],
                    (_, false) => &[
                        ("wall", Reach::Times(FLOOR, 1.1)),
                        ("cpu", Reach::Times(FLOOR, 1.2)),
                        ("rss", Reach::AtMost(16.0)),
                    ],
                    (_, true) => &[
                        ("wall", Reach::Times(FLOOR, 1.1)),
                        ("cpu", Reach::Times(FLOOR, 1.05)),
                        ("rss", Reach::AtMost(16.0)),
                    ],
                },
                ..basis(&format!("bodies-{connections}"), tls, Task::Bodies, BODIES)
            });
        }
    }
    const LARGE_ONE: &[(&str, Reach)] = &[("cpu", Reach::Times(FLOOR, 1.5)), ("rss", Reach::AtMost(2.0))];
    for tls in [false, true] {
        let down = basis("large-down", tls, Task::Bodies, LARGE);
        all.push(Work { size: scaled(200_000_000), reach: LARGE_ONE, ..down });
        let up = basis("large-up", tls, Task::Upload, INBOX);
        // imap-next can't: over TLS it hands rustls more than that buffers.
        let contenders = if tls { BUT_IMAP_NEXT } else { OVER_ONE };
        all.push(Work { size: scaled(200_000_000), reach: LARGE_ONE, contenders, ..up });
    }
    for tls in [false, true] {
        all.push(Work {
            count: scaled(10_000),
            contenders: EVERYBODY,
            reach: &[("cpu", Reach::Times(FLOOR, 1.3))],
            ..basis("noop", tls, Task::Noop, INBOX)
        });
        all.push(Work {
            count: scaled(10_000),
            tasks: 64,
            contenders: WHO_PIPELINE,
            reach: &[("cpu", Reach::Times(FLOOR, 2.5))],
            ..basis("64-noop", tls, Task::Noop, INBOX)
        });
    }
    all.push(Work {
        count: scaled(200),
        contenders: WITH_SCRAM,
        reach: &[("cpu", Reach::Times(FLOOR, 1.3))],
        ..basis("connect", true, Task::Connect, INBOX)
    });
    for tls in [false, true] {
        all.push(Work {
            count: scaled(2_000),
            size: 10_240,
            reach: &[("wall", Reach::Times(FLOOR, 1.2))],
            ..basis("append", tls, Task::Append, INBOX)
        });
    }
    all
}

impl Work {
    pub(super) fn needs_fresh_user(&self) -> bool {
        matches!(self.task, Task::Append | Task::Upload)
    }

    /// Sees that all of it was done.
    pub(super) fn check(&self, contender: Contender, taken: Taken) -> Result<Taken, Failed> {
        let done = taken.done;
        let bytes = match self.task {
            // It doesn't know what it reads.
            Task::Bodies if contender == Reader => done.bytes,
            Task::Bodies if self.mailbox == LARGE => self.size as u64,
            Task::Bodies => (0..self.count).map(|number| mail::body_size(number) as u64).sum(),
            Task::Upload | Task::Append => (self.count * self.size) as u64,
            _ => done.bytes,
        };
        let all = Done { count: self.count as u64, bytes };
        if done == all {
            return Ok(taken);
        }
        Err(format!("did {done:?} of {all:?}").into())
    }
}
