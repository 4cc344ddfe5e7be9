//! Whose default connection is whose.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mail_pool::{Assignment, Caller, Context, Error, Kind, Pool};
use support::{Server, Toys, pool, pool_with, settle};
use tokio::time::sleep;

async fn number(pool: &Pool<Toys>) -> u64 {
    pool.get().await.unwrap().id()
}

#[tokio::test(start_paused = true)]
async fn p01_p02_a_named_call_runs_where_it_says_and_an_independent_one_serves_no_other() {
    for assignment in [Assignment::MainOrDefault, Assignment::Main, Assignment::Default] {
        let (pool, _server) = pool_with(5, |builder| builder.assignment(assignment));
        let independent = pool.create_connection().await.unwrap();
        let id = independent.get().await.unwrap().id();
        assert_ne!(number(&pool).await, id, "{assignment:?}");
        assert_eq!(independent.get().await.unwrap().id(), id);
        assert_eq!(independent.kind(), Kind::Independent);
    }
}

#[tokio::test(start_paused = true)]
async fn p04_one_default_for_each_context_of_each_client() {
    let (first, _server) = pool(5);
    let (second, _other) = pool(5);
    let own = first.create_default_connection().await.unwrap();
    assert!(matches!(first.create_default_connection().await, Err(Error::DefaultExists)));
    let there = second.create_default_connection().await.unwrap();
    assert_eq!(number(&first).await, own.get().await.unwrap().id());
    assert_eq!(number(&second).await, there.get().await.unwrap().id());
    let elsewhere = tokio::spawn({
        let pool = first.clone();
        async move {
            assert_eq!(pool.get().await.unwrap().kind(), Kind::Main);
            let own = pool.create_default_connection().await.unwrap();
            (number(&pool).await, own.get().await.unwrap().id())
        }
    });
    let (nameless, theirs) = elsewhere.await.unwrap();
    assert_eq!(nameless, theirs);
    drop(own);
    assert_eq!(first.get().await.unwrap().kind(), Kind::Main);
    let _again = first.create_default_connection().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn p04_defaults_by_hand_are_forbidden_in_the_other_modes() {
    for assignment in [Assignment::Main, Assignment::Default] {
        let (pool, _server) = pool_with(5, |builder| builder.assignment(assignment));
        assert!(matches!(pool.create_default_connection().await, Err(Error::DefaultForbidden)));
    }
}

#[tokio::test(start_paused = true)]
async fn p04_a_creation_given_up_leaves_no_trace() {
    let (pool, _server) = pool(5);
    pool.manager().connect_gate.shut();
    {
        let mut making = Box::pin(pool.create_default_connection());
        tokio::select! {
            biased;
            _ = &mut making => unreachable!(),
            () = settle() => {}
        }
        assert!(matches!(pool.create_default_connection().await, Err(Error::DefaultExists)));
    }
    pool.manager().connect_gate.let_pass(9);
    pool.create_default_connection().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn p20_the_guards_drop_gives_the_default_back_wherever_that_is() {
    let (pool, _server) = pool(2);
    let guard = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_default_connection().await.unwrap() }
    })
    .await
    .unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.map(drop) }
    });
    settle().await;
    assert!(!waiter.is_finished());
    std::thread::spawn(move || drop(guard)).join().unwrap();
    waiter.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn p20_an_idle_automatic_default_is_kept_for_its_owner_until_somebody_waits() {
    let (pool, server) = pool_with(2, |builder| builder.assignment(Assignment::Default));
    let mine = number(&pool).await;
    assert_eq!(number(&pool).await, mine);
    // Somebody else gets one of his own while there is room.
    let theirs = tokio::spawn({
        let pool = pool.clone();
        async move { number(&pool).await }
    });
    assert_ne!(theirs.await.unwrap(), mine);
    assert_eq!(number(&pool).await, mine);
    assert_eq!(server.dials(), 2);
    // A third takes back what lies idle.
    let (one, two) = (pool.create_connection().await.unwrap(), pool.clone());
    let last = tokio::spawn(async move { two.create_connection().await.unwrap() }).await.unwrap();
    assert_eq!(server.dials(), 2);
    let owner = tokio::spawn({
        let pool = pool.clone();
        async move { number(&pool).await }
    });
    settle().await;
    assert!(!owner.is_finished());
    drop((one, last));
    owner.await.unwrap();
    assert_eq!((server.dials(), server.peak()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn p20_an_owner_with_an_idle_default_waits_for_nobodys_dial() {
    let (pool, server) = pool_with(5, |builder| builder.assignment(Assignment::Default));
    let mine = number(&pool).await;
    pool.manager().connect_gate.shut();
    let newcomer = tokio::spawn({
        let pool = pool.clone();
        async move { number(&pool).await }
    });
    sleep(Duration::from_millis(20)).await;
    assert_eq!((server.dials(), pool.waiting()), (2, 1));
    assert_eq!(number(&pool).await, mine, "at once, and the same");
    assert_eq!(server.dials(), 2);
    // Given back while somebody waits, it is taken back for him: the dial is for whoever comes next.
    assert_eq!(newcomer.await.unwrap(), mine);
    pool.manager().connect_gate.let_pass(1);
    assert_ne!(number(&pool).await, mine);
}

#[tokio::test(start_paused = true)]
async fn p20_an_automatic_default_in_use_is_not_taken_back() {
    let (pool, _server) = pool_with(1, |builder| builder.assignment(Assignment::Default));
    let using = pool.get().await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.create_connection().await.map(drop) }
    });
    settle().await;
    assert!(!waiter.is_finished());
    assert_eq!(number(&pool).await, using.id());
    drop(using);
    waiter.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn p20_a_scope_gives_the_automatic_default_back() {
    let (pool, server) = pool_with(3, |builder| builder.assignment(Assignment::Default));
    let first = pool.scope(number(&pool)).await;
    assert_eq!(pool.status().counts.idle, 1);
    // It belongs to nobody now: another context gets it although there is room for a new one.
    let other = tokio::spawn({
        let pool = pool.clone();
        async move { number(&pool).await }
    });
    assert_eq!(other.await.unwrap(), first);
    assert_eq!(server.dials(), 1);
    assert_eq!(pool.scope_blocking(|| 3), 3);
}

#[tokio::test(start_paused = true)]
async fn p32_branches_of_one_task_share_and_children_dont() {
    for assignment in [Assignment::MainOrDefault, Assignment::Default] {
        let (pool, _server) = pool_with(5, |builder| builder.assignment(assignment));
        let _guard = match assignment {
            Assignment::MainOrDefault => Some(pool.create_default_connection().await.unwrap()),
            _ => None,
        };
        let (one, two, three) = tokio::join!(number(&pool), number(&pool), number(&pool));
        assert_eq!((one, two), (two, three));
        let child = tokio::spawn({
            let pool = pool.clone();
            async move { number(&pool).await }
        });
        assert_ne!(child.await.unwrap(), one, "{assignment:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn p32_branches_share_the_one_that_is_being_made_with_a_quota_of_one() {
    let (pool, server) = pool_with(1, |builder| builder.assignment(Assignment::Default));
    let (one, two) = tokio::join!(number(&pool), number(&pool));
    assert_eq!((one, server.dials()), (two, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p32_a_task_keeps_its_default_across_worker_threads() {
    let (pool, _server) = pool(9);
    let all_have_one = Arc::new(tokio::sync::Barrier::new(6));
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let (pool, all_have_one) = (pool.clone(), Arc::clone(&all_have_one));
            tokio::spawn(async move {
                let own = pool.create_default_connection().await.unwrap();
                all_have_one.wait().await;
                let id = own.get().await.unwrap().id();
                for _ in 0..200 {
                    tokio::task::yield_now().await;
                    assert_eq!(number(&pool).await, id);
                }
                id
            })
        })
        .collect();
    let mut ids = Vec::new();
    for task in tasks {
        ids.push(task.await.unwrap());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}

#[test]
fn p30_threads_are_contexts_and_two_jobs_on_one_thread_never_share() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (pool, _server) = pool_with(5, |builder| builder.assignment(Assignment::Default));
    let handle = runtime.handle().clone();
    // Plain threads.
    let in_thread = |pool: Pool<Toys>| {
        let handle = handle.clone();
        std::thread::spawn(move || {
            let first = handle.block_on(number(&pool));
            assert_eq!(handle.block_on(number(&pool)), first);
            first
        })
    };
    let first = in_thread(pool.clone()).join().unwrap();
    // The thread's end gave it back, so the next thread is given the same one.
    let second = in_thread(pool.clone()).join().unwrap();
    assert_eq!(first, second);

    // Two jobs on the one blocking thread are two contexts.
    let job = |pool: Pool<Toys>| {
        let handle = handle.clone();
        runtime.spawn_blocking(move || (Context::current(), handle.block_on(number(&pool))))
    };
    let (one, two) = (job(pool.clone()), job(pool));
    let (one, two) = runtime.block_on(async { (one.await.unwrap(), two.await.unwrap()) });
    assert_ne!(one.0, two.0);
    assert_ne!(one.1, two.1, "the first job's default is not the second's");
}

#[test]
fn p31_the_creator_keeps_to_main_wherever_it_builds() {
    fn build() -> Pool<Toys> {
        Pool::builder(Toys::new(&Server::new())).main_for_creator(true).build().unwrap()
    }
    async fn refused(pool: &Pool<Toys>) {
        assert!(matches!(pool.create_connection().await, Err(Error::CreatorContext)));
        assert!(matches!(pool.create_default_connection().await, Err(Error::CreatorContext)));
        assert!(pool.get().await.is_ok());
        let other = pool.clone();
        tokio::spawn(async move { other.create_connection().await.map(drop) }).await.unwrap().unwrap();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    // In the body of main, in a task, on a plain thread.
    runtime.block_on(async { refused(&build()).await });
    runtime.block_on(runtime.spawn(async { refused(&build()).await })).unwrap();
    let handle = runtime.handle().clone();
    std::thread::spawn(move || {
        let pool = build();
        handle.block_on(refused(&pool));
    })
    .join()
    .unwrap();
    // In a LocalSet.
    runtime.block_on(async {
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async { tokio::task::spawn_local(async { refused(&build()).await }).await.unwrap() })
            .await;
    });
    // In a blocking job: the next one is another context.
    let pool = runtime.block_on(async { tokio::task::spawn_blocking(build).await.unwrap() });
    runtime.block_on(async { pool.create_connection().await.map(drop) }).unwrap();
}

#[tokio::test(start_paused = true)]
async fn p32_a_recycled_key_never_finds_an_old_entry() {
    let key = Arc::new(AtomicU64::new(7));
    let source = Arc::clone(&key);
    let (pool, _server) = pool_with(5, |builder| {
        builder.context_source(move || Context::custom(source.load(Ordering::SeqCst)))
    });
    let guard = pool.create_default_connection().await.unwrap();
    key.store(8, Ordering::SeqCst);
    assert_eq!(pool.get().await.unwrap().kind(), Kind::Main);
    drop(guard);
    key.store(7, Ordering::SeqCst);
    assert_eq!(pool.get().await.unwrap().kind(), Kind::Main, "the old default is not found");
    let again = pool.create_default_connection().await.unwrap();
    assert_eq!(number(&pool).await, again.get().await.unwrap().id());
}

#[tokio::test(start_paused = true)]
async fn p20_contexts_that_end_leave_nothing_behind() {
    let (pool, server) = pool_with(4, |builder| builder.assignment(Assignment::Default));
    for _ in 0..1000 {
        let pool = pool.clone();
        tokio::spawn(async move { number(&pool).await }).await.unwrap();
    }
    assert!(server.dials() <= 4);
    assert_eq!(pool.status().counts.open(), 4);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(pool.status().counts.open(), 0);
}

#[test]
fn p24_p30_work_on_another_thread_can_go_on_in_the_callers_name() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (pool, _server) = pool_with(3, |builder| builder.runtime(runtime.handle().clone()));
    // On a thread that acts for a begun operation, nameless calls run on the operation's connection, and it is the operation that holds it.
    let (inner, handle) = (pool.clone(), runtime.handle().clone());
    let pending = pool.begin(move |operation| async move {
        let own = operation.get().await.unwrap().id();
        let caller = Caller::current();
        let (context, there) = std::thread::spawn(move || {
            let there = caller.run(|| (Context::current(), handle.block_on(number(&inner))));
            assert!(Context::current().is_thread(), "it acts no longer");
            assert_ne!(handle.block_on(number(&inner)), there.1);
            there
        })
        .join()
        .unwrap();
        (own == there, context == Context::current())
    });
    let pending = pending.unwrap();
    assert_eq!(runtime.block_on(pending).unwrap(), (true, true));

    // What is acted for another thread ends with that one, not with the one that acts.
    let (pool, _server) =
        pool_with(3, |builder| builder.assignment(Assignment::Default).runtime(runtime.handle().clone()));
    let caller = Caller::current();
    let there = std::thread::spawn({
        let (pool, handle) = (pool.clone(), runtime.handle().clone());
        move || caller.run(|| handle.block_on(number(&pool)))
    });
    let there = there.join().unwrap();
    let (other, handle) = (pool.clone(), runtime.handle().clone());
    assert_ne!(std::thread::spawn(move || handle.block_on(number(&other))).join().unwrap(), there);
    assert_eq!(runtime.block_on(number(&pool)), there);
}

#[tokio::test(start_paused = true)]
async fn p16_closing_a_default_logs_it_out_and_frees_its_context() {
    let (pool, server) = pool(3);
    let own = pool.create_default_connection().await.unwrap();
    own.close().await;
    assert_eq!((server.logouts(), server.open()), (1, 0));
    assert!(pool.create_default_connection().await.is_ok());
}
