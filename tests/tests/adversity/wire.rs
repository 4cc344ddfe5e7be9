//! The way between client and server: it counts every byte of every connection, and breaks one of them at a chosen
//! byte.

use std::{
    fmt, io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use mail_client::transport::{BoxIo, Connector, Error, Target};
use mail_testkit::{Endpoint, Server};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
};

use super::stage::{Stage, Way};

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who says a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    Server,
    Client,
}

/// The moment when so many bytes of one side have passed over a connection, counted from 1 in the order of dialling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) connection: usize,
    pub(crate) speaker: Speaker,
    pub(crate) after: u64,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {} of the {:?} on connection {}", self.after, self.speaker, self.connection)
    }
}

/// What happens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breach {
    /// The peer has closed: what is written goes nowhere, and nobody is told before the next read.
    End,
    /// The connection was reset: reading and writing fail.
    Reset,
    /// The line is dead: nothing comes any more, and what is written goes nowhere until the system's buffer is full.
    Stall,
    /// The connection goes on, and [`Wire::reached`] ends.
    Tell,
}

/// How much a system takes for a peer that is not there any more.
const SYSTEM_BUFFER: usize = 64 << 10;

/// All connections of a client.
#[derive(Default)]
pub(crate) struct Wire {
    state: Mutex<State>,
    reached: Notify,
}

#[derive(Default)]
struct State {
    breach: Option<(Point, Breach)>,
    struck: bool,
    records: bool,
    dialled: usize,
    traffic: Vec<Traffic>,
}

/// What passed over one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) from_server: Vec<u8>,
    pub(crate) from_client: Vec<u8>,
    /// How much of either had passed when the session's own work began.
    pub(crate) prelude: Option<(usize, usize)>,
}

impl Wire {
    /// One that keeps what passes.
    pub(crate) fn recording() -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { records: true, ..State::default() }), ..Self::default() })
    }

    pub(crate) fn breaking(point: Point, breach: Breach) -> Arc<Self> {
        let state = State { breach: Some((point, breach)), ..State::default() };
        Arc::new(Self { state: Mutex::new(state), ..Self::default() })
    }

    /// The session's own work begins.
    pub(crate) fn prelude_is_over(&self) {
        for traffic in &mut self.lock().traffic {
            traffic.prelude.get_or_insert((traffic.from_server.len(), traffic.from_client.len()));
        }
    }

    /// Nothing is broken from now on, but for what is already.
    pub(crate) fn disarm(&self) {
        self.lock().breach = None;
    }

    /// Whether it came to what was planned.
    pub(crate) fn struck(&self) -> bool {
        self.lock().struck
    }

    /// Waits for the point at which [`Breach::Tell`] is to tell.
    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }

    /// What was recorded.
    pub(crate) fn take_traffic(&self) -> Vec<Traffic> {
        std::mem::take(&mut self.lock().traffic)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dial(&self) -> usize {
        let mut state = self.lock();
        state.dialled += 1;
        if state.records {
            state.traffic.push(Traffic::default());
        }
        state.dialled
    }

    /// How many bytes more may pass before the connection breaks; `None` for any number.
    fn left(&self, connection: usize, speaker: Speaker, passed: u64) -> Option<u64> {
        let (point, _) = self.lock().breach?;
        let is_it = point.connection == connection && point.speaker == speaker;
        is_it.then(|| point.after.saturating_sub(passed))
    }

    fn pass(&self, connection: usize, speaker: Speaker, bytes: &[u8]) {
        let mut state = self.lock();
        if let Some(traffic) = state.traffic.get_mut(connection - 1) {
            match speaker {
                Speaker::Server => traffic.from_server.extend_from_slice(bytes),
                Speaker::Client => traffic.from_client.extend_from_slice(bytes),
            }
        }
    }

    /// The point is reached: what happens there, once.
    fn strike(&self) -> Option<Breach> {
        let mut state = self.lock();
        let (_, breach) = state.breach.take()?;
        state.struck = true;
        if breach == Breach::Tell {
            self.reached.notify_one();
        }
        Some(breach)
    }
}

/// Opens connections to this end of the server, over the stage's [`Wire`].
pub(crate) fn over(stage: &Stage, endpoint: Endpoint) -> impl Connector {
    Over { server: Arc::clone(&stage.server), endpoint, way: stage.way, wire: Arc::clone(&stage.wire) }
}

struct Over {
    server: Arc<Server>,
    endpoint: Endpoint,
    way: Way,
    wire: Arc<Wire>,
}

impl Over {
    async fn dial(&self) -> io::Result<BoxIo> {
        Ok(match self.way {
            Way::Memory => Box::new(self.server.connect_to(self.endpoint).await?),
            Way::Tls => {
                let socket = TcpStream::connect(self.server.address(self.endpoint)).await?;
                socket.set_nodelay(true)?;
                Box::new(socket)
            }
        })
    }
}

impl Connector for Over {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        Box::pin(async move {
            let number = self.wire.dial();
            let io = self.dial().await.map_err(|error| Error::connector(target, error))?;
            let mut metered =
                Metered { io: Some(io), number, wire: Arc::clone(&self.wire), ..Metered::default() };
            metered.look(Speaker::Server);
            metered.look(Speaker::Client);
            Ok(Box::new(metered) as BoxIo)
        })
    }
}

/// A connection that knows where it breaks.
#[derive(Default)]
struct Metered {
    /// Nothing once it is broken, so that the server learns of it.
    io: Option<BoxIo>,
    number: usize,
    wire: Arc<Wire>,
    from_server: u64,
    from_client: u64,
    broken: Option<Breach>,
    reader: Option<Waker>,
    swallowed: usize,
}

impl Metered {
    /// How much this side may say before the connection breaks, which it does if that is nothing.
    fn look(&mut self, speaker: Speaker) -> usize {
        let passed = match speaker {
            Speaker::Server => self.from_server,
            Speaker::Client => self.from_client,
        };
        match self.wire.left(self.number, speaker, passed) {
            None => usize::MAX,
            Some(0) => {
                match self.wire.strike() {
                    None | Some(Breach::Tell) => {}
                    Some(breach) => {
                        self.broken = Some(breach);
                        // A dead line's other end doesn't know that it is dead.
                        if breach != Breach::Stall {
                            self.io = None;
                        }
                        self.reader.take().into_iter().for_each(Waker::wake);
                    }
                }
                usize::MAX
            }
            Some(left) => usize::try_from(left).unwrap_or(usize::MAX),
        }
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let most = this.look(Speaker::Server).min(buf.remaining());
        match this.broken {
            Some(Breach::Reset) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Some(Breach::Stall) => return Poll::Pending,
            Some(_) => return Poll::Ready(Ok(())),
            None => {}
        }
        let Some(io) = &mut this.io else { return Poll::Ready(Ok(())) };
        this.reader = Some(cx.waker().clone());
        let len = {
            let mut part = ReadBuf::new(buf.initialize_unfilled_to(most));
            ready!(Pin::new(io).poll_read(cx, &mut part))?;
            part.filled().len()
        };
        this.wire.pass(this.number, Speaker::Server, &buf.initialize_unfilled_to(most)[..len]);
        buf.advance(len);
        this.from_server += len as u64;
        this.look(Speaker::Server);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let most = this.look(Speaker::Client).min(buf.len());
        match this.broken {
            Some(Breach::Reset) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Some(Breach::Stall) if this.swallowed + buf.len() > SYSTEM_BUFFER => return Poll::Pending,
            Some(_) => {
                this.swallowed += buf.len();
                return Poll::Ready(Ok(buf.len()));
            }
            None => {}
        }
        let Some(io) = &mut this.io else { return Poll::Ready(Ok(buf.len())) };
        let len = ready!(Pin::new(io).poll_write(cx, &buf[..most]))?;
        this.wire.pass(this.number, Speaker::Client, &buf[..len]);
        this.from_client += len as u64;
        this.look(Speaker::Client);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match (&mut this.io, this.broken) {
            (Some(io), None) => Pin::new(io).poll_flush(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match (&mut this.io, this.broken) {
            (Some(io), None) => Pin::new(io).poll_shutdown(cx),
            _ => Poll::Ready(Ok(())),
        }
    }
}
