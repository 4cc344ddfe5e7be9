//! Processes by number and start: a number alone may meanwhile belong to somebody else.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::ServerError;

/// When the process started, in clock ticks since boot. None if there is no such process, or if it has ended and
/// its parent has not yet taken notice.
pub(super) fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    start_time_in(&stat)
}

/// Ends the process that started then: SIGTERM, and SIGKILL when `patience` is over. One that is gone is no error.
pub(super) fn end(pid: u32, start: u64, patience: Duration) -> Result<(), ServerError> {
    for signal in ["TERM", "KILL"] {
        let deadline = Instant::now() + patience;
        if start_time(pid) != Some(start) {
            return Ok(());
        }
        // The shell's own `kill`: the program of that name is not on every machine.
        Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", signal, &pid.to_string()])
            .status()
            .map_err(ServerError::io("run", Path::new("sh")))?;
        while Instant::now() < deadline {
            if start_time(pid) != Some(start) {
                return Ok(());
            }
            sleep(Duration::from_millis(10));
        }
    }
    Err(ServerError::WontEnd { pid })
}

/// Field 22 of `/proc/PID/stat`. The second field is the program's name in parentheses and may hold anything.
fn start_time_in(stat: &str) -> Option<u64> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    let state = fields.next()?;
    if state == "Z" || state == "X" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "12 (a) b (c)) S 1 12 12 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 10 184 1";

    #[test]
    fn start_time_is_field_22_whatever_the_name() {
        assert_eq!(start_time_in(STAT), Some(987_654));
    }

    #[test]
    fn a_zombie_has_ended() {
        assert_eq!(start_time_in(&STAT.replace(") S ", ") Z ")), None);
    }

    #[test]
    fn end_leaves_another_process_of_that_number_alone() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let start = start_time(child.id()).unwrap();
        end(child.id(), start + 1, Duration::from_secs(1)).unwrap();
        assert!(child.try_wait().unwrap().is_none(), "killed a process that was not ours");
        end(child.id(), start, Duration::from_secs(10)).unwrap();
        assert!(!child.wait().unwrap().success());
    }
}
