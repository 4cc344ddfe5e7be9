//! What the mail must be afterwards: what was there before, and what the client was asked to do and says it did.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mail_client::{Error, ErrorKind, Result};
use tokio::time::Instant;

/// How long a call may take whose server keeps silent: rule P44, and what comes before the command itself.
pub(crate) const READS: Duration = Duration::from_secs(60);
pub(crate) const WRITES: Duration = Duration::from_secs(300);
pub(crate) const CONNECTS: Duration = Duration::from_secs(30);
pub(crate) const ACQUIRES: Duration = Duration::from_secs(60);

/// What else a call may take: opening another connection, and waiting before that.
const SLACK: Duration = Duration::from_secs(15);

/// A message in a place: a mailbox of its name.
pub(crate) type Place = (String, Vec<u8>);

/// What was done wrong to the server or to the way there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// A connection ended.
    Cut,
    /// A connection became silent.
    Stall,
    /// The server answered something else.
    Answer,
}

/// What is known of the mail, for the one who asks for changes and for the one who looks afterwards.
#[derive(Clone)]
pub(crate) struct Ledger(Arc<Mutex<Book>>);

struct Book {
    trouble: Trouble,
    /// How many copies of a message may be in a place.
    copies: BTreeMap<Place, RangeInclusive<i32>>,
    /// Flags that a message must have, and those that it may have besides. Places that are not in it are not looked at.
    flags: BTreeMap<Place, (BTreeSet<String>, BTreeSet<String>)>,
    /// Messages that must be somewhere, wherever.
    kept: BTreeSet<Vec<u8>>,
    given: BTreeSet<(String, u32)>,
    calls: u32,
    mistakes: Vec<String>,
}

/// A change that a call asks for.
#[derive(Clone, Default)]
pub(crate) struct Effect {
    adds: Vec<Place>,
    removes: Vec<Place>,
    flags: Vec<(Place, &'static str)>,
}

impl Effect {
    pub(crate) fn add(mut self, mailbox: &str, message: impl AsRef<[u8]>) -> Self {
        self.adds.push((mailbox.to_owned(), message.as_ref().to_vec()));
        self
    }

    pub(crate) fn remove(mut self, mailbox: &str, message: impl AsRef<[u8]>) -> Self {
        self.removes.push((mailbox.to_owned(), message.as_ref().to_vec()));
        self
    }

    pub(crate) fn flag(mut self, mailbox: &str, message: impl AsRef<[u8]>, flag: &'static str) -> Self {
        self.flags.push(((mailbox.to_owned(), message.as_ref().to_vec()), flag));
        self
    }
}

/// Whether a change was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Yes,
    No,
}

/// A message as a server holds it.
pub(crate) struct Held {
    pub(crate) mailbox: String,
    pub(crate) message: Vec<u8>,
    pub(crate) flags: BTreeSet<String>,
}

impl Ledger {
    /// One for mail like this.
    pub(crate) fn new(trouble: Trouble, held: Vec<Held>) -> Self {
        let (mut copies, mut flags) = (BTreeMap::new(), BTreeMap::new());
        for Held { mailbox, message, flags: has } in held {
            let place = (mailbox, message);
            let before: &mut RangeInclusive<i32> = copies.entry(place.clone()).or_insert(0..=0);
            *before = before.start() + 1..=before.end() + 1;
            flags.insert(place, (has, BTreeSet::new()));
        }
        Self(Arc::new(Mutex::new(Book {
            trouble,
            copies,
            flags,
            kept: BTreeSet::new(),
            given: BTreeSet::new(),
            calls: 0,
            mistakes: Vec::new(),
        })))
    }

    /// Makes a call that changes nothing.
    pub(crate) async fn call<T>(
        &self,
        name: &str,
        limit: Duration,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let begun = Instant::now();
        self.lock().calls += 1;
        let outcome = call.await;
        self.took(name, begun, limit);
        if let Err(error) = &outcome {
            self.examine(name, error);
        }
        outcome
    }

    /// Makes a call that changes something: if it says that it went well, the change is there; if it says that nothing
    /// was sent or that it may be tried again, it isn't; else it is there or not.
    pub(crate) async fn change<T>(
        &self,
        name: &str,
        effect: Effect,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.change_within(name, WRITES, effect, call).await
    }

    /// The same for a call that may take longer.
    pub(crate) async fn change_within<T>(
        &self,
        name: &str,
        limit: Duration,
        effect: Effect,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.may(&effect);
        let outcome = self.call(name, limit, call).await;
        self.became(&effect, outcome.as_ref().map(drop));
        outcome
    }

    /// From now on this change may be made.
    pub(crate) fn may(&self, effect: &Effect) {
        let mut book = self.lock();
        for place in &effect.adds {
            book.widen(place, 0, 1);
        }
        for place in &effect.removes {
            book.widen(place, -1, 0);
            book.kept.insert(place.1.clone());
        }
        for (place, flag) in &effect.flags {
            if let Some((_, may)) = book.flags.get_mut(place) {
                may.insert((*flag).to_owned());
            }
        }
    }

    /// What a call says of its change.
    pub(crate) fn became(&self, effect: &Effect, outcome: Result<(), &Error>) {
        match outcome {
            Ok(()) => self.is(effect, Done::Yes),
            Err(error) if error.kind() == ErrorKind::CopiedNotRemoved => {
                self.is(&Effect { adds: effect.adds.clone(), ..Effect::default() }, Done::Yes);
            }
            // What may be tried again must not be done by then, or it is done twice.
            Err(error) if !error.was_written() || (error.is_retryable() && !effect.adds.is_empty()) => {
                self.is(effect, Done::No);
            }
            Err(_) => {}
        }
    }

    /// This change was made, or wasn't.
    pub(crate) fn is(&self, effect: &Effect, done: Done) {
        let mut book = self.lock();
        let (low, high) = if done == Done::Yes { (1, 0) } else { (0, -1) };
        for place in &effect.adds {
            book.widen(place, low, high);
        }
        for place in &effect.removes {
            book.widen(place, -high, -low);
        }
        for (place, flag) in &effect.flags {
            let Some((must, may)) = book.flags.get_mut(place) else { continue };
            if done == Done::Yes {
                must.insert((*flag).to_owned());
            } else {
                may.remove(*flag);
            }
        }
    }

    /// Removing this message is no loss.
    pub(crate) fn may_be_lost(&self, message: impl AsRef<[u8]>) {
        self.lock().kept.remove(message.as_ref());
    }

    /// The user was given this as the whole of a message.
    pub(crate) fn gave(&self, stream: &str, uid: u32, message: &[u8], is: &[u8]) {
        let mut book = self.lock();
        if !book.given.insert((stream.to_owned(), uid)) {
            book.mistakes.push(format!("{stream}: message {uid} was given twice"));
        }
        if message != is {
            let (len, of) = (message.len(), is.len());
            book.mistakes
                .push(format!("{stream}: message {uid} is another: {len} bytes were given, and it has {of}"));
        }
    }

    /// Something must be so.
    pub(crate) fn expect(&self, is_so: bool, what: impl fmt::Display) {
        if !is_so {
            self.mistake(what.to_string());
        }
    }

    pub(crate) fn mistake(&self, what: String) {
        self.lock().mistakes.push(what);
    }

    /// How many calls were made.
    pub(crate) fn calls(&self) -> u32 {
        self.lock().calls
    }

    /// Compares what is there now. Gives what is wrong.
    pub(crate) fn audit(&self, held: Vec<Held>) -> Vec<String> {
        let mut book = self.lock();
        let mut there: BTreeMap<Place, i32> = BTreeMap::new();
        for Held { mailbox, message, flags } in held {
            book.kept.remove(&message);
            let place = (mailbox, message);
            if let Some((must, may)) = book.flags.get(&place)
                && (!must.is_subset(&flags) || !flags.iter().all(|f| must.contains(f) || may.contains(f)))
            {
                let wrong =
                    format!("{} has {flags:?}, should have {must:?} and may have {may:?}", shown(&place));
                book.mistakes.push(wrong);
            }
            *there.entry(place).or_default() += 1;
        }
        let mut mistakes = std::mem::take(&mut book.mistakes);
        for (place, number) in &there {
            if !book.copies.contains_key(place) {
                mistakes.push(format!("{} is there {number} times, and nobody put it there", shown(place)));
            }
        }
        for (place, range) in &book.copies {
            let number = there.get(place).copied().unwrap_or(0);
            if !range.contains(&number) {
                mistakes.push(format!("{} is there {number} times instead of {range:?}", shown(place)));
            }
        }
        for message in &book.kept {
            mistakes.push(format!("{} is lost", shown(&(String::new(), message.clone()))));
        }
        mistakes
    }

    fn took(&self, name: &str, begun: Instant, limit: Duration) {
        let took = begun.elapsed();
        // A server's wish may hold back any call until it has waited for a connection for as long as it may.
        let held_back = if self.lock().trouble == Trouble::Answer { ACQUIRES } else { Duration::ZERO };
        if took > limit + held_back + SLACK {
            self.mistake(format!("{name} took {took:?}, and may take {limit:?}"));
        }
    }

    /// Whether an error says what such trouble is to be told as.
    pub(crate) fn examine(&self, name: &str, error: &Error) {
        let trouble = self.lock().trouble;
        let fits = match (trouble, error.kind()) {
            (Trouble::Cut, ErrorKind::ConnectionLost | ErrorKind::Transport) => true,
            (Trouble::Stall, ErrorKind::TimedOut | ErrorKind::Transport) => error.is_timeout(),
            (Trouble::Cut | Trouble::Stall, ErrorKind::CopiedNotRemoved | ErrorKind::OutcomeUnknown) => true,
            // Of one that is lost before it is logged in, while others are open, nobody can tell that it wasn't refused
            // for their number (rule P14): whoever wants one waits then, for as long as that may take.
            (Trouble::Cut, ErrorKind::Pool) => error.is_timeout(),
            (Trouble::Answer, _) => true,
            _ => false,
        };
        if !fits {
            self.mistake(format!("{name}: a strange error: {error:?}"));
        }
        let is_passing = matches!(trouble, Trouble::Cut | Trouble::Stall);
        if is_passing && !error.was_written() && !error.is_retryable() {
            self.mistake(format!("{name}: it was not sent, and isn't to be tried again: {error:?}"));
        }
        if error.to_string().is_empty() {
            self.mistake(format!("{name}: an error that says nothing"));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn widen(&mut self, place: &Place, low: i32, high: i32) {
        let range = self.copies.entry(place.clone()).or_insert(0..=0);
        *range = range.start() + low..=range.end() + high;
    }
}

fn shown((mailbox, message): &Place) -> String {
    let text = String::from_utf8_lossy(&message[..message.len().min(40)]).into_owned();
    format!("{mailbox}: {text:?}")
}
