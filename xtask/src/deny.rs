//! cargo-deny: licences, sources, and crates that stay out (deny.toml).

use std::process::Command;

use crate::cargo;
use crate::steps::Outcome;
use crate::tools::Tool;

const CARGO_DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };

/// Runs it over the workspaces with these manifests. A missing cargo-deny is installed if that is allowed, else the
/// step is skipped.
pub(crate) fn check(manifests: &[&str], may_install: bool) -> Result<Outcome, String> {
    let program = match CARGO_DENY.find()? {
        Some(program) => program,
        None if may_install => CARGO_DENY.install()?,
        None => {
            let how = CARGO_DENY.how_to_install();
            return Ok(Outcome::Skipped(format!("cargo-deny is not installed ({how}, or run with CI=true)")));
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
