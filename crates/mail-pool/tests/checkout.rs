//! The short way from the pool and back keeps the same rules as the long one.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mail_pool::{Class, Error};
use support::Script::Fail;
use support::{pool, pool_with, settle};
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn p07_checkouts_wait_in_one_line_with_handles() {
    let (pool, server) = pool(2);
    let first = pool.checkout().await.unwrap();
    let (told, mut order) = tokio::sync::mpsc::unbounded_channel();
    for n in 0..20 {
        let (pool, told) = (pool.clone(), told.clone());
        tokio::spawn(async move {
            if n % 2 == 0 {
                let _held = pool.checkout().await.unwrap();
                told.send(n).unwrap();
            } else {
                let _held = pool.create_connection().await.unwrap();
                told.send(n).unwrap();
            }
        });
        settle().await;
    }
    assert_eq!(pool.waiting(), 20);
    drop(first);
    for n in 0..20 {
        assert_eq!(order.recv().await, Some(n));
    }
    assert_eq!((server.dials(), server.peak()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn p11_a_checkout_given_up_takes_nothing_with_it() {
    let (pool, server) = pool(2);
    pool.manager().connect_gate.shut();
    let caller = tokio::spawn({
        let pool = pool.clone();
        async move { pool.checkout().await.map(drop) }
    });
    sleep(Duration::from_millis(20)).await;
    caller.abort();
    settle().await;
    assert_eq!(pool.waiting(), 0);
    pool.manager().connect_gate.let_pass(1);
    drop(pool.checkout().await.unwrap());
    assert_eq!(server.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn p19_a_dead_one_is_replaced_and_a_tainted_one_closed() {
    let (pool, server) = pool(2);
    let held = pool.checkout().await.unwrap();
    assert_eq!((held.id(), held.id), (1, 0));
    held.taint();
    drop(held);
    settle().await;
    assert_eq!((server.logouts(), server.open()), (1, 0));

    // It dies while it lies idle: whoever gets it finds another.
    let handle = pool.create_connection().await.unwrap();
    let using = handle.get().await.unwrap();
    drop(handle);
    let broken = tokio::spawn({
        let pool = pool.clone();
        async move { pool.checkout().await.map(|held| held.id()) }
    });
    settle().await;
    using.break_it();
    drop(using);
    assert_eq!(broken.await.unwrap().unwrap(), 3);
    drop(pool.checkout().await.unwrap());
    assert_eq!(server.peak(), 1);
}

#[tokio::test(start_paused = true)]
async fn p19_one_idle_for_long_is_checked_before_it_is_checked_out() {
    let (pool, server) = pool(2);
    drop(pool.checkout().await.unwrap());
    sleep(Duration::from_secs(16)).await;
    drop(pool.checkout().await.unwrap());
    assert_eq!((server.checks(), server.dials()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn p08_p10_p12_p21_its_errors_are_the_same() {
    let (alone, _server) = pool(1);
    assert!(matches!(alone.checkout().await, Err(Error::QuotaReservedForMain)));

    let (pool, server) = pool_with(2, |builder| builder.acquire_timeout(Some(Duration::from_secs(3))));
    server.script([Fail(Class::Permanent)]);
    assert!(matches!(pool.checkout().await, Err(Error::Connect(_))));
    let held = pool.checkout().await.unwrap();
    assert!(matches!(pool.checkout().await, Err(Error::WouldDeadlock)));
    let begun = Instant::now();
    let other = pool.clone();
    let late = tokio::spawn(async move { other.checkout().await.map(drop) });
    assert!(matches!(late.await.unwrap(), Err(Error::AcquireTimeout(_))));
    assert_eq!(begun.elapsed().as_secs(), 3);
    drop(held);
    pool.close().await;
    assert!(matches!(pool.checkout().await, Err(Error::Closed)));
}

#[tokio::test(start_paused = true)]
async fn p41_a_checkout_is_held_back_too() {
    let (pool, _server) = pool(2);
    drop(pool.checkout().await.unwrap());
    pool.hold_back(Some(Duration::from_secs(5)));
    let begun = Instant::now();
    let held = pool.checkout().await.unwrap();
    assert!((5..=6).contains(&begun.elapsed().as_secs()));
    held.taint();
    drop(held);
    settle().await;
    assert_eq!(pool.status().counts.open(), 0);
}

#[test]
fn p17_a_checkout_can_be_dropped_anywhere() {
    let (pool, server) = pool(2);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let held = runtime.block_on(pool.checkout()).unwrap();
    held.taint();
    drop(runtime);
    std::thread::spawn(move || drop(held)).join().unwrap();
    assert_eq!((server.open(), pool.status().counts.open()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn p18_p19_a_checkout_held_for_long_is_idle_from_its_end_to_within_a_second() {
    let (pool, server) = pool(2);
    for _ in 0..3 {
        let held = pool.checkout().await.unwrap();
        sleep(Duration::from_millis(60_700)).await;
        drop(held);
        sleep(Duration::from_millis(13_900)).await;
        drop(pool.checkout().await.unwrap());
    }
    assert_eq!((server.checks(), server.dials()), (0, 1), "idle for less than trusted each time");
    let held = pool.checkout().await.unwrap();
    sleep(Duration::from_secs(60)).await;
    drop(held);
    sleep(Duration::from_millis(15_100)).await;
    drop(pool.checkout().await.unwrap());
    assert_eq!(server.checks(), 1);
    let held = pool.checkout().await.unwrap();
    sleep(Duration::from_secs(60)).await;
    drop(held);
    sleep(Duration::from_secs(29)).await;
    assert_eq!(server.open(), 1);
    sleep(Duration::from_millis(2_100)).await;
    assert_eq!(server.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn p11_what_a_checkout_leaves_and_nobody_takes_up_goes_to_the_next() {
    let (pool, _server) = pool(2);
    let held = pool.checkout().await.unwrap();
    let deaf = tokio::spawn({
        let pool = pool.clone();
        async move {
            let mut asked = Box::pin(pool.create_connection());
            tokio::select! {
                biased;
                _ = &mut asked => unreachable!(),
                () = settle() => {}
            }
            // Kept, and not polled any more.
            sleep(Duration::from_secs(100)).await;
        }
    });
    sleep(Duration::from_millis(1)).await;
    let next = tokio::spawn({
        let pool = pool.clone();
        async move { pool.checkout().await.map(drop) }
    });
    sleep(Duration::from_millis(700)).await;
    drop(held);
    let begun = Instant::now();
    next.await.unwrap().unwrap();
    let waited = begun.elapsed().as_millis();
    assert!((1_000..=2_010).contains(&waited), "{waited} ms");
    deaf.abort();
}

#[tokio::test]
async fn a_task_that_checks_out_without_end_lets_others_run() {
    let (pool, _server) = pool(2);
    let enough = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&enough);
    let greedy = tokio::spawn(async move {
        let mut rounds = 0;
        while !told.load(Ordering::Relaxed) && rounds < 100_000 {
            drop(pool.checkout().await.unwrap());
            rounds += 1;
        }
        rounds
    });
    tokio::spawn(async move { enough.store(true, Ordering::Relaxed) });
    assert!(greedy.await.unwrap() < 1_000);
}

#[tokio::test(start_paused = true)]
async fn p21_a_checkout_in_use_may_end_within_the_grace_period_and_is_cut_after_it() {
    let (pool, server) = pool(3);
    let (brief, long) = (pool.checkout().await.unwrap(), pool.checkout().await.unwrap());
    let user = tokio::spawn(async move {
        sleep(Duration::from_secs(2)).await;
        assert!(!brief.is_broken());
        drop(brief);
        sleep(Duration::from_secs(1)).await;
    });
    let begun = Instant::now();
    pool.close().await;
    assert_eq!(begun.elapsed().as_secs(), 5);
    settle().await;
    user.await.unwrap();
    assert!(long.is_broken());
    drop(long);
    settle().await;
    assert_eq!((server.open(), server.logouts()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn p19_one_that_dies_while_it_lies_idle_is_not_checked_out() {
    let (pool, server) = pool(2);
    drop(pool.checkout().await.unwrap());
    pool.manager().died.store(1, Ordering::SeqCst);
    let held = pool.checkout().await.unwrap();
    assert_eq!((held.id, server.dials()), (1, 2));
    drop(held);
    assert_eq!(pool.checkout().await.unwrap().id, 1);
    assert_eq!(server.dials(), 2, "one that lives is handed out as it is");
}
