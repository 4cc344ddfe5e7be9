//! Commands of an IMAP client.

use std::io;

use mail_facts::{Content, imap};
use mail_proto::{
    frame::{Event, Framer, Segment},
    imap::{
        AppendForm, AppendMessage, CatenatePart, Command,
        command::{TaggedCommand, tag_of},
        response::ParseOptions,
    },
};

use super::{
    Flow, Stream,
    imap::LIMITS,
    report::{Entry, Report},
    sasl,
};

pub(super) struct Commands {
    framer: Framer,
    options: ParseOptions,
    open: Open,
    /// What may stand between commands.
    between: Between,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    Nothing,
    /// The end of IDLE.
    Done,
    /// Responses of a SASL exchange.
    Sasl,
}

/// A command that is being read.
#[derive(Default)]
struct Open {
    entry: Entry,
    /// Its bytes so far.
    len: u64,
    /// The form of the message whose literal streams.
    form: Option<AppendForm>,
}

impl Commands {
    pub(super) fn new(strict: bool) -> Self {
        let options = if strict { ParseOptions::STRICT } else { ParseOptions::default() };
        let framer = Framer::commands(LIMITS);
        Self { framer, options, open: Open::default(), between: Between::Nothing }
    }

    fn segment(&mut self, segment: Segment, report: &mut Report<'_>) -> io::Result<()> {
        let line = segment.bytes.trim_ascii_end();
        match self.between {
            Between::Done if line.eq_ignore_ascii_case(b"DONE") => {
                self.between = Between::Nothing;
                return report.put(Entry::of("DONE"));
            }
            // A command has a space in it.
            Between::Sasl if !segment.continues && sasl::is_response(line) => {
                return report.put(sasl::response());
            }
            _ => {}
        }
        if segment.continues {
            self.more(&segment)
        } else {
            self.command(&segment)
        }
        self.open.len += segment.bytes.len() as u64;
        match segment.streamed {
            Some(_) => Ok(()),
            None => report.put(std::mem::take(&mut self.open).entry),
        }
    }

    fn command(&mut self, segment: &Segment) {
        let open = &mut self.open;
        let parsed = match TaggedCommand::parse(segment.bytes.clone(), self.options) {
            Ok(parsed) => parsed,
            Err(error) => {
                unread(&segment.bytes, &mut open.entry, self.between == Between::Sasl);
                open.entry.error(None, &error, 0);
                return;
            }
        };
        open.entry.quirks(&parsed.quirks, 0);
        let TaggedCommand { tag, command, uploads } = parsed.value;
        open.entry.kind = Some(command.name().to_owned());
        open.entry.tag = std::str::from_utf8(&tag).ok().map(str::to_owned);
        let streamed = segment.streamed.map(Content::Length);
        let facts = open.entry.facts();
        imap::command(&command, facts);
        let messages = match &command {
            Command::Append { messages, .. } => messages.as_slice(),
            Command::Replace { message, .. } => std::slice::from_ref(message),
            _ => &[],
        };
        imap::messages(messages, &uploads, streamed, facts);
        open.form = messages.last().map(|message| message.form);
        self.between = match command {
            Command::Idle => Between::Done,
            Command::Authenticate { .. } => Between::Sasl,
            _ => Between::Nothing,
        };
    }

    /// What stands behind a streamed literal.
    fn more(&mut self, segment: &Segment) {
        let open = &mut self.open;
        // Of a command that couldn't be read.
        let Some(form) = open.form else { return };
        match AppendMessage::parse_more(segment.bytes.clone(), form, self.options) {
            Ok(parsed) => {
                open.entry.quirks(&parsed.quirks, open.len);
                let more = parsed.value;
                let streamed = segment.streamed.map(Content::Length);
                // The pieces of the message before come first, and so do their texts.
                let texts =
                    more.parts.iter().filter(|part| matches!(part, CatenatePart::Text { .. })).count();
                let (first, others) = more.uploads.split_at(texts.min(more.uploads.len()));
                let facts = open.entry.facts();
                imap::more_parts(&more.parts, first, streamed.filter(|_| more.messages.is_empty()), facts);
                imap::messages(&more.messages, others, streamed, facts);
                open.form = more.messages.last().map_or(open.form, |message| Some(message.form));
            }
            Err(error) => {
                open.entry.error(None, &error, open.len);
                open.form = None;
            }
        }
    }
}

/// What can be told of a command that can't be read.
fn unread(line: &[u8], entry: &mut Entry, may_be_secret: bool) {
    let tag = tag_of(line);
    let rest = line[tag.map_or(0, <[u8]>::len)..].trim_ascii_start();
    let len = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = String::from_utf8_lossy(&rest[..len]).to_ascii_uppercase();
    entry.secret = may_be_secret || tag.is_none() || matches!(word.as_str(), "LOGIN" | "AUTHENTICATE");
    entry.kind = (tag.is_some() && !word.is_empty()).then_some(word);
    entry.tag = tag.and_then(|tag| std::str::from_utf8(tag).ok()).map(str::to_owned);
}

impl Stream for Commands {
    fn feed(&mut self, bytes: &[u8], report: &mut Report<'_>) -> io::Result<Flow> {
        self.framer.buffer().extend_from_slice(bytes);
        loop {
            match self.framer.next_event() {
                Ok(Some(Event::Segment(segment))) => self.segment(segment, report)?,
                Ok(Some(Event::Chunk(bytes))) => self.open.len += bytes.len() as u64,
                // A server asked for it, since it is here.
                Ok(Some(_)) => {}
                Ok(None) => return Ok(Flow::On),
                Err(error) => {
                    let Open { mut entry, len, .. } = std::mem::take(&mut self.open);
                    entry.secret = true;
                    entry.exceeds(len, &error, b"");
                    report.put(entry)?;
                    return Ok(Flow::Over);
                }
            }
        }
    }

    fn end(&mut self, report: &mut Report<'_>) -> io::Result<()> {
        if self.framer.is_at_frame_start() {
            return Ok(());
        }
        let Open { mut entry, len, .. } = std::mem::take(&mut self.open);
        let rest = &self.framer.buffer()[..];
        if len == 0 {
            unread(rest, &mut entry, self.between == Between::Sasl);
        }
        entry.secret = false;
        entry.cut(len + rest.len() as u64);
        report.put(entry)
    }
}
