//! A command-line tool that shows `mail-client` at work: `demo`, `backup`, `mailboxes`.
//!
//! Results go to stdout, progress and errors to stderr. Exit status: 0 if all went well, 1 if something failed, 2 if
//! the command line makes no sense, 130 if it was interrupted.

#![allow(dead_code)]

mod archive;
mod backup;
mod cli;
mod disk;
mod maildir;
mod progress;
mod quantity;
mod secret;
mod state;
mod stop;
mod terminal;
mod uid_ranges;
mod url;

use clap::Parser;

/// The exit status after a signal, as shells count it.
const INTERRUPTED: u8 = 130;

fn main() {
    let _ = cli::Cli::parse();
}
