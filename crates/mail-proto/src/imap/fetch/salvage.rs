//! What is done with an item that can't be read: it is told as it stands, and the next one is found.
//!
//! The skip knows quotes and literals. Only where that finds no end does it ignore quotes, since an unescaped quote is
//! what breaks most items. Looking at bytes again is counted, so that a message made of such items takes no longer
//! than its length allows.

use nom::Err;

use super::{Node, StreamedNode, parse::Message};
use crate::imap::terminals::{Context, Fail, Parsing, at_end, fail, literal, quoted};

/// How often the items of a message may make bytes be looked at again. Behind that everything is one invalid item.
const MOST_REREAD: u32 = 8;

/// What is said of an item in which a streamed literal lies.
const TOO_LARGE: &str = "a literal small enough to be kept";

/// Where a value ends.
enum Skipped<'a> {
    /// Before this.
    To(&'a [u8]),
    /// In the streamed literal behind the segment, so many lists deep.
    Streamed(u32),
}

impl Message<'_> {
    /// Notes an item that can't be read, and finds where the next one begins.
    #[cold]
    pub(super) fn salvage<'a>(
        &mut self,
        item: &'a [u8],
        error: &Err<Fail<'a>>,
        cx: &Context<'a>,
    ) -> &'a [u8] {
        let (at, expected) = match error {
            Err::Error(fail) | Err::Failure(fail) => (fail.at, fail.expected),
            Err::Incomplete(_) => (&item[item.len()..], "more"),
        };
        let value = value_of(item, cx);
        let (rest, plain) = match self.skip(value, 0, cx) {
            Some(Skipped::To(rest)) => {
                let value = &value[..value.len() - rest.len()];
                (rest, !value.iter().any(|byte| matches!(byte, b'"' | b'{' | b'(')))
            }
            Some(Skipped::Streamed(depth)) => {
                self.stream_within(item, depth, cx);
                return &[];
            }
            None => {
                self.stream_lost(item, cx);
                (&item[item.len()..], false)
            }
        };
        if rest.len() > at.len() {
            self.reread += 1;
        }
        self.invalid(item, rest, expected, at, cx);
        if !plain {
            self.doubt();
        }
        rest
    }

    /// The rest of an item in which a streamed literal lay, `open` being how deep and one more.
    pub(super) fn skip_open<'a>(&mut self, input: &'a [u8], open: u32, cx: &Context<'a>) -> &'a [u8] {
        self.doubt();
        match self.skip(input, open - 1, cx) {
            Some(Skipped::To(rest)) => rest,
            Some(Skipped::Streamed(depth)) => {
                self.stream_within(&input[..0], depth, cx);
                &[]
            }
            None => {
                self.stream_lost(&input[..0], cx);
                self.invalid(input, &[], "the end of an item", input, cx);
                &input[input.len()..]
            }
        }
    }

    /// An item that isn't known, or one that is known to hold nothing readable: kept as it stands.
    pub(super) fn unknown<'a>(&mut self, input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, ()> {
        let value = value_of(input, cx);
        let name = input[..input.len() - value.len()].trim_ascii_end().len();
        if name + value.len() == input.len() {
            return fail(value, "a space");
        }
        let name = cx.span(input, name);
        if let Some(len) = self.streams(value) {
            self.streamed = Some(StreamedNode { name, origin: None, len });
            return Ok((&[], ()));
        }
        match skip_value(value, 0, true, false, cx) {
            Some(Skipped::To(rest)) if rest.len() < value.len() => {
                let raw = cx.span(value, value.len() - rest.len());
                self.nodes.push(Node::Unknown { name, raw });
                Ok((rest, ()))
            }
            _ => fail(value, "a value"),
        }
    }

    /// What follows the value, or the rest of one that is `depth` lists deep.
    fn skip<'a>(&mut self, value: &'a [u8], depth: u32, cx: &Context<'a>) -> Option<Skipped<'a>> {
        let streams = self.announced.is_some();
        if self.reread >= MOST_REREAD {
            return None;
        }
        skip_value(value, depth, true, streams, cx).or_else(|| {
            self.reread += 1;
            skip_value(value, depth, false, streams, cx)
        })
    }

    /// The segment ends in an item that can't be read, `depth` lists deep in it.
    fn stream_within<'a>(&mut self, item: &'a [u8], depth: u32, cx: &Context<'a>) {
        let Some(len) = self.announced else { return };
        if !item.is_empty() {
            self.invalid(item, &[], TOO_LARGE, &[], cx);
            self.doubt();
        }
        let name = cx.span(item, name_len(item));
        self.streamed = Some(StreamedNode { name, origin: None, len });
        self.open = depth + 1;
    }

    /// The announcement of a streamed literal stood in what couldn't be read.
    fn stream_lost(&mut self, item: &[u8], cx: &Context<'_>) {
        let Some(len) = self.announced else { return };
        let name = cx.span(item, name_len(item));
        self.streamed = Some(StreamedNode { name, origin: None, len });
        self.open = 1;
    }

    /// What follows may be forged.
    fn doubt(&mut self) {
        self.doubtful = self.doubtful.min(self.nodes.len() as u32);
    }
}

/// The length of an item's name without its section.
fn name_len(item: &[u8]) -> usize {
    item.iter()
        .position(|byte| matches!(byte, b' ' | b'[' | b'(' | b')' | b'\r' | b'\n'))
        .unwrap_or(item.len())
}

/// The value of an item, behind its name with its section and a space.
fn value_of<'a>(item: &'a [u8], cx: &Context<'a>) -> &'a [u8] {
    let mut rest = &item[name_len(item)..];
    if rest.first() == Some(&b'[') {
        // Without its bracket the section is the value.
        let mut section = rest;
        loop {
            match section.first() {
                Some(b']') => {
                    let origin = section.iter().position(|byte| matches!(byte, b' ' | b'{' | b'"' | b')'));
                    rest = &section[origin.unwrap_or(section.len())..];
                    break;
                }
                Some(b'"') => match quoted(section, cx) {
                    Ok((behind, _)) => section = behind,
                    Err(_) => break,
                },
                Some(b'{') => match literal(section, cx) {
                    Ok((behind, _)) => section = behind,
                    Err(_) => break,
                },
                Some(b'\r' | b'\n') | None => break,
                Some(_) => section = &section[1..],
            }
        }
    }
    let spaces = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &rest[spaces..]
}

/// What follows a value: a space, the parenthesis that closes the items, or the end. `None` if there is no such end.
fn skip_value<'a>(
    input: &'a [u8],
    depth: u32,
    quotes: bool,
    streams: bool,
    cx: &Context<'a>,
) -> Option<Skipped<'a>> {
    let mut depth = depth;
    let mut rest = input;
    loop {
        match rest.first() {
            Some(b'(') => {
                depth += 1;
                rest = &rest[1..];
            }
            Some(b')') if depth > 0 => {
                depth -= 1;
                rest = &rest[1..];
            }
            Some(b' ' | b'\t' | b')') if depth == 0 => return Some(Skipped::To(rest)),
            Some(b'"') if quotes => rest = quoted(rest, cx).ok()?.0,
            Some(b'{') => match literal(rest, cx) {
                Ok((behind, _)) => rest = behind,
                Err(_) if streams && announces_at_end(rest) => return Some(Skipped::Streamed(depth)),
                Err(_) => rest = &rest[1..],
            },
            _ if at_end(rest) => return (depth == 0).then_some(Skipped::To(rest)),
            _ => {
                let plain =
                    |byte: &u8| !matches!(byte, b' ' | b'\t' | b'(' | b')' | b'"' | b'{' | b'\r' | b'\n');
                let len = rest[1..].iter().take_while(|byte| plain(byte)).count();
                rest = &rest[1 + len..];
            }
        }
    }
}

/// Whether the announcement of a literal stands here as the last of the segment.
fn announces_at_end(input: &[u8]) -> bool {
    let digits = input[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = &input[1 + digits..];
    digits > 0 && matches!(rest.strip_prefix(b"+").unwrap_or(rest), b"}\r\n" | b"}\n")
}
