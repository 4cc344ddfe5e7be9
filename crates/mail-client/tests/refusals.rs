//! What a server refuses or asks for: limits are lived with, and wishes are heard.

system_tests::watch_for_secrets!();

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use common::{client, commands, count, in_memory, server};
use futures_core::future::BoxFuture;
use mail_client::{
    ErrorKind,
    imap::{FetchItems, ImapClient},
    transport::{BoxIo, Connector, Error, Target},
};
use mail_testkit::{Action, Endpoint, Fault, Server};
use tokio::time::Instant;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p14_at_the_servers_limit_work_goes_on_with_what_is_open() {
    let server = Arc::new(server().max_connections_per_user(2).start().await.unwrap());
    let client = client(&server).build().unwrap();
    client.noop().await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let own = client.create_connection().await?;
                client.via(&own).noop().await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let status = client.pool_status();
    assert_eq!((status.max_connections, status.effective), (10, 2), "{status}");
    let refusal = status.last_refusal.unwrap();
    assert!(refusal.error.is_limit() && refusal.class == mail_pool::Class::Limit, "{:?}", refusal.error);
    let report = server.report();
    assert!(report.users["kim"].peak == 2 && report.wrong_password == 0 && report.over_limit >= 1);
    assert!(report.over_limit < 5, "{} dials in vain", report.over_limit);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p14_a_limit_that_nobody_gets_past_rides_in_the_acquire_timeout() {
    let server = Arc::new(server().max_connections_per_user(1).start().await.unwrap());
    let client = in_memory(&server).acquire_timeout(Some(Duration::from_secs(20))).build().unwrap();
    client.noop().await.unwrap();
    let error = client.create_connection().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Pool && error.is_timeout() && error.is_limit(), "{error}");
    assert!(error.text().unwrap().contains("mail_max_userip_connections=1"), "{error}");
    client.noop().await.unwrap();
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p14_one_login_cut_off_while_others_are_open_is_no_limit_and_two_are() {
    for (action, where_) in [(Action::Cut, "greeting"), (Action::Bye("going".into()), "login")] {
        let (server, client) = connected().await;
        let cut = |times| match where_ {
            "greeting" => server.add_fault(Fault::on_greeting(action.clone()).times(times)),
            _ => server.add_fault(Fault::on_command("AUTHENTICATE", action.clone()).times(times)),
        };
        cut(1);
        let _own = client.create_connection().await.unwrap();
        assert_eq!(client.pool_status().effective, 10, "{where_}");
        assert_eq!(server.report().connections.total, 3, "{where_}");
        cut(2);
        client.create_connection().await.unwrap_err();
        assert_eq!(client.pool_status().effective, 2, "{where_}");
        assert_eq!(server.report().connections.total, 5);
        client.close().await;
    }
}

/// Lets so many connections in, and hangs up on all others before TLS begins, as Courier does.
struct LetsIn(Arc<Server>, AtomicUsize);

impl Connector for LetsIn {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        Box::pin(async move {
            let is_in = self.1.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
            if !is_in {
                return Ok(Box::new(tokio::io::duplex(1).0) as BoxIo);
            }
            let io = self.0.connect_to(Endpoint::ImapTls).await;
            Ok(Box::new(io.map_err(|error| Error::connector(target, error))?) as BoxIo)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn p14_a_server_that_hangs_up_before_tls_while_others_are_open_has_a_limit() {
    let server = Arc::new(server().start().await.unwrap());
    let lets_in = LetsIn(Arc::clone(&server), AtomicUsize::new(2));
    let client = client(&server).connector(lets_in).build().unwrap();
    client.noop().await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let own = client.create_connection().await?;
                // Others wait for so long that it is tried again.
                tokio::time::sleep(Duration::from_millis(200)).await;
                client.via(&own).noop().await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let status = client.pool_status();
    assert_eq!((status.max_connections, status.effective), (10, 2), "{status}");
    client.close().await;
}

/// A client whose connection is open, and its server.
async fn connected() -> (Arc<Server>, ImapClient) {
    let server = Arc::new(server().mailbox("work").start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    client.noop().await.unwrap();
    (server, client)
}

/// How long the client's next command takes.
async fn next_takes(client: &ImapClient) -> Duration {
    let begun = Instant::now();
    client.list("", "*").await.unwrap();
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn p41_a_wait_that_the_server_asks_for_is_kept_by_the_whole_client() {
    let (server, client) = connected().await;
    let own = client.create_connection().await.unwrap();
    let told = "Request is throttled. Suggested Backoff Time: 7000 milliseconds";
    for answer in [Action::No(told.into()), Action::Bad(told.into())] {
        server.add_fault(Fault::on_command("NOOP", answer));
        let error = client.noop().await.unwrap_err();
        let wait = error.retry_after().unwrap();
        assert!((7000..=7700).contains(&wait.as_millis()), "{wait:?}");
        assert!(error.is_limit() && error.is_retryable() && !error.is_timeout(), "{error}");
        assert_eq!(client.pool_status().held_back.unwrap().as_secs(), wait.as_secs());
        // On whatever connection.
        assert!(next_takes(&client.via(&own)).await >= Duration::from_millis(6999));
        assert_eq!(client.pool_status().held_back, None);
    }
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p41_a_wish_in_passing_is_heard_and_doubles_while_it_goes_on() {
    let (server, client) = connected().await;
    for least in [1, 2, 4, 8, 16, 32, 60, 60] {
        let throttled = Bytes::from_static(b"* OK [THROTTLED] slowly\r\n");
        server.add_fault(Fault::on_command("NOOP", Action::Inject(throttled)));
        client.noop().await.unwrap();
        let took = next_takes(&client).await;
        assert!((least * 1000..=least * 1101).contains(&(took.as_millis() as u64 + 1)), "{least}: {took:?}");
    }
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p41_commands_that_wait_on_the_same_connection_are_held_as_well() {
    let (server, client) = connected().await;
    server.add_fault(Fault::on_command("EXAMINE", Action::No("x [THROTTLED]".into())));
    let (first, second) = tokio::join!(client.examine("work"), async {
        let begun = Instant::now();
        client.examine("INBOX").await.unwrap();
        begun.elapsed()
    });
    assert_eq!(first.unwrap_err().kind(), ErrorKind::Mailbox);
    assert!(second >= Duration::from_secs(1), "{second:?}");
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p41_a_connection_that_is_ended_for_too_much_traffic_is_not_replaced_at_once() {
    let (server, client) = connected().await;
    server.add_fault(Fault::on_command("EXAMINE", Action::Bye("Connection closed. 14".into())));
    let error = client.examine("work").await.unwrap_err();
    assert!(error.kind() == ErrorKind::ConnectionLost && error.was_written(), "{error}");
    assert!(error.retry_after().unwrap() >= Duration::from_secs(1) && error.is_limit(), "{error:?}");
    assert!(next_takes(&client).await >= Duration::from_millis(900));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p14_a_limit_told_after_the_login_lowers_the_quota() {
    let (server, client) = connected().await;
    let own = client.create_connection().await.unwrap();
    server.add_fault(Fault::on_command(
        "EXAMINE",
        Action::Bad("User is authenticated but not connected.".into()),
    ));
    let error = client.via(&own).examine("work").await.unwrap_err();
    assert!(error.is_limit() && error.is_retryable(), "{error}");
    assert!(client.pool_status().effective < 10, "{}", client.pool_status());
    client.noop().await.unwrap();
    client.close().await;
}

#[tokio::test]
async fn p44_what_a_server_refuses_for_one_command_alone_is_no_limit() {
    let (server, client) = connected().await;
    for (code, text) in [("OVERQUOTA", "Mailbox is full"), ("LIMIT", "Too many flags")] {
        server.add_fault(Fault::on_command("NOOP", Action::No(format!("[{code}] {text}"))));
        let error = client.noop().await.unwrap_err();
        assert!(!error.is_limit() && error.retry_after().is_none(), "{error}");
        assert_eq!((error.command(), error.text().as_deref()), (Some("NOOP"), Some(text)));
        assert!(error.connection().is_some() && error.code().is_some());
    }
    assert_eq!(client.pool_status().held_back, None);
    assert_eq!(commands(&server).iter().filter(|(_, command)| command == "NOOP").count(), 3);
    assert_eq!(count(&server, "LIST"), 0);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p41_a_time_that_no_clock_can_tell_is_for_ever() {
    let told = "Request is throttled. Suggested Backoff Time: 18446744073709551615 seconds";
    let server = Arc::new(server().start().await.unwrap());
    server.add_fault(Fault::on_command("AUTHENTICATE", Action::No(told.into())));
    let client = in_memory(&server).build().unwrap();
    let error = client.noop().await.unwrap_err();
    assert!(error.is_limit() && error.retry_after().is_some(), "{error}");
    client.close().await;

    let never = Duration::MAX;
    let client = in_memory(&server)
        .inactivity_timeout(never)
        .stall_timeout(never)
        .idle_timeout(never)
        .acquire_timeout(Some(never))
        .connect_timeouts(never)
        .build()
        .unwrap();
    let inbox = client.with_deadline(never).examine("INBOX").await.unwrap();
    assert!(inbox.fetch(1..=9, FetchItems::new().body()).next().await.is_none());
    client.close().await;
}
