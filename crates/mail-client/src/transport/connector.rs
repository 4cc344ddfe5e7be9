use std::sync::Arc;

use futures_core::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::transport::error::Error;
use crate::transport::target::Target;

/// What a connection is made of: bytes in, bytes out. Implemented by everything that can be it.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + ?Sized> Io for T {}

/// An [`Io`] of any kind.
pub type BoxIo = Box<dyn Io>;

/// Opens byte streams. The built-in one is [`TcpConnector`](crate::transport::TcpConnector); a test may give the end
/// of a `tokio::io::duplex`.
///
/// ```
/// use mail_client::transport::{BoxIo, Connector, Error, Target};
/// # type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
///
/// /// Greets whoever connects, without a network.
/// struct InMemory;
///
/// impl Connector for InMemory {
///     fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
///         Box::pin(async move {
///             use tokio::io::AsyncWriteExt as _;
///             let (ours, mut theirs) = tokio::io::duplex(4096);
///             theirs.write_all(b"* OK\r\n").await.map_err(|error| Error::connector(target, error))?;
///             Ok(Box::new(ours) as BoxIo)
///         })
///     }
/// }
/// ```
///
/// The future is dropped when the caller's deadline has passed: what was begun must end with it.
pub trait Connector: Send + Sync + 'static {
    /// Opens a stream to the target, without TLS.
    ///
    /// A connector of your own says what went wrong with [`Error::connector`].
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>>;
}

impl<C: Connector + ?Sized> Connector for Arc<C> {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        (**self).connect(target)
    }
}
