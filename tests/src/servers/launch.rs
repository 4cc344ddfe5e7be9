//! What all servers have in common when they start: a folder, a password, ports that nobody else took in between, and
//! a log that says when they listen.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Info, START_OR_STOP, Server, ServerError, process, tail, tls};

/// How often other ports are tried when somebody took one in between.
const TRIES: usize = 5;

/// What servers say when somebody else has a port.
const TAKEN: &str = "Address already in use";

/// A server that is about to be started.
pub(super) struct Launch {
    /// Its name for people.
    pub(super) title: &'static str,
    /// All but its process.
    pub(super) info: Info,
    /// Runs it in the foreground, logging to its standard output.
    pub(super) command: Command,
    /// What its log says when it listens on all its ports: an answer on a port alone might come from somebody else.
    pub(super) sign: &'static str,
    /// Whether it is in a process group of its own, so that what ends a terminal's or a job's processes leaves it
    /// alone.
    pub(super) stays: bool,
}

/// Starts a server, on other ports if one is taken.
pub(super) fn on_free_ports(start: impl Fn() -> Result<Server, ServerError>) -> Result<Server, ServerError> {
    for _ in 1..TRIES {
        match start() {
            Err(ServerError::Start { log, .. }) if log.contains(TAKEN) => {}
            ended => return ended,
        }
    }
    start()
}

/// A new folder that all users may enter.
pub(super) fn folder(server: &str) -> Result<TempDir, ServerError> {
    // Not in TMPDIR: the path of a socket has at most 107 bytes, and the servers' users must be able to enter.
    let tmp = Path::new("/tmp");
    let dir = tempfile::Builder::new()
        .prefix(&format!("mail-{server}-"))
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in(tmp)
        .map_err(ServerError::io("make a folder in", tmp))?;
    let path = dir.path();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(ServerError::io("open up", path))?;
    Ok(dir)
}

/// Ports by service.
pub(super) fn named<const N: usize>(services: [&str; N], ports: [u16; N]) -> BTreeMap<String, u16> {
    services.into_iter().map(str::to_owned).zip(ports).collect()
}

/// 128 random bits in hexadecimal.
pub(super) fn password() -> Result<String, ServerError> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; 16];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(ServerError::io("read", path))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Launch {
    /// Starts it and waits until it listens. The folder goes with the server.
    pub(super) fn start(self, dir: TempDir) -> Result<Server, ServerError> {
        let Self { title, mut info, mut command, sign, stays } = self;
        let log_path = info.log_file();
        let create = ServerError::io("create", &log_path);
        let log = fs::File::create(&log_path).and_then(|log| Ok((log.try_clone()?, log)));
        let (log, log_too) = log.map_err(create)?;
        command.stdin(Stdio::null()).stdout(log).stderr(log_too);
        if stays {
            command.process_group(0);
        }
        let run = ServerError::io("run", Path::new(command.get_program()));
        let child = command.spawn().map_err(run)?;
        info.pid = child.id();
        info.pid_start = process::start_time(child.id()).unwrap_or_default();
        let file = info.dir.join(Info::FILE);
        let text = format!("{}\n", info.to_json());
        // From here on the folder goes with the server.
        let _ = dir.keep();
        let mut server = Server { info, child };
        tls::write(&file, &text, 0o644)?;
        wait_until_up(&mut server, &log_path, sign).map_err(|(reason, log)| ServerError::Start {
            server: title,
            reason,
            log: tail(&log, 15),
        })?;
        Ok(server)
    }
}

/// Waits until the log has the sign. The error is the reason, and what it wrote.
fn wait_until_up(server: &mut Server, log: &Path, sign: &str) -> Result<(), (String, String)> {
    let deadline = Instant::now() + START_OR_STOP;
    loop {
        let ended = server.child.try_wait();
        let log = String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
        match ended {
            // Some servers go on with the ports that they could have.
            Ok(None) if log.contains(TAKEN) => return Err(("a port is taken".to_owned(), log)),
            Ok(None) if log.contains(sign) => return Ok(()),
            Ok(None) if Instant::now() > deadline => {
                return Err((format!("it is not up after {START_OR_STOP:?}"), log));
            }
            Ok(None) => sleep(Duration::from_millis(10)),
            Ok(Some(status)) => return Err((format!("it ended with {status}"), log)),
            Err(error) => return Err((error.to_string(), log)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_differ() {
        let (one, other) = (password().unwrap(), password().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
