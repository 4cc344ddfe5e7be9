//! Debian's packages installed beside the machine instead of on it.
//!
//! Mail servers conflict with each other, have paths compiled in, and would stay. So each is installed in an overlay
//! of `/`, with mounts and processes of its own ([`Overlay::command`]): it sees this machine as it is, with its
//! packages added; what it writes goes to memory; and when its first process ends all of it is gone.
//!
//! What an installation added is kept as an archive beside what was built ([`cache`]), until this machine's own
//! packages change, and the downloaded packages with it: the first start takes as long as the download, each other
//! one a fraction of a second.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{ServerError, debian, tail};
use crate::digest::sha256;

const ENTER: &str = include_str!("overlay/enter.sh");
const INSTALL: &str = include_str!("overlay/install.sh");

/// What is installed on this machine.
const INSTALLED: &str = "/var/lib/dpkg/status";

/// Packages that can be run as if they were installed.
#[derive(Debug, Clone)]
pub struct Overlay {
    image: PathBuf,
    version: String,
}

impl Overlay {
    /// Installs the packages, if that was not done before. Nothing that they bring is started.
    ///
    /// # Errors
    /// [`ServerError::Install`] if this isn't root on Debian, mounting isn't allowed here, or the installer fails.
    pub fn with_packages(packages: &[&str]) -> Result<Self, ServerError> {
        Self::with_answers(packages, "")
    }

    /// The same for packages that ask something, with answers as `debconf-set-selections` reads them.
    ///
    /// # Errors
    /// As [`with_packages`](Self::with_packages).
    pub fn with_answers(packages: &[&str], answers: &str) -> Result<Self, ServerError> {
        let failed = |reason: String| ServerError::Install { packages: packages.join(" "), reason };
        possible().map_err(failed)?;
        let cache = cache();
        fs::create_dir_all(&cache).map_err(ServerError::io("create", &cache))?;
        let lock = cache.join("lock");
        let lock = fs::File::create(&lock).and_then(|file| file.lock().map(|()| file));
        let _lock = lock.map_err(ServerError::io("lock", &cache.join("lock")))?;

        let name = name(packages, answers)?;
        let image = cache.join(&name).with_extension("tar");
        let version = cache.join(&name).with_extension("version");
        if !image.exists() {
            eprintln!("installing {} into an overlay, once", packages.join(" "));
            let quoted = answers.replace('\'', r"'\''");
            let install = format!("packages='{}' answers='{quoted}'\n{INSTALL}", packages.join(" "));
            remove_older(&cache, packages)?;
            let new = cache.join("new.tar");
            let place = tempfile::tempdir().map_err(ServerError::io("make a folder in", &env::temp_dir()))?;
            let mut command = enter(place.path(), None, &cache, Some(&new), &install);
            let output = command.output().map_err(ServerError::io("run", Path::new("unshare")))?;
            if !output.status.success() {
                let said = [output.stdout, output.stderr].concat();
                let said = tail(&String::from_utf8_lossy(&said), 15);
                return Err(failed(format!("the installer ended with {}\n{said}", output.status)));
            }
            fs::rename(cache.join("version"), &version).map_err(ServerError::io("keep", &version))?;
            fs::rename(&new, &image).map_err(ServerError::io("keep", &image))?;
        }
        let version = fs::read_to_string(&version).map_err(ServerError::io("read", &version))?;
        Ok(Self { image, version })
    }

    /// Debian's version of the first package.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// A command that runs this shell script as root, with the packages there. `dir` is the same folder inside and
    /// outside, and the script's `$1`; `/tmp` and `/run` are empty, the network is the machine's. All other
    /// processes that the script leaves end with its first, which `exec` should make the server's.
    pub fn command(&self, dir: &Path, script: &str) -> Result<Command, ServerError> {
        let place = dir.join("overlay");
        fs::create_dir(&place).map_err(ServerError::io("create", &place))?;
        Ok(enter(&place, Some(&self.image), dir, None, script))
    }
}

/// Whether there can be overlays, or why not.
///
/// # Errors
/// A sentence for people.
pub fn possible() -> Result<(), String> {
    if !debian::is_root() {
        return Err("only root can".to_owned());
    }
    for program in ["apt-get", "unshare", "tar"] {
        if debian::find_program(program).is_none() {
            return Err(format!("there is no {program} here"));
        }
    }
    Ok(())
}

/// Where archives and downloaded packages are kept: in cargo's target directory, which the program that runs lies in.
pub fn cache() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    let unknown = || Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target");
    target.map_or_else(unknown, Path::to_owned).join("overlays")
}

/// The archive of these packages on this machine as it is.
fn name(packages: &[&str], answers: &str) -> Result<String, ServerError> {
    let installed = Path::new(INSTALLED);
    let mut basis = fs::read(installed).map_err(ServerError::io("read", installed))?;
    for part in [ENTER, INSTALL, answers] {
        basis.extend_from_slice(part.as_bytes());
    }
    let digest = sha256(&basis[..]).map_err(ServerError::io("read", installed))?;
    Ok(format!("{}-{}", packages.join("+"), &digest[..16]))
}

/// Removes what was kept of these packages when this machine was another.
fn remove_older(cache: &Path, packages: &[&str]) -> Result<(), ServerError> {
    let prefix = format!("{}-", packages.join("+"));
    for entry in fs::read_dir(cache).map_err(ServerError::io("read", cache))? {
        let path = entry.map_err(ServerError::io("read", cache))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.strip_prefix(&prefix).is_some_and(|rest| !rest.contains('-')) {
            match fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(ServerError::io("remove", &path)(e));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn enter(place: &Path, kept: Option<&Path>, shared: &Path, keep: Option<&Path>, script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", ENTER, "enter"]);
    command.arg(place).arg(kept.unwrap_or_else(|| Path::new(""))).arg(shared);
    command.arg(keep.unwrap_or_else(|| Path::new(""))).arg(script);
    command.current_dir("/").stdin(Stdio::null());
    command
}
