//! A command-line tool that shows `mail-client` at work: `demo`, `backup`, `mailboxes`, `watch`, `send`,
//! and `mail-proto`: `parse`.
//!
//! Results go to stdout, progress and errors to stderr. Exit status: 0 if all went well, 1 if something failed, 2 if
//! the command line makes no sense, 130 if it was interrupted.

mod archive;
mod backup;
mod cli;
mod connect;
mod demo;
mod disk;
mod failure;
mod listed;
mod mailboxes;
mod maildir;
mod parse;
mod progress;
mod quantity;
mod secret;
mod send;
mod state;
mod stop;
mod terminal;
mod uid_ranges;
mod unique_ids;
mod url;
mod watch;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{
    cli::{Cli, Command},
    connect::Source,
    failure::Failure,
    send::Letters,
};

/// The exit status after a signal, as shells count it.
const INTERRUPTED: u8 = 130;

/// Threads that carry connections, and threads that wait for the disk. Few, since each costs memory: the former keep
/// two processors busy, the latter let a disk sync several files together.
const WORKERS: usize = 2;
const DISK_THREADS: usize = 8;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(failure) => {
            progress::note(&format!("mailctl: {}", failure.line()));
            ExitCode::from(failure.status())
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    log(cli.verbose);
    match cli.command {
        Command::Demo(options) => on_runtime(async move { demo::run(&options).await }),
        Command::Backup(options) => match connect::source(&options.account, options.connections)? {
            Source::Imap(_) if options.delete_after_verify => Err(Failure::OnlyPop3),
            Source::Imap(server) => {
                let url = server.url.clone();
                on_runtime(async move { backup::run(&options, server).await })
                    .map_err(|failure| failure.about(&url))
            }
            Source::Pop3(server) => {
                let url = server.url.clone();
                on_runtime(async move { backup::maildrop::run(&options, server).await })
                    .map_err(|failure| failure.about(&url))
            }
        },
        Command::Mailboxes(options) => {
            // One connection is enough for what goes in one flight.
            let server = connect::imap(&options.account, 1)?;
            let url = server.url.clone();
            on_runtime(async move { mailboxes::run(&options, server).await })
                .map_err(|failure| failure.about(&url))
        }
        Command::Watch(options) => {
            // The watcher shares it with whatever else is asked.
            let server = connect::imap(&options.account, 1)?;
            let url = server.url.clone();
            on_runtime(async move { watch::run(&options, server).await })
                .map_err(|failure| failure.about(&url))
        }
        Command::Send(options) => {
            let letters = Letters::find(&options.files)?;
            let server = connect::smtp(&options.account, options.connections)?;
            let url = server.url.clone();
            on_runtime(async move { send::run(&options, server, letters).await })
                .map_err(|failure| failure.about(&url))
        }
        Command::Parse(options) => parse::run(&options),
    }
}

/// Shows the events of the library, which never hold passwords or bodies.
fn log(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let ours = Targets::new().with_target("mail_client", level).with_target("mail_pool", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
    tracing_subscriber::registry().with(lines.with_filter(ours)).init();
}

fn on_runtime(work: impl Future<Output = Result<(), Failure>> + Send + 'static) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(DISK_THREADS)
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    // On a worker: the thread that calls `block_on` would have to be woken for every message.
    let result = runtime.block_on(async {
        // A file beyond the limit of the shell (`ulimit -f`) is an error like any other, not a reason to die.
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        let _sigxfsz = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(25));
        tokio::spawn(work).await
    });
    match result.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(result) => result,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_)) => Err(Failure::Interrupted),
    }
}

/// A line of the result, on stdout. A reader that has gone away is none of our business.
fn say(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}
