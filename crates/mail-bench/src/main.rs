//! Measurements of this project's crates against other libraries: `mail-bench NAME [--json]`.

mod pool;
mod report;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let name = arguments.iter().find(|argument| !argument.starts_with("--"));
    let report = match name.map(String::as_str) {
        Some("pool") => pool::run(),
        other => {
            if let Some(other) = other {
                eprintln!("no measurement is called {other}");
            }
            eprintln!("usage: mail-bench pool [--json]");
            return ExitCode::from(2);
        }
    };
    report.print(json);
    ExitCode::SUCCESS
}
