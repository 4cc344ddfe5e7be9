//! Begun operations, on threads of their own.

use std::{panic, sync::mpsc, thread, time::Duration};

use mail_client::{
    ErrorKind, Result,
    blocking::{ImapClient, Pending},
    imap::Assignment,
};

use crate::{
    common,
    server::{MODES, empty, pool_error, start},
};

#[test]
fn p24_p25_any_number_is_begun_and_gives_its_own_result() {
    let running = start(common::server().messages("INBOX", (1..=5).map(|n| format!("Subject: {n}\r\n\r\n"))));
    for mode in MODES {
        for max in [1, 4] {
            let client = running.in_mode(mode, max);
            let begin = |n: u32| {
                client.begin(move |client| {
                    client.noop()?;
                    Ok(n)
                })
            };
            let pending: Vec<Pending<u32>> = (0..20).map(|n| begin(n).unwrap()).collect();
            let ended: Vec<u32> = pending.into_iter().map(|pending| pending.wait().unwrap()).collect();
            assert_eq!(ended, (0..20).collect::<Vec<_>>());
            let failed = client.begin(|client| client.select("nowhere").map(drop)).unwrap().wait();
            assert_eq!(failed.unwrap_err().kind(), ErrorKind::Mailbox);
            let inbox = client.examine("INBOX").unwrap();
            let found = inbox.begin(|inbox| inbox.search(mail_client::imap::SearchKey::All)).unwrap();
            assert_eq!(found.wait().unwrap().count(), 5);
            let within = client.begin_within(Duration::from_secs(60), |client| client.noop()).unwrap();
            within.wait().unwrap();
            client.close();
        }
    }
    assert!(running.server.report().connections.peak <= 4);
}

#[test]
fn p24_nameless_calls_inside_run_on_the_operations_connection() {
    let running = std::sync::Arc::new(empty());
    for mode in MODES {
        let client = running.in_mode(mode, 4);
        let named = client.create_connection().unwrap();
        let expected = running.mark(&client.via(&named), "named");
        let (inside, seen, elsewhere) = (client.clone(), std::sync::Arc::clone(&running), named.clone());
        let pending = client.begin(move |client| {
            let own = seen.mark(&client, "own");
            // Any clone's, and as often as one likes; what names a connection runs there.
            assert_eq!((seen.mark(&inside, "clone"), seen.mark(&client, "own again")), (own, own));
            assert_eq!(seen.mark(&inside.via(&elsewhere), "elsewhere"), expected);
            Ok(own)
        });
        let own = pending.unwrap().wait().unwrap();
        assert_ne!(own, expected);
        // One that names a connection runs on it.
        let seen = std::sync::Arc::clone(&running);
        let there = client.via(&named).begin(move |client| Ok(seen.mark(&client, "begun there"))).unwrap();
        assert_eq!(there.wait().unwrap(), expected);
        client.close();
    }
}

#[test]
fn p24_operations_of_many_threads_stand_in_one_line() {
    let running = empty();
    // One extra: they run one after the other.
    let client = running.client(2);
    let (told, order) = mpsc::channel();
    let first = client.create_connection().unwrap();
    let begun: Vec<_> = (0..8)
        .map(|n| {
            let (client, told) = (client.clone(), told.clone());
            let begin = move || {
                client.begin(move |client| {
                    client.noop()?;
                    told.send(n).map_err(|_| panic!("nobody listens"))
                })
            };
            thread::spawn(begin).join().unwrap().unwrap()
        })
        .collect();
    assert!(begun.iter().all(|pending| !pending.is_finished()));
    drop(first);
    begun.into_iter().for_each(|pending| pending.wait().unwrap());
    drop(told);
    assert_eq!(order.iter().collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
}

#[test]
fn p25_an_operation_runs_on_when_nobody_waits_and_ends_at_once_when_cancelled() {
    let running = empty();
    let client = running.client(2);
    let (told, ended) = mpsc::channel();
    drop(client.begin(move |client| {
        client.noop()?;
        told.send(()).map_err(|_| panic!("nobody listens"))
    }));
    ended.recv().unwrap();

    // In the middle of a call that the server never answers, and then before the next one.
    running.server.add_fault(mail_testkit::Fault::on_command("NOOP", mail_testkit::Action::Stall));
    let (told, ended) = mpsc::channel();
    let stuck = client.begin(move |client| {
        let _ = told.send(None);
        let outcomes = [client.noop(), client.list("", "never").map(drop)];
        let _ = told.send(Some(outcomes));
        Ok(())
    });
    let stuck = stuck.unwrap();
    assert!(ended.recv().unwrap().is_none());
    stuck.canceller().cancel();
    let error = stuck.wait().unwrap_err();
    assert!(matches!(pool_error(&error), mail_pool::Error::Cancelled), "{error}");
    for outcome in ended.recv().unwrap().unwrap() {
        let error = outcome.unwrap_err();
        assert!(matches!(pool_error(&error), mail_pool::Error::Cancelled), "{error}");
    }
    assert_eq!(common::count(&running.server, "LIST \"\" \"never\""), 0);
}

#[test]
fn p25_a_panic_inside_is_an_error_of_that_operation_alone() {
    let running = empty();
    let client = running.client(2);
    let pending = client.begin(|_| -> Result<()> { panic::resume_unwind(Box::new("over and out")) }).unwrap();
    let error = pending.wait().unwrap_err();
    assert!(
        matches!(pool_error(&error), mail_pool::Error::Panicked(text) if text == "over and out"),
        "{error}"
    );
    client.begin(|client| client.noop()).unwrap().wait().unwrap();
}

#[test]
fn p37_whoever_holds_a_connection_never_waits_for_another() {
    fn nest(client: &ImapClient, depth: usize) -> Result<usize> {
        client.noop()?;
        if depth == 0 {
            return Ok(0);
        }
        let two = [0, 1].map(|_| client.begin(move |client| nest(&client, depth - 1)));
        let mut count = 0;
        for pending in two {
            count += pending?.wait()?;
        }
        Ok(count + 1)
    }
    let running = empty();
    for mode in MODES {
        for max in [1, 2, 10] {
            let client = running.in_mode(mode, max);
            let outer: Vec<_> = (0..3).map(|_| client.begin(|client| nest(&client, 3)).unwrap()).collect();
            outer.into_iter().for_each(|pending| assert_eq!(pending.wait().unwrap(), 7));
            // By a thread that has a default.
            if (mode, max) == (Assignment::MainOrDefault, 2) {
                let _own = client.create_default_connection().unwrap();
                assert_eq!(client.begin(|client| nest(&client, 3)).unwrap().wait().unwrap(), 7);
                client.noop().unwrap();
                let error = client.create_connection().unwrap_err();
                assert!(matches!(pool_error(&error), mail_pool::Error::WouldDeadlock), "{error}");
            }
            client.close();
        }
    }
    let client = running.client(2);
    let own = client.begin(|client| client.create_connection().map(drop)).unwrap();
    let error = own.wait().unwrap_err();
    assert!(
        matches!(pool_error(&error), mail_pool::Error::WouldDeadlock),
        "the operation has the only extra: {error}"
    );
}
