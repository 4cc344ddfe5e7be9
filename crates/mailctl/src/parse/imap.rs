//! Responses of an IMAP server.

use std::io;

use mail_facts::{Content, imap};
use mail_proto::{
    frame::{Event, Framer, Limits, Segment},
    imap::{
        fetch::Fetch,
        response::{ParseOptions, Reader, Response, Untagged},
    },
};

use super::{
    Flow, LARGEST_SHOWN, Stream,
    report::{Entry, Report},
};

/// Literals that can be shown lie in their response, so that it is read whole.
pub(super) const LIMITS: Limits =
    Limits { kept_literal: LARGEST_SHOWN, frame: 256 << 20, ..Limits::RESPONSES };

pub(super) struct Responses {
    framer: Framer,
    reader: Reader,
    open: Open,
}

/// A response that is being read.
#[derive(Default)]
struct Open {
    entry: Entry,
    /// Its bytes so far.
    len: u64,
    /// What was read before a streamed literal, and that literal's length.
    before: Option<(Response, u64)>,
    /// What goes on couldn't be read.
    lost: bool,
}

impl Responses {
    pub(super) fn new(strict: bool) -> Self {
        let options = if strict { ParseOptions::STRICT } else { ParseOptions::default() };
        Self { framer: Framer::responses(LIMITS), reader: Reader::new(options), open: Open::default() }
    }

    fn segment(&mut self, segment: Segment, report: &mut Report<'_>) -> io::Result<()> {
        let open = &mut self.open;
        open.settle();
        let (bytes, streamed) = (segment.bytes.clone(), segment.streamed);
        if !open.lost {
            match self.reader.segment(segment) {
                Ok(parsed) => {
                    open.entry.kind = Some(imap::kind(&parsed.value));
                    open.entry.quirks(&parsed.quirks, open.len);
                    if let Response::Untagged(Untagged::Fetch(fetch)) = &parsed.value {
                        open.invalid(fetch, &bytes);
                    }
                    if let Response::Tagged { tag, .. } = &parsed.value {
                        open.entry.tag = std::str::from_utf8(tag).ok().map(str::to_owned);
                    }
                    match streamed {
                        Some(len) => open.before = Some((parsed.value, len)),
                        None => imap::response(&parsed.value, None, open.entry.facts()),
                    }
                }
                Err(error) => {
                    if open.len == 0 {
                        (open.entry.tag, open.entry.kind) = words(&bytes);
                    }
                    open.entry.error(None, &error, open.len);
                    open.lost = true;
                }
            }
        }
        open.len += bytes.len() as u64;
        match streamed {
            Some(_) => Ok(()),
            None => report.put(std::mem::take(open).entry),
        }
    }
}

impl Open {
    /// Takes over what stood before a streamed literal.
    fn settle(&mut self) {
        if let Some((response, len)) = self.before.take() {
            imap::response(&response, Some(Content::Length(len)), self.entry.facts());
        }
    }

    fn invalid(&mut self, fetch: &Fetch, frame: &[u8]) {
        for invalid in fetch.invalid() {
            let name = invalid.raw.split(|byte| matches!(byte, b' ' | b'[' | b'(' | b')')).next();
            let name = String::from_utf8_lossy(name.unwrap_or_default()).trim_ascii().to_ascii_uppercase();
            let found = frame.get(invalid.offset..).unwrap_or_default();
            let offset = self.len + invalid.offset as u64;
            self.entry.invalid((!name.is_empty()).then_some(&name), offset, invalid.expected, found);
        }
    }
}

impl Stream for Responses {
    fn feed(&mut self, bytes: &[u8], report: &mut Report<'_>) -> io::Result<Flow> {
        self.framer.buffer().extend_from_slice(bytes);
        loop {
            match self.framer.next_event() {
                Ok(Some(Event::Segment(segment))) => self.segment(segment, report)?,
                Ok(Some(Event::Chunk(bytes))) => self.open.len += bytes.len() as u64,
                Ok(Some(_)) => {}
                Ok(None) => return Ok(Flow::On),
                Err(error) => {
                    self.open.settle();
                    let Open { mut entry, len, .. } = std::mem::take(&mut self.open);
                    let found = &self.framer.buffer()[..];
                    if len == 0 {
                        (entry.tag, entry.kind) = words(found);
                    }
                    entry.exceeds(len, &error, found);
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
        self.open.settle();
        let Open { mut entry, len, .. } = std::mem::take(&mut self.open);
        let rest = &self.framer.buffer()[..];
        if len == 0 {
            (entry.tag, entry.kind) = words(rest);
        }
        entry.cut(len + rest.len() as u64);
        report.put(entry)
    }
}

/// The tag and the keyword of a response that can't be read, as far as they can be told.
fn words(response: &[u8]) -> (Option<String>, Option<String>) {
    let mut words =
        response.split(|byte| matches!(byte, b' ' | b'\r' | b'\n')).filter(|word| !word.is_empty());
    let keyword = |word: &[u8]| {
        let len = word.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        (len > 0).then(|| String::from_utf8_lossy(&word[..len]).to_ascii_uppercase())
    };
    match words.next() {
        Some(b"+") => (None, Some("CONTINUE".to_owned())),
        Some(b"*") => {
            let word = words.next().unwrap_or_default();
            let is_number = word.iter().all(u8::is_ascii_digit);
            (None, if is_number { words.next().and_then(keyword) } else { keyword(word) })
        }
        Some(tag) if tag.iter().all(u8::is_ascii_graphic) => {
            let kind = words.next().and_then(keyword);
            (kind.is_some().then(|| String::from_utf8_lossy(tag).into_owned()), kind)
        }
        _ => (None, None),
    }
}
