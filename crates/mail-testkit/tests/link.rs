//! How long things take over a link with latency and a bandwidth.

system_tests::watch_for_secrets!();

mod common;

use std::time::Duration;

use common::Dialogue;
use mail_testkit::{Endpoint, Server};
use tokio::net::TcpStream;
use tokio::time::Instant;

const MS: Duration = Duration::from_millis(1);

async fn server(latency: Duration, bandwidth: u64, size: usize) -> Server {
    let body = vec![b'x'; size];
    let builder = Server::builder().user("alice", "secret").messages("INBOX", [body]);
    builder.latency(latency).bandwidth(bandwidth).start().await.unwrap()
}

async fn noops<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    mut dialogue: Dialogue<S>,
) -> Duration {
    let begin = Instant::now();
    let commands: String = (0..100).map(|n| format!("n{n} NOOP\r\n")).collect();
    dialogue.send(commands).await;
    dialogue.until("n99").await;
    begin.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_hundred_noops_in_one_flight_take_one_round_trip() {
    let server = server(100 * MS, 0, 1).await;
    let took = noops(Dialogue::open(server.connect().await.unwrap()).await).await;
    assert!((100 * MS..105 * MS).contains(&took), "{took:?}");
}

#[tokio::test]
async fn a_hundred_noops_in_one_flight_take_under_two_round_trips_of_tcp() {
    let server = server(100 * MS, 0, 1).await;
    let mut best = Duration::MAX;
    // A machine that is busy with something else may be late once.
    for _ in 0..5 {
        let tcp = TcpStream::connect(server.address(Endpoint::ImapPlain)).await.unwrap();
        let took = noops(Dialogue::open(tcp).await).await;
        assert!(took >= 100 * MS, "{took:?} is faster than the link");
        best = best.min(took);
    }
    assert!(best < 200 * MS, "{best:?}");
}

#[tokio::test(start_paused = true)]
async fn connecting_takes_a_round_trip() {
    let server = server(100 * MS, 0, 1).await;
    let begin = Instant::now();
    let connection = server.connect().await.unwrap();
    assert!((100 * MS..102 * MS).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    Dialogue::open(connection).await;
    assert!((150 * MS..154 * MS).contains(&begin.elapsed()), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn connecting_by_tcp_takes_a_round_trip_before_the_greeting_leaves() {
    let server = server(100 * MS, 0, 1).await;
    let begin = Instant::now();
    let tcp = TcpStream::connect(server.address(Endpoint::ImapPlain)).await.unwrap();
    Dialogue::open(tcp).await;
    assert!(begin.elapsed() >= 150 * MS, "{:?}", begin.elapsed());
}

/// The time a body of a million octets takes at a million octets a second, from its first to its last.
#[tokio::test(start_paused = true)]
async fn a_body_passes_at_the_bandwidth() {
    let server = server(20 * MS, 1_000_000, 1_000_000).await;
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    dialogue.ok("EXAMINE INBOX").await;
    let begin = Instant::now();
    dialogue.send("f UID FETCH 1 BODY.PEEK[]\r\n").await;
    dialogue.line().await;
    dialogue.octets(1_000_000).await;
    let took = begin.elapsed();
    assert!((1_020 * MS..1_025 * MS).contains(&took), "{took:?}");
}

/// Eight connections under TLS reach eight times the bandwidth of one: in real time, on a socket.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bandwidth_is_each_connection_s_own() {
    use std::sync::Arc;

    const SIZE: usize = 2_000_000;
    let server = Arc::new(server(20 * MS, 4_000_000, SIZE).await);
    let tls = tokio_rustls::TlsConnector::from(server.client_config());
    let mut fetches = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (server, tls) = (server.clone(), tls.clone());
        fetches.spawn(async move {
            let tcp = TcpStream::connect(server.address(Endpoint::ImapTls)).await.unwrap();
            let name = server.server_name().try_into().unwrap();
            let mut dialogue = Dialogue::open(tls.connect(name, tcp).await.unwrap()).await;
            dialogue.ok("LOGIN alice secret").await;
            dialogue.ok("EXAMINE INBOX").await;
            let begin = Instant::now();
            dialogue.send("f UID FETCH 1 BODY.PEEK[]\r\n").await;
            dialogue.line().await;
            dialogue.octets(SIZE).await;
            begin.elapsed()
        });
    }
    for took in fetches.join_all().await {
        assert!(took >= 500 * MS, "{took:?} is faster than the link");
        assert!(
            took < 2_500 * MS,
            "{took:?} for what takes half a second, and four seconds one after the other"
        );
    }
    assert_eq!(server.report().connections.peak, 8);
}
