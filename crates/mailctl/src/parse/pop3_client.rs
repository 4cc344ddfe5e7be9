//! Commands of a POP3 client.

use std::io;

use bytes::Bytes;
use mail_facts::pop3;
use mail_proto::pop3::{Command, CommandReader, ParseOptions};

use super::{
    Flow, Stream,
    report::{Entry, Report},
    sasl,
};

/// Bytes of the longest line. RFC 2449 has 255; base64 is longer.
const LONGEST: usize = 1 << 20;

pub(super) struct Commands {
    reader: CommandReader,
    options: ParseOptions,
    /// A SASL exchange may go on.
    sasl: bool,
}

impl Commands {
    pub(super) fn new(strict: bool) -> Self {
        let options = if strict { ParseOptions::STRICT } else { ParseOptions::default() };
        Self { reader: CommandReader::new(LONGEST), options, sasl: false }
    }

    fn line(&mut self, line: Bytes) -> Entry {
        let mut entry = Entry::default();
        match Command::parse_with(line.clone(), self.options) {
            Ok(parsed) => {
                entry.quirks(&parsed.quirks, 0);
                entry.kind = Some(parsed.value.name().to_owned());
                pop3::command(&parsed.value, entry.facts());
                self.sasl = matches!(parsed.value, Command::Auth { .. });
            }
            Err(_) if self.sasl && sasl::is_response(&line) => return sasl::response(),
            Err(error) => {
                // A password is a word among others to whoever has lost count of the lines.
                entry.secret = self.sasl || !begins_with_command(&line);
                entry.kind = begins_with_command(&line).then(|| word(&line));
                entry.error(None, &error, 0);
            }
        }
        entry
    }
}

fn word(line: &[u8]) -> String {
    let len = line.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    String::from_utf8_lossy(&line[..len]).to_ascii_uppercase()
}

/// Whether the line begins with a command whose arguments are no secret.
fn begins_with_command(line: &[u8]) -> bool {
    [
        "USER", "STLS", "CAPA", "UTF8", "LANG", "STAT", "LIST", "UIDL", "RETR", "TOP", "DELE", "NOOP",
        "RSET", "QUIT",
    ]
    .contains(&word(line).as_str())
}

impl Stream for Commands {
    fn feed(&mut self, bytes: &[u8], report: &mut Report<'_>) -> io::Result<Flow> {
        self.reader.buffer().extend_from_slice(bytes);
        loop {
            match self.reader.next_line() {
                Ok(Some(line)) => {
                    let entry = self.line(line);
                    report.put(entry)?;
                }
                Ok(None) => return Ok(Flow::On),
                Err(error) => {
                    let mut entry = Entry::secret();
                    entry.exceeds(0, &error, b"");
                    report.put(entry)?;
                    return Ok(Flow::Over);
                }
            }
        }
    }

    fn end(&mut self, report: &mut Report<'_>) -> io::Result<()> {
        let rest = self.reader.buffer();
        if rest.is_empty() {
            return Ok(());
        }
        let mut entry = Entry::default();
        entry.kind = begins_with_command(rest).then(|| word(rest));
        entry.cut(rest.len() as u64);
        report.put(entry)
    }
}
