//! An authority made for one server, and the server's certificate signed by it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

use super::ServerError;

/// The files, all PEM.
pub(super) struct TlsFiles {
    pub(super) ca: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Makes an authority and a certificate for `localhost`, 127.0.0.1 and ::1 in `dir`.
pub(super) fn make(dir: &Path) -> Result<TlsFiles, ServerError> {
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "Test authority");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;

    let mut leaf = CertificateParams::new(["localhost", "127.0.0.1", "::1"].map(str::to_owned))?;
    leaf.distinguished_name.push(DnType::CommonName, "localhost");
    leaf.use_authority_key_identifier_extension = true;
    let leaf_key = KeyPair::generate()?;
    let leaf = leaf.signed_by(&leaf_key, &ca)?;

    let files = TlsFiles {
        ca: dir.join("ca.pem"),
        certificate: dir.join("certificate.pem"),
        key: dir.join("key.pem"),
    };
    write(&files.ca, &ca.pem(), 0o644)?;
    write(&files.certificate, &leaf.pem(), 0o644)?;
    write(&files.key, &leaf_key.serialize_pem(), 0o600)?;
    Ok(files)
}

/// Writes a new file that nobody had a look into before it got its mode.
pub(super) fn write(path: &Path, text: &str, mode: u32) -> Result<(), ServerError> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(ServerError::io("create", path))?;
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(ServerError::io("create", path))?;
    file.write_all(text.as_bytes()).map_err(ServerError::io("write", path))
}
