//! The way between client and server, which delays what passes, splits it, lets it run together, keeps silent, and ends
//! in the midst of it.
//!
//! It isn't a task between two sockets but the client's own end: so the server knows of a connection for exactly as long
//! as the client has it, and the server's count is what the client has open.

use std::{
    fmt,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use mail_client::transport::{BoxIo, Connector, Error, Target};
use mail_testkit::{Endpoint, Server};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    runtime::Handle,
    time::{Instant, Sleep, sleep},
};

use super::random::Random;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How much a system takes for a peer that isn't there any more.
const SYSTEM_BUFFER: usize = 64 << 10;

/// How long a line is silent that doesn't come back: longer than the client's patience.
const DEAD: Duration = Duration::from_secs(6);

/// All connections of a client. Prints how much it did to them.
pub(crate) struct Proxy {
    seed: u64,
    server: Arc<Server>,
    endpoint: Endpoint,
    /// Where the server's tasks run.
    runtime: Handle,
    is_quiet: AtomicBool,
    dialled: AtomicU64,
    cuts: AtomicU64,
    stalls: AtomicU64,
    delays: AtomicU64,
}

impl Proxy {
    pub(crate) fn new(seed: u64, server: Arc<Server>, endpoint: Endpoint, runtime: Handle) -> Arc<Self> {
        let [cuts, stalls, delays, dialled] = [const { AtomicU64::new(0) }; 4];
        Arc::new(Self {
            seed,
            server,
            endpoint,
            runtime,
            is_quiet: AtomicBool::new(false),
            dialled,
            cuts,
            stalls,
            delays,
        })
    }

    /// From now on everything passes as it comes, or nothing does so any more.
    pub(crate) fn be_quiet(&self, quiet: bool) {
        self.is_quiet.store(quiet, Ordering::Relaxed);
    }

    fn is_quiet(&self) -> bool {
        self.is_quiet.load(Ordering::Relaxed)
    }

    async fn dial(&self) -> io::Result<BoxIo> {
        let mut dialling = pin!(self.server.connect_to(self.endpoint));
        let connection = poll_fn(|cx| {
            let _servers_tasks = self.runtime.enter();
            dialling.as_mut().poll(cx)
        });
        Ok(Box::new(connection.await?))
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [dialled, cuts, stalls, delays] = [&self.dialled, &self.cuts, &self.stalls, &self.delays]
            .map(|count| count.load(Ordering::Relaxed));
        write!(f, "{dialled} connections, {cuts} cuts, {stalls} stalls, {delays} delays")
    }
}

/// Opens connections through a proxy.
pub(crate) struct Through(pub(crate) Arc<Proxy>);

impl Connector for Through {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        Box::pin(async move {
            let number = self.0.dialled.fetch_add(1, Ordering::Relaxed);
            let mut random = Random::new(self.0.seed, number);
            if !self.0.is_quiet() && random.once_in(40) {
                return Err(Error::connector(target, io::Error::from(io::ErrorKind::ConnectionRefused)));
            }
            let io = self.0.dial().await.map_err(|error| Error::connector(target, error))?;
            Ok(Box::new(Rough::new(io, random, Arc::clone(&self.0))) as BoxIo)
        })
    }
}

/// Who says what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaker {
    Server,
    Client,
}

/// What has become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Nothing passes, and nobody knows.
    Silent,
    /// The peer has closed: what is written goes nowhere.
    Ended,
    Reset,
}

/// A connection with a rough life.
struct Rough {
    /// Nothing once it is broken, so that the server learns of it.
    io: Option<BoxIo>,
    proxy: Arc<Proxy>,
    state: State,
    /// What may pass, of both sides together, before it breaks.
    life: u64,
    swallowed: usize,
    reader: Way,
    writer: Way,
}

/// One direction.
struct Way {
    random: Random,
    pause: Option<Pin<Box<Sleep>>>,
    /// How much may pass at a time, and how often more before that changes.
    most: usize,
    times: u64,
    waker: Option<Waker>,
}

impl Way {
    fn new(random: &mut Random) -> Self {
        Self { random: Random::new(random.next(), 0), pause: None, most: 1, times: 0, waker: None }
    }

    /// Waits until the next piece may pass; says how long it may be.
    fn poll_turn(&mut self, proxy: &Proxy, cx: &mut Context<'_>) -> Poll<usize> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        } else if !proxy.is_quiet() && self.random.once_in(12) {
            // What comes meanwhile runs together.
            proxy.delays.fetch_add(1, Ordering::Relaxed);
            let most = self.random.one_of(&[1, 1, 3, 30]);
            let mut pause = Box::pin(sleep(Duration::from_millis(self.random.within(0..most + 1))));
            let is_over = pause.as_mut().poll(cx).is_ready();
            if !is_over {
                self.pause = Some(pause);
                return Poll::Pending;
            }
        }
        if proxy.is_quiet() {
            return Poll::Ready(usize::MAX);
        }
        if self.times == 0 {
            self.most = self.random.one_of(&[1, 1, 2, 7, 100, 5_000, usize::MAX, usize::MAX]);
            self.times = self.random.within(1..60);
        }
        self.times -= 1;
        Poll::Ready(self.most)
    }
}

impl Rough {
    fn new(io: BoxIo, mut random: Random, proxy: Arc<Proxy>) -> Self {
        // As many break early as late: in the login, in a small command, in a large body; some never.
        let life = if random.once_in(8) {
            u64::MAX
        } else {
            let magnitude = random.within(7..22);
            random.within(1 << magnitude..2 << magnitude)
        };
        let (reader, writer) = (Way::new(&mut random), Way::new(&mut random));
        Self { io: Some(io), proxy, state: State::Open, life, swallowed: 0, reader, writer }
    }

    fn passed(&mut self, bytes: usize) {
        self.life = self.life.saturating_sub(bytes as u64);
        if self.life > 0 || self.state != State::Open || self.proxy.is_quiet() {
            return;
        }
        let state = self.reader.random.one_of(&[State::Ended, State::Reset, State::Reset, State::Silent]);
        self.enter(state);
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        match state {
            State::Silent => {
                self.proxy.stalls.fetch_add(1, Ordering::Relaxed);
                // Some come back, in time or not.
                let is_dead = self.reader.random.once_in(3);
                let silence =
                    if is_dead { DEAD } else { Duration::from_millis(self.reader.random.within(50..3_000)) };
                self.life = if is_dead { 0 } else { self.reader.random.within(1..100_000) };
                let until = Instant::now() + silence;
                for way in [&mut self.reader, &mut self.writer] {
                    way.pause = Some(Box::pin(tokio::time::sleep_until(until)));
                }
            }
            State::Open => {}
            State::Ended | State::Reset => {
                self.proxy.cuts.fetch_add(1, Ordering::Relaxed);
                self.io = None;
            }
        }
        for way in [&mut self.reader, &mut self.writer] {
            way.waker.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Ends a silence when its time is over, whichever side comes to ask.
    fn poll_silence(&mut self, speaker: Speaker, cx: &mut Context<'_>) -> Poll<()> {
        if self.state != State::Silent {
            return Poll::Ready(());
        }
        let way = match speaker {
            Speaker::Server => &mut self.reader,
            Speaker::Client => &mut self.writer,
        };
        if let Some(pause) = &mut way.pause {
            ready!(pause.as_mut().poll(cx));
        }
        (self.reader.pause, self.writer.pause) = (None, None);
        // What was written meanwhile is lost, and nothing can follow it.
        self.enter(if self.life == 0 || self.swallowed > 0 { State::Ended } else { State::Open });
        Poll::Ready(())
    }
}

impl AsyncRead for Rough {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.reader.waker = Some(cx.waker().clone());
        ready!(this.poll_silence(Speaker::Server, cx));
        let turn = match this.state {
            State::Reset => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            State::Ended => return Poll::Ready(Ok(())),
            _ => ready!(this.reader.poll_turn(&this.proxy, cx)),
        };
        let Some(io) = &mut this.io else { return Poll::Ready(Ok(())) };
        let most = turn.min(buf.remaining());
        let len = {
            let mut part = ReadBuf::new(buf.initialize_unfilled_to(most));
            ready!(Pin::new(io).poll_read(cx, &mut part))?;
            part.filled().len()
        };
        buf.advance(len);
        this.passed(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rough {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.writer.waker = Some(cx.waker().clone());
        let _ = this.poll_silence(Speaker::Client, cx);
        match this.state {
            State::Reset => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            State::Silent if this.swallowed + buf.len() > SYSTEM_BUFFER => return Poll::Pending,
            State::Silent | State::Ended => {
                this.swallowed += buf.len();
                return Poll::Ready(Ok(buf.len()));
            }
            State::Open => {}
        }
        let most = ready!(this.writer.poll_turn(&this.proxy, cx)).min(buf.len());
        let Some(io) = &mut this.io else { return Poll::Ready(Ok(buf.len())) };
        let len = ready!(Pin::new(io).poll_write(cx, &buf[..most]))?;
        this.passed(len);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match (self.state, &mut self.io) {
            (State::Open, Some(io)) => Pin::new(io).poll_flush(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match (self.state, &mut self.io) {
            (State::Open, Some(io)) => Pin::new(io).poll_shutdown(cx),
            _ => Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use mail_testkit::Server;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// How much comes at a time of what a peer sends, when, and how it ends.
    async fn life(seed: u64, number: u64) -> Vec<(Duration, Option<usize>)> {
        let server = Arc::new(Server::builder().start().await.unwrap());
        let proxy = Proxy::new(seed, server, Endpoint::ImapPlain, Handle::current());
        let (near, mut far) = tokio::io::duplex(1 << 20);
        tokio::spawn(async move { far.write_all(&vec![0; 1 << 23]).await });
        let mut rough = Rough::new(Box::new(near), Random::new(seed, number), proxy);
        let (start, mut seen, mut buffer) = (Instant::now(), Vec::new(), vec![0; 1 << 14]);
        loop {
            let read = rough.read(&mut buffer).await.ok();
            seen.push((start.elapsed(), read));
            if matches!(read, None | Some(0)) {
                return seen;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_seed_decides_what_becomes_of_a_connection() {
        let mut lives = Vec::new();
        for number in 0..20 {
            lives.push(life(7, number).await);
            assert!(lives.last() == Some(&life(7, number).await), "{number}");
        }
        let different: std::collections::BTreeSet<_> = lives.iter().collect();
        assert_eq!(different.len(), lives.len());
        assert!(life(8, 0).await != lives[0]);
    }
}
