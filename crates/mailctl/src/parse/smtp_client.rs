//! Commands of an SMTP client, and the messages between them.

use std::io;

use bytes::Bytes;
use mail_facts::smtp;
use mail_proto::smtp::{Command, Event, ParseOptions, Reader};

use super::{
    Flow, Stream,
    kept::Kept,
    report::{Entry, Report},
    sasl,
};

/// Bytes of the longest line.
const LONGEST: usize = 1 << 20;

pub(super) struct Commands {
    reader: Reader,
    options: ParseOptions,
    /// A SASL exchange may go on.
    sasl: bool,
    /// DATA or BDAT, whose message is being read.
    open: Option<(Entry, Kept)>,
    /// Bytes of the stream, and where the current command begins in it.
    fed: u64,
    start: u64,
}

impl Commands {
    pub(super) fn new(strict: bool) -> Self {
        let options = if strict { ParseOptions::STRICT } else { ParseOptions::default() };
        let reader = Reader::of_recorded(LONGEST, u64::MAX);
        Self { reader, options, sasl: false, open: None, fed: 0, start: 0 }
    }

    fn line(&mut self, line: Bytes, report: &mut Report<'_>) -> io::Result<()> {
        let mut entry = Entry::default();
        let command = match Command::parse_with(line.clone(), self.options) {
            Ok(parsed) => {
                entry.quirks(&parsed.quirks, 0);
                parsed.value
            }
            Err(_) if self.sasl && sasl::is_response(&line) => return report.put(sasl::response()),
            Err(error) => {
                let word: Vec<u8> =
                    line.iter().take_while(|byte| byte.is_ascii_alphanumeric()).copied().collect();
                let word = String::from_utf8_lossy(&word).to_ascii_uppercase();
                let is_known =
                    ["EHLO", "HELO", "MAIL", "RCPT", "BDAT", "DATA", "VRFY"].contains(&word.as_str());
                entry.secret = self.sasl || !is_known;
                entry.kind = (is_known || word == "AUTH").then_some(word);
                entry.error(None, &error, 0);
                return report.put(entry);
            }
        };
        entry.kind = Some(command.name().to_owned());
        smtp::command(&command, entry.facts());
        self.sasl = matches!(command, Command::Auth { .. });
        match command {
            // The server took it, or what follows couldn't be told from commands.
            Command::Data => self.reader.expect_data(),
            Command::Bdat { size, .. } => self.reader.expect_chunk(size),
            _ => return report.put(entry),
        }
        self.open = Some((entry, Kept::default()));
        Ok(())
    }
}

impl Stream for Commands {
    fn feed(&mut self, bytes: &[u8], report: &mut Report<'_>) -> io::Result<Flow> {
        self.fed += bytes.len() as u64;
        self.reader.buffer().extend_from_slice(bytes);
        loop {
            if self.open.is_none() {
                self.start = self.fed - self.reader.buffered() as u64;
            }
            match self.reader.next_event() {
                Ok(None) => return Ok(Flow::On),
                Ok(Some(Event::Line(line))) => self.line(line, report)?,
                Ok(Some(Event::Chunk(bytes))) => {
                    if let Some((_, message)) = &mut self.open {
                        message.push(&bytes);
                    }
                }
                Ok(Some(Event::End { lone_line_break })) => {
                    if let Some((mut entry, message)) = self.open.take() {
                        let is_bdat = entry.kind.as_deref() == Some("BDAT");
                        smtp::body(message.content(), (!is_bdat).then_some(lone_line_break), entry.facts());
                        report.put(entry)?;
                    }
                }
                Ok(Some(_)) => {}
                Err(error) => {
                    let (mut entry, _) = self.open.take().unwrap_or_default();
                    entry.secret = true;
                    entry.exceeds(self.fed - self.start, &error, b"");
                    report.put(entry)?;
                    return Ok(Flow::Over);
                }
            }
        }
    }

    fn end(&mut self, report: &mut Report<'_>) -> io::Result<()> {
        if self.open.is_none() && self.reader.buffered() == 0 {
            return Ok(());
        }
        let (mut entry, message) = self.open.take().unwrap_or_default();
        if entry.value.is_some() {
            smtp::body(message.content(), None, entry.facts());
        }
        entry.cut(self.fed - self.start);
        report.put(entry)
    }
}
