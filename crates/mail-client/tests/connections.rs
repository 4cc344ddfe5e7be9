//! Which connection a call runs on, and how many there are: the rules of the pool, seen from the server.

system_tests::watch_for_secrets!();

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{client, commands, count, in_memory, server};
use mail_client::{
    Error, ErrorKind,
    imap::{Assignment, ImapClient, PoolStatus},
};
use mail_pool::Kind;
use mail_testkit::{Action, Fault, Server};
use tokio::{sync::Barrier, time::Instant};

const MODES: [Assignment; 3] = [Assignment::MainOrDefault, Assignment::Main, Assignment::Default];

/// Runs a command that the server's report can be searched for, and says on which of its connections it came.
async fn mark(client: &ImapClient, server: &Server, mark: &str) -> u64 {
    client.list("", mark).await.unwrap();
    let seen = commands(server).into_iter().find(|(_, command)| command.ends_with(&format!("\"{mark}\"")));
    seen.unwrap_or_else(|| panic!("{mark} never came: {:?}", commands(server))).0
}

/// What the pool says of an error.
fn pool_error(error: &Error) -> &mail_pool::Error<Error> {
    error.pool().unwrap_or_else(|| panic!("not the pool's: {error:?}"))
}

#[tokio::test]
async fn p01_a_call_that_names_a_connection_runs_there_in_every_mode() {
    for mode in MODES {
        let server = server().start().await.unwrap();
        let client = client(&server).assignment(mode).max_connections(4).build().unwrap();
        let nameless = mark(&client, &server, "one").await;
        let own = client.create_connection().await.unwrap();
        let named = mark(&client.via(&own), &server, "two").await;
        assert_ne!(nameless, named, "{mode:?}");
        assert_eq!(mark(&client.via(&own), &server, "three").await, named, "{mode:?}");
        assert_eq!(mark(&client, &server, "four").await, nameless, "{mode:?}");
        client.close().await;
    }
}

#[tokio::test]
async fn p01_a_named_connection_serves_inside_an_operation_and_a_default_too() {
    let server = server().start().await.unwrap();
    let client = client(&server).max_connections(4).build().unwrap();
    let own = client.create_connection().await.unwrap();
    let expected = mark(&client.via(&own), &server, "one").await;
    let _default = client.create_default_connection().await.unwrap();
    assert_eq!(mark(&client.via(&own), &server, "two").await, expected);
    let (named, seen) = (own.clone(), Arc::new(server));
    let inside = Arc::clone(&seen);
    let pending =
        client.begin(move |client| async move { Ok(mark(&client.via(&named), &inside, "three").await) });
    assert_eq!(pending.unwrap().await.unwrap(), expected);
    client.close().await;
}

#[tokio::test]
async fn p02_an_independent_connection_never_serves_a_nameless_call() {
    for mode in MODES {
        let server = Arc::new(server().start().await.unwrap());
        let client = client(&server).assignment(mode).max_connections(3).build().unwrap();
        let own = client.create_connection().await.unwrap();
        let named = mark(&client.via(&own), &server, "named").await;
        for n in 0..5 {
            let (client, server) = (client.clone(), Arc::clone(&server));
            let task = tokio::spawn(async move {
                client.clone().scope(async { mark(&client, &server, &format!("n{n}")).await }).await
            });
            assert_ne!(task.await.unwrap(), named, "{mode:?}");
        }
        client.close().await;
    }
}

#[tokio::test]
async fn p03_without_main_its_slot_is_free_for_extras() {
    let server = server().start().await.unwrap();
    let client = client(&server).assignment(Assignment::Default).max_connections(2).build().unwrap();
    client.connect().await.unwrap();
    assert_eq!(server.report().connections.total, 1, "the caller's default");
    let one = client.create_connection().await.unwrap();
    // The caller's own idle default makes way.
    let two = client.create_connection().await.unwrap();
    assert_eq!(server.report().users["kim"].peak, 2);
    assert!(client.pool_status().connections.iter().all(|one| one.kind != Some(Kind::Main)));
    assert!(one.id().await.is_some() && one.id().await != two.id().await);
    let error = client.noop().await.unwrap_err();
    assert!(matches!(pool_error(&error), mail_pool::Error::WouldDeadlock), "{error}");
    drop(one);
    client.noop().await.unwrap();
    client.close().await;
}

#[tokio::test]
async fn p04_a_second_default_is_an_error_and_clients_have_their_own() {
    let server = server().start().await.unwrap();
    let (one, two) = (client(&server).build().unwrap(), client(&server).build().unwrap());
    let main = mark(&one, &server, "main").await;
    let default = one.create_default_connection().await.unwrap();
    let error = one.create_default_connection().await.unwrap_err();
    assert!(matches!(pool_error(&error), mail_pool::Error::DefaultExists), "{error}");
    let _other = two.create_default_connection().await.unwrap();
    let mine = mark(&one, &server, "mine").await;
    assert_ne!(mine, main);
    assert!(![mine, main].contains(&mark(&two, &server, "theirs").await));
    // Another task has none, and so runs on main; the guard may be dropped there.
    let (client, seen) = (one.clone(), Arc::new(server));
    let there = Arc::clone(&seen);
    let task = tokio::spawn(async move {
        let elsewhere = mark(&client, &there, "elsewhere").await;
        drop(default);
        elsewhere
    });
    assert_eq!(task.await.unwrap(), main);
    assert_eq!(mark(&one, &seen, "again").await, main);
    for mode in [Assignment::Main, Assignment::Default] {
        let client = common::client(&seen).assignment(mode).build().unwrap();
        let error = client.create_default_connection().await.unwrap_err();
        assert!(matches!(pool_error(&error), mail_pool::Error::DefaultForbidden), "{error}");
    }
    one.close().await;
    two.close().await;
}

#[tokio::test]
async fn p05_main_opens_with_the_first_use_and_is_reopened_when_it_breaks() {
    let server = server().start().await.unwrap();
    let client = client(&server).build().unwrap();
    assert_eq!(server.report().connections.total, 0);
    let first = mark(&client, &server, "first").await;
    server.disconnect_all();
    server.wait_for_connections(0).await;
    let second = mark(&client, &server, "second").await;
    assert_ne!(first, second);
    assert_eq!(mark(&client, &server, "third").await, second);
    client.close().await;
    let error = client.noop().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    assert_eq!(server.report().connections.current, 0);
}

/// One command, whose connection may be cut twice.
async fn touch(client: &ImapClient) {
    if let Err(error) = client.noop().await {
        assert!(error.kind() == ErrorKind::ConnectionLost && error.was_written(), "{error}");
    }
}

/// Tasks of all kinds at once, while connections break.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p06_never_more_than_the_quota_is_open() {
    for mode in MODES {
        let server = Arc::new(server().start().await.unwrap());
        // In memory the server knows at once of a connection that was closed.
        let client = in_memory(&server).assignment(mode).max_connections(3).build().unwrap();
        let tasks: Vec<_> = (0..30)
            .map(|n| {
                let client = client.clone();
                tokio::spawn(async move {
                    for _ in 0..5 {
                        match n % 4 {
                            0 => client.scope(touch(&client)).await,
                            1 => {
                                let own = client.create_connection().await.unwrap();
                                touch(&client.via(&own)).await;
                            }
                            2 => {
                                let own = client.create_connection().await.unwrap();
                                touch(&client.via(&own)).await;
                                own.close().await;
                            }
                            _ => {
                                let begun = client.begin(|client| async move {
                                    touch(&client).await;
                                    Ok(())
                                });
                                begun.unwrap().await.unwrap();
                            }
                        }
                    }
                })
            })
            .collect();
        for n in 0..5 {
            server.add_fault(Fault::on_command("NOOP", Action::Cut).nth(7 * n + 1));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert!(server.report().connections.peak <= 3, "{mode:?}: {:?}", server.report().connections);
        client.close().await;
        server.wait_for_connections(0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn p07_a_full_pool_waits_first_come_first_served() {
    let server = Arc::new(server().start().await.unwrap());
    let client = in_memory(&server).max_connections(2).build().unwrap();
    let held = client.create_connection().await.unwrap();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for n in 0..10 {
        let (client, order) = (client.clone(), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            let own = client.create_connection().await.unwrap();
            order.lock().unwrap().push(n);
            client.via(&own).noop().await.unwrap();
        }));
        while client_waits(&tasks, n).await {}
    }
    drop(held);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..10).collect::<Vec<_>>());
    assert_eq!(server.report().connections.peak, 1, "main was never used");
    client.close().await;

    /// Lets the task get in line.
    async fn client_waits(tasks: &[tokio::task::JoinHandle<()>], n: usize) -> bool {
        tokio::time::sleep(Duration::from_millis(1)).await;
        tasks.len() <= n
    }
}

#[tokio::test]
async fn p08_without_extras_creating_fails_at_once() {
    let server = server().start().await.unwrap();
    for mode in [Assignment::MainOrDefault, Assignment::Main] {
        let client = client(&server).assignment(mode).max_connections(1).build().unwrap();
        let error = client.create_connection().await.unwrap_err();
        assert!(matches!(pool_error(&error), mail_pool::Error::QuotaReservedForMain), "{error}");
        client.noop().await.unwrap();
        client.close().await;
    }
    let error = client(&server).max_connections(0).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    let error = client(&server).max_handshakes(0).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p09_with_one_connection_all_tasks_and_threads_share_it() {
    let server = Arc::new(server().start().await.unwrap());
    let client = client(&server).max_connections(1).build().unwrap();
    let tasks = (0..8).map(|n| {
        let client = client.clone();
        tokio::spawn(async move {
            for _ in 0..20 {
                match n % 2 {
                    0 => client.noop().await.unwrap(),
                    _ => client.begin(|own| async move { own.noop().await }).unwrap().await.unwrap(),
                }
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let runtime = tokio::runtime::Handle::current();
    let thread = {
        let client = client.clone();
        std::thread::spawn(move || (0..20).for_each(|_| runtime.block_on(client.noop()).unwrap()))
    };
    for task in tasks {
        task.await.unwrap();
    }
    tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap();
    assert_eq!(count(&server, "NOOP"), 180);
    assert_eq!((server.report().connections.peak, server.report().connections.total), (1, 1));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p10_a_request_has_a_deadline_and_its_error_says_who_has_what() {
    let server = Arc::new(server().start().await.unwrap());
    let client =
        in_memory(&server).max_connections(2).acquire_timeout(Some(Duration::from_secs(7))).build().unwrap();
    client.noop().await.unwrap();
    // Held by another task: a caller that holds all there are would wait for itself.
    let (other, barrier) = (client.clone(), Arc::new(Barrier::new(2)));
    let there = Arc::clone(&barrier);
    let holder = tokio::spawn(async move {
        let _held = other.create_connection().await.unwrap();
        there.wait().await;
        there.wait().await;
    });
    barrier.wait().await;
    let begun = Instant::now();
    let error = client.create_connection().await.unwrap_err();
    assert_eq!(begun.elapsed().as_secs(), 7);
    let mail_pool::Error::AcquireTimeout(timeout) = pool_error(&error) else { panic!("{error}") };
    assert_eq!((timeout.max_connections, timeout.effective, timeout.counts.open()), (2, 2, 2));
    let held = &timeout.connections[1];
    assert_eq!((held.kind, held.held_for.unwrap().as_secs()), (Some(Kind::Independent), 7));
    assert!(held.place.unwrap().file().ends_with("connections.rs"), "{held}");
    assert!(error.is_timeout() && error.is_retryable() && !error.is_limit(), "{error}");
    barrier.wait().await;
    holder.await.unwrap();
    client.create_connection().await.unwrap();
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p16_close_logs_out_this_connection_and_its_clones_know() {
    let server = Arc::new(server().start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    let own = client.create_connection().await.unwrap();
    let (via, clone) = (client.via(&own), own.clone());
    via.noop().await.unwrap();
    own.close().await;
    server.wait_for_connections(0).await;
    assert_eq!(count(&server, "LOGOUT"), 1);
    let error = via.noop().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    assert_eq!(clone.id().await, None);
    // A server that doesn't answer is cut after 5 s.
    let own = client.create_connection().await.unwrap();
    server.add_fault(Fault::on_command("LOGOUT", Action::Stall));
    let begun = Instant::now();
    own.close().await;
    assert!((5..7).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p06_a_goodbye_that_is_not_answered_counts_until_its_socket_is_closed() {
    let server = Arc::new(server().start().await.unwrap());
    let client = in_memory(&server).max_connections(2).build().unwrap();
    client.noop().await.unwrap();
    let own = client.create_connection().await.unwrap();
    server.add_fault(Fault::on_command("LOGOUT", Action::Stall));
    let ((), next) = tokio::join!(own.close(), client.create_connection());
    next.unwrap();
    assert_eq!(server.report().connections.peak, 2);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p18_what_is_given_back_stays_warm_for_the_next() {
    let server = Arc::new(server().start().await.unwrap());
    let client = in_memory(&server).idle_timeout(Duration::from_secs(20)).build().unwrap();
    let first = client.create_connection().await.unwrap().id().await;
    let second = client.create_connection().await.unwrap().id().await;
    assert_eq!(first, second);
    tokio::time::sleep(Duration::from_secs(21)).await;
    server.wait_for_connections(0).await;
    let third = client.create_connection().await.unwrap().id().await;
    assert_ne!(first, third);
    client.close().await;
    let cold = in_memory(&server).idle_timeout(Duration::ZERO).build().unwrap();
    drop(cold.create_connection().await.unwrap());
    server.wait_for_connections(0).await;
    cold.close().await;
}

#[tokio::test(start_paused = true)]
async fn p19_after_a_longer_idle_noop_is_answered_first() {
    let server = Arc::new(server().mailbox("work").start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    client.noop().await.unwrap();
    tokio::time::sleep(Duration::from_secs(14)).await;
    client.examine("work").await.unwrap();
    assert_eq!(count(&server, "NOOP"), 1);
    tokio::time::sleep(Duration::from_secs(16)).await;
    client.examine("work").await.unwrap();
    assert_eq!(count(&server, "NOOP"), 2);
    // One that died meanwhile is found out before anything that must not be repeated is written.
    tokio::time::sleep(Duration::from_secs(16)).await;
    server.add_fault(Fault::on_command("NOOP", Action::Stall));
    client.examine("work").await.unwrap();
    assert_eq!(server.report().connections.total, 2);
    client.close().await;
}

#[tokio::test]
async fn p19_what_was_used_alone_is_closed() {
    let server = server().messages("INBOX", ["x"]).start().await.unwrap();
    let client = client(&server).max_connections(2).build().unwrap();
    let own = client.create_connection().await.unwrap();
    let id = own.id().await;
    let exclusive = client.exclusive(&own).await.unwrap();
    let reply = exclusive.run(mail_proto::imap::Command::Noop).await.unwrap();
    assert!(reply.data.is_empty());
    exclusive.client().examine("INBOX").await.unwrap();
    let error = client.via(&own).noop().await.unwrap_err();
    assert!(matches!(pool_error(&error), mail_pool::Error::WouldDeadlock), "{error}");
    // Others wait their turn.
    let others = client.via(&own);
    let waits = tokio::spawn(async move { others.noop().await });
    assert_eq!(count(&server, "NOOP"), 1);
    drop(exclusive);
    waits.await.unwrap().unwrap();
    drop(own);
    assert_ne!(client.create_connection().await.unwrap().id().await, id);
    client.close().await;
}

#[tokio::test]
async fn p29_an_exclusive_use_ends_with_its_connection() {
    let server = server().start().await.unwrap();
    let client = client(&server).max_connections(2).build().unwrap();
    let own = client.create_connection().await.unwrap();
    let exclusive = client.exclusive(&own).await.unwrap();
    server.add_fault(Fault::on_command("NOOP", Action::Cut));
    let error = exclusive.client().noop().await.unwrap_err();
    assert!(error.kind() == ErrorKind::ConnectionLost && error.was_written(), "{error}");
    let error = exclusive.client().noop().await.unwrap_err();
    assert!(error.kind() == ErrorKind::ConnectionLost && !error.was_written(), "{error}");
    drop(exclusive);
    client.via(&own).noop().await.unwrap();
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p20_an_automatic_default_goes_to_whoever_waits() {
    let server = Arc::new(server().start().await.unwrap());
    let client = in_memory(&server).assignment(Assignment::Default).max_connections(1).build().unwrap();
    client.noop().await.unwrap();
    // Idle, it makes way for another task's, and that one for this one's.
    let other = client.clone();
    tokio::spawn(async move { other.noop().await }).await.unwrap().unwrap();
    client.noop().await.unwrap();
    assert_eq!(server.report().connections.total, 1, "handed on, not dialled anew");
    client.scope(client.noop()).await.unwrap();
    assert_eq!(client.pool_status().counts.idle, 1);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p21_closing_lets_running_commands_finish_and_cuts_the_rest() {
    let server = Arc::new(server().latency(Duration::from_secs(1)).mailbox("work").start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    client.noop().await.unwrap();
    let running = tokio::spawn({
        let client = client.clone();
        async move { client.list("", "*").await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    client.close().await;
    assert_eq!(running.await.unwrap().unwrap().len(), 2);
    let client = in_memory(&server).grace(Duration::from_secs(3)).build().unwrap();
    client.noop().await.unwrap();
    server.add_fault(Fault::on_command("LIST", Action::Stall));
    let running = tokio::spawn({
        let client = client.clone();
        async move { client.list("", "*").await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let begun = Instant::now();
    client.close().await;
    assert!((3..5).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert!(running.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn p21_dropping_the_last_clone_closes_in_the_background() {
    let server = Arc::new(server().start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    client.noop().await.unwrap();
    let clone = client.clone();
    drop(client);
    clone.noop().await.unwrap();
    drop(clone);
    server.wait_for_connections(0).await;
    assert_eq!(count(&server, "LOGOUT"), 1);
}

#[tokio::test]
async fn p24_an_operation_has_a_connection_that_nameless_calls_inside_it_use() {
    for mode in MODES {
        let server = Arc::new(server().messages("work", ["a"]).start().await.unwrap());
        let client = client(&server).assignment(mode).max_connections(3).build().unwrap();
        let outside = mark(&client, &server, "outside").await;
        let (nameless, inside) = (client.clone(), Arc::clone(&server));
        let pending = client.begin(move |own| async move {
            let bound = mark(&own, &inside, "bound").await;
            assert_eq!(mark(&nameless, &inside, "nameless").await, bound);
            // A task that it starts is on its connection through the client that it was handed.
            let (own, there) = (own.clone(), Arc::clone(&inside));
            let spawned = tokio::spawn(async move { mark(&own, &there, "spawned").await });
            assert_eq!(spawned.await.unwrap(), bound);
            Ok(bound)
        });
        assert_ne!(pending.unwrap().await.unwrap(), outside, "{mode:?}");
        // One begun on a mailbox selects it on its own connection.
        let work = client.examine("work").await.unwrap();
        let found = work
            .begin(|work| async move {
                let mut mail = work.fetch(1, mail_client::imap::FetchItems::new().body());
                mail.next().await.unwrap()?.into_body().bytes().await
            })
            .unwrap();
        assert_eq!(found.await.unwrap(), "a");
        let on: Vec<_> = commands(&server)
            .into_iter()
            .filter(|(_, command)| command.starts_with("EXAMINE") || command.starts_with("UID FETCH"))
            .map(|(connection, _)| connection)
            .collect();
        assert!(on.len() == 3 && on[0] == outside && on[1] != outside && on[1] == on[2], "{mode:?} {on:?}");
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p24_operations_run_in_the_order_of_their_beginning_and_may_be_bounded() {
    let server = Arc::new(server().start().await.unwrap());
    let client = in_memory(&server).max_connections(2).max_operations(Some(20)).build().unwrap();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let pendings: Vec<_> = (0..20)
        .map(|n| {
            let order = Arc::clone(&order);
            let begun = client.begin(move |own| async move {
                order.lock().unwrap().push(n);
                own.noop().await
            });
            begun.unwrap()
        })
        .collect();
    let error = client.begin(|own| async move { own.noop().await }).unwrap_err();
    assert!(matches!(pool_error(&error), mail_pool::Error::QueueFull { limit: 20 }), "{error}");
    for pending in pendings {
        pending.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    // One that names a connection takes no slot.
    let own = client.create_connection().await.unwrap();
    let named = client.via(&own).begin(|own| async move { own.noop().await }).unwrap();
    named.await.unwrap();
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p25_a_pending_gives_the_operations_own_result() {
    let server = Arc::new(server().start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    let failing = client.begin(|own| async move { own.examine("nowhere").await }).unwrap();
    assert_eq!(failing.await.unwrap_err().kind(), ErrorKind::Mailbox);
    let panicking = client.begin::<(), _, _>(|_| async move { panic!("oh") }).unwrap();
    let error = panicking.await.unwrap_err();
    assert!(matches!(pool_error(&error), mail_pool::Error::Panicked(what) if what == "oh"), "{error}");
    let cancelled = client.begin(|_| std::future::pending::<mail_client::Result<()>>()).unwrap();
    cancelled.cancel();
    let error = cancelled.await.unwrap_err();
    assert!(matches!(pool_error(&error), mail_pool::Error::Cancelled), "{error}");
    // Dropped, it runs on.
    let ran = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&ran);
    drop(client.begin(move |own| async move {
        own.noop().await?;
        counted.store(1, Ordering::Relaxed);
        Ok(())
    }));
    while ran.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p37_nested_operations_never_wait_for_each_other() {
    for mode in MODES {
        for max in [1, 2, 10] {
            let server = Arc::new(server().start().await.unwrap());
            let client = in_memory(&server).assignment(mode).max_connections(max).build().unwrap();
            let pendings: Vec<_> = (0..5)
                .map(|_| {
                    let begun = client.begin(|one| async move {
                        one.noop().await?;
                        let deeper = one.begin(|two| async move {
                            two.noop().await?;
                            let task = tokio::spawn(async move {
                                two.begin(|three| async move { three.noop().await })?.await
                            });
                            task.await.unwrap()
                        });
                        deeper?.await
                    });
                    begun.unwrap()
                })
                .collect();
            for pending in pendings {
                tokio::time::timeout(Duration::from_secs(60), pending).await.unwrap().unwrap();
            }
            assert!(server.report().connections.peak <= max as u64 as _, "{mode:?} {max}");
            client.close().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p40_the_quota_grows_and_shrinks() {
    let server = Arc::new(server().start().await.unwrap());
    let client = in_memory(&server).max_connections(2).build().unwrap();
    client.noop().await.unwrap();
    let one = client.create_connection().await.unwrap();
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.create_connection().await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(client.pool_status().waiting, 1);
    client.set_max_connections(3).unwrap();
    let two = waiting.await.unwrap().unwrap();
    assert_eq!(server.report().connections.current, 3);
    client.set_max_connections(1).unwrap();
    drop((one, two));
    server.wait_for_connections(1).await;
    let error = client.create_connection().await.unwrap_err();
    assert!(matches!(pool_error(&error), mail_pool::Error::QuotaReservedForMain), "{error}");
    assert_eq!(client.set_max_connections(0).unwrap_err().kind(), ErrorKind::Argument);
    client.close().await;
}

#[tokio::test]
async fn p31_the_creator_may_be_kept_to_main() {
    let server = server().start().await.unwrap();
    let client = client(&server).main_for_creator(true).build().unwrap();
    client.noop().await.unwrap();
    let error = client.create_connection().await.unwrap_err();
    assert!(matches!(pool_error(&error), mail_pool::Error::CreatorContext), "{error}");
    let other = client.clone();
    tokio::spawn(async move { other.create_connection().await.map(drop) }).await.unwrap().unwrap();
    client.close().await;
}

#[tokio::test]
async fn p33_the_status_says_what_there_is_and_prints() {
    let server = server().start().await.unwrap();
    let client = client(&server).max_connections(4).build().unwrap();
    client.noop().await.unwrap();
    let own = client.create_connection().await.unwrap();
    let status: PoolStatus = client.pool_status();
    assert_eq!((status.max_connections, status.counts.in_use, status.opened), (4, 2, 2));
    assert_eq!(status.connections[1].id, own.id().await);
    let shown = status.to_string();
    assert!(shown.starts_with("2 open (2 in use) of 4") && shown.contains("independent in use"), "{shown}");
    client.close().await;
    assert!(client.pool_status().is_closed);
}
