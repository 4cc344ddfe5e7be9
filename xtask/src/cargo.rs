//! Cargo, as the one that runs this program, and what it knows about a workspace.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// A cargo command, run at the root of the workspace.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = system_tests::cargo::command();
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command to its end. An error if it can't be run or fails.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{} ended with {status}", shown(command))),
        Err(error) => Err(format!("{}: {error}", shown(command))),
    }
}

/// A command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// What `cargo metadata` says of the workspace with this manifest (relative to the root).
pub(crate) fn metadata(manifest: &str, arguments: &[&str]) -> Result<Value, String> {
    let mut command = command(&["metadata", "--format-version=1", "--locked", "--manifest-path", manifest]);
    let output =
        command.args(arguments).stderr(Stdio::inherit()).output().map_err(|e| format!("cargo: {e}"))?;
    if !output.status.success() {
        return Err(format!("{} ended with {}", shown(&command), output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: {e}"))
}

/// The folder that cargo builds in.
pub(crate) fn target_dir() -> Result<PathBuf, String> {
    let metadata = metadata("Cargo.toml", &["--no-deps"])?;
    let folder = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
    Ok(folder.into())
}
