//! How many tests passed, failed and were skipped, and what they counted, read off what the test programs print.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::ops::AddAssign;
use std::process::{Command, Stdio};

use crate::cargo;

/// Counts of tests.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    /// What the tests themselves count, by its name: how many points they tried, for example.
    pub(crate) counted: BTreeMap<String, u64>,
}

/// A line for each thing that was counted, then one for the tests.
impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, number) in &self.counted {
            writeln!(f, "{number:>9} {what}")?;
        }
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        for (what, number) in other.counted {
            *self.counted.entry(what).or_default() += number;
        }
    }
}

impl Totals {
    /// What a line says that was counted: `counted: awaits dropped 310`.
    fn counted_in_line(line: &str) -> Option<(&str, u64)> {
        let (what, number) = line.strip_prefix("counted: ")?.trim_end().rsplit_once(' ')?;
        Some((what, number.parse().ok()?))
    }

    /// The counts in a closing line: libtest's `test result: ok. 3 passed; 0 failed; 1 ignored; …`, or the line
    /// `3 passed, 0 failed` of a test program without libtest, a word with a colon before it allowed.
    fn in_line(line: &str) -> Option<Self> {
        let (counts, separator) = match line.strip_prefix("test result: ") {
            Some(result) => (result.split_once(". ")?.1, "; "),
            None => (line.split_once(": ").map_or(line, |(_, counts)| counts), ", "),
        };
        let mut totals = Self::default();
        let mut passed_was_said = false;
        for part in counts.trim_end().split(separator) {
            let Some((number, what)) = part.split_once(' ') else { break };
            let Ok(number) = number.parse::<u64>() else { break };
            match what {
                "passed" => (totals.passed, passed_was_said) = (number, true),
                "failed" => totals.failed = number,
                "ignored" | "skipped" => totals.skipped = number,
                _ => {}
            }
        }
        passed_was_said.then_some(totals)
    }
}

/// Runs a command that runs tests, shows its output and counts. The error is its failure; the counts are added in
/// both cases.
pub(crate) fn run(command: &mut Command, totals: &mut Totals) -> Result<(), String> {
    let failed = |command: &Command, why: &dyn fmt::Display| format!("{}: {why}", cargo::shown(command));
    let mut child = match command.stdout(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => return Err(failed(command, &error)),
    };
    let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
    count(output, std::io::stdout(), totals);
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(command, &format!("ended with {status}"))),
        Err(error) => Err(failed(command, &error)),
    }
}

/// Copies the output of a test program, and adds up its closing lines.
fn count(mut output: impl BufRead, mut shown: impl Write, totals: &mut Totals) {
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        let _ = shown.write_all(&line);
        let text = String::from_utf8_lossy(&line);
        if let Some((what, number)) = Totals::counted_in_line(&text) {
            *totals.counted.entry(what.to_owned()).or_default() += number;
        } else if let Some(counts) = Totals::in_line(&text) {
            *totals += counts;
        }
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(passed: u64, failed: u64, skipped: u64) -> Option<Totals> {
        Some(Totals { passed, failed, skipped, ..Totals::default() })
    }

    #[test]
    fn libtest_lines_count() {
        let line = "test result: ok. 31 passed; 0 failed; 2 ignored; 0 measured; 5 filtered out; finished in 0.03s\n";
        assert_eq!(Totals::in_line(line), totals(31, 0, 2));
        let line = "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(Totals::in_line(line), totals(3, 1, 0));
    }

    #[test]
    fn plain_lines_count() {
        assert_eq!(Totals::in_line("250 passed, 3 failed\n"), totals(250, 3, 0));
        assert_eq!(Totals::in_line("quirks: 250 passed, 0 failed, 4 skipped"), totals(250, 0, 4));
    }

    #[test]
    fn other_lines_do_not() {
        for line in
            ["", "test a ... ok", "running 3 tests", "3 failed", "he passed, she failed", "12 messages"]
        {
            assert_eq!(Totals::in_line(line), None, "{line}");
        }
    }

    #[test]
    fn output_is_copied_and_counted() {
        let output =
            b"running\xff\ntest result: FAILED. 2 passed; 1 failed; 0 ignored\nquirks: 5 passed, 0 failed";
        let (mut shown, mut seen) = (Vec::new(), Totals::default());
        count(&output[..], &mut shown, &mut seen);
        assert_eq!(shown, output);
        assert_eq!(Some(seen), totals(7, 1, 0));
    }

    #[test]
    fn what_tests_count_is_added_up() {
        let output =
            b"counted: points cut 7\ncounted: points cut 5\ncounted: awaits dropped 1\ncounted: none\n";
        let mut seen = Totals::default();
        count(&output[..], Vec::new(), &mut seen);
        assert_eq!(
            seen.to_string(),
            "        1 awaits dropped\n       12 points cut\n0 passed, 0 failed, 0 skipped"
        );
    }

    #[test]
    fn a_failing_command_is_an_error() {
        let error = run(Command::new("sh").args(["-c", "exit 3"]), &mut Totals::default()).unwrap_err();
        assert!(error.contains("exit 3") && error.contains("status: 3"), "{error}");
    }
}
