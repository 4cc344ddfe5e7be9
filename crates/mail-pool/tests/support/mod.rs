//! A toy server that counts its connections, and a manager that dials it.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mail_pool::{AfterUse, Attempt, Builder, Class, Kind, Manager, Pool};
use tokio::sync::Semaphore;

/// What the next dial is to end in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Script {
    Accept,
    /// Accepts, and hangs up at once.
    Drop,
    Fail(Class),
    /// Never ends.
    Hang,
    Panic,
}

#[derive(Default)]
pub(crate) struct Server {
    /// Sockets that exist, those being opened and closed included, and the most there ever were.
    open: AtomicUsize,
    peak: AtomicUsize,
    /// Logged in, and dials that were not yet answered.
    logged_in: AtomicUsize,
    handshakes: AtomicUsize,
    handshake_peak: AtomicUsize,
    pub(crate) dials: AtomicUsize,
    pub(crate) checks: AtomicUsize,
    pub(crate) resets: AtomicUsize,
    pub(crate) logouts: AtomicUsize,
    pub(crate) cuts: AtomicUsize,
    /// How many may be logged in.
    limit: AtomicUsize,
    ids: AtomicU64,
    script: Mutex<VecDeque<Script>>,
    attempts: Mutex<Vec<Attempt>>,
}

impl Server {
    pub(crate) fn new() -> Arc<Self> {
        let server = Self::default();
        server.limit.store(usize::MAX, Ordering::SeqCst);
        Arc::new(server)
    }

    pub(crate) fn limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::SeqCst);
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Ordering::SeqCst)
    }

    pub(crate) fn handshake_peak(&self) -> usize {
        self.handshake_peak.load(Ordering::SeqCst)
    }

    pub(crate) fn dials(&self) -> usize {
        self.dials.load(Ordering::SeqCst)
    }

    pub(crate) fn checks(&self) -> usize {
        self.checks.load(Ordering::SeqCst)
    }

    pub(crate) fn logouts(&self) -> usize {
        self.logouts.load(Ordering::SeqCst)
    }

    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().unwrap().clone()
    }

    pub(crate) fn kinds(&self) -> Vec<Kind> {
        self.attempts().iter().map(|attempt| attempt.kind).collect()
    }

    /// What the next dials end in; when it runs out they are accepted.
    pub(crate) fn script(&self, script: impl IntoIterator<Item = Script>) {
        self.script.lock().unwrap().extend(script);
    }
}

/// A socket at the server; it counts until it is dropped.
struct Socket(Arc<Server>);

impl Socket {
    fn open(server: &Arc<Server>) -> Self {
        let open = server.open.fetch_add(1, Ordering::SeqCst) + 1;
        server.peak.fetch_max(open, Ordering::SeqCst);
        Self(Arc::clone(server))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Handshake(Arc<Server>);

impl Handshake {
    fn begin(server: &Arc<Server>) -> Self {
        let now = server.handshakes.fetch_add(1, Ordering::SeqCst) + 1;
        server.handshake_peak.fetch_max(now, Ordering::SeqCst);
        Self(Arc::clone(server))
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.0.handshakes.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Login(Arc<Server>);

impl Drop for Login {
    fn drop(&mut self) {
        self.0.logged_in.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(crate) struct Toy {
    pub(crate) id: u64,
    broken: AtomicBool,
    pub(crate) dirty: AtomicBool,
    pub(crate) unusable: AtomicBool,
    /// Gone with the connection: the login before the socket.
    wire: Mutex<Option<(Login, Socket)>>,
}

impl Toy {
    /// The connection dies, and the client notices: its socket is closed.
    pub(crate) fn break_it(&self) {
        drop(self.wire.lock().unwrap().take());
        self.broken.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ToyError(pub(crate) Class);

impl fmt::Display for ToyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "toy {:?}", self.0)
    }
}

impl std::error::Error for ToyError {}

/// A place where the manager stops until it is let on. Open at first.
pub(crate) struct Gate(Semaphore);

impl Gate {
    const OPEN: usize = 1 << 20;

    fn new() -> Self {
        Self(Semaphore::new(Self::OPEN))
    }

    /// Nobody passes any more.
    pub(crate) fn shut(&self) {
        self.0.forget_permits(Self::OPEN);
    }

    /// Lets `n` pass.
    pub(crate) fn let_pass(&self, n: usize) {
        self.0.add_permits(n);
    }

    async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

pub(crate) struct Toys {
    pub(crate) server: Arc<Server>,
    pub(crate) connect_gate: Gate,
    pub(crate) check_gate: Gate,
    pub(crate) reset_gate: Gate,
    pub(crate) close_gate: Gate,
    pub(crate) connect_time: Mutex<Duration>,
    pub(crate) check_fails: AtomicBool,
    /// Connections with a lower number have died, whoever has them.
    pub(crate) died: AtomicU64,
    pub(crate) renews: bool,
}

impl Toys {
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        Self {
            server: Arc::clone(server),
            connect_gate: Gate::new(),
            check_gate: Gate::new(),
            reset_gate: Gate::new(),
            close_gate: Gate::new(),
            connect_time: Mutex::new(Duration::from_millis(10)),
            check_fails: AtomicBool::new(false),
            died: AtomicU64::new(0),
            renews: false,
        }
    }
}

impl Manager for Toys {
    type Connection = Toy;
    type Error = ToyError;

    async fn connect(&self, attempt: Attempt) -> Result<Toy, ToyError> {
        let server = &self.server;
        let socket = Socket::open(server);
        let handshake = Handshake::begin(server);
        server.dials.fetch_add(1, Ordering::SeqCst);
        server.attempts.lock().unwrap().push(attempt);
        let script = server.script.lock().unwrap().pop_front();
        let time = *self.connect_time.lock().unwrap();
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
        self.connect_gate.pass().await;
        let script = script.unwrap_or(Script::Accept);
        let is_dropped = matches!(script, Script::Drop);
        match script {
            Script::Accept | Script::Drop => {}
            Script::Fail(class) => return Err(ToyError(class)),
            Script::Hang => std::future::pending().await,
            Script::Panic => panic!("asked to"),
        }
        let logged_in = server.logged_in.fetch_add(1, Ordering::SeqCst);
        let login = Login(Arc::clone(server));
        if logged_in >= server.limit.load(Ordering::SeqCst) {
            return Err(ToyError(Class::Limit));
        }
        drop(handshake);
        let toy = Toy {
            id: server.ids.fetch_add(1, Ordering::SeqCst),
            broken: AtomicBool::new(false),
            dirty: AtomicBool::new(false),
            unusable: AtomicBool::new(false),
            wire: Mutex::new(Some((login, socket))),
        };
        if is_dropped {
            toy.break_it();
        }
        Ok(toy)
    }

    fn is_broken(&self, toy: &Toy) -> bool {
        toy.is_broken() || toy.id < self.died.load(Ordering::SeqCst)
    }

    async fn check(&self, _: &Toy) -> Result<(), ToyError> {
        self.server.checks.fetch_add(1, Ordering::SeqCst);
        self.check_gate.pass().await;
        if self.check_fails.load(Ordering::SeqCst) {
            return Err(ToyError(Class::Transient));
        }
        Ok(())
    }

    fn needs_reset(&self, toy: &Toy) -> bool {
        toy.dirty.load(Ordering::SeqCst)
    }

    async fn reset(&self, toy: &Toy) -> AfterUse {
        self.server.resets.fetch_add(1, Ordering::SeqCst);
        self.reset_gate.pass().await;
        toy.dirty.store(false, Ordering::SeqCst);
        if toy.unusable.load(Ordering::SeqCst) { AfterUse::Close } else { AfterUse::Keep }
    }

    async fn close(&self, toy: Toy) {
        self.close_gate.pass().await;
        self.server.logouts.fetch_add(1, Ordering::SeqCst);
        drop(toy);
    }

    fn cut(&self, toy: &Toy) {
        self.server.cuts.fetch_add(1, Ordering::SeqCst);
        toy.break_it();
    }

    fn classify(&self, error: &ToyError) -> Class {
        error.0
    }

    fn connect_timed_out(&self, _: Duration) -> ToyError {
        ToyError(Class::Transient)
    }

    fn renews_credentials(&self) -> bool {
        self.renews
    }
}

/// A pool over a fresh server, with `max` connections.
pub(crate) fn pool(max: usize) -> (Pool<Toys>, Arc<Server>) {
    pool_with(max, |builder| builder)
}

pub(crate) fn pool_with(
    max: usize,
    set: impl FnOnce(Builder<Toys>) -> Builder<Toys>,
) -> (Pool<Toys>, Arc<Server>) {
    let server = Server::new();
    let builder = Pool::builder(Toys::new(&server)).max_connections(max);
    (set(builder).build().unwrap(), server)
}

/// Lets everything that can run now run, without time passing.
pub(crate) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}
