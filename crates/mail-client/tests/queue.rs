//! Many callers on one connection: no wrong mailbox, no answer to the wrong one, nothing done twice.

system_tests::watch_for_secrets!();

mod common;

use std::{sync::Arc, time::Duration};

use common::{client, commands, count, in_memory, server};
use mail_client::{
    ErrorKind,
    imap::{FetchItems, Flag, ImapClient, MailboxName, StatusItem},
};
use mail_testkit::{Action, Fault};

async fn texts(client: &ImapClient, mailbox: &str) -> Vec<String> {
    let mailbox = client.examine(mailbox).await.unwrap();
    let mut stream = mailbox.fetch(1..=mailbox.exists(), FetchItems::new().body());
    let mut texts = Vec::new();
    while let Some(message) = stream.next().await {
        let body = message.unwrap().into_body().bytes().await.unwrap();
        texts.push(String::from_utf8(body.to_vec()).unwrap());
    }
    texts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p26_tasks_on_different_mailboxes_share_main_and_never_mix() {
    let names = ["a", "b", "c"];
    let server = names
        .into_iter()
        .fold(server(), |server, name| server.messages(name, (0..20).map(move |n| format!("{name}{n}\r\n"))))
        .start()
        .await
        .unwrap();
    let client = client(&server).max_connections(1).build().unwrap();
    let tasks: Vec<_> = (0..12)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                let name = names[task % 3];
                for _ in 0..10 {
                    let expected: Vec<_> = (0..20).map(|n| format!("{name}{n}\r\n")).collect();
                    assert_eq!(texts(&client, name).await, expected);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(server.report().connections.peak, 1);
    client.close().await;
}

#[tokio::test]
async fn p27_a_mailbox_made_anew_is_not_the_one_that_was_opened() {
    let server = server().messages("work", ["old"]).start().await.unwrap();
    let client = client(&server).build().unwrap();
    let work = client.examine("work").await.unwrap();
    let account = server.account("kim").unwrap();
    account.recreate("work").unwrap();
    account.deliver("work", "another").unwrap();
    // Something else selected in between, so that the mailbox is opened again.
    client.examine("INBOX").await.unwrap();
    let error = work.fetch(1, FetchItems::new().body()).next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UidValidityChanged, "{error}");
    client.close().await;
}

#[tokio::test]
async fn p29_what_is_harmless_is_repeated_once_and_nothing_else() {
    let server = server().mailbox("work").start().await.unwrap();
    let client = client(&server).build().unwrap();
    client.noop().await.unwrap();
    server.add_fault(Fault::on_command("LIST", Action::Cut));
    assert_eq!(client.list("", "*").await.unwrap().len(), 2);
    assert_eq!(count(&server, "LIST"), 2);
    server.add_fault(Fault::on_command("EXAMINE", Action::Cut));
    let error = client.examine("work").await.unwrap_err();
    assert!(error.was_written() && error.kind() == ErrorKind::ConnectionLost, "{error}");
    assert_eq!(count(&server, "EXAMINE"), 1);
    client.close().await;
}

#[tokio::test]
async fn refusals_are_errors_with_the_servers_words() {
    let server = server().start().await.unwrap();
    let client = client(&server).build().unwrap();
    let error = client.examine("nowhere").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mailbox);
    assert!(error.command() == Some("EXAMINE nowhere") && error.text().is_some(), "{error:?}");
    assert!(client.status("nowhere", &[StatusItem::Messages]).await.is_err());
    server.add_fault(Fault::on_command("NOOP", Action::Bad("[CLIENTBUG] no".into())));
    let error = client.noop().await.unwrap_err();
    assert_eq!((error.kind(), error.text().as_deref()), (ErrorKind::Refused, Some("no")));
    client.noop().await.unwrap();
    let error = client.examine(MailboxName::from_wire("a\0b")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p28_a_command_whose_caller_left_is_skipped_or_answered_into_the_void() {
    let server = Arc::new(server().latency(Duration::from_millis(100)).start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    client.noop().await.unwrap();
    // The first LIST is on the wire when its caller leaves, the second still waits behind it.
    let (written, waiting) = (client.clone(), client.clone());
    let written = tokio::spawn(async move { written.list("", "*").await });
    tokio::task::yield_now().await;
    let waiting = tokio::spawn(async move { waiting.list("", "%").await });
    tokio::time::sleep(Duration::from_millis(30)).await;
    written.abort();
    waiting.abort();
    client.noop().await.unwrap();
    assert_eq!(count(&server, "LIST"), 1);
    assert_eq!(server.report().connections.total, 1);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn commands_of_many_tasks_share_the_wire() {
    let server = Arc::new(server().latency(Duration::from_millis(100)).start().await.unwrap());
    let client = in_memory(&server).max_connections(1).build().unwrap();
    client.noop().await.unwrap();
    let begun = tokio::time::Instant::now();
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.noop().await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert!(begun.elapsed() < Duration::from_millis(250), "{:?}", begun.elapsed());
    client.close().await;
}

#[tokio::test]
async fn p01_a_call_that_names_a_connection_runs_there() {
    let server = server().messages("INBOX", ["x"]).start().await.unwrap();
    let client = client(&server).max_connections(3).build().unwrap();
    client.noop().await.unwrap();
    let own = client.create_connection().await.unwrap();
    let inbox = client.via(&own).examine("INBOX").await.unwrap();
    assert!(inbox.fetch(1, FetchItems::new().body()).next().await.unwrap().is_ok());
    let seen = commands(&server);
    let of = |name: &str| seen.iter().find(|(_, command)| command.starts_with(name)).unwrap().0;
    assert_ne!(of("NOOP"), of("EXAMINE"));
    assert_eq!(of("EXAMINE"), of("UID FETCH"));
    assert_eq!(server.report().connections.current, 2);
    client.close().await;
}

/// How many mailboxes were selected.
fn selects(server: &mail_testkit::Server) -> usize {
    count(server, "EXAMINE") + count(server, "SELECT")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p22_two_tasks_on_two_mailboxes_share_main_without_selecting_for_each_command() {
    const EACH: u32 = 5000;
    let names = ["a", "b"];
    let server = names
        .into_iter()
        .fold(server(), |server, name| server.messages(name, (0..100).map(move |n| format!("{name}{n}\r\n"))))
        .start()
        .await
        .unwrap();
    let client = client(&server).max_connections(1).build().unwrap();
    let tasks = names.map(|name| {
        let client = client.clone();
        tokio::spawn(async move {
            let mailbox = client.examine(name).await.unwrap();
            for n in 0..EACH {
                let mut stream = mailbox.fetch(n % 100 + 1, FetchItems::new().body());
                let message = stream.next().await.unwrap().unwrap();
                assert_eq!(message.uid(), n % 100 + 1);
                let body = message.into_body().bytes().await.unwrap();
                assert_eq!(body, format!("{name}{}\r\n", n % 100));
                assert!(stream.next().await.is_none());
            }
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(count(&server, "UID FETCH"), 2 * EACH as usize);
    // Without grouping there would be one for each.
    println!("{} selections", selects(&server));
    assert!(selects(&server) <= 1000, "{} selections", selects(&server));
    assert_eq!(server.report().connections.total, 1);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p28_an_answer_that_nobody_wants_is_waited_for_5_s_unless_others_wait_behind_it() {
    let server = Arc::new(server().start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    client.noop().await.unwrap();
    for behind in [false, true] {
        let total = server.report().connections.total;
        server.add_fault(Fault::on_command("LIST", Action::Stall));
        let left = client.clone();
        let left = tokio::spawn(async move { left.list("", "*").await });
        tokio::time::sleep(Duration::from_millis(10)).await;
        left.abort();
        let begun = tokio::time::Instant::now();
        if behind {
            // Its own deadline counts then.
            client.noop().await.unwrap_err();
            assert_eq!(begun.elapsed().as_secs(), 59);
        } else {
            server.wait_for_connections(0).await;
            assert_eq!(begun.elapsed().as_secs(), 5);
        }
        client.noop().await.unwrap();
        assert_eq!(server.report().connections.total, total + 1);
    }
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p28_a_stream_that_nobody_wants_is_waited_for_5_s() {
    let server = Arc::new(server().messages("INBOX", ["x"]).start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    let inbox = client.examine("INBOX").await.unwrap();
    server.add_fault(Fault::on_command("UID FETCH", Action::Stall));
    let mut stream = inbox.fetch(1, FetchItems::new().flags());
    assert!(tokio::time::timeout(Duration::from_secs(1), stream.next()).await.is_err());
    let begun = tokio::time::Instant::now();
    drop(stream);
    server.wait_for_connections(0).await;
    assert_eq!(begun.elapsed().as_secs(), 5);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p28_of_an_answer_that_nobody_wants_a_megabyte_is_read_unless_others_wait_behind_it() {
    for (mailboxes, behind, connections) in
        [(3_000, "", 1), (7_000, "", 2), (7_000, "NOOP", 1), (7_000, "EXAMINE", 1)]
    {
        // Some 200 bytes each.
        let names = (0..mailboxes).map(|number| format!("{number:0200}"));
        let server =
            names.fold(server().latency(Duration::from_millis(100)), |server, name| server.mailbox(&name));
        let server = Arc::new(server.start().await.unwrap());
        let client = in_memory(&server).build().unwrap();
        client.examine("INBOX").await.unwrap();
        let left = client.clone();
        let left = tokio::spawn(async move { left.list("", "*").await });
        tokio::time::sleep(Duration::from_millis(30)).await;
        left.abort();
        if behind.is_empty() {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        if behind == "EXAMINE" {
            // It waits for its turn, which comes when no command of the mailbox before is under way.
            client.examine(format!("{:0200}", 1).as_str()).await.unwrap();
        } else {
            client.noop().await.unwrap();
        }
        let total = server.report().connections.total;
        assert_eq!(total, connections, "{mailboxes} mailboxes, others behind it: {behind}");
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p29_what_was_not_written_runs_on_the_next_connection_of_the_same_handle() {
    let server = Arc::new(server().latency(Duration::from_millis(50)).mailbox("work").start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    let own = client.create_connection().await.unwrap();
    let first = own.id().await;
    let via = client.via(&own);
    server.add_fault(Fault::on_command("LIST", Action::Cut));
    // The selection waits for all before it, and so is unwritten when the connection goes.
    let (listed, opened) = tokio::join!(via.list("", "*"), via.examine("work"));
    assert_eq!(listed.unwrap().len(), 2);
    opened.unwrap();
    assert_eq!((count(&server, "LIST"), count(&server, "EXAMINE")), (2, 1));
    assert_eq!(server.report().connections.total, 2);
    assert!(own.id().await.is_some() && own.id().await != first);
    // Nor does a stream that waits for its mailbox wait in vain.
    server.account("kim").unwrap().deliver("work", "x").unwrap();
    let work = via.examine("work").await.unwrap();
    via.examine("INBOX").await.unwrap();
    server.add_fault(Fault::on_command("LIST", Action::Cut));
    let mut stream = work.fetch(1, FetchItems::new().flags());
    let next = tokio::time::timeout(Duration::from_secs(20), stream.next());
    let (listed, message) = tokio::join!(via.list("", "*"), next);
    assert_eq!((listed.unwrap().len(), message.unwrap().unwrap().unwrap().uid()), (2, 1));
    assert_eq!((count(&server, "LIST"), count(&server, "UID FETCH")), (4, 1));
    // What reads is repeated once only, and then the error says so.
    server.add_fault(Fault::on_command("LIST", Action::Cut).times(2));
    let error = via.list("", "*").await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::ConnectionLost && error.was_written() && error.is_retryable(),
        "{error}"
    );
    assert_eq!(count(&server, "LIST"), 6);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p29_a_server_that_ends_every_connection_is_not_dialled_for_ever() {
    let server = Arc::new(server().mailbox("work").start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    client.noop().await.unwrap();
    server.add_fault(Fault::on_command("*", Action::Cut).always());
    assert!(client.examine("work").await.is_err());
    assert!(server.report().connections.total < 20, "{:?}", server.report().connections);
}

#[tokio::test(start_paused = true)]
async fn p44_a_call_may_be_given_an_end_and_its_command_is_taken_back() {
    let server =
        Arc::new(server().latency(Duration::from_millis(100)).mailbox("work").start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    client.noop().await.unwrap();
    let hasty = client.with_deadline(Duration::from_millis(30));
    let begun = tokio::time::Instant::now();
    let (written, waiting) = tokio::join!(hasty.list("", "*"), hasty.examine("work"));
    assert_eq!(begun.elapsed().as_millis(), 30);
    let written = written.unwrap_err();
    assert!(written.kind() == ErrorKind::TimedOut && written.is_timeout(), "{written:?}");
    assert!(
        written.was_written() && written.is_retryable() && written.command() == Some("LIST"),
        "{written}"
    );
    let waiting = waiting.unwrap_err();
    assert!(!waiting.was_written() && waiting.is_retryable(), "{waiting}");
    assert!(waiting.connection().is_some() && waiting.to_string().contains("30ms"), "{waiting}");
    // The connection is as good as before, and what was taken back never came.
    client.noop().await.unwrap();
    assert_eq!((server.report().connections.total, count(&server, "EXAMINE")), (1, 0));
    // Whatever is in time is as ever.
    client.with_deadline(Duration::from_secs(10)).examine("work").await.unwrap();
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p44_a_calls_end_counts_while_it_waits_for_a_connection() {
    let server = Arc::new(server().fault(Fault::on_greeting(Action::Stall)).start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    let begun = tokio::time::Instant::now();
    let error = client.with_deadline(Duration::from_secs(3)).noop().await.unwrap_err();
    assert_eq!(begun.elapsed().as_secs(), 3);
    assert!(error.is_timeout() && !error.was_written() && error.command() == Some("NOOP"), "{error}");
    // The dial goes on for whoever comes next, until its own deadline.
    let error = client.noop().await.unwrap_err();
    assert!(error.is_timeout() && begun.elapsed().as_secs() == 30, "{error}");
    client.noop().await.unwrap();
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p44_selecting_and_changing_may_take_longer_than_reading() {
    let server = Arc::new(server().mailbox("work").start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    client.noop().await.unwrap();
    server.add_fault(Fault::on_command("EXAMINE", Action::Stall));
    let begun = tokio::time::Instant::now();
    let error = client.examine("work").await.unwrap_err();
    assert!(error.is_timeout() && error.was_written(), "{error}");
    assert_eq!(begun.elapsed().as_secs(), 300);
    client.close().await;
}

#[tokio::test]
async fn p26_nothing_is_changed_in_a_mailbox_that_was_deleted_and_made_again() {
    let server = server().messages("INBOX", ["inbox"]).messages("work", ["old"]).start().await.unwrap();
    let (one, other) = (client(&server).build().unwrap(), client(&server).build().unwrap());
    let work = one.select("work").await.unwrap();
    one.select("INBOX").await.unwrap();
    // Somebody else makes it anew, with a message of the same UID.
    other.delete_mailbox("work").await.unwrap();
    other.create_mailbox("work").await.unwrap();
    other.select("INBOX").await.unwrap().copy(1, "work").await.unwrap();
    let error = work.add_flags(1, [Flag::Deleted]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UidValidityChanged, "{error}");
    assert!(!error.was_written() && !error.is_retryable(), "{error}");
    let mut stream = other.examine("work").await.unwrap().fetch(1, FetchItems::new().flags());
    assert!(!stream.next().await.unwrap().unwrap().has_flag(&Flag::Deleted));
    assert_eq!(count(&server, "UID STORE"), 0);
    one.close().await;
    other.close().await;
}

#[tokio::test]
async fn p26_a_change_is_written_only_behind_the_selections_ok() {
    use common::script::{agree, parts, scripted};
    // Two selections of the mailbox later it is another one; three later it can't be changed.
    for (later, code) in [(2, "UIDVALIDITY 2] x\r\n* OK [READ-WRITE"), (2, "UIDVALIDITY 1] x\r\n* NO [ALERT")]
    {
        let selected = std::sync::atomic::AtomicU32::new(0);
        let refuses = code.contains("NO");
        let (port, seen) = scripted("* OK [CAPABILITY IMAP4rev1] hi\r\n", move |_, line| {
            let (tag, command) = parts(line);
            if command != "SELECT work" && command != "SELECT \"work\"" {
                return agree(line);
            }
            let times = selected.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            let code = if times < later { "UIDVALIDITY 1] x\r\n* OK [READ-WRITE" } else { code };
            let end = if times >= later && refuses { "NO gone" } else { "OK done" };
            format!("* 1 EXISTS\r\n* OK [{code}] x\r\n{tag} {end}\r\n")
        })
        .await;
        let client = common::builder(port).plaintext_without_encryption().build().unwrap();
        let work = client.select("work").await.unwrap();
        client.select("INBOX").await.unwrap();
        let error = work.add_flags(1, [Flag::Deleted]).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::UidValidityChanged | ErrorKind::Mailbox), "{error}");
        assert_eq!(seen.count("STORE"), 0, "{:?}", seen.lines());
        client.close().await;
    }
}
