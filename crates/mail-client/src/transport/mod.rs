//! From a host and a port to a byte stream: dialling, proxies and TLS.
//!
//! A [`Connector`] gives anything that can be read and written: [`TcpConnector`] dials, [`HttpProxy`] and
//! [`Socks5`] dial through somebody else, and a type of your own may give a stream in memory. [`Tls`] turns such a
//! stream into an encrypted one, right after dialling or in the middle of it (STARTTLS). [`Stream`] is either.
//!
//! The phases are apart, and deadlines are the caller's: [`Phase::within`] bounds each.
//!
//! ```no_run
//! # async fn open() -> Result<(), mail_client::transport::Error> {
//! use std::time::Duration;
//! use mail_client::transport::{Connector as _, Phase, Stream, Target, TcpConnector, Tls};
//!
//! let limit = Duration::from_secs(30);
//! let target = Target::new("imap.example.org", 993)?;
//! let io = Phase::Dial.within(limit, &target, TcpConnector::new().connect(&target)).await?;
//! let tls = Phase::Tls.within(limit, &target, Tls::platform()?.connect(io, &target)).await?;
//! let stream = Stream::from(tls);
//! # Ok(()) }
//! ```

mod connector;
mod error;
mod http_proxy;
mod read_ahead;
mod resolve;
#[cfg(test)]
mod scripted;
mod socks5;
mod stream;
mod target;
mod tcp;
mod tls;
mod tls_stream;

pub use connector::{BoxIo, Connector, Io};
pub use error::{CertificateProblem, DialAttempt, DialFailure, Error, Phase, ProxyAnswer};
pub use http_proxy::HttpProxy;
pub use resolve::{Resolve, SystemResolver};
pub use socks5::Socks5;
pub use stream::Stream;
pub use target::{InvalidHost, Target};
pub use tcp::TcpConnector;
pub(crate) use tls::provider;
pub use tls::{Tls, TlsBuilder};
pub use tls_stream::TlsStream;
