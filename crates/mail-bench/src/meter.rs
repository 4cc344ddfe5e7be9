//! What a piece of work takes: time, the processor's time of this whole process, and memory at its peak.

use std::{fs, time::Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// Runs while a piece of work is done.
pub(crate) struct Meter {
    begun: Instant,
    cpu: f64,
    resident: f64,
}

/// What a piece of work took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds of all threads of the process, in the kernel too.
    pub(crate) cpu: f64,
    /// MiB of memory at the peak above what there was at the beginning.
    pub(crate) rss: f64,
    /// How much was done: messages and their bytes, or commands.
    pub(crate) done: Done,
}

/// How much was done, so that nobody is quick by leaving something out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Done {
    /// Messages, commands or connections.
    pub(crate) count: u64,
    /// Of content; a number that depends on every value where values were walked.
    pub(crate) bytes: u64,
}

impl std::ops::AddAssign for Done {
    fn add_assign(&mut self, more: Self) {
        self.count += more.count;
        self.bytes = self.bytes.wrapping_add(more.bytes);
    }
}

impl Meter {
    pub(crate) fn start() -> Self {
        // Resets the peak to what there is (proc(5), clear_refs).
        let _ = fs::write("/proc/self/clear_refs", "5");
        Self { resident: status("VmRSS:"), cpu: cpu(), begun: Instant::now() }
    }

    pub(crate) fn stop(self, done: Done) -> Taken {
        let (wall, cpu) = (self.begun.elapsed().as_secs_f64(), cpu() - self.cpu);
        Taken { wall, cpu, rss: (status("VmHWM:") - self.resident).max(0.0), done }
    }
}

/// Seconds of processor time that this process has taken.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A figure of `/proc/self/status`, in MiB.
fn status(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}

impl Taken {
    pub(crate) fn to_json(self) -> Value {
        let Done { count, bytes } = self.done;
        json!({ "wall": self.wall, "cpu": self.cpu, "rss": self.rss, "count": count, "bytes": bytes })
    }

    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let done = Done { count: value["count"].as_u64()?, bytes: value["bytes"].as_u64()? };
        Some(Self {
            wall: value["wall"].as_f64()?,
            cpu: value["cpu"].as_f64()?,
            rss: value["rss"].as_f64()?,
            done,
        })
    }
}
