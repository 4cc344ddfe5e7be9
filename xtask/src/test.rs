//! `cargo xtask test`: everything that must hold before a change lands.

use system_tests::servers::{debian, dovecot, overlay};

use crate::steps::{Outcome, Steps};
use crate::totals::{self, Totals};
use crate::{cargo, deny, msrv};

/// The workspace, and the one of the fuzz targets.
const MANIFESTS: [&str; 2] = ["Cargo.toml", "fuzz/Cargo.toml"];

/// Features alone and together: with the rest of the workspace beside them, one can lean on another's.
const FEATURES: [&[&str]; 7] = [
    &["--package", "mail-proto", "--no-default-features"],
    &["--package", "mail-proto", "--no-default-features", "--features", "sasl"],
    &["--package", "mail-proto", "--no-default-features", "--features", "serde"],
    &["--package", "mail-proto", "--no-default-features", "--features", "arbitrary"],
    &["--package", "mail-proto", "--all-features"],
    &["--package", "mail-client", "--features", "mail-parser"],
    &["--package", "mail-client", "--features", "mail-builder"],
];

/// Tests against real servers are marked `#[ignore]` and live in test files whose names match these: those that need
/// Dovecot on this machine, and those whose servers are installed beside it.
const SERVER_TESTS: &[&str] = &["dovecot*", "every_server"];
const OVERLAY_TESTS: &[&str] = &["overlay*", "postfix*"];

/// What begins so, in a file of both kinds, needs servers installed beside the machine.
const IN_OVERLAYS: [&str; 2] = ["cyrus::", "courier::"];

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave out the tests that need a real mail server, and count them as skipped
    #[arg(long)]
    without_servers: bool,

    /// Break connections at every byte of every session, instead of leaving out what is the same in most: hours
    #[arg(long)]
    full: bool,
}

/// Runs all steps. The last lines printed are what the tests counted, and `N passed, N failed, N skipped`.
pub(crate) fn run(options: &Options, may_install: bool) -> Result<(), String> {
    let mut steps = Steps::default();
    let mut totals = Totals::default();
    let ran = run_steps(options, may_install, &mut steps, &mut totals);
    steps.print_summary();
    if let Err(error) = &ran {
        println!("error: {error}");
    }
    println!("{totals}");
    ran.map_err(|_| "cargo xtask test failed".to_owned())
}

fn run_steps(
    options: &Options,
    may_install: bool,
    steps: &mut Steps,
    totals: &mut Totals,
) -> Result<(), String> {
    steps.run("programs for the tests against real servers", || {
        if options.without_servers {
            return Ok(Outcome::Skipped("--without-servers".to_owned()));
        }
        prepare_servers(may_install).map(|()| Outcome::Done)
    })?;
    steps.run("lock files", || {
        for manifest in MANIFESTS {
            cargo::metadata(manifest, &[]).map_err(|error| {
                format!("{error}\nbring it up to date: cargo update --workspace --manifest-path {manifest}")
            })?;
        }
        done()
    })?;
    steps.run("format", || {
        for manifest in MANIFESTS {
            cargo(&["fmt", "--all", "--check", "--manifest-path", manifest])?;
        }
        done()
    })?;
    steps.run("lints", || {
        cargo(&["clippy", "--quiet", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
        done()
    })?;
    steps.run("features one by one", || {
        for choice in FEATURES {
            let mut lints = cargo::command(&["clippy", "--quiet", "--locked"]);
            cargo::run(lints.args(choice).args(["--", "-D", "warnings"]))?;
        }
        done()
    })?;
    steps.run("documentation", || {
        let mut doc = cargo::command(&["doc", "--quiet", "--locked", "--workspace", "--no-deps"]);
        cargo::run(doc.env("RUSTDOCFLAGS", "-D warnings"))?;
        done()
    })?;
    steps.run("fuzz targets", || {
        // Without libFuzzer itself, which needs a C++ compiler; what the targets check runs on its own.
        let fuzz = |task: &[&str]| -> Result<std::process::Command, String> {
            let mut command = cargo::command(task);
            command.args(["--locked", "--no-default-features", "--manifest-path", MANIFESTS[1]]);
            command.env("CARGO_TARGET_DIR", cargo::target_dir()?);
            Ok(command)
        };
        cargo::run(&mut fuzz(&["check", "--quiet"])?)?;
        totals::run(&mut fuzz(&["test", "--quiet", "--lib"])?, totals)?;
        done()
    })?;
    steps.run("the Rust version that dependencies need", || {
        for manifest in MANIFESTS {
            msrv::check(manifest)?;
        }
        done()
    })?;
    steps.run("licences and sources of dependencies", || deny::check(&MANIFESTS, may_install))?;
    steps.run("tests", || {
        let mut test = cargo::command(&["test", "--locked", "--workspace", "--no-fail-fast"]);
        if options.full {
            test.env("ADVERSITY", "full");
        }
        totals::run(&mut test, totals)?;
        done()
    })?;
    steps.run("tests against real servers", || {
        if options.without_servers {
            return Ok(Outcome::Skipped("--without-servers".to_owned()));
        }
        server_tests(SERVER_TESTS, &IN_OVERLAYS.map(|begin| ["--skip", begin]).concat(), totals)
    })?;
    steps.run("tests against real servers in overlays", || {
        if options.without_servers {
            return Ok(Outcome::Skipped("--without-servers".to_owned()));
        }
        match overlay::possible() {
            Ok(()) => {
                server_tests(OVERLAY_TESTS, &[], totals)?;
                server_tests(&["every_server"], &IN_OVERLAYS, totals)
            }
            Err(reason) => Ok(Outcome::Skipped(reason)),
        }
    })
}

/// Runs the tests in these files that a plain run leaves out, as far as the filters let them through.
fn server_tests(files: &[&str], filters: &[&str], totals: &mut Totals) -> Result<Outcome, String> {
    let mut with_servers = Totals::default();
    let mut test = cargo::command(&["test", "--locked", "--workspace", "--no-fail-fast"]);
    test.args(files.iter().flat_map(|name| ["--test", name])).args(["--", "--ignored"]);
    test.args(filters);
    let ran = totals::run(&mut test, &mut with_servers);
    // They were counted as skipped a step before.
    totals.skipped = totals.skipped.saturating_sub(with_servers.passed + with_servers.failed);
    *totals += with_servers;
    ran.map(|()| Outcome::Done)
}

/// Sees that there is a Dovecot, and a Python whose imaplib says what it holds.
fn prepare_servers(may_install: bool) -> Result<(), String> {
    let failed = |e: system_tests::servers::ServerError| {
        format!("{e}\n(cargo xtask test --without-servers leaves out the tests that need it)")
    };
    if may_install && debian::is_root() {
        dovecot::install().map_err(failed)?;
        if debian::find_program("python3").is_none() {
            debian::install(&["python3"]).map_err(failed)?;
        }
    }
    dovecot::find().map_err(failed)?;
    if debian::find_program("python3").is_none() {
        return Err(
            "python3 is not installed: the tests against real servers read them with its imaplib".to_owned()
        );
    }
    Ok(())
}

fn cargo(arguments: &[&str]) -> Result<(), String> {
    cargo::run(&mut cargo::command(arguments))
}

fn done() -> Result<Outcome, String> {
    Ok(Outcome::Done)
}
