//! Measurements of this project's crates against other libraries: `mail-bench NAME [WORK…] [--json]`.

mod allocations;
mod parse;
mod pool;
mod report;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let mut words = arguments.iter().filter(|argument| !argument.starts_with("--")).map(String::as_str);
    let name = words.next();
    let only: Vec<&str> = words.collect();
    let report = match name {
        Some("parse") => parse::run(&only),
        Some("pool") => pool::run(&only),
        other => {
            if let Some(other) = other {
                eprintln!("no measurement is called {other}");
            }
            eprintln!("usage: mail-bench parse|pool [WORK…] [--json]");
            return ExitCode::from(2);
        }
    };
    report.print(json);
    ExitCode::SUCCESS
}
