//! Giving connections back, keeping them, and closing.

mod support;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use mail_pool::Error;
use support::{pool, pool_with, settle};
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn p16_close_logs_out_and_returns_when_it_is_done() {
    let (pool, server) = pool(3);
    let connection = pool.create_connection().await.unwrap();
    connection.close().await;
    assert_eq!((server.logouts(), server.open()), (1, 0));
    assert_eq!(pool.status().counts.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn p16_a_dead_peer_holds_up_a_close_for_five_seconds() {
    let (pool, server) = pool(3);
    pool.manager().close_gate.shut();
    let connection = pool.create_connection().await.unwrap();
    let begun = Instant::now();
    connection.close().await;
    assert_eq!(begun.elapsed().as_secs(), 5);
    assert_eq!((server.logouts(), server.open()), (0, 0), "it was cut");
}

#[test]
fn p17_a_handle_can_be_dropped_outside_a_runtime_and_its_socket_is_closed() {
    let (pool, server) = pool(3);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let connection = runtime.block_on(pool.create_connection()).unwrap();
    let using = runtime.block_on(connection.get()).unwrap();
    using.taint();
    drop(runtime);
    drop(using);
    drop(connection);
    assert_eq!(server.open(), 0);
    assert_eq!(pool.status().counts.open(), 0);
    // And the pool works on, on another runtime.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async { pool.create_connection().await.map(drop) }).unwrap();
}

#[tokio::test(start_paused = true)]
async fn p17_the_slot_comes_back_from_a_panic_and_an_abort() {
    let (pool, _server) = pool(2);
    let panics = tokio::spawn({
        let pool = pool.clone();
        async move {
            let _held = pool.create_connection().await.unwrap();
            panic!("on purpose");
        }
    });
    assert!(panics.await.is_err());
    let aborted = tokio::spawn({
        let pool = pool.clone();
        async move {
            let _held = pool.create_connection().await.unwrap();
            std::future::pending::<()>().await;
        }
    });
    settle().await;
    aborted.abort();
    pool.create_connection().await.unwrap();
}

/// Drops what it was given when it is woken.
struct Drops<T>(Mutex<Option<T>>);

impl<T: Send> Wake for Drops<T> {
    fn wake(self: Arc<Self>) {
        let dropped = self.0.lock().unwrap().take();
        drop(dropped);
    }
}

#[tokio::test(start_paused = true)]
async fn p17_a_guard_can_be_dropped_inside_a_callback_of_the_pool() {
    // In the source of contexts, which the pool asks who is calling; and in a waker, which it wakes.
    let stash: Arc<Mutex<Option<mail_pool::Connection<support::Toys>>>> = Arc::default();
    let source = Arc::clone(&stash);
    let (pool, server) = pool_with(3, |builder| {
        builder.context_source(move || {
            let dropped = source.lock().unwrap().take();
            drop(dropped);
            mail_pool::Context::current()
        })
    });
    let first = pool.create_connection().await.unwrap();
    *stash.lock().unwrap() = Some(first);
    let first = pool.create_connection().await.unwrap();
    assert_eq!(server.dials(), 1, "what the callback gave back was at hand");

    let second = pool.create_connection().await.unwrap();
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move {
            let mut asked = Box::pin(pool.create_connection());
            let waker = Waker::from(Arc::new(Drops(Mutex::new(Some(second)))));
            assert!(asked.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            (asked,)
        }
    });
    let (asked,) = waiting.await.unwrap();
    // Wakes the one who waits, and so gives the second back, too.
    drop(first);
    assert_eq!(pool.status().counts.idle, 1);
    tokio::spawn(asked).await.unwrap().unwrap();
    assert_eq!((server.peak(), pool.waiting()), (2, 0));
}

#[test]
fn p17_a_guard_can_be_dropped_while_its_runtime_shuts_down() {
    let (pool, server) = pool(3);
    for flavour in 0..2 {
        let runtime = match flavour {
            0 => tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            _ => tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap(),
        };
        let kept = pool.clone();
        // The task holds it until the runtime drops the task.
        let (ready, is_ready) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            let held = kept.create_connection().await.unwrap();
            let using = held.get().await.unwrap();
            using.taint();
            ready.send(()).unwrap();
            std::future::pending::<()>().await;
            drop((using, held));
        });
        runtime.block_on(async {
            while is_ready.try_recv().is_err() {
                tokio::task::yield_now().await;
            }
        });
        drop(runtime);
        assert_eq!((server.open(), pool.status().counts.open()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn p18_released_extras_stay_warm_for_the_idle_timeout() {
    let (pool, server) = pool(3);
    drop(pool.create_connection().await.unwrap());
    sleep(Duration::from_secs(5)).await;
    drop(pool.create_connection().await.unwrap());
    assert_eq!(server.dials(), 1);
    sleep(Duration::from_secs(29)).await;
    assert_eq!(server.open(), 1);
    sleep(Duration::from_secs(2)).await;
    assert_eq!((server.open(), server.logouts()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn p18_an_idle_timeout_of_zero_closes_at_release() {
    let (pool, server) = pool_with(3, |builder| builder.idle_timeout(Duration::ZERO));
    drop(pool.create_connection().await.unwrap());
    settle().await;
    assert_eq!((server.open(), server.logouts()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn p18_a_warm_connection_is_handed_out_before_anything_is_dialled() {
    let (pool, server) = pool(5);
    let first = pool.create_connection().await.unwrap();
    drop(first);
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.create_connection().await.map(drop) })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(server.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn p19_idle_for_long_is_checked_first() {
    let (pool, server) = pool(3);
    drop(pool.create_connection().await.unwrap());
    sleep(Duration::from_secs(14)).await;
    drop(pool.create_connection().await.unwrap());
    assert_eq!(server.checks(), 0);
    sleep(Duration::from_secs(16)).await;
    drop(pool.create_connection().await.unwrap());
    assert_eq!((server.checks(), server.dials()), (1, 1));
    pool.manager().check_fails.store(true, Ordering::SeqCst);
    sleep(Duration::from_secs(16)).await;
    drop(pool.create_connection().await.unwrap());
    assert_eq!((server.checks(), server.dials()), (2, 2), "the one that failed its check was replaced");
}

#[tokio::test(start_paused = true)]
async fn p19_the_same_holds_for_main_and_for_a_handle_kept_long() {
    let (pool, server) = pool(3);
    drop(pool.main().await.unwrap());
    sleep(Duration::from_secs(14)).await;
    drop(pool.main().await.unwrap());
    assert_eq!(server.checks(), 0);
    sleep(Duration::from_secs(16)).await;
    let (first, second) = tokio::join!(pool.main(), pool.main());
    assert_eq!(first.unwrap().id(), second.unwrap().id());
    assert_eq!(server.checks(), 1, "one check for both");

    let handle = pool.create_connection().await.unwrap();
    sleep(Duration::from_secs(16)).await;
    pool.manager().check_fails.store(true, Ordering::SeqCst);
    let number = handle.get().await.unwrap().id();
    assert_eq!((server.checks(), server.dials(), number), (2, 3, 3));
    settle().await;
    assert_eq!(server.open(), 2);
}

#[tokio::test(start_paused = true)]
async fn p19_one_in_use_is_not_checked() {
    let (pool, server) = pool(3);
    let _reading = pool.main().await.unwrap();
    sleep(Duration::from_secs(100)).await;
    pool.main().await.unwrap();
    assert_eq!(server.checks(), 0);
}

#[tokio::test(start_paused = true)]
async fn p19_a_silent_peer_holds_up_a_check_for_its_time_only() {
    let (pool, server) = pool(3);
    drop(pool.create_connection().await.unwrap());
    sleep(Duration::from_secs(16)).await;
    pool.manager().check_gate.shut();
    let begun = Instant::now();
    pool.create_connection().await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert_eq!(server.dials(), 2);
}

#[tokio::test(start_paused = true)]
async fn p19_a_broken_one_is_never_handed_out() {
    let (pool, server) = pool(3);
    let connection = pool.create_connection().await.unwrap();
    connection.get().await.unwrap().break_it();
    drop(connection);
    assert_eq!(server.open(), 0);
    let connection = pool.create_connection().await.unwrap();
    let using = connection.get().await.unwrap();
    drop(connection);
    using.break_it();
    drop(using);
    assert_eq!(server.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn p19_what_the_last_user_left_is_cleared_or_the_connection_closed() {
    let (pool, server) = pool(2);
    let connection = pool.create_connection().await.unwrap();
    connection.get().await.unwrap().dirty.store(true, Ordering::SeqCst);
    drop(connection);
    let connection = pool.create_connection().await.unwrap();
    let using = connection.get().await.unwrap();
    assert!(!using.dirty.load(Ordering::SeqCst));
    assert_eq!(server.dials(), 1);

    using.dirty.store(true, Ordering::SeqCst);
    using.unusable.store(true, Ordering::SeqCst);
    drop((using, connection));
    let connection = pool.create_connection().await.unwrap();
    assert_eq!((server.dials(), server.logouts()), (2, 1));

    connection.get().await.unwrap().taint();
    drop(connection);
    pool.create_connection().await.unwrap();
    assert_eq!((server.dials(), server.logouts()), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn p29_a_handle_keeps_its_slot_when_its_connection_dies() {
    let (pool, server) = pool(2);
    let handle = pool.create_connection().await.unwrap();
    handle.get().await.unwrap().break_it();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.map(drop) }
    });
    settle().await;
    let (first, second) = tokio::join!(handle.get(), handle.get());
    assert_eq!((first.unwrap().id(), second.unwrap().id()), (2, 2));
    assert_eq!(server.dials(), 2);
    assert!(!waiter.is_finished());
    drop(handle);
    waiter.await.unwrap().unwrap();
    assert_eq!(server.peak(), 1);
}

#[tokio::test(start_paused = true)]
async fn p21_closing_tells_waiters_and_lets_running_work_finish() {
    let (pool, server) = pool(3);
    let main = pool.main().await.unwrap();
    let held = pool.create_connection().await.unwrap();
    let other = pool.create_connection().await.unwrap();
    drop(pool.clone());
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.map(drop) }
    });
    settle().await;
    let worker = tokio::spawn(async move {
        sleep(Duration::from_secs(2)).await;
        assert!(!main.is_broken());
        drop((main, held));
    });
    drop(other);
    let begun = Instant::now();
    pool.close().await;
    assert_eq!(begun.elapsed().as_secs(), 2);
    worker.await.unwrap();
    let told = waiter.await.unwrap();
    assert!(matches!(told, Ok(()) | Err(Error::Closed)));
    assert_eq!((server.open(), server.logouts()), (0, 3));
    assert!(matches!(pool.main().await, Err(Error::Closed)));
    assert!(matches!(pool.create_connection().await, Err(Error::Closed)));
}

#[tokio::test(start_paused = true)]
async fn p21_what_has_not_ended_within_the_grace_period_is_cut() {
    let (pool, server) = pool(3);
    let main = pool.main().await.unwrap();
    let held = pool.create_connection().await.unwrap();
    let using = held.get().await.unwrap();
    let begun = Instant::now();
    pool.close().await;
    assert_eq!(begun.elapsed().as_secs(), 5);
    settle().await;
    assert!(main.is_broken() && using.is_broken());
    assert!(matches!(held.get().await, Err(Error::Closed)));
    drop((main, using, held));
    settle().await;
    assert_eq!((server.open(), server.logouts()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn p21_nothing_says_goodbye_any_more_once_the_pool_is_closed() {
    let (pool, server) = pool(3);
    drop((pool.main().await.unwrap(), pool.create_connection().await.unwrap()));
    pool.manager().close_gate.shut();
    pool.close().await;
    assert_eq!((pool.status().counts.open(), server.open()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn p21_a_handle_that_is_kept_for_later_holds_nothing_up() {
    let (pool, server) = pool(3);
    let held = pool.create_connection().await.unwrap();
    drop(held.get().await.unwrap());
    let begun = Instant::now();
    pool.close().await;
    assert_eq!((begun.elapsed().as_secs(), server.open(), server.logouts()), (0, 0, 1));
    assert!(matches!(held.get().await, Err(Error::Closed)));
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn p21_a_dial_under_way_ends_with_the_pool() {
    let (pool, server) = pool(3);
    pool.manager().connect_gate.shut();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.main().await.map(drop) }
    });
    settle().await;
    assert_eq!(server.open(), 1);
    pool.close().await;
    assert!(matches!(waiter.await.unwrap(), Err(Error::Closed)));
    assert_eq!(server.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn p21_dropping_the_last_clone_closes_in_the_background() {
    let (pool, server) = pool(3);
    drop(pool.main().await.unwrap());
    drop(pool.create_connection().await.unwrap());
    assert_eq!(server.open(), 2);
    drop(pool);
    settle().await;
    assert_eq!((server.open(), server.logouts()), (0, 2));
}

#[test]
fn p21_without_a_runtime_the_sockets_are_closed() {
    let (pool, server) = pool(3);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        drop(pool.main().await.unwrap());
        drop(pool.create_connection().await.unwrap());
    });
    drop(runtime);
    drop(pool);
    assert_eq!(server.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn lifetimes_end_at_release() {
    let (pool, server) = pool_with(3, |builder| builder.max_lifetime(Some(Duration::from_secs(10))));
    let held = pool.create_connection().await.unwrap();
    sleep(Duration::from_secs(20)).await;
    assert_eq!(server.open(), 1);
    drop(held);
    settle().await;
    assert_eq!((server.open(), server.logouts()), (0, 1));
    drop(pool.create_connection().await.unwrap());
    sleep(Duration::from_secs(15)).await;
    assert_eq!(server.open(), 0, "and while idle");
}

#[tokio::test(start_paused = true)]
async fn p21_nothing_is_left_of_a_pool_whatever_outlives_it() {
    for outlives in 0..4 {
        let (pool, server) = pool(4);
        drop(pool.main().await.unwrap());
        drop(pool.create_connection().await.unwrap());
        let handle = pool.create_connection().await.unwrap();
        let using = handle.get().await.unwrap();
        let checked_out = pool.checkout().await.unwrap();
        let waiting = glance(pool.create_connection()).await;
        match outlives {
            0 => drop((waiting, checked_out, using, handle, pool)),
            1 => drop((pool, waiting, checked_out, using, handle)),
            2 => {
                drop((pool, waiting));
                sleep(Duration::from_secs(2)).await;
                drop((handle, checked_out, using));
            }
            _ => {
                drop(pool);
                sleep(Duration::from_secs(20)).await;
                drop((using, handle, checked_out, waiting));
            }
        }
        sleep(Duration::from_secs(20)).await;
        assert_eq!(server.open(), 0, "case {outlives}");
        assert_eq!(Arc::strong_count(&server), 1, "case {outlives}: the manager is still there");
    }
}

#[test]
fn p21_nothing_is_left_of_a_pool_that_outlives_its_runtime() {
    let (pool, server) = pool(4);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (checked_out, handle) = runtime.block_on(async {
        drop(pool.main().await.unwrap());
        drop(pool.create_connection().await.unwrap());
        (pool.checkout().await.unwrap(), pool.create_connection().await.unwrap())
    });
    drop(runtime);
    drop(pool);
    drop((checked_out, handle));
    assert_eq!((server.open(), Arc::strong_count(&server)), (0, 1));
}

/// Polls a future once and keeps it.
async fn glance<F: Future>(future: F) -> std::pin::Pin<Box<F>> {
    let mut future = Box::pin(future);
    std::future::poll_fn(|cx| {
        let _ = future.as_mut().poll(cx);
        std::task::Poll::Ready(())
    })
    .await;
    future
}

#[tokio::test(start_paused = true)]
async fn p19_time_in_use_is_not_time_idle() {
    let (pool, server) = pool(3);
    let handle = pool.create_connection().await.unwrap();
    for _ in 0..2 {
        let (main, own) = (pool.main().await.unwrap(), handle.get().await.unwrap());
        sleep(Duration::from_secs(20)).await;
        drop((main, own));
    }
    assert_eq!(server.checks(), 0);
}

#[tokio::test(start_paused = true)]
async fn p21_a_check_that_hangs_is_cut_when_the_grace_period_is_over_however_the_pool_ends() {
    for dropped in [false, true] {
        let (pool, server) = pool_with(3, |builder| builder.check_timeout(Duration::from_secs(99)));
        let handle = pool.create_connection().await.unwrap();
        sleep(Duration::from_secs(16)).await;
        pool.manager().check_gate.shut();
        let waiting = tokio::time::timeout(Duration::from_secs(1), handle.get()).await;
        assert!(waiting.is_err());
        assert_eq!((server.checks(), server.open()), (1, 1));
        if dropped {
            drop(pool)
        } else {
            pool.close().await
        }
        sleep(Duration::from_secs(6)).await;
        assert_eq!((server.cuts.load(Ordering::SeqCst), server.open()), (1, 0), "{dropped}");
    }
}
