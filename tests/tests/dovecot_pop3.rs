//! Pop3Client against Dovecot.

system_tests::watch_for_secrets!();

use std::time::Duration;

use mail_client::ErrorKind;
use mail_client::pop3::{Capability, Pop3Client, Pop3ClientBuilder};
use mail_client::transport::Tls;
use system_tests::servers::dovecot::{self, Options};
use system_tests::servers::{Info, Server};

fn client(server: &Info) -> Pop3ClientBuilder {
    let tls = Tls::builder().root_pem(&std::fs::read(&server.ca_file).unwrap()).unwrap().build().unwrap();
    Pop3Client::builder("127.0.0.1", &server.user)
        .port(server.ports["pop3s"])
        .password(&*server.password)
        .tls(tls)
}

/// A server whose user has these messages, put there by IMAP.
async fn with_mail(options: &Options, messages: Vec<String>) -> Server {
    let server = dovecot::start(options).unwrap();
    let info = server.info();
    let tls = Tls::builder().root_pem(&std::fs::read(&info.ca_file).unwrap()).unwrap().build().unwrap();
    let imap = mail_client::imap::ImapClient::builder("127.0.0.1", &info.user)
        .port(info.ports["imaps"])
        .password(&*info.password)
        .tls(tls)
        .build()
        .unwrap();
    let messages = messages.into_iter().map(mail_client::imap::NewMessage::new);
    for stored in imap.append_many("INBOX", messages).await {
        stored.unwrap();
    }
    imap.close().await;
    server
}

fn letter(n: usize) -> String {
    format!("Subject: {n}\r\n\r\n.\r\n..{n}\r\n.end\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn ten_thousand_messages_come_as_they_were_stored() {
    let server = with_mail(&Options::default(), (0..10_000).map(letter).collect()).await;
    let client = client(server.info()).build().unwrap();
    assert!(client.capabilities().await.unwrap().has(&Capability::Pipelining));
    let listed = client.list().await.unwrap();
    assert_eq!(listed.len(), 10_000);
    let mut stream = client.retrieve_all(listed.iter().map(|message| &message.uid));
    let mut n = 0;
    while let Some(message) = stream.next().await {
        let content = message.unwrap().content.bytes().await.unwrap();
        assert_eq!((content.len() as u64, content), (listed[n].octets, letter(n).into()));
        n += 1;
    }
    assert_eq!(n, 10_000);
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn p36_what_is_committed_is_gone_and_nothing_else_is() {
    let large = format!("Subject: large\r\n\r\n{}", "0123456789abcde\r\n".repeat(1 << 20));
    let server = with_mail(&Options::default(), vec![letter(0), large.clone(), letter(2)]).await;
    let client = client(server.info()).build().unwrap();
    let uids = client.uidl().await.unwrap();
    assert!(client.retrieve(&uids[1]).await.unwrap().bytes().await.unwrap() == large);
    assert_eq!(client.top(&uids[0], 0).await.unwrap().bytes().await.unwrap(), "Subject: 0\r\n\r\n");
    let session = client.session().await.unwrap();
    session.delete(&uids[0]).await.unwrap();
    drop(session);
    assert_eq!(client.uidl().await.unwrap(), uids, "dropped without commit");
    let session = client.session().await.unwrap();
    session.delete(&uids[1]).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(client.uidl().await.unwrap(), [uids[0].clone(), uids[2].clone()]);
    assert_eq!(client.retrieve(&uids[1]).await.unwrap_err().kind(), ErrorKind::Gone);
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn p14_dovecots_limit_lowers_the_quota_and_work_goes_on() {
    let mut options = Options::default();
    options.max_userip_connections = Some(1);
    let server = with_mail(&options, vec![letter(0)]).await;
    let builder = client(server.info()).max_connections(5);
    let client = builder.acquire_timeout(Some(Duration::from_secs(20))).build().unwrap();
    client.noop().await.unwrap();
    let begun: Vec<_> =
        (0..8).map(|_| client.begin(|client| async move { client.stat().await }).unwrap()).collect();
    for begun in begun {
        assert_eq!(begun.await.unwrap().count, 1);
    }
    let status = client.pool_status();
    assert_eq!((status.max_connections, status.effective), (5, 1), "{status}");
    assert!(status.last_refusal.unwrap().error.is_limit());
    client.close().await;
}
