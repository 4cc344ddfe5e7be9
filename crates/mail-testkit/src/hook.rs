//! What happens elsewhere at a chosen moment: another client's doings, told to nobody before.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::endpoint::Protocol;
use crate::occasion::Occasion;
use crate::report::Seat;
use crate::store::Account;

/// A moment amid a client's commands, at which a test changes the client's mail: see [`Server::hook`].
///
/// A race that depends on luck with two clients happens each time with a hook.
///
/// ```
/// use mail_testkit::{Hook, Server};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().user("alice", "secret").messages("INBOX", ["one"]).start().await?;
/// // Between a client's SELECT and its first STORE, somebody makes the mailbox anew.
/// server.hook(Hook::before("UID STORE"), |account| {
///     account.recreate("INBOX").expect("there is one");
/// });
/// # Ok(()) }
/// ```
///
/// [`Server::hook`]: crate::Server::hook
#[derive(Clone, Debug)]
#[must_use = "a hook does nothing until a server has it"]
pub struct Hook {
    when: When,
    command: String,
    occasion: Occasion,
}

/// On which side of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    Within,
    After,
}

impl Hook {
    /// When the command was read, before it is carried out. `UID FETCH` and so on, or `*` for any; in SMTP `.` is the end
    /// of a message.
    pub fn before(command: impl Into<String>) -> Self {
        Self::new(When::Before, command.into())
    }

    /// When the command is carried out and its data is queued, before news are told and the command is answered: the
    /// client hears of the change within the answer.
    pub fn within(command: impl Into<String>) -> Self {
        Self::new(When::Within, command.into())
    }

    /// When the command's answer was sent.
    pub fn after(command: impl Into<String>) -> Self {
        Self::new(When::After, command.into())
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

    /// Not at the first such command but at the n-th, counted from 1 over all connections that it holds for.
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

    fn new(when: When, command: String) -> Self {
        Self { when, command, occasion: Occasion::default() }
    }
}

type Deed = Arc<Mutex<dyn FnMut(&Account) + Send>>;

/// The hooks of a server.
#[derive(Default)]
pub(crate) struct Hooks(Mutex<Vec<(Hook, Deed)>>);

impl Hooks {
    pub(crate) fn add(&self, hook: Hook, deed: impl FnMut(&Account) + Send + 'static) {
        self.lock().push((hook, Arc::new(Mutex::new(deed))));
    }

    /// Whether anything waits for this moment of any command.
    pub(crate) fn wait_for(&self, when: When) -> bool {
        self.lock().iter().any(|(hook, _)| hook.when == when && hook.occasion.times > 0)
    }

    /// Does what is due.
    pub(crate) fn run(&self, when: When, seat: &Seat, command: &str, account: &Account) {
        let due: Vec<Deed> = {
            let mut hooks = self.lock();
            let due = hooks.iter_mut().filter_map(|(hook, deed)| {
                let is_it = hook.command == "*" || hook.command.eq_ignore_ascii_case(command);
                if hook.when != when || !is_it || !hook.occasion.is_due(seat.protocol(), seat.number()) {
                    return None;
                }
                hook.occasion.strike();
                Some(deed.clone())
            });
            due.collect()
        };
        // Outside the lock, so that a hook may set the next.
        for deed in due {
            let mut deed = deed.lock().unwrap_or_else(PoisonError::into_inner);
            deed(account);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Hook, Deed)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().iter().map(|(hook, _)| hook)).finish()
    }
}
