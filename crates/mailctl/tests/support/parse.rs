//! `mailctl parse` as a user runs it.

#![allow(dead_code, reason = "each test binary uses some of it")]

use std::{
    io::Write,
    process::{Command, Stdio},
    thread,
};

use serde_json::Value;

/// What a run of `mailctl parse` gave.
#[derive(Debug, PartialEq)]
pub(crate) struct Parsed {
    pub(crate) status: Option<i32>,
    pub(crate) lines: Vec<Value>,
    pub(crate) stderr: String,
}

pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailctl"));
    command.arg("parse").args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it with these bytes on stdin.
#[track_caller]
pub(crate) fn parse(args: &[&str], input: impl AsRef<[u8]>) -> Parsed {
    let mut child = command(args).spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("it was asked for");
    let input = input.as_ref().to_vec();
    // It may end before it has read everything.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("the writer ends");
    let stderr = String::from_utf8(output.stderr).expect("messages are text");
    assert!(!stderr.contains("panicked"), "{stderr}");
    let lines = output.stdout.split_inclusive(|byte| *byte == b'\n');
    let lines = lines.map(|line| serde_json::from_slice(line).expect("a line is JSON")).collect();
    Parsed { status: output.status.code(), lines, stderr }
}
