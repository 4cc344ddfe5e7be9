//! Small cases in all the orders that a model checker comes up with: the lock, the wake-ups and the background tasks are the checker's, so that
//! a lost wake-up shows as a deadlock, and a race as a broken promise.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use shuttle::future::{block_on, spawn};

use crate::{Assignment, Attempt, Class, Context, Error, Manager, Pool};

/// Counts what is open.
#[derive(Default)]
struct Server {
    open: AtomicUsize,
    peak: AtomicUsize,
}

struct Toys(Arc<Server>);

struct Toy {
    server: Arc<Server>,
    broken: crate::sync::AtomicBool,
}

impl Drop for Toy {
    fn drop(&mut self) {
        self.server.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Manager for Toys {
    type Connection = Toy;
    type Error = Infallible;

    async fn connect(&self, _: Attempt) -> Result<Toy, Infallible> {
        let open = self.0.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.peak.fetch_max(open, Ordering::SeqCst);
        let toy = Toy { server: Arc::clone(&self.0), broken: crate::sync::AtomicBool::new(false) };
        shuttle::future::yield_now().await;
        Ok(toy)
    }

    fn is_broken(&self, toy: &Toy) -> bool {
        toy.broken.load(Ordering::SeqCst)
    }

    async fn check(&self, _: &Toy) -> Result<(), Infallible> {
        Ok(())
    }

    async fn close(&self, toy: Toy) {
        shuttle::future::yield_now().await;
        drop(toy);
    }

    fn classify(&self, error: &Infallible) -> Class {
        match *error {}
    }

    fn connect_timed_out(&self, _: Duration) -> Infallible {
        unreachable!("time stands still")
    }

    fn cut(&self, toy: &Toy) {
        toy.broken.store(true, Ordering::SeqCst);
    }
}

fn pool(assignment: Assignment, max: usize) -> (Pool<Toys>, Arc<Server>) {
    let server = Arc::new(Server::default());
    let pool = Pool::builder(Toys(Arc::clone(&server)))
        .assignment(assignment)
        .max_connections(max)
        // Each of the checker's tasks is a context of its own.
        .context_source(|| Context::custom(usize::from(shuttle::current::me()) as u64))
        .build()
        .unwrap();
    (pool, server)
}

/// Closes the pool; then nothing is open any more, and no background task is left over, which the checker could not clear away.
fn finish(pool: Pool<Toys>, server: &Server) {
    block_on(pool.close());
    assert_eq!(server.open.load(Ordering::SeqCst), 0);
    assert_eq!(pool.waiting(), 0);
}

/// Many schedules of a case, chosen at random and by the places where preemptions matter most.
fn check(case: impl Fn() + Send + Sync + 'static) {
    let case = Arc::new(case);
    let again = Arc::clone(&case);
    shuttle::check_random(move || case(), 400);
    shuttle::check_pct(move || again(), 400, 3);
}

/// Polls a future once and drops it.
async fn glance<F: Future>(future: F) {
    let mut future = Box::pin(future);
    std::future::poll_fn(|cx| {
        let _ = future.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}

#[test]
fn acquire_and_release_and_cancel() {
    check(|| {
        let (pool, server) = pool(Assignment::Default, 1);
        let users: Vec<_> = (0..3)
            .map(|n| {
                let pool = pool.clone();
                spawn(async move {
                    if n == 1 {
                        glance(pool.create_connection()).await;
                    }
                    let held = pool.create_connection().await.unwrap();
                    held.get().await.map(drop).unwrap();
                })
            })
            .collect();
        block_on(async {
            for user in users {
                user.await.unwrap();
            }
        });
        assert_eq!(server.peak.load(Ordering::SeqCst), 1);
        finish(pool, &server);
    });
}

#[test]
fn a_waiter_cancelled_while_he_is_served() {
    check(|| {
        let (pool, server) = pool(Assignment::Default, 1);
        let held = block_on(pool.create_connection()).unwrap();
        let (first, second) = (pool.clone(), pool.clone());
        let cancelled = spawn(async move { glance(first.checkout()).await });
        let served = spawn(async move { second.checkout().await.map(drop) });
        let holder = spawn(async move { drop(held) });
        block_on(async {
            cancelled.await.unwrap();
            holder.await.unwrap();
            served.await.unwrap().unwrap();
        });
        finish(pool, &server);
    });
}

#[test]
fn close_amid_everything() {
    check(|| {
        let (pool, server) = pool(Assignment::MainOrDefault, 2);
        let users: Vec<_> = (0..3)
            .map(|n| {
                let pool = pool.clone();
                spawn(async move {
                    let outcome = match n {
                        0 => pool.main().await.map(drop),
                        1 => pool.checkout().await.map(drop),
                        _ => pool.create_connection().await.map(drop),
                    };
                    assert!(matches!(outcome, Ok(()) | Err(Error::Closed)));
                })
            })
            .collect();
        block_on(async {
            pool.close().await;
            for user in users {
                user.await.unwrap();
            }
        });
        assert!(matches!(block_on(pool.main()), Err(Error::Closed)));
        assert!(server.peak.load(Ordering::SeqCst) <= 2);
        finish(pool, &server);
    });
}

#[test]
fn close_says_goodbye_to_all() {
    check(|| {
        let (pool, server) = pool(Assignment::MainOrDefault, 2);
        let user = spawn({
            let pool = pool.clone();
            async move {
                let main = pool.main().await;
                let held = pool.create_connection().await;
                drop((main, held));
            }
        });
        block_on(async {
            pool.close().await;
            user.await.unwrap();
        });
        finish(pool, &server);
    });
}

#[test]
fn resize_amid_everything() {
    check(|| {
        let (pool, server) = pool(Assignment::MainOrDefault, 3);
        let users: Vec<_> = (0..3)
            .map(|_| {
                let pool = pool.clone();
                spawn(async move {
                    let outcome = pool.create_connection().await.map(drop);
                    assert!(matches!(outcome, Ok(()) | Err(Error::QuotaReservedForMain)), "{outcome:?}");
                })
            })
            .collect();
        let resized = spawn({
            let pool = pool.clone();
            async move {
                pool.set_max_connections(1).unwrap();
                shuttle::future::yield_now().await;
                pool.set_max_connections(2).unwrap();
            }
        });
        block_on(async {
            for user in users {
                user.await.unwrap();
            }
            resized.await.unwrap();
            pool.main().await.map(drop).unwrap();
        });
        assert!(server.peak.load(Ordering::SeqCst) <= 3);
        finish(pool, &server);
    });
}

#[test]
fn main_breaks_under_its_users() {
    check(|| {
        let (pool, server) = pool(Assignment::Main, 1);
        let users: Vec<_> = (0..3)
            .map(|n| {
                let pool = pool.clone();
                spawn(async move {
                    let main = pool.main().await.unwrap();
                    if n == 0 {
                        main.broken.store(true, Ordering::SeqCst);
                    }
                    drop(main);
                    pool.get().await.map(drop).unwrap();
                })
            })
            .collect();
        block_on(async {
            for user in users {
                user.await.unwrap();
            }
        });
        finish(pool, &server);
    });
}

#[test]
fn a_handle_is_dropped_while_its_connection_is_used_and_redialled() {
    check(|| {
        let (pool, server) = pool(Assignment::Default, 1);
        let handle = Arc::new(block_on(pool.create_connection()).unwrap());
        let users: Vec<_> = (0..2)
            .map(|_| {
                let handle = Arc::clone(&handle);
                spawn(async move {
                    let using = handle.get().await.unwrap();
                    drop(handle);
                    using.broken.store(true, Ordering::SeqCst);
                })
            })
            .collect();
        drop(handle);
        let next = spawn({
            let pool = pool.clone();
            async move { pool.create_connection().await.map(drop) }
        });
        block_on(async {
            for user in users {
                user.await.unwrap();
            }
            next.await.unwrap().unwrap();
        });
        finish(pool, &server);
    });
}

#[test]
fn branches_make_one_automatic_default() {
    check(|| {
        let server = Arc::new(Server::default());
        let pool = Pool::builder(Toys(Arc::clone(&server)))
            .assignment(Assignment::Default)
            .max_connections(1)
            .context_source(|| Context::custom(1))
            .build()
            .unwrap();
        let users: Vec<_> = (0..3)
            .map(|n| {
                let pool = pool.clone();
                spawn(async move {
                    if n == 0 {
                        glance(pool.get()).await;
                    }
                    pool.get().await.map(drop)
                })
            })
            .collect();
        block_on(async {
            for user in users {
                user.await.unwrap().unwrap();
            }
        });
        assert_eq!(server.peak.load(Ordering::SeqCst), 1);
        finish(pool, &server);
    });
}
