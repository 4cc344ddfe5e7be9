//! Replies of an SMTP server.

use std::io;

use mail_facts::smtp;
use mail_proto::smtp::{Limits, ParseOptions, ReadError, ReplyReader};

use super::{
    Flow, Stream,
    report::{Entry, Report},
};

const LIMITS: Limits = Limits { line: 1 << 20, lines: 100_000 };

pub(super) struct Replies {
    reader: ReplyReader,
    /// Bytes of the stream behind the reply before.
    since: u64,
}

impl Replies {
    pub(super) fn new(strict: bool) -> Self {
        let options = if strict { ParseOptions::STRICT } else { ParseOptions::default() };
        Self { reader: ReplyReader::new(LIMITS, options), since: 0 }
    }
}

impl Stream for Replies {
    fn feed(&mut self, bytes: &[u8], report: &mut Report<'_>) -> io::Result<Flow> {
        self.since += bytes.len() as u64;
        self.reader.buffer().extend_from_slice(bytes);
        loop {
            let mut entry = Entry::default();
            match self.reader.next_reply() {
                Ok(None) => return Ok(Flow::On),
                Ok(Some(parsed)) => {
                    entry.kind = Some(smtp::kind(&parsed.value));
                    entry.quirks(&parsed.quirks, 0);
                    smtp::reply(&parsed.value, entry.facts());
                    report.put(entry)?;
                }
                Err(ReadError::Parse(error)) => {
                    entry.error(None, &error, 0);
                    report.put(entry)?;
                }
                Err(ReadError::Frame(error)) => {
                    entry.exceeds(0, &error, self.reader.buffer());
                    report.put(entry)?;
                    return Ok(Flow::Over);
                }
                Err(_) => return Ok(Flow::Over),
            }
            self.since = self.reader.buffer().len() as u64;
        }
    }

    fn end(&mut self, report: &mut Report<'_>) -> io::Result<()> {
        if self.reader.is_at_reply() {
            return Ok(());
        }
        let mut entry = Entry::default();
        entry.cut(self.since);
        report.put(entry)
    }
}
