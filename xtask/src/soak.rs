//! `cargo xtask soak`: the chaos of `tests/tests/chaos` for as long as wanted, in a release build.

use crate::cargo;
use crate::totals::{self, Totals};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long things go wrong; the mail is looked at every minute
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// What goes wrong, as a run before has printed it; another each time unless told
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

pub(crate) fn run(options: &Options) -> Result<(), String> {
    let soak = ["test", "--release", "--locked", "--package", "system-tests", "--test", "chaos"];
    let mut soak = cargo::command(&soak);
    soak.args(["--", "--nocapture"]).env("CHAOS_SECONDS", options.seconds.to_string());
    match options.seed {
        Some(seed) => soak.env("CHAOS_SEED", seed.to_string()),
        None => soak.env_remove("CHAOS_SEED"),
    };
    let mut totals = Totals::default();
    let ran = totals::run(&mut soak, &mut totals);
    println!("{totals}");
    ran
}
