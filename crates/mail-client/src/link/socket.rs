//! The socket and the session that speaks over it: bytes from one to the other, whatever the protocol.

use std::{
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use mail_proto::{imap::client::Session, session::Step};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, Sleep, sleep, timeout},
};

use super::{
    buffers::Buffers,
    deflate::{Deflated, InflateError},
    login,
    protocol_log::ProtocolLog,
    spoken::Spoken,
};
use crate::{
    error::{Cause, Error, Result},
    transport::{Phase, Stream, Target, Tls},
};

/// A socket with its session.
pub(crate) struct Socket<S> {
    pub(crate) session: S,
    stream: Stream,
    /// What is being written. All else waits in the session, where its bounds are.
    out: Bytes,
    flush: bool,
    /// Runs while the peer takes nothing of it.
    stalled: Option<Pin<Box<Sleep>>>,
    /// How much is read at once: more while much comes, little while little does.
    read_size: usize,
    buffers: Buffers,
    log: Option<Box<ProtocolLog>>,
}

/// How long the server gets to close a connection that was logged out.
const SEEN_OFF: Duration = Duration::from_secs(1);

/// How long the transport's own goodbye may take.
const FAREWELL: Duration = Duration::from_secs(1);

const SMALLEST_READ: usize = 8 * 1024;
const LARGEST_READ: usize = 128 * 1024;

impl<S: Spoken> Socket<S> {
    pub(super) fn new(session: S, stream: Stream, log: Option<Box<ProtocolLog>>) -> Self {
        let (out, read_size) = (Bytes::new(), SMALLEST_READ);
        let buffers = Buffers::default();
        Self { session, stream, out, flush: false, stalled: None, read_size, buffers, log }
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
            while let Some(event) = self.session.next_event().map_err(|error| self.session.explain(error))? {
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
            let step = poll_fn(|cx| self.poll(cx, true));
            tokio::time::timeout_at(deadline, step).await.map_err(|_| {
                Error::new(Cause::Silent { waited_for: "the login's answer", after: login })
            })??;
        }
    }

    async fn first_byte(&mut self) -> Result<()> {
        poll_fn(|cx| self.poll(cx, true)).await
    }

    async fn encrypt(self, tls: &Tls, limit: Duration, target: &Target) -> Result<Self> {
        let Self { mut session, stream, log, .. } = self;
        let Stream::Plain(io) = stream else {
            return Err(Error::new(Cause::Configuration("STARTTLS inside TLS")));
        };
        let stream = Stream::from(Phase::Tls.within(limit, target, tls.connect(io, target)).await?);
        if let Some(exporter) = stream.channel_binding() {
            session.login().sasl.channel_binding = Some(login::channel_binding(exporter));
        }
        session.tls_established();
        Ok(Self::new(session, stream, log))
    }

    /// Writes what there is to write and, if `reads`, reads what there is to read. Ready once something was read.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, reads: bool) -> Poll<Result<()>> {
        let stalls = self.poll_write(cx)?;
        if !reads {
            // A peer that can't write may well not read either.
            self.stalled = None;
            return Poll::Pending;
        }
        self.poll_stall(cx, stalls)?;
        let size = self.read_size;
        self.make_room(size);
        let buffer = self.session.buffer();
        let before = buffer.len();
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
                if let Some(log) = &mut self.log {
                    log.received(&self.session.buffer()[before..]);
                }
                if len >= size / 2 {
                    self.read_size = (size * 2).min(LARGEST_READ);
                }
                self.session.received(Instant::now().into_std());
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(broken(error))),
        }
    }

    /// Sees that the session's buffer has room for at least half of this much.
    fn make_room(&mut self, size: usize) {
        let buffer = self.session.buffer();
        if buffer.capacity() - buffer.len() >= size / 2 {
            return;
        }
        if size < LARGEST_READ || buffer.len() > LARGEST_READ / 2 {
            buffer.reserve(size);
            return;
        }
        let mut next = self.buffers.take(LARGEST_READ);
        next.extend_from_slice(buffer);
        *buffer = next;
    }

    /// Gives back large buffers while nothing is to come.
    fn rest(&mut self) {
        if self.read_size > SMALLEST_READ && self.session.is_idle() && self.session.buffer().is_empty() {
            self.read_size = SMALLEST_READ;
            *self.session.buffer() = BytesMut::new();
            self.buffers.clear();
        }
    }

    /// Writes what there is to write. Returns whether the peer takes no more of it.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        loop {
            if self.out.is_empty() {
                let Some(bytes) = self.session.transmit() else { break };
                self.out = bytes;
                continue;
            }
            match Pin::new(&mut self.stream).poll_write(cx, &self.out) {
                Poll::Ready(Ok(0)) => return Err(broken(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(len)) => {
                    if let Some(log) = &mut self.log {
                        log.sent(&self.out[..len]);
                    }
                    self.out.advance(len);
                    self.flush = true;
                    self.stalled = None;
                    self.session.transmitted(Instant::now().into_std());
                }
                Poll::Ready(Err(error)) => return Err(broken(error)),
                Poll::Pending => return Ok(true),
            }
        }
        if self.flush {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.flush = false,
                Poll::Ready(Err(error)) => return Err(broken(error)),
                Poll::Pending => return Ok(true),
            }
        }
        Ok(false)
    }

    /// A peer that takes nothing for so long is given up.
    fn poll_stall(&mut self, cx: &mut Context<'_>, stalls: bool) -> Result<()> {
        if !stalls {
            self.stalled = None;
            return Ok(());
        }
        let after = self.session.write_patience();
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep(after)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Err(Error::new(Cause::Silent { waited_for: "room to write", after })),
            Poll::Pending => Ok(()),
        }
    }

    /// Closes, with a farewell if the end was asked for. Gives what those are told who still wanted something: it may be
    /// told at once, since the socket is gone.
    pub(crate) async fn end(&mut self, ended: Result<()>) -> Error {
        let error = match ended {
            Ok(()) => {
                self.see_off().await;
                let _ = timeout(FAREWELL, self.stream.shutdown()).await;
                Error::new(Cause::Closed)
            }
            Err(error) => error,
        };
        // Its place is taken by another as soon as anybody learns of it, so it has to be gone by then.
        self.close();
        error
    }

    /// Closes without a word. Nothing can be read or written any more.
    pub(crate) fn close(&mut self) {
        drop(self.take_stream());
    }

    fn take_stream(&mut self) -> Stream {
        std::mem::replace(&mut self.stream, Stream::Plain(Box::new(tokio::io::empty())))
    }

    /// Waits a little for the server to close first: until it has, it counts the connection.
    async fn see_off(&mut self) {
        let closed = async {
            while let Ok(event) = self.session.next_event() {
                if event.is_none() && poll_fn(|cx| self.poll(cx, true)).await.is_err() {
                    return;
                }
            }
        };
        let _ = timeout(SEEN_OFF, closed).await;
    }
}

impl Socket<Session> {
    /// Compresses all from here on, as the session has agreed with the server.
    pub(crate) fn compress(&mut self) {
        let read = self.session.take_compressed();
        let stream = self.take_stream();
        self.stream = Stream::Plain(Box::new(Deflated::new(stream, read)));
        self.session.compression_started();
    }
}

fn broken(error: io::Error) -> Error {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<InflateError>()) {
        return Error::new(Cause::Inflate(*error));
    }
    Error::new(Cause::Io(Arc::new(error)))
}

#[cfg(test)]
mod tests {
    use mail_proto::imap::{
        AppendMessage, Command, MailboxName,
        client::{ClientSession, Config, Credentials, Event, Request, Security},
        response::Untagged,
    };
    use tokio::io::DuplexStream;

    use super::*;

    /// A connection that is logged in, over a pipe that takes so much.
    async fn logged_in(pipe: usize) -> (Socket<Session>, DuplexStream) {
        let (ours, mut theirs) = tokio::io::duplex(pipe);
        let config = Config::new(Security::Plaintext, Credentials::password("kim", "secret"));
        let session = Session::new(config, Instant::now().into_std());
        let socket = Socket::new(session, Stream::Plain(Box::new(ours)), None);
        theirs.write_all(b"* PREAUTH [CAPABILITY LITERAL+] hi\r\n").await.unwrap();
        let second = Duration::from_secs(1);
        (socket.establish(second, second, None).await.unwrap(), theirs)
    }

    /// One that has a message to upload, over a pipe that takes 64 bytes.
    async fn uploading(reads: bool) -> (Socket<Session>, DuplexStream) {
        let (mut socket, theirs) = logged_in(64).await;
        let append = Command::append(MailboxName::inbox(), AppendMessage::new(1000));
        socket.session.submit(Request::new(append).with_upload(vec![b'x'; 1000].into()));
        let step = timeout(Duration::from_secs(299), poll_fn(|cx| socket.poll(cx, reads))).await;
        assert!(step.is_err(), "no end yet");
        (socket, theirs)
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_given_up() {
        let (mut socket, _theirs) = uploading(true).await;
        let outcome = timeout(Duration::from_secs(2), poll_fn(|cx| socket.poll(cx, true))).await;
        let error = outcome.expect("its patience is at its end").unwrap_err();
        assert!(matches!(error.cause(), Cause::Silent { .. }), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_a_little_has_its_time_anew() {
        let (mut socket, mut theirs) = uploading(true).await;
        theirs.read_exact(&mut [0; 10]).await.unwrap();
        let step = timeout(Duration::from_secs(299), poll_fn(|cx| socket.poll(cx, true))).await;
        assert!(step.is_err(), "no end yet");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_is_not_read_is_not_given_up() {
        let (mut socket, _theirs) = uploading(false).await;
        let step = timeout(Duration::from_secs(1000), poll_fn(|cx| socket.poll(cx, false))).await;
        assert!(step.is_err(), "no end yet");
    }

    /// Reads all that has come, and gives what it tells.
    async fn read(socket: &mut Socket<Session>) -> Vec<Event> {
        let mut events = Vec::new();
        while poll_fn(|cx| Poll::Ready(socket.poll(cx, true).is_ready())).await {
            events.extend(std::iter::from_fn(|| socket.session.next_event().unwrap()));
        }
        events
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_buffer_is_given_back_when_nothing_is_to_come_and_nothing_in_it() {
        let (mut socket, mut theirs) = logged_in(1 << 20).await;
        let much = "* OK still here\r\n".repeat(20_000);
        theirs.write_all(much.as_bytes()).await.unwrap();
        assert_eq!(read(&mut socket).await.len(), 20_000);
        assert_eq!(socket.read_size, SMALLEST_READ);
        assert!(socket.session.buffer().capacity() <= SMALLEST_READ);
        theirs.write_all(format!("{much}* 5 EXI").as_bytes()).await.unwrap();
        assert_eq!(read(&mut socket).await.len(), 20_000);
        theirs.write_all(b"STS\r\n").await.unwrap();
        let events = read(&mut socket).await;
        assert!(matches!(events[..], [Event::Data { data: Untagged::Exists(5), .. }]), "{events:?}");
    }

    #[tokio::test]
    async fn p06_when_its_end_is_told_it_is_closed() {
        let (mut socket, mut theirs) = logged_in(64).await;
        let error = socket.end(Err(Error::new(Cause::HungUp))).await;
        assert!(matches!(error.cause(), Cause::HungUp));
        assert_eq!(theirs.read(&mut [0]).await.unwrap(), 0);
        drop(socket);
    }
}
