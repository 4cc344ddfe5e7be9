use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tracing::debug;

use crate::transport::connector::{BoxIo, Connector};
use crate::transport::error::{DialAttempt, DialFailure, Error};
use crate::transport::resolve::{Resolve, SystemResolver};
use crate::transport::target::Target;

/// How long an attempt has before the next address is tried beside it (RFC 8305 section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// A name with more addresses than this is a mistake or an attack; the rest is not dialled.
const MOST_ADDRESSES: usize = 24;

/// Dials over TCP: resolves the name and tries its addresses, IPv6 and IPv4 in turn, each 250 ms after the one before or
/// as soon as that one has failed; the first that answers wins (RFC 8305, "happy eyeballs").
///
/// `TCP_NODELAY` and `SO_KEEPALIVE` are set on every connection.
#[derive(Clone)]
pub struct TcpConnector {
    resolver: Arc<dyn Resolve>,
    local_address: Option<IpAddr>,
    attempt_timeout: Duration,
}

impl TcpConnector {
    /// Dials from any local address, with the operating system's resolver, at most 20 s for each address.
    pub fn new() -> Self {
        Self {
            resolver: Arc::new(SystemResolver),
            local_address: None,
            attempt_timeout: Duration::from_secs(20),
        }
    }

    /// Dials from this local address; only addresses of its family are tried.
    #[must_use]
    pub fn local_address(mut self, address: IpAddr) -> Self {
        self.local_address = Some(address);
        self
    }

    /// Asks this resolver.
    #[must_use]
    pub fn resolver(mut self, resolver: impl Resolve) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// How long each single address may take to answer. Below the caller's own deadline, the error can tell which
    /// addresses were tried.
    #[must_use]
    pub fn attempt_timeout(mut self, limit: Duration) -> Self {
        self.attempt_timeout = limit;
        self
    }

    async fn resolve(&self, target: &Target) -> Result<Vec<SocketAddr>, Error> {
        if let Some(ip) = target.ip() {
            return Ok(vec![SocketAddr::new(ip, target.port())]);
        }
        let failed = |error: io::Error| {
            let (target, not_found) = (target.clone(), error.kind() == io::ErrorKind::NotFound);
            let source = Arc::new(error);
            if not_found { Error::NameNotFound { target, source } } else { Error::Resolve { target, source } }
        };
        let addresses = self.resolver.resolve(target.host(), target.port()).await.map_err(failed)?;
        if addresses.is_empty() {
            return Err(failed(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
        }
        Ok(addresses)
    }

    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(local) = self.local_address {
            socket.bind(SocketAddr::new(local, 0))?;
        }
        socket.set_keepalive(true)?;
        let stream = match timeout(self.attempt_timeout, socket.connect(address)).await {
            Ok(connected) => connected?,
            Err(_) => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer to the connection attempt"));
            }
        };
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn connect_tcp(&self, target: &Target) -> Result<TcpStream, Error> {
        let mut addresses = self.resolve(target).await?;
        if let Some(local) = self.local_address {
            addresses.retain(|address| address.is_ipv4() == local.is_ipv4());
        }
        let addresses = interleave(addresses);
        match race(addresses, |address| self.dial(address)).await {
            Ok((stream, address)) => {
                debug!(%target, %address, "connected");
                Ok(stream)
            }
            Err(failed) => Err(dial_error(target, failed)),
        }
    }
}

impl Default for TcpConnector {
    fn default() -> Self {
        Self::new()
    }
}

impl Connector for TcpConnector {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        Box::pin(async move { Ok(Box::new(self.connect_tcp(target).await?) as BoxIo) })
    }
}

impl std::fmt::Debug for TcpConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TcpConnector")
            .field("local_address", &self.local_address)
            .field("attempt_timeout", &self.attempt_timeout)
            .finish_non_exhaustive()
    }
}

/// The addresses in the order of dialling: the families in turn, beginning with the preferred one's, the order within a
/// family kept (RFC 8305 section 4).
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let begins_with_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == begins_with_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = Vec::new();
    loop {
        let (one, other) = (first.next(), second.next());
        if one.is_none() && other.is_none() {
            break;
        }
        order.extend(one);
        order.extend(other);
    }
    order.truncate(MOST_ADDRESSES);
    order
}

/// Dials the addresses, staggered, until one succeeds; the attempts still under way are dropped with the future.
///
/// The error has every failure, in the order in which they happened.
async fn race<S, F>(
    addresses: Vec<SocketAddr>,
    dial: impl Fn(SocketAddr) -> F,
) -> Result<(S, SocketAddr), Vec<(SocketAddr, io::Error)>>
where
    F: Future<Output = io::Result<S>>,
{
    let mut waiting = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failed = Vec::new();
    loop {
        if let Some(address) = waiting.next() {
            let attempt = dial(address);
            attempts.push(async move { (address, attempt.await) });
        } else if attempts.is_empty() {
            return Err(failed);
        }
        let mut stagger = pin!(sleep(STAGGER));
        tokio::select! {
            biased;
            Some((address, outcome)) = attempts.next() => match outcome {
                Ok(stream) => return Ok((stream, address)),
                Err(error) => {
                    debug!(%address, %error, "an address could not be connected to");
                    failed.push((address, error));
                }
            },
            () = &mut stagger, if waiting.len() > 0 => {}
        }
    }
}

fn dial_error(target: &Target, failed: Vec<(SocketAddr, io::Error)>) -> Error {
    let attempts: Arc<[DialAttempt]> = failed
        .iter()
        .map(|(address, error)| DialAttempt { address: *address, failure: DialFailure::from(error) })
        .collect();
    let failure =
        attempts.iter().map(|attempt| attempt.failure).max().unwrap_or(DialFailure::NoUsableAddress);
    let last = failed.into_iter().last().map(|(_, error)| error);
    let source = last.unwrap_or_else(|| io::Error::new(io::ErrorKind::AddrNotAvailable, "nothing to dial"));
    Error::Dial { target: target.clone(), failure, attempts, source: Arc::new(source) }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// A resolver that knows one answer.
    struct Fixed(Result<Vec<SocketAddr>, io::ErrorKind>);

    impl Resolve for Fixed {
        fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
            Box::pin(async { self.0.clone().map_err(io::Error::from) })
        }
    }

    fn target(host: &str, port: u16) -> Target {
        Target::new(host, port).unwrap()
    }

    /// A port of 127.0.0.1 on which nobody listens.
    async fn dead_port() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }

    async fn failure_of(connector: TcpConnector, target: &Target) -> Error {
        connector.connect(target).await.err().unwrap()
    }

    #[test]
    fn families_take_turns_and_keep_their_own_order() {
        let order = interleave(addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]));
        assert_eq!(order, addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]));
        let order = interleave(addresses(&["1.1.1.1:1", "2.2.2.2:1", "[::1]:1"]));
        assert_eq!(order, addresses(&["1.1.1.1:1", "[::1]:1", "2.2.2.2:1"]));
        assert_eq!(interleave(vec!["[::1]:1".parse().unwrap(); 1000]).len(), MOST_ADDRESSES);
    }

    /// When each address is dialled, when it ends and how, all in milliseconds.
    struct Script {
        started: Mutex<Vec<(u128, u16)>>,
        under_way: AtomicUsize,
        begin: Instant,
    }

    impl Script {
        fn new() -> Self {
            Self { started: Mutex::default(), under_way: AtomicUsize::new(0), begin: Instant::now() }
        }

        /// Dials by port: the outcome and after how long.
        async fn dial(&self, address: SocketAddr, outcome: &[(u64, bool)]) -> io::Result<u16> {
            struct Under<'a>(&'a AtomicUsize);
            impl Drop for Under<'_> {
                fn drop(&mut self) {
                    self.0.fetch_sub(1, Ordering::Relaxed);
                }
            }
            self.under_way.fetch_add(1, Ordering::Relaxed);
            let _under = Under(&self.under_way);
            self.started.lock().unwrap().push((self.begin.elapsed().as_millis(), address.port()));
            let (after, connects) = outcome[usize::from(address.port())];
            sleep(Duration::from_millis(after)).await;
            if connects { Ok(address.port()) } else { Err(io::ErrorKind::ConnectionRefused.into()) }
        }
    }

    const FOUR: [&str; 4] = ["1.1.1.1:0", "1.1.1.1:1", "1.1.1.1:2", "1.1.1.1:3"];

    #[tokio::test(start_paused = true)]
    async fn a_slow_address_is_overtaken_after_250_ms_and_dropped_when_it_loses() {
        let script = Script::new();
        let outcomes = [(10_000, true), (600, true), (10_000, true), (10_000, true)];
        let (port, _) = race(addresses(&FOUR), |address| script.dial(address, &outcomes)).await.unwrap();
        assert_eq!(port, 1);
        assert_eq!(script.begin.elapsed().as_millis(), 850);
        assert_eq!(*script.started.lock().unwrap(), [(0, 0), (250, 1), (500, 2), (750, 3)]);
        assert_eq!(script.under_way.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_starts_the_next_address_at_once() {
        let script = Script::new();
        let outcomes = [(5, false), (5, false), (400, true), (5, false)];
        let (port, _) = race(addresses(&FOUR), |address| script.dial(address, &outcomes)).await.unwrap();
        assert_eq!(port, 2);
        assert_eq!(*script.started.lock().unwrap(), [(0, 0), (5, 1), (10, 2), (260, 3)]);
        assert_eq!(script.begin.elapsed().as_millis(), 410);
    }

    #[tokio::test(start_paused = true)]
    async fn every_failure_is_told_in_its_order() {
        let script = Script::new();
        let outcomes = [(900, false), (5, false), (5, false), (5, false)];
        let failed = race(addresses(&FOUR), |address| script.dial(address, &outcomes)).await.unwrap_err();
        let ports: Vec<_> = failed.iter().map(|(address, _)| address.port()).collect();
        assert_eq!(ports, [1, 2, 3, 0]);
        assert_eq!(script.begin.elapsed().as_millis(), 900);
    }

    #[test]
    fn the_most_telling_failure_stands_for_all_and_each_is_listed() {
        use io::ErrorKind::{ConnectionRefused, NetworkUnreachable, TimedOut};
        let name = target("mail.example", 993);
        let failed = |kinds: &[io::ErrorKind]| {
            let address: SocketAddr = "192.0.2.1:993".parse().unwrap();
            dial_error(&name, kinds.iter().map(|kind| (address, (*kind).into())).collect())
        };
        let error = failed(&[NetworkUnreachable, ConnectionRefused, TimedOut]);
        assert!(matches!(&error, Error::Dial { failure: DialFailure::Refused, source, .. }
            if source.kind() == TimedOut));
        let expected = "mail.example:993: connection refused (tried 192.0.2.1: host unreachable, \
            192.0.2.1: connection refused, 192.0.2.1: connecting timed out)";
        assert_eq!(error.to_string(), expected);
        assert!(failed(&[TimedOut; 9]).to_string().ends_with("192.0.2.1: connecting timed out and 3 more)"));
        // Where our words say nothing, the system's follow.
        let error = failed(&[io::ErrorKind::AddrNotAvailable]).to_string();
        assert_eq!(
            error,
            "mail.example:993: connecting failed (tried 192.0.2.1: connecting failed: address not available)"
        );
    }

    #[tokio::test]
    async fn both_families_of_loopback_carry_bytes() {
        for host in ["127.0.0.1", "::1"] {
            let listener = TcpListener::bind((host, 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = tokio::spawn(async move {
                let (mut socket, _) = listener.accept().await.unwrap();
                socket.write_all(b"* OK\r\n").await.unwrap();
            });
            let mut stream = TcpConnector::new().connect(&target(host, port)).await.unwrap();
            let mut greeting = String::new();
            stream.read_to_string(&mut greeting).await.unwrap();
            assert_eq!(greeting, "* OK\r\n");
            server.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_dead_first_address_does_not_matter() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let alive = listener.local_addr().unwrap();
        let dead = dead_port().await;
        let connector = TcpConnector::new().resolver(Fixed(Ok(vec![dead, alive])));
        let stream = connector.connect_tcp(&target("mail.example", 0)).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), alive);
        assert!(stream.nodelay().unwrap());
    }

    #[tokio::test]
    async fn a_refused_port_says_so_and_names_the_address() {
        let dead = dead_port().await;
        let connector = TcpConnector::new().resolver(Fixed(Ok(vec![dead])));
        let error = failure_of(connector, &target("mail.example", dead.port())).await;
        assert!(matches!(&error, Error::Dial { failure: DialFailure::Refused, attempts, .. }
            if attempts.len() == 1 && attempts[0].address == dead));
        assert!(!error.is_permanent() && !error.is_timeout());
        let expected =
            format!("mail.example:{}: connection refused (tried 127.0.0.1: connection refused)", dead.port());
        assert_eq!(error.to_string(), expected);
        assert!(std::error::Error::source(&error).is_some());
    }

    /// A host that takes no more connections drops what asks for one, as a host that isn't there does.
    #[cfg(target_os = "linux")]
    #[tokio::test(start_paused = true)]
    async fn a_silent_address_is_given_up_after_its_own_limit() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let _full = [(); 2].map(|()| std::net::TcpStream::connect(address).unwrap());
        let begin = Instant::now();
        let connector = TcpConnector::new().attempt_timeout(Duration::from_secs(7));
        let error = failure_of(connector, &target("127.0.0.1", address.port())).await;
        assert!(matches!(error, Error::Dial { failure: DialFailure::TimedOut, .. }), "{error}");
        assert!(error.is_timeout() && !error.is_permanent());
        assert_eq!(begin.elapsed().as_secs(), 7);
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_permanent_and_a_silent_resolver_is_not() {
        let name = target("mail.example", 993);
        let connector = TcpConnector::new().resolver(Fixed(Err(io::ErrorKind::NotFound)));
        let error = failure_of(connector, &name).await;
        assert!(matches!(error, Error::NameNotFound { .. }) && error.is_permanent());
        let error = failure_of(TcpConnector::new().resolver(Fixed(Ok(vec![]))), &name).await;
        assert!(matches!(error, Error::NameNotFound { .. }));
        let connector = TcpConnector::new().resolver(Fixed(Err(io::ErrorKind::TimedOut)));
        let error = failure_of(connector, &name).await;
        assert!(matches!(error, Error::Resolve { .. }) && !error.is_permanent());
    }

    #[tokio::test]
    async fn the_local_address_is_used_and_rules_the_other_family_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let alive = listener.local_addr().unwrap();
        let local: IpAddr = "127.0.0.7".parse().unwrap();
        let connector = TcpConnector::new().local_address(local);
        let stream = connector.connect_tcp(&target("127.0.0.1", alive.port())).await.unwrap();
        assert_eq!(stream.local_addr().unwrap().ip(), local);
        let error = failure_of(connector, &target("::1", alive.port())).await;
        assert!(matches!(&error, Error::Dial { failure: DialFailure::NoUsableAddress, .. }));
        assert!(error.is_permanent());
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_names_its_phase() {
        use crate::transport::error::Phase;
        let name = target("mail.example", 993);
        let never = std::future::pending::<Result<(), Error>>();
        let error = Phase::Dial.within(Duration::from_secs(30), &name, never).await.unwrap_err();
        assert_eq!(error.to_string(), "mail.example:993: timed out after 30s while connecting");
        assert!(error.is_timeout() && error.phase() == Phase::Dial);
    }
}
