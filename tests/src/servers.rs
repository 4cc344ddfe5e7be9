//! Throw-away mail servers from Debian's packages.
//!
//! A [`Server`] listens on free ports of 127.0.0.1, keeps everything in a folder of its own, needs no service
//! manager, and is gone with its folder when it is stopped or dropped. Any number live side by side.
//!
//! ```no_run
//! use system_tests::servers::dovecot;
//!
//! let server = dovecot::start(&dovecot::Options::default())?;
//! println!("IMAP with TLS on port {}", server.info().ports["imaps"]);
//! # Ok::<(), system_tests::servers::ServerError>(())
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use serde_json::{Value, json};

use self::guard::Guard;
use self::launch::Revival;

pub mod courier;
pub mod cyrus;
pub mod debian;
pub mod dovecot;
pub mod dovecot_log;
mod guard;
mod launch;
pub mod overlay;
pub mod postfix;
mod process;
mod tls;

/// How long a server may take to start, or to end.
const START_OR_STOP: Duration = Duration::from_secs(120);

/// Where a server is, and who may log in: what a program needs to use it, and what is needed to stop it.
///
/// It is one JSON object on one line, in `server.json` in the server's folder and on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// What it is: `dovecot`, `postfix`, `cyrus`, `courier`.
    pub server: String,
    /// Its own version text.
    pub version: String,
    /// Port on 127.0.0.1 by service: `imap` (plain, with STARTTLS), `imaps` (implicit TLS) and so on.
    pub ports: BTreeMap<String, u16>,
    /// The user who may log in.
    pub user: String,
    /// The user's password, made for this server.
    pub password: String,
    /// PEM file of the authority that signed the server's certificate (for `localhost` and `127.0.0.1`).
    pub ca_file: PathBuf,
    /// Everything that belongs to this server lies here.
    pub dir: PathBuf,
    /// What it was started with, for a second look.
    pub options: Value,
    /// The server's first process.
    pub pid: u32,
    /// When that process started, in clock ticks since boot: another process with the same number is not ours.
    pub pid_start: u64,
}

impl Info {
    /// Name of the file in [`dir`](Self::dir) that holds this as JSON.
    pub const FILE: &str = "server.json";

    /// One JSON object.
    pub fn to_json(&self) -> Value {
        json!({
            "server": self.server, "version": self.version, "host": "127.0.0.1", "ports": self.ports,
            "user": self.user, "password": self.password, "ca_file": self.ca_file, "dir": self.dir,
            "options": self.options, "pid": self.pid, "pid_start": self.pid_start,
        })
    }

    /// Reads the file that a server left in its folder.
    ///
    /// # Errors
    /// [`ServerError::Io`] if there is no such file, [`ServerError::Info`] if it isn't one of ours.
    pub fn read(dir: &Path) -> Result<Self, ServerError> {
        let path = dir.join(Self::FILE);
        let text = fs::read_to_string(&path).map_err(ServerError::io("read", &path))?;
        serde_json::from_str(&text).ok().as_ref().and_then(Self::from_json).ok_or(ServerError::Info { path })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        let number = |key: &str| value.get(key)?.as_u64();
        let port = |(name, port): (&String, &Value)| Some((name.clone(), port.as_u64()?.try_into().ok()?));
        Some(Self {
            server: text("server")?,
            version: text("version")?,
            ports: value.get("ports")?.as_object()?.iter().map(port).collect::<Option<_>>()?,
            user: text("user")?,
            password: text("password")?,
            ca_file: text("ca_file")?.into(),
            dir: text("dir")?.into(),
            options: value.get("options")?.clone(),
            pid: number("pid")?.try_into().ok()?,
            pid_start: number("pid_start")?,
        })
    }

    /// What the server wrote since it was started.
    pub fn log_file(&self) -> PathBuf {
        self.dir.join(&self.server).with_extension("log")
    }

    /// Whether the process that was started is still the one with this number.
    pub fn is_running(&self) -> bool {
        process::start_time(self.pid) == Some(self.pid_start)
    }

    /// Ends the server with all its processes, if it still runs, and removes its folder.
    ///
    /// # Errors
    /// [`ServerError::WontEnd`] if a process is still there after being killed, [`ServerError::Io`] if the folder stays.
    pub fn stop(&self) -> Result<(), ServerError> {
        process::end(self.pid, self.pid_start, START_OR_STOP)?;
        match fs::remove_dir_all(&self.dir) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(ServerError::io("remove", &self.dir)(e)),
            _ => Ok(()),
        }
    }
}

/// What may be chosen of a server for which there is no more to choose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Connections that a user (Cyrus) or an address (Courier) may have at a time; the server's own default if None.
    pub max_connections: Option<u32>,
    /// As [`dovecot::Options::stays`].
    pub stays: bool,
}

impl Options {
    fn to_json(&self) -> Value {
        json!({"max_connections": self.max_connections})
    }

    /// Whether a server was started with these.
    pub fn are_those_of(&self, info: &Info) -> bool {
        info.options == self.to_json()
    }
}

/// A running server. Dropping it stops it, and so does the end of this program, even if it is killed.
#[derive(Debug)]
pub struct Server {
    info: Info,
    child: Child,
    /// None for one that is to stay.
    guard: Option<Guard>,
    revival: Revival,
    is_detached: bool,
}

impl Server {
    /// Where it is and who may log in.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Stops it, and says so if that fails.
    ///
    /// # Errors
    /// As [`Info::stop`].
    pub fn stop(self) -> Result<(), ServerError> {
        self.info.stop()
    }

    /// Ends all its processes and starts them anew, on the same ports, with the same mail and with the certificate that
    /// is there by then. Returns when it listens again. Who was connected is cut off.
    ///
    /// # Errors
    /// [`ServerError::Start`]; [`ServerError::CantRestart`] of a server that doesn't know how.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        launch::restart(self)
    }

    /// Restarts it with a certificate by an authority that nobody trusts, or with the first one again.
    ///
    /// # Errors
    /// As [`restart`](Self::restart), or the certificate can't be made.
    pub fn restart_with_certificate(&mut self, is_trusted: bool) -> Result<(), ServerError> {
        tls::exchange(&self.info.dir, is_trusted)?;
        self.restart()
    }

    /// The processes that descend from the server's first and have this name. They may end at any time.
    ///
    /// # Errors
    /// `/proc` can't be read.
    pub fn processes(&self, name: &str) -> Result<Vec<u32>, ServerError> {
        process::descendants_named(self.info.pid, name)
    }

    /// Sends a signal, `KILL` say, to one of its processes; it is no error if that has ended by itself.
    ///
    /// # Errors
    /// There is no shell.
    pub fn signal(&self, name: &str, pid: u32) -> Result<(), ServerError> {
        process::signal_to(name, pid)
    }

    /// Lets it run on after this process; [`Info::stop`] ends it.
    pub fn detach(mut self) -> Info {
        self.guard = None;
        self.is_detached = true;
        self.info.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.is_detached {
            return;
        }
        match self.info.stop() {
            // Waited for, or it stays in the table of processes.
            Ok(()) => drop(self.child.wait()),
            Err(error) => eprintln!("{error}"),
        }
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The server's program isn't on this machine.
    #[error(
        "{program} is not installed: apt-get install {packages}, or as root: cargo xtask servers up {server} --install"
    )]
    NotInstalled {
        /// Which server.
        server: &'static str,
        /// The program looked for.
        program: &'static str,
        /// Debian's packages that bring it, with spaces between.
        packages: String,
    },
    /// Debian's packages could not be installed.
    #[error("could not install {packages}: {reason}")]
    Install {
        /// The packages asked for, with spaces between.
        packages: String,
        /// What went wrong, with the end of the installer's output.
        reason: String,
    },
    /// The installed version is not one whose configuration we know how to write.
    #[error("{server} {version} is installed; {needed} is needed")]
    Version {
        /// Which server.
        server: &'static str,
        /// What is there.
        version: String,
        /// What is needed.
        needed: &'static str,
    },
    /// The server ended, or was not up in time.
    #[error("{server} did not start: {reason}\n{log}")]
    Start {
        /// Which server.
        server: &'static str,
        /// What was seen.
        reason: String,
        /// The end of what the server wrote.
        log: String,
    },
    /// It can't be restarted.
    #[error("{server} can't be restarted")]
    CantRestart {
        /// Which server.
        server: &'static str,
    },
    /// It is still there after SIGKILL.
    #[error("process {pid} does not end")]
    WontEnd {
        /// The process.
        pid: u32,
    },
    /// A certificate could not be made.
    #[error("could not make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A `server.json` that isn't what we write.
    #[error("{} is not the description of a server", path.display())]
    Info {
        /// The file.
        path: PathBuf,
    },
    /// A file, folder or program of this machine.
    #[error("could not {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl ServerError {
    fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

/// Ports that were free a moment ago, all different.
fn free_ports<const N: usize>() -> Result<[u16; N], ServerError> {
    let free = || -> io::Result<Vec<TcpListener>> {
        (0..N).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect()
    };
    let mut ports = [0; N];
    let listeners = free().map_err(ServerError::io("listen on", Path::new("127.0.0.1")))?;
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr().map_err(ServerError::io("listen on", Path::new("127.0.0.1")))?.port();
    }
    Ok(ports)
}

/// The last `lines` lines of a text.
fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> Info {
        Info {
            server: "dovecot".into(),
            version: "2.3.19.1".into(),
            ports: [("imap".to_owned(), 1143), ("imaps".to_owned(), 1993)].into(),
            user: "tester".into(),
            password: "secret".into(),
            ca_file: "/tmp/x/ca.pem".into(),
            dir: "/tmp/x".into(),
            options: json!({"max_userip_connections": 4}),
            pid: 4_000_000,
            pid_start: 17,
        }
    }

    #[test]
    fn info_reads_what_it_wrote() {
        assert_eq!(Info::from_json(&info().to_json()), Some(info()));
    }

    #[test]
    fn info_without_a_port_number_is_refused() {
        let mut json = info().to_json();
        json["ports"]["imap"] = json!(70_000);
        assert_eq!(Info::from_json(&json), None);
    }

    #[test]
    fn free_ports_differ() {
        let ports: [u16; 16] = free_ports().unwrap();
        let different: std::collections::BTreeSet<u16> = ports.into_iter().collect();
        assert_eq!(different.len(), 16);
    }

    #[test]
    fn tail_takes_the_last_lines() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
        assert_eq!(tail("a", 5), "a");
    }
}
