//! The server's certificate, made when it starts, and what a client needs to trust it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedCipherSuite};

use crate::StartError;

/// The name that the certificate is for, besides `127.0.0.1` and `::1`.
pub(crate) const SERVER_NAME: &str = "localhost";

/// A certificate authority of one server, and the certificate that it signed.
pub(crate) struct Identity {
    pub(crate) ca_pem: String,
    pub(crate) ca: CertificateDer<'static>,
    /// The hash of the server's certificate, to which a login can be tied (RFC 5929 section 4).
    pub(crate) end_point: Vec<u8>,
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) client: Arc<ClientConfig>,
    /// By user, if the server asks clients for certificates.
    pub(crate) users: BTreeMap<String, ClientCertificate>,
}

/// What a user shows to log in by SASL's EXTERNAL: [`Server::client_certificate`](crate::Server::client_certificate).
#[derive(Clone)]
#[non_exhaustive]
pub struct ClientCertificate {
    /// The certificate, as PEM.
    pub certificate_pem: String,
    /// Its private key, as PEM.
    pub key_pem: String,
    certificate: CertificateDer<'static>,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("certificate_pem", &self.certificate_pem)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// With certificates for these users, for which clients are then asked.
    pub(crate) fn new<'a>(users: impl IntoIterator<Item = &'a str>) -> Result<Self, StartError> {
        let mut ca = CertificateParams::new(Vec::new())?;
        ca.distinguished_name.push(DnType::CommonName, "mail-testkit authority");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages.extend([KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign]);
        let ca_key = KeyPair::generate()?;
        let ca_certificate = ca.self_signed(&ca_key)?;
        let issuer = Issuer::new(ca, ca_key);

        let names = [SERVER_NAME, "127.0.0.1", "::1"].map(str::to_owned);
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name.push(DnType::CommonName, SERVER_NAME);
        // Verifiers that keep to RFC 5280 ask for both.
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages.push(KeyUsagePurpose::DigitalSignature);
        leaf.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        let leaf_key = KeyPair::generate()?;
        let leaf_certificate = leaf.signed_by(&leaf_key, &issuer)?;

        let mut certificates = BTreeMap::new();
        for user in users {
            certificates.insert(user.to_owned(), ClientCertificate::new(user, &issuer)?);
        }

        let provider = Arc::new(ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
        let mut roots = RootCertStore::empty();
        roots.add(ca_certificate.der().clone())?;
        let server =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let server = if certificates.is_empty() {
            server.with_no_client_auth()
        } else {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots.clone()), provider.clone());
            let verifier = verifier.allow_unauthenticated().build();
            server.with_client_cert_verifier(
                verifier.map_err(|error| rustls::Error::General(error.to_string()))?,
            )
        };
        let server = server.with_single_cert(vec![leaf_certificate.der().clone()], key)?;

        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();

        Ok(Self {
            ca_pem: ca_certificate.pem(),
            ca: ca_certificate.der().clone(),
            end_point: sha256(leaf_certificate.der()),
            server: Arc::new(server),
            client: Arc::new(client),
            users: certificates,
        })
    }

    /// Whom a certificate is for.
    pub(crate) fn certified(&self, certificate: &CertificateDer<'_>) -> Option<&str> {
        let found = self.users.iter().find(|(_, known)| known.certificate == *certificate);
        found.map(|(user, _)| user.as_str())
    }
}

impl ClientCertificate {
    fn new(user: &str, issuer: &Issuer<'_, KeyPair>) -> Result<Self, rcgen::Error> {
        let mut leaf = CertificateParams::new(Vec::new())?;
        leaf.distinguished_name.push(DnType::CommonName, user);
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages.push(KeyUsagePurpose::DigitalSignature);
        leaf.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        let key = KeyPair::generate()?;
        let certificate = leaf.signed_by(&key, issuer)?;
        Ok(Self {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            certificate: certificate.der().clone(),
        })
    }
}

/// The hash that the certificate is signed with, as RFC 5929 wants it.
fn sha256(octets: &[u8]) -> Vec<u8> {
    let SupportedCipherSuite::Tls13(suite) = ring::cipher_suite::TLS13_AES_128_GCM_SHA256 else {
        return Vec::new();
    };
    suite.common.hash_provider.hash(octets).as_ref().to_vec()
}
