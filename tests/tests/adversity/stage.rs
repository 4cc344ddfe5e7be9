//! One run of a session: a server of its own, a client, something that goes wrong, and what is to be so afterwards.

use std::{
    cell::Cell,
    fmt,
    future::poll_fn,
    sync::{Arc, Once},
    task::Poll,
    time::Duration,
};

use mail_client::{Result, imap::PoolStatus, transport::Tls};
use mail_testkit::{Action, Builder, Fault, Link, Server};
use tokio::{
    runtime::Handle,
    time::{Instant, sleep, timeout},
};

use super::{
    ledger::{CONNECTS, Held, Ledger, Trouble, WRITES},
    watchdog,
    wire::{Breach, Point, Traffic, Wire},
};
use crate::wire::BoxFuture;

pub(crate) const USER: &str = "kim";
pub(crate) const PASSWORD: &str = "secret";

/// A session that can be played again and again.
pub(crate) struct Session<C> {
    pub(crate) name: &'static str,
    /// What the server has and can.
    pub(crate) server: fn(Builder) -> Builder,
    pub(crate) client: fn(&Stage) -> C,
    /// What the client does, told to the ledger.
    pub(crate) doings: fn(C, Stage) -> BoxFuture<'static, Result<()>>,
    /// Whether all of it is of a kind that one lost connection doesn't show, once the client is connected.
    pub(crate) survives: bool,
    /// Of its points, one of so many is tried in the usual size.
    pub(crate) one_of: u64,
}

impl<C> Session<C> {
    /// Played in full, and not known to survive.
    pub(crate) const fn new(
        name: &'static str,
        server: fn(Builder) -> Builder,
        client: fn(&Stage) -> C,
        doings: fn(C, Stage) -> BoxFuture<'static, Result<()>>,
    ) -> Self {
        Self { name, server, client, doings, survives: false, one_of: 1 }
    }

    /// The same, which shows nothing of a lost connection.
    pub(crate) const fn surviving(self) -> Self {
        Self { survives: true, ..self }
    }

    /// The same, of which one of so many points is tried: it is long, or takes long.
    pub(crate) const fn one_of(self, many: u64) -> Self {
        Self { one_of: many, ..self }
    }
}

/// How connections are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// In memory, under paused time.
    Memory,
    /// Over TCP and TLS.
    Tls,
}

/// A client of any protocol.
pub(crate) trait Client: Clone + Send + Sync + 'static {
    /// How many connections it may have.
    const MOST: usize;

    /// How an answer begins that can only be taken for the one that is due: answers have no names in this protocol.
    const ANSWER: Option<&'static [u8]> = None;

    /// Whether it works: reads some mail and compares it; if it is looked at closely, over every connection that it may
    /// have.
    fn probe(&self, stage: &Stage, closely: bool) -> BoxFuture<'_, Result<()>>;

    /// Forgets that a login was refused.
    fn retry_login(&self);

    fn close(&self) -> BoxFuture<'_, ()>;

    fn status(&self) -> PoolStatus;
}

/// What the client's doings take place on.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) way: Way,
    pub(crate) server: Arc<Server>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) ledger: Ledger,
}

/// What goes wrong in a run.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    Nothing,
    /// A connection breaks.
    Break(Point, Breach),
    /// The server does something else than answer its n-th command.
    Instead(u64, Action),
    /// The doings are dropped at their n-th poll, over a link that is slow or isn't.
    DropAtPoll(u64, Link),
    /// The doings are dropped when this byte has passed.
    DropAtByte(Point),
}

impl Plan {
    /// Whether every place is tried out afterwards, which takes longer than the session itself.
    fn is_looked_at_closely(&self) -> bool {
        match self {
            Self::Break(point, _) | Self::DropAtByte(point) => point.after.is_multiple_of(8),
            _ => true,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("undisturbed"),
            Self::Break(point, breach) => write!(f, "{breach:?} after {point}"),
            Self::Instead(nth, action) => write!(f, "{action:?} at command {nth}"),
            Self::DropAtPoll(nth, link) => write!(f, "dropped at poll {nth} over {link:?}"),
            Self::DropAtByte(point) => write!(f, "dropped after {point}"),
        }
    }
}

/// How a run went.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What the doings ended in, unless they were dropped.
    pub(crate) outcome: Option<Result<()>>,
    /// Whether it came to what was planned.
    pub(crate) struck: bool,
    /// What passed, if nothing was planned.
    pub(crate) traffic: Vec<Traffic>,
    /// How many commands the server had read when the doings ended.
    pub(crate) commands: u64,
    pub(crate) mistakes: Vec<String>,
}

/// Longer than anything may take, in the time of the run.
const FOR_EVER: Duration = Duration::from_secs(6 * 3600);

/// The longest that a server's word can hold a client back: its cool-down and what comes on top.
pub(crate) const HELD_BACK: Duration = Duration::from_secs(900);

thread_local! {
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

/// Plays a session.
pub(crate) fn play<C: Client>(session: &Session<C>, way: Way, plan: &Plan) -> Ran {
    note_panics();
    let _watched = watchdog::watch(format!("{}: {plan}", session.name));
    PANICS.set(0);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(way == Way::Memory).build();
    let mut ran = runtime.expect("a runtime").block_on(scene(session, way, plan));
    if PANICS.get() > 0 {
        ran.mistakes.push("something panicked".to_owned());
    }
    ran
}

/// Counts the panics of tasks too, which are nobody's to see.
fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.set(PANICS.get() + 1);
            default(panic);
        }));
    });
}

async fn scene<C: Client>(session: &Session<C>, way: Way, plan: &Plan) -> Ran {
    let server = (session.server)(Server::builder().user(USER, PASSWORD));
    let server = match plan {
        Plan::DropAtPoll(_, link) => server.link(*link),
        _ => server,
    };
    let server = server.start().await;
    let server = Arc::new(server.expect("the embedded server starts"));
    let tasks = Handle::current().metrics().num_alive_tasks();
    let (wire, trouble) = match plan {
        Plan::Nothing => (Wire::recording(), Trouble::None),
        Plan::Break(point, breach @ Breach::Stall) => (Wire::breaking(*point, *breach), Trouble::Stall),
        Plan::Break(point, breach) => (Wire::breaking(*point, *breach), Trouble::Cut),
        Plan::DropAtByte(point) => (Wire::breaking(*point, Breach::Tell), Trouble::None),
        Plan::DropAtPoll(..) => (Arc::default(), Trouble::None),
        Plan::Instead(nth, action) => {
            server.add_fault(Fault::on_command("*", action.clone()).nth(*nth));
            (Arc::default(), Trouble::Answer)
        }
    };
    let stage = Stage { way, ledger: Ledger::new(trouble, held(&server)), server, wire };
    let ledger = stage.ledger.clone();
    let client = (session.client)(&stage);

    let doings = (session.doings)(client.clone(), stage.clone());
    let doings = timeout(FOR_EVER, doings);
    let outcome = match plan {
        Plan::DropAtPoll(nth, _) => at_most(*nth, doings).await,
        Plan::DropAtByte(_) => tokio::select! {
            biased;
            () = stage.wire.reached() => None,
            outcome = doings => Some(outcome),
        },
        _ => Some(doings.await),
    };
    let outcome = match outcome {
        Some(Err(_)) => {
            ledger.mistake("the doings never end".to_owned());
            None
        }
        Some(Ok(outcome)) => Some(outcome),
        None => None,
    };
    let struck = stage.wire.struck() || (outcome.is_none() && matches!(plan, Plan::DropAtPoll(..)));
    let commands = stage.server.report().commands.len() as u64;
    if matches!((&outcome, plan), (Some(Err(_)), Plan::Break(..))) && session.survives {
        survives(session, plan, &ledger, outcome.as_ref());
    }
    stage.server.clear_faults();
    // What was planned for the goodbye is still to come.
    if struck || !matches!(plan, Plan::Nothing | Plan::Break(..)) {
        stage.wire.disarm();
        works(&client, &stage, plan).await;
    }
    closes(&client, &ledger).await;
    drop(client);
    ledger.expect(stage.server.report().connections.peak <= C::MOST, "there were too many connections");
    let mut left = None;
    for _ in 0..1000 {
        // The server learns that its clients are gone, and ends what it had begun before.
        left = leftovers(&stage, tasks);
        if left.is_none() {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    left.into_iter().for_each(|left| ledger.mistake(left));
    let mistakes = ledger.audit(held(&stage.server));
    Ran { outcome, struck, traffic: stage.wire.take_traffic(), commands, mistakes }
}

/// What of the client is still there.
fn leftovers(stage: &Stage, tasks: usize) -> Option<String> {
    let open = stage.server.report().connections.current;
    let alive = Handle::current().metrics().num_alive_tasks();
    let is_held = Arc::strong_count(&stage.server) > 1;
    (open > 0 || alive > tasks || is_held)
        .then(|| format!("left behind: {open} connections, {alive} tasks of {tasks}, the client: {is_held}"))
}

fn survives<C>(session: &Session<C>, plan: &Plan, ledger: &Ledger, outcome: Option<&Result<()>>) {
    // The first call connects, which fails at once if that is lost.
    let connected = ledger.calls() > 1;
    let is_cut = !matches!(plan, Plan::Break(_, Breach::Stall));
    if connected && is_cut {
        ledger.mistake(format!("{} should have survived: {outcome:?}", session.name));
    }
}

/// Whatever happened, the client works.
async fn works<C: Client>(client: &C, stage: &Stage, plan: &Plan) {
    let ledger = &stage.ledger;
    // What the doings held is free again once its commands have ended.
    sleep(Duration::from_millis(10)).await;
    let closely = stage.way == Way::Memory && plan.is_looked_at_closely();
    if matches!(plan, Plan::Instead(..)) || (closely && client.status().effective < C::MOST) {
        sleep(HELD_BACK).await;
        client.retry_login();
    }
    // A connection that is dead without a word is found out by the first who uses it.
    let tries = if matches!(plan, Plan::Break(_, Breach::Stall)) { 1 + C::MOST } else { 1 };
    for left in (0..tries).rev() {
        let begun = Instant::now();
        let probed = timeout(FOR_EVER, client.probe(stage, closely)).await;
        let took = begun.elapsed();
        match probed {
            Err(_) => ledger.mistake("the client hangs".to_owned()),
            Ok(Ok(())) => {}
            Ok(Err(error)) if left > 0 => {
                ledger.examine("the probe", &error);
                continue;
            }
            Ok(Err(error)) => {
                ledger.mistake(format!("the client doesn't work: {error:?}\n{}", client.status()));
            }
        }
        ledger.expect(took <= WRITES + CONNECTS, format_args!("the probe took {took:?}"));
        break;
    }
    let status = client.status();
    ledger.expect(status.waiting == 0, format_args!("somebody waits still: {status}"));
    // Main is never given back.
    let held = status.counts.in_use + status.counts.lost;
    ledger.expect(held <= 1, format_args!("a place is held still: {status}"));
}

async fn closes<C: Client>(client: &C, ledger: &Ledger) {
    let begun = Instant::now();
    client.close().await;
    let took = begun.elapsed();
    ledger.expect(took <= Duration::from_secs(12), format_args!("closing took {took:?}"));
    let status = client.status();
    ledger.expect(status.counts.open() == 0, format_args!("something is open after the end: {status}"));
}

/// Polls a future so many times; nothing if it isn't done by then.
async fn at_most<T>(polls: u64, future: impl Future<Output = T>) -> Option<T> {
    let mut future = Box::pin(future);
    let mut left = polls;
    poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Trusts this server and no other.
pub(crate) fn trust(server: &Server) -> Tls {
    let pem = server.ca_pem().as_bytes();
    Tls::builder().root_pem(pem).and_then(|tls| tls.build()).expect("the server's certificate")
}

/// All mail of the user.
fn held(server: &Server) -> Vec<Held> {
    let account = server.account(USER).expect("the user");
    let mut held = Vec::new();
    for mailbox in account.mailboxes() {
        for message in account.messages(&mailbox).expect("it is there") {
            held.push(Held {
                mailbox: String::from_utf8_lossy(&mailbox).into_owned(),
                message: message.body.to_vec(),
                flags: message.flags.iter().map(str::to_owned).collect(),
            });
        }
    }
    held
}
