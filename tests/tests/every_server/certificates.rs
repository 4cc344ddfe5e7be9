//! A server whose certificate is another one all of a sudden, by somebody whom nobody trusts.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_core::future::BoxFuture;
use mail_client::ErrorKind;
use mail_client::imap::SearchKey;
use mail_client::transport::{BoxIo, Connector, Error, Target, TcpConnector};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::place::Kind;

pub(crate) async fn a_strangers_certificate_is_refused_and_the_first_one_is_good_again(kind: Kind) {
    let mut place = kind.filled(None).await;
    let heard = Heard::default();
    let client = place.builder().connector(heard.clone()).build().unwrap();
    let inbox = client.examine("INBOX").await.unwrap();
    assert_eq!(inbox.search(SearchKey::All).await.unwrap().count(), 6);
    assert!(heard.take().iter().any(|bytes| content(bytes) > GOODBYE), "a login is more than a goodbye");

    place.restart_with_certificate(false);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (client, inbox) = (client.clone(), inbox.clone());
            tokio::spawn(async move {
                loop {
                    let own = client.create_connection().await.map(drop);
                    let error = match own {
                        Ok(()) => panic!("it logs in at a stranger"),
                        Err(error) => error,
                    };
                    let search = inbox.search(SearchKey::All).await.unwrap_err();
                    // What it knew of the old connection has ended with that.
                    if search.kind() != ErrorKind::ConnectionLost {
                        return [error, search];
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        for error in task.await.unwrap() {
            assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
            assert!(!error.is_retryable() && error.to_string().contains("certificate"), "{error}");
        }
    }
    let counts = client.pool_status().counts;
    assert_eq!(counts.idle + counts.in_use, 0, "{}", client.pool_status());
    let strangers = heard.take();
    assert!(!strangers.is_empty());
    for bytes in strangers {
        assert!(content(&bytes) <= GOODBYE, "{} bytes were sent to a stranger", content(&bytes));
    }

    place.restart_with_certificate(true);
    assert_eq!(inbox.search(SearchKey::All).await.unwrap().count(), 6);
    client.create_connection().await.unwrap();
    client.close().await;
}

/// How long an encrypted alert is, which is all that a client has to say to a stranger: two bytes, the kind of record,
/// and what proves them.
const GOODBYE: usize = 2 + 1 + 16;

/// How many bytes of content are in records of TLS, or of what looks like it.
fn content(mut records: &[u8]) -> usize {
    const APPLICATION_DATA: u8 = 23;
    let mut content = 0;
    while let [kind, _, _, high, low, rest @ ..] = records {
        let len = usize::from(*high) << 8 | usize::from(*low);
        content += if *kind == APPLICATION_DATA { len } else { 0 };
        // The last one may be on its way still.
        records = rest.get(len..).unwrap_or_default();
    }
    content
}

/// TCP, and what was written over each connection.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Said>>>);

type Said = Arc<Mutex<Vec<u8>>>;

impl Heard {
    /// Of all connections since the last time.
    fn take(&self) -> Vec<Vec<u8>> {
        let said = std::mem::take(&mut *self.0.lock().unwrap());
        said.iter().map(|said| said.lock().unwrap().clone()).collect()
    }
}

impl Connector for Heard {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        Box::pin(async move {
            let said = Said::default();
            self.0.lock().unwrap().push(Arc::clone(&said));
            let io = TcpConnector::new().connect(target).await?;
            Ok(Box::new(Overheard { io, said }) as BoxIo)
        })
    }
}

struct Overheard {
    io: BoxIo,
    said: Said,
}

impl AsyncRead for Overheard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Overheard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        if let Poll::Ready(Ok(len)) = written {
            self.said.lock().unwrap().extend_from_slice(&buf[..len]);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
