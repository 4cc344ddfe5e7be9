//! Whoever holds a connection never waits for another to make progress: who would wait for himself, and is told.

mod support;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use mail_pool::{Assignment, Error, Pool};
use support::{Toys, pool, pool_with, settle};
use tokio::time::{Instant, sleep};

const MODES: [Assignment; 3] = [Assignment::MainOrDefault, Assignment::Main, Assignment::Default];
const QUOTAS: [usize; 3] = [1, 2, 10];

/// Polls a future once and keeps it.
async fn glance<F: Future>(future: F) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    std::future::poll_fn(|cx| {
        assert!(future.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    future
}

/// Operations nested `depth` deep, each awaiting two others, which make nameless calls.
fn nest(pool: Pool<Toys>, depth: usize) -> Pin<Box<dyn Future<Output = usize> + Send>> {
    Box::pin(async move {
        let using = pool.get().await.unwrap();
        if depth == 0 {
            return 1;
        }
        let nested: Vec<_> = (0..2)
            .map(|_| {
                let inner = pool.clone();
                pool.begin(move |_| nest(inner, depth - 1)).unwrap()
            })
            .collect();
        let mut sum = 1;
        for pending in nested {
            sum += pending.await.unwrap();
        }
        drop(using);
        sum
    })
}

#[tokio::test(start_paused = true)]
async fn p37_operations_that_begin_and_await_others_end_in_every_mode_and_quota() {
    for assignment in MODES {
        for max in [1, 2, 10] {
            let (pool, server) =
                pool_with(max, |builder| builder.assignment(assignment).acquire_timeout(None));
            let pendings: Vec<_> = (0..20)
                .map(|_| {
                    let inner = pool.clone();
                    pool.begin(move |_| nest(inner, 3)).unwrap()
                })
                .collect();
            for pending in pendings {
                assert_eq!(pending.await.unwrap(), 15, "{assignment:?} {max}");
            }
            assert!(server.peak() <= max);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p37_nested_operations_dont_wait_for_a_dial_that_the_server_refuses() {
    let (pool, server) = pool_with(10, |builder| builder.acquire_timeout(None));
    server.limit(3);
    let pendings: Vec<_> = (0..10)
        .map(|_| {
            let inner = pool.clone();
            pool.begin(move |_| nest(inner, 3)).unwrap()
        })
        .collect();
    let begun = Instant::now();
    for pending in pendings {
        assert_eq!(pending.await.unwrap(), 15);
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn p37_a_context_with_a_default_runs_its_operation_there_if_nothing_is_free() {
    let (pool, _server) = pool(2);
    let own = pool.create_default_connection().await.unwrap();
    let id = own.get().await.unwrap().id();
    let pending = pool.begin(|operation| async move { operation.get().await.unwrap().id() }).unwrap();
    assert_eq!(pending.await.unwrap(), id);
}

#[tokio::test(start_paused = true)]
async fn p37_an_exclusive_holder_that_makes_nameless_calls_is_told() {
    for max in [2, 10] {
        let (pool, _server) = pool(max);
        let own = pool.create_default_connection().await.unwrap();
        let exclusive = own.exclusive().await.unwrap();
        assert!(matches!(pool.get().await, Err(Error::WouldDeadlock)));
        assert!(matches!(own.get().await, Err(Error::WouldDeadlock)));
        assert!(matches!(own.exclusive().await, Err(Error::WouldDeadlock)));
        drop(exclusive);
        assert!(pool.get().await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn p37_others_wait_for_an_exclusive_use_to_end() {
    let (pool, server) = pool(2);
    let own = Arc::new(pool.create_connection().await.unwrap());
    let exclusive = own.exclusive().await.unwrap();
    let other = tokio::spawn({
        let own = Arc::clone(&own);
        async move { own.get().await.map(drop) }
    });
    settle().await;
    assert!(!other.is_finished());
    drop(exclusive);
    other.await.unwrap().unwrap();

    let _exclusive = own.exclusive().await.unwrap();
    let begun = Instant::now();
    let late = tokio::spawn({
        let own = Arc::clone(&own);
        async move { own.get().await.map(drop) }
    });
    assert!(matches!(late.await.unwrap(), Err(Error::AcquireTimeout(_))));
    assert_eq!(begun.elapsed().as_secs(), 60);
    drop(_exclusive);
    drop(own);
    settle().await;
    assert_eq!((server.logouts(), server.open()), (1, 0), "not kept after exclusive use");
}

#[tokio::test(start_paused = true)]
async fn p37_scopes_that_create_make_progress_or_are_told() {
    for max in [1, 2, 10] {
        let (pool, server) = pool_with(max, |builder| builder.assignment(Assignment::Default));
        let tasks: Vec<_> = (0..30)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move {
                    pool.scope(async {
                        let using = pool.get().await.unwrap();
                        drop(using);
                        let made = pool.create_connection().await;
                        assert!(matches!(made, Ok(_) | Err(Error::WouldDeadlock)));
                        drop(made);
                        pool.get().await.map(drop).unwrap();
                    })
                    .await;
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert!(server.peak() <= max);
    }
}

#[tokio::test(start_paused = true)]
async fn p37_who_holds_all_extras_is_told_at_once() {
    let (pool, _server) = pool(3);
    let _first = pool.create_connection().await.unwrap();
    let second = pool.create_connection().await.unwrap();
    let third = pool.create_connection().await;
    assert!(matches!(third, Err(Error::WouldDeadlock)));
    // Somebody else may wait.
    let other = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.map(drop) }
    });
    settle().await;
    drop(second);
    other.await.unwrap().unwrap();
}

/// Creates a connection, holds it, and does the same again inside, `depth` times; then makes a nameless call.
fn create_nested(
    pool: Pool<Toys>,
    depth: usize,
) -> Pin<Box<dyn Future<Output = Vec<Error<support::ToyError>>> + Send>> {
    Box::pin(async move {
        let inner = pool.clone();
        pool.scope(async move {
            let mut told = inner.get().await.map(drop).err().into_iter().collect::<Vec<_>>();
            if depth > 0 {
                let made = inner.create_connection().await;
                let held = made.map_err(|error| told.push(error));
                told.extend(create_nested(inner.clone(), depth - 1).await);
                drop(held);
            }
            told
        })
        .await
    })
}

#[tokio::test(start_paused = true)]
async fn p37_scopes_that_create_three_deep_end_at_once_in_every_mode_and_quota() {
    for assignment in MODES {
        for max in QUOTAS {
            let (pool, server) =
                pool_with(max, |builder| builder.assignment(assignment).acquire_timeout(None));
            let begun = Instant::now();
            let told = create_nested(pool.clone(), 3).await;
            assert!(begun.elapsed() < Duration::from_secs(1), "{assignment:?} {max}: {:?}", begun.elapsed());
            for error in &told {
                let known = matches!(error, Error::WouldDeadlock | Error::QuotaReservedForMain);
                assert!(known, "{assignment:?} {max}: {error}");
            }
            assert_eq!(told.is_empty(), max == 10, "{assignment:?} {max}: {told:?}");
            // Everything was given back.
            assert!(create_nested(pool.clone(), 0).await.is_empty());
            assert!(server.peak() <= max);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p37_exclusive_holders_that_make_nameless_calls_get_on_or_are_told_in_every_mode_and_quota() {
    for assignment in MODES {
        for max in QUOTAS {
            let (pool, _server) =
                pool_with(max, |builder| builder.assignment(assignment).acquire_timeout(None));
            let Ok(own) = pool.create_connection().await else {
                assert!(max == 1 && assignment != Assignment::Default);
                continue;
            };
            let exclusive = own.exclusive().await.unwrap();
            let nameless = pool.get().await.map(drop);
            if max == 1 {
                assert!(matches!(nameless, Err(Error::WouldDeadlock)), "{assignment:?}: {nameless:?}");
            } else {
                nameless.unwrap();
            }
            // On the connection itself, three deep.
            let named = async {
                let inner = own.get().await.map(drop);
                (inner, own.exclusive().await.map(drop), own.get().await.map(drop))
            };
            let (one, two, three) = named.await;
            for told in [one, two, three] {
                assert!(matches!(told, Err(Error::WouldDeadlock)), "{assignment:?} {max}: {told:?}");
            }
            drop(exclusive);
            own.get().await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p37_p11_futures_that_nobody_polls_stop_nobody_in_any_mode_or_quota() {
    for assignment in MODES {
        for max in QUOTAS {
            let (pool, server) =
                pool_with(max, |builder| builder.assignment(assignment).acquire_timeout(None));
            // Three that are asked for and not heard of again, each kept by a task that is one level deeper, and a nameless call besides.
            let mut kept = Vec::new();
            for _ in 0..3 {
                let pool = pool.clone();
                kept.push(tokio::spawn(async move {
                    let nameless = glance(pool.get()).await;
                    let inner = pool.clone();
                    let creating = tokio::spawn(async move {
                        let mut asked = Box::pin(inner.create_connection());
                        std::future::poll_fn(|cx| {
                            let polled = asked.as_mut().poll(cx);
                            assert!(matches!(polled, Poll::Pending | Poll::Ready(Err(_))));
                            Poll::Ready(())
                        })
                        .await;
                        (asked,)
                    });
                    (nameless, creating.await.unwrap())
                }));
            }
            let mut held = Vec::new();
            for one in kept {
                held.push(one.await.unwrap());
            }
            let begun = Instant::now();
            let pendings: Vec<_> = (0..5)
                .map(|_| {
                    let inner = pool.clone();
                    pool.begin(move |_| nest(inner, 3)).unwrap()
                })
                .collect();
            for pending in pendings {
                assert_eq!(pending.await.unwrap(), 15, "{assignment:?} {max}");
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{assignment:?} {max}: {:?}", begun.elapsed());
            assert!(server.peak() <= max);
            drop(held);
        }
    }
}

/// Two tasks, each with a connection and waiting for another.
fn two_that_wait_for_each_other(
    pool: &Pool<Toys>,
) -> [tokio::task::JoinHandle<Result<(), Error<support::ToyError>>>; 2] {
    let both = Arc::new(tokio::sync::Barrier::new(2));
    [(); 2].map(|()| {
        let (pool, both) = (pool.clone(), Arc::clone(&both));
        tokio::spawn(async move {
            let _held = pool.create_connection().await?;
            both.wait().await;
            pool.create_connection().await.map(drop)
        })
    })
}

/// It can't be told from what the next test does, so nobody is told at once; the deadline ends it, and the error says what it looks like.
#[tokio::test(start_paused = true)]
async fn p37_p10_holders_that_wait_for_each_other_end_by_the_deadline_and_are_told_why() {
    let (pool, _server) = pool(3);
    let begun = Instant::now();
    for told in two_that_wait_for_each_other(&pool) {
        let told = told.await.unwrap();
        let Err(Error::AcquireTimeout(timeout)) = &told else { panic!("{told:?}") };
        assert!(timeout.holders_wait, "{timeout:?}");
        assert!(timeout.to_string().contains("waiting for each other"), "{timeout}");
    }
    assert_eq!(begun.elapsed().as_secs(), 60);
    assert_eq!(pool.waiting(), 0);
    // Somebody who holds one and doesn't wait: that is no such thing.
    let _held = pool.create_connection().await.unwrap();
    let other = pool.clone();
    let held_too = tokio::spawn(async move { other.create_connection().await.unwrap() }).await.unwrap();
    let other = pool.clone();
    let told = tokio::spawn(async move { other.create_connection().await.map(drop) }).await.unwrap();
    let Err(Error::AcquireTimeout(timeout)) = &told else { panic!("{told:?}") };
    assert!(!timeout.holders_wait);
    drop(held_too);
}

#[tokio::test(start_paused = true)]
async fn p37_tasks_whose_branches_hold_and_wait_are_not_taken_for_a_deadlock() {
    let (pool, _server) = pool(3);
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let tasks = [(); 2].map(|()| {
        let (pool, both) = (pool.clone(), Arc::clone(&both));
        tokio::spawn(async move {
            let working = async {
                let held = pool.create_connection().await.unwrap();
                both.wait().await;
                sleep(Duration::from_secs(20)).await;
                drop(held);
            };
            let waiting = async {
                sleep(Duration::from_secs(1)).await;
                pool.create_connection().await.map(drop)
            };
            tokio::join!(working, waiting).1
        })
    });
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}
