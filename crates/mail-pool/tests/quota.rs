//! The quota: how many connections there are, who waits, and in which order they are served.

mod support;

use std::time::Duration;

use mail_pool::{Assignment, ConfigError, Error, Kind, Pool};
use support::{Server, Toys, pool, pool_with, settle};

#[tokio::test(start_paused = true)]
async fn p05_main_is_opened_once_for_all_and_again_when_it_breaks() {
    let (pool, server) = pool(3);
    let users: Vec<_> = (0..20)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.main().await.unwrap().id() })
        })
        .collect();
    for user in users {
        assert_eq!(user.await.unwrap(), 1);
    }
    assert_eq!(server.dials(), 1);
    assert_eq!(server.kinds(), [Kind::Main]);

    pool.main().await.unwrap().break_it();
    assert_eq!(pool.main().await.unwrap().id(), 2);
    assert_eq!(server.dials(), 2);
    settle().await;
    assert_eq!(server.open(), 1);
}

#[tokio::test(start_paused = true)]
async fn p05_mains_slot_is_reserved_from_the_start() {
    let (pool, server) = pool(3);
    let _first = pool.create_connection().await.unwrap();
    let _second = pool.create_connection().await.unwrap();
    let third = pool.create_connection_within(Some(Duration::from_secs(1)));
    assert!(matches!(third.await, Err(Error::WouldDeadlock)));
    assert!(pool.main().await.is_ok());
    assert_eq!(server.peak(), 3);
}

#[tokio::test(start_paused = true)]
async fn p06_never_more_than_the_quota_closing_ones_included() {
    let (pool, server) = pool_with(4, |builder| builder.idle_timeout(Duration::ZERO));
    let tasks: Vec<_> = (0..40u64)
        .map(|n| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let _main = pool.main().await.unwrap();
                let connection = pool.create_connection().await.unwrap();
                tokio::time::sleep(Duration::from_millis(n % 7)).await;
                if n % 3 == 0 {
                    connection.get().await.unwrap().break_it();
                }
                drop(connection);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(server.peak(), 4);
    pool.close().await;
    assert_eq!(server.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn p06_a_connection_still_logging_out_counts() {
    let (pool, server) = pool_with(2, |builder| builder.idle_timeout(Duration::ZERO));
    pool.manager().close_gate.shut();
    drop(pool.create_connection().await.unwrap());
    settle().await;
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.map(drop) }
    });
    settle().await;
    assert_eq!(server.dials(), 1, "nothing is dialled while the last one says goodbye");
    assert_eq!(pool.status().counts.closing, 1);
    pool.manager().close_gate.let_pass(1);
    waiter.await.unwrap().unwrap();
    assert_eq!(server.peak(), 1);
}

#[tokio::test(start_paused = true)]
async fn p07_full_pool_waits_in_order() {
    let (pool, server) = pool(2);
    let held = pool.create_connection().await.unwrap();
    let (told, mut order) = tokio::sync::mpsc::unbounded_channel();
    for n in 0..50 {
        let (pool, told) = (pool.clone(), told.clone());
        tokio::spawn(async move {
            let _connection = pool.create_connection().await.unwrap();
            told.send(n).unwrap();
        });
        settle().await;
    }
    assert_eq!(pool.waiting(), 50);
    drop(held);
    for n in 0..50 {
        assert_eq!(order.recv().await, Some(n));
    }
    assert_eq!(server.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn p08_without_extras_creating_fails_at_once() {
    let (pool, _server) = pool(1);
    let made = pool.create_connection().await;
    assert!(matches!(made, Err(Error::QuotaReservedForMain)));
    let made = pool.create_default_connection().await;
    assert!(matches!(made, Err(Error::QuotaReservedForMain)));
    assert!(pool.main().await.is_ok());
}

#[test]
fn p08_a_quota_of_zero_is_refused() {
    let server = Server::new();
    let built = Pool::builder(Toys::new(&server)).max_connections(0).build();
    assert_eq!(built.err(), Some(ConfigError::NoConnections));
}

#[tokio::test(start_paused = true)]
async fn p09_with_a_quota_of_one_all_share_main() {
    let (pool, server) = pool(1);
    let users: Vec<_> = (0..100)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.get().await.unwrap().id() })
        })
        .collect();
    for user in users {
        assert_eq!(user.await.unwrap(), 1);
    }
    assert_eq!(server.peak(), 1);
}

#[tokio::test(start_paused = true)]
async fn p03_without_main_its_slot_is_free_for_extras() {
    let (pool, server) = pool_with(1, |builder| builder.assignment(Assignment::Default));
    assert!(matches!(pool.main().await, Err(Error::NoMain)));
    let own = pool.create_connection().await.unwrap();
    assert_eq!(own.get().await.unwrap().kind(), Kind::Independent);
    assert_eq!(server.kinds(), [Kind::Independent]);
}

#[tokio::test(start_paused = true)]
async fn p10_a_timeout_tells_who_holds_what() {
    let (pool, _server) = pool_with(2, |builder| builder.acquire_timeout(Some(Duration::from_secs(7))));
    let _main = pool.main().await.unwrap();
    let _held = pool.create_connection().await.unwrap();
    let other = pool.clone();
    let waiter = tokio::spawn(async move { other.create_connection().await.map(drop) });
    let begun = tokio::time::Instant::now();
    let error = waiter.await.unwrap().unwrap_err();
    assert_eq!(begun.elapsed().as_secs(), 7);
    let text = error.to_string();
    let Error::AcquireTimeout(timeout) = error else {
        panic!("{error}");
    };
    assert_eq!(timeout.waited.as_secs(), 7);
    assert_eq!(timeout.counts.in_use, 2);
    let held = &timeout.connections[1];
    assert_eq!(held.kind, Some(Kind::Independent));
    assert_eq!(held.held_for.unwrap().as_secs(), 7);
    assert!(held.place.unwrap().file().ends_with("quota.rs"));
    assert!(text.contains("2 of 2 are open"), "{text}");
    assert!(text.contains("quota.rs"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn p11_a_waiter_that_goes_away_takes_nothing_with_it() {
    let (pool, _server) = pool(2);
    let held = pool.create_connection().await.unwrap();
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.create_connection().await.map(drop) })
        })
        .collect();
    settle().await;
    assert_eq!(pool.waiting(), 3);
    waiters[0].abort();
    settle().await;
    assert_eq!(pool.waiting(), 2);
    drop(held);
    for waiter in waiters.into_iter().skip(1) {
        waiter.await.unwrap().unwrap();
    }
    assert_eq!(pool.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn p11_an_offer_not_taken_up_goes_to_the_next_and_the_first_keeps_its_place() {
    let (pool, _server) = pool(2);
    let held = pool.create_connection().await.unwrap();
    // In other contexts, since one that holds all is told that it would deadlock.
    let mut lazy = Box::pin(pool.create_connection());
    let polled_once = tokio::spawn(async move {
        futures_poll(lazy.as_mut()).await;
        (lazy,)
    });
    let (lazy,) = polled_once.await.unwrap();
    let next = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.unwrap() }
    });
    settle().await;
    drop(held);
    settle().await;
    assert!(!next.is_finished(), "the first in line has been offered it");
    let begun = tokio::time::Instant::now();
    let next = next.await.unwrap();
    assert!((1..=2).contains(&begun.elapsed().as_secs()));
    let last = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.map(drop) }
    });
    settle().await;
    let polled = tokio::spawn(lazy);
    settle().await;
    drop(next);
    settle().await;
    assert!(polled.is_finished(), "it stood before the last one still");
    drop(polled.await.unwrap().unwrap());
    last.await.unwrap().unwrap();
}

/// Polls a future once.
async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) {
    std::future::poll_fn(|cx| {
        assert!(future.as_mut().poll(cx).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn p13_a_dial_outlives_the_caller_and_serves_the_next() {
    let (pool, server) = pool(2);
    pool.manager().connect_gate.shut();
    let caller = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.map(drop) }
    });
    settle().await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    caller.abort();
    settle().await;
    let next = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.map(drop) }
    });
    settle().await;
    pool.manager().connect_gate.let_pass(1);
    next.await.unwrap().unwrap();
    assert_eq!(server.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn p13_one_at_a_time_until_a_login_succeeds_then_three() {
    let (pool, server) = pool(10);
    pool.manager().connect_gate.shut();
    for _ in 0..9 {
        let pool = pool.clone();
        tokio::spawn(async move {
            let _held = pool.create_connection().await.unwrap();
            std::future::pending::<()>().await;
        });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.dials(), 1);
    pool.manager().connect_gate.let_pass(1);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.dials(), 4);
    // Main has a permit of its own.
    let main = tokio::spawn({
        let pool = pool.clone();
        async move { pool.main().await.map(drop) }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.dials(), 5);
    pool.manager().connect_gate.let_pass(100);
    main.await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.open(), 10);
    assert_eq!(server.handshake_peak(), 4);
}

#[tokio::test(start_paused = true)]
async fn p40_growing_serves_waiters_and_shrinking_closes_idle_ones() {
    let (pool, server) = pool(2);
    let _held = pool.create_connection().await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.unwrap() }
    });
    settle().await;
    assert_eq!(pool.waiting(), 1);
    pool.set_max_connections(5).unwrap();
    let second = waiter.await.unwrap();
    assert_eq!(server.open(), 2);
    drop(second);
    assert_eq!(pool.status().counts.idle, 1);
    pool.set_max_connections(2).unwrap();
    settle().await;
    assert_eq!((pool.status().counts.idle, server.open()), (0, 1));

    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.map(drop) }
    });
    settle().await;
    pool.set_max_connections(1).unwrap();
    let told = waiter.await.unwrap();
    assert!(matches!(told, Err(Error::QuotaReservedForMain)));
    drop(_held);
    settle().await;
    assert_eq!(server.open(), 0, "released above the quota, it is closed");
}

/// A task that asks for a connection as a watcher does, and holds it until the sender is dropped.
fn watcher(pool: &Pool<Toys>) -> (tokio::task::JoinHandle<()>, tokio::sync::oneshot::Sender<()>) {
    let pool = pool.clone();
    let (go, gone) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(async move {
        let _held = pool.create_connection_leaving_one(None).await.unwrap();
        let _ = gone.await;
    });
    (task, go)
}

#[tokio::test(start_paused = true)]
async fn p39_a_watcher_does_not_take_the_last_extra() {
    let (pool, _server) = pool(4);
    let _watchers: Vec<_> = (0..5).map(|_| watcher(&pool)).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((pool.status().counts.in_use, pool.waiting()), (2, 3), "two of the three extras");
    // The last one is there for whoever may take it, as often as is liked.
    for _ in 0..3 {
        pool.create_connection().await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(pool.waiting(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn p39_a_watcher_that_waits_holds_up_nobody_who_may_take_the_last_one() {
    let (pool, _server) = pool(3);
    let first = pool.create_connection().await.unwrap();
    let (watching, done) = watcher(&pool);
    settle().await;
    assert_eq!(pool.waiting(), 1);
    // Asked for later, and served at once.
    let second = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.unwrap() }
    });
    let second = second.await.unwrap();
    drop(first);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(pool.waiting(), 1, "one is idle, and it is the last");
    drop(second);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(pool.waiting(), 0);
    assert!(!watching.is_finished());
    drop(done);
    watching.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn p39_watchers_wait_in_turn_among_all_others() {
    let (pool, _server) = pool(3);
    let holders = [pool.create_connection().await.unwrap(), pool.create_connection().await.unwrap()];
    let (told, mut order) = tokio::sync::mpsc::unbounded_channel();
    for n in 0..6 {
        let (pool, told) = (pool.clone(), told.clone());
        tokio::spawn(async move {
            let _held = if n % 2 == 0 {
                pool.create_connection_leaving_one(None).await.unwrap()
            } else {
                pool.create_connection().await.unwrap()
            };
            told.send(n).unwrap();
        });
        settle().await;
    }
    drop(holders);
    let mut served = Vec::new();
    for _ in 0..6 {
        served.push(order.recv().await.unwrap());
    }
    for kind in 0..2 {
        let like: Vec<_> = served.iter().filter(|n| *n % 2 == kind).collect();
        assert!(like.is_sorted(), "{served:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn p39_a_watcher_that_would_have_the_only_extra_is_told_at_once() {
    let (pool, server) = pool(2);
    let told = pool.create_connection_leaving_one(None).await;
    assert!(matches!(told, Err(Error::NoneToSpare)), "{told:?}");
    pool.set_max_connections(1).unwrap();
    let told = pool.create_connection_leaving_one(None).await;
    assert!(matches!(told, Err(Error::QuotaReservedForMain)), "{told:?}");

    // When the quota falls while it waits; and when what is left falls by the server's limit.
    pool.set_max_connections(3).unwrap();
    let held = pool.create_connection().await.unwrap();
    let waits = || {
        let pool = pool.clone();
        tokio::spawn(async move { pool.create_connection_leaving_one(None).await.map(drop) })
    };
    let waiting = waits();
    settle().await;
    assert!(!waiting.is_finished());
    pool.set_max_connections(2).unwrap();
    assert!(matches!(waiting.await.unwrap(), Err(Error::NoneToSpare)));
    pool.set_max_connections(9).unwrap();
    let _main = pool.main().await.unwrap();
    server.limit(2);
    let waiting = waits();
    assert!(matches!(waiting.await.unwrap(), Err(Error::NoneToSpare)));
    assert_eq!(pool.status().effective, 2);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn p39_who_holds_all_but_the_last_and_asks_to_leave_it_is_told_at_once() {
    let (pool, _server) = pool(3);
    let _held = pool.create_connection().await.unwrap();
    let told = pool.create_connection_leaving_one(None).await;
    assert!(matches!(told, Err(Error::WouldDeadlock)), "{told:?}");
    assert!(pool.create_connection().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn p39_p11_watchers_that_go_away_or_sleep_take_nothing_with_them() {
    let (pool, _server) = pool(3);
    let held = pool.create_connection().await.unwrap();
    // One goes away, one sleeps through its offer.
    let (gone, _gone) = watcher(&pool);
    settle().await;
    let mut lazy = Box::pin(pool.create_connection_leaving_one(None));
    let lazy = tokio::spawn(async move {
        futures_poll(lazy.as_mut()).await;
        (lazy,)
    });
    let (lazy,) = lazy.await.unwrap();
    let (awake, done) = watcher(&pool);
    settle().await;
    assert_eq!(pool.waiting(), 3);
    gone.abort();
    settle().await;
    assert_eq!(pool.waiting(), 2);
    drop(held);
    settle().await;
    assert_eq!(pool.waiting(), 1, "it has been offered one");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!((pool.waiting(), pool.status().counts.in_use), (1, 1), "the next one got it");
    drop(done);
    awake.await.unwrap();
    drop(tokio::spawn(lazy).await.unwrap().unwrap());
    assert_eq!(pool.waiting(), 0);
}
