//! Messages that came before their turn, where they are wanted in order.

use std::collections::{BTreeMap, VecDeque};

use super::Message;
use crate::link::Credit;

/// What has come of the portions behind the one whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The place of the portion whose turn it is.
    turn: u64,
    /// What came of it and of those behind it. A message holds its share of what its connection may hold.
    come: BTreeMap<u64, Held>,
}

#[derive(Debug, Default)]
struct Held {
    messages: VecDeque<(Message, Credit)>,
    is_whole: bool,
}

impl Order {
    /// The place of the portion whose turn it is.
    pub(super) fn turn(&self) -> u64 {
        self.turn
    }

    /// Takes in a message of the portion at this place.
    pub(super) fn add(&mut self, place: u64, message: Message, credit: Credit) {
        self.come.entry(place).or_default().messages.push_back((message, credit));
    }

    /// All of the portion at this place has come.
    pub(super) fn end(&mut self, place: u64) {
        self.come.entry(place).or_default().is_whole = true;
    }

    /// The message whose turn it is.
    pub(super) fn next(&mut self) -> Option<Message> {
        while let Some(mut held) = self.come.first_entry().filter(|held| *held.key() == self.turn) {
            if let Some((message, _)) = held.get_mut().messages.pop_front() {
                return Some(message);
            }
            if !held.get().is_whole {
                return None;
            }
            held.remove();
            self.turn += 1;
        }
        None
    }

    /// Whether messages are held.
    pub(super) fn is_empty(&self) -> bool {
        self.come.values().all(|held| held.messages.is_empty())
    }
}
