//! Many threads on few connections.

use std::{
    thread,
    time::{Duration, Instant},
};

use mail_client::imap::{Assignment, Flag, SearchKey};
use mail_testkit::{Action, Fault};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::{
    common,
    server::{empty, pool_error, start},
};

#[test]
fn p22_64_threads_share_main_and_nothing_is_busy() {
    const THREADS: u32 = 64;
    let names = ["a", "b", "c", "d"];
    let server = names.into_iter().fold(common::server(), |server, name| {
        server.messages(name, (1..=THREADS).map(|number| format!("Subject: {name}{number}\r\n\r\n")))
    });
    let running = start(server);
    let client = running.client(1);
    thread::scope(|scope| {
        for n in 1..=THREADS {
            let client = client.clone();
            scope.spawn(move || {
                for name in names {
                    let mailbox = client.select(name).unwrap();
                    let key = || SearchKey::subject(format!("{name}{n}")) & SearchKey::Uid(n.into());
                    assert_eq!(mailbox.search(key()).unwrap().max(), Some(n));
                    mailbox.add_flags(n, [Flag::Flagged]).unwrap();
                    assert_eq!(mailbox.search(key() & SearchKey::flagged()).unwrap().count(), 1);
                }
            });
        }
    });
    assert_eq!(running.server.report().connections.peak, 1);
    client.close();
}

#[test]
fn threads_that_wait_for_long_stand_in_nobodys_way() {
    let running = start(common::server().messages("INBOX", ["Subject: one\r\n\r\n"]));
    let clients: Vec<_> = (0..3).map(|_| running.client(4)).collect();
    thread::scope(|scope| {
        for client in &clients {
            let mut changes = client.watch("INBOX").start();
            // Nothing happens until the client is closed.
            scope.spawn(move || changes.next().unwrap().unwrap_err());
        }
        let calling: Vec<_> = (0..8)
            .map(|n| {
                let client = &clients[n % clients.len()];
                scope.spawn(move || (0..100).for_each(|_| client.noop().unwrap()))
            })
            .collect();
        calling.into_iter().for_each(|thread| thread.join().unwrap());
        clients.iter().for_each(|client| client.close());
    });
}

#[test]
fn p07_threads_wait_in_order_for_a_connection_and_never_for_ever() {
    let running = empty();
    let client = running.builder().max_connections(2).acquire_timeout(Some(Duration::from_millis(500)));
    let client = client.build_blocking().unwrap();
    let own = client.create_connection().unwrap();
    let waiting = client.clone();
    let error = thread::spawn(move || waiting.create_connection().unwrap_err()).join().unwrap();
    assert!(error.is_timeout(), "{error}");
    let mail_pool::Error::AcquireTimeout(timeout) = pool_error(&error) else { panic!("{error:?}") };
    // Who has it, and where it was taken: here.
    assert!(timeout.to_string().contains(file!()), "{timeout}");
    drop(own);
    client.create_connection().unwrap();
}

#[test]
fn jobs_of_a_thread_pool_have_a_connection_each_within_scopes() {
    let running =
        start(common::server().messages("INBOX", (1..=60).map(|n| format!("Subject: {n}\r\n\r\n"))));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    for mode in [Assignment::MainOrDefault, Assignment::Default] {
        let client = running.in_mode(mode, 5);
        let found: u32 = pool.install(|| {
            let job = |uid: u32| {
                client.scope(|| {
                    let by_hand = mode == Assignment::MainOrDefault;
                    let _guard = by_hand.then(|| client.create_default_connection().unwrap());
                    let inbox = client.examine("INBOX").unwrap();
                    inbox
                        .search(SearchKey::Uid(uid.into()) & SearchKey::subject(uid.to_string()))
                        .unwrap()
                        .count()
                })
            };
            (1..=60).into_par_iter().map(job).sum()
        });
        assert_eq!(found, 60);
        let status = client.pool_status();
        assert_eq!(status.counts.in_use, 0, "the threads live on, and have none: {status}");
        client.close();
    }
    assert!(running.server.report().connections.peak <= 5);
}

#[test]
fn a_call_ends_at_its_deadline() {
    let running = empty();
    let client = running.client(1);
    client.noop().unwrap();
    running.server.add_fault(Fault::on_command("NOOP", Action::Stall));
    let begun = Instant::now();
    let error = client.with_deadline(Duration::from_millis(50)).noop().unwrap_err();
    assert!(error.is_timeout() && error.was_written(), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}
