//! Debian's packages, installed when a server's program is missing and that is wanted.

use std::env;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{ServerError, tail};

/// Where Debian keeps programs, `/usr/sbin` included, which is not on every user's path.
const FOLDERS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// What package scripts ask before they start a service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// The path of a program: on `PATH`, or where Debian keeps such programs.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Whether missing packages may be installed unasked: `CI=true` says that the machine is there for that.
pub fn may_install() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true")
}

/// Whether this process is root.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// Installs Debian packages. Services that they bring are kept from starting.
///
/// # Errors
/// [`ServerError::Install`] if this isn't root, isn't Debian, or the installer fails.
pub fn install(packages: &[&str]) -> Result<(), ServerError> {
    let failed = |reason: String| ServerError::Install { packages: packages.join(" "), reason };
    if !is_root() {
        return Err(failed("only root can".to_owned()));
    }
    if find_program("apt-get").is_none() {
        return Err(failed("there is no apt-get here".to_owned()));
    }
    let _policy = NoServices::set()?;
    static LISTS_ARE_FRESH: AtomicBool = AtomicBool::new(false);
    if !LISTS_ARE_FRESH.swap(true, Ordering::Relaxed) {
        apt_get(&["update"]).map_err(failed)?;
    }
    let arguments = [&["install", "--yes", "--no-install-recommends"], packages].concat();
    apt_get(&arguments).map_err(failed)
}

/// Runs it; its output is shown only if it fails.
fn apt_get(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("apt-get")
        .args(["-o", "DPkg::Lock::Timeout=120"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("apt-get: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Err(format!("apt-get {} ended with {}\n{}", arguments.join(" "), output.status, tail(&said, 15)))
}

/// While this lives, package scripts start no service, unless the machine has a policy of its own.
struct NoServices {
    ours: bool,
}

impl NoServices {
    fn set() -> Result<Self, ServerError> {
        let path = Path::new(POLICY);
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(path);
        match file {
            Ok(mut file) => {
                let policy = Self { ours: true };
                file.write_all(b"#!/bin/sh\nexit 101\n").map_err(ServerError::io("write", path))?;
                Ok(policy)
            }
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(Self { ours: false }),
            Err(e) => Err(ServerError::io("create", path)(e)),
        }
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = fs::remove_file(POLICY)
        {
            eprintln!("could not remove {POLICY}: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_name() {
        assert!(find_program("sh").is_some());
        assert_eq!(find_program("no-such-program-here"), None);
    }
}
