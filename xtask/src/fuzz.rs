//! `cargo xtask fuzz`: a fuzz target for some time, with cargo-fuzz and a nightly toolchain.

use std::process::Command;

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
        let mut fuzz = Command::new(&program);
        fuzz.args(["run", target, "--", &format!("-max_total_time={}", options.seconds)]);
        // The sanitizers need nightly; cargo's own choice, handed down, would stand in its way.
        fuzz.current_dir(cargo::root()).env("RUSTUP_TOOLCHAIN", "nightly").env_remove("CARGO");
        cargo::run(&mut fuzz)?;
    }
    Ok(())
}

/// The targets' names.
fn targets() -> Result<Vec<String>, String> {
    let metadata = cargo::metadata("fuzz/Cargo.toml", &["--no-deps"])?;
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let targets = list(&metadata["packages"]).into_iter().flat_map(|package| list(&package["targets"]));
    let is_program = |target: &serde_json::Value| list(&target["kind"]).contains(&"bin".into());
    Ok(targets.filter(is_program).filter_map(|target| Some(target["name"].as_str()?.to_owned())).collect())
}
