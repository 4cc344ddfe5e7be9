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
}

impl TlsStream {
    pub(crate) fn new(mut inner: tokio_rustls::client::TlsStream<ReadAhead>) -> Self {
        inner.get_mut().0.stop_watching();
        Self { inner }
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
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_read(cx, buf)
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

#[cfg(test)]
mod tests {
    use rustls::{ServerConfig, ServerConnection};
    use std::io::Write as _;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;
    use crate::transport::target::Target;
    use crate::transport::tls::{Tls, provider};

    /// A finished handshake in memory, the server's session apart from its pipe, which may end in a reset.
    async fn pair(resets: bool) -> (TlsStream, ServerConnection, DuplexStream) {
        let certified = rcgen::generate_simple_self_signed(["mail.example".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(provider().unwrap())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
        let tls = Tls::builder().root_der(certified.cert.der()).unwrap().build().unwrap();
        let (ours, theirs) = duplex(1 << 20);
        let accept = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(theirs);
        let target = Target::new("mail.example", 993).unwrap();
        let (client, server) =
            tokio::join!(tls.connect(Box::new(ResetAtEnd(ours, !resets)), &target), accept);
        let (pipe, session) = server.unwrap().into_inner();
        (client.unwrap(), session, pipe)
    }

    /// The records of this plain text.
    fn records(session: &mut ServerConnection, text: &[u8]) -> Vec<u8> {
        let mut records = Vec::new();
        for part in text.chunks(16 * 1024) {
            session.writer().write_all(part).unwrap();
            while session.wants_write() {
                session.write_tls(&mut records).unwrap();
            }
        }
        records
    }

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index * 31 % 251) as u8).collect()
    }

    #[tokio::test]
    async fn a_large_buffer_is_filled_over_many_records() {
        let (mut client, mut session, mut pipe) = pair(false).await;
        let sent = pattern(300_000);
        pipe.write_all(&records(&mut session, &sent)).await.unwrap();
        let (mut got, mut reads) = (Vec::with_capacity(256 * 1024), Vec::new());
        while got.len() < sent.len() {
            reads.push(client.read_buf(&mut got).await.unwrap());
        }
        assert!(got == sent);
        assert!(reads.len() < 12, "{reads:?}");
    }

    #[tokio::test]
    async fn an_end_without_farewell_is_an_error_behind_all_that_came() {
        for with_farewell in [true, false] {
            let (mut client, mut session, mut pipe) = pair(false).await;
            let sent = pattern(100_000);
            let mut wire = records(&mut session, &sent);
            if with_farewell {
                session.send_close_notify();
                wire.extend(records(&mut session, b""));
                session.write_tls(&mut wire).unwrap();
            }
            pipe.write_all(&wire).await.unwrap();
            drop(pipe);
            let mut got = Vec::new();
            let end = client.read_to_end(&mut got).await;
            assert!(got == sent);
            assert_eq!(
                end.map_err(|error| error.kind()).err(),
                (!with_farewell).then_some(io::ErrorKind::UnexpectedEof)
            );
        }
    }

    #[tokio::test]
    async fn a_forged_record_is_an_error_behind_the_true_ones() {
        let (mut client, mut session, mut pipe) = pair(false).await;
        let sent = pattern(100_000);
        let mut wire = records(&mut session, &sent);
        let mut forged = records(&mut session, b"* BYE");
        *forged.last_mut().unwrap() ^= 1;
        wire.extend(forged);
        pipe.write_all(&wire).await.unwrap();
        let mut got = Vec::new();
        let error = client.read_to_end(&mut got).await.unwrap_err();
        // The end of what came with the forgery may go with it.
        assert!(sent.starts_with(&got) && got.len() > sent.len() - 32 * 1024);
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    /// A pipe that is reset when all has come; as on a socket, only the first read says so.
    struct ResetAtEnd(DuplexStream, bool);

    impl AsyncRead for ResetAtEnd {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let before = buf.filled().len();
            let read = Pin::new(&mut self.0).poll_read(cx, buf);
            if read.is_ready() && buf.filled().len() == before && !std::mem::replace(&mut self.1, true) {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            read
        }
    }

    impl AsyncWrite for ResetAtEnd {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.0).poll_write(cx, buf)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(cx)
        }
    }

    #[tokio::test]
    async fn a_reset_behind_bytes_is_told_once_they_are_given() {
        let (mut client, mut session, mut pipe) = pair(true).await;
        let sent = pattern(7 * 16 * 1024);
        let wire = records(&mut session, &sent);
        // The last record is cut: a read that has all the others meets the reset.
        pipe.write_all(&wire[..wire.len() - 10]).await.unwrap();
        drop(pipe);
        let mut buffer = vec![0; 256 * 1024];
        let mut got = 0;
        let error = loop {
            match client.read(&mut buffer).await {
                Ok(count) => got += count,
                Err(error) => break error,
            }
        };
        assert_eq!(got, 6 * 16 * 1024);
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
