//! Begun operations, and who would wait for himself.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mail_pool::{Assignment, Class, Error, Kind};
use support::Script::Fail;
use support::{pool, pool_with, settle};
use tokio::time::{Instant, sleep};

const MODES: [Assignment; 3] = [Assignment::MainOrDefault, Assignment::Main, Assignment::Default];

#[tokio::test(start_paused = true)]
async fn p24_operations_stand_in_one_line_with_creators_in_the_order_of_their_beginning() {
    let (pool, _server) = pool(2);
    let held = pool.create_connection().await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    // Begun by another context: this one holds all there is.
    let pendings = tokio::spawn({
        let (pool, order) = (pool.clone(), Arc::clone(&order));
        async move {
            let mut pendings = Vec::new();
            for n in 0..20 {
                let order = Arc::clone(&order);
                let begun = pool.begin(move |_| async move { order.lock().unwrap().push(n) });
                pendings.push(begun.unwrap());
            }
            let creator = tokio::spawn({
                let order = Arc::clone(&order);
                async move {
                    let made = pool.create_connection().await.map(drop);
                    order.lock().unwrap().push(20);
                    made
                }
            });
            (pendings, creator)
        }
    });
    let (pendings, creator) = pendings.await.unwrap();
    settle().await;
    drop(held);
    for pending in pendings {
        pending.await.unwrap();
    }
    creator.await.unwrap().unwrap();
    assert_eq!(*order.lock().unwrap(), (0..=20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn p24_nameless_calls_inside_use_the_operations_connection_in_every_mode() {
    for assignment in MODES {
        let (pool, _server) = pool_with(4, |builder| builder.assignment(assignment));
        let inner = pool.clone();
        let pending = pool.begin(move |operation| async move {
            let own = operation.get().await.unwrap();
            assert_eq!(own.kind(), Kind::Operation);
            let nameless = inner.get().await.unwrap();
            (own.id(), nameless.id())
        });
        let (own, nameless) = pending.unwrap().await.unwrap();
        assert_eq!(own, nameless, "{assignment:?}");
        assert_eq!(pool.status().counts.in_use, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn p24_a_pool_within_a_pool_keeps_them_apart() {
    let (first, _server) = pool(4);
    let (second, _other) = pool(4);
    let pending = first.clone().begin(move |outer| async move {
        let inner = first.clone();
        let nested = second.clone().begin(move |own| async move {
            let there = second.get().await.unwrap();
            assert_eq!(there.id(), own.get().await.unwrap().id());
            inner.get().await.unwrap().id()
        });
        assert_eq!(nested.unwrap().await.unwrap(), outer.get().await.unwrap().id());
    });
    pending.unwrap().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn p24_without_extras_operations_run_on_main() {
    let (by_quota, _server) = pool(1);
    let pending = by_quota.begin(|operation| async move { operation.get().await.map(|conn| conn.kind()) });
    assert_eq!(pending.unwrap().await.unwrap().unwrap(), Kind::Main);

    // None left by the server's limit.
    let (pool, server) = pool(5);
    server.limit(1);
    let _main = pool.main().await.unwrap();
    let pending = pool.begin(|operation| async move { operation.get().await.map(|conn| conn.kind()) });
    assert_eq!(pending.unwrap().await.unwrap().unwrap(), Kind::Main);
}

#[tokio::test(start_paused = true)]
async fn p24_an_operation_on_a_connection_takes_no_slot() {
    let (pool, server) = pool(2);
    let own = pool.create_connection().await.unwrap();
    let inner = pool.clone();
    let pending = pool
        .begin_on(&own, move |_| async move { inner.get().await.map(|conn| conn.id()).unwrap() })
        .unwrap();
    assert_eq!(pending.await.unwrap(), own.get().await.unwrap().id());
    assert_eq!(server.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn p24_a_limit_on_how_many_are_begun() {
    let (pool, _server) = pool_with(3, |builder| builder.max_operations(Some(2)));
    let first = pool.begin(|_| std::future::pending::<()>()).unwrap();
    let _second = pool.begin(|_| std::future::pending::<()>()).unwrap();
    assert!(matches!(pool.begin(|_| async {}), Err(Error::QueueFull { limit: 2 })));
    first.cancel();
    assert!(matches!(first.await, Err(Error::Cancelled)));
    pool.begin(|_| async {}).unwrap().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn p24_a_deadline_if_one_is_given() {
    let (pool, _server) = pool(2);
    let held = pool.create_connection().await.unwrap();
    let other = pool.clone();
    let patient = tokio::spawn(async move {
        let begun = Instant::now();
        let pending = other.begin_within(Duration::from_secs(9), |_| async {}).unwrap();
        assert!(matches!(pending.await, Err(Error::AcquireTimeout(_))));
        assert_eq!(begun.elapsed().as_secs(), 9);
        let patient = other.begin(|_| async {}).unwrap();
        sleep(Duration::from_secs(9999)).await;
        assert!(!patient.is_finished());
        Some(patient)
    })
    .await
    .unwrap()
    .unwrap();
    drop(held);
    settle().await;
    assert!(patient.is_finished());
}

#[tokio::test(start_paused = true)]
async fn p25_dropped_it_runs_on_cancelled_it_stops_and_a_panic_is_its_own() {
    let (pool, _server) = pool(2);
    let done = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&done);
    drop(pool.begin(move |_| async move {
        sleep(Duration::from_secs(1)).await;
        count.fetch_add(1, Ordering::SeqCst);
    }));
    sleep(Duration::from_secs(2)).await;
    assert_eq!(done.load(Ordering::SeqCst), 1);

    let count = Arc::clone(&done);
    let stopped = pool
        .begin(move |_| async move {
            sleep(Duration::from_secs(1)).await;
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    settle().await;
    stopped.canceller().cancel();
    assert!(matches!(stopped.await, Err(Error::Cancelled)));
    sleep(Duration::from_secs(2)).await;
    assert_eq!(done.load(Ordering::SeqCst), 1);

    let panics = pool.begin(|_| async { panic!("number {}", 7) }).unwrap();
    let Err(Error::Panicked(message)) = panics.await else { panic!("it was to panic") };
    assert_eq!(message, "number 7");
    assert_eq!(pool.begin(|_| async { 3 }).unwrap().await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn p25_a_failed_dial_is_the_operations_error() {
    let (pool, server) = pool(2);
    server.script([Fail(Class::Permanent)]);
    assert!(matches!(pool.begin(|_| async {}).unwrap().await, Err(Error::Connect(_))));
}

#[test]
fn p24_without_a_runtime_it_says_so() {
    let (pool, _server) = pool(2);
    assert!(matches!(pool.begin(|_| async {}), Err(Error::NoRuntime)));
    assert_eq!(pool.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn p38_extras_are_taken_as_they_come_free_and_given_back_when_others_wait() {
    let (pool, _server) = pool(4);
    let _main = pool.main().await.unwrap();
    let extras = pool.extras();
    let mut mine = Vec::new();
    while let Some(extra) = extras.try_next().await {
        assert_eq!(extra.kind(), Kind::FanOut);
        mine.push(extra);
    }
    assert_eq!(mine.len(), 3);
    assert!(!extras.others_wait());
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.unwrap() }
    });
    settle().await;
    assert!(extras.others_wait());
    assert!(extras.try_next().await.is_none());
    drop(mine.pop());
    let theirs = waiter.await.unwrap();
    // Its own place in the line is nobody else's.
    let mut next = Box::pin(extras.next());
    tokio::select! {
        biased;
        _ = &mut next => panic!("nothing is free"),
        () = settle() => {}
    }
    assert_eq!(pool.waiting(), 1);
    assert!(!extras.others_wait());
    drop(theirs);
    mine.push(next.await.unwrap());
    assert_eq!(mine.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn p38_a_fan_out_at_the_servers_limit_goes_on_with_what_it_has() {
    let (pool, server) = pool(8);
    server.limit(4);
    let _main = pool.main().await.unwrap();
    let extras = pool.extras();
    let begun = Instant::now();
    let mut mine = Vec::new();
    while let Some(extra) = extras.try_next().await {
        mine.push(extra);
    }
    assert_eq!((mine.len(), server.open()), (3, 4));
    assert!(begun.elapsed() < Duration::from_secs(1), "it waited {:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn p37_an_operation_within_another_waits_for_nobody_from_other_tasks_too() {
    for max in [1, 2, 10] {
        let (pool, server) = pool(max);
        let pending = pool.begin(|outer| async move {
            let outer = Arc::new(outer);
            let mut tasks = Vec::new();
            for _ in 0..20 {
                let outer = Arc::clone(&outer);
                // A task of its own: nothing but the handle says that it is inside.
                tasks.push(tokio::spawn(async move {
                    let inner = outer.begin(|inner| async move { inner.get().await.map(|conn| conn.id()) });
                    inner.unwrap().await.unwrap().unwrap()
                }));
            }
            for task in tasks {
                task.await.unwrap();
            }
        });
        pending.unwrap().await.unwrap();
        assert!(server.peak() <= max);
    }
}

#[tokio::test(start_paused = true)]
async fn a_weak_pool_keeps_no_pool_open() {
    let (pool, _server) = pool(2);
    let weak = pool.downgrade();
    let handle = pool.create_connection().await.unwrap();
    assert_eq!(handle.id(), Some(1));
    assert_eq!(handle.get().await.unwrap().id(), 1);
    assert!(weak.upgrade().is_some());
    drop(pool);
    assert!(weak.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn p37_an_operation_within_another_does_not_wait_for_dialling_to_back_off() {
    let (pool, server) =
        pool_with(3, |builder| builder.backoff(Duration::from_secs(20), Duration::from_secs(20)));
    let outer = pool.clone();
    let pending = pool
        .begin(|operation| async move {
            let own = operation.get().await.unwrap().id();
            server.script([Fail(Class::Transient)]);
            let begun = Instant::now();
            let within = outer.begin(|operation| async move { operation.get().await.unwrap().id() }).unwrap();
            assert_eq!(within.await.unwrap(), own);
            begun.elapsed()
        })
        .unwrap();
    assert!(pending.await.unwrap() < Duration::from_secs(1));
}
