//! Against the embedded server: many messages, large ones and odd ones, and the lock.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_core::future::BoxFuture;
use mail_client::{
    ErrorKind, Mechanism,
    pop3::{Pop3Client, Pop3ClientBuilder},
    transport::{BoxIo, Connector, Error, Target, Tls},
};
use mail_testkit::{Builder, Endpoint, Server};
use tokio::time::Instant;

fn server() -> Builder {
    Server::builder().user("kim", "secret")
}

struct InMemory(Arc<Server>);

impl Connector for InMemory {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        Box::pin(async move {
            let io = self.0.connect_to(Endpoint::Pop3Plain).await;
            Ok(Box::new(io.map_err(|error| Error::connector(target, error))?) as BoxIo)
        })
    }
}

fn in_memory(server: &Arc<Server>) -> Pop3ClientBuilder {
    let builder = Pop3Client::builder("127.0.0.1", "kim").password("secret");
    builder.plaintext_without_encryption().connector(InMemory(Arc::clone(server)))
}

/// Retrieves all there is, and gives it.
async fn retrieve(client: &Pop3Client) -> Vec<Bytes> {
    let mut stream = client.retrieve_all(client.uidl().await.unwrap());
    let mut all = Vec::new();
    while let Some(message) = stream.next().await {
        all.push(message.unwrap().content.bytes().await.unwrap());
    }
    all
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_messages_take_a_round_trip_each_only_where_the_server_cannot_do_better() {
    let mut took = Vec::new();
    for pipelines in [true, false] {
        let mut builder = server()
            .messages("INBOX", (0..10_000).map(|n| format!("Subject: {n}\r\n\r\n.{n}\r\n")))
            .latency(Duration::from_millis(20));
        if !pipelines {
            builder = builder.without_pop3_capability("PIPELINING");
        }
        let server = Arc::new(builder.start().await.unwrap());
        let client = in_memory(&server).build().unwrap();
        let begun = Instant::now();
        let all = retrieve(&client).await;
        took.push(begun.elapsed());
        let expected = |n| format!("Subject: {n}\r\n\r\n.{n}\r\n");
        assert!(all.len() == 10_000 && all.iter().enumerate().all(|(n, body)| *body == expected(n)));
        client.close().await;
    }
    assert!(took[0] * 40 < took[1], "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn dots_come_through_in_every_position() {
    let lines = ["", ".", "..", ".a", "a.", "a"];
    let mut bodies: Vec<String> = lines.iter().map(|line| format!("{line}\r\n")).collect();
    for first in lines {
        for second in lines {
            bodies.push(format!("{first}\r\n{second}\r\n"));
            bodies.extend(lines.iter().map(|third| format!("{first}\r\n{second}\r\n{third}\r\n")));
        }
    }
    let server = Arc::new(server().messages("INBOX", bodies.clone()).start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    assert!(retrieve(&client).await == bodies);
    client.close().await;
}

#[tokio::test]
async fn a_message_of_200_mb_and_an_empty_one() {
    const LEN: usize = 200 << 20;
    let line = b"0123456789abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXY\r\n";
    let large = Bytes::from(line.repeat(LEN / line.len()));
    let server = Arc::new(server().messages("INBOX", [large.clone(), Bytes::new()]).start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    let uids = client.uidl().await.unwrap();
    let mut reader = client.retrieve(&uids[0]).await.unwrap();
    let mut at = 0;
    while let Some(chunk) = reader.chunk().await.unwrap() {
        assert!(large[at..at + chunk.len()] == chunk, "at {at}");
        at += chunk.len();
    }
    assert_eq!(at, large.len());
    assert!(client.retrieve(&uids[1]).await.unwrap().bytes().await.unwrap().len() <= 2);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p36_what_is_committed_is_gone_and_nothing_else_is() {
    let server = Arc::new(server().messages("INBOX", ["a\r\n", "b\r\n", "c\r\n"]).start().await.unwrap());
    let client = in_memory(&server).build().unwrap();
    let uids = client.uidl().await.unwrap();
    let session = client.session().await.unwrap();
    session.delete(&uids[0]).await.unwrap();
    drop(session);
    assert_eq!(client.uidl().await.unwrap(), uids, "dropped without commit");
    let session = client.session().await.unwrap();
    session.delete(&uids[0]).await.unwrap();
    session.undelete_all().await.unwrap();
    session.delete(&uids[1]).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(client.uidl().await.unwrap(), [uids[0].clone(), uids[2].clone()]);
    let left = server.account("kim").unwrap().messages("INBOX").unwrap();
    assert_eq!(left.iter().map(|message| &message.body[..]).collect::<Vec<_>>(), [b"a\r\n", b"c\r\n"]);
    assert_eq!(client.retrieve(&uids[1]).await.unwrap_err().kind(), ErrorKind::Gone);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p14_the_lock_of_another_program_is_waited_for_and_a_quota_above_it_is_lowered() {
    let server = Arc::new(server().messages("INBOX", ["a\r\n"]).start().await.unwrap());
    let (first, second) = (in_memory(&server).build().unwrap(), in_memory(&server).build().unwrap());
    let session = first.session().await.unwrap();
    let waits = tokio::spawn(async move {
        let count = second.stat().await.unwrap().count;
        second.close().await;
        count
    });
    tokio::time::sleep(Duration::from_secs(10)).await;
    session.delete(1).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(waits.await.unwrap(), 0);
    first.close().await;
    let client = in_memory(&server).max_connections(5).build().unwrap();
    client.noop().await.unwrap();
    let begun = (0..8).map(|_| client.begin(|client| async move { client.noop().await }).unwrap());
    for begun in begun.collect::<Vec<_>>() {
        begun.await.unwrap();
    }
    let status = client.pool_status();
    assert_eq!((status.max_connections, status.effective), (5, 1), "{status}");
    client.close().await;
}

#[tokio::test]
async fn logins_over_tls_by_every_mechanism() {
    let server = server().messages("INBOX", ["a\r\n"]).mechanisms(["PLAIN", "LOGIN", "SCRAM-SHA-256"]);
    let server = server.start().await.unwrap();
    let tls = || Tls::builder().root_pem(server.ca_pem().as_bytes()).unwrap().build().unwrap();
    let builder = |endpoint| {
        let builder = Pop3Client::builder("127.0.0.1", "kim").password("secret").tls(tls());
        builder.port(server.address(endpoint).port())
    };
    for mechanism in [Mechanism::Plain, Mechanism::Login, Mechanism::ScramSha256] {
        let client = builder(Endpoint::Pop3Tls).mechanism(mechanism).build().unwrap();
        assert_eq!(client.stat().await.unwrap().count, 1, "{mechanism}");
        client.close().await;
    }
    let client = builder(Endpoint::Pop3StartTls).starttls().mechanisms([]).build().unwrap();
    assert_eq!(retrieve(&client).await, ["a\r\n"]);
    client.close().await;
    let client = builder(Endpoint::Pop3StartTls).starttls().password("wrong secret").build().unwrap();
    assert_eq!(client.stat().await.unwrap_err().kind(), ErrorKind::Login);
    client.close().await;
}
