//! Steps that run in order: each is announced, timed, and the first that fails is the last.

use std::time::{Duration, Instant};

/// How a step that didn't fail ended.
pub(crate) enum Outcome {
    /// Everything was done.
    Done,
    /// It was left out, and why.
    Skipped(String),
}

/// The steps so far.
#[derive(Default)]
pub(crate) struct Steps {
    ended: Vec<(&'static str, Duration, Outcome)>,
}

impl Steps {
    /// Runs a step.
    pub(crate) fn run<E>(
        &mut self,
        name: &'static str,
        step: impl FnOnce() -> Result<Outcome, E>,
    ) -> Result<(), String>
    where
        E: std::fmt::Display,
    {
        println!("==> {name}");
        let start = Instant::now();
        let outcome = step().map_err(|error| {
            let seconds = start.elapsed().as_secs_f64();
            format!("step failed after {seconds:.1} s: {name}\n{error}")
        })?;
        let took = start.elapsed();
        match &outcome {
            Outcome::Done => println!("    done in {:.1} s", took.as_secs_f64()),
            Outcome::Skipped(why) => println!("    skipped: {why}"),
        }
        self.ended.push((name, took, outcome));
        Ok(())
    }

    /// Prints a line a step.
    pub(crate) fn print_summary(&self) {
        println!();
        for (name, took, outcome) in &self.ended {
            match outcome {
                Outcome::Done => println!("{:8.1} s  {name}", took.as_secs_f64()),
                Outcome::Skipped(why) => println!(" skipped    {name}: {why}"),
            }
        }
        let all: Duration = self.ended.iter().map(|(_, took, _)| took).sum();
        println!("{:8.1} s  in all", all.as_secs_f64());
    }
}
