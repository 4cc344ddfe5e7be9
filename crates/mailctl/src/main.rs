//! A command-line tool that shows `mail-client` at work: `demo`, `backup`, `mailboxes`.
//!
//! Results go to stdout, progress and errors to stderr. Exit status: 0 if all went well, 1 if something failed, 2 if
//! the command line makes no sense, 130 if it was interrupted.

#![allow(dead_code)]

mod quantity;
mod secret;
mod terminal;
mod url;

fn main() {}
