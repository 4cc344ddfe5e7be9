//! What the server saw: how many connections at a time, and which commands.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::endpoint::Protocol;

/// How many of the last commands are kept.
const COMMANDS: usize = 100_000;

/// What a server has seen since it started.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// All connections, from the moment the server sees them until one side has closed.
    pub connections: Connections,
    /// The connections that are logged in, by user, over any protocol.
    pub users: BTreeMap<String, Connections>,
    /// The same for each protocol by itself.
    pub users_by_protocol: BTreeMap<Protocol, BTreeMap<String, Connections>>,
    /// Logins refused because the user had too many connections.
    pub over_limit: u64,
    /// Logins refused because of the password, or of what else was to prove who the client is.
    pub wrong_password: u64,
    /// The commands in the order in which they were read; of more than 100,000 the last.
    pub commands: Vec<SeenCommand>,
    /// Octets sent, TLS included.
    pub sent: u64,
    /// Octets received, TLS included.
    pub received: u64,
}

/// A count of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connections {
    /// Open now.
    pub current: usize,
    /// The most that were open at one time.
    pub peak: usize,
    /// All that there were.
    pub total: u64,
}

/// A command that the server read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenCommand {
    /// Which connection, counted from 1 in the order of connecting.
    pub connection: u64,
    /// What is spoken over it.
    pub protocol: Protocol,
    /// When it was read, from the server's start.
    pub at: Duration,
    /// Who was logged in.
    pub user: Option<String>,
    /// The command as it came, IMAP's tag included, without the end of the line; of a message only its length, `***` for
    /// a secret.
    pub text: String,
}

/// Where the sessions write down what becomes a [`Report`].
#[derive(Debug)]
pub(crate) struct Ledger {
    started: Instant,
    counts: Mutex<Counts>,
    /// How many connections there are, for who waits for a change.
    current: watch::Sender<usize>,
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
}

#[derive(Debug, Default)]
struct Counts {
    connections: Connections,
    users: BTreeMap<String, Connections>,
    users_by_protocol: BTreeMap<Protocol, BTreeMap<String, Connections>>,
    /// How many connections a user may have; none for a protocol without a limit.
    limits: BTreeMap<Protocol, usize>,
    over_limit: u64,
    wrong_password: u64,
    commands: VecDeque<SeenCommand>,
}

/// One connection's place in the counts. Both ends hold it; it is given up by whichever leaves first.
#[derive(Debug)]
pub(crate) struct Seat {
    ledger: Arc<Ledger>,
    number: u64,
    protocol: Protocol,
    taken: Mutex<Taken>,
}

#[derive(Debug)]
enum Taken {
    Anonymous,
    By(String),
    Left,
}

/// A user has as many connections as allowed.
pub(crate) struct OverLimit {
    pub(crate) limit: usize,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            counts: Mutex::default(),
            current: watch::Sender::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
        }
    }

    /// Since the server's start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn report(&self) -> Report {
        let counts = self.lock();
        Report {
            connections: counts.connections,
            users: counts.users.clone(),
            users_by_protocol: counts.users_by_protocol.clone(),
            over_limit: counts.over_limit,
            wrong_password: counts.wrong_password,
            commands: counts.commands.iter().cloned().collect(),
            sent: self.sent.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
        }
    }

    /// How many connections a user may have from now on; `usize::MAX` for any number.
    pub(crate) fn set_limit(&self, protocol: Protocol, most: usize) {
        let limits = &mut self.lock().limits;
        if most == usize::MAX {
            limits.remove(&protocol);
        } else {
            limits.insert(protocol, most);
        }
    }

    /// Counts a new connection.
    pub(crate) fn seat(self: &Arc<Self>, protocol: Protocol) -> Arc<Seat> {
        let mut counts = self.lock();
        counts.connections.enter();
        self.current.send_replace(counts.connections.current);
        let number = counts.connections.total;
        drop(counts);
        Arc::new(Seat { ledger: self.clone(), number, protocol, taken: Mutex::new(Taken::Anonymous) })
    }

    /// Waits until at most so many connections are open.
    pub(crate) async fn at_most(&self, connections: usize) {
        // The sender lives as long as the ledger.
        let _ = self.current.subscribe().wait_for(|current| *current <= connections).await;
    }

    pub(crate) fn wrong_password(&self) {
        self.lock().wrong_password += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Nothing under this lock leaves the counts half changed.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Which connection this is, counted from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Counts the connection as the user's, if the user may have one more over this protocol.
    pub(crate) fn log_in(&self, user: &str) -> Result<(), OverLimit> {
        let mut taken = self.taken();
        let mut counts = self.ledger.lock();
        if matches!(*taken, Taken::Left) {
            // The client is gone already, so that it takes no place; its session ends at the next read.
            return Ok(());
        }
        let of_protocol = counts.users_by_protocol.get(&self.protocol);
        let current =
            of_protocol.and_then(|users| users.get(user)).map_or(0, |connections| connections.current);
        if let Some(limit) = counts.limits.get(&self.protocol).copied().filter(|limit| current >= *limit) {
            counts.over_limit += 1;
            return Err(OverLimit { limit });
        }
        counts.log_in(self.protocol, user);
        *taken = Taken::By(user.to_owned());
        Ok(())
    }

    /// Counts the connection as nobody's again.
    pub(crate) fn log_out(&self) {
        let mut taken = self.taken();
        if let Taken::By(user) = &*taken {
            self.ledger.lock().log_out(self.protocol, user);
            *taken = Taken::Anonymous;
        }
    }

    /// Writes down a command.
    pub(crate) fn saw(&self, text: String) {
        let user = match &*self.taken() {
            Taken::By(user) => Some(user.clone()),
            Taken::Anonymous | Taken::Left => None,
        };
        let at = self.ledger.started.elapsed();
        let mut counts = self.ledger.lock();
        if counts.commands.len() == COMMANDS {
            counts.commands.pop_front();
        }
        counts.commands.push_back(SeenCommand {
            connection: self.number,
            protocol: self.protocol,
            at,
            user,
            text,
        });
    }

    /// Gives the place up; once is enough.
    pub(crate) fn leave(&self) {
        let mut taken = self.taken();
        let before = std::mem::replace(&mut *taken, Taken::Left);
        let mut counts = self.ledger.lock();
        if let Taken::By(user) = &before {
            counts.log_out(self.protocol, user);
        }
        if !matches!(before, Taken::Left) {
            counts.connections.current -= 1;
            self.ledger.current.send_replace(counts.connections.current);
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn log_in(&mut self, protocol: Protocol, user: &str) {
        self.users.entry(user.to_owned()).or_default().enter();
        self.users_by_protocol.entry(protocol).or_default().entry(user.to_owned()).or_default().enter();
    }

    fn log_out(&mut self, protocol: Protocol, user: &str) {
        let of_protocol = self.users_by_protocol.get_mut(&protocol);
        let counts = [self.users.get_mut(user), of_protocol.and_then(|users| users.get_mut(user))];
        counts.into_iter().flatten().for_each(|connections| connections.current -= 1);
    }
}

impl Connections {
    fn enter(&mut self) {
        self.current += 1;
        self.peak = self.peak.max(self.current);
        self.total += 1;
    }
}
