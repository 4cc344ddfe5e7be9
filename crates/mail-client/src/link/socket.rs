//! The socket and the session that speaks over it: bytes from one to the other, whatever the protocol.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use mail_proto::session::{ClientSession, Step};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout},
};

use super::login;
use crate::{
    error::{Cause, Error, Result},
    transport::{Phase, Stream, Target, Tls},
};

/// A socket with its session.
pub(crate) struct Socket<S> {
    pub(crate) session: S,
    stream: Stream,
    out: VecDeque<Bytes>,
    flush: bool,
    /// How much is read at once: more while much comes, little while little does.
    read_size: usize,
}

const SMALLEST_READ: usize = 8 * 1024;
const LARGEST_READ: usize = 256 * 1024;

impl<S: ClientSession> Socket<S>
where
    Error: From<S::Error>,
{
    pub(super) fn new(session: S, stream: Stream) -> Self {
        Self { session, stream, out: VecDeque::new(), flush: false, read_size: SMALLEST_READ }
    }

    /// Speaks until the login is done. `greeting` bounds the wait for the first line, `login` all that follows, and
    /// `tls` a handshake after STARTTLS.
    pub(super) async fn establish(
        mut self,
        greeting: Duration,
        login: Duration,
        tls: Option<(&Tls, Duration, &Target)>,
    ) -> Result<Self> {
        let greeted = timeout(greeting, self.first_byte()).await;
        greeted.map_err(|_| Error::new(Cause::Silent { waited_for: "its greeting", after: greeting }))??;
        let mut deadline = Instant::now() + login;
        loop {
            while let Some(event) = self.session.next_event()? {
                match S::step(event) {
                    Step::Ready => return Ok(self),
                    Step::StartTls => {
                        let Some((tls, limit, target)) = tls else {
                            return Err(Error::new(Cause::Configuration(
                                "STARTTLS needs a TLS configuration",
                            )));
                        };
                        self = self.encrypt(tls, limit, target).await?;
                        deadline = Instant::now() + login;
                    }
                    Step::DeriveKey(derivation) => {
                        // A server may ask for so many rounds that the work would hold up everything else here.
                        let salted = tokio::task::spawn_blocking(move || derivation.run()).await;
                        let salted = salted.map_err(|_| Error::new(Cause::Closed))?;
                        self.session.derived(&salted);
                    }
                    Step::Event(_) => {}
                }
            }
            let step = std::future::poll_fn(|cx| self.poll(cx, true));
            tokio::time::timeout_at(deadline, step).await.map_err(|_| {
                Error::new(Cause::Silent { waited_for: "the login's answer", after: login })
            })??;
        }
    }

    async fn first_byte(&mut self) -> Result<()> {
        std::future::poll_fn(|cx| self.poll(cx, true)).await
    }

    async fn encrypt(self, tls: &Tls, limit: Duration, target: &Target) -> Result<Self> {
        let Self { mut session, stream, .. } = self;
        let Stream::Plain(io) = stream else {
            return Err(Error::new(Cause::Configuration("STARTTLS inside TLS")));
        };
        let stream = Stream::from(Phase::Tls.within(limit, target, tls.connect(io, target)).await?);
        if let Some(exporter) = stream.channel_binding() {
            session.login().sasl.channel_binding = Some(login::channel_binding(exporter));
        }
        session.tls_established();
        Ok(Self::new(session, stream))
    }

    /// Writes what there is to write and, if `reads`, reads what there is to read. Ready once something was read.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, reads: bool) -> Poll<Result<()>> {
        self.poll_write(cx)?;
        if !reads {
            return Poll::Pending;
        }
        let size = self.read_size;
        let buffer = self.session.buffer();
        if buffer.capacity() - buffer.len() < size / 2 {
            buffer.reserve(size);
        }
        let read = std::pin::pin!(self.stream.read_buf(buffer));
        match read.poll(cx) {
            Poll::Pending => {
                self.rest();
                Poll::Pending
            }
            Poll::Ready(Ok(0)) => {
                self.session.closed();
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(len)) => {
                if len >= size / 2 {
                    self.read_size = (size * 2).min(LARGEST_READ);
                }
                self.session.received(Instant::now().into_std());
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(broken(error))),
        }
    }

    /// Gives back a large buffer while nothing is to come.
    fn rest(&mut self) {
        if self.read_size > SMALLEST_READ && self.session.is_idle() && self.session.buffer().is_empty() {
            self.read_size = SMALLEST_READ;
            *self.session.buffer() = BytesMut::new();
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<()> {
        loop {
            while let Some(bytes) = self.session.transmit() {
                self.out.push_back(bytes);
            }
            let Some(front) = self.out.front_mut() else { break };
            match Pin::new(&mut self.stream).poll_write(cx, front) {
                Poll::Ready(Ok(0)) => return Err(broken(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(len)) => {
                    front.advance(len);
                    if front.is_empty() {
                        self.out.pop_front();
                    }
                    self.flush = true;
                    self.session.transmitted(Instant::now().into_std());
                }
                Poll::Ready(Err(error)) => return Err(broken(error)),
                Poll::Pending => return Ok(()),
            }
        }
        if self.flush {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.flush = false,
                Poll::Ready(Err(error)) => return Err(broken(error)),
                Poll::Pending => {}
            }
        }
        Ok(())
    }

    /// Says the transport's goodbye, and closes.
    pub(crate) async fn shut_down(mut self) {
        let _ = timeout(Duration::from_secs(1), self.stream.shutdown()).await;
    }
}

fn broken(error: io::Error) -> Error {
    Error::new(Cause::Io(Arc::new(error)))
}
