//! A login that is made to find out whether the server takes the credentials.

system_tests::watch_for_secrets!();

mod common;

use std::{sync::Arc, time::Duration};

use common::{client, count, in_memory, server};
use mail_client::ErrorKind;

#[tokio::test]
async fn each_check_is_a_login_of_its_own_within_the_quota() {
    let server = server().max_connections_per_user(2).start().await.unwrap();
    let client = client(&server).max_connections(2).build().unwrap();
    client.check_credentials().await.unwrap();
    client.noop().await.unwrap();
    let logins = || count(&server, "AUTHENTICATE");
    assert_eq!(logins(), 2);
    // One that is kept for the next user, logged in already, proves nothing.
    drop(client.create_connection().await.unwrap());
    let before = logins();
    client.check_credentials().await.unwrap();
    client.check_credentials().await.unwrap();
    assert_eq!(logins(), before + 2);
    assert!(server.report().connections.peak <= 2);
    client.close().await;
}

#[tokio::test]
async fn a_wrong_password_is_found_out_while_main_goes_on() {
    let server = server().start().await.unwrap();
    let client = client(&server).max_connections(2).build().unwrap();
    client.noop().await.unwrap();
    client.set_password("wrong secret").unwrap();
    // The pool waits, since with main open a refusal may be a limit in disguise. Whoever asks is told at once.
    let begun = std::time::Instant::now();
    let error = client.check_credentials().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Login, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    client.noop().await.unwrap();
    assert_eq!(count(&server, "AUTHENTICATE"), 2, "main's, and the wrong password once");
    client.set_password("secret").unwrap();
    client.check_credentials().await.unwrap();
    client.close().await;
}

#[tokio::test]
async fn nobody_else_being_there_a_wrong_password_is_sent_once() {
    for max in [1, 2] {
        let server = server().start().await.unwrap();
        let client = client(&server).password("wrong secret").max_connections(max).build().unwrap();
        for _ in 0..3 {
            assert_eq!(client.check_credentials().await.unwrap_err().kind(), ErrorKind::Login);
        }
        assert_eq!(count(&server, "AUTHENTICATE"), 1);
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn with_a_quota_of_one_main_logs_in_anew_and_loses_no_command() {
    let server = Arc::new(server().latency(Duration::from_millis(100)).start().await.unwrap());
    let client = in_memory(&server).max_connections(1).build().unwrap();
    client.check_credentials().await.unwrap();
    assert_eq!(count(&server, "AUTHENTICATE"), 1);
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move {
                if number == 10 {
                    return client.check_credentials().await;
                }
                client.create_mailbox(format!("mailbox {number}")).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(client.list("", "mailbox*").await.unwrap().len(), 19);
    assert_eq!((count(&server, "AUTHENTICATE"), count(&server, "CREATE")), (2, 19));
    assert_eq!(server.report().connections.peak, 1);
    client.close().await;
}
