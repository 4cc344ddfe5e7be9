//! The command-line tool, built and run as a user does.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;

use crate::{cargo, secrets};

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    /// Exit status; negative if a signal ended it.
    pub exit: i64,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// The most memory that it had resident, in bytes.
    pub peak_bytes: u64,
}

/// Runs it with these arguments and `MAILCTL_PASSWORD`. One that takes longer than `deadline` is killed.
///
/// # Panics
/// If it can't be built or run.
pub fn run<A: AsRef<OsStr>>(arguments: &[A], password: &str, deadline: Duration) -> Ran {
    let report = tempfile::NamedTempFile::new().expect("a temporary file");
    // Python's wait4 says what the program took; with only safe Rust nobody can ask.
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/peak.py"))
        .arg(report.path())
        .arg(deadline.as_secs_f64().to_string())
        .arg(program())
        .args(arguments)
        .env("MAILCTL_PASSWORD", password)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("python3, which measures memory: {error}"));
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    for text in [&stdout, &stderr] {
        secrets::assert_none_in("the program", text);
    }
    let read = || serde_json::from_str(&fs::read_to_string(report.path()).ok()?).ok();
    let measured: Value = read().unwrap_or_else(|| panic!("no measurement: {}\n{stderr}", output.status));
    let number = |key: &str| measured[key].as_i64().expect("a number");
    Ran { exit: number("exit"), stdout, stderr, peak_bytes: number("peak_bytes").unsigned_abs() }
}

/// The program, built by the first who asks: not the one that happens to lie in the target directory.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let output = cargo::command()
            .args([
                "build",
                "--locked",
                "--package",
                "mailctl",
                "--message-format",
                "json-render-diagnostics",
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "mailctl can't be built");
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("cargo names the program that it built")
    })
}
