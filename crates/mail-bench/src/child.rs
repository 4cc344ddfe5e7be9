//! A process of its own for each run of each contender, so that its processor time and its memory are its own.

use std::{
    env,
    io::{self, Read, Write},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{failure::Failed, meter::Taken};

/// This program, told by its argument to do the job on its standard input.
pub(crate) fn this_program(argument: &str) -> Result<Command, Failed> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(argument);
    Ok(command)
}

/// Has a job done: it goes to the process's standard input, and what it took comes from its standard output.
pub(crate) fn run(mut command: Command, job: &Value) -> Result<Taken, Failed> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(job.to_string().as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let taken = serde_json::from_slice(&output.stdout).ok().as_ref().and_then(Taken::from_json);
    taken.ok_or_else(|| format!("its process ended with {}", output.status).into())
}

/// The job that this process is to do.
pub(crate) fn job<T>(from_json: impl FnOnce(&Value) -> Option<T>) -> Result<T, Failed> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text).ok().as_ref().and_then(from_json).ok_or("no job")?)
}
