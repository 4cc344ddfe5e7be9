//! The link between a client and the server: how far away the server is, and how much the way carries.

mod bridge;
mod lane;
mod pipe;

use std::num::NonZeroU64;
use std::time::Duration;

pub(crate) use bridge::bridge;
pub(crate) use pipe::{PipeEnd, pipe};

/// The delay and the bandwidth of every connection to a server.
///
/// The default is a link without delay and without a limit: TCP connections then go straight to the server.
///
/// A latency of `d` is a round trip of `d`: each byte takes `d / 2` in its direction, both directions at once,
/// so that a hundred commands sent together still take one round trip. Connecting costs one round trip of its
/// own. The bandwidth holds for each direction of each connection by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    latency: Duration,
    bandwidth: Option<NonZeroU64>,
}

impl Link {
    /// How long it takes until the client has an answer to what it sends, on a link that is otherwise free.
    pub fn with_latency(mut self, round_trip: Duration) -> Self {
        self.latency = round_trip;
        self
    }

    /// How many bytes a second pass in each direction of one connection; zero means without a limit.
    pub fn with_bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.bandwidth = NonZeroU64::new(bytes_per_second);
        self
    }

    /// The round trip.
    pub fn latency(&self) -> Duration {
        self.latency
    }

    /// Bytes a second in each direction, if there is a limit.
    pub fn bandwidth(&self) -> Option<NonZeroU64> {
        self.bandwidth
    }

    /// Whether bytes pass at once and without limit.
    pub(crate) fn is_direct(&self) -> bool {
        self.latency.is_zero() && self.bandwidth.is_none()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::{Instant, sleep};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn link(latency: Duration, bandwidth: u64) -> (PipeEnd, PipeEnd) {
        pipe(Link::default().with_latency(latency).with_bandwidth(bandwidth), Instant::now())
    }

    /// tokio's timers fire at whole milliseconds.
    fn is_about(time: Duration, expected: Duration) -> bool {
        (expected..=expected + MS).contains(&time)
    }

    #[tokio::test(start_paused = true)]
    async fn each_way_takes_half_the_latency() {
        let (mut client, mut server) = link(100 * MS, 0);
        let begin = Instant::now();
        client.write_all(b"ping").await.unwrap();
        assert_eq!(begin.elapsed(), Duration::ZERO, "writing doesn't wait");
        let mut buf = [0; 4];
        server.read_exact(&mut buf).await.unwrap();
        assert!(is_about(begin.elapsed(), 50 * MS), "{:?}", begin.elapsed());
        server.write_all(b"pong").await.unwrap();
        client.read_exact(&mut buf).await.unwrap();
        assert!(is_about(begin.elapsed(), 100 * MS), "{:?}", begin.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_together_arrives_together() {
        let (mut client, mut server) = link(100 * MS, 0);
        let begin = Instant::now();
        for _ in 0..100 {
            client.write_all(b"tick").await.unwrap();
        }
        server.read_exact(&mut [0; 400]).await.unwrap();
        assert!(is_about(begin.elapsed(), 50 * MS), "{:?}", begin.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_arrives_too_early_and_all_of_it_in_time() {
        const RATE: u64 = 4_000_000;
        const TOTAL: usize = 8_000_000;
        let (mut client, mut server) = link(20 * MS, RATE);
        let begin = Instant::now();
        let writer = tokio::spawn(async move { server.write_all(&vec![7; TOTAL]).await.unwrap() });
        let mut received = 0;
        let mut buf = vec![0; 64 * 1024];
        loop {
            let count = client.read(&mut buf).await.unwrap();
            if count == 0 {
                break;
            }
            received += count;
            let on_the_way = begin.elapsed().saturating_sub(10 * MS);
            let most = on_the_way.as_nanos() * u128::from(RATE) / 1_000_000_000;
            assert!(received as u128 <= most, "{received} bytes after {on_the_way:?}");
            if received == TOTAL {
                assert!(is_about(begin.elapsed(), 2_010 * MS), "{:?}", begin.elapsed());
            } else if received % 5 == 0 {
                // A reader that is late now and then loses nothing by it.
                sleep(3 * MS).await;
            }
        }
        assert_eq!(received, TOTAL);
        writer.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn each_direction_has_its_own_bandwidth() {
        let (client, server) = link(Duration::ZERO, 1_000_000);
        let begin = Instant::now();
        let exchange = |end: PipeEnd| async move {
            let (mut read, mut write) = tokio::io::split(end);
            let mut received = vec![0; 500_000];
            let sent = vec![1; 500_000];
            tokio::try_join!(read.read_exact(&mut received), write.write_all(&sent)).unwrap();
        };
        tokio::join!(exchange(client), exchange(server));
        assert!(is_about(begin.elapsed(), 500 * MS), "{:?}", begin.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_writer_waits_for_a_reader_that_does_not_read() {
        let (mut client, mut server) = link(20 * MS, 1_000_000);
        let sent =
            tokio::time::timeout(Duration::from_secs(60), server.write_all(&vec![0; 10_000_000])).await;
        assert!(sent.is_err(), "ten megabytes went nowhere");
        let mut buf = vec![0; 1_000_000];
        let held = tokio::time::timeout(MS, async {
            let mut held = 0;
            loop {
                held += client.read(&mut buf).await.unwrap();
                if held > 1_000_000 {
                    break held;
                }
            }
        });
        assert!(held.await.is_err(), "more than the link and a socket buffer hold was under way");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_arrives_behind_what_was_sent() {
        let (mut client, mut server) = link(100 * MS, 1_000);
        let begin = Instant::now();
        server.write_all(&[1; 500]).await.unwrap();
        drop(server);
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        assert_eq!(received.len(), 500);
        assert!(is_about(begin.elapsed(), 550 * MS), "{:?}", begin.elapsed());
        assert!(client.write_all(b"too late").await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_leaves_is_noticed_half_a_round_trip_later() {
        let (client, mut server) = link(100 * MS, 0);
        drop(client);
        assert!(server.write_all(b"nobody hears this").await.is_ok());
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(server.write_all(b"nor this").await.is_err());
    }
}
