//! Whose turn it is: commands that wait to be given to the session, grouped by mailbox so that the connection isn't
//! sent back and forth between two of them for each command (rule P22).

use std::{collections::VecDeque, time::Duration};

use mail_pool::Context;
use mail_proto::imap::{Command, MailboxName, client::Request};
use tokio::time::Instant;

use super::sink::Sink;

/// A command that waits for another mailbox is overtaken by so many commands, for so long, and no more.
const OVERTAKEN: u32 = 32;
const WAITS: Duration = Duration::from_millis(50);

/// How far behind the head somebody is looked for who may go before it.
const LOOK_AHEAD: usize = 64;

/// How long the callers of the selected mailbox get to ask for more before another mailbox is selected. A switch costs
/// a round trip at least.
const PAUSE: Duration = Duration::from_millis(1);

/// A command that nobody but its caller knows of yet.
pub(super) struct Waiting {
    pub(super) token: u64,
    pub(super) request: Box<Request>,
    pub(super) sink: Sink,
    context: Context,
    since: Instant,
    overtaken: u32,
}

/// The mailbox that a command needs, and whether read-only.
type Wanted = (MailboxName, bool);

/// The commands of all callers of one connection, those of one caller in its own order.
pub(super) struct Turns {
    waiting: VecDeque<Waiting>,
    /// What the last command that went needed.
    current: Option<Wanted>,
    /// Whose command on the selected mailbox ended last, and when.
    last: Option<(Context, Instant)>,
    /// No command goes before this time, since the server asked for it.
    held_until: Option<Instant>,
}

/// Whose turn it is.
pub(super) enum Turn {
    Now(Waiting),
    /// Nobody's before this time, unless something happens.
    At(Instant),
    /// Nobody's until something happens.
    Nobodys,
}

/// What the session is at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Commands that it holds back, and which nothing may pass.
    pub(super) blocked: usize,
    /// Commands that wait for their answer.
    pub(super) on_the_wire: usize,
}

impl Waiting {
    pub(super) fn new(token: u64, request: Box<Request>, sink: Sink, context: Context, now: Instant) -> Self {
        Self { token, request, sink, context, since: now, overtaken: 0 }
    }

    /// Who asked for it.
    pub(super) fn context(&self) -> Context {
        self.context
    }

    fn may_be_overtaken(&self, now: Instant) -> bool {
        self.overtaken < OVERTAKEN && now < self.since + WAITS
    }
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { waiting: VecDeque::new(), current: None, last: None, held_until: None }
    }

    pub(super) fn push(&mut self, waiting: Waiting) {
        self.waiting.push_back(waiting);
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter()
    }

    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Waiting> {
        self.waiting.drain(..)
    }

    /// Takes a command back. Returns whether it was still here.
    pub(super) fn cancel(&mut self, token: u64) -> bool {
        let at = self.waiting.iter().position(|waiting| waiting.token == token);
        at.is_some_and(|at| self.waiting.remove(at).is_some())
    }

    /// No command goes before this time.
    pub(super) fn hold_until(&mut self, time: Instant) {
        self.held_until = self.held_until.max(Some(time));
    }

    fn held(&self, now: Instant) -> Option<Instant> {
        self.held_until.filter(|until| *until > now)
    }

    /// A command of this caller has ended.
    pub(super) fn ended(&mut self, context: Context, now: Instant) {
        self.last = Some((context, now));
    }

    /// Whose turn it is.
    pub(super) fn next(&mut self, load: Load, now: Instant) -> Turn {
        while self.waiting.front().is_some_and(|head| !head.sink.is_wanted()) {
            self.waiting.pop_front();
        }
        let Some(head) = self.waiting.front() else { return Turn::Nobodys };
        if let Some(until) = self.held(now) {
            return Turn::At(until);
        }
        if load.blocked > 0 {
            return Turn::Nobodys;
        }
        if !self.switches(head) {
            return self.go(0);
        }
        if let Some(at) = self.one_to_overtake(now) {
            self.waiting.iter_mut().take(at).for_each(|passed| passed.overtaken += 1);
            return self.go(at);
        }
        // A mailbox is selected when the commands on the one before have ended.
        if load.on_the_wire > 0 {
            return Turn::Nobodys;
        }
        match self.pause(now) {
            Some(until) => Turn::At(until),
            None => self.go(0),
        }
    }

    fn go(&mut self, at: usize) -> Turn {
        let Some(waiting) = self.waiting.remove(at) else { return Turn::Nobodys };
        if let Some(wanted) = wanted(&waiting.request) {
            self.current = Some(wanted);
        }
        Turn::Now(waiting)
    }

    /// Whether the command needs another mailbox than the ones before it.
    fn switches(&self, waiting: &Waiting) -> bool {
        needs(&waiting.request).is_some_and(|(mailbox, read_only)| {
            self.current
                .as_ref()
                .is_some_and(|(current, as_read_only)| current != mailbox || *as_read_only != read_only)
        })
    }

    /// The first command that may go before the head does.
    fn one_to_overtake(&self, now: Instant) -> Option<usize> {
        for (at, waiting) in self.waiting.iter().enumerate().take(LOOK_AHEAD) {
            let is_next_of_its_caller =
                self.waiting.iter().take(at).all(|before| before.context != waiting.context);
            if is_next_of_its_caller && !self.switches(waiting) && waiting.sink.is_wanted() {
                return Some(at);
            }
            // Nothing that comes behind it may pass it.
            if !waiting.may_be_overtaken(now) {
                return None;
            }
        }
        None
    }

    /// Until when to wait for whoever used the mailbox last, who may be about to ask for more.
    fn pause(&self, now: Instant) -> Option<Instant> {
        let head = self.waiting.front()?;
        let (last, ended) = self.last?;
        let may_ask = self.waiting.iter().take(LOOK_AHEAD).all(|waiting| waiting.context != last);
        Some(ended + PAUSE).filter(|until| may_ask && *until > now && head.may_be_overtaken(now))
    }
}

fn needs(request: &Request) -> Option<(&MailboxName, bool)> {
    match (request.selection(), request.command()) {
        (Some(selection), _) => Some((&selection.mailbox, selection.read_only)),
        (None, Command::Select { mailbox, read_only, .. }) => Some((mailbox, *read_only)),
        _ => None,
    }
}

fn wanted(request: &Request) -> Option<Wanted> {
    needs(request).map(|(mailbox, read_only)| (mailbox.clone(), read_only))
}

#[cfg(test)]
mod tests {
    use mail_proto::imap::{SequenceSet, client::Selection};
    use tokio::sync::oneshot;

    use super::*;
    use crate::imap::connection::Answer;

    type Answers = Vec<oneshot::Receiver<crate::Result<Answer>>>;

    fn command(mailbox: &str) -> Request {
        if mailbox.is_empty() {
            return Request::new(Command::Noop);
        }
        let selection = Selection { mailbox: mailbox.into(), read_only: true, uid_validity: None };
        Request::on(selection, Command::uid_fetch(SequenceSet::from(1), Vec::new()))
    }

    /// Queues commands: who asks, and for which mailbox; their tokens count from 0.
    fn turns(commands: &[(u64, &str)]) -> (Turns, Answers) {
        let mut turns = Turns::new();
        let mut answers = Vec::new();
        for (token, (context, mailbox)) in commands.iter().enumerate() {
            let (done, answer) = oneshot::channel();
            answers.push(answer);
            let (request, sink) = (Box::new(command(mailbox)), Sink::gather(done, None));
            turns.push(Waiting::new(token as u64, request, sink, Context::custom(*context), Instant::now()));
        }
        (turns, answers)
    }

    const QUIET: Load = Load { blocked: 0, on_the_wire: 0 };
    const BUSY: Load = Load { blocked: 0, on_the_wire: 1 };

    /// The tokens of those whose turn it is, one after the other.
    fn go(turns: &mut Turns, load: Load, now: Instant) -> Vec<u64> {
        let mut gone = Vec::new();
        while let Turn::Now(waiting) = turns.next(load, now) {
            gone.push(waiting.token);
        }
        gone
    }

    #[test]
    fn p22_commands_are_grouped_by_mailbox_and_keep_each_callers_order() {
        let queued =
            [(1, "a"), (2, "b"), (1, "a"), (3, "a"), (2, "a"), (4, ""), (5, "b"), (1, "b"), (1, "a")];
        let (mut turns, _answers) = turns(&queued);
        let now = Instant::now();
        assert_eq!(
            go(&mut turns, BUSY, now),
            [0, 2, 3, 5],
            "2's second waits for its first, 1's last for its fourth"
        );
        assert_eq!(go(&mut turns, QUIET, now), [1, 6, 7, 4, 8]);
    }

    #[test]
    fn p22_nothing_is_overtaken_by_more_than_32_or_for_more_than_50_ms() {
        let mut queued = vec![(1, "a"), (2, "b")];
        queued.extend((10..60).map(|context| (context, "a")));
        let (mut first, _answers) = turns(&queued);
        let now = Instant::now();
        assert_eq!(go(&mut first, BUSY, now).len(), 1 + 32);
        assert!(matches!(first.next(QUIET, now), Turn::Now(Waiting { token: 1, .. })));
        let (mut second, _answers) = turns(&queued);
        let overtaken = second.waiting[1].since;
        assert_eq!(go(&mut second, BUSY, overtaken + WAITS).len(), 1);
    }

    #[test]
    fn the_last_caller_gets_a_moment_before_the_mailbox_is_left() {
        let (mut turns, _answers) = turns(&[(1, "a"), (2, "b")]);
        let now = Instant::now();
        assert_eq!(go(&mut turns, QUIET, now), [0, 1], "nobody was served yet");
        let (done, _answer) = oneshot::channel();
        turns.ended(Context::custom(2), now);
        let (request, sink) = (Box::new(command("a")), Sink::gather(done, None));
        turns.push(Waiting::new(2, request, sink, Context::custom(1), now));
        assert!(matches!(turns.next(QUIET, now), Turn::At(at) if at == now + PAUSE));
        assert!(matches!(turns.next(QUIET, now + PAUSE), Turn::Now(Waiting { token: 2, .. })));
        // Who switches to and fro alone waits for nobody.
        turns.ended(Context::custom(1), now);
        let (done, _answer) = oneshot::channel();
        let (request, sink) = (Box::new(command("b")), Sink::gather(done, None));
        turns.push(Waiting::new(3, request, sink, Context::custom(1), now));
        assert!(matches!(turns.next(QUIET, now), Turn::Now(Waiting { token: 3, .. })));
    }

    #[test]
    fn nothing_goes_past_what_the_session_holds_back() {
        let (mut turns, _answers) = turns(&[(1, "a")]);
        let now = Instant::now();
        assert!(matches!(turns.next(Load { blocked: 1, on_the_wire: 0 }, now), Turn::Nobodys));
        assert_eq!(go(&mut turns, QUIET, now), [0]);
    }

    #[test]
    fn p41_nothing_goes_while_the_server_wants_a_pause() {
        let (mut turns, _answers) = turns(&[(1, "a")]);
        let now = Instant::now();
        turns.hold_until(now + WAITS);
        turns.hold_until(now);
        assert!(matches!(turns.next(QUIET, now), Turn::At(at) if at == now + WAITS));
        assert_eq!(go(&mut turns, QUIET, now + WAITS), [0]);
    }

    #[test]
    fn those_whose_callers_left_are_passed_over() {
        let (mut turns, mut answers) = turns(&[(1, "a"), (2, "b"), (3, "b")]);
        answers.remove(1);
        assert!(turns.cancel(0) && !turns.cancel(0));
        assert_eq!(go(&mut turns, QUIET, Instant::now()), [2]);
    }
}
