//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, value_parser};
use mail_client::smtp::Address;

use crate::{quantity, secret::PasswordSource};

/// Mail on the command line: back it up, look at it, try the library out
#[derive(Debug, Parser)]
#[command(name = "mailctl", version)]
pub(crate) struct Cli {
    /// Say on stderr what the connections do; twice for more, three times for each command and what came unasked
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Download generated mail from an embedded server in three ways, and compare them
    Demo(Demo),
    /// Download one mailbox, or all of them, or a POP3 maildrop, into a Maildir; run again, only what is new
    Backup(Backup),
    /// List mailboxes with their message counts and sizes
    Mailboxes(Mailboxes),
    /// Say what changes in a mailbox, a line a change, until it is stopped
    #[command(after_help = WATCH_LINES)]
    Watch(Watch),
    /// Send messages, each to all recipients and never twice
    #[command(after_help = SEND_LINES)]
    Send(Send),
    /// Show what a server sent, or a client, means: one JSON object a line
    #[command(after_help = PARSE_EXAMPLE)]
    Parse(Parse),
}

const WATCH_LINES: &str = "\
A line says the event, the mailbox, and for one message its UID and flags: new (it has come), flags (it has others now),
gone (it was removed), reset (the mailbox is another one; each message in it follows as new).
INBOX is watched if the URL names no mailbox. A lost connection is opened again, and what was missed is told then.
SIGINT, SIGTERM, or nobody who reads the output, end it with exit status 0.

Example:
  $ mailctl watch imaps://kim@imap.example.org/INBOX --json
  {\"event\":\"new\",\"mailbox\":\"INBOX\",\"uid\":7,\"flags\":[\"\\\\Seen\"]}
  {\"event\":\"gone\",\"mailbox\":\"INBOX\",\"uid\":3,\"flags\":null}";

const SEND_LINES: &str = "\
A line for each message and recipient says what became of it: accepted or refused, with the server's code and text;
not sent, and why; or unknown, if all of the message was written and the connection was lost before the answer. Nothing
is sent twice, so only what was refused or not sent may be sent again safely. The exit status is 0 if all was accepted.
If a file can't be read nothing is sent. Bcc is taken out, and line breaks become CRLF.

Example:
  $ mailctl send smtps://kim@smtp.example.org --from kim@example.org --to bob@example.com letter.eml
  letter.eml: bob@example.com: accepted: 250 2.0.0 queued as 4F2A";

const PARSE_EXAMPLE: &str = "\
Each line has: ok (false only if nothing could be read), kind (the keyword), tag, value, quirks (what is wrong and was
read all the same), invalid (what could not be read: item, offset from the response's first byte, expected, excerpt).
Text that is not UTF-8 is in hexadecimal, under a name that ends in _hex. Passwords are left out.
The exit status is 0 if everything was read, 1 otherwise.

Example:
  $ printf '* 1 FETCH (UID 7 FLAGS (\\\\Seen) ENVELOPE oops)\\r\\n' | mailctl parse imap
  {\"ok\":true,\"kind\":\"FETCH\",\"tag\":null,\"value\":{\"flags\":[\"\\\\Seen\"],\"seq\":1,\"uid\":7},\"quirks\":[],
   \"invalid\":[{\"item\":\"ENVELOPE\",\"offset\":41,\"expected\":\"\\\"(\\\"\",\"excerpt\":\"oops)\\r\\n\"}]}";

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How many messages the server has, 50 KB each on average
    #[arg(long, default_value_t = 2000, value_name = "N", value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub(crate) messages: u32,
    /// The time that a round trip takes
    #[arg(long, default_value = "20ms", value_name = "TIME", value_parser = quantity::duration)]
    pub(crate) latency: Duration,
    /// Bytes a second of each connection
    #[arg(long, default_value = "4MB", value_name = "SIZE", value_parser = rate)]
    pub(crate) bandwidth: u64,
    /// How many connections the third way uses
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = value_parser!(u16).range(1..=1000))]
    pub(crate) connections: u16,
    /// Keep the three Maildirs in this directory, which must be empty or new
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

/// How to reach a user's mail.
#[derive(Debug, Args)]
pub(crate) struct Account {
    /// The server: imaps://user@host:port/MAILBOX for TLS from the first byte, imap://… for STARTTLS; backup
    /// takes pop3s:// and pop3:// too, send smtps:// and smtp://
    ///
    /// User and mailbox are percent-encoded UTF-8. The password comes from MAILCTL_PASSWORD, --password-file,
    /// --password-command or a prompt.
    // A word, not a URL: an error of the parser would print it, and it may hold a password.
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) password: PasswordSource,
    /// Trust the certificates in this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Where the URL means STARTTLS, do without, and send everything, the password too, in the clear
    #[arg(long)]
    pub(crate) allow_plaintext: bool,
    /// Give up when the server has been silent for so long [default: 60s; in sending, what RFC 5321 asks for]
    #[arg(long, value_name = "TIME", value_parser = deadline)]
    pub(crate) timeout: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    pub(crate) account: Account,
    /// The directory for the mail: INBOX, or the one mailbox named, in it; others in DIR/.name
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// How many connections to use, if the server lets us
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = value_parser!(u16).range(1..=1000))]
    pub(crate) connections: u16,
    /// Over POP3: once all is on disk, read it again, compare it with what came, and delete it on the server
    ///
    /// Nothing is deleted unless everything that the server lists was compared and found whole.
    #[arg(long)]
    pub(crate) delete_after_verify: bool,
    /// The server has another name than when DIR was begun, and holds the same account
    #[arg(long)]
    pub(crate) host_changed: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Mailboxes {
    #[command(flatten)]
    pub(crate) account: Account,
    /// One JSON object a line: name, messages, size (null where nothing can be selected), delimiter, attributes
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(crate) account: Account,
    /// One JSON object a line: event, mailbox, uid, flags (null where there are none to tell)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Send {
    #[command(flatten)]
    pub(crate) account: Account,
    /// Who sends the messages, and gets reports of those that can't be delivered
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) from: Address,
    /// Who gets the messages, whatever their headers say; may be given more than once
    #[arg(long, required = true, value_name = "ADDRESS", value_parser = address)]
    pub(crate) to: Vec<Address>,
    /// How many connections to use for several messages, if the server lets us
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = value_parser!(u16).range(1..=1000))]
    pub(crate) connections: u16,
    /// The messages, one in each file; - for stdin
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Parse {
    #[command(subcommand)]
    pub(crate) protocol: Protocol,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Protocol {
    /// IMAP
    Imap(ParseCommon),
    /// POP3
    Pop3 {
        #[command(flatten)]
        common: ParseCommon,
        /// What an answer is to, once for each answer in order: 'LIST 2'; GREETING for what a server says first
        ///
        /// Whether more than a line follows depends on it. Answers beyond those named are taken for single lines. In a
        /// SASL exchange each line of the client has an answer; AUTH stands for each of them.
        #[arg(long = "command", value_name = "COMMAND", conflicts_with = "client")]
        commands: Vec<String>,
    },
    /// SMTP
    Smtp(ParseCommon),
}

#[derive(Debug, Args)]
pub(crate) struct ParseCommon {
    /// Reject what breaks the protocol's grammar, instead of reading it and telling of it
    #[arg(long)]
    pub(crate) strict: bool,
    /// The bytes are a client's commands, not a server's responses
    #[arg(long)]
    pub(crate) client: bool,
    /// Where the bytes are, each file a connection of its own; stdin, or -, if none is named
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

fn deadline(text: &str) -> Result<Duration, String> {
    match quantity::duration(text) {
        Ok(duration) if duration.is_zero() => Err("it must be longer than nothing".to_owned()),
        other => other.map_err(|error| error.to_string()),
    }
}

fn address(text: &str) -> Result<Address, String> {
    Address::new(text).map_err(|error| error.to_string())
}

fn rate(text: &str) -> Result<u64, String> {
    match quantity::bytes(text.strip_suffix("/s").unwrap_or(text)) {
        Ok(0) => Err("nothing would ever arrive".to_owned()),
        other => other.map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let cli = Cli::try_parse_from(["mailctl", "demo"]).unwrap();
        let Command::Demo(demo) = cli.command else { panic!("{cli:?}") };
        assert_eq!(
            (demo.messages, demo.latency, demo.bandwidth),
            (2000, Duration::from_millis(20), 4_000_000)
        );
        let cli = Cli::try_parse_from(["mailctl", "backup", "imaps://me@h", "--to", "d"]).unwrap();
        let Command::Backup(backup) = cli.command else { panic!("{cli:?}") };
        assert_eq!((backup.connections, backup.account.timeout), (8, None));
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        for args in [
            &["mailctl"][..],
            &["mailctl", "backup", "imaps://me@h"],
            &["mailctl", "backup", "--to", "d"],
            &["mailctl", "backup", "imaps://me@h", "--to", "d", "--connections", "0"],
            &["mailctl", "backup", "imaps://me@h", "--to", "d", "--timeout", "0s"],
            &["mailctl", "backup", "imaps://me@h", "--to", "d", "--password", "x"],
            &["mailctl", "mailboxes", "imaps://me@h", "--password-file", "a", "--password-command", "b"],
            &["mailctl", "demo", "--bandwidth", "0"],
            &["mailctl", "demo", "--messages", "many"],
            &["mailctl", "send", "smtps://me@h", "--from", "a@b", "x"],
            &["mailctl", "send", "smtps://me@h", "--to", "a@b", "x"],
            &["mailctl", "send", "smtps://me@h", "--from", "a@b", "--to", "a@b"],
            &["mailctl", "send", "smtps://me@h", "--from", "a@b", "--to", "a b", "x"],
            &["mailctl", "parse"],
            &["mailctl", "parse", "nntp"],
            &["mailctl", "parse", "imap", "--command", "LIST"],
            &["mailctl", "parse", "pop3", "--client", "--command", "LIST"],
        ] {
            let error = Cli::try_parse_from(args).expect_err(&args.join(" "));
            assert_eq!(error.exit_code(), 2);
        }
    }
}
