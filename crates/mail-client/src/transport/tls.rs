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
pub(crate) fn provider() -> Result<Arc<CryptoProvider>, Error> {
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

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
        date_time_ymd,
    };
    use rustls::ServerConfig;
    use rustls::server::WebPkiClientVerifier;
    use rustls::version::{TLS12, TLS13};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::task::JoinHandle;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::server::TlsStream as ServerStream;

    use super::*;
    use crate::transport::error::{CertificateProblem, Phase};

    type Authority = CertifiedIssuer<'static, KeyPair>;

    fn authority() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    /// A certificate for `mail.example` and `127.0.0.1`, and its key in PEM.
    fn certificate(
        issuer: &Authority,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (Vec<u8>, String, String) {
        let names = ["mail.example".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, issuer).unwrap();
        (certificate.der().to_vec(), certificate.pem(), key.serialize_pem())
    }

    fn server_config(
        versions: &[&'static rustls::SupportedProtocolVersion],
        clients: Option<&Authority>,
        (der, _, key): (Vec<u8>, String, String),
    ) -> Arc<ServerConfig> {
        let provider = provider().unwrap();
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .unwrap();
        let builder = match clients {
            Some(issuer) => {
                let mut roots = RootCertStore::empty();
                roots.add(issuer.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
            None => builder.with_no_client_auth(),
        };
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        Arc::new(builder.with_single_cert(vec![der.into()], key).unwrap())
    }

    /// A server that shakes hands once; what became of it.
    fn serve(config: &Arc<ServerConfig>) -> (BoxIo, JoinHandle<std::io::Result<ServerStream<DuplexStream>>>) {
        let (ours, theirs) = duplex(4096);
        let acceptor = TlsAcceptor::from(Arc::clone(config));
        (Box::new(ours), tokio::spawn(async move { acceptor.accept(theirs).await }))
    }

    fn trusting(issuer: &Authority) -> Tls {
        Tls::builder().root_pem(issuer.pem().as_bytes()).unwrap().build().unwrap()
    }

    fn target(host: &str) -> Target {
        Target::new(host, 993).unwrap()
    }

    async fn problem(tls: &Tls, config: &Arc<ServerConfig>, host: &str) -> (CertificateProblem, Error) {
        let (io, _server) = serve(config);
        let error = tls.connect(io, &target(host)).await.unwrap_err();
        let Error::Certificate { problem, .. } = &error else { panic!("{error}") };
        assert!(error.is_permanent() && error.phase() == Phase::Tls);
        (*problem, error)
    }

    #[tokio::test]
    async fn a_trusted_server_is_spoken_to_in_both_versions_by_name_and_by_address() {
        let issuer = authority();
        for versions in [[&TLS12], [&TLS13]] {
            let config = server_config(&versions, None, certificate(&issuer, |_| {}));
            for (host, asked_for) in [("mail.example", Some("mail.example")), ("127.0.0.1", None)] {
                let (io, server) = serve(&config);
                let mut client = trusting(&issuer).connect(io, &target(host)).await.unwrap();
                let mut server = server.await.unwrap().unwrap();
                assert_eq!(server.get_ref().1.server_name(), asked_for);
                client.write_all(b"a1 NOOP\r\n").await.unwrap();
                client.flush().await.unwrap();
                let mut line = [0; 9];
                server.read_exact(&mut line).await.unwrap();
                assert_eq!(&line, b"a1 NOOP\r\n");
            }
        }
    }

    #[tokio::test]
    async fn an_unknown_issuer_an_expired_certificate_and_a_wrong_name_are_told_apart() {
        let issuer = authority();
        let sound = server_config(&[&TLS13], None, certificate(&issuer, |_| {}));
        // The stranger bears the issuer's name: only its key tells them apart.
        let (found, error) = problem(&trusting(&authority()), &sound, "mail.example").await;
        assert_eq!(found, CertificateProblem::UnknownIssuer);
        let expected =
            "mail.example:993: the server's certificate is not trusted: no trusted issuer signed it";
        assert_eq!(error.to_string(), expected);

        for host in ["other.example", "127.0.0.2"] {
            let (found, _) = problem(&trusting(&issuer), &sound, host).await;
            assert_eq!(found, CertificateProblem::WrongName);
        }

        let old = certificate(&issuer, |params| params.not_after = date_time_ymd(2001, 1, 1));
        let (found, _) =
            problem(&trusting(&issuer), &server_config(&[&TLS13], None, old), "mail.example").await;
        assert_eq!(found, CertificateProblem::Expired);

        let early = certificate(&issuer, |params| params.not_before = date_time_ymd(4000, 1, 1));
        let (found, _) =
            problem(&trusting(&issuer), &server_config(&[&TLS12], None, early), "mail.example").await;
        assert_eq!(found, CertificateProblem::NotYetValid);

        let clients_only = certificate(&issuer, |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        });
        let config = server_config(&[&TLS13], None, clients_only);
        assert_eq!(problem(&trusting(&issuer), &config, "mail.example").await.0, CertificateProblem::Invalid);
    }

    #[tokio::test]
    async fn the_platforms_roots_do_not_trust_a_stranger() {
        // A machine without roots can't have the value at all.
        let tls = match Tls::platform() {
            Ok(tls) => tls,
            Err(error) => {
                assert!(matches!(error, Error::Configuration { .. }), "{error}");
                return;
            }
        };
        let config = server_config(&[&TLS13], None, certificate(&authority(), |_| {}));
        assert_eq!(problem(&tls, &config, "mail.example").await.0, CertificateProblem::UnknownIssuer);
    }

    #[tokio::test]
    async fn another_name_may_be_asked_for_than_was_dialled() {
        let issuer = authority();
        let config = server_config(&[&TLS13], None, certificate(&issuer, |_| {}));
        let roots = Tls::builder().root_der(issuer.der()).unwrap();
        let tls = roots.server_name("mail.example").unwrap().build().unwrap();
        let (io, server) = serve(&config);
        let _client = tls.connect(io, &target("localhost")).await.unwrap();
        assert_eq!(server.await.unwrap().unwrap().get_ref().1.server_name(), Some("mail.example"));
    }

    async fn plain_text(says: &'static [u8]) -> Error {
        let (ours, mut theirs) = duplex(4096);
        let server = tokio::spawn(async move {
            theirs.write_all(says).await.unwrap();
            // The client's hello and its alert, until it hangs up.
            let _ = theirs.read_to_end(&mut Vec::new()).await;
        });
        let error =
            trusting(&authority()).connect(Box::new(ours), &target("mail.example")).await.unwrap_err();
        server.await.unwrap();
        error
    }

    #[tokio::test]
    async fn a_peer_that_speaks_no_tls_is_quoted() {
        let error = plain_text(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n").await;
        assert!(matches!(error, Error::NotTls { .. }) && error.is_permanent());
        assert_eq!(
            error.to_string(),
            "mail.example:993: the server does not speak TLS on this port (it began with \"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\")"
        );
        for greeting in [b"+OK\r\n".as_slice(), b"220 mail.example ESMTP\r\n", b"\x16\x02\x00\x00\x00\x00"] {
            assert!(matches!(plain_text(greeting).await, Error::NotTls { .. }));
        }
        // A record of TLS with nonsense inside is bad TLS.
        assert!(matches!(plain_text(b"\x16\x03\x03\x00\x04abcd").await, Error::Tls { .. }));
    }

    #[tokio::test]
    async fn a_greeting_cut_short_is_no_tls_either_and_silence_is_a_lost_connection() {
        for (says, is_plain) in
            [(b"* ".as_slice(), true), (b"*", true), (b"\x16\x03", false), (b"\x16", false), (b"", false)]
        {
            let (ours, mut theirs) = duplex(4096);
            theirs.write_all(says).await.unwrap();
            theirs.shutdown().await.unwrap();
            let error =
                trusting(&authority()).connect(Box::new(ours), &target("mail.example")).await.unwrap_err();
            assert_eq!(matches!(error, Error::NotTls { .. }), is_plain);
            assert_eq!(matches!(error, Error::Lost { phase: Phase::Tls, .. }), !is_plain);
            assert_eq!(error.is_permanent(), is_plain);
        }
    }

    #[tokio::test]
    async fn a_client_certificate_is_shown_where_it_is_asked_for() {
        let (issuer, clients) = (authority(), authority());
        for versions in [[&TLS12], [&TLS13]] {
            let config = server_config(&versions, Some(&clients), certificate(&issuer, |_| {}));
            let (own, chain, key) = certificate(&clients, |_| {});
            let tls = Tls::builder().root_pem(issuer.pem().as_bytes()).unwrap();
            let tls = tls.client_certificate_pem(chain.as_bytes(), key.as_bytes()).unwrap();
            assert!(!format!("{tls:?}").contains(&key[30..60]));
            let (io, server) = serve(&config);
            let _client = tls.build().unwrap().connect(io, &target("mail.example")).await.unwrap();
            let server = server.await.unwrap().unwrap();
            assert_eq!(server.get_ref().1.peer_certificates().unwrap()[0].as_ref(), own);
        }
    }

    #[tokio::test]
    async fn a_missing_client_certificate_is_refused_with_the_servers_alert() {
        let issuer = authority();
        // TLS 1.3 tells only at the first read.
        let config = server_config(&[&TLS13], Some(&authority()), certificate(&issuer, |_| {}));
        let (io, server) = serve(&config);
        let mut client = trusting(&issuer).connect(io, &target("mail.example")).await.unwrap();
        let error = client.read_u8().await.unwrap_err();
        let error = Error::from_tls_io(&target("mail.example"), error);
        assert!(matches!(&error, Error::Tls { .. }) && error.is_permanent(), "{error}");
        assert!(error.to_string().contains("CertificateRequired"), "{error}");
        assert!(server.await.unwrap().is_err());

        let config = server_config(&[&TLS12], Some(&authority()), certificate(&issuer, |_| {}));
        let (io, _server) = serve(&config);
        let error = trusting(&issuer).connect(io, &target("mail.example")).await.unwrap_err();
        assert!(matches!(&error, Error::Tls { .. }) && error.is_permanent(), "{error}");
    }

    #[tokio::test]
    async fn a_second_connection_resumes_the_firsts_session() {
        let issuer = authority();
        let config = server_config(&[&TLS13], None, certificate(&issuer, |_| {}));
        let tls = trusting(&issuer);
        for expected in [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed] {
            let (io, server) = serve(&config);
            let mut client = tls.clone().connect(io, &target("mail.example")).await.unwrap();
            let mut server = server.await.unwrap().unwrap();
            server.write_all(b"* OK\r\n").await.unwrap();
            server.flush().await.unwrap();
            client.read_exact(&mut [0; 6]).await.unwrap();
            assert_eq!(server.get_ref().1.handshake_kind(), Some(expected));
        }
    }

    #[tokio::test]
    async fn both_ends_agree_on_the_channel_binding() {
        let issuer = authority();
        for (versions, has_one) in [([&TLS13], true), ([&TLS12], false)] {
            let (io, server) = serve(&server_config(&versions, None, certificate(&issuer, |_| {})));
            let client = trusting(&issuer).connect(io, &target("mail.example")).await.unwrap();
            let server = server.await.unwrap().unwrap();
            let label = b"EXPORTER-Channel-Binding";
            let theirs = server.get_ref().1.export_keying_material([0; 32], label, Some(b"")).unwrap();
            assert_eq!(client.channel_binding(), has_one.then_some(theirs));
            assert_eq!(client.peer_certificates().len(), 1);
        }
    }

    #[tokio::test]
    async fn a_configuration_made_elsewhere_is_taken_as_it_is() {
        let issuer = authority();
        let mut roots = RootCertStore::empty();
        roots.add(issuer.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(provider().unwrap())
            .with_protocol_versions(&[&TLS12])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tls = Tls::from(Arc::new(config));
        let (io, _server) = serve(&server_config(&[&TLS12, &TLS13], None, certificate(&issuer, |_| {})));
        let client = tls.connect(io, &target("mail.example")).await.unwrap();
        assert!(format!("{client:?}").contains("TLSv1_2"));

        let (io, _server) = serve(&server_config(&[&TLS13], None, certificate(&issuer, |_| {})));
        let error = tls.connect(io, &target("mail.example")).await.unwrap_err();
        assert!(matches!(error, Error::Tls { .. }) && error.is_permanent());
    }

    #[test]
    fn what_cannot_be_used_is_said_when_it_is_given() {
        let issuer = authority();
        let (_, chain, _) = certificate(&issuer, |_| {});
        let (_, _, another_key) = certificate(&issuer, |_| {});
        let errors = [
            Tls::builder().root_pem(b"no certificate").map(drop),
            Tls::builder()
                .root_pem(b"-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n")
                .map(drop),
            Tls::builder().root_der(b"no certificate").map(drop),
            Tls::builder().client_certificate_pem(chain.as_bytes(), b"no key").map(drop),
            Tls::builder().client_certificate_pem(b"", another_key.as_bytes()).map(drop),
            Tls::builder().server_name("a..b").map(drop),
            Tls::builder()
                .root_der(issuer.der())
                .and_then(|tls| tls.client_certificate_pem(chain.as_bytes(), another_key.as_bytes()))
                .and_then(TlsBuilder::build)
                .map(drop),
        ];
        for error in errors {
            let error = error.unwrap_err();
            assert!(matches!(error, Error::Configuration { .. }) && error.is_permanent());
        }
    }

    #[test]
    fn nothing_is_installed_for_the_whole_process() {
        let _tls = trusting(&authority());
        assert!(CryptoProvider::get_default().is_none());
    }
}
