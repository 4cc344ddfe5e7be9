//! Measurements of this project's crates against other libraries: `mail-bench NAME [WORK…] [--json]`.

mod allocations;
mod idle;
mod imap;
mod parse;
mod pool;
mod report;
mod walk;

use std::process::ExitCode;

const USAGE: &str = "usage: mail-bench parse|pool|imap|blocking|idle [WORK…] [--json] [--scale=SHARE] [--runs=N] [--contender=NAME,…]
  imap and blocking (and idle, its SHARE): SHARE of the work is done, 1 unless told (0.05 for a quick look), N times, 7 unless told; by each
  NAME alone (ours, floor …) for a look with a profiler. WORK is the name of one, or the beginning of several";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let mut words = arguments.iter().filter(|argument| !argument.starts_with("--")).map(String::as_str);
    let name = words.next();
    let only: Vec<&str> = words.collect();
    let report = match name {
        Some("parse") => parse::run(&only),
        Some("pool") => pool::run(&only),
        Some(name @ ("imap" | "blocking")) => {
            let Some(extent) = extent(&arguments) else {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            };
            let run = if name == "imap" { imap::run } else { imap::run_blocking };
            match run(&only, extent) {
                Ok(report) => report,
                Err(error) => return failed(&*error),
            }
        }
        Some("idle") => {
            let Some(extent) = extent(&arguments) else {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            };
            match idle::run(extent.scale) {
                Ok(report) => report,
                Err(error) => return failed(&*error),
            }
        }
        Some(idle::SERVER) => {
            return match idle::serve(only.first().copied()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&*error),
            };
        }
        Some(imap::CHILD) => {
            return match imap::child() {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&*error),
            };
        }
        other => {
            if let Some(other) = other {
                eprintln!("no measurement is called {other}");
            }
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    report.print(json);
    ExitCode::SUCCESS
}

/// How much is measured; `None` if that can't be read.
fn extent(arguments: &[String]) -> Option<imap::Extent<'_>> {
    let value = |name: &str| arguments.iter().find_map(|argument| argument.strip_prefix(name));
    let scale = value("--scale=").map_or(Some(1.0), |text| text.parse().ok())?;
    let runs = value("--runs=").map_or(Some(7), |text| text.parse().ok())?;
    (scale > 0.0 && scale <= 1.0 && runs > 0).then_some(imap::Extent {
        scale,
        runs,
        contenders: value("--contender="),
    })
}

fn failed(error: &(dyn std::error::Error + Send + Sync)) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}
