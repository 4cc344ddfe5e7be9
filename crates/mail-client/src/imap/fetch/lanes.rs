//! One connection's share of a stream of messages: what it was asked for, and what has come of it.

use std::collections::HashSet;

use mail_pool::Conn;
use mail_proto::imap::{
    Command, SequenceSet,
    client::{Request, Selection},
};
use tokio::sync::mpsc;

use super::FetchItems;
use crate::{
    error::Result,
    imap::{
        connection::{FetchEvent, FetchSink, Starved},
        manager::ImapManager,
    },
};

/// How many portions are under way on a connection, so that the next is there when one ends.
pub(super) const DEPTH: usize = 2;

/// A connection at work for a stream.
pub(super) struct Lane {
    pub(super) number: usize,
    connection: Conn<ImapManager>,
    /// The connection's place in the pool, for those beyond the first.
    pub(super) extra: Option<mail_pool::Connection<ImapManager>>,
    under_way: Vec<Asked>,
    starved: Option<Starved>,
}

/// A portion that was asked for.
struct Asked {
    window: u64,
    token: u64,
    set: SequenceSet,
    come: HashSet<u32>,
}

impl Lane {
    pub(super) fn new(
        number: usize,
        connection: Conn<ImapManager>,
        extra: Option<mail_pool::Connection<ImapManager>>,
    ) -> Self {
        Self { number, connection, extra, under_way: Vec::new(), starved: None }
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
        window: u64,
        set: SequenceSet,
        events: &mpsc::UnboundedSender<FetchEvent>,
    ) -> Result<()> {
        let command = Command::uid_fetch(set.clone(), items.to_command());
        let request = Request::on(selection.clone(), command);
        let only = set.numbers().filter(|_| set.len() == Some(1)).and_then(|mut numbers| numbers.next());
        let sink = FetchSink::new(events.clone(), self.number, window, only);
        let token = self.connection.fetch(request, sink)?;
        self.under_way.push(Asked { window, token, set, come: HashSet::new() });
        Ok(())
    }

    /// Notes that this message has come. False if it has come before.
    pub(super) fn came(&mut self, window: u64, uid: u32) -> bool {
        let asked = self.under_way.iter_mut().find(|asked| asked.window == window);
        asked.is_some_and(|asked| asked.come.insert(uid))
    }

    /// A portion has ended. Gives what of it has not come.
    pub(super) fn ended(&mut self, window: u64) -> Option<Missing> {
        let at = self.under_way.iter().position(|asked| asked.window == window)?;
        let Asked { set, come, .. } = self.under_way.swap_remove(at);
        let missing = set.numbers().map(|numbers| numbers.filter(|uid| !come.contains(uid)).collect());
        Some(match missing {
            Some(set) => Missing { set, but_not: HashSet::new() },
            None => Missing { set, but_not: come },
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
}

/// What a portion still owes.
pub(super) struct Missing {
    pub(super) set: SequenceSet,
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
