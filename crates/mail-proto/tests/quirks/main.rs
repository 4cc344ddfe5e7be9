//! The corpus of what servers send, read case by case: bytes, and what each response means.
//!
//! Runs `tests/data/quirks` and the folder that `QUIRKS_DIR` names, if it is set. Arguments that aren't options pick
//! the cases whose file names hold one of them.

mod imap;
mod pop3;
mod splits;

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

use mail_facts::corpus::{self, Case};

/// Characters of a reason that are shown.
const REASON: usize = 400;

fn main() -> ExitCode {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/quirks")];
    folders.extend(env::var_os("QUIRKS_DIR").map(PathBuf::from));
    let wanted: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut all_pass = true;
    for folder in folders {
        all_pass &= run(&folder, &wanted);
    }
    if all_pass { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the cases of a folder and says how it went. A folder without cases is a failure.
fn run(folder: &Path, wanted: &[String]) -> bool {
    println!("{}", folder.display());
    let files = match corpus::files(folder) {
        Ok(files) if files.is_empty() => {
            println!("FAILED: there are no cases in it");
            return false;
        }
        Ok(files) => files,
        Err(error) => {
            println!("FAILED: {error}");
            return false;
        }
    };
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        match Case::load(&file).map_err(|error| error.to_string()).and_then(|case| check(&case)) {
            Ok(()) => passed += 1,
            Err(reason) => {
                failed += 1;
                let shown: String = reason.chars().take(REASON).collect();
                println!("FAILED {name}: {shown}");
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    failed == 0
}

fn check(case: &Case) -> Result<(), String> {
    match case.proto.as_str() {
        "imap" => imap::check(case),
        "pop3" => pop3::check(case),
        other => Err(format!("no reader for the protocol {other}")),
    }
}
