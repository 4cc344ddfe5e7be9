//! cargo-deny: licences, sources, and crates that are there twice (deny.toml).

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;
use crate::steps::Outcome;

/// The version installed when there is none. It builds with the Rust that this project promises.
const VERSION: &str = "0.20.2";

/// Runs it over the workspaces with these manifests. A missing cargo-deny is installed into `target/tools` if that
/// is allowed, else the step is skipped.
pub(crate) fn check(manifests: &[&str], may_install: bool) -> Result<Outcome, String> {
    let tools = cargo::target_dir()?.join("tools");
    let program = match find(&tools) {
        Some(program) => program,
        None if may_install => install(&tools)?,
        None => {
            let how = format!("cargo install --locked cargo-deny@{VERSION}, or run with CI=true");
            return Ok(Outcome::Skipped(format!("cargo-deny is not installed ({how})")));
        }
    };
    for manifest in manifests {
        let mut command = Command::new(&program);
        command.current_dir(cargo::root()).args(["--locked", "--all-features", "--manifest-path", manifest]);
        command.args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]);
        cargo::run(&mut command)?;
    }
    Ok(Outcome::Done)
}

fn find(tools: &Path) -> Option<PathBuf> {
    let ours = tools.join("bin/cargo-deny");
    if ours.is_file() {
        return Some(ours);
    }
    let on_path = system_tests::servers::debian::find_program("cargo-deny")?;
    Command::new(&on_path).arg("--version").output().is_ok_and(|o| o.status.success()).then_some(on_path)
}

fn install(tools: &Path) -> Result<PathBuf, String> {
    let mut install = cargo::command(&["install", "--quiet", "--locked", "--version", VERSION, "cargo-deny"]);
    // Built apart from the workspace, and nothing of it kept but the program.
    let build = tools.join("build");
    install
        .arg("--root")
        .arg(tools)
        .env("CARGO_TARGET_DIR", &build)
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
    println!("    installing cargo-deny {VERSION} into {}", tools.display());
    cargo::run(&mut install)?;
    let _ = std::fs::remove_dir_all(build);
    Ok(tools.join("bin/cargo-deny"))
}
