//! Reading a response: dispatch on its first bytes, the most frequent ones ahead of all others.
//!
//! A response is a large value, and moving it costs as much as reading a short line. So what reads one makes the
//! result itself, in the place where the caller wants it, from the small values of its parts.

use bytes::Bytes;
use nom::Err;

use super::{ParseOptions, Parsed, Response, Untagged};
use crate::{
    error::{ParseError, QuirkKind},
    frame::{LentSegment, Segment},
    imap::{
        acl::{Acl, ListRights, MyRights},
        capability::Capabilities,
        esearch::ESearch,
        fetch, flags, id,
        list::List,
        mailbox_status::MailboxStatus,
        metadata::Metadata,
        namespace::Namespaces,
        quota::{Quota, QuotaRoot},
        search::Search,
        status_line::{Status, StatusKind, kind},
        terminals::{
            Context, Fail, LONGEST_WORD, Parsing, end, in_capitals, line, number, skip_spaces, spaces, string,
        },
        thread::Threads,
        uid_batches::UidBatches,
        vanished::Vanished,
    },
};

/// Reads responses from the segments of a [`Framer`](crate::frame::Framer), those with streamed literals included.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    options: ParseOptions,
    /// How a FETCH goes on behind a streamed literal.
    open: Option<fetch::Start>,
    room: fetch::Room,
}

type Answer = Result<Parsed<Response>, ParseError>;

/// What a parser read, or the end of the reading.
macro_rules! read {
    ($cx:ident, $parsed:expr) => {
        match $parsed {
            Ok(found) => found,
            Err(error) => return Err($cx.error(&error)),
        }
    };
}

/// Where the bytes of a segment lie.
trait Source {
    fn context(&self, strict: bool) -> Context<'_>;

    /// The bytes with memory of their own.
    fn take(self) -> Bytes;
}

impl Source for Bytes {
    fn context(&self, strict: bool) -> Context<'_> {
        Context::new(self, strict)
    }

    fn take(self) -> Bytes {
        self
    }
}

impl Source for LentSegment<'_> {
    fn context(&self, strict: bool) -> Context<'_> {
        Context::lent(self.bytes(), strict)
    }

    fn take(self) -> Bytes {
        self.take().bytes
    }
}

impl Reader {
    /// A reader at the start of a stream.
    pub fn new(options: ParseOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Reads a segment. A FETCH with a streamed body comes in several values, whose [`streamed`](fetch::Fetch::streamed)
    /// says that the body's chunks follow, and whose [`continues`](fetch::Fetch::continues) that it goes on.
    ///
    /// # Errors
    /// It can't be read. The chunks of a streamed literal that follows belong to nothing.
    pub fn segment(&mut self, segment: Segment) -> Result<Parsed<Response>, ParseError> {
        self.read(segment.bytes, segment.continues, segment.streamed)
    }

    /// Reads a segment where it lies in the read buffer: by far the quickest for short responses. See
    /// [`segment`](Self::segment).
    ///
    /// # Errors
    /// As [`segment`](Self::segment).
    pub fn lent(&mut self, segment: LentSegment<'_>) -> Result<Parsed<Response>, ParseError> {
        if segment.bytes().len() > Context::COPIED && !is_numbered(segment.bytes()) {
            return self.segment(segment.take());
        }
        let (continues, streamed) = (segment.continues(), segment.streamed());
        self.read(segment, continues, streamed)
    }

    #[inline(always)]
    fn read(&mut self, source: impl Source, continues: bool, streamed: Option<u64>) -> Answer {
        let mut cx = source.context(self.options.strict);
        let frame = cx.frame;
        let before = self.open.take();
        let (start, items) = if continues {
            match before {
                Some(start) => (start, frame),
                None => return Err(ParseError::at(frame, 0, "a FETCH to go on with")),
            }
        } else {
            match plain_number(frame) {
                Some((seq, [b' ', b'F', b'E', b'T', b'C', b'H', b' ', items @ ..]))
                    if items.first() == Some(&b'(') && frame.ends_with(b"\n") =>
                {
                    (fetch::Start::of(seq), items)
                }
                Some((number, b" EXISTS\r\n")) => return untagged(Untagged::Exists(number), &mut cx),
                Some((number, b" EXPUNGE\r\n")) => return untagged(Untagged::Expunge(number), &mut cx),
                Some((number, b" RECENT\r\n")) => return untagged(Untagged::Recent(number), &mut cx),
                _ if is_fetch(frame) => read!(cx, fetch_start(frame, &mut cx)),
                _ if streamed.is_some() => return beheaded(&mut cx),
                _ => return response(&mut cx),
            }
        };
        let mut message = fetch::Message::new(start, streamed, &mut self.room);
        read!(cx, message.read(items, &mut cx));
        let quirks = cx.into_quirks();
        self.open = streamed.map(|_| message.goes_on());
        // The frame is moved there, since sharing it would cost as much as reading a small response.
        let fetch = message.into_fetch(source.take());
        Ok(Parsed { value: Response::Untagged(Untagged::Fetch(fetch)), quirks })
    }
}

/// Whether a number stands behind the star, so that nothing of the frame is kept but by a [`Fetch`], which keeps it
/// whole.
fn is_numbered(frame: &[u8]) -> bool {
    frame.get(2).is_some_and(u8::is_ascii_digit)
}

/// The number behind the star, and what follows it.
#[inline(always)]
fn plain_number(frame: &[u8]) -> Option<(u32, &[u8])> {
    let [b'*', b' ', rest @ ..] = frame else { return None };
    number(rest).ok().map(|(rest, number)| (number, rest))
}

/// Whether a response is a FETCH in any form.
#[inline]
fn is_fetch(frame: &[u8]) -> bool {
    if !matches!(frame, [b'*', b' ' | b'\t' | b'0'..=b'9', b' ' | b'\t' | b'0'..=b'9', ..]) {
        return false;
    }
    let rest = skip_spaces(&frame[1..]);
    if !rest.first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let word = skip_spaces(&rest[digits..]);
    let len = word.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    matches!(len, 5 | 8) && fetch_word(&word[..len]).is_some()
}

/// How a FETCH begins: with a sequence number, or with a UID.
fn fetch_word(word: &[u8]) -> Option<fn(u32) -> fetch::Start> {
    if word.eq_ignore_ascii_case(b"FETCH") {
        Some(fetch::Start::of)
    } else {
        word.eq_ignore_ascii_case(b"UIDFETCH").then_some(fetch::Start::by_uid)
    }
}

/// `"*" SP nz-number SP ("FETCH" / "UIDFETCH") SP msg-att`, up to the items.
#[cold]
fn fetch_start<'a>(frame: &'a [u8], cx: &mut Context<'a>) -> Result<(fetch::Start, &'a [u8]), Err<Fail<'a>>> {
    ends_with_line(frame)?;
    let (rest, ()) = spaces(&frame[1..], cx)?;
    let (rest, value) = number(rest)?;
    let (rest, ()) = spaces(rest, cx)?;
    let len = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (word, behind) = rest.split_at(len);
    let Some(start) = fetch_word(word) else {
        return Err(Err::Error(Fail { at: rest, expected: "FETCH" }));
    };
    let items = match behind.first() {
        Some(b'(') => {
            cx.quirk(behind, QuirkKind::MissingSpace)?;
            behind
        }
        _ => spaces(behind, cx)?.0,
    };
    Ok((start(value), items))
}

fn ends_with_line(frame: &[u8]) -> Result<(), Err<Fail<'_>>> {
    if frame.ends_with(b"\n") {
        return Ok(());
    }
    Err(Err::Error(Fail { at: &frame[frame.len()..], expected: "CRLF" }))
}

/// What is no FETCH and has a literal that is streamed: what stands before the literal isn't the response.
#[cold]
fn beheaded<'a>(cx: &mut Context<'a>) -> Answer {
    let frame = cx.frame;
    response(cx)?;
    Err(ParseError::at(frame, frame.len(), "a literal small enough to be kept"))
}

/// Any response but a FETCH. Each kind is made where it is returned: a value that is made in one of several places and
/// then returned is moved, which takes longer than reading most of these lines.
fn response<'a>(cx: &mut Context<'a>) -> Answer {
    let frame = cx.frame;
    read!(cx, ends_with_line(frame));
    match frame {
        [b'*', b' ', b'0'..=b'9', ..] => numbered(&frame[2..], cx),
        [b'*', b' ', b'O', b'K', b' ', ..] => status(StatusKind::Ok, &frame[4..], cx),
        [b'*', b' ', b'L', b'I', b'S', b'T', b' ', b'(', ..] => list(&frame[7..], cx),
        [b'*', b' ', b'S', b'T', b'A', b'T', b'U', b'S', b' ', b'"' | b'a'..=b'z' | b'A'..=b'Z', ..] => {
            mailbox_status(&frame[9..], cx)
        }
        [b'*', ..] => {
            let (rest, ()) = read!(cx, spaces(&frame[1..], cx));
            match rest.first() {
                Some(b'0'..=b'9') => numbered(rest, cx),
                _ => {
                    let data = read!(cx, keyword(rest, cx));
                    untagged(data, cx)
                }
            }
        }
        [b'+', rest @ ..] => {
            let text = line(rest);
            let text = cx.keep(text.strip_prefix(b" ").unwrap_or(text));
            Ok(Parsed { value: Response::Continue { text }, quirks: cx.take_quirks() })
        }
        _ => tagged(cx),
    }
}

#[inline(always)]
fn untagged(data: Untagged, cx: &mut Context<'_>) -> Answer {
    Ok(Parsed { value: Response::Untagged(data), quirks: cx.take_quirks() })
}

/// `tag SP resp-cond-state`
fn tagged<'a>(cx: &mut Context<'a>) -> Answer {
    let frame = cx.frame;
    let tag = frame.iter().position(|byte| *byte == b' ').unwrap_or(0);
    if tag == 0 {
        return Err(ParseError::at(frame, 0, "\"*\", \"+\" or a tag"));
    }
    let (rest, ()) = read!(cx, spaces(&frame[tag..], cx));
    let (rest, kind) = read!(cx, kind(rest));
    let mut code = None;
    let text = read!(cx, Status::parse(rest, &mut code, cx));
    let status = Status { kind, code, text: cx.keep(text) };
    Ok(Parsed { value: Response::Tagged { tag: cx.keep(&frame[..tag]), status }, quirks: cx.take_quirks() })
}

fn status<'a>(kind: StatusKind, rest: &'a [u8], cx: &mut Context<'a>) -> Answer {
    let mut code = None;
    let text = read!(cx, Status::parse(rest, &mut code, cx));
    untagged(Untagged::Status(Status { kind, code, text: cx.keep(text) }), cx)
}

fn list<'a>(rest: &'a [u8], cx: &mut Context<'a>) -> Answer {
    let (rest, list) = read!(cx, List::parse(rest, cx));
    read!(cx, end(rest, cx));
    untagged(Untagged::List(list), cx)
}

fn mailbox_status<'a>(rest: &'a [u8], cx: &mut Context<'a>) -> Answer {
    let (rest, status) = read!(cx, MailboxStatus::parse(rest, cx));
    read!(cx, end(rest, cx));
    untagged(Untagged::MailboxStatus(status), cx)
}

/// `number SP ("EXISTS" / "RECENT" / "EXPUNGE")`
fn numbered<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Answer {
    let (behind, value) = read!(cx, number(input));
    let (rest, ()) = read!(cx, spaces(behind, cx));
    let len = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let (word, behind) = rest.split_at(len);
    let is = |known: &[u8]| word.eq_ignore_ascii_case(known);
    let data = match len {
        6 if is(b"EXISTS") => Untagged::Exists(value),
        6 if is(b"RECENT") => Untagged::Recent(value),
        7 if is(b"EXPUNGE") => Untagged::Expunge(value),
        0 => return Err(ParseError::at(cx.frame, cx.offset(rest), "EXISTS, EXPUNGE or FETCH")),
        _ => return untagged(unknown(word, cx), cx),
    };
    read!(cx, end(behind, cx));
    untagged(data, cx)
}

/// `response-data` that begins with a keyword.
fn keyword<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Result<Untagged, Err<Fail<'a>>> {
    let ends = |byte: &u8| matches!(byte, b' ' | b'\r' | b'\n' | b'[' | b'(');
    let len = input.iter().position(ends).unwrap_or(input.len());
    let (word, rest) = input.split_at(len);
    let mut capitals = [0; LONGEST_WORD];
    let (rest, value) = match in_capitals(word, &mut capitals) {
        b"OK" | b"NO" | b"BAD" | b"BYE" | b"PREAUTH" => {
            let (rest, kind) = kind(input)?;
            let mut code = None;
            let text = Status::parse(rest, &mut code, cx)?;
            return Ok(Untagged::Status(Status { kind, code, text: cx.keep(text) }));
        }
        b"CAPABILITY" => map(Capabilities::parse(rest, cx), Untagged::Capability)?,
        b"ENABLED" => map(Capabilities::parse(rest, cx), Untagged::Enabled)?,
        b"FLAGS" => map(flags::parse_list(spaces(rest, cx)?.0, cx), Untagged::Flags)?,
        b"LIST" => map(List::parse(spaces(rest, cx)?.0, cx), Untagged::List)?,
        b"LSUB" => map(List::parse(spaces(rest, cx)?.0, cx), Untagged::Lsub)?,
        b"STATUS" => map(MailboxStatus::parse(spaces(rest, cx)?.0, cx), Untagged::MailboxStatus)?,
        b"XLIST" => map(List::parse(spaces(rest, cx)?.0, cx), Untagged::XList)?,
        b"NAMESPACE" => map(Namespaces::parse(rest, cx), Untagged::Namespace)?,
        b"SEARCH" => map(Search::parse(rest, cx), Untagged::Search)?,
        b"ESEARCH" => map(ESearch::parse(rest, cx), |found| Untagged::ESearch(Box::new(found)))?,
        b"SORT" => map(Search::parse(rest, cx), Untagged::Sort)?,
        b"THREAD" => map(Threads::parse(rest, cx), Untagged::Thread)?,
        b"VANISHED" => map(Vanished::parse(rest, cx), Untagged::Vanished)?,
        b"ID" => map(id::parse(spaces(rest, cx)?.0, cx), Untagged::Id)?,
        b"QUOTA" => map(Quota::parse(spaces(rest, cx)?.0, cx), Untagged::Quota)?,
        b"QUOTAROOT" => map(QuotaRoot::parse(spaces(rest, cx)?.0, cx), Untagged::QuotaRoot)?,
        b"ACL" => map(Acl::parse(spaces(rest, cx)?.0, cx), Untagged::Acl)?,
        b"LISTRIGHTS" => map(ListRights::parse(spaces(rest, cx)?.0, cx), Untagged::ListRights)?,
        b"MYRIGHTS" => map(MyRights::parse(spaces(rest, cx)?.0, cx), Untagged::MyRights)?,
        b"METADATA" => map(Metadata::parse(spaces(rest, cx)?.0, cx), Untagged::Metadata)?,
        b"UIDBATCHES" => map(UidBatches::parse(rest, cx), Untagged::UidBatches)?,
        b"JMAPACCESS" => {
            let (rest, url) = string(spaces(rest, cx)?.0, cx)?;
            (rest, Untagged::JmapAccess(cx.bytes(url)))
        }
        // A response code without its OK, as some servers send COPYUID.
        b"" if rest.first() == Some(&b'[') => {
            cx.quirk(rest, QuirkKind::MissingText)?;
            let name =
                rest[1..].iter().take_while(|byte| !matches!(byte, b' ' | b']' | b'\r' | b'\n')).count();
            return Ok(unknown(&rest[1..=name], cx));
        }
        b"" => return Err(Err::Error(Fail { at: input, expected: "a response" })),
        _ => return Ok(unknown(word, cx)),
    };
    end(rest, cx)?;
    Ok(value)
}

fn map<'a, T>(parsed: Parsing<'a, T>, value: impl Fn(T) -> Untagged) -> Parsing<'a, Untagged> {
    parsed.map(|(rest, parsed)| (rest, value(parsed)))
}

fn unknown(keyword: &[u8], cx: &Context<'_>) -> Untagged {
    Untagged::Unknown { keyword: cx.keep(keyword), raw: cx.keep(line(cx.frame)) }
}
