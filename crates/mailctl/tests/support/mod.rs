//! The program as a user runs it, against the embedded server.

#![allow(dead_code, reason = "each test binary uses some of it")]

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use mail_testkit::{Builder, Endpoint, Server};
use system_tests::secrets::assert_none_in;
use tempfile::TempDir;

pub(crate) const USER: &str = "alice";
pub(crate) const PASSWORD: &str = "se cret\"\\";

/// A server with a user, begun.
pub(crate) fn alice() -> Builder {
    Server::builder().user(USER, PASSWORD)
}

/// A server, and a directory to back it up to.
pub(crate) struct Fixture {
    pub(crate) server: Server,
    pub(crate) folder: TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The most memory that the process has had at once, in KiB, as last seen before its end.
    pub(crate) peak_kib: u64,
}

impl Fixture {
    pub(crate) async fn start(server: Builder) -> Self {
        Self::around(server.start().await.expect("the embedded server starts"))
    }

    pub(crate) fn around(server: Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), server.ca_pem()).unwrap();
        Self { server, folder }
    }

    /// Where the mail goes.
    pub(crate) fn to(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    pub(crate) fn url(&self, mailbox: &str) -> String {
        let address = self.server.address(Endpoint::ImapTls);
        format!("imaps://{USER}@{address}{mailbox}")
    }

    /// A backup with the options that every one needs.
    pub(crate) fn command(&self, mailbox: &str) -> Command {
        let mut command = mailctl(&["backup", &self.url(mailbox)]);
        command.arg("--to").arg(self.to()).arg("--ca-file").arg(self.folder.path().join("ca.pem"));
        command
    }

    pub(crate) async fn backup(&self, mailbox: &str) -> Run {
        run(self.command(mailbox)).await
    }

    /// Backs up and expects it to go well.
    pub(crate) async fn back_up(&self, mailbox: &str) -> String {
        let run = self.backup(mailbox).await;
        assert_eq!(run.status, Some(0), "{run:?}");
        run.stdout
    }

    /// The files of a folder of the backup, by name, without those in `tmp/`, which must be empty.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        files(&self.to().join(folder))
    }

    /// The bodies in a folder of the backup, sorted.
    pub(crate) fn bodies(&self, folder: &str) -> Vec<Vec<u8>> {
        let mut bodies: Vec<_> = self.files(folder).into_values().collect();
        bodies.sort();
        bodies
    }

    /// The bodies that the server has in a mailbox, sorted.
    pub(crate) fn on_server(&self, mailbox: impl AsRef<[u8]>) -> Vec<Vec<u8>> {
        let account = self.server.account(USER).unwrap();
        let mut bodies: Vec<_> =
            account.messages(mailbox).unwrap().into_iter().map(|message| message.body.to_vec()).collect();
        bodies.sort();
        bodies
    }

    /// The commands that the server has seen so far, of all connections.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.server.report().commands.into_iter().map(|command| command.text).collect()
    }
}

pub(crate) fn files(maildir: &Path) -> BTreeMap<String, Vec<u8>> {
    assert_eq!(
        fs::read_dir(maildir.join("tmp")).unwrap().count(),
        0,
        "unfinished files in {}",
        maildir.display()
    );
    let mut files = BTreeMap::new();
    for sub in ["new", "cur"] {
        for entry in fs::read_dir(maildir.join(sub)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{sub}/{}", entry.file_name().to_string_lossy());
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    files
}

/// The program with the right password, and nobody at a terminal.
pub(crate) fn mailctl(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailctl"));
    command.args(args).env("MAILCTL_PASSWORD", PASSWORD).stdin(Stdio::null());
    command
}

/// Runs it to its end, while the server of the test goes on.
pub(crate) async fn run(mut command: Command) -> Run {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the program starts");
    finish(child).await
}

/// Waits until a program that runs with `-vvv` and piped output says that so many fetches have ended.
pub(crate) async fn fetched(mut child: Child, wanted: usize) -> Child {
    tokio::task::spawn_blocking(move || {
        let stderr = child.stderr.as_mut().unwrap();
        let (mut line, mut ended, mut byte) = (Vec::new(), 0, [0]);
        // Byte by byte, so that what follows is left to whoever reads on.
        while ended < wanted && stderr.read(&mut byte).unwrap() == 1 {
            line.push(byte[0]);
            if byte == *b"\n" {
                let text = String::from_utf8_lossy(&line);
                ended += usize::from(text.contains("command ended") && text.contains("UID FETCH"));
                line.clear();
            }
        }
        assert_eq!(ended, wanted, "it ended before");
        child
    })
    .await
    .unwrap()
}

/// Waits for the end of a program whose output is piped.
pub(crate) async fn finish(mut child: Child) -> Run {
    fn all(mut from: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            from.read_to_end(&mut text).unwrap();
            String::from_utf8_lossy(&text).into_owned()
        })
    }
    let stdout = all(child.stdout.take().unwrap());
    let stderr = all(child.stderr.take().unwrap());
    tokio::task::spawn_blocking(move || {
        let mut peak_kib = 0;
        let status = loop {
            peak_kib = peak(child.id()).max(peak_kib);
            match child.try_wait().unwrap() {
                Some(status) => break status,
                // Sampled: the high-water mark only grows, and is gone with the process.
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
        for text in [&stdout, &stderr] {
            assert_none_in("the program", text);
            assert!(!text.contains("panicked"), "{text}");
        }
        Run { status: status.code(), stdout, stderr, peak_kib }
    })
    .await
    .unwrap()
}

fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

impl Run {
    /// The run failed: exit status 1, one line on stderr that holds all of `words`.
    #[track_caller]
    pub(crate) fn failed_with(&self, words: &[&str]) {
        assert_eq!(self.status, Some(1), "{self:?}");
        let last = self.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("mailctl: "), "{self:?}");
        for word in words {
            assert!(last.contains(word), "{word:?} is not in {last:?}");
        }
        assert!(last.len() < 400, "{last}");
    }
}
