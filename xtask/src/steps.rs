//! Steps that run in order: each is announced, timed, and the first that fails is the last.

use std::time::{Duration, Instant};

/// How a step ended.
pub(crate) enum Outcome {
    /// Everything was done.
    Done,
    /// It was left out, and why.
    Skipped(String),
}

/// The steps so far.
#[derive(Default)]
pub(crate) struct Steps {
    /// Name, time taken, and how it ended; None if it failed.
    ended: Vec<(&'static str, Duration, Option<Outcome>)>,
}

impl Steps {
    /// Runs a step.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        step: impl FnOnce() -> Result<Outcome, String>,
    ) -> Result<(), String> {
        println!("==> {name}");
        let start = Instant::now();
        let ended = step();
        let took = start.elapsed();
        match &ended {
            Ok(Outcome::Done) => println!("    done in {:.1} s", took.as_secs_f64()),
            Ok(Outcome::Skipped(why)) => println!("    skipped: {why}"),
            Err(_) => println!("    failed after {:.1} s", took.as_secs_f64()),
        }
        let (outcome, result) = match ended {
            Ok(outcome) => (Some(outcome), Ok(())),
            Err(error) => (None, Err(format!("step failed: {name}\n{error}"))),
        };
        self.ended.push((name, took, outcome));
        result
    }

    /// Prints a line a step.
    pub(crate) fn print_summary(&self) {
        println!();
        for (name, took, outcome) in &self.ended {
            match outcome {
                Some(Outcome::Done) => println!("{:8.1} s  {name}", took.as_secs_f64()),
                Some(Outcome::Skipped(why)) => println!(" skipped    {name}: {why}"),
                None => println!("  FAILED    {name}"),
            }
        }
        let all: Duration = self.ended.iter().map(|(_, took, _)| took).sum();
        println!("{:8.1} s  in all", all.as_secs_f64());
    }
}
