//! From a host and a port to a byte stream: dialling, proxies and TLS.
//!
//! A [`Connector`] gives anything that can be read and written: [`TcpConnector`] dials, and
//! a type of your own may give a stream in memory. [`Tls`] turns such a
//! stream into an encrypted one, right after dialling or in the middle of it (STARTTLS). [`Stream`] is either.
//!
//! The phases are apart, and none has a deadline of its own that must be obeyed: the caller bounds each with
//! [`Phase::within`].

mod connector;
mod error;
mod read_ahead;
mod resolve;
mod stream;
mod target;
mod tcp;
mod tls;
mod tls_stream;

pub use connector::{BoxIo, Connector, Io};
pub use error::{CertificateProblem, DialAttempt, DialFailure, Error, Phase, ProxyAnswer};
pub use resolve::{Resolve, SystemResolver};
pub use stream::Stream;
pub use target::{InvalidHost, Target};
pub use tcp::TcpConnector;
pub use tls::{Tls, TlsBuilder};
pub use tls_stream::TlsStream;
