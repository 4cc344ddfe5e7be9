//! Any flavour of runtime, none at all, and runtimes that end before the pool does.

mod support;

use std::time::Duration;

use mail_pool::{AfterUse, Assignment, Attempt, Class, Error, Manager, Pool};
use support::{Toys, pool, pool_with, settle};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn work_is_done_on_the_runtime_that_the_builder_names() {
    let named = runtime();
    let (pool, server) = pool_with(3, |builder| builder.runtime(named.handle().clone()));
    // Whoever asks on another: nothing is done until the named one runs.
    let moment = Duration::from_millis(50);
    let asked = runtime().block_on(async { tokio::time::timeout(moment, pool.create_connection()).await });
    assert!(asked.is_err());
    assert_eq!(server.dials(), 0);
    named.block_on(async { tokio::time::sleep(moment).await });
    assert_eq!(server.dials(), 1);
    // And on none at all.
    let pending = pool.begin(|operation| async move { operation.get().await.unwrap().id() }).unwrap();
    assert_eq!(named.block_on(pending).unwrap(), 1);
}

#[test]
fn once_the_named_runtime_has_ended_work_is_done_on_the_callers() {
    let named = runtime();
    let (pool, server) = pool_with(2, |builder| builder.runtime(named.handle().clone()));
    drop(named);
    let id = runtime().block_on(async {
        let connection = pool.create_connection().await.unwrap();
        connection.get().await.unwrap().id()
    });
    assert!(id > 0);
    assert_eq!((server.dials(), server.open()), (1, 1));
}

#[test]
fn a_dial_that_its_runtime_took_with_it_is_made_again_on_the_next_callers() {
    let (pool, server) = pool(2);
    pool.manager().connect_gate.shut();
    runtime().block_on(async {
        let waiting = tokio::time::timeout(Duration::from_millis(50), pool.create_connection()).await;
        assert!(waiting.is_err());
    });
    assert_eq!((server.dials(), server.open()), (1, 0));
    pool.manager().connect_gate.let_pass(1);
    runtime().block_on(async { pool.create_connection().await.map(drop).unwrap() });
    assert_eq!(server.dials(), 2);
}

#[test]
fn the_time_is_kept_on_the_next_callers_runtime_when_the_first_has_ended() {
    let (pool, _server) = pool(2);
    let held = runtime().block_on(pool.create_connection()).unwrap();
    // By another context: whoever holds all there is doesn't wait.
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let patience = Some(Duration::from_millis(50));
            let waited = runtime().block_on(pool.create_connection_within(patience));
            assert!(matches!(waited, Err(Error::AcquireTimeout(_))));
        });
    });
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_on_when_the_pool_is_gone() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let (pool, _server) = pool(2);
    drop(pool.create_connection().await.unwrap());
    assert!(tasks() > 0, "somebody keeps the time");
    pool.close().await;
    drop(pool);
    settle().await;
    assert_eq!(tasks(), 0);
}

/// The number of the connection that a nameless call of this context runs on.
async fn number(pool: &Pool<Toys>) -> u64 {
    pool.get().await.unwrap().id()
}

#[test]
fn p30_a_thread_that_ends_gives_back_its_own_defaults_in_every_pool() {
    let home = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let automatic = || pool_with(2, |builder| builder.assignment(Assignment::Default));
    let pools = [(); 2].map(|()| automatic());
    std::thread::scope(|threads| {
        let thread = threads.spawn(|| {
            home.block_on(number(&pools[0].0));
            // One that has ended meanwhile stands in nobody's way.
            home.block_on(async { number(&automatic().0).await });
            home.block_on(number(&pools[1].0));
        });
        // It has ended once it is joined: the scope alone waits for less.
        thread.join().unwrap();
    });
    for (pool, server) in &pools {
        home.block_on(number(pool));
        assert_eq!(server.dials(), 1, "what belongs to nobody any more is had at once");
    }
}

/// A task goes on wherever its runtime does.
#[test]
fn p20_a_thread_that_ends_gives_back_no_tasks_default() {
    let (pool, server) = pool_with(2, |builder| builder.assignment(Assignment::Default));
    let (go_on, told) = tokio::sync::oneshot::channel::<()>();
    let (home, task) = std::thread::scope(|threads| {
        let pool = pool.clone();
        threads
            .spawn(move || {
                let home = runtime();
                let task = home.spawn(async move {
                    let before = number(&pool).await;
                    told.await.unwrap();
                    (before, number(&pool).await)
                });
                home.block_on(async { tokio::time::sleep(Duration::from_millis(50)).await });
                (home, task)
            })
            .join()
            .unwrap()
    });
    // Another context has no need of what is the task's own: there is room.
    home.block_on(number(&pool));
    assert_eq!(server.dials(), 2);
    go_on.send(()).unwrap();
    let (before, after) = home.block_on(task).unwrap();
    assert_eq!(before, after);
}

/// A manager with no more than it must have.
struct Plain;

impl Manager for Plain {
    type Connection = ();
    type Error = std::io::Error;

    async fn connect(&self, _: Attempt) -> Result<(), std::io::Error> {
        Ok(())
    }

    fn is_broken(&self, (): &()) -> bool {
        false
    }

    async fn check(&self, (): &()) -> Result<(), std::io::Error> {
        Ok(())
    }

    async fn reset(&self, (): &()) -> AfterUse {
        AfterUse::Close
    }

    async fn close(&self, (): ()) {}

    fn cut(&self, (): &()) {}

    fn classify(&self, _: &std::io::Error) -> Class {
        Class::Transient
    }

    fn connect_timed_out(&self, _: Duration) -> std::io::Error {
        std::io::ErrorKind::TimedOut.into()
    }
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_says_no_more_resets_nothing_and_renews_no_credentials() {
    let pool = Pool::builder(Plain).max_connections(2).build().unwrap();
    drop(pool.create_connection().await.unwrap());
    settle().await;
    assert_eq!(pool.status().counts.idle, 1);
    assert!(!pool.manager().renews_credentials());
}
