//! Reading a FETCH response: one pass over the items, each dispatched on its name.

use nom::Err;

use super::{BITS, Fetch, Node, StreamedNode};
use crate::{
    error::QuirkKind,
    imap::{
        date::DateTime,
        flags::Flag,
        terminals::{
            Context, Fail, Parsing, any_value, at_end, byte, end, fail, list, nil, nstring, number64,
            nz_number, sp, spaces, string,
        },
    },
    text::Span,
};

/// `"FETCH" SP msg-att`, behind the word, or what goes on behind a streamed literal.
pub(crate) fn parse_message<'a>(
    seq: u32,
    continues: bool,
    input: &'a [u8],
    streamed: Option<u64>,
    cx: &mut Context<'a>,
) -> Result<Fetch, Err<Fail<'a>>> {
    let mut message = Message {
        streamed,
        fetch: Fetch {
            seq,
            continues,
            frame: cx.frame.clone(),
            nodes: Vec::with_capacity(4),
            keywords: Vec::new(),
            streamed: None,
        },
    };
    let rest = if continues { input } else { byte(b'(', "\"(\"")(input)?.0 };
    message.items(rest, cx)?;
    Ok(message.fetch)
}

struct Message {
    /// The length of the literal that follows this segment as a stream.
    streamed: Option<u64>,
    fetch: Fetch,
}

impl Message {
    /// `msg-att = "(" msg-att-item *(SP msg-att-item) ")"`, behind the parenthesis.
    fn items<'a>(&mut self, mut input: &'a [u8], cx: &mut Context<'a>) -> Result<(), Err<Fail<'a>>> {
        loop {
            match input {
                [b')', rest @ ..] if at_end(rest) => return Ok(()),
                [b')', rest @ ..] => {
                    if at_end(rest.trim_ascii_start()) {
                        end(rest, cx)?;
                    } else {
                        cx.quirk(rest, QuirkKind::TrailingBytes)?;
                        self.invalid(rest, &[], "CRLF", rest, cx);
                    }
                    return Ok(());
                }
                [b' ', next, ..] if *next != b' ' => input = &input[1..],
                [b' ' | b'\t', ..] => {
                    cx.quirk(input, QuirkKind::ExtraSpace)?;
                    input = input.trim_ascii_start();
                }
                rest if at_end(rest) => {
                    if self.fetch.streamed.is_none() {
                        cx.quirk(rest, QuirkKind::UnclosedList)?;
                    }
                    return Ok(());
                }
                _ => {}
            }
            if at_end(input) || input.first() == Some(&b')') {
                continue;
            }
            let item = input;
            input = match self.item(item, cx) {
                Ok((rest, ())) => rest,
                // In strict mode an unreadable item is an error of the whole response.
                Err(error) if cx.is_strict() => return Err(error),
                Err(error) => self.salvage(item, &error, cx),
            };
            if self.fetch.streamed.is_some() {
                return Ok(());
            }
        }
    }

    fn item<'a>(&mut self, input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, ()> {
        let len = input
            .iter()
            .position(|byte| matches!(byte, b' ' | b'[' | b'(' | b')' | b'\r' | b'\n'))
            .unwrap_or(input.len());
        let (name, rest) = input.split_at(len);
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match name.len() {
            3 if is(b"UID") => {
                let (rest, uid) = nz_number(spaces(rest, cx)?.0)?;
                let (rest, ()) = value_ends(rest)?;
                self.fetch.nodes.push(Node::Uid(uid));
                Ok((rest, ()))
            }
            5 if is(b"FLAGS") => self.flags(spaces(rest, cx)?.0, cx),
            6 if is(b"MODSEQ") => {
                let (rest, ()) = spaces(rest, cx)?;
                let (rest, number) = match rest.strip_prefix(b"(") {
                    Some(open) => {
                        let (rest, number) = number64(open)?;
                        (byte(b')', "\")\"")(rest)?.0, number)
                    }
                    None => return fail(rest, "\"(\""),
                };
                self.fetch.nodes.push(Node::ModSeq(number));
                Ok((rest, ()))
            }
            11 if is(b"RFC822.SIZE") => {
                let (rest, size) = number64(spaces(rest, cx)?.0)?;
                let (rest, ()) = value_ends(rest)?;
                self.fetch.nodes.push(Node::Size(size));
                Ok((rest, ()))
            }
            12 if is(b"INTERNALDATE") => {
                let (rest, ()) = spaces(rest, cx)?;
                let (behind, text) = string(rest, cx)?;
                if DateTime::parse(&text.of(cx.frame).to_bytes()).is_none() {
                    cx.quirk(rest, QuirkKind::BadDate)?;
                }
                self.fetch.nodes.push(Node::InternalDate(text));
                Ok((behind, ()))
            }
            4 if is(b"BODY") && rest.first() == Some(&b'[') => self.body(rest, cx),
            6 if is(b"RFC822") => self.content(cx.span(input, len), None, rest, cx),
            11 if is(b"RFC822.TEXT") => self.content(cx.span(input, len), None, rest, cx),
            13 if is(b"RFC822.HEADER") => self.content(cx.span(input, len), None, rest, cx),
            0 => fail(input, "a FETCH item"),
            _ => self.unknown(input, len, cx),
        }
    }

    fn flags<'a>(&mut self, input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, ()> {
        let first = self.fetch.keywords.len();
        let mut system = 0;
        let keywords = &mut self.fetch.keywords;
        let (rest, ()) = list(input, cx, |input, cx| {
            let (rest, name) = Flag::parse_name(input, cx)?;
            match Flag::system(name).and_then(|flag| BITS.iter().position(|known| *known == flag)) {
                Some(bit) => system |= 1 << bit,
                None => {
                    let start = cx.frame.len() - input.len() + usize::from(input.first() == Some(&b'"'));
                    keywords.push(Span::new(start, name.len(), false));
                }
            }
            Ok((rest, ()))
        })?;
        // A frame has fewer than 2³¹ bytes, and so fewer flags.
        let (first, keywords) = (first as u32, (self.fetch.keywords.len() - first) as u32);
        self.fetch.nodes.push(Node::Flags { system, first, keywords });
        Ok((rest, ()))
    }

    /// `"BODY" section ["<" number ">"] SP nstring`, from the bracket on.
    fn body<'a>(&mut self, input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, ()> {
        let mut rest = &input[1..];
        // Header field names may be strings, and a string may hold a bracket.
        loop {
            match rest.first() {
                Some(b']') => break,
                Some(b'"' | b'{') => rest = string(rest, cx)?.0,
                Some(b'\r' | b'\n') | None => return fail(rest, "\"]\""),
                Some(_) => rest = &rest[1..],
            }
        }
        let section = cx.span(&input[1..], input.len() - 1 - rest.len());
        rest = &rest[1..];
        let mut origin = None;
        if let Some(range) = rest.strip_prefix(b"<") {
            let (behind, offset) = crate::imap::terminals::number(range)?;
            // Some servers repeat the length that was asked for.
            let behind = match behind.strip_prefix(b".") {
                Some(len) => {
                    cx.quirk(behind, QuirkKind::TrailingBytes)?;
                    number64(len)?.0
                }
                None => behind,
            };
            (rest, ()) = byte(b'>', "\">\"")(behind)?;
            origin = Some(offset);
        }
        self.content(section, origin, rest, cx)
    }

    fn content<'a>(
        &mut self,
        section: Span,
        origin: Option<u32>,
        input: &'a [u8],
        cx: &mut Context<'a>,
    ) -> Parsing<'a, ()> {
        let rest = match input.first() {
            Some(b'{' | b'"') => {
                cx.quirk(input, QuirkKind::MissingSpace)?;
                input
            }
            _ => spaces(input, cx)?.0,
        };
        if let Some(len) = self.streams(rest) {
            self.fetch.streamed = Some(StreamedNode { section: Some((section, origin)), len });
            return Ok((&[], ()));
        }
        let (rest, data) = nstring(rest, cx)?;
        self.fetch.nodes.push(Node::Body { section, origin, data });
        Ok((rest, ()))
    }

    fn unknown<'a>(&mut self, input: &'a [u8], name: usize, cx: &Context<'a>) -> Parsing<'a, ()> {
        // A name may go on in brackets, as in `BINARY[1.2]` or `BINARY.SIZE[1]`.
        let value = match input[name..].first() {
            Some(b'[') => {
                let close = memchr::memchr(b']', &input[name..]).unwrap_or(0);
                &input[name + close + 1..]
            }
            _ => &input[name..],
        };
        let (value, ()) = sp(value)?;
        let name = cx.span(input, input.len() - value.len() - 1);
        let (rest, ()) = any_value(value, cx)?;
        self.fetch.nodes.push(Node::Unknown { name, raw: cx.span(value, value.len() - rest.len()) });
        Ok((rest, ()))
    }

    /// The streamed literal's length, if this is its announcement, which the segment ends with.
    fn streams(&self, input: &[u8]) -> Option<u64> {
        let len = self.streamed?;
        let announcement = input.strip_prefix(b"~").unwrap_or(input);
        (announcement.first() == Some(&b'{') && memchr::memchr(b'\n', input) == Some(input.len() - 1))
            .then_some(len)
    }

    /// Notes an item that can't be read, and finds where the next one begins.
    fn salvage<'a>(&mut self, item: &'a [u8], error: &Err<Fail<'a>>, cx: &Context<'a>) -> &'a [u8] {
        let (at, expected) = match error {
            Err::Error(fail) | Err::Failure(fail) => (fail.at, fail.expected),
            Err::Incomplete(_) => (&item[item.len()..], "more"),
        };
        let rest = skip_item(item, cx);
        self.invalid(item, rest, expected, at, cx);
        if at_end(rest) || rest.is_empty() {
            // The announcement of a streamed literal stood in what couldn't be read.
            self.fetch.streamed = self.streamed.map(|len| StreamedNode { section: None, len });
        }
        rest
    }

    fn invalid(&mut self, item: &[u8], rest: &[u8], expected: &'static str, at: &[u8], cx: &Context<'_>) {
        let raw = cx.span(item, item.len() - rest.len());
        // A frame has fewer than 2³¹ bytes.
        self.fetch.nodes.push(Node::Invalid { raw, at: cx.offset(at) as u32, expected });
    }
}

/// A number ends where its item does.
fn value_ends(input: &[u8]) -> Parsing<'_, ()> {
    match input.first() {
        None | Some(b' ' | b')' | b'\r' | b'\n' | b'\t') => Ok((input, ())),
        Some(_) => fail(input, "the end of a number"),
    }
}

/// What follows an item that can't be read: its name and one value are skipped, quotes and literals known; if that
/// finds no end, nothing of the response is left.
fn skip_item<'a>(item: &'a [u8], cx: &Context<'a>) -> &'a [u8] {
    let name = item.iter().position(|byte| matches!(byte, b' ' | b')' | b'\r' | b'\n')).unwrap_or(item.len());
    let value = &item[name..];
    let value = value.trim_ascii_start();
    let found = match nil(value) {
        Some(rest) => Some(rest),
        None => any_value(value, cx).ok().map(|(rest, ())| rest),
    };
    match found {
        Some(rest) if matches!(rest.first(), Some(b' ' | b')')) => rest,
        _ => &item[item.len()..],
    }
}
