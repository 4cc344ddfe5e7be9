//! From a host and a port to a byte stream: dialling, proxies and TLS.
//!
//! A [`Connector`] gives anything that can be read and written: [`TcpConnector`] dials, [`HttpProxy`] and
//! [`Socks5`] dial through somebody else, and a type of your own may give a stream in memory. [`Tls`] turns such a
//! stream into an encrypted one, right after dialling or in the middle of it (STARTTLS). [`Stream`] is either.
//!
//! The phases are apart, and deadlines are the caller's: [`Phase::within`] bounds each.

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
pub use tls::{Tls, TlsBuilder};
pub use tls_stream::TlsStream;
