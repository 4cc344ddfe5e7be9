//! Cargo, run by a program that cargo runs.

use std::env;
use std::process::Command;

/// The cargo that runs this program, as if a person had called it.
///
/// What cargo tells the programs that it runs about their own package is taken away: build scripts that look at it
/// would run again, and half of the dependencies with them.
pub fn command() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let of_package = ["CARGO_MANIFEST_", "CARGO_PKG_"];
        if name.to_str().is_some_and(|name| of_package.iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
    command
}
