//! Messages to a server that takes mail, each once, with a line for each who was to get it.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use mail_client::{
    Error, ErrorKind,
    smtp::{Address, Mail, Outcome, RecipientOutcome, Sent, SmtpClient},
};

use crate::{
    cli,
    connect::Server,
    disk::{DiskError, failed},
    failure::Failure,
    say,
    stop::Stop,
    terminal::printable,
};

/// Where messages are, and what stdin held if one was to come from there.
#[derive(Debug)]
pub(crate) struct Letters {
    files: Vec<PathBuf>,
    stdin: Bytes,
}

impl Letters {
    /// Looks whether every file can be read, and reads stdin: what can't be had is told before anything is sent.
    pub(crate) fn find(files: &[PathBuf]) -> Result<Self, Failure> {
        let mut stdin = Vec::new();
        for (at, path) in files.iter().enumerate() {
            if files[..at].contains(path) {
                return Err(Failure::NamedTwice(path.clone()));
            }
            if is_stdin(path) {
                io::stdin().read_to_end(&mut stdin).map_err(failed("read", Path::new("stdin")))?;
            } else {
                readable(path)?;
            }
        }
        Ok(Self { files: files.to_vec(), stdin: stdin.into() })
    }

    /// The message of a file, read now. A file that can't be read any more is a message that fails.
    fn mail(&self, path: &Path) -> Mail {
        if is_stdin(path) {
            return Mail::new(self.stdin.clone());
        }
        match fs::read(path) {
            Ok(message) => Mail::new(message),
            Err(error) => Mail::from_stream(stream::iter([Err(error)]), None),
        }
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn readable(path: &Path) -> Result<(), DiskError> {
    let file = File::open(path).map_err(failed("read", path))?;
    let is_folder = file.metadata().map_err(failed("read", path))?.is_dir();
    if is_folder { Err(failed("read", path)(io::ErrorKind::IsADirectory.into())) } else { Ok(()) }
}

/// Sends the messages, and prints what became of each for each recipient.
pub(crate) async fn run(
    options: &cli::Send,
    server: Server<SmtpClient>,
    letters: Letters,
) -> Result<(), Failure> {
    // A server that can't be had, or a wrong password, is one failure, and not one for each message.
    server.client.extensions().await?;
    let stop = Stop::on_signals(Some("stopping; what is on its way is finished"));
    // Nobody gets two copies for being named twice.
    let mut to: Vec<Address> = Vec::new();
    for address in &options.to {
        if !to.contains(address) {
            to.push(address.clone());
        }
    }
    let files = letters.files.clone();
    let given_up = Stop::new();
    let mails = {
        let (files, from, to) = (files.clone(), options.from.clone(), to.clone());
        let (stop, given_up) = (stop.clone(), given_up.clone());
        files.into_iter().map_while(move |path| {
            let goes_on = !stop.is_stopped() && !given_up.is_stopped();
            goes_on.then(|| letters.mail(&path).sender(from.clone()).to(to.clone()))
        })
    };
    let mut report = Report { to: &to, failed: 0, told: vec![false; files.len()], files: &files };
    let mut sending = server.client.send_many(mails).connections(options.connections.into());
    while let Some(mail) = sending.next().await {
        if let Err(error) = &mail.outcome
            && is_the_servers(error)
        {
            given_up.stop();
        }
        report.tell(mail.index, mail.outcome);
    }
    let failed = report.finish(if stop.is_stopped() { "interrupted" } else { "the server can't be had" });
    let of = files.len() * to.len();
    // Everything is sent by now: a server that is slow to say goodbye keeps nobody.
    let _ = tokio::time::timeout(Duration::from_secs(5), server.client.close()).await;
    match failed {
        _ if stop.is_stopped() => Err(Failure::Interrupted),
        0 => Ok(()),
        failed => Err(Failure::Undelivered { failed, of }),
    }
}

/// Whether what ended a message would end every other.
fn is_the_servers(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Transport | ErrorKind::Login | ErrorKind::Pool | ErrorKind::Closed)
}

/// What became of the messages so far.
struct Report<'a> {
    files: &'a [PathBuf],
    to: &'a [Address],
    told: Vec<bool>,
    failed: usize,
}

impl Report<'_> {
    /// Prints what became of a message, for each who was to get it.
    fn tell(&mut self, index: usize, outcome: Result<Sent, Error>) {
        self.told[index] = true;
        match outcome {
            Ok(sent) => sent.recipients().iter().for_each(|one| self.recipient(index, one, "")),
            Err(error) if error.recipients().is_empty() => self.not_sent(index, &error.to_string()),
            Err(error) => {
                let why = error.to_string();
                error.recipients().iter().for_each(|one| self.recipient(index, one, &why));
            }
        }
    }

    fn recipient(&mut self, index: usize, one: &RecipientOutcome, why: &str) {
        self.failed += usize::from(!one.outcome.is_accepted());
        let outcome = match &one.outcome {
            Outcome::Accepted(reply) => format!("accepted: {reply}"),
            Outcome::Refused(reply) => format!("refused: {reply}"),
            Outcome::Unknown => format!("unknown, it may have been sent: {why}"),
            _ => format!("not sent: {why}"),
        };
        self.line(index, &one.address, &outcome);
    }

    fn not_sent(&mut self, index: usize, why: &str) {
        self.failed += self.to.len();
        self.to.iter().for_each(|address| self.line(index, address, &format!("not sent: {why}")));
    }

    fn line(&self, index: usize, address: &Address, outcome: &str) {
        let line = format!("{}: {address}: {outcome}", self.files[index].display());
        say(&printable(&line));
    }

    /// Prints those that weren't begun, and why; for how many recipients it didn't go well in all.
    fn finish(mut self, why: &str) -> usize {
        for index in 0..self.files.len() {
            if !self.told[index] {
                self.not_sent(index, why);
            }
        }
        self.failed
    }
}
