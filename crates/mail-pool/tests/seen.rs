//! What anyone can see: the status.

mod support;

use std::error::Error as _;
use std::time::Duration;

use mail_pool::{Class, Context, Error, Kind, Phase};
use support::Script::Fail;
use support::{ToyError, pool};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn p33_the_status_tells_all() {
    let (pool, server) = pool(4);
    let before = pool.status();
    assert_eq!((before.max_connections, before.effective, before.counts.open()), (4, 4, 0));
    assert!(!before.is_closed && !before.login_blocked && before.last_refusal.is_none());
    assert_eq!((before.backoff, before.held_back), (None, None));

    let _main = pool.main().await.unwrap();
    let held = pool.create_connection().await.unwrap();
    drop(pool.create_connection().await.unwrap());
    sleep(Duration::from_secs(3)).await;
    let status = pool.status();
    assert_eq!((status.counts.in_use, status.counts.idle, status.opened, status.closed), (2, 1, 3, 0));
    let kinds: Vec<_> = status.connections.iter().map(|one| (one.kind, one.state, one.id)).collect();
    assert_eq!(
        kinds,
        [
            (Some(Kind::Main), Phase::InUse, Some(1)),
            (Some(Kind::Independent), Phase::InUse, Some(2)),
            (None, Phase::Idle, Some(3)),
        ]
    );
    assert_eq!(status.connections[1].held_for.unwrap().as_secs(), 3);

    held.get().await.unwrap().break_it();
    drop(held.get().await.unwrap());
    assert_eq!((pool.status().opened, pool.status().closed), (4, 1));

    let third = pool.create_connection().await.unwrap();
    server.script([Fail(Class::Limit)]);
    let fourth = pool.create_connection_within(Some(Duration::from_secs(1))).await;
    assert!(fourth.is_err());
    let status = pool.status();
    assert_eq!((status.effective, status.waiting), (3, 0));
    let refusal = status.last_refusal.unwrap();
    assert_eq!((refusal.class, refusal.others_open, refusal.ago.as_secs()), (Class::Limit, 3, 0));
    assert!(format!("{:?}", pool.status()).contains("Limit"));
    let shown = pool.status().to_string();
    let lines: Vec<_> = shown.lines().collect();
    assert!(
        lines[0].starts_with("3 open (3 in use) of 4, of which the server seems to allow 3; 0 waiting"),
        "{shown}"
    );
    assert!(lines[1].starts_with("  1: main in use"), "{shown}");
    assert!(shown.contains("3 others open (Limit)"), "{shown}");
    drop(third);
    pool.close().await;
    assert!(pool.status().is_closed && pool.is_closed());
}

#[tokio::test(start_paused = true)]
async fn p33_a_handle_is_held_by_whoever_used_it_last() {
    let (pool, _server) = pool(2);
    let handle = pool.create_connection().await.unwrap();
    let first = Context::current();
    assert_eq!(pool.status().connections[0].holder, Some(first));
    let (user, handle) = tokio::spawn(async move {
        handle.get().await.unwrap();
        (Context::current(), handle)
    })
    .await
    .unwrap();
    assert_ne!(user, first);
    assert_eq!(pool.status().connections[0].holder, Some(user));
    // So the first may wait for it without waiting for itself.
    let waiting = tokio::time::timeout(Duration::from_secs(1), pool.create_connection()).await;
    assert!(waiting.is_err());
    drop(handle);
}

#[tokio::test(start_paused = true)]
async fn p33_only_a_quota_that_has_fallen_and_a_hold_on_an_extra_are_told() {
    let (pool, _server) = pool(2);
    let main = pool.main().await.unwrap();
    let extra = pool.create_connection().await.unwrap();
    sleep(Duration::from_secs(3)).await;
    let shown = pool.status().to_string();
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[0].starts_with("2 open (2 in use) of 2; 0 waiting"), "{shown}");
    assert!(lines[1].starts_with("  1: main in use at "), "{shown}");
    let context = Context::current();
    assert!(lines[2].starts_with(&format!("  2: independent in use for 3.0s by {context} at ")), "{shown}");
    assert!(!pool.is_closed());
    assert_eq!((main.id(), extra.id()), (1, Some(2)));
}

#[test]
fn p33_a_context_says_what_it_is() {
    let context = Context::current();
    assert!(context.is_thread() && context.to_string().starts_with("thread "), "{context}");
    assert_eq!(Context::custom(7).to_string(), "context 7");
    assert!(!Context::custom(7).is_thread());
}

#[tokio::test]
async fn p33_a_task_says_what_it_is() {
    let context = tokio::spawn(async { Context::current() }).await.unwrap();
    assert!(!context.is_thread() && context.to_string().starts_with("task "), "{context}");
}

#[tokio::test(start_paused = true)]
async fn p10_a_timeout_tells_of_a_fallen_quota_only_if_it_has() {
    let (pool, server) = pool(2);
    let _held = pool.create_connection().await.unwrap();
    // By another context: whoever holds all there is isn't let wait.
    let timeout = async || {
        let pool = pool.clone();
        let waits =
            async move { pool.create_connection_within(Some(Duration::from_secs(1))).await.map(drop) };
        tokio::spawn(waits).await.unwrap().unwrap_err().to_string()
    };
    let shown = timeout().await;
    assert!(shown.contains("within 1s: 1 of 2 are open: independent in use"), "{shown}");
    pool.set_max_connections(9).unwrap();
    server.script([Fail(Class::Limit)]);
    let shown = timeout().await;
    assert!(shown.contains("1 of 9 are open (the server seems to allow 1): independent in use"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn errors_say_whether_to_try_again_and_what_is_behind_them() {
    let (pool, server) = pool(2);
    server.script([Fail(Class::Transient), Fail(Class::Refused)].into_iter().chain([Fail(Class::Limit); 9]));
    let failed =
        async || pool.create_connection_within(Some(Duration::from_secs(1))).await.map(drop).unwrap_err();

    let connect = failed().await;
    assert!(matches!(connect, Error::Connect(_)));
    assert_eq!(connect.connect_error(), Some(&ToyError(Class::Transient)));
    for (class, retryable) in [
        (None, true),
        (Some(Class::Transient), true),
        (Some(Class::Outage), true),
        (Some(Class::Permanent), false),
        (Some(Class::Refused), false),
    ] {
        assert_eq!(connect.is_retryable(class), retryable, "{class:?}");
    }

    sleep(Duration::from_secs(5)).await;
    let credentials = failed().await;
    assert!(matches!(credentials, Error::Credentials { .. }));
    assert!(!credentials.is_retryable(None));
    assert_eq!(credentials.source().unwrap().to_string(), "toy Refused");

    pool.retry_login();
    let timeout = failed().await;
    assert!(matches!(timeout, Error::AcquireTimeout(_)));
    assert!(timeout.is_retryable(None));
    assert_eq!(timeout.connect_error(), Some(&ToyError(Class::Limit)));

    for (error, retryable) in [
        (Error::<ToyError>::QueueFull { limit: 1 }, true),
        (Error::Closed, false),
        (Error::WouldDeadlock, false),
    ] {
        assert_eq!(error.is_retryable(None), retryable);
        assert!(error.connect_error().is_none() && error.source().is_none());
    }
}

/// What programs print while they look for a fault says at least which one it is.
#[tokio::test(start_paused = true)]
async fn everything_says_which_it_is_in_debug_output() {
    let (pool, _server) = pool(5);
    assert!(format!("{pool:?}").starts_with("Pool { id: "));
    assert_eq!(format!("{:?}", pool.downgrade()), "WeakPool { .. }");
    assert_eq!(format!("{:?}", pool.main().await.unwrap()), "Conn { id: 1, kind: Main, .. }");
    let handle = pool.create_connection().await.unwrap();
    assert!(format!("{handle:?}").starts_with("Connection { kind: Independent, slot: "), "{handle:?}");
    let exclusive = handle.exclusive().await.unwrap();
    assert!(format!("{exclusive:?}").starts_with("Exclusive(Conn { id: 2, "), "{exclusive:?}");
    drop(exclusive);
    let own = pool.create_default_connection().await.unwrap();
    assert!(format!("{own:?}").starts_with("DefaultConnection { context: "), "{own:?}");
    assert_eq!(format!("{:?}", pool.checkout().await.unwrap()), "Checkout { id: 4, .. }");
    drop(own);
    let pending = pool.begin(|operation| async move { format!("{operation:?}") }).unwrap();
    assert!(format!("{pending:?}").starts_with("Pending"), "{pending:?}");
    assert_eq!(pending.await.unwrap(), "Operation { is_on_main: false }");
    pool.set_max_connections(1).unwrap();
    drop(handle);
    let on_main = pool.begin(|operation| async move { operation.is_on_main() }).unwrap();
    assert!(on_main.await.unwrap());
}
