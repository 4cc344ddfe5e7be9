//! Cargo's helpers that don't come with it: found where they are, or installed into `target/tools`.

use std::path::PathBuf;
use std::process::Command;

use system_tests::servers::debian::find_program;

use crate::cargo;

/// A helper and the version that is installed where there is none.
pub(crate) struct Tool {
    /// Its program.
    pub(crate) name: &'static str,
    /// Builds with the Rust that this project promises.
    pub(crate) version: &'static str,
}

impl Tool {
    /// Where it is, if it is there and runs.
    pub(crate) fn find(&self) -> Result<Option<PathBuf>, String> {
        let ours = cargo::target_dir()?.join("tools/bin").join(self.name);
        // Some take what cargo hands them and nothing else: their own name first.
        let as_cargo = [self.name.trim_start_matches("cargo-"), "--version"];
        let runs = |program: &PathBuf| {
            [&as_cargo[1..], &as_cargo[..]].into_iter().any(|arguments| {
                Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
            })
        };
        Ok([Some(ours), find_program(self.name)].into_iter().flatten().find(runs))
    }

    /// Builds it apart from the workspace, and keeps no more than the program.
    pub(crate) fn install(&self) -> Result<PathBuf, String> {
        let Self { name, version } = self;
        let tools = cargo::target_dir()?.join("tools");
        let build = tools.join("build");
        println!("    installing {name} {version} into {}", tools.display());
        let mut install = cargo::command(&["install", "--quiet", "--locked", "--version", version, name]);
        install.arg("--root").arg(&tools).env("CARGO_TARGET_DIR", &build);
        // It runs for a second; built like this it is there in two thirds of the time.
        install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
        let installed = cargo::run(&mut install);
        let _ = std::fs::remove_dir_all(build);
        installed.map(|()| tools.join("bin").join(name))
    }

    /// What a person types to have it.
    pub(crate) fn how_to_install(&self) -> String {
        format!("cargo install --locked {}@{}", self.name, self.version)
    }
}
