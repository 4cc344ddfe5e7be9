use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::transport::target::{InvalidHost, Target};

/// Why no stream to the server could be had. Cheap to clone: one failed dial may answer several waiters.
///
/// Each says in one line what failed and with whom; [`source`](std::error::Error::source) has the cause's own words.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller: the host is none.
    #[error(transparent)]
    InvalidHost(#[from] InvalidHost),

    /// The caller: the roots, the client certificate or the proxy's credentials can't be used.
    #[error("unusable configuration: {reason}")]
    Configuration {
        /// What is wrong with which of them.
        reason: Arc<str>,
    },

    /// The network: the name doesn't exist, or has no address.
    #[error("{target}: the host name does not exist")]
    NameNotFound {
        /// What was to be reached.
        target: Target,
        /// The resolver's words.
        source: Arc<io::Error>,
    },

    /// The network: the resolver gave no answer this time.
    #[error("{target}: the host name cannot be resolved at the moment: {source}")]
    Resolve {
        /// What was to be reached.
        target: Target,
        /// The resolver's words.
        source: Arc<io::Error>,
    },

    /// The network: none of the addresses could be connected to.
    #[error("{target}: {failure} ({})", Tried(attempts, source))]
    Dial {
        /// What was to be reached.
        target: Target,
        /// The most telling failure of them all.
        failure: DialFailure,
        /// The addresses tried, in the order in which they failed.
        attempts: Arc<[DialAttempt]>,
        /// The last cause.
        source: Arc<io::Error>,
    },

    /// The network or the proxy: the proxy itself could not be reached.
    #[error("{target}: on the way to the proxy: {source}")]
    ToProxy {
        /// What was to be reached.
        target: Target,
        /// Why its proxy could not be reached.
        source: Arc<Self>,
    },

    /// The proxy: it would not connect us.
    #[error("{target}: the proxy {proxy} {answer}")]
    Proxy {
        /// What was to be reached.
        target: Target,
        /// The proxy that was asked.
        proxy: Target,
        /// What it said.
        answer: ProxyAnswer,
        /// The cause, if the connection to the proxy was lost.
        source: Option<Arc<io::Error>>,
    },

    /// The server: its certificate can't be believed.
    #[error("{target}: the server's certificate {problem}")]
    Certificate {
        /// What was to be reached.
        target: Target,
        /// What is wrong with it.
        problem: CertificateProblem,
        /// The verifier's words.
        source: Arc<rustls::Error>,
    },

    /// The server: it answered the TLS handshake with something else.
    #[error("{target}: the server does not speak TLS on this port (it began with \"{said}\")")]
    NotTls {
        /// What was to be reached.
        target: Target,
        /// How the server's answer began, escaped and cut.
        said: Box<str>,
    },

    /// The server: the TLS handshake failed for another reason, such as no common version.
    #[error("{target}: the TLS handshake failed: {source}")]
    Tls {
        /// What was to be reached.
        target: Target,
        /// The TLS library's words.
        source: Arc<rustls::Error>,
    },

    /// The network: the connection broke, or was closed, in the middle of this phase.
    #[error("{target}: the connection was lost while {phase}: {source}")]
    Lost {
        /// What was to be reached.
        target: Target,
        /// What was being done.
        phase: Phase,
        /// The socket's words.
        source: Arc<io::Error>,
    },

    /// The caller's deadline passed.
    #[error("{target}: timed out after {after:?} while {phase}")]
    TimedOut {
        /// What was to be reached.
        target: Target,
        /// What was being done.
        phase: Phase,
        /// The deadline.
        after: Duration,
    },

    /// A connector that isn't one of ours failed.
    #[error("{target}: {source}")]
    Connector {
        /// What was to be reached.
        target: Target,
        /// Whether trying again is of no use.
        is_permanent: bool,
        /// The connector's words.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

/// A step on the way to a stream, in the order in which they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Before anything is sent.
    Configuration,
    /// Name to addresses.
    Resolve,
    /// Addresses to a connection. A deadline on dialling bounds [`Connector::connect`](super::Connector::connect) as a
    /// whole: name, connection and proxy.
    Dial,
    /// Asking a proxy to go on to the server.
    Proxy,
    /// The TLS handshake.
    Tls,
}

/// How an address, or all of them, could not be connected to. The later one is the more telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DialFailure {
    /// The name has addresses, but none of the family of the local address that was asked for.
    NoUsableAddress,
    /// Something else; the source says what.
    Other,
    /// No way to the host or its network.
    Unreachable,
    /// Nobody answered.
    TimedOut,
    /// The host has nothing that listens there.
    Refused,
}

/// One address and how it failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DialAttempt {
    /// The address.
    pub address: SocketAddr,
    /// How it failed.
    pub failure: DialFailure,
}

/// Why a certificate isn't believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// It leads to none of the roots that are trusted here.
    UnknownIssuer,
    /// Its time, or its issuer's, is over.
    Expired,
    /// Its time has not come; or our clock is wrong.
    NotYetValid,
    /// It was made out to other names than the one that was dialled.
    WrongName,
    /// It was taken back.
    Revoked,
    /// It is malformed, badly signed, or not meant for a server.
    Invalid,
}

/// What a proxy said instead of connecting us.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyAnswer {
    /// It wants credentials, and we have none, or it doesn't take our way of giving them.
    AuthenticationRequired,
    /// It doesn't take the credentials given.
    AuthenticationRefused,
    /// It won't, or can't, connect to the target: its code (of HTTP, or RFC 1928 section 6) and the words for it.
    Refused {
        /// The code.
        code: u16,
        /// What it means; HTTP proxies' own words, escaped and cut.
        text: Box<str>,
        /// Whether asking again is of no use.
        is_permanent: bool,
    },
    /// It isn't a proxy of this kind: how its answer began, escaped and cut.
    NotAProxy(Box<str>),
    /// Its answer was longer than any should be, in bytes.
    TooLong(usize),
    /// The connection to it broke or was closed before it had answered.
    Lost,
}

impl Error {
    /// The error of a [`Connector`](super::Connector) of your own, with its cause. Transient: trying again may help.
    pub fn connector(target: &Target, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Connector { target: target.clone(), is_permanent: false, source: Arc::from(source.into()) }
    }

    /// Like [`connector`](Self::connector), where trying again is of no use.
    pub fn permanent_connector(
        target: &Target,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Connector { target: target.clone(), is_permanent: true, source: Arc::from(source.into()) }
    }

    pub(crate) fn configuration(reason: impl fmt::Display) -> Self {
        Self::Configuration { reason: reason.to_string().into() }
    }

    pub(crate) fn to_proxy(target: &Target, error: Self) -> Self {
        Self::ToProxy { target: target.clone(), source: Arc::new(error) }
    }

    pub(crate) fn proxy(target: &Target, proxy: &Target, answer: ProxyAnswer) -> Self {
        Self::Proxy { target: target.clone(), proxy: proxy.clone(), answer, source: None }
    }

    pub(crate) fn proxy_lost(target: &Target, proxy: &Target, error: io::Error) -> Self {
        let (target, proxy, source) = (target.clone(), proxy.clone(), Some(Arc::new(error)));
        Self::Proxy { target, proxy, answer: ProxyAnswer::Lost, source }
    }

    /// What an I/O error on a TLS stream means: TLS says its own errors through it, some only after the handshake
    /// (TLS 1.3 refuses a client's certificate at the first read).
    pub(crate) fn from_tls_io(target: &Target, error: io::Error) -> Self {
        let target = target.clone();
        let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let Some(cause) = cause else {
            return Self::Lost { target, phase: Phase::Tls, source: Arc::new(error) };
        };
        let source = Arc::new(cause.clone());
        match cause {
            rustls::Error::InvalidCertificate(certificate) => {
                Self::Certificate { target, problem: certificate.into(), source }
            }
            _ => Self::Tls { target, source },
        }
    }

    /// What was to be reached, unless it wasn't even named.
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::InvalidHost(_) | Self::Configuration { .. } => None,
            Self::NameNotFound { target, .. }
            | Self::Resolve { target, .. }
            | Self::Dial { target, .. }
            | Self::ToProxy { target, .. }
            | Self::Proxy { target, .. }
            | Self::Certificate { target, .. }
            | Self::NotTls { target, .. }
            | Self::Tls { target, .. }
            | Self::Lost { target, .. }
            | Self::TimedOut { target, .. }
            | Self::Connector { target, .. } => Some(target),
        }
    }

    /// What was being done when it failed.
    pub fn phase(&self) -> Phase {
        match self {
            Self::InvalidHost(_) | Self::Configuration { .. } => Phase::Configuration,
            Self::NameNotFound { .. } | Self::Resolve { .. } => Phase::Resolve,
            Self::Dial { .. } | Self::Connector { .. } => Phase::Dial,
            Self::ToProxy { source, .. } => source.phase(),
            Self::Proxy { .. } => Phase::Proxy,
            Self::Certificate { .. } | Self::NotTls { .. } | Self::Tls { .. } => Phase::Tls,
            Self::Lost { phase, .. } | Self::TimedOut { phase, .. } => *phase,
        }
    }

    /// Whether the same attempt would fail the same way until somebody changes something: the name doesn't exist, the
    /// certificate isn't trusted, the port speaks no TLS, the proxy wants other credentials. Everything else is
    /// transient, a refused connection too.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::InvalidHost(_)
            | Self::Configuration { .. }
            | Self::NameNotFound { .. }
            | Self::Certificate { .. }
            | Self::NotTls { .. } => true,
            Self::Resolve { .. } | Self::Lost { .. } | Self::TimedOut { .. } => false,
            Self::Dial { failure, .. } => *failure == DialFailure::NoUsableAddress,
            Self::ToProxy { source, .. } => source.is_permanent(),
            Self::Proxy { answer, .. } => match answer {
                ProxyAnswer::AuthenticationRequired
                | ProxyAnswer::AuthenticationRefused
                | ProxyAnswer::NotAProxy(_)
                | ProxyAnswer::TooLong(_) => true,
                ProxyAnswer::Refused { is_permanent, .. } => *is_permanent,
                ProxyAnswer::Lost => false,
            },
            Self::Tls { source, .. } => !matches!(
                **source,
                rustls::Error::AlertReceived(
                    rustls::AlertDescription::InternalError
                        | rustls::AlertDescription::UserCanceled
                        | rustls::AlertDescription::CloseNotify
                ) | rustls::Error::FailedToGetRandomBytes
                    | rustls::Error::FailedToGetCurrentTime
            ),
            Self::Connector { is_permanent, .. } => *is_permanent,
        }
    }

    /// Whether time ran out: the caller's deadline, or that of each address.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::Dial { failure: DialFailure::TimedOut, .. } => true,
            Self::ToProxy { source, .. } => source.is_timeout(),
            _ => false,
        }
    }
}

impl Phase {
    /// Does the work of this phase, for at most so long.
    ///
    /// # Errors
    /// The work's own, or [`Error::TimedOut`], which names the phase.
    pub async fn within<T>(
        self,
        limit: Duration,
        target: &Target,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => Err(Error::TimedOut { target: target.clone(), phase: self, after: limit }),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configuration => "setting up",
            Self::Resolve => "resolving the name",
            Self::Dial => "connecting",
            Self::Proxy => "asking the proxy",
            Self::Tls => "negotiating TLS",
        })
    }
}

impl From<&io::Error> for DialFailure {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown => Self::Unreachable,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for DialFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoUsableAddress => "no address of the local address's family",
            Self::Other => "connecting failed",
            Self::Unreachable => "host unreachable",
            Self::TimedOut => "connecting timed out",
            Self::Refused => "connection refused",
        })
    }
}

/// The first line of what a peer said, escaped and cut.
pub(crate) fn excerpt(said: &[u8]) -> Box<str> {
    const LONGEST: usize = 80;
    let line = said.split(|byte| *byte == b'\r' || *byte == b'\n').next().unwrap_or_default();
    line[..line.len().min(LONGEST)].escape_ascii().to_string().into()
}

/// The addresses tried, a few of them.
struct Tried<'a>(&'a [DialAttempt], &'a io::Error);

impl fmt::Display for Tried<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 6;
        for (index, attempt) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if index == 0 { "tried " } else { ", " };
            write!(f, "{separator}{}: {}", attempt.address.ip(), attempt.failure)?;
        }
        match self.0.len() {
            0 => f.write_str("nothing tried")?,
            count if count > SHOWN => write!(f, " and {} more", count - SHOWN)?,
            _ => {}
        }
        // The words for this one say nothing by themselves.
        match self.0.last() {
            Some(last) if last.failure == DialFailure::Other => write!(f, ": {}", self.1),
            _ => Ok(()),
        }
    }
}

impl From<&rustls::CertificateError> for CertificateProblem {
    fn from(error: &rustls::CertificateError) -> Self {
        use rustls::CertificateError as E;
        match error {
            E::Expired | E::ExpiredContext { .. } => Self::Expired,
            E::NotValidYet | E::NotValidYetContext { .. } => Self::NotYetValid,
            E::NotValidForName | E::NotValidForNameContext { .. } => Self::WrongName,
            // An issuer of the trusted one's name, but with another key, is a stranger like any other.
            E::UnknownIssuer | E::BadSignature => Self::UnknownIssuer,
            E::Revoked => Self::Revoked,
            _ => Self::Invalid,
        }
    }
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownIssuer => "is not trusted: no trusted issuer signed it",
            Self::Expired => "has expired",
            Self::NotYetValid => "is not valid yet",
            Self::WrongName => "is for another name",
            Self::Revoked => "has been revoked",
            Self::Invalid => "is invalid",
        })
    }
}

impl fmt::Display for ProxyAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthenticationRequired => f.write_str("wants other credentials than it was given"),
            Self::AuthenticationRefused => f.write_str("refuses the user name or password"),
            Self::Refused { code, text, .. } => write!(f, "refuses: {code} {text}"),
            Self::NotAProxy(said) => write!(f, "is none of this kind (it said \"{said}\")"),
            Self::TooLong(limit) => write!(f, "gave an answer of more than {limit} bytes"),
            Self::Lost => f.write_str("was lost before it answered"),
        }
    }
}
