//! `cargo xtask fuzz`: a fuzz target for some time, with cargo-fuzz and a nightly toolchain.
//!
//! Each begins with its seeds and its protocol's dictionary, and with what earlier runs left in `fuzz/corpus`. The last
//! line of each says how far it came: `TARGET: N executions in S s, cov C on K seeds, C at the end`.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use crate::cargo;
use crate::tools::Tool;

const CARGO_FUZZ: Tool = Tool { name: "cargo-fuzz", version: "0.13.2" };

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long each target runs
    #[arg(long, value_name = "N")]
    seconds: u32,
    /// Targets of fuzz/Cargo.toml, one after the other
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<(), String> {
    let known = targets()?;
    if let Some(unknown) = options.targets.iter().find(|target| !known.contains(target)) {
        return Err(format!("there is no target {unknown}, but: {}", known.join(", ")));
    }
    let program = CARGO_FUZZ.find()?.ok_or_else(|| {
        format!(
            "cargo-fuzz is not installed: {} and rustup toolchain install nightly",
            CARGO_FUZZ.how_to_install()
        )
    })?;
    for target in &options.targets {
        println!("==> {target}, {} s", options.seconds);
        let seeds = cargo::target_dir()?.join("fuzz-seeds").join(target);
        let dictionary = write_seeds(target, &seeds)?;
        let count = fs::read_dir(&seeds).map_err(|error| format!("{}: {error}", seeds.display()))?.count();
        let found = cargo::root().join("fuzz/corpus").join(target);
        fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
        let fuzz = |folders: &[&Path], limit: String| {
            let mut fuzz = Command::new(&program);
            // The library has no unsafe code: what is looked for are wrong results and panics, which come sooner
            // without a sanitizer.
            fuzz.args(["run", "--sanitizer", "none", target]).args(folders).args(["--", &limit]);
            fuzz.arg(format!("-dict={dictionary}"));
            // Coverage needs nightly; cargo's own choice, handed down, would stand in its way.
            fuzz.current_dir(cargo::root()).env("RUSTUP_TOOLCHAIN", "nightly").env_remove("CARGO");
            run_and_count(&mut fuzz)
        };
        let before = fuzz(&[&seeds], "-runs=0".to_owned())?;
        let after = fuzz(&[&found, &seeds], format!("-max_total_time={}", options.seconds))?;
        println!(
            "{target}: {} executions in {} s, cov {} on {count} seeds, {} at the end",
            after.executions, after.seconds, before.coverage, after.coverage
        );
    }
    Ok(())
}

/// Writes the seeds of a target into a folder, a file a seed; returns the path of its dictionary.
fn write_seeds(target: &str, folder: &Path) -> Result<String, String> {
    let mut write = cargo::command(&["run", "--quiet", "--locked", "--no-default-features"]);
    write.args(["--manifest-path", "fuzz/Cargo.toml", "--example", "seeds", "--", target]).arg(folder);
    write.env("CARGO_TARGET_DIR", cargo::target_dir()?);
    let output = write.stderr(Stdio::inherit()).output().map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("{} ended with {}", cargo::shown(&write), output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What libFuzzer tells of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    executions: u64,
    seconds: u64,
    /// Edges of the code that were passed.
    coverage: u64,
}

impl Progress {
    /// Takes what is in a line: `#4096 pulse  cov: 812 ft: 2005 …`, or at the end `Done 4096 runs in 3 second(s)`.
    fn take(&mut self, line: &str) {
        let number_behind = |word: &str| {
            let rest = line.split_once(word)?.1.trim_start();
            let digits = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
            rest[..digits].parse().ok()
        };
        if line.starts_with('#') {
            self.coverage = number_behind(" cov: ").unwrap_or(self.coverage);
        } else if line.starts_with("Done ") {
            self.executions = number_behind("Done ").unwrap_or_default();
            self.seconds = number_behind(" runs in ").unwrap_or_default();
        }
    }
}

/// Runs the fuzzer to its end, shows what it says, and takes its figures.
fn run_and_count(fuzz: &mut Command) -> Result<Progress, String> {
    let failed = |fuzz: &Command, why: String| format!("{}: {why}", cargo::shown(fuzz));
    let mut child = fuzz.stderr(Stdio::piped()).spawn().map_err(|error| failed(fuzz, error.to_string()))?;
    let mut progress = Progress::default();
    let said = BufReader::new(child.stderr.take().expect("stderr is piped"));
    for line in said.split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        eprintln!("{line}");
        progress.take(&line);
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(progress),
        Ok(status) => {
            Err(failed(fuzz, format!("ended with {status}; the input that fails is in fuzz/artifacts")))
        }
        Err(error) => Err(failed(fuzz, error.to_string())),
    }
}

/// The targets' names.
fn targets() -> Result<Vec<String>, String> {
    let metadata = cargo::metadata("fuzz/Cargo.toml", &["--no-deps"])?;
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let targets = list(&metadata["packages"]).into_iter().flat_map(|package| list(&package["targets"]));
    let is_program = |target: &serde_json::Value| list(&target["kind"]).contains(&"bin".into());
    Ok(targets.filter(is_program).filter_map(|target| Some(target["name"].as_str()?.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_off_what_libfuzzer_says() {
        let mut progress = Progress::default();
        for line in [
            "INFO: Seed: 1234",
            "#2\tINITED cov: 210 ft: 211 corp: 1/1b exec/s: 0 rss: 35Mb",
            "#4096\tpulse  cov: 812 ft: 2005 corp: 300/9Kb lim: 43 exec/s: 2048 rss: 60Mb",
            "#5000\tDONE   cov: 815 ft: 2010 corp: 301/9Kb lim: 43 exec/s: 1666 rss: 60Mb",
            "###### Recommended dictionary. ######",
            "Done 5000 runs in 3 second(s)",
        ] {
            progress.take(line);
        }
        assert_eq!(progress, Progress { executions: 5000, seconds: 3, coverage: 815 });
    }
}
