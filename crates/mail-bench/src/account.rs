//! Where a server is, and who logs in to it.

use std::{fs, path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::{Value, json};

use crate::failure::Failed;

/// On a server of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) port: u16,
    /// The authority's certificate; `None` for a connection in the clear.
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Account {
    pub(crate) fn to_json(&self) -> Value {
        json!({ "port": self.port, "ca_file": self.ca_file, "user": self.user, "password": self.password })
    }

    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        Some(Self {
            port: value["port"].as_u64()?.try_into().ok()?,
            ca_file: text("ca_file").map(PathBuf::from),
            user: text("user")?,
            password: text("password")?,
        })
    }

    /// TLS as all contenders but ours are given it, which makes its own of the same certificate.
    pub(crate) fn client_config(&self) -> Result<Option<Arc<ClientConfig>>, Failed> {
        let Some(ca_file) = &self.ca_file else { return Ok(None) };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&fs::read(ca_file)?) {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Some(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
    }
}

/// Whom the certificate names.
pub(crate) fn server_name() -> ServerName<'static> {
    ServerName::IpAddress(std::net::IpAddr::from([127, 0, 0, 1]).into())
}
