//! What all servers have in common when they start: a folder, a password, ports that nobody else took in between, and
//! a log that says when they listen.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::guard::Guard;
use super::{Info, START_OR_STOP, Server, ServerError, process, tail, tls};
use crate::secrets;

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
    /// Whether it stays when this program is gone.
    pub(super) stays: bool,
    /// What restarts it.
    pub(super) revival: By,
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
    let password: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    secrets::register(&password);
    Ok(password)
}

/// How a server comes back.
#[derive(Debug)]
pub(super) struct Revival {
    title: &'static str,
    sign: &'static str,
    by: By,
    /// What is run.
    program: OsString,
    arguments: Vec<OsString>,
}

/// What makes a server start anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Its command, once more.
    Command,
    /// SIGHUP to its first process in its overlay.
    Hangup,
    /// Nothing.
    Nothing,
}

impl Launch {
    /// Starts it and waits until it listens. The folder goes with the server.
    pub(super) fn start(self, dir: TempDir) -> Result<Server, ServerError> {
        let Self { title, mut info, mut command, sign, stays, revival } = self;
        let log_path = info.log_file();
        fs::File::create(&log_path).map_err(ServerError::io("create", &log_path))?;
        let revival = Revival {
            title,
            sign,
            by: revival,
            program: command.get_program().to_owned(),
            arguments: command.get_args().map(OsStr::to_owned).collect(),
        };
        let child = spawn(&mut command, &info)?;
        info.pid = child.id();
        info.pid_start = process::start_time(child.id()).unwrap_or_default();
        // From here on the folder goes with the server.
        let _ = dir.keep();
        let mut server = Server { info, child, guard: None, revival, is_detached: false };
        if !stays {
            server.guard = Some(Guard::over(server.info.pid, &server.info.dir)?);
        }
        describe(&server.info)?;
        wait_until_up(&mut server, 0)?;
        Ok(server)
    }
}

/// See [`Server::restart`].
pub(super) fn restart(server: &mut Server) -> Result<(), ServerError> {
    let log_path = server.info.log_file();
    let seen = fs::metadata(&log_path).map_err(ServerError::io("read", &log_path))?.len();
    match server.revival.by {
        By::Nothing => return Err(ServerError::CantRestart { server: server.revival.title }),
        By::Hangup => {
            let first = process::child_of(server.info.pid)?;
            process::signal_to("HUP", first.unwrap_or(server.info.pid))?;
        }
        By::Command => {
            process::ask_to_end(server.info.pid, server.info.pid_start, START_OR_STOP)?;
            // Waited for, or it stays in the table of processes.
            let _ = server.child.wait();
            let mut command = Command::new(&server.revival.program);
            server.child = spawn(command.args(&server.revival.arguments), &server.info)?;
            server.info.pid = server.child.id();
            server.info.pid_start = process::start_time(server.info.pid).unwrap_or_default();
            if server.guard.is_some() {
                server.guard = Some(Guard::over(server.info.pid, &server.info.dir)?);
            }
            describe(&server.info)?;
        }
    }
    wait_until_up(server, seen as usize)
}

/// Runs it, in a process group of its own: what ends a terminal's or a job's processes leaves it alone, and who ends it
/// ends all of it.
fn spawn(command: &mut Command, info: &Info) -> Result<Child, ServerError> {
    let log_path = info.log_file();
    let log = fs::File::options().append(true).open(&log_path).and_then(|log| Ok((log.try_clone()?, log)));
    let (log, log_too) = log.map_err(ServerError::io("open", &log_path))?;
    command.stdin(Stdio::null()).stdout(log).stderr(log_too).process_group(0);
    let run = ServerError::io("run", Path::new(command.get_program()));
    command.spawn().map_err(run)
}

/// Writes the description of the server into its folder, in one step.
fn describe(info: &Info) -> Result<(), ServerError> {
    let (path, new) = (info.dir.join(Info::FILE), info.dir.join("server.new"));
    tls::write(&new, &format!("{}\n", info.to_json()), 0o644)?;
    fs::rename(&new, &path).map_err(ServerError::io("create", &path))
}

/// Waits until the log has the sign behind what was there before.
fn wait_until_up(server: &mut Server, seen: usize) -> Result<(), ServerError> {
    let deadline = Instant::now() + START_OR_STOP;
    let (path, title, sign) = (server.info.log_file(), server.revival.title, server.revival.sign);
    loop {
        let ended = server.child.try_wait();
        let log = fs::read(&path).unwrap_or_default();
        let log = String::from_utf8_lossy(log.get(seen..).unwrap_or_default()).into_owned();
        let reason = match ended {
            // Some servers go on with the ports that they could have.
            Ok(None) if log.contains(TAKEN) => "a port is taken".to_owned(),
            Ok(None) if log.contains(sign) => return Ok(()),
            Ok(None) if Instant::now() > deadline => format!("it is not up after {START_OR_STOP:?}"),
            Ok(None) => {
                sleep(Duration::from_millis(10));
                continue;
            }
            Ok(Some(status)) => format!("it ended with {status}"),
            Err(error) => error.to_string(),
        };
        return Err(ServerError::Start { server: title, reason, log: tail(&log, 15) });
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
