//! A line of output: what was read of one response or command.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use mail_facts::Facts;
use mail_proto::{Excerpt, ParseError, Quirk, frame::FrameError};
use serde::Serialize;
use serde_json::Value;

/// What was read of one response or command.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The upper-case keyword, as far as one can be told.
    pub(super) kind: Option<String>,
    pub(super) tag: Option<String>,
    /// What it answers, where that was said.
    pub(super) command: Option<String>,
    /// `None` if it couldn't be read.
    pub(super) value: Option<Facts>,
    /// What was wrong with it and read all the same.
    quirks: Vec<QuirkLine>,
    /// What in it couldn't be read.
    invalid: Vec<Invalid>,
    /// Whether what is in it may be a secret.
    pub(super) secret: bool,
}

#[derive(Debug, Serialize)]
struct QuirkLine {
    quirk: String,
    offset: u64,
}

#[derive(Debug, Serialize)]
struct Invalid {
    item: String,
    /// From the first byte of the response.
    offset: u64,
    expected: String,
    excerpt: String,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    ok: bool,
    kind: Option<&'a str>,
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    value: Option<Value>,
    quirks: &'a [QuirkLine],
    invalid: &'a [Invalid],
}

impl Entry {
    /// What was read of this keyword, nothing yet.
    pub(super) fn of(kind: &str) -> Self {
        Self { kind: Some(kind.to_owned()), value: Some(Facts::default()), ..Self::default() }
    }

    /// The answer to this command, if it is known.
    pub(super) fn answering(command: Option<String>) -> Self {
        Self { command, ..Self::default() }
    }

    /// One that couldn't be read, and may be a secret.
    pub(super) fn secret() -> Self {
        Self { secret: true, ..Self::default() }
    }

    /// The value, begun if there is none yet.
    pub(super) fn facts(&mut self) -> &mut Facts {
        self.value.get_or_insert_default()
    }

    /// Notes quirks; `base` is where the bytes begin in which their offsets count.
    pub(super) fn quirks(&mut self, quirks: &[Quirk], base: u64) {
        self.quirks.extend(
            quirks
                .iter()
                .map(|quirk| QuirkLine { quirk: quirk.kind.to_string(), offset: base + quirk.offset as u64 }),
        );
    }

    /// Notes what couldn't be read. `item` names it; without a name it is the response itself.
    pub(super) fn error(&mut self, item: Option<&str>, error: &ParseError, base: u64) {
        self.invalid(item, base + error.offset as u64, error.expected, error.excerpt.as_bytes());
    }

    /// The same of an offset, and the bytes that stand there.
    pub(super) fn invalid(&mut self, item: Option<&str>, offset: u64, expected: &str, found: &[u8]) {
        let item = item.or(self.kind.as_deref()).unwrap_or("response").to_owned();
        let excerpt = match self.secret {
            true => "(elided)".into(),
            false => String::from_utf8_lossy(Excerpt::of(found).as_bytes()).into_owned(),
        };
        self.invalid.push(Invalid { item, offset, expected: expected.to_owned(), excerpt });
    }

    /// The input ends in the middle of it.
    pub(super) fn cut(&mut self, offset: u64) {
        self.invalid(Some("input"), offset, "the rest of it, but the input ends here", b"");
    }

    /// It exceeds a limit.
    pub(super) fn exceeds(&mut self, offset: u64, error: &FrameError, found: &[u8]) {
        self.invalid(Some("input"), offset, &format!("less: {error}; nothing behind it is read"), found);
    }
}

/// Where lines go to, and how many there were.
pub(super) struct Report<'o> {
    output: &'o mut dyn Write,
    file: Option<PathBuf>,
    total: u64,
    unread: u64,
}

impl<'o> Report<'o> {
    pub(super) fn new(output: &'o mut dyn Write) -> Self {
        Self { output, file: None, total: 0, unread: 0 }
    }

    /// The file that lines are to name, of several.
    pub(super) fn name_file(&mut self, file: Option<&PathBuf>) {
        self.file = file.cloned();
    }

    pub(super) fn put(&mut self, entry: Entry) -> io::Result<()> {
        self.total += 1;
        self.unread += u64::from(entry.value.is_none() || !entry.invalid.is_empty());
        let file = self.file.as_deref().map(Path::to_string_lossy);
        let line = Line {
            file: file.as_deref(),
            ok: entry.value.is_some(),
            kind: entry.kind.as_deref(),
            tag: entry.tag.as_deref(),
            command: entry.command.as_deref(),
            value: entry.value.map(Facts::into_value),
            quirks: &entry.quirks,
            invalid: &entry.invalid,
        };
        serde_json::to_writer(&mut *self.output, &line)?;
        self.output.write_all(b"\n")
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// How many there were.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// How many of them weren't read, or not wholly.
    pub(super) fn unread(&self) -> u64 {
        self.unread
    }
}
