//! One connection's share of a stream of messages: what it was asked for, and what has come of it.

use std::collections::HashSet;

use mail_pool::Conn;
use mail_proto::imap::{
    Command,
    client::{Request, Selection},
    fetch::FetchModifiers,
};
use tokio::time::Instant;

use super::{FetchItems, parts::PART, windows::Portion};
use crate::{
    error::Result,
    imap::{
        connection::{FetchSender, FetchSink},
        manager::ImapManager,
    },
    link::{Gate, Starved},
};

/// How many portions are under way on a connection, so that the next is there when one ends.
pub(super) const DEPTH: usize = 2;

/// So many messages are asked for at once where their content comes in parts, and of each no less than this. Both
/// bound what stands before a part, and the latter is more than what lies in a response.
pub(super) const MOST_IN_PARTS: u64 = 32;
const LEAST_FIRST: u64 = 96 << 10;

/// So much of a portion may have to be held while a reader waits for what comes behind it: with all that are under
/// way, less than a connection holds for those who wait.
const UNREAD: u64 = 3 << 20;

/// A connection at work for a stream.
pub(super) struct Lane {
    pub(super) number: usize,
    pub(super) connection: Conn<ImapManager>,
    /// The connection's place in the pool, for those beyond the first.
    pub(super) extra: Option<mail_pool::Connection<ImapManager>>,
    under_way: Vec<Asked>,
    /// Since when the first of them is what the connection owes.
    since: Instant,
    /// Whether another was asked for since nothing came over this one.
    pub(super) called_for_help: bool,
    starved: Option<Starved>,
    gate: Option<Gate>,
    /// Whether large content is asked for in parts.
    pub(super) in_parts: bool,
    /// Whether any message came over it.
    pub(super) is_of_use: bool,
}

/// A portion that was asked for.
struct Asked {
    window: u64,
    token: u64,
    portion: Portion,
    /// Of content no more than this much was asked for.
    at_most: Option<u32>,
    come: Come,
}

/// The messages that have come of a portion, by rising UID. That is the order in which they come from every server
/// known, so that nothing needs to be looked for.
#[derive(Debug, Default)]
struct Come(Vec<u32>);

impl Come {
    /// Returns whether it is new.
    fn insert(&mut self, uid: u32) -> bool {
        if self.0.last().is_none_or(|last| *last < uid) {
            self.0.push(uid);
            return true;
        }
        match self.0.binary_search(&uid) {
            Ok(_) => false,
            Err(at) => {
                self.0.insert(at, uid);
                true
            }
        }
    }

    fn contains(&self, uid: u32) -> bool {
        self.0.binary_search(&uid).is_ok()
    }
}

impl Lane {
    pub(super) fn new(
        number: usize,
        connection: Conn<ImapManager>,
        extra: Option<mail_pool::Connection<ImapManager>>,
        in_parts: bool,
    ) -> Self {
        Self {
            number,
            connection,
            extra,
            under_way: Vec::new(),
            since: Instant::now(),
            called_for_help: false,
            starved: None,
            gate: None,
            in_parts,
            is_of_use: false,
        }
    }

    /// Whether the portion at this place is under way here.
    pub(super) fn has(&self, place: u64) -> bool {
        self.under_way.iter().any(|asked| asked.portion.place == place)
    }

    /// The place of the portion that was asked for as this window, and how much of content was asked for.
    pub(super) fn asked(&self, window: u64) -> Option<(u64, Option<u32>)> {
        let asked = self.under_way.iter().find(|asked| asked.window == window)?;
        Some((asked.portion.place, asked.at_most))
    }

    pub(super) fn has_room(&self) -> bool {
        self.under_way.len() < DEPTH
    }

    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Asks for a portion.
    pub(super) fn ask(
        &mut self,
        selection: &Selection,
        items: &FetchItems,
        modifiers: FetchModifiers,
        window: u64,
        portion: Portion,
        events: &FetchSender,
    ) -> Result<()> {
        let set = portion.set.clone();
        let at_most = self.in_parts.then(|| {
            let messages = set.len().unwrap_or(u64::MAX).clamp(1, MOST_IN_PARTS);
            // At most `PART`, so 32 bits hold it.
            (UNREAD / messages).clamp(LEAST_FIRST, u64::from(PART)) as u32
        });
        let only = set.numbers().filter(|_| set.len() == Some(1)).and_then(|mut numbers| numbers.next());
        let command = Command::Fetch { uid: true, set, items: items.to_command(at_most), modifiers };
        let request = Request::on(selection.clone(), command);
        let sink = FetchSink::new(events.clone(), self.number, window, only);
        let token = self.connection.fetch(request, sink)?;
        if self.under_way.is_empty() {
            self.since = Instant::now();
        }
        self.under_way.push(Asked { window, token, portion, at_most, come: Come::default() });
        Ok(())
    }

    /// Notes that this message has come. False if it has come before.
    pub(super) fn came(&mut self, window: u64, uid: u32) -> bool {
        self.is_of_use = true;
        let asked = self.under_way.iter_mut().find(|asked| asked.window == window);
        asked.is_some_and(|asked| asked.come.insert(uid))
    }

    /// A portion has ended. Gives what of it has not come.
    pub(super) fn ended(&mut self, window: u64) -> Option<Missing> {
        let at = self.under_way.iter().position(|asked| asked.window == window)?;
        self.since = Instant::now();
        Some(self.under_way.remove(at).into_missing())
    }

    /// Since when nothing has come over this connection that it owes; `None` if something has come of what it was asked
    /// for first, or if that was another's before.
    pub(super) fn silent_since(&self) -> Option<Instant> {
        let first = self.under_way.first()?;
        (first.come.0.is_empty() && !first.portion.was_handed_on).then_some(self.since)
    }

    /// Notes that it was the reader who kept it from telling more.
    pub(super) fn was_held_up(&mut self) {
        self.since = Instant::now();
    }

    /// Takes back all that it was asked for, to ask others.
    pub(super) fn give_up(&mut self) -> impl Iterator<Item = Missing> + use<> {
        let under_way = std::mem::take(&mut self.under_way);
        under_way.iter().for_each(|asked| self.connection.cancel(asked.token));
        under_way.into_iter().map(|mut asked| {
            asked.portion.was_handed_on = true;
            asked.into_missing()
        })
    }

    /// Says whether the stream waits for this connection.
    pub(super) fn starve(&mut self, waits: bool) {
        match (waits, &self.starved) {
            (true, None) => self.starved = Some(self.connection.flow().starve()),
            (false, Some(_)) => self.starved = None,
            _ => {}
        }
    }

    /// Whether everything is taken in that comes, however much is held already.
    pub(super) fn take_all(&mut self, all: bool) {
        match (all, &self.gate) {
            (true, None) => self.gate = Some(self.connection.flow().open_gate()),
            (false, Some(_)) => self.gate = None,
            _ => {}
        }
    }
}

impl Asked {
    fn into_missing(self) -> Missing {
        let Self { mut portion, come, .. } = self;
        let missing =
            portion.set.numbers().map(|numbers| numbers.filter(|uid| !come.contains(*uid)).collect());
        match missing {
            Some(set) => {
                portion.set = set;
                Missing { portion, but_not: HashSet::new() }
            }
            None => Missing { portion, but_not: come.0.into_iter().collect() },
        }
    }
}

/// What a portion still owes.
pub(super) struct Missing {
    pub(super) portion: Portion,
    /// Of a set that can't be told in numbers: those that came.
    pub(super) but_not: HashSet<u32>,
}

impl Drop for Lane {
    fn drop(&mut self) {
        for asked in &self.under_way {
            self.connection.cancel(asked.token);
        }
    }
}
