//! Default connections, which belong to threads.

use std::{
    mem, panic,
    sync::{Barrier, Mutex},
    thread,
};

use mail_client::{ErrorKind, blocking::ImapClient, imap::Assignment};
use mail_pool::Kind;

use crate::server::{MODES, Running, empty, pool_error};

/// How many connections are somebody's default.
fn defaults(client: &ImapClient) -> usize {
    client
        .pool_status()
        .connections
        .iter()
        .filter(|connection| connection.kind == Some(Kind::Default))
        .count()
}

fn in_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join().unwrap())
}

#[test]
fn p04_one_default_for_each_thread_of_each_client() {
    let running = empty();
    let (client, other) = (running.client(4), running.client(4));
    let main = running.mark(&client, "main");
    let own = client.create_default_connection().unwrap();
    let error = client.create_default_connection().unwrap_err();
    assert!(matches!(pool_error(&error), mail_pool::Error::DefaultExists), "{error}");
    let _other = other.create_default_connection().unwrap();
    let mine = running.mark(&client, "mine");
    assert_ne!(mine, main);
    let theirs = in_thread(|| {
        assert_eq!(running.mark(&client, "no default"), main);
        let _own = client.create_default_connection().unwrap();
        running.mark(&client, "theirs")
    });
    assert!(![main, mine].contains(&theirs));
    own.close();
    assert_eq!(running.mark(&client, "again"), main);
    client.create_default_connection().unwrap();
}

#[test]
fn p04_defaults_by_hand_are_forbidden_in_the_other_modes() {
    let running = empty();
    for mode in [Assignment::Main, Assignment::Default] {
        let error = running.in_mode(mode, 4).create_default_connection().unwrap_err();
        assert!(matches!(pool_error(&error), mail_pool::Error::DefaultForbidden), "{error}");
    }
}

#[test]
fn p17_a_guard_is_dropped_anywhere_and_the_slot_comes_back() {
    let running = empty();
    // Main, and one more: whoever follows waits until it has come back.
    let client = running.client(2);
    let take = || client.create_default_connection().unwrap();
    let guard = take();
    thread::spawn(move || drop(guard)).join().unwrap();
    let guard = take();
    running.runtime.block_on(running.runtime.spawn(async move { drop(guard) })).unwrap();
    let guard = take();
    let panicked = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        let _guard = guard;
        panic::resume_unwind(Box::new("a panic"));
    }));
    panicked.unwrap_err();
    drop(take());
    assert_eq!(running.server.report().connections.peak, 1);
}

#[test]
fn p20_an_idle_automatic_default_is_taken_back_when_somebody_waits() {
    let running = empty();
    let client = running.in_mode(Assignment::Default, 1);
    let mine = running.mark(&client, "mine");
    assert_eq!(running.mark(&client, "mine again"), mine);
    // This thread lives on, and has nothing under way.
    assert_eq!(in_thread(|| running.mark(&client, "theirs")), mine);
    assert_eq!(running.mark(&client, "mine at last"), mine);
    assert_eq!(running.server.report().connections.total, 1);
}

#[test]
fn p20_a_scope_gives_back_what_the_thread_has_had_within_it() {
    let running = empty();
    let client = running.in_mode(Assignment::Default, 3);
    let first = client.scope(|| running.mark(&client, "one"));
    // Nobody's now: another thread has it before anything is dialled.
    assert_eq!(in_thread(|| running.mark(&client, "two")), first);

    let client = running.client(3);
    let before = client.create_default_connection().unwrap();
    client.scope(|| ());
    assert!(before.id().is_some(), "it was made before");
    drop(before);
    let kept = client.scope(|| client.create_default_connection().unwrap());
    assert_eq!((kept.id(), defaults(&client)), (None, 0));
    client.scope(|| mem::forget(client.create_default_connection().unwrap()));
    assert_eq!(defaults(&client), 0);
    // However it ends; and what another client has is not its business.
    let other = running.client(3);
    let theirs = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        client.scope(|| {
            let theirs = other.create_default_connection().unwrap();
            mem::forget(client.create_default_connection().unwrap());
            panic::resume_unwind(Box::new(theirs));
        })
    }));
    let theirs = theirs.unwrap_err();
    assert_eq!((defaults(&client), defaults(&other)), (0, 1));
    drop(theirs);
}

#[test]
fn p30_threads_have_a_default_each_and_never_share_it() {
    const THREADS: usize = 6;
    let running = empty();
    for mode in [Assignment::MainOrDefault, Assignment::Default] {
        let client = running.in_mode(mode, THREADS + 1);
        // One that is in use goes to whoever waits: they get theirs in turn, so that nobody does.
        let (in_turn, all_have_one) = (Mutex::new(()), Barrier::new(THREADS));
        let mut used: Vec<u64> = thread::scope(|scope| {
            let work = |n: usize| {
                let (client, running, in_turn, all_have_one) = (&client, &running, &in_turn, &all_have_one);
                move || {
                    let turn = in_turn.lock().unwrap();
                    let by_hand = mode == Assignment::MainOrDefault;
                    let _guard = by_hand.then(|| client.create_default_connection().unwrap());
                    let own = running.mark(client, &format!("{mode:?} {n}"));
                    drop(turn);
                    all_have_one.wait();
                    for round in 0..10 {
                        assert_eq!(running.mark(client, &format!("{mode:?} {n} {round}")), own);
                    }
                    own
                }
            };
            let threads: Vec<_> = (0..THREADS).map(|n| scope.spawn(work(n))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        used.sort_unstable();
        used.dedup();
        assert_eq!(used.len(), THREADS, "{mode:?}");
        client.close();
    }
}

#[test]
fn p30_a_threads_exit_gives_its_default_back() {
    let running = empty();
    // The guard outlives its thread, or is forgotten, or there is none.
    let client = running.client(2);
    let kept = thread::spawn({
        let client = client.clone();
        move || client.create_default_connection().unwrap()
    });
    let kept = kept.join().unwrap();
    assert_eq!(kept.id(), None);
    let forgetting = client.clone();
    thread::spawn(move || mem::forget(forgetting.create_default_connection().unwrap())).join().unwrap();
    let again = client.create_default_connection().unwrap();
    kept.close();
    assert!(again.id().is_some());

    let client = running.in_mode(Assignment::Default, 2);
    let first = in_thread(|| running.mark(&client, "first"));
    assert_eq!(in_thread(|| running.mark(&client, "second")), first, "it was free for the next");
}

#[test]
fn p30_every_kind_and_every_mode_is_there_for_threads() {
    let running = empty();
    for mode in MODES {
        let client = running.in_mode(mode, 4);
        let nameless = running.mark(&client, &format!("nameless {mode:?}"));
        let own = client.create_connection().unwrap();
        let named = running.mark(&client.via(&own), &format!("named {mode:?}"));
        assert_ne!(nameless, named);
        let theirs = in_thread(|| running.mark(&client, &format!("theirs {mode:?}")));
        assert_eq!(theirs == nameless, mode != Assignment::Default);
        assert_ne!(theirs, named, "rule P02");
        own.close();
        client.close();
        assert_eq!(client.noop().unwrap_err().kind(), ErrorKind::Closed);
    }
}

#[test]
fn p31_the_thread_that_built_the_client_keeps_to_main() {
    let running = empty();
    let client = running.builder().main_for_creator(true).build_blocking().unwrap();
    for error in [client.create_connection().map(drop), client.create_default_connection().map(drop)] {
        let error = error.unwrap_err();
        assert!(matches!(pool_error(&error), mail_pool::Error::CreatorContext), "{error}");
    }
    client.noop().unwrap();
    in_thread(|| {
        client.create_connection().unwrap();
        client.create_default_connection().unwrap();
    });
}

#[test]
fn p32_jobs_on_a_borrowed_thread_never_have_the_default_of_the_one_before() {
    let running = empty();
    let client = running.client(3);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let kept = pool.install(|| client.scope(|| client.create_default_connection().unwrap()));
    pool.install(|| client.scope(|| drop(client.create_default_connection().unwrap())));
    assert_eq!((kept.id(), defaults(&client)), (None, 0));

    // Each job of `spawn_blocking` is a caller of its own, be it on the same thread.
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let job = || {
        let client = client.clone();
        runtime.block_on(runtime.spawn_blocking(move || client.create_default_connection().unwrap())).unwrap()
    };
    let (one, two) = (job(), job());
    assert!(one.id().is_some() && two.id().is_some() && one.id() != two.id());
    assert_eq!(defaults(&client), 2);
}

#[test]
fn p32_an_automatic_default_shows_nothing_of_whoever_had_it_before() {
    let running: Running = crate::server::start(
        crate::common::server().messages("INBOX", ["Subject: a\r\n\r\n"]).mailbox("Archive"),
    );
    let client = running.in_mode(Assignment::Default, 1);
    let (archive, inbox) = (client.select("Archive").unwrap(), in_thread(|| client.select("INBOX").unwrap()));
    for _ in 0..3 {
        assert_eq!(archive.search(mail_client::imap::SearchKey::All).unwrap().count(), 0);
        assert_eq!(in_thread(|| inbox.search(mail_client::imap::SearchKey::All).unwrap().count()), 1);
    }
    assert_eq!(running.server.report().connections.peak, 1);
}
