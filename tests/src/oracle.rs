//! What a server holds, as Python's imaplib reads it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::servers::Info;

/// The mailboxes that can be selected, by their name on the wire.
pub type Mailboxes = BTreeMap<String, Mailbox>;

/// A mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Between the levels of its name; None for a flat name.
    pub separator: Option<String>,
    /// What STATUS says, by item in small letters.
    pub status: BTreeMap<String, u64>,
    /// In the order of their UIDs.
    pub messages: Vec<Message>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// UID.
    pub uid: u64,
    /// Flags, sorted.
    pub flags: Vec<String>,
    /// RFC822.SIZE.
    pub size: u64,
    /// How many octets `BODY[]` has.
    pub octets: u64,
    /// SHA-256 of `BODY[]` in hexadecimal.
    pub sha256: String,
}

/// Reads everything.
///
/// # Panics
/// If Python is missing or reports a failure: a test can't go on without its oracle.
pub fn read(server: &Info) -> Mailboxes {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/oracle.py");
    let output = Command::new("python3")
        .arg(&script)
        .arg(server.ports["imaps"].to_string())
        .arg(&server.ca_file)
        .arg(&server.user)
        .env("PASSWORD", &server.password)
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| panic!("python3, which reads what the server holds: {error}"));
    assert!(output.status.success(), "{} ended with {}", script.display(), output.status);
    let read: Value = serde_json::from_slice(&output.stdout).expect("the oracle prints JSON");
    parse(&read).unwrap_or_else(|| panic!("the oracle prints another form than expected: {read}"))
}

fn parse(read: &Value) -> Option<Mailboxes> {
    let mailbox = |value: &Value| {
        let number = |(key, value): (&String, &Value)| Some((key.clone(), value.as_u64()?));
        let mailbox = Mailbox {
            separator: value.get("separator")?.as_str().map(str::to_owned),
            status: value.get("status")?.as_object()?.iter().map(number).collect::<Option<_>>()?,
            messages: value.get("messages")?.as_array()?.iter().map(message).collect::<Option<_>>()?,
        };
        Some((value.get("name")?.as_str()?.to_owned(), mailbox))
    };
    read.get("mailboxes")?.as_array()?.iter().map(mailbox).collect()
}

fn message(value: &Value) -> Option<Message> {
    let number = |key: &str| value.get(key)?.as_u64();
    let flag = |flag: &Value| flag.as_str().map(str::to_owned);
    Some(Message {
        uid: number("uid")?,
        flags: value.get("flags")?.as_array()?.iter().map(flag).collect::<Option<_>>()?,
        size: number("size")?,
        octets: number("octets")?,
        sha256: value.get("sha256")?.as_str()?.to_owned(),
    })
}
