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

const CA: &str = "ca.pem";
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// Makes an authority and a certificate for `localhost`, 127.0.0.1 and ::1 in `dir`.
pub(super) fn make(dir: &Path) -> Result<TlsFiles, ServerError> {
    let files = TlsFiles { ca: dir.join(CA), certificate: dir.join(CERTIFICATE), key: dir.join(KEY) };
    let Pems { ca, certificate, key } = Pems::new()?;
    write(&files.ca, &ca, 0o644)?;
    write(&files.certificate, &certificate, 0o644)?;
    write(&files.key, &key, 0o600)?;
    Ok(files)
}

/// Puts a certificate by another authority in the place of the one that was made first, or that one back.
pub(super) fn exchange(dir: &Path, is_trusted: bool) -> Result<(), ServerError> {
    let Pems { certificate, key, .. } = Pems::new()?;
    for (name, text, mode) in [(CERTIFICATE, certificate, 0o644), (KEY, key, 0o600)] {
        let (path, first) = (dir.join(name), dir.join(name).with_extension("first"));
        if !first.exists() {
            fs::rename(&path, &first).map_err(ServerError::io("keep", &path))?;
        }
        let _ = fs::remove_file(&path);
        if is_trusted {
            fs::copy(&first, &path).map_err(ServerError::io("bring back", &path))?;
        } else {
            write(&path, &text, mode)?;
        }
    }
    Ok(())
}

struct Pems {
    ca: String,
    certificate: String,
    key: String,
}

impl Pems {
    fn new() -> Result<Self, ServerError> {
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "Test authority");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;

        let mut leaf = CertificateParams::new(["localhost", "127.0.0.1", "::1"].map(str::to_owned))?;
        leaf.distinguished_name.push(DnType::CommonName, "localhost");
        leaf.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let leaf = leaf.signed_by(&key, &ca)?;
        Ok(Self { ca: ca.pem(), certificate: leaf.pem(), key: key.serialize_pem() })
    }
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
