//! Callers that go away at every point, connections that die silently, and what is left of them: nothing.

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use mail_pool::{Error, Permit, Pool, Quota, SharedQuota, Taken};
use support::Script::{Accept, Panic};
use support::{Server, Toys, pool, pool_with, settle};
use tokio::time::{Instant, sleep};

/// Polls the future that the caller is inside of exactly `polls` times, then drops it.
async fn drop_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        let polled = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        settle().await;
    }
    None
}

/// Every combination of open and shut gates at connect, check, reset and close; a caller that goes away after each number of polls, holding a
/// clean, dirty, broken or old connection; and then a pool that still works and has lost nothing.
#[tokio::test(start_paused = true)]
async fn cancelled_at_every_await_with_every_gate_shut_nothing_is_lost() {
    for gates in 0..16u32 {
        for polls in 0..6 {
            for state in 0..4 {
                let (pool, server) = pool(2);
                // A connection to begin with: idle for long, dirty, or about to be replaced.
                let first = pool.create_connection().await.unwrap();
                let using = first.get().await.unwrap();
                match state {
                    1 => using.dirty.store(true, Ordering::SeqCst),
                    2 => using.break_it(),
                    3 => using.taint(),
                    _ => {}
                }
                drop(using);
                let toys = pool.manager();
                let all = [&toys.connect_gate, &toys.check_gate, &toys.reset_gate, &toys.close_gate];
                for (bit, gate) in all.iter().enumerate() {
                    if gates & (1 << bit) != 0 {
                        gate.shut();
                    }
                }
                if state == 2 {
                    // Redialled inside its slot, and given up on the way.
                    drop_after(polls, first.get()).await;
                }
                drop(first);
                settle().await;
                if state == 0 {
                    sleep(Duration::from_secs(16)).await;
                }
                drop_after(polls, async {
                    let connection = pool.create_connection().await?;
                    connection.get().await.map(drop)
                })
                .await;
                drop_after(polls, pool.main()).await;
                drop_after(polls, pool.checkout()).await;
                for gate in all {
                    gate.let_pass(1000);
                }
                let case = format!("gates {gates:04b}, {polls} polls, state {state}");
                let served = tokio::time::timeout(Duration::from_secs(60), pool.create_connection()).await;
                drop(served.unwrap_or_else(|_| panic!("{case}: never served")).unwrap());
                pool.main().await.unwrap();
                assert!(server.peak() <= 2, "{case}: {} were open", server.peak());
                assert_eq!(pool.waiting(), 0, "{case}");
                sleep(Duration::from_secs(120)).await;
                assert_eq!(server.open(), 1, "{case}: only main stays");
                pool.close().await;
                assert_eq!(server.open(), 0, "{case}");
            }
        }
    }
}

/// A waker that nobody hears.
struct Deaf;

impl Wake for Deaf {
    fn wake(self: Arc<Self>) {}
}

#[tokio::test(start_paused = true)]
async fn p11_two_hundred_thousand_cancelled_waiters_leave_an_empty_line() {
    let (pool, server) = pool(2);
    let held = pool.create_connection().await.unwrap();
    let other = pool.clone();
    tokio::spawn(async move {
        let waker = Waker::from(Arc::new(Deaf));
        let mut cx = Context::from_waker(&waker);
        let mut waiters: Vec<_> = (0..200_000).map(|_| Box::pin(other.create_connection())).collect();
        for waiter in &mut waiters {
            assert!(waiter.as_mut().poll(&mut cx).is_pending());
        }
        assert_eq!(other.waiting(), 200_000);
        // From the middle, the end and the beginning.
        let rest = waiters.split_off(100_000);
        drop(waiters.split_off(50_000));
        drop(rest);
        assert_eq!(other.waiting(), 50_000);
        drop(waiters);
        assert_eq!(other.waiting(), 0);
    })
    .await
    .unwrap();
    drop(held);
    pool.create_connection().await.unwrap();
    assert_eq!(server.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn p11_a_waiter_cancelled_between_being_chosen_and_being_told() {
    let (pool, _server) = pool(2);
    let held = pool.create_connection().await.unwrap();
    let other = pool.clone();
    tokio::spawn(async move {
        let mut chosen = Box::pin(other.create_connection());
        let waker = Waker::from(Arc::new(Deaf));
        assert!(chosen.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let next = tokio::spawn({
            let pool = other.clone();
            async move { pool.create_connection().await.map(drop) }
        });
        settle().await;
        // Chosen now, and woken, but nobody hears it.
        drop(held);
        settle().await;
        assert!(!next.is_finished());
        drop(chosen);
        next.await.unwrap().unwrap();
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_panics_costs_a_back_off_and_nothing_else() {
    let (pool, server) = pool(3);
    server.script([Panic, Panic, Accept]);
    pool.create_connection().await.unwrap();
    assert_eq!(server.dials(), 3);
    assert_eq!(server.open(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_never_ends_is_given_up() {
    let (pool, server) = pool_with(3, |builder| builder.connect_timeout(Duration::from_secs(20)));
    server.script([support::Script::Hang]);
    let begun = Instant::now();
    assert!(matches!(pool.main().await, Err(Error::Connect(_))));
    assert_eq!(begun.elapsed().as_secs(), 20);
    assert_eq!(server.open(), 0);
    pool.main().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn with_a_silently_dead_peer_every_check_reset_close_and_return_ends_in_time() {
    let (pool, server) = pool(3);
    let toys = pool.manager();
    let main = pool.main().await.unwrap();
    drop(main);
    let clean = pool.create_connection().await.unwrap();
    let dirty = pool.create_connection().await.unwrap();
    dirty.get().await.unwrap().dirty.store(true, Ordering::SeqCst);
    toys.check_gate.shut();
    toys.reset_gate.shut();
    toys.close_gate.shut();
    drop(dirty);
    sleep(Duration::from_secs(16)).await;
    // Reset 10 s, then goodbye 5 s; by now its slot is back.
    assert_eq!(server.open(), 2);
    let begun = Instant::now();
    clean.get().await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 10, "the check's time, and then a new one");
    let begun = Instant::now();
    clean.close().await;
    assert_eq!(begun.elapsed().as_secs(), 5);
    let begun = Instant::now();
    pool.main().await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 10);
    let begun = Instant::now();
    pool.close().await;
    assert_eq!(begun.elapsed().as_secs(), 5);
    settle().await;
    assert_eq!(server.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn two_pools_share_a_quota_of_five() {
    let server = Server::new();
    let quota = Arc::new(SharedQuota::new(5));
    let build = || {
        Pool::builder(Toys::new(&server))
            .quota(Arc::clone(&quota) as Arc<dyn Quota>)
            .idle_timeout(Duration::from_millis(50))
            .build()
            .unwrap()
    };
    let pools = [build(), build()];
    let tasks: Vec<_> = (0..60)
        .map(|n| {
            let pool = pools[n % 2].clone();
            tokio::spawn(async move {
                let _held = pool.create_connection().await.unwrap();
                sleep(Duration::from_millis(20)).await;
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(server.peak(), 5);
    for pool in pools {
        pool.close().await;
    }
    // All five are free again.
    let taken: Vec<Permit> = std::iter::from_fn(|| match quota.try_take() {
        Taken::Permit(permit) => Some(permit),
        Taken::Wait(_) => None,
    })
    .collect();
    assert_eq!(taken.len(), 5);
}

#[test]
fn a_pool_used_from_several_runtimes_survives_their_ends() {
    let (pool, server) = pool_with(3, |builder| builder.idle_timeout(Duration::ZERO));
    for flavour in 0..6 {
        let runtime = if flavour % 2 == 0 {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
        } else {
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
        };
        runtime.block_on(async {
            pool.main().await.unwrap();
            let held = pool.create_connection().await.unwrap();
            held.get().await.unwrap();
            // Left waiting, and with a dial on its way, when the runtime ends.
            let abandoned = pool.clone();
            tokio::spawn(async move {
                let _held = abandoned.create_connection().await;
                std::future::pending::<()>().await;
            });
            settle().await;
        });
        drop(runtime);
        assert!(server.peak() <= 3);
    }
}
