use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls::ProtocolVersion;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::read_ahead::ReadAhead;

/// A stream over TLS, its handshake done.
///
/// An end of the connection without TLS's own farewell is an error of kind `UnexpectedEof`: what came before may have
/// been cut.
pub struct TlsStream {
    inner: tokio_rustls::client::TlsStream<ReadAhead>,
    /// An error that came behind bytes: they were given first.
    late: Option<io::Error>,
}

impl TlsStream {
    pub(crate) fn new(mut inner: tokio_rustls::client::TlsStream<ReadAhead>) -> Self {
        inner.get_mut().0.stop_watching();
        Self { inner, late: None }
    }

    /// The channel binding `tls-exporter` (RFC 9266), for SASL mechanisms that bind to it; only TLS 1.3 has one.
    pub fn channel_binding(&self) -> Option<[u8; 32]> {
        let session = self.inner.get_ref().1;
        if session.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
            return None;
        }
        session.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok()
    }

    /// The certificates that the server showed, its own first.
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        self.inner.get_ref().1.peer_certificates().unwrap_or_default()
    }
}

impl AsyncRead for TlsStream {
    /// Fills the buffer with as many records as have come: TLS alone would give one, of at most 16 KiB, at a time.
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(error) = this.late.take() {
            return Poll::Ready(Err(error));
        }
        let begin = buf.filled().len();
        loop {
            let before = buf.filled().len();
            match Pin::new(&mut this.inner).poll_read(cx, buf) {
                Poll::Ready(Ok(())) => {
                    let is_end = buf.filled().len() == before;
                    if is_end || buf.remaining() == 0 || this.inner.get_ref().0.is_empty() {
                        return Poll::Ready(Ok(()));
                    }
                }
                Poll::Pending if before > begin => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) if before > begin => {
                    this.late = Some(error);
                    return Poll::Ready(Ok(()));
                }
                outcome => return outcome,
            }
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = self.inner.get_ref().1;
        f.debug_struct("TlsStream")
            .field("version", &session.protocol_version())
            .field("cipher_suite", &session.negotiated_cipher_suite().map(|suite| suite.suite()))
            .finish()
    }
}
