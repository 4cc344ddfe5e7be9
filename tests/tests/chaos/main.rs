//! Many tasks and threads on clients of all three protocols over lines that are never good, in the clear and with TLS,
//! for a while, and every message accounted for.
//!
//! `CHAOS_SECONDS` says how long, `CHAOS_SEED` what goes wrong; how the tasks run beside each other is not of the seed.

system_tests::watch_for_secrets!();

mod imap;
mod memory;
mod pop3;
mod proxy;
mod random;
mod scene;
mod smtp;
mod tally;
mod text;

use std::{
    env,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, SystemTime},
};

use mail_testkit::Server;
use system_tests::counted::{counted, say};
use tokio::{
    runtime::{self, Handle, Runtime},
    time::{Instant, sleep, timeout},
};

use self::{
    random::Random,
    scene::{Scene, Security},
};

/// How long unless told.
const USUAL: u64 = 60;

/// The mail is looked at this often.
const ROUND: Duration = Duration::from_secs(60);

/// How long everything in a round may take that isn't chaos: ending what is under way, and looking.
const PATIENCE: Duration = Duration::from_secs(240);

/// How long what was begun may take to end once nothing goes wrong any more.
const REST: Duration = Duration::from_secs(60);

/// How much more each client may hold after a later round than after the first: what is in a state that another round
/// may not have been in, as buffers that have grown.
const GROWTH: usize = 1 << 20;

/// And for each message more that is kept in mind.
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
    let scenes: Arc<[_]> = scenes(seed, servers.handle()).into();
    let all_servers: Vec<_> = scenes.iter().map(|scene| Arc::clone(&scene.site().server)).collect();

    let (alive, signs) = mpsc::channel::<()>();
    let watched = Arc::clone(&scenes);
    let watchdog = thread::spawn(move || {
        loop {
            match signs.recv_timeout(ROUND + PATIENCE) {
                Ok(()) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    say(&format!("chaos hangs, seed {seed}"));
                    watched
                        .iter()
                        .for_each(|scene| say(&format!("{}\n{}", scene.site().tally, scene.pool_status())));
                    std::process::abort();
                }
            }
        }
    });
    let chaos = Chaos { seconds, scenes, alive };
    clients.block_on(chaos.run());
    let mut mistakes = Vec::new();
    for scene in &*chaos.scenes {
        let site = scene.site();
        say(&format!("{}; {}", site.tally, site.proxy));
        counted("messages accounted for", site.tally.messages());
        mistakes.append(&mut site.tally.take_mistakes());
    }
    drop(chaos);
    watchdog.join().expect("it doesn't panic");
    mistakes.extend(clients.block_on(what_is_left(&all_servers)));
    counted("seconds of chaos", seconds);
    assert!(mistakes.is_empty(), "seed {seed}:\n{}", mistakes.join("\n"));
}

/// What works at the same time: a client each, with a server and lines of its own, as the seed has it.
fn scenes(seed: u64, servers: &Handle) -> Vec<Arc<dyn Scene>> {
    let random = |number| Random::new(seed, u64::MAX - number);
    let any = |random: &mut Random| random.one_of(&Security::ALL);
    let encrypted = |random: &mut Random| random.one_of(&[Security::StartTls, Security::Tls]);
    let mut scenes: Vec<Arc<dyn Scene>> = Vec::new();
    let imap = &mut random(0);
    scenes.push(Arc::new(imap::Tasks::start(Security::Plain, 40, imap, servers)));
    let imap = &mut random(1);
    scenes.push(Arc::new(imap::Tasks::start(encrypted(imap), 24, imap, servers)));
    let threads = &mut random(2);
    scenes.push(Arc::new(imap::Threads::start(any(threads), 6, threads, servers)));
    let pop3 = &mut random(3);
    scenes.push(Arc::new(pop3::Maildrop::start(any(pop3), 8, pop3, servers)));
    let smtp = &mut random(4);
    scenes.push(Arc::new(smtp::Submission::start(any(smtp), 12, smtp, servers)));
    scenes
}

/// With the last clones of the clients everything is gone that was theirs. What isn't.
async fn what_is_left(servers: &[Arc<Server>]) -> Option<String> {
    let left = || {
        let connections: usize = servers.iter().map(|server| server.report().connections.current).sum();
        (Handle::current().metrics().num_alive_tasks(), connections)
    };
    let until = Instant::now() + REST;
    while left() != (0, 0) {
        if Instant::now() > until {
            return Some(format!("left behind, tasks and connections: {:?}", left()));
        }
        sleep(Duration::from_millis(50)).await;
    }
    None
}

/// Two threads, which are the servers' or not.
fn runtime_of(servers: bool) -> Runtime {
    let mut runtime = runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all();
    if servers {
        runtime.on_thread_start(memory::belongs_to_the_server);
    }
    runtime.build().expect("a runtime")
}

struct Chaos {
    seconds: u64,
    scenes: Arc<[Arc<dyn Scene>]>,
    /// Told after every round.
    alive: mpsc::Sender<()>,
}

impl Chaos {
    async fn run(&self) {
        let whole = Duration::from_secs(self.seconds);
        // At least two, so that there is something to compare.
        let rounds = self.seconds.div_ceil(ROUND.as_secs()).max(2) as u32;
        let mut first: Option<(isize, usize)> = None;
        for round in 1..=rounds {
            self.round(whole / rounds).await;
            // The watchdog lives for as long as this can be told.
            let _ = self.alive.send(());
            self.scenes.iter().for_each(|scene| scene.audit());
            let held = memory::held();
            let known: usize = self.scenes.iter().map(|scene| scene.known()).sum();
            let open: usize = self.scenes.iter().map(|scene| scene.pool_status().counts.open()).sum();
            say(&format!("round {round} of {rounds}: {held} bytes held, {open} open"));
            let (held_first, known_first) = *first.get_or_insert((held, known));
            let allowed = GROWTH * self.scenes.len() + ENTRY * known.saturating_sub(known_first);
            if let Some(scene) = self.scenes.first() {
                let is_flat = held - held_first <= allowed as isize;
                let grown = format_args!(
                    "{held} bytes are held after round {round}, and {held_first} after the first"
                );
                scene.site().tally.expect(is_flat, grown);
            }
        }
        for scene in &*self.scenes {
            works_and_ends(&**scene).await;
            scene.audit();
        }
    }

    /// Chaos, and then quiet.
    async fn round(&self, length: Duration) {
        let be_quiet = |quiet| self.scenes.iter().for_each(|scene| scene.site().proxy.be_quiet(quiet));
        be_quiet(false);
        let until = Instant::now() + length;
        let tasks: Vec<_> = self.scenes.iter().map(|scene| (scene, scene.work(until))).collect();
        sleep(length).await;
        be_quiet(true);
        for (scene, tasks) in tasks {
            for task in tasks {
                if let Err(error) = task.await {
                    scene.site().tally.mistake(format!("a task ended: {error}"));
                }
            }
        }
        for scene in &*self.scenes {
            rests(&**scene).await;
        }
    }
}

/// What the workers left behind them ends, and what was kept for the next is closed. Main remains.
async fn rests(scene: &dyn Scene) {
    let until = Instant::now() + REST;
    loop {
        let status = scene.pool_status();
        if status.waiting == 0 && status.counts.open() <= 1 && status.counts.lost <= 1 {
            return;
        }
        if Instant::now() > until {
            return scene.site().tally.mistake(format!("not at rest after the work: {status}"));
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Every connection that there may be can be had, and at the end none is left.
async fn works_and_ends(scene: &dyn Scene) {
    let (site, tally) = (scene.site(), &scene.site().tally);
    let probed = match timeout(REST, scene.probe()).await {
        Ok(probed) => probed.map_err(|error| error.to_string()),
        Err(_) => Err("it hangs".to_owned()),
    };
    if let Err(why) = probed {
        tally.mistake(format!("the client doesn't work: {why}: {}", scene.pool_status()));
    }
    scene.close().await;
    let status = scene.pool_status();
    tally.expect(status.counts.open() == 0, format_args!("something is open after the end: {status}"));
    let peak = site.server.report().connections.peak;
    tally.expect(peak <= site.quota, format_args!("{peak} connections were open at a time"));
    tally.expect(peak == site.quota, format_args!("never more than {peak} connections were open"));
}
