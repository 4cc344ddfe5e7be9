//! The two ends of a link in memory.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Link;
use super::lane::{Arrival, Lane};

/// One end of a connection in memory, which behaves like a socket at the end of a [`Link`].
///
/// Its times are tokio's, so that under paused time a link of seconds costs nothing. Dropping it closes the
/// connection; what was written before still arrives.
#[derive(Debug)]
pub(crate) struct PipeEnd {
    incoming: Arc<Lane>,
    outgoing: Arc<Lane>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// The client's and the server's end; the client's bytes leave no earlier than `opens`.
pub(crate) fn pipe(link: Link, opens: Instant) -> (PipeEnd, PipeEnd) {
    let upstream = Arc::new(Lane::new(link, opens));
    let downstream = Arc::new(Lane::new(link, opens));
    let client = PipeEnd { incoming: downstream.clone(), outgoing: upstream.clone(), timer: None };
    let server = PipeEnd { incoming: upstream, outgoing: downstream, timer: None };
    (client, server)
}

impl AsyncRead for PipeEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            match self.incoming.poll_read(cx, buf) {
                Arrival::Bytes | Arrival::End => return Poll::Ready(Ok(())),
                Arrival::Nothing => return Poll::Pending,
                Arrival::At(instant) => {
                    let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(instant)));
                    if timer.deadline() != instant {
                        timer.as_mut().reset(instant);
                    }
                    ready!(timer.as_mut().poll(cx));
                }
            }
        }
    }
}

impl AsyncWrite for PipeEnd {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.outgoing.poll_write(cx, &mut std::iter::once(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.outgoing.poll_write(cx, &mut bufs.iter().map(|buf| &**buf))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for PipeEnd {
    fn drop(&mut self) {
        self.outgoing.end();
        self.incoming.deafen();
    }
}
