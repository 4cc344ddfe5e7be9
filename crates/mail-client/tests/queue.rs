//! Many callers on one connection: no wrong mailbox, no answer to the wrong one, nothing done twice.

mod common;

use std::{sync::Arc, time::Duration};

use common::{client, commands, count, in_memory, server};
use mail_client::{
    ErrorKind,
    imap::{FetchItems, ImapClient, MailboxName, StatusItem},
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
