//! The project's tasks: `cargo xtask help`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod cargo;
mod deny;
mod fuzz;
mod msrv;
mod mutants;
mod servers;
mod soak;
mod steps;
mod test;
mod tools;
mod totals;

/// The project's tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check everything: format, lints, docs, licences, all tests, those against real servers included
    Test(test::Options),
    /// The same as `test`, with CI=true: what is missing on this machine is installed
    Ci(test::Options),
    /// Download from the embedded server in three ways, and compare (mailctl demo)
    Demo {
        /// Passed on: see `cargo xtask demo -- --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure against other libraries, in a release build: `cargo xtask bench pop3 smtp`; parse, pool, imap, blocking and
    /// idle are there too
    Bench {
        /// Passed on: the measurements, what of each, and --json
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run fuzz targets for some time each, with cargo-fuzz and a nightly toolchain
    Fuzz(fuzz::Options),
    /// Alter the code that carries the rules, bit by bit, and see that the tests notice (cargo-mutants)
    Mutants(mutants::Options),
    /// Many tasks on one client over bad lines, for as long as wanted, and every message accounted for
    Soak(soak::Options),
    /// Start, stop and show throw-away mail servers on loopback
    #[command(subcommand)]
    Servers(servers::Action),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Test(options) => test::run(&options, system_tests::servers::debian::may_install()),
        Task::Ci(options) => test::run(&options, true),
        Task::Demo { arguments } => {
            let demo = ["run", "--release", "--package", "mailctl", "--", "demo"];
            cargo::run(cargo::command(&demo).args(arguments))
        }
        Task::Bench { arguments } => {
            let bench = ["run", "--release", "--package", "mail-bench", "--"];
            cargo::run(cargo::command(&bench).args(arguments))
        }
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Mutants(options) => mutants::run(&options),
        Task::Soak(options) => soak::run(&options),
        Task::Servers(action) => servers::run(&action),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
