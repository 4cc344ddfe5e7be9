//! What the mail must be: for each message the states that what the client said leaves possible.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use mail_client::{Error, ErrorKind, Result};
use mail_testkit::Account;

use super::random::Random;

pub(crate) const MAILBOXES: [&str; 4] = ["INBOX", "Archive", "Projects/One", "Trash"];

/// How many copies of a message each mailbox has.
pub(crate) type Copies = [u8; MAILBOXES.len()];

/// The text of a message, which its number decides: all of it can be told from its first line.
pub(crate) fn message(number: u64) -> Vec<u8> {
    let mut random = Random::new(0, number);
    let lens = match random.within(0..60) {
        0 => 200_000..1_500_000,
        1..15 => 0..200,
        15..45 => 200..4_000,
        _ => 4_000..40_000,
    };
    let len = random.within(lens) as usize;
    let mut text = format!("Subject: chaos {number}.\r\nFrom: a@example.org\r\n\r\n").into_bytes();
    let end = text.len() + len;
    while text.len() < end {
        let line = random.next();
        text.extend_from_slice(&line.to_le_bytes().map(|byte| byte | 1));
        text.extend_from_slice(format!("{line:x}\r\n* 1 EXISTS\r\n)\r\na1 OK\r\n").as_bytes());
    }
    text
}

/// The number of a message with this text; nothing if there is no such message.
pub(crate) fn number_of(text: &[u8]) -> Option<u64> {
    let rest = text.strip_prefix(b"Subject: chaos ")?;
    let digits = &rest[..rest.iter().position(|byte| *byte == b'.')?];
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (message(number) == text).then_some(number)
}

/// What is known of all messages.
#[derive(Default)]
pub(crate) struct Book(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    /// For each message what may be of it.
    worlds: BTreeMap<u64, BTreeSet<Copies>>,
    last: u64,
    bodies: u64,
    calls: u64,
    failed: BTreeMap<String, u64>,
    mistakes: Vec<String>,
}

impl Book {
    /// A message that is nowhere yet.
    pub(crate) fn new_message(&self) -> u64 {
        let mut pages = self.lock();
        pages.last += 1;
        let number = pages.last;
        pages.worlds.insert(number, BTreeSet::from([Copies::default()]));
        number
    }

    /// This is how a message may be, from now on.
    pub(crate) fn is(&self, number: u64, worlds: impl IntoIterator<Item = Copies>) {
        self.lock().worlds.insert(number, worlds.into_iter().collect());
    }

    pub(crate) fn worlds(&self, number: u64) -> BTreeSet<Copies> {
        self.lock().worlds.get(&number).cloned().unwrap_or_default()
    }

    /// A body was read.
    pub(crate) fn read(&self, uid: u32, text: &[u8]) {
        self.lock().bodies += 1;
        if number_of(text).is_none() {
            let start = String::from_utf8_lossy(&text[..text.len().min(60)]).into_owned();
            self.mistake(format!(
                "the body of {uid} is none that was put there: {} bytes, {start:?}",
                text.len()
            ));
        }
    }

    /// A call ended.
    pub(crate) fn called<T>(&self, name: &str, outcome: &Result<T>) {
        let mut pages = self.lock();
        pages.calls += 1;
        let Err(error) = outcome else { return };
        *pages.failed.entry(format!("{:?}", error.kind())).or_default() += 1;
        drop(pages);
        if !is_explained(error) {
            self.mistake(format!("{name}: a strange error: {error}: {error:?}"));
        }
    }

    pub(crate) fn mistake(&self, what: String) {
        let mistakes = &mut self.lock().mistakes;
        if mistakes.len() < 50 {
            mistakes.push(what);
        }
    }

    pub(crate) fn expect(&self, is_so: bool, what: impl fmt::Display) {
        if !is_so {
            self.mistake(what.to_string());
        }
    }

    pub(crate) fn take_mistakes(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().mistakes)
    }

    /// How many messages there were, or were to be.
    pub(crate) fn messages(&self) -> u64 {
        self.lock().last
    }

    /// How many messages it knows of still.
    pub(crate) fn len(&self) -> usize {
        self.lock().worlds.len()
    }

    /// Compares what is there, and forgets what is known to be nowhere.
    pub(crate) fn audit(&self, account: &Account) {
        let mut there: BTreeMap<u64, Copies> = BTreeMap::new();
        for (place, mailbox) in MAILBOXES.iter().enumerate() {
            for message in account.messages(mailbox).expect("it is there") {
                match number_of(&message.body) {
                    Some(number) => there.entry(number).or_default()[place] += 1,
                    None => self.mistake(format!("{mailbox} has at {} what nobody put there", message.uid)),
                }
            }
        }
        let mut pages = self.lock();
        let mut wrong = Vec::new();
        for number in there.keys().filter(|number| !pages.worlds.contains_key(number)) {
            wrong.push(format!("message {number} is there again"));
        }
        for (number, worlds) in &pages.worlds {
            let copies = there.get(number).copied().unwrap_or_default();
            if !worlds.contains(&copies) {
                wrong.push(format!("message {number} is there {copies:?} times instead of {worlds:?}"));
            }
        }
        let nowhere = BTreeSet::from([Copies::default()]);
        pages.worlds.retain(|_, worlds| *worlds != nowhere);
        drop(pages);
        wrong.into_iter().for_each(|wrong| self.mistake(wrong));
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages = self.lock();
        let Pages { calls, last, bodies, failed, .. } = &*pages;
        write!(f, "{calls} calls, {last} messages, {bodies} bodies read; failed: {failed:?}")
    }
}

/// Whether an error says what a bad line can do.
fn is_explained(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Transport
        | ErrorKind::ConnectionLost
        | ErrorKind::TimedOut
        | ErrorKind::CopiedNotRemoved
        // Somebody else removed it.
        | ErrorKind::Gone => true,
        // There was no connection in time; or, of a login that was cut off while others were open, nobody can tell that
        // it wasn't refused for their number.
        ErrorKind::Pool => error.is_retryable() || error.is_timeout(),
        _ => false,
    }
}
