//! Reading a case of IMAP: framer and grammar, however the bytes come, with literals kept and with literals streamed.

use bytes::Bytes;
use mail_facts::{Content, Facts, corpus::Case, imap};
use mail_proto::{
    ParseError,
    frame::{FrameError, Framer, Lent, Limits, Segment},
    imap::response::{Parsed, Reader, Response, Untagged},
};

use crate::splits::read_however_split;

/// What came of a stream: its responses, and the limit that ended it.
#[derive(Debug, PartialEq)]
struct Run {
    responses: Vec<Vec<Part>>,
    fatal: Option<FrameError>,
}

/// A segment of a response as it was read, and the streamed literal behind it.
#[derive(Debug, PartialEq)]
struct Part {
    read: Result<Parsed<Response>, ParseError>,
    streamed: Option<Vec<u8>>,
}

const GREETING: &[u8] = b"* OK hello\r\n";
const SENTINEL: &[u8] = b"* 4294967295 EXPUNGE\r\n";

/// What is said of an item in which a streamed literal lies.
const STREAMED: &str = "a literal small enough to be kept";

pub(crate) fn check(case: &Case) -> Result<(), String> {
    let kept = read_however_split(case, SENTINEL, |pieces| run(case, pieces, Limits::RESPONSES))?;
    judge(case, kept, false)?;
    let limits = Limits { kept_literal: 0, ..Limits::RESPONSES };
    let streamed = read_however_split(case, SENTINEL, |pieces| run(case, pieces, limits.clone()))?;
    judge(case, streamed, true).map_err(|reason| format!("with literals streamed: {reason}"))
}

fn run(case: &Case, pieces: &[&[u8]], limits: Limits) -> Run {
    let mut stream = Stream {
        framer: Framer::responses(limits),
        reader: Reader::new(Default::default()),
        owned_reader: Reader::new(Default::default()),
        lost: false,
        run: Run { responses: Vec::new(), fatal: None },
        open: Vec::new(),
    };
    if !case.greeting {
        stream.feed(GREETING);
        stream.run.responses.clear();
    }
    pieces.iter().for_each(|piece| stream.feed(piece));
    stream.run
}

struct Stream {
    framer: Framer,
    reader: Reader,
    owned_reader: Reader,
    /// What goes on is a response that couldn't be read.
    lost: bool,
    run: Run,
    open: Vec<Part>,
}

impl Stream {
    fn feed(&mut self, piece: &[u8]) {
        self.framer.buffer().extend_from_slice(piece);
        loop {
            match self.framer.lend() {
                Ok(Some(Lent::Segment(segment))) => {
                    let ends = segment.streamed().is_none();
                    if !(segment.continues() && self.lost) {
                        let owned = Segment {
                            bytes: Bytes::copy_from_slice(segment.bytes()),
                            continues: segment.continues(),
                            streamed: segment.streamed(),
                        };
                        let read = self.reader.lent(segment);
                        let same = self.owned_reader.segment(owned);
                        assert_eq!(read, same, "it depends on where the bytes lie");
                        self.lost = !ends
                            && !matches!(
                                &read,
                                Ok(Parsed { value: Response::Untagged(Untagged::Fetch(_)), .. })
                            );
                        self.open.push(Part { read, streamed: (!ends).then(Vec::new) });
                    }
                    if ends {
                        self.lost = false;
                        self.run.responses.push(std::mem::take(&mut self.open));
                    }
                }
                Ok(Some(Lent::Chunk(bytes))) => {
                    if let Some(Part { streamed: Some(literal), .. }) = self.open.last_mut() {
                        literal.extend_from_slice(&bytes);
                    }
                }
                Ok(Some(event)) => panic!("{event:?} at a client"),
                Ok(None) => return,
                Err(error) => {
                    self.run.fatal = Some(error);
                    return;
                }
            }
        }
    }
}

fn judge(case: &Case, mut run: Run, streamed: bool) -> Result<(), String> {
    if let Some(error) = run.fatal {
        return if case.reject || case.either { Ok(()) } else { Err(error.to_string()) };
    }
    let sentinel = run.responses.pop().unwrap_or_default();
    match sentinel.as_slice() {
        [
            Part {
                read: Ok(Parsed { value: Response::Untagged(Untagged::Expunge(u32::MAX)), quirks }), ..
            },
        ] if quirks.is_empty() => {}
        other => return Err(format!("what follows was read as {other:?}")),
    }
    let errors = || run.responses.iter().flatten().filter_map(|part| part.read.as_ref().err());
    if case.reject {
        let broken = errors().next().is_some() || run.responses.iter().any(|parts| has_invalid(parts));
        if !broken && !case.either {
            return Err(format!("wasn't rejected: {:?}", run.responses));
        }
        // What is left of a message must be right.
        return match run.responses.first() {
            Some(parts) if !case.facts.is_empty() && parts.iter().all(|part| part.read.is_ok()) => {
                check_facts(case, parts, streamed)
            }
            _ => Ok(()),
        };
    }
    let [parts] = run.responses.as_slice() else {
        return Err(format!("was read as {} responses", run.responses.len()));
    };
    if let Some(error) = errors().next() {
        // A literal that is too large for anything but a FETCH costs its response.
        let too_large = streamed && parts.iter().any(|part| part.streamed.is_some()) && case.kind != "FETCH";
        return if too_large { Ok(()) } else { Err(error.to_string()) };
    }
    check_kind(case, parts)?;
    check_facts(case, parts, streamed)
}

fn check_kind(case: &Case, parts: &[Part]) -> Result<(), String> {
    for part in parts {
        let Ok(parsed) = &part.read else { continue };
        let kind = imap::kind(&parsed.value);
        let unknown = matches!(&parsed.value, Response::Untagged(Untagged::Unknown { .. }));
        let may_be_unknown = case.may_be_unknown() && unknown;
        if kind != case.kind && !may_be_unknown {
            return Err(format!("was read as {kind}, not {}", case.kind));
        }
        if unknown && kind == case.kind && !may_be_unknown {
            return Err(format!("{kind} isn't known"));
        }
    }
    Ok(())
}

fn check_facts(case: &Case, parts: &[Part], streamed: bool) -> Result<(), String> {
    let mut facts = Facts::default();
    for part in parts {
        if let Ok(parsed) = &part.read {
            imap::response(&parsed.value, part.streamed.as_deref().map(Content::Whole), &mut facts);
        }
    }
    let lost: Vec<String> = if streamed { too_large(parts) } else { Vec::new() };
    for (key, expected) in &case.facts {
        // An item in which a streamed literal lies is told as invalid, and nothing of it can be checked.
        let item = item_of(key);
        if item.is_some_and(|item| lost.iter().any(|lost| lost == item)) {
            continue;
        }
        facts.check(key, expected).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The item that a fact is about.
fn item_of(key: &str) -> Option<&'static str> {
    if key.starts_with("env_") {
        return Some("ENVELOPE");
    }
    if key.starts_with("bs_") {
        return Some("BODYSTRUCTURE");
    }
    match key {
        "gm_labels" => Some("X-GM-LABELS"),
        "section" | "section_text" | "section_hex" | "section_origin" => Some("BODY"),
        _ => None,
    }
}

fn has_invalid(parts: &[Part]) -> bool {
    fetches(parts).any(|fetch| fetch.invalid().next().is_some())
}

/// The names of the items that are invalid since a streamed literal lies in them.
fn too_large(parts: &[Part]) -> Vec<String> {
    fetches(parts)
        .flat_map(|fetch| fetch.invalid().filter(|invalid| invalid.expected == STREAMED))
        .map(|invalid| {
            let name = invalid.raw.split(|byte| matches!(byte, b' ' | b'[')).next().unwrap_or_default();
            String::from_utf8_lossy(name).to_ascii_uppercase()
        })
        .collect()
}

fn fetches(parts: &[Part]) -> impl Iterator<Item = &mail_proto::imap::fetch::Fetch> {
    parts.iter().filter_map(|part| match &part.read {
        Ok(Parsed { value: Response::Untagged(Untagged::Fetch(fetch)), .. }) => Some(fetch),
        _ => None,
    })
}
