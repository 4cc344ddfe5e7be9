//! Taking a pooled connection and giving it back: mail-pool against deadpool, bb8, and the usual floor, a semaphore with a locked list.
//!
//! The connection is a number, so that only the pools are measured. Each pool may have as many connections as the work says; all are open
//! before anything is measured. Runs are interleaved.

use std::convert::Infallible;
use std::future::Future;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::report::{Report, Row, Samples};

/// What is done with a pool: one connection taken, used for as long as `hold` takes, and given back.
trait Subject: Clone + Send + Sync + 'static {
    fn name() -> &'static str;
    fn build(size: usize) -> impl Future<Output = Self> + Send;
    fn round(&self, hold: Hold) -> impl Future<Output = ()> + Send;
    /// The same; how long it took to get the connection.
    fn timed_round(&self, hold: Hold) -> impl Future<Output = Duration> + Send;
}

/// How long a connection is held.
#[derive(Clone, Copy)]
enum Hold {
    Not,
    Yield,
    Sleep(Duration),
}

impl Hold {
    async fn pass(self) {
        match self {
            Self::Not => {}
            Self::Yield => tokio::task::yield_now().await,
            Self::Sleep(time) => tokio::time::sleep(time).await,
        }
    }
}

struct Numbers;

#[derive(Clone)]
struct Ours(mail_pool::Pool<Numbers>);

impl mail_pool::Manager for Numbers {
    type Connection = u64;
    type Error = Infallible;

    async fn connect(&self, _: mail_pool::Attempt) -> Result<u64, Infallible> {
        Ok(7)
    }

    fn is_broken(&self, _: &u64) -> bool {
        false
    }

    async fn check(&self, _: &u64) -> Result<(), Infallible> {
        Ok(())
    }

    async fn close(&self, _: u64) {}

    fn classify(&self, error: &Infallible) -> mail_pool::Class {
        match *error {}
    }

    fn connect_timed_out(&self, _: Duration) -> Infallible {
        unreachable!("connecting is immediate")
    }
}

impl Subject for Ours {
    fn name() -> &'static str {
        "mail-pool"
    }

    async fn build(size: usize) -> Self {
        let pool = mail_pool::Pool::builder(Numbers)
            .assignment(mail_pool::Assignment::Default)
            .max_connections(size)
            .build()
            .expect("the figures are sound");
        // Opened from tasks of their own: one caller is not let wait for more than all there are.
        let mut all = Vec::new();
        for _ in 0..size {
            let pool = pool.clone();
            all.push(tokio::spawn(async move { pool.create_connection().await.expect("opens") }));
        }
        let mut held = Vec::new();
        for one in all {
            held.push(one.await.expect("runs"));
        }
        drop(held);
        Self(pool)
    }

    async fn round(&self, hold: Hold) {
        let connection = self.0.checkout().await.expect("serves");
        black_box(&*connection);
        hold.pass().await;
    }

    async fn timed_round(&self, hold: Hold) -> Duration {
        let asked = Instant::now();
        let connection = self.0.checkout().await.expect("serves");
        black_box(&*connection);
        let waited = asked.elapsed();
        hold.pass().await;
        waited
    }
}

#[derive(Clone)]
struct Deadpool(deadpool::managed::Pool<Numbers>);

impl deadpool::managed::Manager for Numbers {
    type Type = u64;
    type Error = Infallible;

    async fn create(&self) -> Result<u64, Infallible> {
        Ok(7)
    }

    async fn recycle(
        &self,
        _: &mut u64,
        _: &deadpool::managed::Metrics,
    ) -> deadpool::managed::RecycleResult<Infallible> {
        Ok(())
    }
}

impl Subject for Deadpool {
    fn name() -> &'static str {
        "deadpool"
    }

    async fn build(size: usize) -> Self {
        let pool =
            deadpool::managed::Pool::builder(Numbers).max_size(size).build().expect("the figures are sound");
        let mut held = Vec::new();
        for _ in 0..size {
            held.push(pool.get().await.expect("opens"));
        }
        drop(held);
        Self(pool)
    }

    async fn round(&self, hold: Hold) {
        let connection = self.0.get().await.expect("serves");
        black_box(&*connection);
        hold.pass().await;
    }

    async fn timed_round(&self, hold: Hold) -> Duration {
        let asked = Instant::now();
        let connection = self.0.get().await.expect("serves");
        black_box(&*connection);
        let waited = asked.elapsed();
        hold.pass().await;
        waited
    }
}

#[derive(Clone)]
struct Bb8(bb8::Pool<Numbers>);

impl bb8::ManageConnection for Numbers {
    type Connection = u64;
    type Error = Infallible;

    async fn connect(&self) -> Result<u64, Infallible> {
        Ok(7)
    }

    async fn is_valid(&self, _: &mut u64) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, _: &mut u64) -> bool {
        false
    }
}

impl Subject for Bb8 {
    fn name() -> &'static str {
        "bb8"
    }

    async fn build(size: usize) -> Self {
        let size = u32::try_from(size).expect("small");
        // Its default checks a connection each time; the others don't, for one given back just now.
        let pool = bb8::Pool::builder()
            .max_size(size)
            .min_idle(size)
            .test_on_check_out(false)
            .build(Numbers)
            .await
            .expect("opens");
        Self(pool)
    }

    async fn round(&self, hold: Hold) {
        let connection = self.0.get().await.expect("serves");
        black_box(&*connection);
        hold.pass().await;
    }

    async fn timed_round(&self, hold: Hold) -> Duration {
        let asked = Instant::now();
        let connection = self.0.get().await.expect("serves");
        black_box(&*connection);
        let waited = asked.elapsed();
        hold.pass().await;
        waited
    }
}

#[derive(Clone)]
struct Floor(Arc<(Semaphore, Mutex<Vec<u64>>)>);

impl Subject for Floor {
    fn name() -> &'static str {
        "floor"
    }

    async fn build(size: usize) -> Self {
        Self(Arc::new((Semaphore::new(size), Mutex::new(vec![7; size]))))
    }

    async fn round(&self, hold: Hold) {
        let (semaphore, list) = &*self.0;
        let _permit = semaphore.acquire().await.expect("is never closed");
        let connection = list.lock().expect("nobody panics").pop().expect("one for each permit");
        black_box(&connection);
        hold.pass().await;
        list.lock().expect("nobody panics").push(connection);
    }

    async fn timed_round(&self, hold: Hold) -> Duration {
        let asked = Instant::now();
        let (semaphore, list) = &*self.0;
        let _permit = semaphore.acquire().await.expect("is never closed");
        let connection = list.lock().expect("nobody panics").pop().expect("one for each permit");
        black_box(&connection);
        let waited = asked.elapsed();
        hold.pass().await;
        list.lock().expect("nobody panics").push(connection);
        waited
    }
}

/// Nanoseconds a round, one caller alone.
async fn alone<S: Subject>(pool: S) -> f64 {
    const ROUNDS: u32 = 200_000;
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        pool.round(Hold::Not).await;
    }
    begun.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
}

/// What a crowd of tasks got.
struct Crowd {
    rate: f64,
    p99_micros: f64,
    fairness: f64,
    least: u64,
}

async fn crowd<S: Subject>(pool: S, tasks: usize, hold: Hold, time: Duration) -> Crowd {
    let over = Arc::new(AtomicBool::new(false));
    let begun = Instant::now();
    let served: Vec<_> = (0..tasks)
        .map(|_| {
            let (pool, over) = (pool.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                let mut count = 0u64;
                let mut waits = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    // Reading the clock costs as much as a pool does, so only some waits are measured: not in step with anything that is done
                    // every so many rounds.
                    if count.is_multiple_of(31) {
                        waits.push(pool.timed_round(hold).await);
                    } else {
                        pool.round(hold).await;
                    }
                    count += 1;
                }
                (count, waits)
            })
        })
        .collect();
    // A thread keeps the time, so that a busy runtime can't be late.
    let watch = std::thread::spawn({
        let over = Arc::clone(&over);
        move || {
            std::thread::sleep(time);
            over.store(true, Ordering::Relaxed);
        }
    });
    let mut counts = Vec::new();
    let mut waits = Vec::new();
    for task in served {
        let (count, some) = task.await.expect("runs");
        counts.push(count);
        waits.extend(some);
    }
    let elapsed = begun.elapsed();
    watch.join().expect("only sleeps");
    waits.sort_unstable();
    let p99 = waits.get(waits.len() * 99 / 100).copied().unwrap_or_default();
    let (least, most) =
        (counts.iter().copied().min().unwrap_or(0), counts.iter().copied().max().unwrap_or(0));
    Crowd {
        rate: counts.iter().sum::<u64>() as f64 / elapsed.as_secs_f64(),
        p99_micros: p99.as_secs_f64() * 1e6,
        fairness: least as f64 / most.max(1) as f64,
        least,
    }
}

/// The samples of all subjects for one figure.
#[derive(Default)]
struct Four([Samples; 4]);

impl Four {
    fn row(self, work: &'static str, metric: &'static str, unit: &'static str, better: &'static str) -> Row {
        let [ours, deadpool, bb8, floor] = self.0;
        Row {
            work: work.into(),
            metric,
            unit,
            better,
            ours,
            rivals: vec![(Deadpool::name(), deadpool), (Bb8::name(), bb8)],
            floor: Some(floor),
            reach: Vec::new(),
            scale: 1.0,
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the system has threads")
}

/// Runs a future as a task, as most callers do.
fn as_task<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = runtime();
    runtime.block_on(runtime.spawn(future)).expect("runs")
}

fn as_root<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}

fn measure_alone(rows: &mut Vec<Row>) {
    const RUNS: usize = 9;
    let (mut task, mut root) = (Four::default(), Four::default());
    for _ in 0..RUNS {
        task.0[0].push(as_task(async { alone(Ours::build(8).await).await }));
        task.0[1].push(as_task(async { alone(Deadpool::build(8).await).await }));
        task.0[2].push(as_task(async { alone(Bb8::build(8).await).await }));
        task.0[3].push(as_task(async { alone(Floor::build(8).await).await }));
        root.0[0].push(as_root(async { alone(Ours::build(8).await).await }));
        root.0[1].push(as_root(async { alone(Deadpool::build(8).await).await }));
        root.0[2].push(as_root(async { alone(Bb8::build(8).await).await }));
        root.0[3].push(as_root(async { alone(Floor::build(8).await).await }));
    }
    rows.push(task.row("alone", "wall", "ns", "less"));
    rows.push(root.row("alone-root", "wall", "ns", "less"));
}

fn measure_crowd(
    rows: &mut Vec<Row>,
    work: &'static str,
    (tasks, size): (usize, usize),
    hold: Hold,
    time: Duration,
    runs: usize,
) {
    static LEAST: AtomicU64 = AtomicU64::new(u64::MAX);
    LEAST.store(u64::MAX, Ordering::Relaxed);
    let (mut rate, mut p99, mut fairness) = (Four::default(), Four::default(), Four::default());
    let mut note = |at: usize, crowd: Crowd| {
        rate.0[at].push(crowd.rate);
        p99.0[at].push(crowd.p99_micros);
        fairness.0[at].push(crowd.fairness);
        if at == 0 {
            LEAST.fetch_min(crowd.least, Ordering::Relaxed);
        }
    };
    for _ in 0..runs {
        note(0, as_task(async move { crowd(Ours::build(size).await, tasks, hold, time).await }));
        note(1, as_task(async move { crowd(Deadpool::build(size).await, tasks, hold, time).await }));
        note(2, as_task(async move { crowd(Bb8::build(size).await, tasks, hold, time).await }));
        note(3, as_task(async move { crowd(Floor::build(size).await, tasks, hold, time).await }));
    }
    println!("{work}: the least served task of ours had {} rounds", LEAST.load(Ordering::Relaxed));
    rows.push(rate.row(work, "rate", "per second", "more"));
    rows.push(p99.row(work, "p99", "µs", "less"));
    rows.push(fairness.row(work, "fairness", "least/most", "more"));
}

/// All measurements, or only those of the works named.
pub(crate) fn run(only: &[&str]) -> Report {
    let mut rows = Vec::new();
    let asked = |work: &str| only.is_empty() || only.contains(&work);
    if asked("alone") {
        measure_alone(&mut rows);
    }
    // Held over one turn of the scheduler, so that all 64 want the 8 at once. Two turns a round are the scheduler's own, whatever the pool does.
    if asked("64-on-8") {
        measure_crowd(&mut rows, "64-on-8", (64, 8), Hold::Yield, Duration::from_millis(400), 9);
    }
    // Taken and given back without a turn in between: as many are in use as there are workers.
    if asked("64-on-8-brief") {
        measure_crowd(&mut rows, "64-on-8-brief", (64, 8), Hold::Not, Duration::from_millis(400), 9);
    }
    if asked("1000-on-10") {
        let hold = Hold::Sleep(Duration::from_millis(1));
        measure_crowd(&mut rows, "1000-on-10", (1000, 10), hold, Duration::from_secs(8), 2);
    }
    Report { name: "pool", rows }
}
