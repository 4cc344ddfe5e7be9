//! Things that go wrong on order.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::endpoint::Protocol;
use crate::occasion::Occasion;
use crate::report::Seat;

/// Something that the server does wrong, once unless told otherwise, on every connection unless told otherwise.
///
/// ```
/// use mail_testkit::{Action, Fault};
///
/// // The second body that anyone fetches ends after 1000 octets.
/// let amid_body = Fault::on_command("UID FETCH", Action::CutAfter(1000)).nth(2);
/// // Whoever logs in on the third connection is sent away.
/// let goodbye = Fault::on_command("LOGIN", Action::Bye("Try again later".into())).on_connection(3);
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    trigger: Trigger,
    occasion: Occasion,
}

#[derive(Clone, Debug)]
enum Trigger {
    Sent(u64, Break),
    Received(u64, Break),
    Greeting(Action),
    Command(String, Action),
    NilBody(u32),
}

/// What happens instead of, or before, an answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Action {
    /// The connection is closed without an answer.
    Cut,
    /// The connection is closed after so many octets more were sent, TLS included.
    CutAfter(u64),
    /// Nothing is sent or acted upon any more, and the connection stays open.
    Stall,
    /// The same after so many octets more were sent, TLS included.
    StallAfter(u64),
    /// The command isn't carried out; the answer is a tagged NO with this text, which may begin with a response code. In
    /// POP3 it is `-ERR` with this text, in SMTP the text, with `451 4.3.0` before it if it doesn't begin with a code.
    No(String),
    /// The command isn't carried out; the answer is a tagged BAD with this text, in POP3 `-ERR`, in SMTP `500 5.5.0`
    /// unless the text begins with a code.
    Bad(String),
    /// The command isn't carried out; the server says BYE with this text, in POP3 `-ERR`, in SMTP `421 4.3.0` unless the
    /// text begins with a code, and closes.
    Bye(String),
    /// These octets are sent as they are; then the command is carried out.
    Inject(Bytes),
}

/// How a connection breaks at a given octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    Cut,
    Stall,
}

impl Fault {
    /// Closes the connection when so many octets were sent over it, TLS included.
    pub fn cut_after_sent(octets: u64) -> Self {
        Self::new(Trigger::Sent(octets, Break::Cut))
    }

    /// Says nothing more when so many octets were sent over the connection, TLS included.
    pub fn stall_after_sent(octets: u64) -> Self {
        Self::new(Trigger::Sent(octets, Break::Stall))
    }

    /// Closes the connection when so many octets were received over it, TLS included. A command that is complete by
    /// then is carried out, and its answer is lost.
    pub fn cut_after_received(octets: u64) -> Self {
        Self::new(Trigger::Received(octets, Break::Cut))
    }

    /// Neither reads nor says anything more when so many octets were received over the connection, TLS included.
    pub fn stall_after_received(octets: u64) -> Self {
        Self::new(Trigger::Received(octets, Break::Stall))
    }

    /// Does something else than greet. In IMAP `No` and `Bad` are untagged there.
    pub fn on_greeting(action: Action) -> Self {
        Self::new(Trigger::Greeting(action))
    }

    /// Does something when a command is read: `LOGIN`, `UID FETCH` and so on, or `*` for any. In SMTP `.` is the end of a
    /// message, by DATA or by BDAT, before it is accepted.
    pub fn on_command(name: impl Into<String>, action: Action) -> Self {
        Self::new(Trigger::Command(name.into(), action))
    }

    /// Answers a fetch of this message's body with NIL, as if it had vanished since it was listed.
    pub fn nil_body(uid: u32) -> Self {
        Self::new(Trigger::NilBody(uid))
    }

    /// Only over this protocol: `NOOP`, `AUTH` and `QUIT` are commands of several.
    pub fn over(mut self, protocol: Protocol) -> Self {
        self.occasion.protocol = Some(protocol);
        self
    }

    /// Only on this connection, counted from 1 in the order of connecting.
    pub fn on_connection(mut self, number: u64) -> Self {
        self.occasion.connection = Some(number);
        self
    }

    /// Not at the first occasion but at the n-th, counted from 1 over all connections that it holds for.
    pub fn nth(mut self, n: u64) -> Self {
        self.occasion.skip = n.saturating_sub(1);
        self
    }

    /// So many times instead of once.
    pub fn times(mut self, times: u64) -> Self {
        self.occasion.times = times;
        self
    }

    /// Each time.
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    fn new(trigger: Trigger) -> Self {
        Self { trigger, occasion: Occasion::default() }
    }
}

/// The faults that are still to come.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

/// Where one connection breaks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) sent: Option<(u64, Break)>,
    pub(crate) received: Option<(u64, Break)>,
}

impl Faults {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self(Mutex::new(faults))
    }

    pub(crate) fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// What a new connection has before it.
    pub(crate) fn limits(&self, seat: &Seat) -> Limits {
        let pick = |sent| {
            move |trigger: &Trigger| match trigger {
                Trigger::Sent(octets, how) if sent => Some((*octets, *how)),
                Trigger::Received(octets, how) if !sent => Some((*octets, *how)),
                _ => None,
            }
        };
        Limits { sent: self.next(seat, pick(true)), received: self.next(seat, pick(false)) }
    }

    pub(crate) fn at_greeting(&self, seat: &Seat) -> Option<Action> {
        self.next(seat, |trigger| match trigger {
            Trigger::Greeting(action) => Some(action.clone()),
            _ => None,
        })
    }

    pub(crate) fn at_command(&self, seat: &Seat, name: &str) -> Option<Action> {
        self.next(seat, |trigger| match trigger {
            Trigger::Command(wanted, action) if wanted == "*" || wanted.eq_ignore_ascii_case(name) => {
                Some(action.clone())
            }
            _ => None,
        })
    }

    pub(crate) fn is_nil(&self, seat: &Seat, uid: u32) -> bool {
        let is_it = |trigger: &Trigger| matches!(trigger, Trigger::NilBody(of) if *of == uid).then_some(());
        self.next(seat, is_it).is_some()
    }

    /// What happens at an occasion for which `pick` picks: every fault that waits for it counts it, and the first that
    /// is due strikes. Another that is due waits for the next.
    fn next<T>(&self, seat: &Seat, pick: impl Fn(&Trigger) -> Option<T>) -> Option<T> {
        let mut first = None;
        for fault in self.lock().iter_mut() {
            let Some(what) = pick(&fault.trigger) else { continue };
            if fault.occasion.is_due(seat.protocol(), seat.number()) && first.is_none() {
                fault.occasion.strike();
                first = Some(what);
            }
        }
        first
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
