//! What a failed dial means, and what it costs.

mod support;

use std::time::Duration;

use mail_pool::{Class, Error, Kind, Pool};
use support::Script::{self, Accept, Fail, Hang};
use support::{Server, ToyError, Toys, pool, pool_with, settle};
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn p12_a_permanent_failure_goes_to_every_waiter_as_itself() {
    let (pool, server) = pool(3);
    server.script([Fail(Class::Permanent)]);
    let waiters: Vec<_> = (0..5)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.create_connection().await.map(drop) })
        })
        .collect();
    for waiter in waiters {
        let error = waiter.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Connect(ref error) if error.0 == Class::Permanent), "{error}");
    }
    assert_eq!(server.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn p12_a_transient_failure_goes_to_the_oldest_at_once_if_nothing_else_is_open() {
    let (pool, server) = pool(3);
    server.script([Fail(Class::Transient)]);
    let first = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.map(drop) }
    });
    settle().await;
    let begun = Instant::now();
    let second = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.map(drop) }
    });
    assert!(matches!(first.await.unwrap(), Err(Error::Connect(_))));
    assert!(begun.elapsed() < Duration::from_millis(100));
    second.await.unwrap().unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(375), "dialling backed off");
    assert_eq!(server.dials(), 2);
}

#[tokio::test(start_paused = true)]
async fn p12_with_others_open_a_transient_failure_is_told_after_three_attempts() {
    let (pool, server) = pool(3);
    let _main = pool.main().await.unwrap();
    server.script([Fail(Class::Transient); 3]);
    let told = pool.create_connection().await;
    assert!(matches!(told, Err(Error::Connect(_))));
    assert_eq!(server.dials(), 4);
    server.script([Fail(Class::Transient); 2]);
    pool.create_connection().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn p12_a_connect_error_is_never_dressed_as_a_timeout() {
    let (pool, server) =
        pool_with(3, |builder| builder.backoff(Duration::from_secs(100), Duration::from_secs(100)));
    let _main = pool.main().await.unwrap();
    server.script([Fail(Class::Transient); 3]);
    let begun = Instant::now();
    let told = pool.create_connection().await;
    assert_eq!(begun.elapsed().as_secs(), 60);
    assert!(matches!(told, Err(Error::Connect(_))), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn p12_a_timeout_is_not_dressed_as_a_connect_error_that_has_long_passed() {
    let (pool, server) = pool(5);
    server.script([Fail(Class::Transient), Accept, Hang]);
    assert!(matches!(pool.create_connection().await, Err(Error::Connect(_))));
    let _held = pool.create_connection().await.unwrap();
    let told = pool.create_connection().await;
    assert!(matches!(told, Err(Error::AcquireTimeout(_))), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn p14_a_limit_lowers_the_quota_and_work_goes_on_with_what_is_open() {
    let (pool, server) = pool(8);
    server.limit(4);
    let begun = Instant::now();
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let _main = pool.main().await.unwrap();
                let connection = pool.create_connection().await.unwrap();
                let _use = connection.get().await.unwrap();
                sleep(Duration::from_millis(100)).await;
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    // 40 pieces of 100 ms over 3 extras.
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let status = pool.status();
    assert_eq!((status.effective, status.max_connections), (4, 8));
    assert!(server.dials() <= 8, "{}", server.dials());
}

#[tokio::test(start_paused = true)]
async fn p14_after_the_cool_down_one_more_is_tried() {
    let (pool, server) =
        pool_with(8, |builder| builder.cool_down(Duration::from_secs(20)).acquire_timeout(None));
    server.limit(2);
    let _main = pool.main().await.unwrap();
    let held = pool.create_connection().await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.unwrap() }
    });
    sleep(Duration::from_secs(1)).await;
    assert_eq!(pool.status().effective, 2);
    let before = server.dials();
    server.limit(3);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(server.dials(), before, "not before the cool-down is over");
    sleep(Duration::from_secs(20)).await;
    let second = waiter.await.unwrap();
    assert_eq!(pool.status().effective, 3);
    assert_eq!(server.open(), 3);
    drop((held, second));
}

#[tokio::test(start_paused = true)]
async fn p14_a_limit_with_nothing_open_keeps_the_waiters_and_rides_in_the_timeout() {
    let (pool, server) = pool(8);
    server.limit(0);
    let told = pool.create_connection().await;
    let Err(Error::AcquireTimeout(timeout)) = told else {
        panic!("{told:?}");
    };
    let refusal = timeout.last_refusal.unwrap();
    assert_eq!((refusal.class, refusal.others_open), (Class::Limit, 0));
    assert_eq!(timeout.effective, 1);
    assert!((2..30).contains(&server.dials()), "{}", server.dials());
    server.limit(5);
    pool.create_connection_within(None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn p14_main_stands_before_all_waiters() {
    let (pool, server) = pool(8);
    server.limit(1);
    let only = pool.create_connection().await.unwrap();
    let number = only.get().await.unwrap().id();
    let extra = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.map(drop) }
    });
    sleep(Duration::from_secs(1)).await;
    let main = tokio::spawn({
        let pool = pool.clone();
        async move { pool.main().await.map(|main| main.id()) }
    });
    sleep(Duration::from_secs(1)).await;
    assert!(!main.is_finished());
    drop(only);
    assert_eq!(main.await.unwrap().unwrap(), number, "main took over the extra's connection");
    assert!(!extra.is_finished());
    assert_eq!(server.open(), 1);
}

#[tokio::test(start_paused = true)]
async fn p14_main_takes_over_an_idle_extra() {
    let (pool, server) = pool(8);
    server.limit(1);
    drop(pool.create_connection().await.unwrap());
    let main = pool.main().await.unwrap();
    assert_eq!(main.id(), 1);
    assert_eq!(server.open(), 1);
}

#[tokio::test(start_paused = true)]
async fn p14_a_limit_soon_after_our_own_logout_is_tried_once_more() {
    let (pool, server) = pool(8);
    let _main = pool.main().await.unwrap();
    pool.create_connection().await.unwrap().close().await;
    server.script([Fail(Class::Limit), Accept]);
    pool.create_connection().await.unwrap();
    assert_eq!(pool.status().effective, 8);
    sleep(Duration::from_secs(40)).await;
    pool.create_connection().await.unwrap().close().await;
    server.script([Fail(Class::Limit), Fail(Class::Limit)]);
    let other = pool.clone();
    tokio::spawn(async move { other.create_connection_within(Some(Duration::from_secs(5))).await.map(drop) })
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(pool.status().effective, 1);
}

#[tokio::test(start_paused = true)]
async fn p14_an_outage_with_nothing_else_open_is_retried() {
    let (pool, server) = pool(8);
    server.script([Fail(Class::Outage)]);
    assert!(matches!(pool.main().await, Err(Error::Connect(_))));
    assert_eq!(pool.status().effective, 8);
    pool.main().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn p14_one_login_without_an_answer_while_others_are_open_is_no_limit_yet() {
    let (pool, server) = pool(8);
    let _main = pool.main().await.unwrap();
    server.script([Fail(Class::Outage), Accept]);
    let begun = Instant::now();
    let _extra = pool.create_connection().await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(375), "dialling backed off");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!((pool.status().effective, server.dials()), (8, 3));
    // The next is the first again.
    server.script([Fail(Class::Outage), Accept]);
    pool.create_connection().await.unwrap();
    assert_eq!((pool.status().effective, server.dials()), (8, 5));
}

#[tokio::test(start_paused = true)]
async fn p14_a_second_in_a_row_is_a_limit_and_its_probe_is_not_tried_twice() {
    let (pool, server) = pool_with(8, |builder| builder.acquire_timeout(None));
    let _main = pool.main().await.unwrap();
    server.script([Fail(Class::Outage); 3]);
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.map(drop) }
    });
    sleep(Duration::from_secs(200)).await;
    assert_eq!((pool.status().effective, server.dials()), (1, 3));
    assert!(!waiter.is_finished(), "it waits for the cool-down to end");
    sleep(Duration::from_secs(200)).await;
    assert_eq!((pool.status().effective, server.dials()), (1, 4), "one more, and the quota stays");
    sleep(Duration::from_secs(300)).await;
    waiter.await.unwrap().unwrap();
    assert_eq!((pool.status().effective, server.dials()), (2, 5));
}

#[tokio::test(start_paused = true)]
async fn p14_logins_cut_together_are_one_refusal_and_one_dial_tries_again() {
    let (pool, server) = pool(8);
    let _main = pool.main().await.unwrap();
    server.script([Fail(Class::Outage); 3]);
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.create_connection().await })
        })
        .collect();
    sleep(Duration::from_millis(100)).await;
    assert_eq!((server.handshake_peak(), server.dials()), (3, 4));
    server.script([Fail(Class::Outage)]);
    sleep(Duration::from_secs(1)).await;
    assert_eq!((pool.status().effective, server.dials()), (1, 5));
    waiters.iter().for_each(|waiter| waiter.abort());

    let (pool, server) = support::pool(8);
    let _main = pool.main().await.unwrap();
    server.script([Fail(Class::Outage); 3]);
    let (one, two, three) =
        tokio::join!(pool.create_connection(), pool.create_connection(), pool.create_connection());
    let _extras = [one.unwrap(), two.unwrap(), three.unwrap()];
    assert_eq!((pool.status().effective, server.dials()), (8, 7));
}

#[tokio::test(start_paused = true)]
async fn p14_after_a_login_without_an_answer_a_limit_in_words_counts_at_once_and_after_long_none_does() {
    for (second, pause, effective) in [
        (Class::Limit, Duration::from_secs(2), 1),
        (Class::Outage, Duration::from_secs(299), 1),
        (Class::Outage, Duration::from_secs(301), 8),
    ] {
        let (pool, server) = pool(8);
        let _main = pool.main().await.unwrap();
        server.script([Fail(Class::Outage), Fail(second)]);
        for _ in 0..2 {
            pool.create_connection_within(Some(Duration::from_millis(100))).await.unwrap_err();
            sleep(pause).await;
        }
        assert_eq!((pool.status().effective, server.dials()), (effective, 3), "{second:?} {pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn p14_throttled_nothing_is_dialled_for_the_time_told() {
    let (pool, server) = pool_with(8, |builder| builder.acquire_timeout(None));
    server.script([Fail(Class::Throttled(Some(Duration::from_secs(100))))]);
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.map(drop) }
    });
    sleep(Duration::from_secs(99)).await;
    assert_eq!(server.dials(), 1);
    // Who would give up before is told at once.
    let begun = Instant::now();
    let told = pool.create_connection_within(Some(Duration::from_millis(500))).await;
    assert!(matches!(told, Err(Error::Connect(_))), "{told:?}");
    assert!(begun.elapsed() < Duration::from_millis(100));
    sleep(Duration::from_secs(2)).await;
    waiter.await.unwrap().unwrap();
    assert_eq!(server.dials(), 2);
}

#[tokio::test(start_paused = true)]
async fn p15_a_wrong_password_is_sent_once() {
    let (pool, server) = pool(8);
    server.script([Fail(Class::Refused); 20]);
    let users: Vec<_> = (0..20)
        .map(|n| {
            let pool = pool.clone();
            tokio::spawn(async move {
                if n % 2 == 0 {
                    pool.main().await.map(drop)
                } else {
                    pool.create_connection().await.map(drop)
                }
            })
        })
        .collect();
    for user in users {
        let error = user.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Credentials { others_open: 0, .. }), "{error}");
    }
    assert_eq!(server.dials(), 1);
    assert!(matches!(pool.main().await, Err(Error::Credentials { .. })));
    assert!(matches!(pool.create_connection().await, Err(Error::Credentials { .. })));
    assert_eq!(server.dials(), 1);
    assert!(pool.status().login_blocked);

    pool.retry_login();
    assert!(matches!(pool.main().await, Err(Error::Credentials { .. })));
    assert_eq!(server.dials(), 2);
}

#[tokio::test(start_paused = true)]
async fn p14_one_fresh_token_where_there_are_tokens() {
    let server = Server::new();
    let mut toys = Toys::new(&server);
    toys.renews = true;
    let pool = Pool::builder(toys).build().unwrap();
    server.script([Fail(Class::Refused), Accept]);
    pool.main().await.unwrap();
    let fresh: Vec<bool> = server.attempts().iter().map(|attempt| attempt.fresh_credentials).collect();
    assert_eq!(fresh, [false, true]);

    let server = Server::new();
    let mut toys = Toys::new(&server);
    toys.renews = true;
    let pool = Pool::builder(toys).build().unwrap();
    server.script([Fail(Class::Refused); 5]);
    assert!(matches!(pool.main().await, Err(Error::Credentials { .. })));
    assert_eq!(server.dials(), 2);
}

#[tokio::test(start_paused = true)]
async fn p14_refused_while_others_are_open_is_a_suspected_limit_tried_once_more_after_the_cool_down() {
    let (pool, server) = pool_with(8, |builder| builder.acquire_timeout(None));
    let _main = pool.main().await.unwrap();
    let held = pool.create_connection().await.unwrap();
    server.script([Fail(Class::Refused); 20]);
    let waiters: Vec<_> = (0..6)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.create_connection().await.map(drop) })
        })
        .collect();
    sleep(Duration::from_secs(200)).await;
    // Up to three were on their way together, since the login had worked before.
    let sent = server.dials() - 2;
    assert!((1..=3).contains(&sent), "{sent}");
    assert!(waiters.iter().all(|waiter| !waiter.is_finished()));
    assert_eq!(pool.status().effective, 2);
    sleep(Duration::from_secs(200)).await;
    assert_eq!(server.dials() - 2, sent + 1);
    for waiter in waiters {
        let error = waiter.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Credentials { others_open: 2, .. }), "{error}");
    }
    sleep(Duration::from_secs(2000)).await;
    assert_eq!(server.dials() - 2, sent + 1, "nothing is dialled any more");
    // What is open still serves.
    drop(held);
    pool.create_connection().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn p41_calls_are_held_back_for_the_time_told() {
    let (pool, _server) = pool(3);
    drop(pool.main().await.unwrap());
    pool.hold_back(Some(Duration::from_secs(7)));
    assert!(pool.status().held_back.unwrap() >= Duration::from_secs(7));
    let begun = Instant::now();
    drop(pool.main().await.unwrap());
    assert!((7..=8).contains(&begun.elapsed().as_secs()));

    let mut waits = Vec::new();
    for _ in 0..8 {
        let wait = pool.hold_back(None);
        sleep(wait / 2).await;
        assert!(pool.hold_back(None) <= wait, "the same wish, told by the answer to another command");
        sleep(wait).await;
        waits.push(wait.as_secs());
    }
    assert!(waits[0] == 1 && (4..=5).contains(&waits[2]) && waits[7] >= 60, "{waits:?}");
    assert!(pool.hold_back(Some(Duration::from_secs(9999))) <= Duration::from_secs(300));
}

#[tokio::test(start_paused = true)]
async fn p14_a_limit_told_after_login_lowers_the_quota_too() {
    let (pool, _server) = pool(8);
    let _main = pool.main().await.unwrap();
    let first = pool.create_connection().await.unwrap();
    let _second = pool.create_connection().await.unwrap();
    assert_eq!(first.kind(), Kind::Independent);
    pool.report(Class::Limit);
    assert_eq!(pool.status().effective, 2);
    assert_eq!(ToyError(Class::Limit).to_string(), "toy Limit");
}

#[tokio::test(start_paused = true)]
async fn p40_what_the_server_allows_is_remembered_when_the_quota_changes() {
    let (pool, server) = pool(8);
    server.limit(3);
    let _main = pool.main().await.unwrap();
    let extras = pool.extras();
    let mut mine = Vec::new();
    while let Some(extra) = extras.try_next().await {
        mine.push(extra);
    }
    assert_eq!(pool.status().effective, 3);
    pool.set_max_connections(2).unwrap();
    assert_eq!(pool.status().effective, 2);
    pool.set_max_connections(8).unwrap();
    assert_eq!(pool.status().effective, 3);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_accepts_and_hangs_up_is_not_dialled_for_ever() {
    let (pool, server) = pool(3);
    server.script((0..1000).map(|_| Script::Drop));
    // What was opened in the place of a dead one is handed out as it is: its use tells what is wrong with it.
    assert!(pool.main().await.unwrap().is_broken());
    assert_eq!(server.dials(), 2);
    let own = pool.create_connection().await.unwrap();
    assert!(own.get().await.unwrap().is_broken());
    // Once to open it, once since it was dead when it was first used, and once more in the place of that.
    assert_eq!(server.dials(), 5);
}

#[tokio::test(start_paused = true)]
async fn p41_a_wish_told_on_an_open_connection_holds_calls_back() {
    let (pool, _server) = pool(2);
    pool.report(Class::Transient);
    assert_eq!(pool.status().held_back, None);
    pool.report(Class::Throttled(Some(Duration::from_secs(7))));
    assert!(pool.status().held_back >= Some(Duration::from_secs(7)));
}

#[tokio::test(start_paused = true)]
async fn many_pools_do_not_act_in_step() {
    let waits = [(); 2].map(|()| pool(2).0.hold_back(Some(Duration::from_secs(100))));
    assert_ne!(waits[0], waits[1]);
}

#[tokio::test(start_paused = true)]
async fn p29_at_the_servers_limit_a_handle_goes_on_with_a_connection_that_lies_idle() {
    let (pool, server) = pool(8);
    let handle = pool.create_connection().await.unwrap();
    drop(pool.create_connection().await.unwrap());
    handle.get().await.unwrap().break_it();
    // Another program has taken its place.
    server.limit(1);
    let begun = Instant::now();
    let connection = handle.get().await.unwrap();
    assert!(!connection.is_broken());
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!((connection.id(), server.open()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn p14_a_time_that_no_clock_can_tell_is_for_ever() {
    let (pool, server) = pool(3);
    server.script([Fail(Class::Throttled(Some(Duration::MAX)))]);
    assert!(matches!(pool.create_connection().await, Err(Error::Connect(_))));
    assert!(pool.status().backoff > Some(Duration::from_secs(86_400 * 365)));

    let (pool, server) = pool_with(3, |builder| {
        let max = Duration::MAX;
        let builder = builder.idle_timeout(max).trust_idle(max).max_lifetime(Some(max)).cool_down(max);
        let builder = builder.backoff(max, max).acquire_timeout(Some(max)).connect_timeout(max);
        builder.logout_settles(max).close_timeout(max).grace(max)
    });
    server.script([Accept, Fail(Class::Limit), Fail(Class::Transient), Fail(Class::Throttled(None))]);
    let _main = pool.main().await.unwrap();
    for _ in 0..3 {
        pool.create_connection_within(Some(Duration::from_secs(1))).await.unwrap_err();
        pool.retry_login();
    }
    pool.create_connection().await.unwrap();
}
