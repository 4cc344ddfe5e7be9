//! What anyone can see: the status.

mod support;

use std::time::Duration;

use mail_pool::{Class, Context, Kind, Phase};
use support::Script::Fail;
use support::pool;
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
