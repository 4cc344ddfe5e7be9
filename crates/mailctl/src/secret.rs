//! Where the password comes from: a file, a command, the environment or the terminal; never the command line.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use crate::terminal::printable;

/// The environment variable that holds the password where no option says otherwise.
pub(crate) const VARIABLE: &str = "MAILCTL_PASSWORD";

/// A password. It has no `Display`, and `Debug` shows nothing of it.
pub(crate) struct Password(String);

impl Password {
    /// The text, for the one place that hands it to the client.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Where to look for the password: an option wins over the environment, which wins over the terminal.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct PasswordSource {
    /// Read the password from this file (one line)
    #[arg(long, value_name = "FILE", conflicts_with = "password_command")]
    pub(crate) password_file: Option<PathBuf>,
    /// Run this with the shell and take the first line that it prints as the password
    #[arg(long, value_name = "COMMAND")]
    pub(crate) password_command: Option<String>,
}

/// Why there is no password to log in with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PasswordError {
    #[error("no password: set MAILCTL_PASSWORD, or use --password-file or --password-command")]
    Nowhere,
    #[error("the password from {from} is empty")]
    Empty { from: String },
    #[error("the password from {from} is not UTF-8")]
    NotUtf8 { from: String },
    #[error("the password from {from} has more than one line")]
    SeveralLines { from: String },
    #[error("cannot read the password from {from}: {source}")]
    Read { from: String, source: io::Error },
    #[error("the password command ended with {status}")]
    CommandFailed { status: ExitStatus },
}

impl PasswordError {
    /// Whether the command line lacks something, rather than the world.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::Nowhere)
    }
}

impl PasswordSource {
    /// The password for `user` at `host`; asks on the terminal, without echo, if nothing else is given and there is one.
    pub(crate) fn password(&self, user: &str, host: &str) -> Result<Password, PasswordError> {
        if let Some(path) = &self.password_file {
            return from_file(path);
        }
        if let Some(command) = &self.password_command {
            return from_command(command);
        }
        if let Some(value) = std::env::var_os(VARIABLE) {
            let from = VARIABLE.to_owned();
            let Ok(text) = value.into_string() else { return Err(PasswordError::NotUtf8 { from }) };
            return if text.is_empty() { Err(PasswordError::Empty { from }) } else { Ok(Password(text)) };
        }
        if !io::stdin().is_terminal() {
            return Err(PasswordError::Nowhere);
        }
        let from = "the terminal".to_owned();
        match rpassword::prompt_password(format!("Password of {} at {}: ", printable(user), printable(host)))
        {
            Ok(text) if text.is_empty() => Err(PasswordError::Empty { from }),
            Ok(text) => Ok(Password(text)),
            Err(source) => Err(PasswordError::Read { from, source }),
        }
    }
}

fn from_file(path: &Path) -> Result<Password, PasswordError> {
    let from = path.display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => one_line(bytes, from),
        Err(source) => Err(PasswordError::Read { from, source }),
    }
}

fn from_command(command: &str) -> Result<Password, PasswordError> {
    let from = "the password command".to_owned();
    let output =
        Command::new("sh").arg("-c").arg(command).stderr(Stdio::inherit()).stdin(Stdio::inherit()).output();
    let output = match output {
        Ok(output) => output,
        Err(source) => return Err(PasswordError::Read { from, source }),
    };
    if !output.status.success() {
        return Err(PasswordError::CommandFailed { status: output.status });
    }
    // Password stores print the password first and notes behind it.
    let first = output.stdout.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
    one_line(first.to_vec(), from)
}

fn one_line(bytes: Vec<u8>, from: String) -> Result<Password, PasswordError> {
    let Ok(mut text) = String::from_utf8(bytes) else { return Err(PasswordError::NotUtf8 { from }) };
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        Err(PasswordError::Empty { from })
    } else if text.contains('\n') {
        Err(PasswordError::SeveralLines { from })
    } else {
        Ok(Password(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> Result<Password, PasswordError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, content).unwrap();
        PasswordSource { password_file: Some(path), password_command: None }.password("u", "h")
    }

    fn command(command: &str) -> Result<Password, PasswordError> {
        PasswordSource { password_file: None, password_command: Some(command.to_owned()) }.password("u", "h")
    }

    #[test]
    fn one_line_end_is_not_part_of_the_password() {
        assert_eq!(file(b" pa ss \n").unwrap().expose(), " pa ss ");
        assert_eq!(file(b"pass\r\n").unwrap().expose(), "pass");
        assert_eq!(file("pä\u{df}".as_bytes()).unwrap().expose(), "pä\u{df}");
        assert!(matches!(file(b"\n"), Err(PasswordError::Empty { .. })));
        assert!(matches!(file(b"one\ntwo\n"), Err(PasswordError::SeveralLines { .. })));
        assert!(matches!(file(b"\xff"), Err(PasswordError::NotUtf8 { .. })));
    }

    #[test]
    fn a_command_gives_its_first_line() {
        assert_eq!(command("printf 'pass word\\nuser: me\\n'").unwrap().expose(), "pass word");
        assert!(matches!(command("echo secret; exit 3"), Err(PasswordError::CommandFailed { .. })));
        assert!(matches!(command("true"), Err(PasswordError::Empty { .. })));
    }

    #[test]
    fn errors_and_debug_never_show_it() {
        assert_eq!(format!("{:?}", file(b"hunter2").unwrap()), "Password(…)");
        for result in [file(b"hunter2\nhunter2"), file(b"hunter2\xff"), command("echo hunter2; false")] {
            let error = result.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }
}
