//! Answers of a POP3 server.

use std::{collections::VecDeque, io};

use bytes::Bytes;
use mail_facts::pop3;
use mail_proto::{
    ParseError, Quirk,
    pop3::{AnswerForm, Event, Framer, Limits, ParseOptions, Reply},
};

use super::{
    Flow, Stream,
    kept::Kept,
    report::{Entry, Report},
};

const LIMITS: Limits = Limits { line: 1 << 20, answer: u64::MAX };

/// The commands that are still to be answered, in order.
#[derive(Debug, Default)]
pub(super) struct Commands(VecDeque<String>);

impl Commands {
    pub(super) fn new(commands: &[String]) -> Self {
        Self(commands.iter().cloned().collect())
    }

    /// Says of the first command that has no answer that it has none.
    pub(super) fn unanswered(&self, report: &mut Report<'_>) -> io::Result<()> {
        let Some(command) = self.0.front() else { return Ok(()) };
        let mut entry = Entry::answering(Some(command.clone()));
        entry.cut(0);
        report.put(entry)
    }
}

pub(super) struct Answers<'c> {
    framer: Framer,
    options: ParseOptions,
    commands: &'c mut Commands,
    /// Bytes of the stream.
    fed: u64,
    /// Where the current answer begins in it.
    start: u64,
    open: Option<Open>,
}

/// An answer of several lines.
struct Open {
    entry: Entry,
    answer: pop3::Answer,
    message: Option<Kept>,
}

impl<'c> Answers<'c> {
    pub(super) fn new(strict: bool, commands: &'c mut Commands) -> Self {
        let options = if strict { ParseOptions::STRICT } else { ParseOptions::default() };
        Self { framer: Framer::new(LIMITS), options, commands, fed: 0, start: 0, open: None }
    }

    /// How much of the stream was looked at.
    fn at(&self) -> u64 {
        self.fed - self.framer.buffered() as u64
    }

    fn status(&mut self, line: Bytes, report: &mut Report<'_>) -> io::Result<()> {
        let asked = self.commands.0.pop_front();
        let mut entry = Entry::answering(asked.clone());
        let len = line.len();
        let ends = len - without_end(&line).len();
        let reply = match Reply::parse(line, self.options) {
            Ok(parsed) => {
                entry.quirks(&parsed.quirks, 0);
                parsed.value
            }
            Err(error) => {
                entry.error(None, &error, 0);
                return report.put(entry);
            }
        };
        entry.kind = Some(pop3::kind(&reply).to_owned());
        let asked = asked.unwrap_or_default();
        let mut answer = pop3::Answer::new(&asked, &reply, self.options);
        let text_at = (len - ends - reply.text.len()) as u64;
        note(&mut entry, &asked, answer.status(&reply), text_at);
        let form = if reply.is_ok() { pop3::form(&asked) } else { AnswerForm::Nothing };
        let mut open = Open { entry, answer, message: None };
        match form {
            AnswerForm::Nothing => return report.put(open.into_entry()),
            AnswerForm::Message => open.message = Some(Kept::default()),
            AnswerForm::Lines => {}
        }
        self.framer.expect(form);
        self.open = Some(open);
        Ok(())
    }
}

impl Open {
    fn into_entry(self) -> Entry {
        let mut entry = self.entry;
        entry.value = Some(self.answer.into_facts(self.message.as_ref().map(Kept::content)));
        entry
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn note(entry: &mut Entry, item: &str, read: Result<Vec<Quirk>, ParseError>, base: u64) {
    match read {
        Ok(quirks) => entry.quirks(&quirks, base),
        Err(error) => entry.error(Some(item), &error, base),
    }
}

impl Stream for Answers<'_> {
    fn feed(&mut self, bytes: &[u8], report: &mut Report<'_>) -> io::Result<Flow> {
        self.fed += bytes.len() as u64;
        self.framer.buffer().extend_from_slice(bytes);
        loop {
            let before = self.at();
            if self.open.is_none() {
                self.start = before;
            }
            let event = match self.framer.next_event() {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(Flow::On),
                Err(error) => {
                    let mut entry = self.open.take().map_or_else(Entry::default, Open::into_entry);
                    entry.exceeds(before - self.start, &error, self.framer.buffer());
                    report.put(entry)?;
                    return Ok(Flow::Over);
                }
            };
            // A dot that was taken off stood before the line.
            let after = self.at();
            match (event, &mut self.open) {
                (Event::Status(line), _) => self.status(line, report)?,
                (Event::Line(line), Some(open)) => {
                    let base = after - line.len() as u64 - self.start;
                    let item = format!("{} line", open.entry.command.as_deref().unwrap_or_default());
                    note(&mut open.entry, &item, open.answer.line(&line), base);
                }
                (Event::Chunk(bytes), Some(Open { message: Some(message), .. })) => message.push(&bytes),
                (Event::End, open) => {
                    if let Some(open) = open.take() {
                        report.put(open.into_entry())?;
                    }
                }
                _ => {}
            }
        }
    }

    fn end(&mut self, report: &mut Report<'_>) -> io::Result<()> {
        if self.open.is_none() && self.framer.is_at_status() {
            return Ok(());
        }
        let offset = self.fed - self.start;
        let mut entry = match self.open.take() {
            Some(open) => open.into_entry(),
            None => Entry::answering(self.commands.0.pop_front()),
        };
        entry.cut(offset);
        report.put(entry)
    }
}
