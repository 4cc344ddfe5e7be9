use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::transport::connector::BoxIo;
use crate::transport::error::Error;
use crate::transport::read_ahead::ReadAhead;
use crate::transport::target::Target;
use crate::transport::tls_stream::TlsStream;

/// How TLS is spoken: whom to trust, and as whom. Cheap to clone; streams of one value resume each other's sessions.
///
/// TLS 1.2 and 1.3, with the cryptography that the crate's features name; nothing is ever installed for the whole process.
/// The value belongs to one identity: sessions aren't resumed across two of them.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

/// Makes a [`Tls`] with roots of its own or a client certificate.
#[must_use]
pub struct TlsBuilder {
    own_roots: Option<RootCertStore>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    server_name: Option<ServerName<'static>>,
}

impl Tls {
    /// Trusts whom the operating system trusts. Reads the system's roots, so make one and clone it.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the system has no roots.
    pub fn platform() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// Begins with the operating system's roots and no client certificate.
    pub fn builder() -> TlsBuilder {
        TlsBuilder { own_roots: None, identity: None, server_name: None }
    }

    /// Shakes hands over a stream: right after connecting, or after the answer to STARTTLS, when no byte read before is
    /// left anywhere. The certificate must be for the target's host, by name or address, unless the
    /// [builder](TlsBuilder::server_name) was told another name.
    ///
    /// # Errors
    /// [`Error::Certificate`], [`Error::NotTls`], [`Error::Tls`] or [`Error::Lost`]. There is no deadline: the caller
    /// sets one with [`Phase::within`](crate::transport::Phase::within).
    pub async fn connect(&self, io: BoxIo, target: &Target) -> Result<TlsStream, Error> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => server_name(target.host())?,
        };
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(&self.config));
        match connector.connect(name, ReadAhead::new(io)).into_fallible().await {
            Ok(stream) => Ok(TlsStream::new(stream)),
            Err((error, peer)) => Err(match peer.plain_text() {
                Some(said) => Error::NotTls { target: target.clone(), said },
                None => Error::from_tls_io(target, error),
            }),
        }
    }
}

/// A configuration made elsewhere: its roots, versions, cryptography and sessions.
impl From<Arc<ClientConfig>> for Tls {
    fn from(config: Arc<ClientConfig>) -> Self {
        Self { config, server_name: None }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

impl TlsBuilder {
    /// Trusts these certificates, one or more in PEM, and no others but those added likewise: the system's roots are
    /// not asked.
    ///
    /// # Errors
    /// [`Error::Configuration`] if there is none, or one that can't be read.
    pub fn root_pem(mut self, pem: &[u8]) -> Result<Self, Error> {
        for certificate in certificates(pem, "root certificates")? {
            self = self.root_der(&certificate)?;
        }
        Ok(self)
    }

    /// Trusts this certificate, in DER, and no others but those added likewise: the system's roots are not asked.
    ///
    /// # Errors
    /// [`Error::Configuration`] if it can't be read.
    pub fn root_der(mut self, der: &[u8]) -> Result<Self, Error> {
        self.own_roots
            .get_or_insert_with(RootCertStore::empty)
            .add(CertificateDer::from(der).into_owned())
            .map_err(|error| Error::configuration(format_args!("root certificate: {error}")))?;
        Ok(self)
    }

    /// Shows this certificate to a server that asks for one: in PEM the chain, the own certificate first, and its
    /// private key (PKCS #8, PKCS #1 or SEC 1).
    ///
    /// # Errors
    /// [`Error::Configuration`] if there is none, or one that can't be read.
    pub fn client_certificate_pem(mut self, chain: &[u8], key: &[u8]) -> Result<Self, Error> {
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| Error::configuration(format_args!("client certificate's key: {error}")))?;
        self.identity = Some((certificates(chain, "client certificate")?, key));
        Ok(self)
    }

    /// Asks the server for this name, and accepts only its certificate, whatever host was dialled (a tunnel's end, say).
    ///
    /// # Errors
    /// [`Error::Configuration`] if no certificate can be for such a name.
    pub fn server_name(mut self, name: &str) -> Result<Self, Error> {
        self.server_name = Some(server_name(name)?);
        Ok(self)
    }

    /// The finished value.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the system has no roots and none were given, or the client's key doesn't fit its
    /// certificate.
    pub fn build(self) -> Result<Tls, Error> {
        let provider = provider()?;
        let verifier: Arc<dyn ServerCertVerifier> = match self.own_roots {
            Some(roots) => {
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                    .build()
                    .map_err(Error::configuration)?
            }
            None => Arc::new(Verifier::new(Arc::clone(&provider)).map_err(Error::configuration)?),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Error::configuration)?
            // Both verifiers are complete ones; this is how one that is already made is given.
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match self.identity {
            Some((chain, key)) => config
                .with_client_auth_cert(chain, key)
                .map_err(|error| Error::configuration(format_args!("client certificate: {error}")))?,
            None => config.with_no_client_auth(),
        };
        Ok(Tls { config: Arc::new(config), server_name: self.server_name })
    }
}

impl fmt::Debug for TlsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsBuilder")
            .field("own_roots", &self.own_roots.as_ref().map(RootCertStore::len))
            .field("has_client_certificate", &self.identity.is_some())
            .field("server_name", &self.server_name)
            .finish()
    }
}

/// The cryptography that the features name, aws-lc-rs before ring; without either, the process's own choice.
fn provider() -> Result<Arc<CryptoProvider>, Error> {
    #[cfg(feature = "aws-lc-rs")]
    return Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    return Ok(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    return CryptoProvider::get_default().cloned().ok_or_else(|| {
        Error::configuration("no TLS cryptography: neither feature `ring` nor `aws-lc-rs` is on")
    });
}

/// The name that is asked for and must be certified. The root's dot is the resolver's business alone.
fn server_name(host: &str) -> Result<ServerName<'static>, Error> {
    ServerName::try_from(host.strip_suffix('.').unwrap_or(host)).map(|name| name.to_owned()).map_err(|_| {
        Error::configuration(format_args!("no certificate can be for the name \"{}\"", host.escape_default()))
    })
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Error::configuration(format_args!("{what}: {error}")))?;
    if certificates.is_empty() {
        return Err(Error::configuration(format_args!("{what}: no certificate in the PEM text")));
    }
    Ok(certificates)
}
