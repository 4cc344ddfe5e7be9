//! What was done and what was wrong about it, of one client.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mail_client::{Error, ErrorKind, Result};
use tokio::time::timeout;

use super::{random::Random, text};

/// Longer than any call may take: a minute for each of a call's commands is what these clients are told.
const FOR_EVER: Duration = Duration::from_secs(120);

/// More than so many mistakes say nothing new.
const MOST: usize = 50;

pub(crate) struct Tally {
    /// Whose it is.
    name: String,
    /// Whether an error says what a bad line can do to this protocol, beside what it does to each.
    explains: fn(&Error) -> bool,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    messages: u64,
    calls: u64,
    read: u64,
    failed: BTreeMap<String, u64>,
    mistakes: Vec<String>,
}

impl Tally {
    pub(crate) fn new(name: String, explains: fn(&Error) -> bool) -> Self {
        Self { name, explains, counts: Mutex::default() }
    }

    /// The number of one message more.
    pub(crate) fn next_message(&self) -> u64 {
        let mut counts = self.lock();
        counts.messages += 1;
        counts.messages
    }

    /// How many messages there were, or were to be.
    pub(crate) fn messages(&self) -> u64 {
        self.lock().messages
    }

    /// A message was read to its end; its number, if it is one that was put there.
    pub(crate) fn read(&self, whence: impl fmt::Display, message: &[u8]) -> Option<u64> {
        self.lock().read += 1;
        let number = text::number_of(message);
        if number.is_none() {
            self.mistake(format!("{whence} is none that was put there: {}", text::shown(message)));
        }
        number
    }

    /// A call ended.
    pub(crate) fn called<T>(&self, name: &str, outcome: &Result<T>) {
        let mut counts = self.lock();
        counts.calls += 1;
        let Err(error) = outcome else { return };
        *counts.failed.entry(format!("{:?}", error.kind())).or_default() += 1;
        drop(counts);
        if !is_explained(error) && !(self.explains)(error) {
            self.mistake(format!("{name}: a strange error: {error}: {error:?}"));
        }
    }

    /// Makes a call and waits for its end.
    pub(crate) async fn call<T>(
        &self,
        name: &str,
        call: impl Future<Output = Result<T>>,
    ) -> Option<Result<T>> {
        let Ok(outcome) = timeout(FOR_EVER, call).await else {
            self.mistake(format!("{name} hangs"));
            return None;
        };
        self.called(name, &outcome);
        Some(outcome)
    }

    /// Makes a call, and now and then gives it up: then nothing comes of it.
    pub(crate) async fn call_or_leave<T>(
        &self,
        random: &mut Random,
        name: &str,
        call: impl Future<Output = Result<T>>,
    ) -> Option<Result<T>> {
        if !random.once_in(20) {
            return self.call(name, call).await;
        }
        let outcome = timeout(Duration::from_millis(random.within(0..50)), call).await.ok();
        if let Some(outcome) = &outcome {
            self.called(name, outcome);
        }
        outcome
    }

    pub(crate) fn mistake(&self, what: impl fmt::Display) {
        let mistakes = &mut self.lock().mistakes;
        if mistakes.len() < MOST {
            mistakes.push(format!("{}: {what}", self.name));
        }
    }

    pub(crate) fn expect(&self, is_so: bool, what: impl fmt::Display) {
        if !is_so {
            self.mistake(what);
        }
    }

    pub(crate) fn take_mistakes(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().mistakes)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { messages, calls, read, failed, .. } = &*self.lock();
        write!(f, "{}: {calls} calls, {messages} messages, {read} read; failed: {failed:?}", self.name)
    }
}

/// Whether an error says what a bad line can do to any protocol.
fn is_explained(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Transport | ErrorKind::ConnectionLost | ErrorKind::TimedOut => true,
        // There was no connection in time; or, of a login that was cut off while others were open, nobody can tell that
        // it wasn't refused for their number.
        ErrorKind::Pool => error.is_retryable() || error.is_timeout(),
        _ => false,
    }
}
