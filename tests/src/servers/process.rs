//! Processes by number and start: a number alone may meanwhile belong to somebody else.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::ServerError;

/// A process that was once seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    pid: u32,
    /// In clock ticks since boot.
    start: u64,
}

/// When the process started, in clock ticks since boot. None if there is no such process, or if it has ended and
/// its parent has not yet taken notice.
pub(super) fn start_time(pid: u32) -> Option<u64> {
    Some(Stat::of(pid)?.start)
}

/// Ends the process that started then, with all that descend from it. One that is gone is no error.
///
/// It is killed, not asked: what it holds is thrown away anyway, and servers that are asked take seconds and may
/// leave those processes behind that still serve somebody.
pub(super) fn end(pid: u32, start: u64, patience: Duration) -> Result<(), ServerError> {
    let first = Process { pid, start };
    if !first.is_running() {
        return Ok(());
    }
    // Stopped, it starts no others while the list is made.
    signal("STOP", &[first])?;
    let mut family = vec![first];
    family.extend(descendants(pid)?);
    signal("KILL", &family)?;
    wait_for_end(&family, patience)
}

/// Asks the process that started then to end, and kills those of its descendants that stay behind.
pub(super) fn ask_to_end(pid: u32, start: u64, patience: Duration) -> Result<(), ServerError> {
    let first = Process { pid, start };
    let family = descendants(pid)?;
    signal("TERM", &[first])?;
    wait_for_end(&[first], patience)?;
    signal("KILL", &family)?;
    wait_for_end(&family, patience)
}

/// Those of a process's descendants that have this name.
pub(super) fn descendants_named(pid: u32, name: &str) -> Result<Vec<u32>, ServerError> {
    let has_name = |process: &Process| {
        fs::read_to_string(format!("/proc/{}/comm", process.pid)).is_ok_and(|comm| comm.trim_end() == name)
    };
    Ok(descendants(pid)?.into_iter().filter(has_name).map(|process| process.pid).collect())
}

/// The first of the children of a process.
pub(super) fn child_of(pid: u32) -> Result<Option<u32>, ServerError> {
    Ok(descendants(pid)?.first().map(|process| process.pid))
}

/// Sends a signal to whichever process has this number now.
pub(super) fn signal_to(name: &str, pid: u32) -> Result<(), ServerError> {
    let start = start_time(pid);
    signal(name, &start.map(|start| Process { pid, start }).into_iter().collect::<Vec<_>>())
}

fn wait_for_end(processes: &[Process], patience: Duration) -> Result<(), ServerError> {
    let deadline = Instant::now() + patience;
    while let Some(left) = processes.iter().find(|process| process.is_running()) {
        if Instant::now() > deadline {
            return Err(ServerError::WontEnd { pid: left.pid });
        }
        sleep(Duration::from_millis(5));
    }
    Ok(())
}

impl Process {
    fn is_running(self) -> bool {
        start_time(self.pid) == Some(self.start)
    }
}

/// Sends a signal to those of the processes that still run.
fn signal(name: &str, processes: &[Process]) -> Result<(), ServerError> {
    let pids = processes.iter().filter(|process| process.is_running()).map(|process| process.pid.to_string());
    // The shell's own `kill`: the program of that name is not on every machine. One that is gone by now is fine.
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill -s \"$0\" \"$@\" 2>/dev/null", name]).args(pids);
    kill.status().map(drop).map_err(ServerError::io("run", Path::new("sh")))
}

/// The children of a process, and theirs.
fn descendants(pid: u32) -> Result<Vec<Process>, ServerError> {
    let proc = Path::new("/proc");
    let all: Vec<(Process, u32)> = fs::read_dir(proc)
        .map_err(ServerError::io("read", proc))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Stat::of(pid).map(|stat| (Process { pid, start: stat.start }, stat.parent)))
        .collect();
    let mut found = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for (child, _) in all.iter().filter(|(_, of)| *of == parent) {
            found.push(*child);
            parents.push(child.pid);
        }
    }
    Ok(found)
}

/// What `/proc/PID/stat` says of a process that has not ended.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    start: u64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Fields 3, 4 and 22. The second field is the program's name in parentheses and may hold anything.
    fn parse(stat: &str) -> Option<Self> {
        let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
        let state = fields.next()?;
        if state == "Z" || state == "X" {
            return None;
        }
        Some(Self { parent: fields.next()?.parse().ok()?, start: fields.nth(17)?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    use super::*;

    const STAT: &str = "12 (a) b (c)) S 1 12 12 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 10 184 1";

    #[test]
    fn start_and_parent_are_read_whatever_the_name() {
        assert_eq!(Stat::parse(STAT), Some(Stat { parent: 1, start: 987_654 }));
    }

    #[test]
    fn a_zombie_has_ended() {
        assert_eq!(Stat::parse(&STAT.replace(") S ", ") Z ")), None);
    }

    #[test]
    fn another_process_of_that_number_is_left_alone() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let start = start_time(child.id()).unwrap();
        end(child.id(), start + 1, Duration::from_secs(1)).unwrap();
        assert!(child.try_wait().unwrap().is_none(), "killed a process that was not ours");
        end(child.id(), start, Duration::from_secs(10)).unwrap();
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn children_end_too() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' TERM; sleep 60 & echo $!; wait"]).stdout(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let child: u32 = line.trim().parse().unwrap();
        assert!(start_time(child).is_some());
        end(shell.id(), start_time(shell.id()).unwrap(), Duration::from_secs(10)).unwrap();
        assert_eq!(start_time(child), None);
        shell.wait().unwrap();
    }
}
