//! Many tasks on one client over lines that are never good, for a while, and every message accounted for.
//!
//! `CHAOS_SECONDS` says how long, `CHAOS_SEED` what goes wrong; how the tasks run beside each other is not of the seed.

mod book;
mod memory;
mod proxy;
mod random;
mod worker;

use std::{
    env,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, SystemTime},
};

use mail_client::imap::ImapClient;
use mail_testkit::{Account, Server};
use system_tests::counted::{counted, say};
use tokio::{
    runtime::{self, Handle, Runtime},
    sync::Mutex,
    time::{Instant, sleep, timeout},
};

use self::{
    book::{Book, MAILBOXES},
    proxy::{Proxy, Through},
    random::Random,
    worker::{Place, Worker},
};

const USER: &str = "kim";
const PASSWORD: &str = "secret";

const TASKS: u64 = 64;
const QUOTA: usize = 10;

/// How long unless told.
const USUAL: u64 = 30;

/// The mail is looked at this often.
const ROUND: Duration = Duration::from_secs(60);

/// How long everything in a round may take that isn't chaos: ending what is under way, and looking.
const PATIENCE: Duration = Duration::from_secs(150);

/// How much more the client may hold after a later round than after the first: what is in a state that another round
/// may not have been in, as buffers that have grown.
const GROWTH: isize = 1 << 20;

/// And for each message that the book knows more of.
const ENTRY: usize = 512;

#[test]
fn every_message_is_accounted_for() {
    let told = |name| env::var(name).ok().map(|value| value.parse().expect("a number"));
    let seconds: u64 = told("CHAOS_SECONDS").unwrap_or(USUAL);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970");
    let seed: u64 = told("CHAOS_SEED").unwrap_or(now.as_nanos() as u64 % 1_000_000_000);
    say(&format!("chaos: {seconds} s, seed {seed}"));
    memory::check();

    let servers = runtime_of(true);
    let clients = runtime_of(false);
    // A server is what the seed makes it.
    let mut random = Random::new(seed, u64::MAX);
    let mut server = Server::builder().user(USER, PASSWORD);
    server = MAILBOXES[1..].iter().fold(server, |server, mailbox| server.mailbox(mailbox));
    let lacks: Vec<_> =
        ["MOVE", "LITERAL+", "NOTIFY", "CONDSTORE"].into_iter().filter(|_| random.once_in(3)).collect();
    server = lacks.iter().fold(server, |server, name| server.without_capability(*name));
    let server = servers.block_on(server.start()).expect("the embedded server starts");
    let server = Arc::new(server);
    let proxy = Proxy::new(seed, Arc::clone(&server), servers.handle().clone());
    let compresses = random.once_in(4);
    let client = client(&proxy, compresses);
    say(&format!("a server without {lacks:?}, compressed: {compresses}"));

    let (alive, signs) = mpsc::channel::<()>();
    let watched = client.clone();
    let watchdog = thread::spawn(move || {
        loop {
            match signs.recv_timeout(ROUND + PATIENCE) {
                Ok(()) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    say(&format!("chaos hangs, seed {seed}"));
                    say(&watched.pool_status().to_string());
                    std::process::abort();
                }
            }
        }
    });
    let book = Arc::new(Book::default());
    let moves_at_once = !lacks.contains(&"MOVE");
    let place = Arc::new(Place { client, book: Arc::clone(&book), moves_at_once });
    let chaos = Chaos { seconds, seed, server: Arc::clone(&server), proxy: Arc::clone(&proxy), place, alive };
    clients.block_on(chaos.run());
    drop(chaos);
    watchdog.join().expect("it doesn't panic");
    clients.block_on(nothing_is_left(&server, &book));

    say(&format!("{book}; {proxy}"));
    counted("seconds of chaos", seconds);
    counted("messages accounted for", book.messages());
    let mistakes = book.take_mistakes();
    assert!(mistakes.is_empty(), "seed {seed}:\n{}", mistakes.join("\n"));
}

/// With the last clone of the client everything is gone that was its.
async fn nothing_is_left(server: &Server, book: &Book) {
    let left = || (Handle::current().metrics().num_alive_tasks(), server.report().connections.current);
    for _ in 0..200 {
        if left() == (0, 0) {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    book.mistake(format!("left behind, tasks and connections: {:?}", left()));
}

/// Two threads, which are the server's or not.
fn runtime_of(server: bool) -> Runtime {
    let mut runtime = runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all();
    if server {
        runtime.on_thread_start(memory::belongs_to_the_server);
    }
    runtime.build().expect("a runtime")
}

/// A client that is less patient than usual, so that a while is enough for all that can happen.
fn client(proxy: &Arc<Proxy>, compresses: bool) -> ImapClient {
    ImapClient::builder("localhost", USER)
        .password(PASSWORD)
        .plaintext_without_encryption()
        .connector(Through(Arc::clone(proxy)))
        .compress(compresses)
        .max_connections(QUOTA)
        .inactivity_timeout(Duration::from_secs(3))
        .connect_timeouts(Duration::from_secs(3))
        .acquire_timeout(Some(Duration::from_secs(20)))
        .idle_timeout(Duration::from_millis(500))
        .trust_idle(Duration::from_millis(200))
        .cool_down(Duration::from_millis(200))
        .build()
        .expect("a client")
}

struct Chaos {
    seconds: u64,
    seed: u64,
    server: Arc<Server>,
    proxy: Arc<Proxy>,
    place: Arc<Place>,
    /// Told after every round.
    alive: mpsc::Sender<()>,
}

impl Chaos {
    async fn run(&self) {
        let Place { client, book, .. } = &*self.place;
        let workers: Vec<_> = (0..TASKS)
            .map(|number| {
                let random = Random::new(self.seed, u64::MAX - 1 - number);
                Arc::new(Mutex::new(Worker::new(Arc::clone(&self.place), random)))
            })
            .collect();
        let whole = Duration::from_secs(self.seconds);
        // At least two, so that there is something to compare.
        let rounds = self.seconds.div_ceil(ROUND.as_secs()).max(2) as u32;
        let mut first: Option<(isize, usize)> = None;
        for round in 1..=rounds {
            self.round(&workers, whole / rounds).await;
            // The watchdog lives for as long as this can be told.
            let _ = self.alive.send(());
            let account = self.account();
            book.audit(&account);
            for worker in &workers {
                self.look_for(&*worker.lock().await, &account);
            }
            let (held, entries) = (memory::held(), book.len());
            say(&format!(
                "round {round} of {rounds}: {held} bytes held, {} open",
                client.pool_status().counts.open()
            ));
            let (held_first, entries_first) = *first.get_or_insert((held, entries));
            let allowed = GROWTH + (ENTRY * entries.saturating_sub(entries_first)) as isize;
            book.expect(
                held - held_first <= allowed,
                format_args!("{held} bytes after round {round}, {held_first} after the first"),
            );
        }
        self.works_and_ends().await;
        book.audit(&self.account());
    }

    /// Chaos, and then quiet.
    async fn round(&self, workers: &[Arc<Mutex<Worker>>], length: Duration) {
        let Place { client, book, .. } = &*self.place;
        self.proxy.be_quiet(false);
        let until = Instant::now() + length;
        let tasks: Vec<_> =
            workers.iter().map(|worker| tokio::spawn(worker::work(Arc::clone(worker), until))).collect();
        sleep(length).await;
        self.proxy.be_quiet(true);
        for task in tasks {
            if let Err(error) = task.await {
                book.mistake(format!("a task ended: {error}"));
            }
        }
        // What the workers left behind them ends, and what was kept for the next is closed. Main remains.
        let is_at_rest = || {
            let status = client.pool_status();
            status.waiting == 0 && status.counts.open() <= 1 && status.counts.lost <= 1
        };
        for _ in 0..200 {
            if is_at_rest() {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
        book.mistake(format!("not at rest after the work: {}", client.pool_status()));
    }

    fn account(&self) -> Account {
        self.server.account(USER).expect("the user")
    }

    /// What a worker knows of is there, with its UID.
    fn look_for(&self, worker: &Worker, account: &Account) {
        for mine in worker.mine() {
            let held = account.messages(MAILBOXES[mine.mailbox]).expect("it is there");
            let is_there = held.iter().any(|message| {
                let is_flagged = message.flags.iter().any(|flag| flag == "\\Flagged");
                message.uid == mine.uid && mine.has(&message.body) && (is_flagged || !mine.is_flagged)
            });
            self.place.book.expect(is_there, format_args!("{mine:?} is not what is there"));
        }
    }

    /// Every connection that there may be can be had, and at the end none is left.
    async fn works_and_ends(&self) {
        let Place { client, book, .. } = &*self.place;
        let probed = timeout(Duration::from_secs(30), async {
            client.noop().await?;
            let mut all = Vec::new();
            for _ in 1..QUOTA {
                all.push(client.create_connection().await?);
            }
            for own in &all {
                client.via(own).examine("INBOX").await?;
            }
            Ok::<_, mail_client::Error>(())
        });
        let is_well = matches!(probed.await, Ok(Ok(())));
        book.expect(is_well, format_args!("the client doesn't work: {}", client.pool_status()));
        client.close().await;
        let status = client.pool_status();
        book.expect(status.counts.open() == 0, format_args!("something is open after the end: {status}"));
        let peak = self.server.report().connections.peak;
        book.expect(peak <= QUOTA, format_args!("{peak} connections were open at a time"));
        book.expect(peak == QUOTA, format_args!("never more than {peak} connections were open"));
    }
}
