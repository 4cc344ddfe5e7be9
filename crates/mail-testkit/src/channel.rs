//! What a session reads from and writes to, in the clear or under TLS.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use rustls::pki_types::CertificateDer;
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::compression::Codec;
use crate::wire::{Tap, Transport, Wire};

/// From this size on a piece is sent from where it lies instead of being copied.
const SHARE_FROM: usize = 4 * 1024;
/// What one read may bring.
const READ: usize = 32 * 1024;
/// So much is deflated at a time.
const DEFLATED: usize = 64 * 1024;

/// A connection as a session sees it: octets in, and a queue of octets out.
#[derive(Debug)]
pub(crate) struct Channel {
    /// None only while TLS is being negotiated.
    stream: Option<Stream>,
    tap: Arc<Tap>,
    out: Output,
    codec: Option<Box<Codec>>,
}

#[derive(Debug)]
enum Stream {
    Plain(Wire),
    Tls(Box<TlsStream<Wire>>),
}

impl Channel {
    pub(crate) fn new(wire: Wire) -> Self {
        let tap = wire.tap().clone();
        Self { stream: Some(Stream::Plain(wire)), tap, out: Output::default(), codec: None }
    }

    pub(crate) fn tap(&self) -> &Tap {
        &self.tap
    }

    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.stream, Some(Stream::Tls(_)))
    }

    /// What ties a login to this TLS connection (RFC 9266); only TLS 1.3 has it without a question.
    pub(crate) fn exported_key(&self) -> Option<[u8; 32]> {
        let session = self.tls_session()?;
        if session.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
            return None;
        }
        session.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok()
    }

    /// The certificate that the client showed, if it was asked for one and has one.
    pub(crate) fn client_certificate(&self) -> Option<CertificateDer<'static>> {
        self.tls_session()?.peer_certificates()?.first().cloned()
    }

    fn tls_session(&self) -> Option<&ServerConnection> {
        match &self.stream {
            Some(Stream::Tls(tls)) => Some(tls.get_ref().1),
            _ => None,
        }
    }

    /// Goes on under TLS, with the client's hello as the next thing to read.
    pub(crate) async fn start_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        self.flush().await?;
        let wire = match self.stream.take() {
            Some(Stream::Plain(wire)) => wire,
            other => {
                self.stream = other;
                return Err(io::ErrorKind::AlreadyExists.into());
            }
        };
        let tls = TlsAcceptor::from(config).accept(wire).await?;
        self.stream = Some(Stream::Tls(Box::new(tls)));
        Ok(())
    }

    /// Appends what has come to `buffer`; 0 at the end.
    pub(crate) async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        let Self { stream, codec, .. } = self;
        let stream = stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let Some(codec) = codec else {
            buffer.reserve(READ);
            return stream.read_buf(buffer).await;
        };
        loop {
            let count = codec.inflate(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            codec.raw().reserve(READ);
            if stream.read_buf(codec.raw()).await? == 0 {
                return Ok(0);
            }
        }
    }

    /// Deflates all that is sent from here on and inflates what is read, beginning with what came early.
    pub(crate) async fn start_compression(&mut self, early: BytesMut) -> io::Result<()> {
        self.flush().await?;
        self.codec = Some(Box::new(Codec::new(early)));
        Ok(())
    }

    pub(crate) fn is_compressed(&self) -> bool {
        self.codec.is_some()
    }

    /// Queues a copy.
    pub(crate) fn put(&mut self, octets: &[u8]) {
        self.out.tail.extend_from_slice(octets);
    }

    /// Queues the octets themselves.
    pub(crate) fn put_shared(&mut self, octets: Bytes) {
        if octets.len() < SHARE_FROM {
            self.put(&octets);
        } else {
            self.out.seal();
            self.out.pieces.push_back(octets);
        }
    }

    /// How much is queued.
    pub(crate) fn queued(&self) -> usize {
        self.out.tail.len() + self.out.pieces.iter().map(Bytes::len).sum::<usize>()
    }

    /// Sends all that is queued.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.out.seal();
        let Self { stream, out, codec, .. } = self;
        let stream = stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        match codec {
            None => stream.write_all_buf(out).await?,
            // What is deflated lies in the codec until it is written, so that nothing is lost with a future that is
            // dropped on the way.
            Some(codec) => loop {
                stream.write_all_buf(codec.deflated()).await?;
                if !out.has_remaining() {
                    break;
                }
                let len = out.chunk().len().min(DEFLATED);
                codec.deflate(&out.chunk()[..len], out.remaining() == len)?;
                out.advance(len);
            },
        }
        stream.flush().await
    }

    /// Says goodbye to TLS, if it is on.
    pub(crate) async fn close(&mut self) -> io::Result<()> {
        self.flush().await?;
        match self.stream()? {
            Stream::Plain(_) => Ok(()),
            Stream::Tls(tls) => tls.shutdown().await,
        }
    }

    pub(crate) fn into_transport(self) -> Option<Transport> {
        Some(match self.stream? {
            Stream::Plain(wire) => wire.into_transport(),
            Stream::Tls(tls) => tls.into_inner().0.into_transport(),
        })
    }

    fn stream(&mut self) -> io::Result<&mut Stream> {
        self.stream.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

/// Octets to send: small ones gathered, large ones as they lie.
#[derive(Debug, Default)]
struct Output {
    pieces: VecDeque<Bytes>,
    tail: BytesMut,
}

impl Output {
    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push_back(self.tail.split().freeze());
        }
    }
}

/// Of what is sealed.
impl Buf for Output {
    fn remaining(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [io::IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
            *slice = io::IoSlice::new(piece);
            count += 1;
        }
        count
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(front) = self.pieces.front_mut() {
            let step = front.len().min(count);
            front.advance(step);
            count -= step;
            if !front.is_empty() {
                break;
            }
            self.pieces.pop_front();
        }
        debug_assert_eq!(count, 0, "no more can be sent than is queued");
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_write_vectored(cx, bufs),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(wire) => wire.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
