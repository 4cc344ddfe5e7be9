//! `parse`: what the bytes of a server or a client mean, one JSON object a line.

mod imap;
mod imap_client;
mod kept;
mod pop3;
mod pop3_client;
mod report;
mod sasl;
mod smtp;
mod smtp_client;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use self::report::Report;
use crate::{cli, failure::Failure, progress::note, terminal::printable};

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

/// Bytes of the largest literal or message that is shown; of a larger one the length is.
const LARGEST_SHOWN: usize = 4 << 20;

/// A stream that is read response by response, or command by command.
trait Stream {
    /// Reads on, and reports what is complete.
    fn feed(&mut self, bytes: &[u8], report: &mut Report<'_>) -> Result<Flow, io::Error>;

    /// The input is over: reports what is cut short.
    fn end(&mut self, report: &mut Report<'_>) -> io::Result<()>;
}

/// Whether a stream can be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    /// What follows can't be told apart any more.
    Over,
}

/// Why a run ended early.
enum Stop {
    Input(io::Error),
    Output(io::Error),
}

/// Reads the inputs to their ends.
pub(crate) fn run(options: &cli::Parse) -> Result<(), Failure> {
    let (common, mut commands) = match &options.protocol {
        cli::Protocol::Imap(common) | cli::Protocol::Smtp(common) => (common, pop3::Commands::default()),
        cli::Protocol::Pop3 { common, commands } => (common, pop3::Commands::new(commands)),
    };
    let stdin = [PathBuf::from("-")];
    let files = if common.files.is_empty() { &stdin[..] } else { &common.files };
    let mut output = io::BufWriter::with_capacity(PIECE, io::stdout().lock());
    let mut report = Report::new(&mut output);
    let mut missing = 0;
    for path in files {
        report.name_file((files.len() > 1).then_some(path));
        let mut stream = stream(&options.protocol, common, &mut commands);
        match read(path, stream.as_mut(), &mut report) {
            Ok(()) => {}
            Err(Stop::Input(error)) => {
                missing += 1;
                note(&format!("mailctl: {}: {error}", printable(&path.to_string_lossy())));
            }
            Err(Stop::Output(error)) => return Err(Failure::Output(error)),
        }
    }
    commands.unanswered(&mut report).and_then(|()| report.flush()).map_err(Failure::Output)?;
    match report.unread() {
        0 if missing == 0 => Ok(()),
        0 => Err(Failure::Inputs { failed: missing, of: files.len() }),
        unread => Err(Failure::Unparsed { unread, of: report.total() }),
    }
}

fn stream<'c>(
    protocol: &cli::Protocol,
    common: &cli::ParseCommon,
    commands: &'c mut pop3::Commands,
) -> Box<dyn Stream + 'c> {
    let strict = common.strict;
    match (protocol, common.client) {
        (cli::Protocol::Imap(_), false) => Box::new(imap::Responses::new(strict)),
        (cli::Protocol::Imap(_), true) => Box::new(imap_client::Commands::new(strict)),
        (cli::Protocol::Pop3 { .. }, false) => Box::new(pop3::Answers::new(strict, commands)),
        (cli::Protocol::Pop3 { .. }, true) => Box::new(pop3_client::Commands::new(strict)),
        (cli::Protocol::Smtp(_), false) => Box::new(smtp::Replies::new(strict)),
        (cli::Protocol::Smtp(_), true) => Box::new(smtp_client::Commands::new(strict)),
    }
}

/// Reads an input to its end. What is complete is written before more is waited for.
fn read(path: &Path, stream: &mut dyn Stream, report: &mut Report<'_>) -> Result<(), Stop> {
    let mut input: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path).map_err(Stop::Input)?),
    };
    let mut piece = vec![0; PIECE];
    loop {
        let len = match input.read(&mut piece) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Stop::Input(error)),
        };
        if stream.feed(&piece[..len], report).map_err(Stop::Output)? == Flow::Over {
            return Ok(());
        }
        report.flush().map_err(Stop::Output)?;
    }
    stream.end(report).map_err(Stop::Output)
}
