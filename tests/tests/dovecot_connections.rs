//! The pool of ImapClient against Dovecot: its limit on connections, seen from both sides.

system_tests::watch_for_secrets!();

use std::collections::BTreeSet;
use std::time::Duration;

use mail_client::ErrorKind;
use mail_client::imap::{Assignment, ImapClient, ImapClientBuilder};
use mail_client::transport::Tls;
use system_tests::servers::dovecot::{self, Options};
use system_tests::servers::{Info, Server, dovecot_log};

fn limited(limit: u32) -> Server {
    let mut options = Options::default();
    options.max_userip_connections = Some(limit);
    dovecot::start(&options).unwrap()
}

fn client(server: &Info) -> ImapClientBuilder {
    let tls = Tls::builder().root_pem(&std::fs::read(&server.ca_file).unwrap()).unwrap().build().unwrap();
    ImapClient::builder("127.0.0.1", &server.user)
        .port(server.ports["imaps"])
        .password(&*server.password)
        .tls(tls)
}

/// Work of all kinds from many tasks at once.
async fn work(client: &ImapClient) {
    let tasks: Vec<_> = (0..24)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move {
                match n % 3 {
                    0 => client.scope(client.noop()).await,
                    1 => {
                        let own = client.create_connection().await?;
                        client.via(&own).examine("INBOX").await.map(drop)
                    }
                    _ => client.begin(|client| async move { client.examine("INBOX").await.map(drop) })?.await,
                }
            })
        })
        .collect();
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => {}
            // Of logins at the same instant Dovecot lets one too many through now and then, and hangs up on it.
            Err(error) if error.kind() == ErrorKind::ConnectionLost => client.noop().await.unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn p14_dovecots_limit_lowers_the_quota_and_work_goes_on() {
    for mode in [Assignment::MainOrDefault, Assignment::Main, Assignment::Default] {
        let server = limited(2);
        let client = client(server.info()).assignment(mode).max_connections(10).build().unwrap();
        // The work may be done before a third connection was tried.
        for _ in 0..50 {
            work(&client).await;
            if client.pool_status().last_refusal.is_some() {
                break;
            }
        }
        work(&client).await;
        let status = client.pool_status();
        // What it let in is what there may be from then on; of logins at the same instant that is more than its limit
        // now and then, and then it may hang up on one.
        let established = status.counts.idle + status.counts.in_use;
        assert!((established.max(1)..=5).contains(&status.effective), "{mode:?}: {status}");
        assert_eq!(status.max_connections, 10);
        let refusal = status.last_refusal.unwrap().error;
        assert!(
            refusal.is_limit() && refusal.text().unwrap().contains("mail_max_userip_connections=2"),
            "{refusal}"
        );
        client.close().await;
        let log = dovecot_log::read(server.info());
        assert!((1..10).contains(&log.over_the_limit), "{mode:?}: {} dials in vain", log.over_the_limit);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn p14_a_limit_that_leaves_one_connection_leaves_main() {
    let server = limited(1);
    let builder = client(server.info()).acquire_timeout(Some(Duration::from_secs(10)));
    let client = builder.build().unwrap();
    client.noop().await.unwrap();
    let error = client.create_connection().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Pool && error.is_limit() && error.is_timeout(), "{error}");
    // Begun operations run on main where there is nothing else.
    let begun = client.begin(|client| async move { Ok(client.examine("INBOX").await?.exists()) }).unwrap();
    assert_eq!(begun.await.unwrap(), client.examine("INBOX").await.unwrap().exists());
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn p06_dovecot_never_sees_more_than_the_quota() {
    // One more would be refused, and the client would know.
    let server = limited(3);
    let client = client(server.info()).max_connections(3).build().unwrap();
    for _ in 0..5 {
        work(&client).await;
    }
    let status = client.pool_status();
    assert!(status.last_refusal.is_none(), "{status}");
    let ids: BTreeSet<_> = status.connections.iter().filter_map(|connection| connection.id).collect();
    assert!(ids.len() <= 3 && !ids.is_empty());
    client.close().await;
    assert_eq!(dovecot_log::read(server.info()).over_the_limit, 0);
}
