//! `cargo xtask mutants`: whether the tests notice when a rule is broken, with cargo-mutants.
//!
//! It alters one expression or function at a time, and runs the tests of the crate that it is in. What stays as it is, and
//! for which reason, is in `.cargo/mutants.toml`. The last lines count by file; a mutant that no test notices is an
//! error. All of them take hours: a file takes minutes, and `--shard 1/8` an eighth.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::cargo;
use crate::tools::Tool;

const CARGO_MUTANTS: Tool = Tool { name: "cargo-mutants", version: "27.1.0" };

/// The files that carry the rules: who may have a connection, what follows from what is read, what may be written.
const RULES: [&str; 13] = [
    // The pool: its core, and the shell around it.
    "crates/mail-pool/src/**",
    // Cutting bytes into frames, lines and answers; dots.
    "crates/mail-proto/src/frame/**",
    "crates/mail-proto/src/{dots,lines,reading,text}.rs",
    "crates/mail-proto/src/pop3/framer.rs",
    // Arguments on their way into a command.
    "crates/mail-proto/src/argument.rs",
    "crates/mail-proto/src/imap/{encode,mailbox}.rs",
    "crates/mail-proto/src/smtp/address.rs",
    // The sessions of the three protocols.
    "crates/mail-proto/src/session/**",
    "crates/mail-proto/src/{imap,pop3,smtp}/client/**",
    "crates/mail-proto/src/sasl/exchange.rs",
    // The tasks that own the sockets, and what waits for them.
    "crates/mail-client/src/{imap,pop3,smtp}/connection/**",
    "crates/mail-client/src/client/{answer,goodbye}.rs",
    "crates/mail-client/src/link/**",
];

#[derive(clap::Args)]
pub(crate) struct Options {
    /// These files, as globs from the root of the workspace
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "FILE")]
    files: Vec<String>,
    /// All files that carry the rules
    #[arg(long)]
    all: bool,
    /// A part of it, such as 1/8 (of 0/8 to 7/8)
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,
    /// How many mutants are tried at a time, each in a build of its own
    #[arg(long, default_value_t = 1, value_name = "N")]
    jobs: usize,
    /// Only those that an earlier run didn't see noticed
    #[arg(long)]
    again: bool,
    /// Name them instead of trying them
    #[arg(long)]
    list: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), String> {
    let program = match CARGO_MUTANTS.find()? {
        Some(program) => program,
        None => CARGO_MUTANTS.install()?,
    };
    let output = cargo::target_dir()?.join("mutants");
    std::fs::create_dir_all(&output).map_err(|error| format!("{}: {error}", output.display()))?;
    let mut mutants = Command::new(program);
    mutants.current_dir(cargo::root()).arg("mutants");
    let files = options.files.iter().map(String::as_str);
    for file in files.chain(RULES.into_iter().filter(|_| options.all)) {
        mutants.args(["--file", file]);
    }
    if let Some(shard) = &options.shard {
        mutants.args(["--shard", shard]);
    }
    if options.list {
        return cargo::run(mutants.arg("--list"));
    }
    if options.again {
        mutants.arg("--iterate");
    }
    mutants.args(["--jobs", &options.jobs.to_string(), "--no-shuffle"]).arg("--output").arg(&output);
    // Nobody looks into a mutant with a debugger, and what a property test found in one is no case to keep.
    mutants.env("CARGO_PROFILE_DEV_DEBUG", "0").env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true");
    let ran = cargo::run(&mut mutants);
    let found = Found::read(&output.join("mutants.out/outcomes.json"));
    match found {
        Ok(found) if found.tried() > 0 => {
            print!("{found}");
            // Mutants that ran out of time are noticed, though cargo-mutants ends with an error.
            let missed = found.missed.len();
            if missed == 0 { Ok(()) } else { Err(format!("{missed} mutants are noticed by no test")) }
        }
        _ => ran,
    }
}

/// What became of the mutants.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    files: BTreeMap<String, Counts>,
    /// Those that no test noticed, by name.
    missed: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    caught: usize,
    timeout: usize,
    unviable: usize,
    missed: usize,
}

impl Found {
    fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let outcomes =
            serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self::of(&outcomes))
    }

    fn of(outcomes: &Value) -> Self {
        let mut found = Self::default();
        for outcome in outcomes["outcomes"].as_array().into_iter().flatten() {
            let mutant = &outcome["scenario"]["Mutant"];
            let (Some(file), Some(name)) = (mutant["file"].as_str(), mutant["name"].as_str()) else {
                continue;
            };
            let counts = found.files.entry(file.to_owned()).or_default();
            match outcome["summary"].as_str() {
                Some("CaughtMutant") => counts.caught += 1,
                Some("Timeout") => counts.timeout += 1,
                Some("Unviable") => counts.unviable += 1,
                _ => {
                    counts.missed += 1;
                    found.missed.push(name.to_owned());
                }
            }
        }
        found
    }

    fn tried(&self) -> usize {
        self.files.values().map(Counts::tried).sum()
    }
}

impl Counts {
    fn tried(&self) -> usize {
        self.caught + self.timeout + self.unviable + self.missed
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { caught, timeout, unviable, missed } = self;
        write!(
            f,
            "{} mutants: {caught} caught, {timeout} ran out of time, {unviable} did not build, {missed} missed",
            self.tried()
        )
    }
}

/// A line a file, the sum, and the names of those that were missed.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = Counts::default();
        for (file, counts) in &self.files {
            writeln!(f, "{file}: {counts}")?;
            all.caught += counts.caught;
            all.timeout += counts.timeout;
            all.unviable += counts.unviable;
            all.missed += counts.missed;
        }
        for missed in &self.missed {
            writeln!(f, "missed: {missed}")?;
        }
        writeln!(f, "{all}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted_by_file() {
        let mutant = |file: &str, name: &str, summary: &str| {
            serde_json::json!({
                "scenario": { "Mutant": { "file": file, "name": name } },
                "summary": summary,
            })
        };
        let outcomes = serde_json::json!({ "outcomes": [
            { "scenario": "Baseline", "summary": "Success" },
            mutant("a.rs", "one", "CaughtMutant"),
            mutant("a.rs", "two", "MissedMutant"),
            mutant("b.rs", "three", "Unviable"),
            mutant("a.rs", "four", "Timeout"),
        ] });
        let found = Found::of(&outcomes);
        assert_eq!(found.tried(), 4);
        assert_eq!(found.missed, ["two"]);
        assert_eq!(
            found.to_string(),
            "a.rs: 3 mutants: 1 caught, 1 ran out of time, 0 did not build, 1 missed\n\
            b.rs: 1 mutants: 0 caught, 0 ran out of time, 1 did not build, 0 missed\n\
            missed: two\n\
            4 mutants: 1 caught, 1 ran out of time, 1 did not build, 1 missed\n"
        );
    }
}
