//! What the mailboxes must hold: for each message the states that what the client said leaves possible.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use mail_testkit::Account;

use crate::{tally::Tally, text};

pub(crate) const MAILBOXES: [&str; 4] = ["INBOX", "Archive", "Projects/One", "Trash"];

/// How many copies of a message each mailbox has.
pub(super) type Copies = [u8; MAILBOXES.len()];

/// What may be of each message.
#[derive(Default)]
pub(super) struct Book(Mutex<BTreeMap<u64, BTreeSet<Copies>>>);

impl Book {
    /// A message that is nowhere yet.
    pub(super) fn enter(&self, number: u64) {
        self.is(number, [Copies::default()]);
    }

    /// This is how a message may be, from now on.
    pub(super) fn is(&self, number: u64, worlds: impl IntoIterator<Item = Copies>) {
        self.lock().insert(number, worlds.into_iter().collect());
    }

    pub(super) fn worlds(&self, number: u64) -> BTreeSet<Copies> {
        self.lock().get(&number).cloned().unwrap_or_default()
    }

    /// What may be of a message after this has happened to it.
    pub(super) fn after(&self, number: u64, effect: impl Fn(&mut Copies)) -> Vec<Copies> {
        let mut worlds: Vec<_> = self.worlds(number).into_iter().collect();
        worlds.iter_mut().for_each(effect);
        worlds
    }

    /// How many messages it knows of.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Compares what is there, and forgets what is known to be nowhere.
    pub(super) fn audit(&self, account: &Account, tally: &Tally) {
        let mut there: BTreeMap<u64, Copies> = BTreeMap::new();
        for (place, mailbox) in MAILBOXES.iter().enumerate() {
            for message in account.messages(mailbox).expect("it is there") {
                match text::number_of(&message.body) {
                    Some(number) => there.entry(number).or_default()[place] += 1,
                    None => tally.mistake(format!("{mailbox} has at {} what nobody put there", message.uid)),
                }
            }
        }
        let mut worlds = self.lock();
        for number in there.keys().filter(|number| !worlds.contains_key(number)) {
            tally.mistake(format!("message {number} is there again"));
        }
        for (number, worlds) in &*worlds {
            let copies = there.get(number).copied().unwrap_or_default();
            if !worlds.contains(&copies) {
                tally.mistake(format!("message {number} is there {copies:?} times instead of {worlds:?}"));
            }
        }
        let nowhere = BTreeSet::from([Copies::default()]);
        worlds.retain(|_, worlds| *worlds != nowhere);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, BTreeSet<Copies>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
