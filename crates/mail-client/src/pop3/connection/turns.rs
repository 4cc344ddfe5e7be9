//! Whose turn it is: commands of all callers in the order in which they came, but for a session, which has the
//! connection for itself.

use std::{collections::VecDeque, time::Duration};

use mail_pool::Context;
use mail_proto::pop3::Command;
use tokio::{sync::oneshot, time::Instant};

use super::{Caller, sink::Sink};
use crate::error::{Cause, Error, Result};

/// A command that nobody but its caller knows of yet.
pub(super) struct Waiting {
    pub(super) token: u64,
    pub(super) command: Command,
    pub(super) sink: Sink,
    pub(super) caller: Caller,
    /// Who asks for it.
    pub(super) context: Context,
    /// When the caller began to wait, be it for another connection.
    pub(super) since: Instant,
}

/// Somebody who wants the connection for himself.
pub(super) struct Applicant {
    pub(super) session: u64,
    pub(super) context: Context,
    pub(super) since: Instant,
    pub(super) granted: oneshot::Sender<Result<()>>,
}

enum Place {
    Command(Waiting),
    Session(Applicant),
    /// Somebody who wants to log out once all before it is done.
    Goodbye,
}

/// Who has the connection for himself, and who used it for him last.
#[derive(Clone, Copy)]
struct Holder {
    session: u64,
    context: Context,
}

pub(super) struct Turns {
    line: VecDeque<Place>,
    holder: Option<Holder>,
    /// No command goes before this time, since the server asked for it.
    held_until: Option<Instant>,
    /// How long others wait for a session's end.
    patience: Option<Duration>,
}

/// Whose turn it is.
pub(super) enum Turn {
    Now(Waiting),
    Goodbye,
    /// Nobody's before this time, unless something happens.
    At(Instant),
    /// Nobody's until something happens.
    Nobodys,
}

impl Turns {
    pub(super) fn new(patience: Option<Duration>) -> Self {
        Self { line: VecDeque::new(), holder: None, held_until: None, patience }
    }

    /// Whether anybody waits, or has the connection for himself.
    pub(super) fn is_empty(&self) -> bool {
        self.line.is_empty() && self.holder.is_none()
    }

    pub(super) fn len(&self) -> usize {
        self.line.len()
    }

    pub(super) fn push(&mut self, waiting: Waiting) {
        match (&mut self.holder, waiting.caller) {
            (Some(holder), Caller::Session(session)) if holder.session == session => {
                holder.context = waiting.context;
            }
            // It would wait for itself.
            (Some(holder), Caller::Anyone) if holder.context == waiting.context => {
                return waiting.sink.done(Err(would_deadlock()));
            }
            _ => {}
        }
        self.line.push_back(Place::Command(waiting));
    }

    pub(super) fn apply(&mut self, applicant: Applicant) {
        if self.holder.is_some_and(|holder| holder.context == applicant.context) {
            let _ = applicant.granted.send(Err(would_deadlock()));
            return;
        }
        self.line.push_back(Place::Session(applicant));
    }

    pub(super) fn say_goodbye(&mut self) {
        self.line.push_back(Place::Goodbye);
    }

    /// Takes a command back. Returns whether it was still here.
    pub(super) fn cancel(&mut self, token: u64) -> bool {
        let at = self
            .line
            .iter()
            .position(|place| matches!(place, Place::Command(waiting) if waiting.token == token));
        at.is_some_and(|at| self.line.remove(at).is_some())
    }

    /// A session is over, or isn't wanted any more. Returns whether it had the connection.
    pub(super) fn end(&mut self, session: u64) -> bool {
        self.line.retain(|place| match place {
            Place::Command(waiting) => waiting.caller != Caller::Session(session),
            Place::Session(applicant) => applicant.session != session,
            Place::Goodbye => true,
        });
        let had = self.holder.is_some_and(|holder| holder.session == session);
        if had {
            self.holder = None;
        }
        had
    }

    /// No command goes before this time.
    pub(super) fn hold_until(&mut self, time: Instant) {
        self.held_until = self.held_until.max(Some(time));
    }

    fn held(&self, now: Instant) -> Option<Instant> {
        self.held_until.filter(|until| *until > now)
    }

    /// Whether a caller waits who isn't reading a message.
    pub(super) fn has_waiting_callers(&self) -> bool {
        self.line.iter().any(|place| match place {
            Place::Command(waiting) => !waiting.sink.is_stream(),
            Place::Session(_) | Place::Goodbye => true,
        })
    }

    /// Whose turn it is, where so many commands are under way.
    pub(super) fn next(&mut self, under_way: usize, now: Instant) -> Turn {
        self.give_up_waiting(now);
        self.line.retain(|place| match place {
            Place::Command(waiting) => waiting.sink.is_wanted(),
            Place::Session(applicant) => !applicant.granted.is_closed(),
            Place::Goodbye => true,
        });
        if self.line.is_empty() {
            return Turn::Nobodys;
        }
        if let Some(until) = self.held(now) {
            return Turn::At(until);
        }
        loop {
            if let Some(Holder { session, .. }) = self.holder {
                let own = |place: &Place| matches!(place, Place::Command(waiting) if waiting.caller == Caller::Session(session));
                let at = self.line.iter().position(own);
                return match at.and_then(|at| self.line.remove(at)) {
                    Some(Place::Command(waiting)) => Turn::Now(waiting),
                    _ => self.until_given_up(),
                };
            }
            match self.line.front() {
                None => return Turn::Nobodys,
                // Whoever has it for himself finds nothing of others on it.
                Some(Place::Session(_) | Place::Goodbye) if under_way > 0 => return Turn::Nobodys,
                Some(_) => {}
            }
            match self.line.pop_front() {
                Some(Place::Command(waiting)) => return Turn::Now(waiting),
                Some(Place::Goodbye) => return Turn::Goodbye,
                Some(Place::Session(applicant)) => {
                    let Applicant { session, context, granted, .. } = applicant;
                    if granted.send(Ok(())).is_ok() {
                        self.holder = Some(Holder { session, context });
                    }
                }
                None => return Turn::Nobodys,
            }
        }
    }

    /// Those who have waited too long for a session's end wait no longer.
    fn give_up_waiting(&mut self, now: Instant) {
        let (Some(patience), Some(_)) = (self.patience, self.holder) else { return };
        let is_over = |place: &Place| waits_since(place).is_some_and(|since| since + patience <= now);
        while let Some(at) = self.line.iter().position(is_over) {
            let error = Error::new(Cause::Occupied { after: patience });
            match self.line.remove(at) {
                Some(Place::Command(waiting)) => waiting.sink.done(Err(error)),
                Some(Place::Session(applicant)) => drop(applicant.granted.send(Err(error))),
                _ => {}
            }
        }
    }

    fn until_given_up(&self) -> Turn {
        let Some(patience) = self.patience else { return Turn::Nobodys };
        let first = self.line.iter().filter_map(waits_since).min();
        first.map_or(Turn::Nobodys, |since| Turn::At(since + patience))
    }

    /// Tells all whose commands wait that the connection is gone. Whoever waits to have it for himself sees that nobody
    /// answers.
    pub(super) fn tell_all(&mut self, tell: impl Fn(Waiting)) {
        for place in self.line.drain(..) {
            if let Place::Command(waiting) = place {
                tell(waiting);
            }
        }
    }
}

/// Since when it waits, if it gives up when it has waited too long.
fn waits_since(place: &Place) -> Option<Instant> {
    match place {
        Place::Command(waiting) => (waiting.caller == Caller::Anyone).then_some(waiting.since),
        Place::Session(applicant) => Some(applicant.since),
        Place::Goodbye => None,
    }
}

fn would_deadlock() -> Error {
    mail_pool::Error::WouldDeadlock.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Granted = oneshot::Receiver<Result<()>>;

    fn turns() -> Turns {
        Turns::new(Some(Duration::from_secs(60)))
    }

    /// Queues a command, and gives what keeps it wanted.
    fn push(
        turns: &mut Turns,
        token: u64,
        caller: Caller,
        context: u64,
    ) -> oneshot::Receiver<Result<super::super::Answer>> {
        let (done, answer) = oneshot::channel();
        let (sink, context, since) = (Sink::gather(done), Context::custom(context), Instant::now());
        turns.push(Waiting { token, command: Command::Noop, sink, caller, context, since });
        answer
    }

    fn apply(turns: &mut Turns, session: u64, context: u64) -> Granted {
        let (granted, told) = oneshot::channel();
        let (context, since) = (Context::custom(context), Instant::now());
        turns.apply(Applicant { session, context, since, granted });
        told
    }

    fn go(turns: &mut Turns, under_way: usize) -> Vec<u64> {
        let mut gone = Vec::new();
        while let Turn::Now(waiting) = turns.next(under_way, Instant::now()) {
            gone.push(waiting.token);
        }
        gone
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_has_the_connection_for_itself_in_its_turn() {
        let mut turns = turns();
        let _first = push(&mut turns, 1, Caller::Anyone, 1);
        let mut granted = apply(&mut turns, 7, 2);
        let _behind = push(&mut turns, 2, Caller::Anyone, 1);
        assert_eq!(go(&mut turns, 1), [1], "not while others have commands under way");
        assert!(granted.try_recv().is_err());
        assert!(go(&mut turns, 0).is_empty());
        granted.try_recv().unwrap().unwrap();
        let _own = push(&mut turns, 3, Caller::Session(7), 2);
        assert_eq!(go(&mut turns, 5), [3]);
        assert!(turns.end(7) && !turns.end(7));
        assert_eq!(go(&mut turns, 1), [2]);
        assert!(turns.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn p37_whoever_has_a_session_does_not_wait_for_its_end() {
        let mut turns = turns();
        let mut granted = apply(&mut turns, 7, 2);
        go(&mut turns, 0);
        granted.try_recv().unwrap().unwrap();
        let is_refused = |error: &Error| matches!(error.cause(), Cause::Pool(error) if matches!(**error, mail_pool::Error::WouldDeadlock));
        let mut own = push(&mut turns, 1, Caller::Anyone, 2);
        assert!(is_refused(&own.try_recv().unwrap().unwrap_err()));
        assert!(is_refused(&apply(&mut turns, 8, 2).try_recv().unwrap().unwrap_err()));
        // The session has gone to another task, which is its holder now.
        let _moved = push(&mut turns, 2, Caller::Session(7), 3);
        let mut waits = push(&mut turns, 3, Caller::Anyone, 2);
        assert!(waits.try_recv().is_err(), "it isn't the holder's any more");
        // What is left of another session makes nobody its holder.
        let _stale = push(&mut turns, 4, Caller::Session(6), 2);
        let mut own = push(&mut turns, 5, Caller::Anyone, 3);
        assert!(is_refused(&own.try_recv().unwrap().unwrap_err()));
        assert_eq!(go(&mut turns, 0), [2]);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_wants_no_session_any_more_leaves_the_others_in_the_line() {
        let mut turns = turns();
        let _first = push(&mut turns, 1, Caller::Anyone, 1);
        let (mut given_up, mut next) = (apply(&mut turns, 7, 2), apply(&mut turns, 8, 3));
        assert!(!turns.end(7));
        assert_eq!(go(&mut turns, 0), [1]);
        assert!(given_up.try_recv().is_err());
        next.try_recv().unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn p10_a_sessions_own_commands_and_goodbyes_are_not_given_up() {
        let mut turns = turns();
        let _granted = apply(&mut turns, 7, 2);
        go(&mut turns, 0);
        turns.say_goodbye();
        let mut stale = push(&mut turns, 1, Caller::Session(6), 1);
        let end = Instant::now() + Duration::from_secs(600);
        assert!(matches!(turns.next(0, end), Turn::Nobodys));
        assert!(stale.try_recv().is_err());
        turns.end(7);
        assert!(matches!(turns.next(0, end), Turn::Goodbye));
    }

    #[tokio::test(start_paused = true)]
    async fn p10_others_wait_for_a_session_only_so_long() {
        let mut turns = turns();
        let _granted = apply(&mut turns, 7, 2);
        go(&mut turns, 0);
        let mut waits = push(&mut turns, 1, Caller::Anyone, 1);
        let now = Instant::now();
        let end = now + Duration::from_secs(60);
        assert!(matches!(turns.next(0, now), Turn::At(at) if at == end));
        assert!(matches!(turns.next(0, end), Turn::Nobodys));
        let error = waits.try_recv().unwrap().unwrap_err();
        assert!(error.is_timeout() && error.is_retryable(), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_left_are_passed_over() {
        let mut turns = turns();
        drop(push(&mut turns, 1, Caller::Anyone, 1));
        drop(apply(&mut turns, 7, 2));
        let _stays = push(&mut turns, 2, Caller::Anyone, 1);
        let _taken_back = push(&mut turns, 3, Caller::Anyone, 1);
        assert!(turns.cancel(3) && !turns.cancel(3));
        assert_eq!(go(&mut turns, 0), [2]);
        assert!(turns.is_empty());
    }
}
