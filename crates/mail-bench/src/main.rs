//! Measurements of this project's crates against other libraries: `mail-bench NAME [WORK…] [NAME …] [--json]`.

mod account;
mod allocations;
mod child;
mod contest;
mod dovecot;
mod extent;
mod failure;
mod idle;
mod imap;
mod mail;
mod meter;
mod parse;
mod pool;
mod pop3;
mod report;
mod runtime;
mod smtp;
mod walk;
mod wire;

use std::process::ExitCode;

use crate::{extent::Extent, failure::Failed, report::Report};

const USAGE: &str = "usage: mail-bench NAME [WORK…] [NAME [WORK…] …] [--json] [--scale=SHARE] [--runs=N] [--contender=NAME,…]
  NAME is one of parse, pool, imap, pop3, smtp, blocking, idle; a WORK behind it the name of one of its works, or the
  beginning of several. imap, pop3, smtp and blocking (and idle, its SHARE): SHARE of the work is done, 1 unless told
  (0.05 for a quick look), N times, 7 unless told; by each contender NAME alone (ours, floor …) for a look with a
  profiler. --json writes an object on a line of its own behind each measurement";

/// What can be measured.
#[derive(Clone, Copy, Debug)]
enum Measurement {
    Parse,
    Pool,
    Imap,
    Pop3,
    Smtp,
    Blocking,
    Idle,
}

impl Measurement {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "parse" => Self::Parse,
            "pool" => Self::Pool,
            "imap" => Self::Imap,
            "pop3" => Self::Pop3,
            "smtp" => Self::Smtp,
            "blocking" => Self::Blocking,
            "idle" => Self::Idle,
            _ => return None,
        })
    }

    /// Measures the works that are named, or all of them.
    fn run(self, only: &[&str], extent: Extent<'_>) -> Result<Report, Failed> {
        match self {
            Self::Parse => Ok(parse::run(only)),
            Self::Pool => Ok(pool::run(only)),
            Self::Imap => imap::run(only, extent),
            Self::Pop3 => pop3::run(only, extent),
            Self::Smtp => smtp::run(only, extent),
            Self::Blocking => imap::run_blocking(only, extent),
            Self::Idle => idle::run(extent.scale),
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|argument| !argument.starts_with("--")).collect();
    let part = match words.as_slice() {
        [idle::SERVER, most @ ..] => Some(idle::serve(most.first().copied())),
        [imap::CHILD] => Some(imap::child()),
        [pop3::CHILD] => Some(pop3::child()),
        [smtp::CHILD] => Some(smtp::child()),
        _ => None,
    };
    if let Some(done) = part {
        return done.map_or_else(|error| failed(&*error), |()| ExitCode::SUCCESS);
    }
    let (Some(wanted), Some(extent)) = (wanted(&words), extent(&arguments)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    for (measurement, only) in wanted {
        match measurement.run(&only, extent) {
            Ok(report) => report.print(arguments.iter().any(|argument| argument == "--json")),
            Err(error) => return failed(&*error),
        }
    }
    ExitCode::SUCCESS
}

/// Which measurements are wanted, each with the works that are named behind it; `None` if the first word names none.
fn wanted<'a>(words: &[&'a str]) -> Option<Vec<(Measurement, Vec<&'a str>)>> {
    let mut wanted: Vec<(Measurement, Vec<&str>)> = Vec::new();
    for word in words {
        match (Measurement::named(word), wanted.last_mut()) {
            (Some(measurement), _) => wanted.push((measurement, Vec::new())),
            (None, Some((_, works))) => works.push(word),
            (None, None) => {
                eprintln!("no measurement is called {word}");
                return None;
            }
        }
    }
    (!wanted.is_empty()).then_some(wanted)
}

/// How much is measured; `None` if that can't be read.
fn extent(arguments: &[String]) -> Option<Extent<'_>> {
    let value = |name: &str| arguments.iter().find_map(|argument| argument.strip_prefix(name));
    let scale = value("--scale=").map_or(Some(1.0), |text| text.parse().ok())?;
    let runs = value("--runs=").map_or(Some(7), |text| text.parse().ok())?;
    (scale > 0.0 && scale <= 1.0 && runs > 0).then_some(Extent {
        scale,
        runs,
        contenders: value("--contender="),
    })
}

fn failed(error: &(dyn std::error::Error + Send + Sync)) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}
